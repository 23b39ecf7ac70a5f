# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Lanes as one number: its functions against numpy's, in all widths that the target has."""

import ctypes
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from warmstart_planner.generation import compilation
from warmstart_planner.scp import library

SOURCE = Path(__file__).with_name('numbers.cpp')
FUNCTIONS = ('sin', 'cos', 'tan', 'atan', 'exp', 'sqrt', 'one_over', 'about_one_over', 'absolute')
EXACT = {
    **{name: getattr(np, name) for name in ('sin', 'cos', 'tan', 'exp', 'sqrt', 'absolute')},
    'atan': np.arctan,
    'one_over': np.reciprocal,
    'about_one_over': np.reciprocal,
}
KINDS = {'wide': np.float32, 'doubles': np.float64, 'single': np.float64}
ULPS = 8  # units in the last place of the type


@pytest.fixture(scope='module')
def numbers(tmp_path_factory):
    """Return functions of arrays in double: `apply(kind, name, x)`, and by pairs."""
    output = tmp_path_factory.mktemp('numbers') / 'numbers.so'
    compilation.compile_library(compilation.CPP, [SOURCE], output, [f'-I{library.LANES}'])
    loaded = ctypes.CDLL(str(output))

    def apply(kind, name, *inputs):
        arrays = [np.ascontiguousarray(x, dtype=float) for x in inputs]
        result = np.empty_like(arrays[0])
        loaded.apply.argtypes = [
            ctypes.c_int,
            ctypes.c_char_p,
            ctypes.c_int,
            *[library.DOUBLES] * 3,
        ]
        done = loaded.apply(
            list(KINDS).index(kind),
            name.encode(),
            len(result),
            *(library.pointer(array) for array in (arrays[0], arrays[-1], result)),
        )
        assert done, name
        return result

    return apply


def domain(name, kind):
    """Arguments: about zero, about ends of quadrants, small, large, as the type holds them."""
    rng = np.random.default_rng(5)
    near = np.concatenate([rng.uniform(-7.0, 7.0, 4000), rng.uniform(-300.0, 300.0, 4000)])
    quarters = np.arange(-40, 41) * np.pi / 4
    values = np.concatenate([near, quarters, quarters + 1e-3, [0.0, 1e-6, -1e-6, 1.0, -1.0]])
    if name == 'exp':
        values = np.clip(values, -85.0, 85.0)
    if name in ('sqrt', 'one_over', 'about_one_over'):
        values = np.abs(values) + 1e-3
    return values.astype(KINDS[kind]).astype(float)


@pytest.mark.parametrize('name', FUNCTIONS)
@pytest.mark.parametrize('kind', KINDS)
def test_functions_are_right_to_a_few_units_in_the_last_place(numbers, kind, name):
    x = domain(name, kind)
    if name == 'tan':
        x = x[np.abs(np.cos(x)) > 0.05]
    exact = EXACT[name](x)
    epsilon = np.finfo(KINDS[kind]).eps
    error = np.abs(numbers(kind, name, x) - exact)
    # of sin and cos, the error is that of a number of size one; reduction costs |x| of it
    size = np.maximum(np.abs(exact), 1.0) if name in ('sin', 'cos', 'tan') else np.abs(exact)
    allowed = 4e-4 if name == 'about_one_over' else ULPS * epsilon
    assert (error <= allowed * np.maximum(size, epsilon)).all()


@pytest.mark.parametrize('kind', KINDS)
def test_exponentials_beyond_the_type_end_at_its_range(numbers, kind):
    low, high = numbers(kind, 'exp', [-1e4, 1e4])
    assert 0.0 <= low < 1e-30
    assert 1e30 < high < np.inf


@given(
    st.lists(st.tuples(st.floats(-1e6, 1e6, width=32), st.floats(-1e6, 1e6, width=32)), min_size=1)
)
@pytest.mark.parametrize('kind', KINDS)
def test_comparisons_choose_lane_by_lane(numbers, kind, pairs):
    a, b = np.array(pairs).T
    np.testing.assert_array_equal(numbers(kind, 'maximum', a, b), np.maximum(a, b))
    np.testing.assert_array_equal(numbers(kind, 'minimum', a, b), np.minimum(a, b))
    np.testing.assert_array_equal(numbers(kind, 'where_less', a, b), np.where(a < b, a, -b))
    np.testing.assert_array_equal(numbers(kind, 'any_less', a, b), a < b)


@pytest.mark.parametrize('kind', KINDS)
@pytest.mark.parametrize('name', ['maximum', 'minimum'])
def test_the_second_number_is_the_answer_where_one_is_none(numbers, kind, name):
    assert numbers(kind, name, [np.nan, np.nan], [1.0, -1.0]).tolist() == [1.0, -1.0]
    assert np.isnan(numbers(kind, name, [1.0, -1.0], [np.nan, np.nan])).all()
