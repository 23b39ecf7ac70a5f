# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Obstacles: how a prediction goes on, how it ages, what is refused."""

import numpy as np
import pytest

from warmstart_planner.obstacles import Obstacle, box, disc, poses_of, sizes_of

LINE = np.array([[0.0, 0.0, 0.0], [1.0, 0.5, 0.1], [3.0, 1.0, 0.2]])


def test_a_prediction_goes_on_with_its_last_velocity_and_yaw():
    poses = box('car', LINE, 4.0, 2.0).poses_at(5)
    np.testing.assert_array_equal(poses[:3], LINE)
    np.testing.assert_allclose(poses[3:], [[5.0, 1.5, 0.2], [7.0, 2.0, 0.2]])


def test_a_single_pose_stands_still():
    poses = disc('post', np.array([2.0, 3.0, 1.0]), 0.3).poses_at(4)
    np.testing.assert_array_equal(poses, np.tile([2.0, 3.0, 1.0], (4, 1)))


def test_a_longer_prediction_is_cut():
    np.testing.assert_array_equal(box('car', LINE, 4.0, 2.0).poses_at(2), LINE[:2])


def test_yaw_turns_the_short_way_from_pose_to_pose():
    yaw = np.pi + 0.2 * np.sin(np.arange(6.0))
    poses = np.stack([-np.arange(6.0), np.zeros(6), (yaw + np.pi) % (2 * np.pi) - np.pi], axis=-1)
    kept = box('lorry', poses, 12.0, 2.5)
    assert (np.abs(np.diff(poses[:, 2])) > np.pi).any()
    assert (np.abs(np.diff(kept.poses[:, 2])) < 0.3).all()
    np.testing.assert_allclose(np.exp(1j * kept.poses[:, 2]), np.exp(1j * yaw))
    with pytest.raises(ValueError, match='read-only'):
        kept.poses[0, 2] = 0.0


@pytest.mark.parametrize('steps', [0, 1, 2, 3, 7])
@pytest.mark.parametrize('poses', [LINE, LINE[:1], LINE[:2]])
def test_an_aged_prediction_is_the_same_motion_seen_later(steps, poses):
    obstacle = box('car', poses, 4.0, 2.0)
    later = obstacle.shifted(steps).poses_at(10)
    np.testing.assert_allclose(later, obstacle.poses_at(10 + steps)[steps:], atol=1e-12)


def test_a_shape_that_varies_keeps_its_last_size_beyond_the_prediction():
    growing = Obstacle('set', LINE, [2.0, 2.5, 3.0], 1.0, [0.0, 0.0, 0.5])
    assert growing.varies
    expected = [[2.0, 1.0, 0.0], [2.5, 1.0, 0.0], [3.0, 1.0, 0.5], [3.0, 1.0, 0.5]]
    np.testing.assert_array_equal(growing.sizes_at(4), expected)
    np.testing.assert_array_equal(growing.sizes_at(2), expected[:2])


def test_a_shape_of_one_size_is_a_number():
    same = Obstacle('car', LINE, np.full(3, 2.0), [1.0, 1.0, 1.0], 0.25)
    assert not same.varies
    assert (same.half_length, same.half_width, same.radius) == (2.0, 1.0, 0.25)
    np.testing.assert_array_equal(same.sizes_at(5), np.tile([2.0, 1.0, 0.25], (5, 1)))


@pytest.mark.parametrize('steps', [0, 1, 2, 3, 7])
def test_an_aged_prediction_has_the_sizes_of_later(steps):
    growing = Obstacle('set', LINE, [2.0, 2.5, 3.0], 1.0, [0.1, 0.4, 0.2])
    later = growing.shifted(steps).sizes_at(10)
    np.testing.assert_array_equal(later, growing.sizes_at(10 + steps)[steps:])


def test_sizes_of_several_obstacles_come_as_one_table():
    fixed, growing = box('car', LINE, 4.0, 2.0), Obstacle('set', LINE, [2.0, 2.5, 3.0], 1.0)
    assert sizes_of([fixed, fixed], 5).shape == (2, 1, 3)
    table = sizes_of([fixed, growing], 5)
    np.testing.assert_array_equal(table[0], fixed.sizes_at(5))
    np.testing.assert_array_equal(table[1], growing.sizes_at(5))


def test_the_reach_holds_every_corner():
    assert Obstacle('set', LINE, [3.0, 0.5, 0.0], [4.0, 0.5, 0.0], 0.5).reach == 5.5
    assert Obstacle('car', LINE, 2.0, 1.5, 0.25).reach == pytest.approx(2.75)
    assert box('car', LINE, 4.0, 3.0).reach == pytest.approx(2.5)
    assert disc('man', LINE, 0.4).reach == pytest.approx(0.4)


@pytest.mark.parametrize(
    ('poses', 'size', 'said'),
    [
        (LINE * np.nan, (2.0, 1.0, 0.0), "obstacle 'car'.poses is nan"),
        (LINE[:, :2], (2.0, 1.0, 0.0), "obstacle 'car'.poses has shape"),
        (LINE[:0], (2.0, 1.0, 0.0), "obstacle 'car'.poses is empty"),
        (LINE, (-2.0, 1.0, 0.0), "obstacle 'car'.half_length is -2"),
        (LINE, (2.0, np.nan, 0.0), "obstacle 'car'.half_width is nan"),
        (LINE, (2.0, 1.0, -0.1), "obstacle 'car'.radius is -0.1"),
        (LINE, (2.0, 0.0, 0.0), "obstacle 'car' has no area"),
        (LINE, ([2.0, 1.0], 1.0, 0.0), "obstacle 'car'.half_length has shape"),
        (LINE, ([2.0, -1.0, 2.0], 1.0, 0.0), "obstacle 'car'.half_length is -1"),
        (LINE, (2.0, [1.0, 1.0, np.inf], 0.0), "obstacle 'car'.half_width is inf"),
        (LINE, (2.0, [1.0, 0.0, 1.0], 0.0), "obstacle 'car' has no area"),
        (LINE, ('wide', 1.0, 0.0), "obstacle 'car'.half_length is 'wide'"),
    ],
)
def test_a_bad_obstacle_is_refused(poses, size, said):
    with pytest.raises(ValueError, match=said):
        Obstacle('car', poses, *size)


@pytest.mark.parametrize('clearance', [-0.1, 5.1, np.nan, 'wide'])
def test_room_that_nobody_could_give_is_refused(clearance):
    with pytest.raises(ValueError, match="obstacle 'cyclist'.clearance is"):
        Obstacle('cyclist', LINE, 0.9, 0.3, clearance=clearance)


def test_room_that_is_to_be_given_goes_along_with_time():
    assert Obstacle('cyclist', LINE, 0.9, 0.3, clearance=1.2).shifted(2).clearance == 1.2


def test_a_prediction_does_not_grow_younger():
    with pytest.raises(ValueError, match='steps is -1'):
        box('car', LINE, 4.0, 2.0).shifted(-1)


@pytest.mark.parametrize('count', [1, 2, 7])
@pytest.mark.parametrize('known', [(), (9,), (1, 9), (1, 2, 5), (7, 8, 1, 3)])
def test_poses_of_many_are_those_of_each(known, count):
    rng = np.random.default_rng(3)
    obstacles = [box(f'{i}', rng.normal(0, 1, (n, 3)), 4.0, 2.0) for i, n in enumerate(known)]
    poses = poses_of(obstacles, count)
    assert poses.shape == (len(known), count, 3)
    for obstacle, found in zip(obstacles, poses, strict=True):
        np.testing.assert_allclose(found, obstacle.poses_at(count), atol=1e-12)
