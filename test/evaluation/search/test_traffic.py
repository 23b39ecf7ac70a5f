# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from warmstart_planner.evaluation.search.traffic import traffic_at
from warmstart_planner.scenarios import TrafficParticipant
from warmstart_planner.vehicle import load_vehicle

CAR = load_vehicle()


def participant(times, poses, radius=0.0):
    return TrafficParticipant('other', 2.0, 1.0, radius, np.array(times), np.array(poses, float))


def centered(x, y, yaw):
    """Return a pose of the rear axle whose box has its middle there."""
    ahead = CAR.rear_to_center * np.array([np.cos(yaw), np.sin(yaw)])
    return np.array([[x - ahead[0], y - ahead[1], yaw]])


def test_the_car_touches_who_is_nearer_than_their_sides():
    traffic = traffic_at([participant([0.0], [[0, 0, 0]])], 0.1, 0)
    reach = 1.0 + CAR.width / 2
    assert traffic.touches(0, centered(0.5, reach - 0.01, 0.0), CAR, 0.0)[0]
    assert not traffic.touches(0, centered(0.5, reach + 0.01, 0.0), CAR, 0.0)[0]
    assert traffic.touches(0, centered(0.5, reach + 0.01, 0.0), CAR, 0.02)[0]


def test_a_radius_grows_a_participant():
    grown = traffic_at([participant([0.0], [[0, 0, 0]], radius=0.5)], 0.1, 0)
    pose = centered(0.0, 1.3 + CAR.width / 2, 0.0)
    assert grown.touches(0, pose, CAR, 0.0)[0]


def test_a_participant_is_where_its_time_has_it_and_nowhere_else():
    passing = participant([0.5, 1.5], [[0, 0, 0], [10, 0, 0]])
    traffic = traffic_at([passing], 0.5, 4)
    here = [traffic.touches(k, centered(5.0, 0.0, 1.0), CAR, 0.0)[0] for k in range(5)]
    assert here == [False, False, True, False, False]


@pytest.mark.parametrize('step', [0, 3])
def test_nobody_is_touched_on_an_empty_road(step):
    traffic = traffic_at([], 0.1, 3)
    assert not traffic.touches(step, np.zeros((4, 3)), CAR, 1.0).any()
