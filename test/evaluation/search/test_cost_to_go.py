# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from warmstart_planner.evaluation.search.cost_to_go import BESIDE, LATTICES, cost_to_go
from warmstart_planner.evaluation.search.surface import surface_of
from warmstart_planner.scenarios.arrival import Place, Region
from warmstart_planner.vehicle import load_vehicle

CAR = load_vehicle()
LOW, HIGH = np.array([-5.0, -5.0]), np.array([75.0, 25.0])
YARD = np.array([[0, 0], [70, 0], [70, 20], [0, 20]], float)
ROUNDING = 2 * LATTICES[0].arc + BESIDE


def disc(x, y, heading=None):
    return Region((0.0, 10.0), (Place(np.array([[x, y]]), 0.5),), heading)


def costs(*regions, outlines=(YARD,), farthest=100.0, reverse=False):
    return cost_to_go(regions, surface_of(outlines, LOW, HIGH), CAR, farthest, reverse)


def pose(x, y, yaw):
    """Return the pose of the rear axle whose box has its middle there."""
    back = CAR.rear_to_center
    return np.array([[x - back * np.cos(yaw), y - back * np.sin(yaw), yaw]])


def test_straight_ahead_it_is_the_distance():
    found = costs(disc(60, 10, (-0.1, 0.1)))
    for away in (10.0, 25.0, 50.0):
        length = found.at(pose(60 - away, 10, 0.0))[0]
        assert length == pytest.approx(away, abs=ROUNDING)


def test_a_goal_beside_the_car_is_farther_than_it_looks():
    found = costs(disc(35, 10, (-0.1, 0.1)))
    assert found.at(pose(35, 13, 0.0))[0] > 8.0
    assert found.at(pose(35, 10, np.pi))[0] > np.pi * 2.0


def test_who_may_reverse_has_no_farther_to_go():
    forward, both = (costs(disc(35, 10, (-0.1, 0.1)), reverse=r) for r in (False, True))
    behind = pose(40, 10, 0.0)
    assert both.at(behind)[0] == pytest.approx(5.0, abs=ROUNDING)
    assert forward.at(behind)[0] > 10.0


def test_there_is_no_way_across_a_gap_in_the_road():
    outlines = (YARD * [0.5, 1.0], YARD * [0.4, 1.0] + [42, 0])
    found = costs(disc(60, 10), outlines=outlines)
    assert np.isinf(found.at(pose(20, 10, 0.0))[0])
    assert np.isfinite(found.at(pose(50, 10, 0.0))[0])


def test_the_nearest_of_several_goals_counts():
    found = costs(disc(60, 10), disc(30, 10))
    assert found.at(pose(20, 10, 0.0))[0] == pytest.approx(10.0, abs=ROUNDING)


def test_without_a_place_nothing_is_far():
    found = costs(Region((0.0, 5.0), speed=(0.0, 1.0)))
    assert found.at(pose(20, 10, 1.0))[0] == 0.0
