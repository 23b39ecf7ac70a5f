# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Blocked places: found where no gap is as wide as the car, and only there."""

import numpy as np
import pytest

from warmstart_planner.blockage import DISTANCE, first_blocked_station
from warmstart_planner.obstacles import Obstacle, box, disc
from warmstart_planner.road import road_from_segments
from warmstart_planner.vehicle import load_vehicle

CAR = load_vehicle()
ROAD = road_from_segments([(200.0, 0.0, 0.0)], 3.0, 3.0, 15.0)
HERE = 20.0


def blocked(*obstacles, station=HERE, road=ROAD):
    return first_blocked_station(road, obstacles, CAR, station, 61)


def wall(station, offset=0.0, width=6.0):
    return box(f'wall at {station}', np.array([[station, offset, 0.0]]), 1.0, width)


def test_a_free_road_is_blocked_nowhere():
    assert blocked() == np.inf


def test_a_wall_across_the_road_blocks_before_its_face():
    assert blocked(wall(60.0)) == pytest.approx(59.5 - DISTANCE)


def test_the_first_of_two_walls_counts():
    assert blocked(wall(90.0), wall(60.0)) == pytest.approx(59.5 - DISTANCE)


@pytest.mark.parametrize('side', [-1, 1])
@pytest.mark.parametrize(('gap', 'passable'), [(0.05, True), (-0.05, False)])
def test_a_gap_of_the_cars_width_decides(side, gap, passable):
    width = 6.0 - CAR.width - gap
    offset = side * (3.0 - width / 2)
    assert (blocked(wall(60.0, offset, width)) == np.inf) is passable


def test_two_obstacles_block_together_only_side_by_side():
    left, right = wall(60.0, 1.5, 2.9), wall(60.2, -1.5, 2.9)
    assert np.isfinite(blocked(left, right))
    assert blocked(left, wall(75.0, -1.5, 2.9)) == np.inf


def test_what_moves_is_no_blockage():
    poses = np.array([[60.0 + 0.1 * k, 0.0, 0.0] for k in range(61)])
    assert blocked(box('lorry', poses, 8.0, 6.0)) == np.inf


def test_a_shape_that_changes_blocks_as_it_will_be():
    poses = np.tile([60.0, 0.0, 0.0], (61, 1))
    sizes = np.linspace(0.2, 3.0, 61)
    assert blocked(Obstacle('grows', poses, 0.5, sizes)) == pytest.approx(59.5 - DISTANCE)
    assert blocked(Obstacle('shrinks', poses, 0.5, sizes[::-1])) == np.inf


def test_what_is_beside_or_behind_the_car_is_no_blockage():
    assert blocked(wall(60.0), station=58.0) == np.inf


def test_a_row_of_bollards_blocks():
    bollards = [disc(f'{y}', np.array([[60.0, y, 0.0]]), 0.3) for y in np.arange(-2.5, 2.6, 1.0)]
    assert np.isfinite(blocked(*bollards))


def test_the_answer_turns_with_the_road():
    turned = road_from_segments([(200.0, 0.0, 0.0)], 3.0, 3.0, 15.0, (5.0, -7.0, 2.0))
    pose = turned.poses(60.0)
    obstacle = box('wall', pose, 1.0, 6.0)
    assert blocked(obstacle, road=turned) == pytest.approx(blocked(wall(60.0)))


# --- roads that meet themselves ---


@pytest.mark.parametrize('lap', [0.0, 2 * np.pi * 30.0])
def test_on_a_lap_what_stands_ahead_blocks_on_the_pass_that_the_car_is_on(loops, lap):
    circle = loops['circle']
    ahead = box('wall', circle.poses(30.0), 1.0, 6.0)
    found = blocked(ahead, road=circle, station=5.0 + lap)
    assert found == pytest.approx(29.5 + lap - DISTANCE, abs=0.3)
    assert blocked(ahead, road=circle, station=45.0) == np.inf


def test_what_stands_on_a_crossing_blocks_both_passes(loops):
    cloverleaf = loops['cloverleaf']
    post = box('wall', np.array([40.0, 0.0, 0.0]), 6.0, 6.0)
    assert blocked(post, road=cloverleaf, station=10.0) < 40.0
    assert 150.0 < blocked(post, road=cloverleaf, station=120.0) < 175.0


def test_what_stands_on_the_pass_that_crosses_blocks_only_there(loops):
    cloverleaf = loops['cloverleaf']
    beside = box('wall', cloverleaf.poses(160.0), 1.0, 6.0)
    assert np.hypot(*(beside.poses[0, :2] - [40.0, 0.0])) < 20.0
    # from far away it is not yet looked at: the road turns round in between
    assert blocked(beside, road=cloverleaf, station=20.0) > 150.0
    assert blocked(beside, road=cloverleaf, station=120.0) == pytest.approx(158.5, abs=0.5)
    assert blocked(beside, road=cloverleaf, station=180.0) == np.inf


@pytest.mark.parametrize('side', [3.0, 57.0])
def test_on_a_hairpin_the_leg_beside_is_another_place(loops, side):
    hairpin = loops['hairpin']
    back = hairpin.end - 20.0
    wall = box('wall', hairpin.poses(back), 1.0, 6.0)
    assert blocked(wall, road=hairpin, station=side) == pytest.approx(
        back - 0.5 - DISTANCE, abs=0.3
    )
