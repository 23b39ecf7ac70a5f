# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Leaving an area that is given by outlines, against brute force."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from warmstart_planner.vehicle import load_vehicle
from warmstart_planner.verification.area import LEAST_AREA, SEAM, outside_area
from warmstart_planner.verification.motion import Samples

CAR = load_vehicle()


def car_at(poses):
    """Return samples with the car's centre at poses, shape (M, 3)."""
    x, y, yaw = np.asarray(poses, float).T
    still = np.zeros(len(x))
    rear = CAR.rear_to_center
    return Samples(x - rear * np.cos(yaw), y - rear * np.sin(yaw), yaw, still, still, CAR)


def outside(area, poses):
    return outside_area([np.asarray(each, float) for each in area], car_at(poses), CAR)


def rectangle(x, y, length, width):
    return np.array([[x, y], [x + length, y], [x + length, y + width], [x, y + width]])


def moved(points, x, y, turn):
    cos, sin = np.cos(turn), np.sin(turn)
    points = np.array(points, float)
    points[..., :2] = points[..., :2] @ np.array([[cos, sin], [-sin, cos]]) + [x, y]
    if points.shape[-1] == 3:
        points[..., 2] += turn
    return points


def winding(polygon, points):
    """How often an outline winds about points: the angles that its edges are seen under."""
    seen = polygon - points[:, None]
    angle = np.arctan2(seen[..., 1], seen[..., 0])
    turn = np.diff(np.concatenate([angle, angle[:, :1]], axis=1))
    return np.round(((turn + np.pi) % (2 * np.pi) - np.pi).sum(axis=1) / (2 * np.pi))


def brute_force(area, pose):
    """Largest distance of the car's outline from the area, both finely sampled."""
    share = np.linspace(-1.0, 1.0, 81)
    one = np.ones(81)
    half = np.array([CAR.length, CAR.width]) / 2
    sides = [(share, one), (share, -one), (one, share), (-one, share)]
    local = np.concatenate([np.stack(side, axis=-1) for side in sides]) * half
    points = moved(local, *pose)
    gap = np.full(len(points), np.inf)
    for polygon in area:
        part = np.linspace(0.0, 1.0, 401)[:, None, None]
        edges = (polygon + part * (np.roll(polygon, -1, axis=0) - polygon)).reshape(-1, 2)
        to_edge = np.sqrt(((points[:, None] - edges) ** 2).sum(axis=-1).min(axis=1))
        gap = np.minimum(gap, np.where(winding(polygon, points) != 0, 0.0, to_edge))
    return max(gap.max() - SEAM, 0.0)


def stars(seed):
    """Return a few polygons, convex or not, that overlap or lie apart."""
    generator = np.random.default_rng(seed)
    found = []
    for _ in range(generator.integers(1, 5)):
        count = generator.integers(3, 9)
        angle = np.linspace(0.0, 2 * np.pi, count, endpoint=False)
        radius = generator.uniform(2.0, 9.0, count)[:, None]
        star = radius * np.stack([np.cos(angle), np.sin(angle)], axis=-1)
        found.append(star[:: generator.choice([1, -1])] + generator.uniform(-8.0, 8.0, 2))
    return found


@settings(max_examples=15)
@given(st.integers(0, 10_000))
def test_it_is_measured_as_by_brute_force(seed):
    area = stars(seed)
    generator = np.random.default_rng(seed + 1)
    poses = generator.uniform([-12.0, -12.0, -4.0], [12.0, 12.0, 4.0], (6, 3))
    expected = [brute_force(area, pose) for pose in poses]
    # points lie on the outline every half metre
    np.testing.assert_allclose(outside(area, poses), expected, atol=0.26)
    assert (outside(area, poses) <= np.array(expected) + 0.02).all()


@settings(max_examples=40)
@given(st.integers(0, 999), st.floats(-500, 500), st.floats(-500, 500), st.floats(-7, 7))
def test_it_does_not_depend_on_where_the_world_lies(seed, x, y, turn):
    area = stars(seed)
    poses = np.random.default_rng(seed).uniform(-9.0, 9.0, (5, 3))
    there = outside([moved(each, x, y, turn) for each in area], moved(poses, x, y, turn))
    np.testing.assert_allclose(there, outside(area, poses), atol=1e-6)


@given(st.integers(0, 999))
def test_a_mirrored_world_has_the_same_answer(seed):
    area = stars(seed)
    poses = np.random.default_rng(seed).uniform(-9.0, 9.0, (5, 3))
    there = outside([each * [1, -1] for each in area], poses * [1, -1, -1])
    np.testing.assert_allclose(there, outside(area, poses), atol=1e-9)


@given(st.floats(-6.0, 6.0))
def test_a_car_in_a_straight_lane_is_out_by_what_its_side_is_beyond(offset):
    lane = rectangle(0.0, -3.0, 100.0, 6.0)
    expected = max(abs(offset) + CAR.width / 2 - 3.0 - SEAM, 0.0)
    assert outside([lane], [[50.0, offset, 0.0]])[0] == pytest.approx(expected, abs=1e-9)


def test_two_lanes_beside_one_another_are_one_area():
    lanes = [rectangle(0.0, -3.0, 100.0, 3.0), rectangle(0.0, 0.0, 100.0, 3.0)]
    assert outside(lanes, [[50.0, 0.0, 0.0]])[0] == 0.0
    assert outside(lanes[:1], [[50.0, 0.0, 0.0]])[0] == pytest.approx(CAR.width / 2 - SEAM)


@pytest.mark.parametrize(('gap', 'out'), [(1.9 * SEAM, 0.0), (2.0, 1.0 - SEAM)])
def test_a_seam_between_lanes_is_no_way_out_and_a_gap_is(gap, out):
    ahead = rectangle(50.0 + gap, -3.0, 50.0, 6.0)
    # the side's points lie every half metre: some place has one in the middle of the gap
    poses = [[50.0 + x, 0.0, 0.0] for x in np.arange(-3.0, 3.0, 0.05)]
    found = outside([rectangle(0.0, -3.0, 50.0, 6.0), ahead], poses).max()
    assert found == pytest.approx(out, abs=0.01)


def test_many_samples_are_judged_as_each_alone():
    area = stars(7)
    poses = np.random.default_rng(7).uniform(-12.0, 12.0, (600, 3))
    each = [outside(area, pose[None])[0] for pose in poses[::50]]
    np.testing.assert_allclose(outside(area, poses)[::50], each, atol=1e-12)


@given(st.floats(0.02, 1.5), st.floats(0.3, 3.0))
def test_what_a_corner_leaves_outside_counts_from_a_least_area_on(turn, share):
    """A corner that is h beyond a straight edge cuts off a triangle of h^2 / sin(2 turn)."""
    beyond = np.sqrt(share * LEAST_AREA * np.sin(2 * turn))
    reach = np.array([CAR.length, CAR.width]) / 2
    top = reach @ np.array([np.sin(turn), np.cos(turn)])
    y = -top + SEAM + beyond
    assume(abs(share - 1.0) > 0.1 and beyond < 0.05)
    found = outside([rectangle(-30.0, -30.0, 60.0, 30.0)], [[0.0, y, turn]])
    assert (found[0] > 0.0) == (share > 1.0)


def test_a_side_along_the_edge_counts_at_once():
    y = -CAR.width / 2 + SEAM
    area = [rectangle(-30.0, -30.0, 60.0, 30.0)]
    least = LEAST_AREA / CAR.length
    assert outside(area, [[0.0, y + 0.8 * least, 0.0]])[0] == 0.0
    assert outside(area, [[0.0, y + 1.2 * least, 0.0]])[0] > 0.0
