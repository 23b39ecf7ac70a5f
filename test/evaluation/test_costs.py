# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Cost functions of drives whose costs are known; CommonRoad's own are in test_judge.py."""

import numpy as np
import pytest
from commonroad_document import PARKED
from scipy.integrate import trapezoid

from warmstart_planner.evaluation.costs import NOSE, costs, partial_costs


@pytest.fixture
def steady(write_document, drive_of):
    """Drive straight on with 10 m/s for 2 s."""
    return drive_of(write_document(obstacles=''), 2.0)


def test_driving_straight_on_costs_only_length_and_time(steady):
    found = partial_costs(*steady, None)
    assert found.pop('L') == pytest.approx(20.0)
    assert found.pop('T') == pytest.approx(2.0)
    assert found == pytest.approx(dict.fromkeys(found, 0.0))


def test_a_desired_speed_costs_the_square_of_what_is_missed(steady):
    assert partial_costs(*steady, 13.0)['V'] == pytest.approx(2.0 * 3.0**2)
    assert partial_costs(*steady, 0.0)['V'] == 0.0  # the checker takes 0 for none


def test_constant_acceleration_costs_its_square(write_document, drive_of):
    scenario, driven = drive_of(write_document(obstacles=''), 4.0, acceleration=-2.0)
    found = partial_costs(scenario, driven, None)
    change = driven.speed[0] - driven.speed[-1]
    assert found['A'] == pytest.approx(2.0 * change, rel=0.06)
    assert found['L'] == pytest.approx(driven.x[-1] - driven.x[0], rel=1e-3)


def test_a_turn_out_of_the_lane_costs_the_heading_to_it(write_document, drive_of):
    scenario, driven = drive_of(write_document(obstacles=''), 1.0, steering=0.05)
    found = partial_costs(scenario, driven, None)
    assert found['O'] == pytest.approx(trapezoid(driven.yaw**2, driven.times), rel=0.01)
    assert found['SA'] == pytest.approx(trapezoid(driven.steering**2, driven.times), rel=0.01)


def test_something_ahead_costs_the_more_the_nearer_it_is(write_document, drive_of):
    scenario, driven = drive_of(write_document(obstacles=PARKED), 2.0)
    nose = NOSE * scenario.car.width
    distance = 60.0 - driven.x - nose  # it stands at x = 60
    expected = trapezoid(np.exp(-0.2 * distance), driven.times)
    assert partial_costs(scenario, driven, None)['D'] == pytest.approx(expected, rel=0.01)


def test_the_functions_are_weighted_sums(steady):
    found = costs(*steady, 13.0)
    assert found == pytest.approx(
        {'SM1': 20.0 + 20.0 * 18.0, 'SA1': 0.0, 'JB1': 2.0, 'WX1': 10 * 2.0 + 18.0 + 10 * 20.0}
    )
