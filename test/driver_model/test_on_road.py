# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Obstacles in road coordinates: how far along and across they reach, and where they go."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from warmstart_planner.driver_model.on_road import on_road
from warmstart_planner.objective import RoadCoordinates

ANGLE = st.floats(-np.pi, np.pi)


def road_at(heading, offset=0.0, target=0.0):
    """Return coordinates of a point, 3.5 m from the left edge of the road at offset 0."""
    return RoadCoordinates(
        station=30.0,
        offset=offset,
        heading_cos=np.cos(heading),
        heading_sin=np.sin(heading),
        curvature=0.0,
        left=3.5,
        left_slope=0.0,
        right=3.0,
        right_slope=0.0,
        target_offset=target,
        target_speed=8.0,
        curvature_here=0.0,
        curvature_slope=0.0,
    )


def obstacle(yaw, vx=0.0, vy=0.0, half_length=2.0, half_width=0.8, radius=0.2):
    return np.array([0, 0, np.cos(yaw), np.sin(yaw), half_length, half_width, radius, vx, vy])


@given(ANGLE)
def test_along_and_across_change_places_where_it_stands_crosswise(heading):
    along = on_road(obstacle(heading), road_at(heading))
    across = on_road(obstacle(heading + np.pi / 2), road_at(heading))
    assert (along.reach_along, along.reach_across) == pytest.approx((2.2, 1.0))
    assert (across.reach_along, across.reach_across) == pytest.approx((1.0, 2.2))


@given(ANGLE, ANGLE, st.floats(0.0, 20.0))
def test_speed_and_drift_are_its_velocity_however_the_road_lies(heading, course, speed):
    moving = obstacle(0.3, speed * np.cos(course), speed * np.sin(course))
    found = on_road(moving, road_at(heading))
    assert np.hypot(found.speed, found.drift) == pytest.approx(speed, abs=1e-9)
    assert found.speed == pytest.approx(speed * np.cos(course - heading), abs=1e-9)
    assert found.drift == pytest.approx(speed * np.sin(course - heading), abs=1e-9)


def test_offset_and_widths_are_from_the_path_to_aim_at():
    found = on_road(obstacle(0.0), road_at(0.0, offset=1.0, target=0.4))
    assert (found.station, found.offset) == pytest.approx((30.0, 0.6))
    assert (found.left, found.right) == pytest.approx((3.1, 3.4))
