# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""How far apart two boxes are: what plans, learns and places traffic agrees with the judge."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from warmstart_planner import objective
from warmstart_planner.learned.transformer import merit_rows
from warmstart_planner.scenarios.geometry import separation
from warmstart_planner.vehicle import load_vehicle
from warmstart_planner.verification import box_distance

CAR = load_vehicle()
HALF = (CAR.length / 2, CAR.width / 2)


def numbers(low, high):
    return st.floats(low, high, allow_subnormal=False)


PAIRS = st.tuples(
    *(numbers(-9.0, 9.0), numbers(-9.0, 9.0), numbers(-3.2, 3.2), numbers(-3.2, 3.2)),
    st.tuples(numbers(0.1, 4.0), numbers(0.1, 2.0)),
)


def exact(x, y, yaw, other_yaw, size):
    """Return the largest gap along any axis of the boxes; the car's centre is at 0."""
    return float(separation([0.0, 0.0, yaw], HALF, [x, y, other_yaw], size))


@given(PAIRS)
def test_an_overlap_is_as_deep_as_for_the_judge_and_what_is_apart_is_so_by_as_much_or_more(pair):
    x, y, yaw, other_yaw, size = pair
    c, s = np.cos(yaw), np.sin(yaw)
    relative = np.array([[c * x + s * y], [c * y - s * x]])
    (judged,) = box_distance(relative, np.array([other_yaw - yaw]), HALF, size)
    found = exact(*pair)
    if judged < 0.0:
        assert found == pytest.approx(judged, abs=1e-9)
    else:
        assert -1e-9 <= found <= judged + 1e-9


@given(PAIRS, numbers(0.0, 0.5))
def test_the_network_s_own_rows_are_the_same_less_the_margin(pair, radius):
    x, y, yaw, other_yaw, size = pair
    heading = (np.cos(yaw), np.sin(yaw))
    obstacle = [x, y, np.cos(other_yaw), np.sin(other_yaw), *size, radius]
    found = merit_rows.separation((0.0, 0.0), heading, obstacle, CAR)
    assert found == pytest.approx(exact(*pair) - radius, abs=1e-9)


@given(PAIRS, numbers(0.0, 0.5))
def test_the_solver_s_smooth_row_is_near_them(pair, radius):
    x, y, yaw, other_yaw, size = pair
    back = CAR.rear_to_center
    state = np.array([-back * np.cos(yaw), -back * np.sin(yaw), yaw, 0.0, 0.0])
    obstacle = np.array([x, y, np.cos(other_yaw), np.sin(other_yaw), *size, radius])
    found = objective.obstacle_separation(state, obstacle, CAR)
    # absolute values are rounded and the maximum is a soft one: mostly that is too near
    assert found == pytest.approx(exact(*pair) - radius, abs=0.5)
    assert found <= exact(*pair) - radius + 0.3
