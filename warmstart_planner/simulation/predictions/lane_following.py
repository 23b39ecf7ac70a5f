# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Vehicles go on along their lanes, and brake behind what is slower ahead of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from warmstart_planner.obstacles import Obstacle
from warmstart_planner.problem import Horizon
from warmstart_planner.simulation.predictions.constant_velocity import (
    distances_travelled,
    obstacles_of,
    poses_on_arcs,
)
from warmstart_planner.simulation.predictions.following import travelled
from warmstart_planner.simulation.predictions.lane_network import (
    Array,
    Indices,
    LaneNetwork,
    Places,
    Points,
    wrapped,
)
from warmstart_planner.simulation.predictions.observed import ObservedParticipant

FOLLOW_LANES = ('car', 'truck', 'bus', 'motorcycle')  # kinds that do
ASTRAY = np.pi / 4  # who goes at a larger angle to a lane does not follow it [rad]
OUTSIDE = 0.5  # whose centre is farther outside of a lane is not in it [m]
BESIDE = 1.5  # whose centre is farther outside of a lane is in nobody's way there [m]
STRAIGHTENS = 1.0  # time in which a vehicle turns to its lane's direction [s]
CHORD = 1.0  # of a line, whose direction is the line's [m]


@dataclass(frozen=True)
class _Followers:
    """
    The F vehicles that follow lanes, each with the line of constant share that it goes along.

    `index` is each one's among all observed and `place` its place in its lane, shape (F,).
    All lines lie behind one another in `line`, shape (P,), with the length up to each vertex in
    `arc` [m], which counts the jumps between them; `begin` is where each line does, the beginning
    of its way, and `here` where on the arc each vehicle is, shape (F,) each. `first` tells of each
    which vertices of its line those of each lane are, as `LaneSequence` does, shape (F, L).
    """

    index: Indices
    place: Indices
    line: Points
    arc: Array
    begin: Indices
    here: Array
    first: Array

    def arc_at(self, follower: Indices, along: Array) -> Array:
        """Return the arc of places along followers' ways, in vertices, shape (K,) each."""
        at = self.begin[follower] + along
        vertex = at.astype(int)
        return self.arc[vertex] + (at - vertex) * (self.arc[vertex + 1] - self.arc[vertex])


def lane_following(
    observed: Sequence[ObservedParticipant], network: LaneNetwork, horizon: Horizon
) -> list[Obstacle]:
    """
    Predict that vehicles go on along the lanes that they are in, as far from the bounds as now.

    They go on as fast as `constant_velocity` has it, and brake behind what stands or is slower
    ahead of them in their lane. Where a lane ends they go straight on. Who is in no lane, does not
    go its way or is no vehicle goes on as there.

    Args:
        observed: what is known of each.
        network: of lanes.
        horizon: grid of the predictions.

    Returns:
        An obstacle of each, in the same order; one pose of what stands. Sizes are those of now.

    """
    poses = poses_on_arcs(observed, horizon)
    places = network.places(np.array([complex(*each.pose[:2]) for each in observed]), BESIDE)
    chosen = _chosen(observed, places)
    if len(chosen):
        followers = _followers(places, chosen, network)
        leader, gap = _leaders(observed, places, followers)
        ways = travelled(distances_travelled(observed, horizon), leader, gap, horizon)
        now = poses[followers.index, 0]
        poses[followers.index] = _along(followers, ways[followers.index], now, horizon)
    return obstacles_of(observed, poses)


def _chosen(observed: Sequence[ObservedParticipant], places: Places) -> Indices:
    """Return the place of each vehicle in the lane that it follows, if it does."""
    course = np.array([each.course for each in observed])
    able = np.array(
        [each.speed > 0.0 and each.kind in FOLLOW_LANES for each in observed], dtype=bool
    )
    turn = np.abs(wrapped(course[places.point] - places.direction))
    fits = able[places.point] & (turn < ASTRAY) & (places.outside <= OUTSIDE)
    # where lanes overlap the one whose direction fits best counts
    order = np.flatnonzero(fits)[np.argsort((turn + places.outside)[fits], kind='stable')]
    return order[np.unique(places.point[order], return_index=True)[1]]


