# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Collisions and clearance against hand-made cases and brute force, between the nodes too."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from warmstart_planner.obstacles import Obstacle, box, disc
from warmstart_planner.vehicle import PX, YAW, load_vehicle
from warmstart_planner.verification import box_distance, verify

CAR = load_vehicle()
START = np.array([20.0, 0.0, 0.0, 10.0, 0.0])  # where cars start unless told otherwise


def test_clearance_beside_a_parked_car_is_the_gap_between_the_sides(problem_of, driven):
    parked = box('parked', np.array([40.0, 3.0, 0.0]), 4.0, 1.8)
    verdict = verify(problem_of(obstacles=[parked]), driven())
    assert verdict.feasible
    assert verdict.clearance == pytest.approx(3.0 - 0.9 - CAR.width / 2, abs=1e-9)


def test_a_thin_plate_that_flies_through_between_two_nodes_is_seen(problem_of, driven):
    # at both nodes about t = 1.05 s the plate is 0.6 m clear of the car, on either side
    times = np.arange(41) * 0.1
    speed = (CAR.width + 1.2 + 0.02) / 0.1
    center = START[PX] + 10.0 * times + CAR.rear_to_center
    poses = np.stack([center, speed * (times - 1.05), np.zeros(41)], axis=1)
    plate = box('plate', poses, 1.0, 0.02)
    at_nodes = np.abs(poses[:, 1]).min() - CAR.width / 2 - 0.01
    assert at_nodes > 0.5
    verdict = verify(problem_of(obstacles=[plate]), driven())
    assert not verdict.feasible and verdict.collision > 0.3
    assert verdict.constraint_to_go[10] > 0.0 and verdict.constraint_to_go[11] == 0.0


def test_a_corner_clipped_between_two_samples_is_seen(problem_of, driven):
    # a disc crosses the car's way so that only its edge meets the front corner, and only for
    # about 4 ms, half way between two of the judge's samples
    times = np.arange(41) * 0.1
    half = np.array([CAR.length, CAR.width]) / 2
    radius, rate, depth = 0.1, 20.0, 0.001
    across = np.array([1.0, -1.0]) / np.sqrt(2)
    outward = np.array([1.0, 1.0]) / np.sqrt(2)
    center = np.stack([START[PX] + 10.0 * times + CAR.rear_to_center, np.zeros(41)], axis=1)
    path = half + outward * (radius - depth) + across * (rate * (times - 1.05))[:, None]
    poses = np.concatenate([center + path, np.zeros((41, 1))], axis=1)
    verdict = verify(problem_of(obstacles=[disc('stone', poses, radius)]), driven())
    assert verdict.collision == pytest.approx(depth, abs=2e-4)
    assert not verdict.feasible


@given(st.floats(-0.4, 0.4))
def test_touching_is_the_limit_and_any_overlap_is_too_much(problem_of, driven, gap):
    y = CAR.width / 2 + 0.9 + gap
    parked = box('parked', np.array([40.0, y, 0.0]), 4.0, 1.8)
    verdict = verify(problem_of(obstacles=[parked]), driven())
    assert verdict.clearance == pytest.approx(gap, abs=1e-9)
    assert verdict.feasible == (verdict.clearance >= 0.0)
    assert verdict.collision == max(-verdict.clearance, 0.0)


def test_an_obstacle_that_has_left_does_no_harm(problem_of, driven):
    times = np.arange(41) * 0.1
    ahead = np.stack([40.0 + 10.0 * times, np.zeros(41), np.zeros(41)], axis=1)
    verdict = verify(problem_of(obstacles=[box('ahead', ahead, 4.0, 1.8)]), driven())
    gap = 40.0 - 2.0 - START[PX] - CAR.rear_to_center - CAR.length / 2
    assert verdict.feasible and verdict.clearance == pytest.approx(gap, abs=1e-9)
    assert not verify(problem_of(obstacles=[box('wall', ahead[0], 4.0, 1.8)]), driven()).feasible


def test_a_predicted_yaw_turns_the_short_way(problem_of, driven):
    # half a turn of a long beam between two nodes would sweep the car
    beam = np.array([[40.0, 4.0, np.pi - 0.01], [40.0, 4.0, -np.pi + 0.01]])
    poses = np.concatenate([np.tile(beam, (20, 1)), beam[:1]])
    long_way = poses.copy()
    long_way[:, 2] = np.unwrap(poses[:, 2])
    wrapped = verify(problem_of(obstacles=[box('beam', poses, 12.0, 0.5)]), driven())
    smooth = verify(problem_of(obstacles=[box('beam', long_way, 12.0, 0.5)]), driven())
    assert wrapped.feasible
    assert wrapped.clearance == pytest.approx(smooth.clearance, abs=1e-9)


@settings(max_examples=30)
@given(st.integers(0, 10_000), st.floats(0.0, 1.0))
def test_a_larger_obstacle_never_leaves_more_room(random_case, seed, more):
    problem, trajectory = random_case(seed)
    grown = [replace(o, radius=o.radius + more) for o in problem.obstacles]
    before = verify(problem, trajectory)
    after = verify(replace(problem, obstacles=tuple(grown)), trajectory)
    assert after.clearance <= before.clearance + 1e-9
    assert after.collision >= before.collision - 1e-9
    assert (after.constraint_to_go >= before.constraint_to_go - 1e-9).all()


