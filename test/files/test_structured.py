# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Plain values become dataclasses, held to what the fields' annotations say."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import Enum
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from warmstart_planner.files.structured import structured


class Gear(Enum):
    PARK = 'park'
    DRIVE = 'drive'


@dataclass(frozen=True)
class Part:
    seconds: tuple[float, ...]
    best: float = math.inf

    def __post_init__(self):
        if self.best < 0.0:
            raise ValueError(f'best is {self.best}: expected no debt')


@dataclass(frozen=True)
class Whole:
    name: str
    count: int = 1
    ready: bool = False
    gear: Gear = Gear.PARK
    place: tuple[float, float] = (0.0, 0.0)
    parts: Mapping[str, Part] = field(default_factory=dict)
    worst: Part | None = None
    free: Any = None
    twice: int = field(init=False, default=2)


@dataclass(frozen=True)
class Holder:
    numbers: NDArray[np.float64]


def test_what_plain_values_say_comes_back_as_it_was():
    given = Whole('a', 3, True, Gear.DRIVE, (1.0, 2.0), {'x': Part((0.1, 0.2), 5.0)}, Part(()))
    plain = asdict(given) | {'gear': 'drive'}
    del plain['twice']
    assert structured(Whole, plain) == given


def test_what_is_left_out_keeps_its_default():
    assert structured(Whole, {'name': 'a'}) == Whole('a')


def test_what_has_to_be_complete_leaves_out_nothing():
    with pytest.raises(ValueError, match='best is missing: expected a value'):
        structured(Part, {'seconds': []}, complete=True)
    content = {'name': 'a', 'count': 1, 'ready': True, 'gear': 'park', 'place': [0, 0], 'free': 0}
    with pytest.raises(ValueError, match=r'parts\.x\.best is missing'):
        structured(
            Whole, content | {'worst': None, 'parts': {'x': {'seconds': []}}}, complete=True
        )


def test_whole_numbers_stand_for_floats():
    part = structured(Part, {'seconds': [1, 2], 'best': 3})
    assert [type(each) for each in (*part.seconds, part.best)] == [float] * 3


def test_arrays_are_of_floats():
    found = structured(Holder, {'numbers': [[1, 2], [3, 4]]}).numbers
    assert (found.dtype, found.shape) == (np.float64, (2, 2))


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'name': 3}, 'at.name is 3: expected a text'),
        ({'count': 1.5}, 'at.count is 1.5: expected a whole number'),
        ({'count': True}, 'at.count is True: expected a whole number'),
        ({'ready': 1}, 'at.ready is 1: expected true or false'),
        ({'gear': 'fly'}, "at.gear is 'fly': expected one of park, drive"),
        ({'gear': []}, 'at.gear is []: expected one of park, drive'),
        ({'place': 1.0}, 'at.place is 1.0: expected a list'),
        ({'place': [1.0]}, 'at.place is [1.0]: expected 2 values'),
        ({'place': [0.0, 'x']}, "at.place[1] is 'x': expected a number"),
        ({'place': [0.0, True]}, 'at.place[1] is True: expected a number'),
        ({'parts': []}, 'at.parts is []: expected a mapping'),
        ({'parts': {'x': 1}}, 'at.parts.x is 1: expected a mapping'),
        ({'parts': {'x': {}}}, 'at.parts.x.seconds is missing: expected a value'),
        ({'parts': {'x': {'seconds': [None]}}}, 'at.parts.x.seconds[0] is None: expected a num'),
        ({'worst': {'seconds': [], 'best': -1}}, 'at.worst.best is -1.0: expected no debt'),
        ({'colour': 1}, 'at.colour is unknown: expected one of name, count, ready,'),
        ({'twice': 4}, 'at.twice is unknown'),
    ],
)
def test_what_is_wrong_is_named_with_value_and_expectation(changes, message):
    with pytest.raises(ValueError) as error:
        structured(Whole, {'name': 'a'} | changes, 'at')
    assert str(error.value).startswith(message)


def test_a_field_of_no_value_is_named_from_the_root():
    with pytest.raises(ValueError, match='^the file is None: expected a mapping$'):
        structured(Whole, None)
    with pytest.raises(ValueError, match='^name is missing'):
        structured(Whole, {})
    with pytest.raises(ValueError, match="^numbers is 'x': expected an array of numbers$"):
        structured(Holder, {'numbers': 'x'})


def test_a_value_of_any_length_makes_a_short_error():
    with pytest.raises(ValueError) as error:
        structured(Whole, {'name': list(range(1000))})
    assert len(str(error.value)) < 120
