# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""SCP as a black box: where the world is, how it is turned or mirrored does not matter."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from warmstart_planner.problem import KeepSpeed
from warmstart_planner.road import road_from_segments
from warmstart_planner.verification import verify

NAMES = ('free', 'parked', 'winding', 'pedestrian', 'stop', 'pose')


@pytest.mark.parametrize('name', NAMES[:4])
def test_the_mirrored_problem_has_the_mirrored_solution(
    problems, solve, mirror_problem, mirror_trajectory, name
):
    here = solve(problems[name])
    there = solve(mirror_problem(problems[name]))
    expected = mirror_trajectory(here.trajectory)
    assert there.iterations == here.iterations
    np.testing.assert_allclose(there.trajectory.states, expected.states, atol=1e-4)


@given(
    st.sampled_from(NAMES),
    st.floats(-500.0, 500.0),
    st.floats(-500.0, 500.0),
    st.floats(-math.pi, math.pi),
    st.integers(-3, 3),
)
@settings(max_examples=20)
def test_the_solution_moves_with_the_world(
    problems, solve, move_problem, move_trajectory, name, x, y, yaw, turns
):
    yaw = yaw + 2 * math.pi * turns
    here = solve(problems[name])
    there = solve(move_problem(problems[name], x, y, yaw))
    expected = move_trajectory(here.trajectory, x, y, yaw)
    # rounding may move the last step over a tolerance, not more
    assert abs(there.iterations - here.iterations) <= 1
    assert there.score.cost == pytest.approx(here.score.cost, rel=1e-3)
    np.testing.assert_allclose(there.trajectory.states, expected.states, atol=0.01)


@pytest.mark.parametrize('turns', [-1, 2])
def test_a_start_whose_yaw_counts_other_turns_is_the_same_start(
    problems, solve, straight_line, turns
):
    problem = problems['winding']
    start = straight_line(problem)
    turned = replace(start, states=start.states + [0, 0, 2 * np.pi * turns, 0, 0])
    np.testing.assert_allclose(
        solve(problem, turned).trajectory.states, solve(problem, start).trajectory.states
    )


def test_nothing_happens_where_yaw_passes_pi(make_problem, solve):
    """A road that turns left through heading pi; the start is measured just below it."""
    road = road_from_segments([(120.0, 0.03, 0.03)], 3.5, 3.5, 12.0, (0.0, 0.0, math.pi - 0.75))
    pose = road.poses(20.0)
    problem = make_problem((*pose, 6.0, 0.0), road, goal=KeepSpeed(6.0))
    result = solve(problem)
    yaw = result.trajectory.states[:, 2]
    assert yaw[0] < math.pi < yaw[-1]
    assert np.abs(np.diff(yaw)).max() < 0.1
    assert verify(problem, result.trajectory).feasible
