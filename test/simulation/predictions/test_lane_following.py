# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Vehicles follow their lanes, and brake behind what is slower there."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from warmstart_planner.scenarios.lane import Lane
from warmstart_planner.simulation.predictions import (
    LaneNetwork,
    all_observed,
    constant_velocity,
    lane_following,
)
from warmstart_planner.simulation.predictions.following import STANDSTILL

STRAIGHT = ((300.0, 0.0, 0.0),)
BENT = ((40.0, 0.0, 0.04), (60.0, 0.04, -0.05), (100.0, -0.05, 0.0), (100.0, 0.0, 0.0))


@pytest.fixture
def predicted(participant, horizon):
    """Predict participants, given by their poses, in lanes at two seconds; return poses."""

    def predict(lanes, *traffic, kinds=(), sizes=()):
        made = [
            participant(
                poses,
                f'{i}',
                kinds[i] if kinds else 'car',
                sizes[i] if sizes else (2.2, 0.9, 0.0),
            )
            for i, poses in enumerate(traffic)
        ]
        found = lane_following(all_observed(made, 2.0), LaneNetwork(lanes), horizon)
        return [each.poses_at(horizon.steps + 1) for each in found]

    return predict


def along(road, station, speed, offset=0.0):
    return road.poses(station + speed * np.arange(151) * 0.1, offset)


@given(station=st.floats(1.0, 60.0), offset=st.floats(-1.9, 1.9), speed=st.floats(0.5, 20.0))
def test_on_a_bent_lane_it_stays_as_far_from_the_bounds(
    participant, horizon, road_lanes, station, offset, speed
):
    road, lanes = road_lanes(BENT)
    car = participant(along(road, station, speed, offset))
    (found,) = lane_following(all_observed([car], 2.0), LaneNetwork(lanes), horizon)
    _, offsets = road.project(found.poses[:, :2])
    np.testing.assert_allclose(offsets, offsets[0], atol=0.015)
    turns = found.poses[:, 2] - road.at('heading', road.project(found.poses[:, :2])[0])
    np.testing.assert_allclose(turns, 0.0, atol=0.03)


def test_it_keeps_its_speed_on_its_own_line(predicted, road_lanes):
    road, lanes = road_lanes(BENT)
    for offset in (-1.5, 0.0, 1.5):
        poses = along(road, 10.0, 8.0, offset)
        (found,) = predicted(lanes, poses)
        own = np.hypot(*(poses[20] - poses[18])[:2]) / 2
        np.testing.assert_allclose(np.hypot(*np.diff(found[:, :2], axis=0).T), own, rtol=1.5e-2)


def test_a_car_at_an_angle_turns_to_its_lane(predicted, road_lanes):
    road, lanes = road_lanes(STRAIGHT)
    poses = along(road, 10.0, 8.0)
    poses[:, 1:] += [0.5, 0.2]
    (found,) = predicted(lanes, poses)
    np.testing.assert_allclose(found[:, 1], 0.5, atol=1e-6)
    np.testing.assert_allclose(found[[0, 5, 10, 60], 2], [0.2, 0.1, 0.0, 0.0], atol=1e-6)


@given(
    ahead=st.floats(5.0, 60.0),
    offset=st.floats(-0.5, 0.5),
    speed=st.floats(1.0, 20.0),
    bent=st.booleans(),
)
def test_behind_what_stands_in_its_lane_it_brakes(
    participant, horizon, road_lanes, ahead, offset, speed, bent
):
    road, lanes = road_lanes(BENT if bent else STRAIGHT)
    car = along(road, 5.0, speed)
    parked = road.poses(5.0 + 2.0 * speed + ahead, offset)
    traffic = [participant(car, 'car'), participant(parked, 'parked')]
    found, _ = lane_following(all_observed(traffic, 2.0), LaneNetwork(lanes), horizon)
    stations = road.project(found.poses_at(61)[:, :2])[0]
    assert stations[-1] <= 5.0 + 2.0 * speed + max(ahead - 4.4, 0.0) + 0.3
    assert (np.diff(stations) > -1e-6).all()


def test_it_follows_a_slower_one_and_the_one_that_brakes_before_that(predicted, road_lanes):
    road, lanes = road_lanes(STRAIGHT)
    first, second, third = (along(road, s, v) for s, v in ((60.0, 4.0), (30.0, 8.0), (5.0, 12.0)))
    a, b, c = predicted(lanes, first, second, third)
    assert (a - b)[:, 0].min() > 4.4 + STANDSTILL - 0.1
    assert (b - c)[:, 0].min() > 4.4 + STANDSTILL - 0.1
    assert 0.4 < np.diff(b[-2:, 0])[0] < 0.5
    assert c[-1, 0] < c[0, 0] + 72.0 - 10.0


@pytest.mark.parametrize(
    ('obstacle', 'kind'),
    [
        ((100.0, 1.95, 0.0), 'car'),  # it leaves room beside it
        ((20.0, 0.0, 0.0), 'car'),  # behind
        ((100.0, 8.0, 0.0), 'car'),  # in no lane
    ],
)
def test_it_does_not_brake_for_what_is_not_in_its_way(predicted, road_lanes, obstacle, kind):
    road, lanes = road_lanes(STRAIGHT)
    found, _ = predicted(lanes, along(road, 40.0, 10.0, -0.2), [obstacle], kinds=('car', kind))
    assert found[-1, 0] == pytest.approx(60.0 + 60.0)


