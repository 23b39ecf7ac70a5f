# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Driving the way that the road leads, from its beginning on, and how fast."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from warmstart_planner.road import road_from_segments
from warmstart_planner.vehicle import SPEED, YAW, load_vehicle
from warmstart_planner.verification import DEFAULT_TOLERANCES, verify

CAR = load_vehicle()
WIDE = road_from_segments([(300.0, 0.0, 0.0)], 30.0, 30.0, 10.0)
MIRROR = np.array([1.0, -1.0, -1.0, 1.0, -1.0])


def start_of(yaw, speed=5.0, station=150.0, offset=0.0):
    return np.array([station, offset, yaw, speed, 0.0])


@given(st.floats(-np.pi, np.pi), st.integers(-3, 3))
def test_moving_against_the_road_is_a_violation_of_the_angle_beyond_crosswise(
    problem_of, driven, turn, turns
):
    start = start_of(turn + 2 * np.pi * turns)
    verdict = verify(problem_of(WIDE, start=start), driven(start))
    assert verdict.direction == pytest.approx(max(abs(turn) - np.pi / 2, 0.0), abs=1e-6)
    if abs(turn) > np.pi / 2 + 1e-6:
        assert not verdict.feasible
        assert verdict.violation >= verdict.direction > 0.0
        np.testing.assert_allclose(np.diff(verdict.constraint_to_go) <= 0.0, True)
    elif abs(turn) < np.pi / 2 - 1e-6:
        assert verdict.feasible


@given(st.floats(-np.pi, np.pi))
def test_the_angle_is_the_same_to_both_sides_and_on_any_road(problem_of, driven, turn):
    bend = road_from_segments([(200.0, 0.02, 0.02)], 12.0, 12.0, 10.0, (5.0, -7.0, 2.0))
    start = np.array([*bend.poses(100.0) + [0.0, 0.0, turn], 2.0, 0.0])
    mirrored = replace(bend, y=-bend.y, heading=-bend.heading, curvature=-bend.curvature)
    here = verify(problem_of(bend, start=start, steps=10), driven(start, steps=10))
    other = start * MIRROR
    there = verify(problem_of(mirrored, start=other, steps=10), driven(other, steps=10))
    assert there.direction == pytest.approx(here.direction, abs=1e-9)


@pytest.mark.parametrize('speed', [0.0, DEFAULT_TOLERANCES.standing])
def test_a_car_that_stands_may_face_any_way(problem_of, driven, speed):
    start = start_of(3.0, speed)
    verdict = verify(problem_of(WIDE, start=start), driven(start))
    assert verdict.direction == 0.0 and verdict.feasible


def test_only_the_steps_at_which_it_moves_count(problem_of, driven):
    start = start_of(3.0, 2.0)
    controls = np.tile([-4.0, 0.0], (40, 1))
    trajectory = driven(start, controls)
    moving = trajectory.states[:, SPEED] > DEFAULT_TOLERANCES.standing
    to_go = verify(problem_of(WIDE, start=start), trajectory).constraint_to_go
    assert (to_go[moving] > 0.0).all() and (to_go[~moving] == 0.0).all()


def test_a_car_that_turns_round_is_seen_as_soon_as_it_is_crosswise(problem_of, driven):
    start = start_of(0.0, 5.0)
    start[4] = 0.4
    trajectory = driven(start)
    verdict = verify(problem_of(WIDE, start=start), trajectory)
    most = trajectory.states[:, YAW].max()
    assert most > np.pi / 2
    assert verdict.direction == pytest.approx(min(most - np.pi / 2, np.pi / 2), abs=0.05)


@given(st.floats(0.0, 12.0))
def test_while_it_moves_the_centre_is_not_before_the_roads_beginning(problem_of, driven, before):
    start = start_of(0.0, 5.0, -before - CAR.rear_to_center)
    verdict = verify(problem_of(WIDE, start=start), driven(start))
    assert verdict.road == pytest.approx(before, abs=1e-6)
    standing = start * [1, 1, 1, 0, 1]
    assert verify(problem_of(WIDE, start=standing), driven(standing)).road == 0.0


@pytest.mark.parametrize(('speed', 'over'), [(8.0, 0.0), (10.0, 0.0), (13.0, 3.0)])
def test_speed_beyond_the_limit_is_reported_and_no_violation(problem_of, driven, speed, over):
    start = start_of(0.0, speed, 20.0)
    verdict = verify(problem_of(WIDE, start=start), driven(start))
    assert verdict.speeding == pytest.approx(over)
    assert verdict.feasible


def test_the_limit_is_that_of_the_place(problem_of, driven):
    limited = replace(WIDE, speed_limit=np.where(WIDE.station < 100.0, 12.0, 7.0))
    start = start_of(0.0, 10.0, 20.0)
    assert verify(problem_of(limited, start=start), driven(start)).speeding == 0.0
    later = start_of(0.0, 10.0, 120.0)
    assert verify(problem_of(limited, start=later), driven(later)).speeding == pytest.approx(3.0)
