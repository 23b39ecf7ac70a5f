# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Checks of outside values: what passes is kept, what does not names its field."""

from dataclasses import FrozenInstanceError, dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from warmstart_planner.checks import assert_never, finite_array, number, unchecked, unwrapped


@dataclass(frozen=True)
class Pair:
    first: float
    second: float

    def __post_init__(self):
        number('first', self.first, at_least=0.0)


def test_an_array_is_copied_as_read_only_floats():
    given = np.array([[1, 2], [3, 4]])
    kept = finite_array('field', given, (None, 2))
    given[0, 0] = 9
    assert kept.dtype == float and kept[0, 0] == 1.0
    with pytest.raises(ValueError, match='read-only'):
        kept[0, 0] = 5.0


@pytest.mark.parametrize(
    ('value', 'shape', 'said'),
    [
        ([1.0, np.nan], (2,), r'field is nan at \(1,\): expected finite'),
        ([np.inf], (None,), 'field is inf'),
        ([1.0], (2,), r'field has shape \(1,\): expected \(2\)'),
        ([], (1,), r'field has shape \(0,\)'),
        ([[1.0]], (None,), r'field has shape \(1, 1\): expected \(any\)'),
        (['left'], (1,), 'field is .*: expected numbers'),
        ([[1.0], [1.0, 2.0]], (None, None), 'field is .*: expected numbers'),
        (None, (1,), 'field has shape'),
    ],
)
def test_a_bad_array_is_refused_by_name(value, shape, said):
    with pytest.raises(ValueError, match=said):
        finite_array('field', value, shape)


@given(
    st.lists(st.floats(-3.0, 3.0), min_size=1, max_size=20),
    st.floats(-np.pi, np.pi),
    st.sampled_from([np.pi, 0.0]),
)
def test_an_angle_in_one_turn_is_unwrapped_wherever_that_begins(steps, first, offset):
    whole = first + np.cumsum([0.0, *steps])
    given_in_one_turn = (whole + offset) % (2 * np.pi) - offset
    rows = finite_array('field', np.stack([whole, given_in_one_turn], axis=-1), (None, 2))
    kept = unwrapped(rows, 1)
    np.testing.assert_allclose(kept[:, 1] - kept[0, 1], whole - whole[0], atol=1e-9)
    np.testing.assert_array_equal(kept[:, 0], whole)
    assert not kept.flags.writeable


def test_an_angle_that_does_not_jump_is_kept_as_it_is():
    rows = finite_array('field', [[100.0], [103.0], [100.0]], (None, 1))
    assert unwrapped(rows, 0) is rows


@pytest.mark.parametrize('absurd', [-1e30, 40.0, -13.0])
def test_a_jump_by_more_than_a_turn_is_not_explained_away(absurd):
    rows = finite_array('field', [[0.1], [absurd], [0.1]], (None, 1))
    assert unwrapped(rows, 0)[1, 0] == absurd


def test_a_number_within_its_range_is_kept():
    assert number('field', np.float32(2.0), at_least=2.0, at_most=2.0) == 2.0


@pytest.mark.parametrize('value', [np.nan, np.inf, -np.inf, 0.99, 2.01, 'fast', None, [1.0, 1.0]])
def test_a_bad_number_is_refused_by_name(value):
    with pytest.raises(ValueError, match='field is .*: expected a number'):
        number('field', value, at_least=1.0, at_most=2.0)


def test_a_kind_that_a_switch_does_not_know_is_no_other_kind():
    with pytest.raises(AssertionError, match="'a dragon' is of a kind that this does not know"):
        assert_never('a dragon')


def test_what_is_known_to_be_good_is_a_value_like_any_other():
    made = unchecked(Pair, first=1.0, second=2.0)
    assert made == Pair(1.0, 2.0)
    with pytest.raises(FrozenInstanceError):
        made.first = 3.0
    assert unchecked(Pair, first=-1.0, second=0.0).first == -1.0
    with pytest.raises(ValueError, match='first'):
        Pair(-1.0, 0.0)
