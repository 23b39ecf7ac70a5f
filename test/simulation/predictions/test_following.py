# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Braking behind a leader: in comfort where there is room, and never through it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from warmstart_planner.problem import Horizon
from warmstart_planner.simulation.predictions.following import (
    COMFORTABLE,
    HARDEST,
    STANDSTILL,
    travelled,
)

LONG = Horizon(dt=0.1, steps=300)


def free(speed, horizon):
    """Distances of vehicles that keep their speed, alone on the road."""
    return np.asarray(speed, float)[:, None] * horizon.times


speeds = st.floats(0.0, 30.0)
gaps = st.floats(-2.0, 100.0)


@given(st.lists(st.tuples(speeds, gaps), min_size=2, max_size=6))
def test_in_a_queue_nobody_passes_through_another_or_speeds_up(queue):
    speed, gap = np.array(queue).T
    leader = np.arange(-1, len(queue) - 1)
    ways = travelled(free(speed, LONG), leader, gap, LONG)
    left = gap[1:, None].clip(0.0) + ways[:-1] - ways[1:]
    assert (left > -1e-9).all()
    velocities = np.diff(ways, axis=1) / 0.1
    assert (velocities > -1e-9).all()
    assert (np.diff(velocities, axis=1) < 1e-6).all()


@given(st.floats(1.0, 30.0), speeds, st.floats(0.0, 100.0))
def test_with_room_to_brake_it_does_so_comfortably(speed, other, spare):
    other = min(speed, other)
    needed = STANDSTILL + (speed**2 - other**2) / (2 * COMFORTABLE)
    gap = np.array([0.0, needed + speed * 0.1 + spare])
    ways = travelled(free([other, speed], LONG), np.array([-1, 0]), gap, LONG)
    braking = -np.diff(ways[1], n=2) / 0.1**2
    assert braking.max() < COMFORTABLE + 0.01
    assert (gap[1] + ways[0] - ways[1]).min() > STANDSTILL - 1e-6


def test_behind_what_stands_it_comes_to_a_stand(horizon):
    ways = travelled(free([0.0, 8.0], LONG), np.array([-1, 0]), np.array([0.0, 30.0]), LONG)
    assert ways[1, -1] == pytest.approx(30.0 - STANDSTILL, abs=0.5)
    assert (ways[0] == 0.0).all()


def test_without_room_it_brakes_as_hard_as_it_can():
    ways = travelled(free([0.0, 15.0], LONG), np.array([-1, 0]), np.array([0.0, 16.0]), LONG)
    braking = -np.diff(ways[1], n=2) / 0.1**2
    assert braking.max() == pytest.approx(HARDEST)


def test_who_leads_or_is_alone_goes_its_free_way(horizon):
    ways = travelled(free([12.0, 7.0], horizon), np.array([-1, -1]), np.zeros(2), horizon)
    np.testing.assert_allclose(ways[:, -1], [72.0, 42.0])
    ways = travelled(free([12.0, 7.0], horizon), np.array([-1, 0]), np.array([0.0, 5.0]), horizon)
    np.testing.assert_allclose(ways[:, -1], [72.0, 42.0])


def test_who_speeds_up_does_so_behind_a_leader_only_as_far_as_that_allows():
    alone = free([3.0], LONG) + LONG.times**2 / 2 * 0.4
    leader = free([6.0], LONG)
    ways = travelled(
        np.concatenate([leader, alone]), np.array([-1, 0]), np.array([0.0, 20.0]), LONG
    )
    np.testing.assert_allclose(ways[1, :50], alone[0, :50])
    assert (20.0 + ways[0] - ways[1]).min() > 0.0
    assert ways[1, -1] < alone[0, -1] - 10.0