def test_it_brakes_for_what_stands_across_or_half_in_its_lane(predicted, road_lanes):
    road, lanes = road_lanes(STRAIGHT)
    for pose in ((100.0, 2.8, 1.5), (100.0, 2.4, 0.0)):
        found, _ = predicted(lanes, along(road, 40.0, 10.0, 0.7), [pose])
        assert found[-1, 0] < 100.0


def test_who_crosses_or_comes_the_other_way_is_no_leader(predicted, road_lanes, on_arc):
    road, lanes = road_lanes(STRAIGHT)
    crossing = on_arc(2.0, 0.0, (90.0, -4.0, np.pi / 2))
    oncoming = on_arc(5.0, 0.0, (120.0, 0.0, np.pi))
    found, *_ = predicted(lanes, along(road, 40.0, 10.0), crossing, oncoming)
    assert found[-1, 0] == pytest.approx(120.0)


def test_where_lanes_end_it_goes_straight_on(predicted, road_lanes):
    road, lanes = road_lanes(((60.0, 0.03, 0.03),), pieces=2)
    (found,) = predicted(lanes, along(road, 10.0, 10.0))
    end = road.poses(60.0)
    beyond = (found[:, :2] - end[:2]) @ [np.cos(end[2]), np.sin(end[2])] > 1.0
    assert beyond.sum() > 20
    np.testing.assert_allclose(found[beyond, 2], end[2], atol=0.02)
    aside = (found[beyond, :2] - end[:2]) @ [-np.sin(end[2]), np.cos(end[2])]
    np.testing.assert_allclose(aside, aside[0], atol=0.5)


def test_at_a_fork_the_straightest_lane_is_followed(predicted):
    def lane(points, successors=()):
        points = np.array(points, float)
        return Lane(points + [0.0, 2.0], points - [0.0, 2.0], successors=successors)

    straight, turning = [(50, 0), (100, 1), (200, 4)], [(50, 0), (70, 5), (90, 20), (95, 60)]
    for exits in ((straight, turning), (turning, straight)):
        lanes = (lane([(0, 0), (50, 0)], (1, 2)), *(lane(each) for each in exits))
        (found,) = predicted(lanes, np.column_stack([np.arange(151.0), *np.zeros((2, 151))]))
        assert found[-1, 1] < 4.0


def test_where_lanes_overlap_the_one_that_leads_its_way_is_followed(predicted):
    straight = Lane(np.array([[0.0, 2.0], [200.0, 2.0]]), np.array([[0.0, -2.0], [200.0, -2.0]]))
    across = Lane(np.array([[18.0, -50.0], [18.0, 50.0]]), np.array([[22.0, -50.0], [22.0, 50.0]]))
    poses = np.column_stack([10.0 + 0.5 * np.arange(151), *np.zeros((2, 151))])
    (found,) = predicted((across, straight), poses)
    np.testing.assert_allclose(found[-1], [50.0, 0.0, 0.0], atol=1e-6)


@pytest.mark.parametrize('kind', ['pedestrian', 'bicycle', 'static'])
def test_who_is_no_vehicle_goes_its_own_way(participant, horizon, road_lanes, kind):
    road, lanes = road_lanes(BENT)
    observed = all_observed([participant(along(road, 30.0, 4.0), kind=kind)], 2.0)
    (found,), (arc,) = (
        lane_following(observed, LaneNetwork(lanes), horizon),
        constant_velocity(observed, horizon),
    )
    np.testing.assert_array_equal(found.poses, arc.poses)


@pytest.mark.parametrize('case', ['none', 'pavement', 'against', 'across', 'beside'])
def test_who_follows_no_lane_keeps_speed_and_turn_rate(
    participant, horizon, road_lanes, on_arc, case
):
    _, lanes = road_lanes(STRAIGHT)
    if case == 'none':
        lanes = ()
    if case == 'pavement':
        lanes = tuple(Lane(each.left, each.right, for_cars=False) for each in lanes)
    turned = {'against': np.pi, 'across': 1.2}.get(case, 0.0)
    start = (100.0, 2.8 if case == 'beside' else 0.0, turned)
    observed = all_observed([participant(on_arc(4.0, 0.02, start))], 0.3)
    (found,), (arc,) = (
        lane_following(observed, LaneNetwork(lanes), horizon),
        constant_velocity(observed, horizon),
    )
    np.testing.assert_array_equal(found.poses, arc.poses)


def test_lanes_that_lead_in_a_circle_are_followed_once_around(predicted, road_lanes):
    circle = ((2 * np.pi * 20.0, 0.05, 0.05),)
    road, lanes = road_lanes(circle, pieces=4)
    lanes = tuple(
        Lane(each.left, each.right, successors=((i + 1) % 4,)) for i, each in enumerate(lanes)
    )
    (found,) = predicted(lanes, along(road, 5.0, 10.0))
    middle = np.array([0.0, 20.0])
    np.testing.assert_allclose(np.hypot(*(found[:, :2] - middle).T), 20.0, atol=0.05)
