# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The whole verdict: symmetries of the world, the constraint-to-go, whatever is proposed."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from warmstart_planner.obstacles import box
from warmstart_planner.vehicle import PX, load_vehicle
from warmstart_planner.verification import verify

CAR = load_vehicle()
START = np.array([20.0, 0.0, 0.0, 10.0, 0.0])  # where cars start unless told otherwise
MIRROR = np.array([1.0, -1.0, -1.0, 1.0, -1.0])


def values(verdict):
    numbers = [getattr(verdict, n) for n in verdict.__dataclass_fields__]
    return np.concatenate([np.atleast_1d(np.asarray(v, dtype=float)) for v in numbers])


def test_a_free_road_has_no_violation(problem_of, driven):
    verdict = verify(problem_of(), driven())
    assert verdict.feasible
    assert verdict.violation == 0.0
    assert verdict.clearance == np.inf
    np.testing.assert_array_equal(verdict.constraint_to_go, np.zeros(41))


# --- symmetries ---


def moved_road(road, dx, dy, turn):
    cos, sin = np.cos(turn), np.sin(turn)
    return replace(
        road,
        x=cos * road.x - sin * road.y + dx,
        y=sin * road.x + cos * road.y + dy,
        heading=road.heading + turn,
    )


def moved_poses(poses, dx, dy, turn):
    poses = np.array(poses, dtype=float)
    cos, sin = np.cos(turn), np.sin(turn)
    x, y = poses[..., 0].copy(), poses[..., 1].copy()
    poses[..., 0], poses[..., 1] = cos * x - sin * y + dx, sin * x + cos * y + dy
    poses[..., 2] += turn
    return poses


@settings(max_examples=30)
@given(st.integers(0, 10_000), st.floats(-500, 500), st.floats(-500, 500), st.floats(-7, 7))
def test_the_verdict_does_not_depend_on_where_the_world_lies(random_case, seed, dx, dy, turn):
    problem, trajectory = random_case(seed)
    world = (dx, dy, turn)
    elsewhere = replace(
        problem,
        road=moved_road(problem.road, *world),
        initial_state=moved_poses(problem.initial_state, *world),
        obstacles=tuple(replace(o, poses=moved_poses(o.poses, *world)) for o in problem.obstacles),
    )
    there = replace(trajectory, states=moved_poses(trajectory.states, *world))
    np.testing.assert_allclose(
        values(verify(elsewhere, there)), values(verify(problem, trajectory)), atol=1e-6
    )


@settings(max_examples=30)
@given(st.integers(0, 10_000))
def test_a_mirrored_world_has_the_same_verdict(random_case, seed):
    problem, trajectory = random_case(seed)
    road = problem.road
    mirrored = replace(
        problem,
        road=replace(
            road,
            y=-road.y,
            heading=-road.heading,
            curvature=-road.curvature,
            left_width=road.right_width,
            right_width=road.left_width,
        ),
        initial_state=problem.initial_state * MIRROR,
        obstacles=tuple(replace(o, poses=o.poses * MIRROR[:3]) for o in problem.obstacles),
    )
    there = replace(
        trajectory, states=trajectory.states * MIRROR, controls=trajectory.controls * [1, -1]
    )
    np.testing.assert_allclose(
        values(verify(mirrored, there)), values(verify(problem, trajectory)), atol=1e-6
    )


# --- constraint-to-go and robustness ---


def test_the_constraint_to_go_falls_to_zero_after_the_last_violation(problem_of, driven):
    wall = box('wall', np.array([40.0, 0.0, 0.0]), 1.0, 1.8)
    to_go = verify(problem_of(obstacles=[wall]), driven()).constraint_to_go
    assert (np.diff(to_go) <= 0.0).all()
    first = int(np.argmax(np.diff(to_go) < 0.0))
    front = START[PX] + first + CAR.front_reach
    assert front == pytest.approx(39.5, abs=1.0)
    assert to_go[0] > 1.0 and to_go[-1] == 0.0


@settings(max_examples=40)
@given(st.integers(0, 10_000), st.sampled_from([1.0, 30.0, 1e4, 1e9, 1e300]))
def test_whatever_is_proposed_is_judged(random_case, seed, size):
    problem, trajectory = random_case(seed)
    noise = np.random.default_rng(seed).normal(size=trajectory.states.shape) * size
    verdict = verify(problem, replace(trajectory, states=trajectory.states + noise))
    assert not verdict.feasible
    assert verdict.violation > 0.0
    assert not np.isnan(values(verdict)).any()


@settings(max_examples=40)
@given(st.integers(0, 10_000))
def test_feasible_is_no_violation_and_nothing_to_go(random_case, seed):
    verdict = verify(*random_case(seed))
    assert verdict.feasible == (verdict.violation == 0.0) == (verdict.constraint_to_go[0] == 0.0)
    groups = ('collision', 'road', 'direction', 'limits', 'friction', 'dynamics', 'terminal')
    largest = max(getattr(verdict, name) for name in groups)
    assert verdict.violation in (0.0, largest)


@pytest.mark.parametrize(
    ('change', 'said'),
    [
        ({'dt': 0.2}, 'trajectory.dt is 0.2: expected 0.1'),
        ({'stamp': 1.0}, 'trajectory.stamp is 1.0: expected 0.0'),
        ({'states': START[None], 'controls': np.zeros((0, 2))}, 'trajectory.states has 1 node'),
    ],
)
def test_a_trajectory_on_another_grid_is_refused(problem_of, driven, change, said):
    with pytest.raises(ValueError, match=said):
        verify(problem_of(), replace(driven(), **change))


def test_nan_never_reaches_the_judge(problem_of, driven):
    trajectory = driven()
    states = trajectory.states.copy()
    states[3, PX] = np.nan
    with pytest.raises(ValueError, match='trajectory.states is nan'):
        verify(problem_of(), replace(trajectory, states=states))