def _followers(places: Places, chosen: Indices, network: LaneNetwork) -> _Followers:
    sequences = [network.sequence_from(lane) for lane in places.lane[chosen].tolist()]
    counts = np.array([len(each.left) for each in sequences])
    left = np.concatenate([each.left for each in sequences])
    right = np.concatenate([each.right for each in sequences])
    line = left + np.repeat(places.share[chosen], counts) * (right - left)
    followers = _Followers(
        places.point[chosen],
        chosen,
        line,
        np.append(0.0, np.cumsum(np.abs(np.diff(line)))),
        np.cumsum(counts) - counts,
        np.zeros(len(chosen)),
        np.array([each.first for each in sequences]),
    )
    one = np.arange(len(chosen))
    along = followers.first[one, places.lane[chosen]] + places.along[chosen]
    here = followers.arc_at(one, along)
    return replace(followers, here=here)


def _leaders(
    observed: Sequence[ObservedParticipant], places: Places, followers: _Followers
) -> tuple[Indices, Array]:
    """Return of each participant its leader, -1 for none, and the gap to it [m]."""
    leader, gap = np.full(len(observed), -1), np.zeros(len(observed))
    along, aside, blocks = _extents(observed, places)
    k = followers.place
    one = np.arange(len(k))
    position = followers.first[:, places.lane] + places.along
    own = position[one, k][:, None]
    apart = np.abs(places.share - places.share[k, None]) * places.width
    ahead = blocks & (places.point != followers.index[:, None])
    ahead &= (position > own) & (apart < aside + aside[k, None])
    position[~ahead] = np.inf
    nearest = position.argmin(axis=1)
    led = one[np.isfinite(position[one, nearest])]
    other = nearest[led]
    at = followers.arc_at(led, position[led, other])
    leader[followers.index[led]] = places.point[other]
    gap[followers.index[led]] = at - followers.here[led] - along[k[led]] - along[other]
    return leader, gap


def _extents(
    observed: Sequence[ObservedParticipant], places: Places
) -> tuple[Array, Array, NDArray[np.bool_]]:
    """Return half extents along and across the lane of each place, and whether it is blocked."""
    half_length, half_width, radius = np.array([each.size for each in observed])[places.point].T
    yaw, course, speed = np.array([(s.pose[2], s.course, s.speed) for s in observed])[
        places.point
    ].T
    cos, sin = np.abs(np.cos(yaw - places.direction)), np.abs(np.sin(yaw - places.direction))
    with_lane = np.abs(wrapped(course - places.direction)) < ASTRAY
    return (
        half_length * cos + half_width * sin + radius,
        half_length * sin + half_width * cos + radius,
        with_lane | (speed == 0.0),
    )


def _along(followers: _Followers, ways: Array, now: Array, horizon: Horizon) -> Array:
    """Return poses, shape (F, steps + 1, 3), of vehicles with poses `now`, shape (F, 3)."""
    at = followers.here[:, None] + ways
    points, ahead, behind = np.interp(
        np.array([at, at + CHORD / 2.0, at - CHORD / 2.0]), followers.arc, followers.line
    )
    yaw = np.unwrap(np.angle(ahead - behind))
    off = wrapped(now[:, 2] - yaw[:, 0])
    # of who is turned to the lane, or just outside of it
    yaw += (now[:, 2] - off - yaw[:, 0])[:, None]
    yaw += off[:, None] * np.maximum(1.0 - horizon.times / STRAIGHTENS, 0.0)
    points += (now[:, 0] + 1j * now[:, 1] - points[:, 0])[:, None]
    return np.stack([points.real, points.imag, yaw], axis=-1)
