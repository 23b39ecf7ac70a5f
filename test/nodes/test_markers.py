# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""What RViz is given: right shapes, stable names, and nothing that stays for ever."""

import numpy as np
import pytest

pytest.importorskip('rclpy', reason='ROS 2 is not installed')

from builtin_interfaces.msg import Time
from visualization_msgs.msg import Marker

from warmstart_planner.nodes.markers import (
    ROAD_POINTS,
    RUNG_COLOURS,
    SOURCE_COLOURS,
    Scene,
    source_colour,
)
from warmstart_planner.obstacles import box, disc
from warmstart_planner.problem import Proposal, Rung, Trajectory
from warmstart_planner.road import road_from_segments
from warmstart_planner.vehicle import load_vehicle

ROAD = road_from_segments([(400.0, 0.0, 0.01)], 3.0, 2.5, 12.0)
VEHICLE = load_vehicle()
OBSTACLES = (
    box('truck', np.array([[30.0, 1.0, 0.4], [31.0, 1.0, 0.4]]), 8.0, 2.5),
    disc('walker', np.array([[20.0, 3.0, 0.0]]), 0.4),
)


def trajectory(offset=0.0):
    states = np.zeros((5, 5))
    states[:, 0] = np.arange(5)
    states[:, 1] = offset
    return Trajectory(1.0, 0.1, states, np.zeros((4, 2)))


def whole_scene():
    scene = Scene(Time(sec=7), 0.2)
    scene.road(ROAD)
    scene.obstacles(OBSTACLES)
    scene.proposals([Proposal('shifted', trajectory()), Proposal('multi_start', trajectory(1.0)),
                     Proposal('multi_start', trajectory(2.0))])  # fmt: skip
    scene.reference(trajectory(), Rung.OPTIMISED)
    scene.prediction(trajectory())
    scene.driven(trajectory().states[:, :2])
    scene.car(np.zeros(5), VEHICLE)
    scene.goal(np.zeros(3))
    return scene.message().markers


def test_every_marker_has_a_frame_a_stamp_an_end_and_a_name_of_its_own():
    markers = whole_scene()
    assert len({(m.ns, m.id) for m in markers}) == len(markers)
    for marker in markers:
        assert marker.header.frame_id == 'map'
        assert marker.header.stamp.sec == 7
        assert marker.lifetime.nanosec == 200_000_000
        assert marker.color.a > 0.0
        assert marker.scale.x > 0.0


def test_names_stay_the_same_from_cycle_to_cycle():
    first = {(m.ns, m.id) for m in whole_scene()}
    scene = Scene(Time(sec=8), 0.2)
    scene.obstacles(OBSTACLES[::-1])
    assert {(m.ns, m.id) for m in scene.message().markers} <= first


def test_lines_are_line_strips_along_what_they_show():
    lines = {(m.ns, m.id): m for m in whole_scene() if m.type == Marker.LINE_STRIP}
    shown = lines['proposals/multi_start', 1]
    assert [p.y for p in shown.points] == [2.0] * 5
    assert [p.x for p in shown.points] == [0.0, 1.0, 2.0, 3.0, 4.0]
    left, right = lines['road', 0].points[0], lines['road', 1].points[0]
    assert (left.y, right.y) == pytest.approx((3.0, -2.5))


def test_a_long_road_is_thinned_out():
    assert all(len(m.points) <= ROAD_POINTS for m in whole_scene() if m.ns == 'road')


def test_obstacles_have_their_size_and_place():
    scene = Scene(Time(), 0.2)
    scene.obstacles(OBSTACLES)
    shapes = [m for m in scene.message().markers if m.ns == 'obstacles']
    assert [m.type for m in shapes] == [Marker.CUBE, Marker.CYLINDER]
    assert (shapes[0].scale.x, shapes[0].scale.y) == (8.0, 2.5)
    assert (shapes[1].scale.x, shapes[1].scale.y) == (0.8, 0.8)
    assert shapes[0].pose.position.x == 30.0


def test_what_stands_still_has_no_line_of_prediction():
    scene = Scene(Time(), 0.2)
    scene.obstacles(OBSTACLES)
    assert len([m for m in scene.message().markers if m.ns == 'obstacle_predictions']) == 1


def test_the_car_is_drawn_about_its_centre_not_its_rear_axle():
    scene = Scene(Time(), 0.2)
    scene.car(np.array([1.0, 2.0, np.pi / 2, 0.0, 0.0]), VEHICLE)
    position = scene.message().markers[0].pose.position
    assert (position.x, position.y) == pytest.approx((1.0, 2.0 + VEHICLE.rear_to_center))


def test_sources_and_rungs_are_told_apart_by_colour():
    assert len(set(SOURCE_COLOURS.values())) == len(SOURCE_COLOURS)
    assert RUNG_COLOURS[Rung.OPTIMISED] != RUNG_COLOURS[Rung.BRAKING]
    assert source_colour('a new source')


def test_a_path_of_one_point_is_not_a_line():
    scene = Scene(Time(), 0.2)
    scene.driven(np.zeros((1, 2)))
    assert scene.message().markers == []
