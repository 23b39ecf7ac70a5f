# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""What all ways to predict have in common."""

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from warmstart_planner.simulation.predictions import PREDICTIONS, LaneNetwork

WITHOUT_FUTURE = [name for name in PREDICTIONS if name != 'ground_truth']
STRAIGHT = ((400.0, 0.0, 0.0),)
BENT = ((60.0, 0.0, 0.03), (100.0, 0.03, 0.0), (240.0, 0.0, 0.0))


@pytest.fixture(params=PREDICTIONS)
def predict(request):
    return PREDICTIONS[request.param]


@given(st.floats(0.2, 25.0), st.floats(-2.5, 2.5), st.integers(2, 80))
def test_all_agree_on_a_constant_velocity(
    participant, on_arc, road_lanes, horizon, speed, offset, instant
):
    """In its lane, beside it, and without any lane."""
    other = participant(on_arc(speed, 0.0, (5.0, offset, 0.0)))
    network = LaneNetwork(road_lanes(STRAIGHT)[1])
    for each in PREDICTIONS.values():
        for lanes in (network, LaneNetwork(())):
            (found,) = each([other], lanes, 0.1 * instant, horizon)
            there = other.poses_over(0.1 * instant + horizon.times)
            np.testing.assert_allclose(found.poses_at(61), there, atol=1e-6)


@pytest.mark.parametrize('name', WITHOUT_FUTURE)
@given(st.integers(0, 150), st.integers(0, 2**32 - 1), st.floats(0.0, 15.0))
def test_the_future_makes_no_difference(
    participant, road_lanes, horizon, name, instant, seed, start_speed
):
    generator = np.random.default_rng(seed)
    road, lanes = road_lanes(BENT)
    network = LaneNetwork(lanes)

    def motion():
        ahead = np.cumsum(generator.uniform(0.0, 2.0, 151))
        return road.poses(10.0 + ahead, generator.uniform(-2.0, 2.0, 151))

    past, others = [motion() for _ in range(3)], [motion() for _ in range(3)]
    changed = [a.copy() for a in past]
    for poses, other in zip(changed, others, strict=True):
        poses[instant + 1 :] = other[instant + 1 :]
    known, same = (
        PREDICTIONS[name](
            [participant(p, f'{i}', start_speed=start_speed) for i, p in enumerate(each)],
            network,
            0.1 * instant,
            horizon,
        )
        for each in (past, changed)
    )
    for a, b in zip(known, same, strict=True):
        np.testing.assert_allclose(a.poses_at(61), b.poses_at(61), atol=1e-9)


def test_every_prediction_begins_with_what_is_now(predict, participant, road_lanes, horizon):
    """Also of who is at an angle to the lane, or just outside of it."""
    road, lanes = road_lanes(BENT)
    for offset in (-2.3, -1.0, 0.0, 2.2, 6.0):
        poses = road.poses(30.0 + np.arange(151) * 0.5, offset) + [0.0, 0.0, 0.2]
        (found,) = predict([participant(poses)], LaneNetwork(lanes), 2.0, horizon)
        np.testing.assert_allclose(found.poses[0], poses[20], atol=1e-6)


def test_what_stands_has_one_pose(predict, participant, road_lanes, horizon):
    traffic = [participant([[40.0, 0.5, 0.1]])]
    (found,) = predict(traffic, LaneNetwork(road_lanes(STRAIGHT)[1]), 2.0, horizon)
    np.testing.assert_array_equal(found.poses, [[40.0, 0.5, 0.1]])


def test_what_is_not_there_yet_or_any_more_is_not_told(predict, participant, on_arc, horizon):
    gone = participant(on_arc(8.0)[:20])
    assert list(predict([gone], LaneNetwork(()), 2.0, horizon)) == []
    assert list(predict([gone], LaneNetwork(()), -0.1, horizon)) == []
    assert list(predict([], LaneNetwork(()), 0.0, horizon)) == []


@pytest.mark.parametrize('name', WITHOUT_FUTURE)
def test_sizes_are_those_of_now(participant, on_arc, horizon, name):
    growing = participant(on_arc(8.0), size=(2.0 + np.arange(151.0), 0.9, 0.0))
    (found,) = PREDICTIONS[name]([growing], LaneNetwork(()), 3.0, horizon)
    assert (found.half_length, found.half_width, found.radius) == (32.0, 0.9, 0.0)


def test_thirty_participants_take_a_few_milliseconds(predict, participant, road_lanes, horizon):
    """Generously, as the machine may be slow: less than a fifth of a cycle of 10 Hz."""
    road, lanes = road_lanes(BENT)
    stations = np.linspace(10.0, 200.0, 30)[:, None] + np.arange(151) * 0.5
    traffic = [participant(road.poses(s, 0.5), f'{i}') for i, s in enumerate(stations)]
    network = LaneNetwork(lanes)

    def seconds():
        begin = time.thread_time()  # others that run here meanwhile take no part of it
        predict(traffic, network, 2.0, horizon)
        return time.thread_time() - begin

    assert min(seconds() for _ in range(20)) < 20e-3
