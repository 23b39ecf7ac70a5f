# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The compiled target of a region says what the one in numpy says."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from warmstart_planner.compiled_problem import library
from warmstart_planner.problem import RegionGoal
from warmstart_planner.road import road_from_segments
from warmstart_planner.targets import within_by_numpy

TOLERANCE = 1e-6  # [m, m/s]
WINDING = road_from_segments(
    [(40.0, 0.0, 0.02), (60.0, 0.02, -0.05), (200.0, -0.05, 0.0)], 3.5, 3.5, 14.0
)


def numbers(least, most):
    return st.floats(least, most, allow_nan=False)


@given(
    at=numbers(5.0, 250.0),
    long=numbers(0.0, 40.0),
    begin=numbers(-4.0, 20.0),
    lasts=numbers(0.0, 5.0),
    slowest=st.sampled_from([0.0, 3.0, 9.0]),
    span=st.sampled_from([0.0, 0.1, 4.0, 90.0]),
    speed=numbers(0.0, 20.0),
    stamp=st.sampled_from([0.0, 6.0]),
)
def test_regions_anywhere_at_any_time_and_speed(
    make_problem, at, long, begin, lasts, slowest, span, speed, stamp
):
    goal = RegionGoal(at, at + long, begin, begin + lasts, slowest, slowest + span, 0.4)
    start = (*WINDING.poses(20.0, 0.3), speed, 0.0)
    problem, other = (make_problem(start, WINDING, goal=goal, stamp=stamp) for _ in range(2))
    found, wanted = library.within(goal, problem), within_by_numpy(goal, other)
    np.testing.assert_allclose(found, wanted, 0, TOLERANCE)
    assert problem.here == pytest.approx(other.here)


@pytest.mark.usefixtures('nothing_compiled')
def test_where_nothing_is_compiled_numpy_answers(make_problem):
    goal = RegionGoal(60.0, 80.0, 3.0, 7.0)
    problem = make_problem(goal=goal)
    assert library.within(goal, problem) is None
    assert problem.target == within_by_numpy(goal, problem)
