# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Recorded motions, and lanes about roads."""

import numpy as np
import pytest

from warmstart_planner.problem import Horizon
from warmstart_planner.road import road_from_segments
from warmstart_planner.scenarios.lane import Lane
from warmstart_planner.scenarios.scenario import TrafficParticipant

TIMES = np.arange(151) * 0.1


@pytest.fixture(scope='session')
def horizon():
    return Horizon()


@pytest.fixture(scope='session')
def participant():
    """Make a participant from its poses each tenth of a second, or from one pose."""

    def make(poses, name='other', kind='car', size=(2.2, 0.9, 0.0), **more):
        poses = np.atleast_2d(np.asarray(poses, float))
        times = TIMES[: len(poses)]
        return TrafficParticipant(name, *size, times, poses, kind, **more)

    return make


@pytest.fixture(scope='session')
def on_arc():
    """Make poses on an arc of constant speed and turn rate."""

    def make(speed, turn_rate=0.0, start=(0.0, 0.0, 0.0), slip=0.0):
        x, y, yaw = start
        turned = turn_rate * TIMES
        chord = speed * TIMES * np.sinc(turned / (2 * np.pi))
        along = yaw + slip + turned / 2
        columns = x + chord * np.cos(along), y + chord * np.sin(along), yaw + turned
        return np.column_stack(columns)

    return make


@pytest.fixture(scope='session')
def speeding_up():
    """Make poses of a constant acceleration from a speed, not below a stand, along an arc."""

    def make(speed, acceleration, turn_rate=0.0):
        ways = np.maximum.accumulate(speed * TIMES + acceleration * TIMES**2 / 2)
        yaw = turn_rate / speed * ways
        chord = ways * np.sinc(yaw / (2 * np.pi))
        return np.column_stack([chord * np.cos(yaw / 2), chord * np.sin(yaw / 2), yaw])

    return make


@pytest.fixture(scope='session')
def road_lanes():
    """Make a road of segments and its lanes: pieces of equal length, one after another."""

    def make(segments, half_width=2.0, pieces=3, step=1.0):
        road = road_from_segments(segments, half_width, half_width, 15.0)
        ends = np.linspace(0.0, sum(each[0] for each in segments), pieces + 1)
        lanes = []
        for i, (begin, end) in enumerate(zip(ends, ends[1:], strict=False)):
            stations = np.linspace(begin, end, round((end - begin) / step) + 1)
            bounds = [road.poses(stations, side)[:, :2] for side in (half_width, -half_width)]
            lanes.append(Lane(*bounds, successors=(i + 1,) if i + 1 < pieces else ()))
        return road, tuple(lanes)

    return make
