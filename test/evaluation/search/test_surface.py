# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from warmstart_planner.evaluation.search.surface import SPACING, surface_of
from warmstart_planner.vehicle import load_vehicle
from warmstart_planner.verification.area import outside_area
from warmstart_planner.verification.motion import Samples

CAR = load_vehicle()
BEND = np.array([[0, 0], [20, 0], [30, 10], [30, 30], [25, 30], [25, 12], [18, 5], [0, 5]], float)
LOW, HIGH = np.array([-5.0, -5.0]), np.array([40.0, 40.0])


def outside(outlines, poses):
    still = np.zeros(len(poses))
    return outside_area(outlines, Samples(*poses.T, still, still, CAR), CAR)


def test_poses_are_on_the_road_where_the_exact_outline_is():
    surface = surface_of([BEND], LOW, HIGH)
    random = np.random.default_rng(0)
    poses = random.uniform([-3, -3, -np.pi], [35, 35, np.pi], (20000, 3))
    held = surface.holds(poses, CAR)
    off = outside([BEND], poses)
    assert held.any()
    # a sharp corner of the road's edge may be between two points that are looked at
    assert off[held].max() < SPACING / 2
    assert (off[held] > 0.0).mean() < 0.02


def test_a_pose_is_lost_only_at_the_edge():
    surface = surface_of([BEND], LOW, HIGH)
    random = np.random.default_rng(1)
    poses = random.uniform([-3, -3, -np.pi], [35, 35, np.pi], (20000, 3))
    generous = surface.holds(poses, CAR, -0.1)
    assert generous[outside([BEND], poses) == 0.0].all()


@pytest.mark.parametrize(('gap', 'is_road'), [(0.06, True), (0.3, False)])
def test_a_seam_is_road_and_a_gap_is_none(gap, is_road):
    left = np.array([[0, 0], [10, 0], [10, 5], [0, 5]], float)
    right = left + [10 + gap, 0]
    surface = surface_of([left, right], LOW, HIGH)
    across = np.array([[8.6, 2.5, 0.0]])
    assert surface.holds(across, CAR)[0] == is_road


def test_beyond_the_window_is_no_road():
    surface = surface_of([BEND], LOW, np.array([15.0, 40.0]))
    along = np.stack([np.linspace(2, 18, 50), np.full(50, 2.5), np.zeros(50)], axis=-1)
    held = surface.holds(along, CAR)
    front = along[:, 0] + CAR.front_reach
    assert held[front < 14.5].all()
    assert not held[front > 15.0].any()


def test_depth_is_the_distance_to_the_edge():
    surface = surface_of([BEND], LOW, HIGH)
    depth = surface.depth_at(np.array([[10.0, 2.5], [10.0, 1.0], [10.0, -2.0]]))
    assert depth == pytest.approx([2.55, 1.05, -1.95], abs=0.06)