@settings(max_examples=20)
@given(st.integers(0, 10_000))
def test_clearance_agrees_with_a_fine_brute_force(random_case, seed):
    problem, trajectory = random_case(seed)
    verdict = verify(problem, trajectory)
    fine = 1000
    times = np.linspace(0.0, 4.0, 40 * fine // 10 + 1)
    least = np.inf
    states = np.stack(
        [np.interp(times, trajectory.times, trajectory.states[:, i]) for i in range(5)], axis=1
    )
    cos, sin = np.cos(states[:, YAW]), np.sin(states[:, YAW])
    x, y = (states[:, :2] + CAR.rear_to_center * np.stack([cos, sin], axis=1)).T
    for obstacle in problem.obstacles:
        poses = obstacle.poses_at(41)
        ox, oy, oyaw = (np.interp(times, trajectory.times, poses[:, i]) for i in range(3))
        relative = np.stack([cos * (ox - x) + sin * (oy - y), cos * (oy - y) - sin * (ox - x)])
        half = (CAR.length / 2, CAR.width / 2)
        size = (obstacle.half_length, obstacle.half_width)
        gaps = box_distance(relative, oyaw - states[:, YAW], half, size, obstacle.radius)
        least = min(least, gaps.min())
    # the brute force follows chords between nodes
    assert verdict.clearance == pytest.approx(least, abs=0.03)


def test_a_shape_that_pulses_between_two_nodes_is_seen(problem_of, driven):
    # beside the car it is 0.3 m clear at the nodes before and after the one at which it is not
    times = np.arange(41) * 0.1
    poses = np.stack([START[PX] + 10.0 * times, np.full(41, 4.0), np.zeros(41)], axis=1)
    room = 4.0 - CAR.width / 2
    sizes = np.full(41, room - 0.3)
    calm = verify(problem_of(obstacles=[Obstacle('set', poses, 2.0, sizes)]), driven())
    assert calm.feasible and calm.clearance == pytest.approx(0.3, abs=1e-6)
    sizes[20] = room + 0.1
    pulse = verify(problem_of(obstacles=[Obstacle('set', poses, 2.0, sizes)]), driven())
    assert pulse.collision == pytest.approx(0.1, abs=1e-6)
    assert pulse.constraint_to_go[19] > 0.0 and pulse.constraint_to_go[21] == 0.0


def test_a_corner_clipped_between_two_samples_by_a_growing_disc_is_seen(problem_of, driven):
    # as above, while the disc grows and its centre backs away as fast
    times = np.arange(41) * 0.1
    half = np.array([CAR.length, CAR.width]) / 2
    radius, rate, depth = 0.1 + 0.8 * times, 20.0, 0.001
    across = np.array([1.0, -1.0]) / np.sqrt(2)
    outward = np.array([1.0, 1.0]) / np.sqrt(2)
    center = np.stack([START[PX] + 10.0 * times + CAR.rear_to_center, np.zeros(41)], axis=1)
    path = half + outward * (radius - depth)[:, None] + across * (rate * (times - 1.05))[:, None]
    poses = np.concatenate([center + path, np.zeros((41, 1))], axis=1)
    verdict = verify(problem_of(obstacles=[Obstacle('set', poses, 0.0, 0.0, radius)]), driven())
    assert verdict.collision == pytest.approx(depth, abs=2e-4)
    assert not verdict.feasible


@settings(max_examples=20)
@given(st.integers(0, 10_000))
def test_clearance_from_changing_shapes_agrees_with_a_fine_brute_force(random_case, seed):
    problem, trajectory = random_case(seed)
    rng = np.random.default_rng(seed)
    obstacles = [
        Obstacle(o.name, o.poses, *rng.uniform(0.1, 2.0, (3, 41))) for o in problem.obstacles
    ]
    verdict = verify(replace(problem, obstacles=tuple(obstacles)), trajectory)
    times = np.linspace(0.0, 4.0, 4001)

    def fine(rows):
        return [np.interp(times, trajectory.times, column) for column in rows.T]

    x, y, yaw = fine(trajectory.states[:, :3])
    cos, sin = np.cos(yaw), np.sin(yaw)
    x, y = x + CAR.rear_to_center * cos, y + CAR.rear_to_center * sin
    least = np.inf
    for obstacle in obstacles:
        ox, oy, oyaw = fine(obstacle.poses)
        length, width, radius = fine(obstacle.sizes_at(41))
        relative = np.stack([cos * (ox - x) + sin * (oy - y), cos * (oy - y) - sin * (ox - x)])
        half = (CAR.length / 2, CAR.width / 2)
        gaps = box_distance(relative, oyaw - yaw, half, (length, width), radius)
        least = min(least, gaps.min())
    assert verdict.clearance == pytest.approx(least, abs=0.03)
