# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The corridor against hand-made cases and brute force."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from warmstart_planner.road import Road, road_from_segments
from warmstart_planner.vehicle import load_vehicle
from warmstart_planner.verification import verify

CAR = load_vehicle()
START = np.array([20.0, 0.0, 0.0, 10.0, 0.0])  # where cars start unless told otherwise


def reference_violation(problem, trajectory):
    """Brute force: every node's outline, by the road's own projection."""
    along, across = (
        np.linspace(-size / 2, size / 2, int(np.ceil(size / 0.5)) + 1)
        for size in (CAR.length, CAR.width)
    )
    inside = np.stack(np.meshgrid(along, across), axis=-1).reshape(-1, 2)
    rim = (np.abs(inside) > [CAR.length / 2 - 1e-9, CAR.width / 2 - 1e-9]).any(axis=1)
    local = inside[rim] + [CAR.rear_to_center, 0.0]
    worst = []
    for x, y, yaw, *_ in trajectory.states:
        cos, sin = np.cos(yaw), np.sin(yaw)
        points = local @ np.array([[cos, sin], [-sin, cos]]) + [x, y]
        station, offset = problem.road.project(points)
        left = offset - problem.road.at('left_width', station)
        right = -offset - problem.road.at('right_width', station)
        worst.append(max(left.max(), right.max(), 0.0))
    return np.array(worst)


def uneven_road(seed):
    generator = np.random.default_rng(seed)
    # bends alternate, so that the road does not meet itself
    curvature = generator.uniform(0.02, 0.08, 5) * [1, -1, 1, -1, 1]
    segments = [(30.0, a, b) for a, b in zip(curvature[:-1], curvature[1:], strict=True)]
    stations = np.arange(0.0, 121.0, generator.uniform(2.0, 8.0))
    widths = [np.stack([stations, generator.uniform(0.9, 3.0, len(stations))], 1) for _ in '12']
    return road_from_segments(segments, *widths, 20.0, start_pose=(3.0, -8.0, 1.0))


@settings(max_examples=40)
@given(st.integers(0, 10_000))
def test_a_car_that_stands_anywhere_is_measured_as_by_brute_force(problem_of, driven, seed):
    road = uneven_road(seed)
    generator = np.random.default_rng(seed)
    for _ in range(15):
        at = road.poses(generator.uniform(5, 110), generator.uniform(-2.5, 2.5))
        start = np.array([*at, 0.0, 0.0]) + [0.0, 0.0, generator.uniform(-0.4, 0.4), 0.0, 0.0]
        problem, trajectory = problem_of(road, start=start, steps=1), driven(start, steps=1)
        expected = reference_violation(problem, trajectory).max()
        # inside a corner of the polyline two places are a foot, a few centimetres apart, and the
        # widths here change by up to a metre a metre; far outside, the outline is not measured
        allowed = 0.03 if expected < CAR.length / 2 else 0.1
        assert verify(problem, trajectory).road == pytest.approx(expected, abs=allowed)


@settings(max_examples=60)
@given(st.integers(0, 10_000))
def test_leaving_the_corridor_is_measured_as_by_brute_force(random_case, seed):
    problem, trajectory = random_case(seed, uneven_road(seed))
    problem = replace(problem, obstacles=())
    expected = reference_violation(problem, trajectory)
    if expected.max() > CAR.length / 2:
        return
    found = verify(problem, trajectory)
    # between nodes the car may be further out, and half a metre lies between outline points
    assert found.road >= expected.max() - 0.05
    assert found.road <= expected.max() + 0.35
    if expected.max() > 0.1:
        assert not found.feasible


@given(st.floats(-3.5, 3.5))
def test_the_corridor_holds_for_the_sides_of_the_car(problem_of, driven, offset):
    start = START + [0.0, offset, 0.0, 0.0, 0.0]
    verdict = verify(problem_of(start=start), driven(start))
    assert verdict.road == pytest.approx(max(abs(offset) + CAR.width / 2 - 4.0, 0.0), abs=1e-9)


def test_the_middle_of_the_side_counts_on_the_inside_of_a_bend(problem_of, driven):
    bend = road_from_segments([(60.0, 0.1, 0.1)], 1.0, 3.0, 10.0)
    at = bend.poses(30.0)
    rear = at - [CAR.rear_to_center * np.cos(at[2]), CAR.rear_to_center * np.sin(at[2]), 0.0]
    start = np.array([*rear, 0.0, 0.0])
    inner = 0.1  # of left width less than the car needs, where its side is nearest
    tight = replace(bend, left_width=np.full(len(bend.x), CAR.width / 2 - inner))
    trajectory = driven(start, steps=5)
    assert verify(problem_of(bend, start=start, steps=5), trajectory).feasible
    verdict = verify(problem_of(tight, start=start, steps=5), trajectory)
    assert verdict.road == pytest.approx(inner, abs=0.01)


def test_the_corners_count_on_the_outside_of_a_bend(problem_of, driven):
    bend = road_from_segments([(60.0, 0.1, 0.1)], 3.0, CAR.width / 2 + 0.12, 10.0)
    at = bend.poses(30.0)
    rear = at - [CAR.rear_to_center * np.cos(at[2]), CAR.rear_to_center * np.sin(at[2]), 0.0]
    start = np.array([*rear, 0.0, 0.0])
    verdict = verify(problem_of(bend, start=start, steps=5), driven(start, steps=5))
    corner = np.hypot(10.0 + CAR.width / 2, CAR.length / 2) - 10.0
    assert verdict.road == pytest.approx(corner - CAR.width / 2 - 0.12, abs=0.01)


@pytest.mark.parametrize('offset', [-2.2, -1.0, 0.3, 1.5, 2.2])
def test_a_pinch_anywhere_along_the_car_is_seen(problem_of, driven, offset):
    for place in np.arange(60.0, 76.0, 0.5):
        at = place + offset + np.array([-1.0, -0.5, 0.5, 1.0])
        profile = list(zip(at, [3.0, 0.6, 0.6, 3.0], strict=True))
        road = road_from_segments([(200.0, 0.0, 0.0)], profile, 3.0, 10.0)
        start = np.array([place - CAR.rear_to_center, 0.0, 0.0, 0.0, 0.0])
        verdict = verify(problem_of(road, start=start, steps=1), driven(start, steps=1))
        assert verdict.road > 0.1


def test_a_narrow_place_between_two_nodes_is_seen(problem_of, driven):
    # a pinch of a metre's length, passed at 30 m/s, of which no corner is in it at any node
    station = np.concatenate([np.arange(0, 100, 1.0), [100.4, 100.5, 100.6], np.arange(101, 201)])
    left = np.where(station == 100.5, 0.5, 4.0)
    flat = np.zeros(len(station))
    road = Road(station, station, flat, flat, flat, left, flat + 4.0, flat + 20.0)
    start = np.array([80.0, 0.0, 0.0, 30.0, 0.0])
    assert not verify(problem_of(road, start=start, steps=20), driven(start, steps=20)).feasible


def test_the_front_may_not_drive_past_the_end_of_the_road(problem_of, driven):
    ending = road_from_segments([(60.0, 0.0, 0.0)], 4.0, 4.0, 20.0)
    verdict = verify(problem_of(ending), driven())
    past = 20.0 + 40.0 + CAR.front_reach - 60.0
    assert verdict.road == pytest.approx(past, abs=1e-6)
    standing = np.array([59.0, 0.0, 0.0, 0.0, 0.0])
    assert verify(problem_of(ending, start=standing), driven(standing)).feasible
