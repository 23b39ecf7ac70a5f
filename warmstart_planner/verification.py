# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
The independent judge of trajectories.

It shares no code with the solvers: neither the objective, nor the integrator, nor the road's
projection, nor the way obstacles are described to a solver. Between nodes the car is followed
with the nonlinear model under held controls, at SUBSTEPS samples an interval; obstacles are
interpolated between their predicted poses, yaw the short way. Where a car and an obstacle come so
near that they could meet between two samples, that interval is divided until they cannot.

All functions are pure; lengths in metres, angles in radians, map frame, SI.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from warmstart_planner.checks import finite_array
from warmstart_planner.obstacles import Obstacle
from warmstart_planner.problem import PlanningProblem, StopBefore, Trajectory
from warmstart_planner.road import Road
from warmstart_planner.vehicle import (
    GRAVITY,
    PX,
    PY,
    SPEED,
    STATE_SIZE,
    STEERING,
    YAW,
    VehicleParameters,
    load_vehicle,
)

if TYPE_CHECKING:
    from warmstart_planner.scenarios.scenario import Scenario, TrafficParticipant

Array = NDArray[np.float64]

SUBSTEPS = 5  # samples an interval between two nodes
STOPPING_SHARE = 0.6  # of the friction that a stop after the horizon may use
FOOTPRINT_SPACING = 0.5  # of the points on the car's outline that are held against the road [m]
DIVISIONS = 8  # of an interval in which car and obstacle could meet unseen
DIVISION_ROUNDS = 3
GUESS_SPACING = 4.0  # of the vertices that a projection's first guess is chosen from [m]
PROJECTION_ROUNDS = 6
PROJECTION_LOST = 0.1  # distance from its segment at which a foot is searched globally [m]
ABSURD = 1e8  # values beyond are cut, so that judging them cannot overflow
DRIVE_SAMPLE_TIME = 0.02  # of a drive, between driven states [s]


@dataclass(frozen=True)
class Tolerances:
    """
    Violations up to these are none.

    `collision` is the penetration [m]: 0, a clearance of 0 is the limit and margins are the
    planner's business. `road` is how far the outline may be out of the corridor [m]. `limits`
    holds for speed [m/s], steering [rad], acceleration [m/s^2] and steering rate [rad/s] each.
    `friction` [m/s^2] is on the total acceleration. `position` [m], `yaw` [rad], `speed` [m/s] and
    `steering` [rad] are on the sum of the nodes' defects against the model integrated from the
    node before, and on the first node against the problem's initial state. `terminal` [m] is on
    the place where the car comes to a stand after the horizon. A car slower than `standing` [m/s]
    stands.
    """

    collision: float = 0.0
    road: float = 0.02
    limits: float = 1e-3
    friction: float = 0.1
    position: float = 0.05
    yaw: float = 0.01
    speed: float = 0.05
    steering: float = 0.01
    terminal: float = 0.05
    standing: float = 0.05


DEFAULT_TOLERANCES = Tolerances()


@dataclass(frozen=True)
class Verdict:
    """
    What the judge found.

    `collision` [m], `road` [m], `limits` [each its unit], `friction` [m/s^2], `dynamics` [m; the
    other components of a defect are scaled by the ratio of the tolerances] and `terminal` [m] are
    the largest violations of each group, counted from zero. `violation` is the largest of those
    that exceed their tolerance: 0 exactly when `feasible`. `clearance` is the least distance
    between the car's box and any obstacle, negative: how deep they overlap, inf: no obstacles [m].
    `constraint_to_go`, shape (N + 1,), sums the violations that exceed their tolerance from each
    step to the end, all groups together; a step is what happens from its node to the next.
    """

    feasible: bool
    violation: float
    clearance: float
    collision: float
    road: float
    limits: float
    friction: float
    dynamics: float
    terminal: float
    constraint_to_go: Array


@dataclass(frozen=True)
class DriveVerdict:
    """
    What the judge found on a drive.

    `collisions` counts events: one participant overlapping the car for any time on end is one.
    `min_clearance` is the least distance to any participant [m] (negative: depth, inf: none),
    `off_road` how far the outline was out of the corridor at most [m], `collided_with` the names
    in the order of the events and `first_collision` the time of the first [s], None without one.
    """

    collisions: int
    min_clearance: float
    off_road: float
    collided_with: tuple[str, ...]
    first_collision: float | None


def verify(
    problem: PlanningProblem,
    trajectory: Trajectory,
    tolerances: Tolerances = DEFAULT_TOLERANCES,
) -> Verdict:
    """
    Judge a trajectory by all constraints of its problem, between the nodes too.

    - collision: the car's whole box against every obstacle, as exact distance of rounded boxes.
    - road: the whole box inside the corridor; the front not past the road's end unless standing.
    - limits: speed, steering, acceleration, steering rate. Where the start itself is outside, the
      bound is what the car reaches when it returns as fast as it can.
    - friction: sqrt(a^2 + (v^2 tan(steering) / wheelbase)^2) <= friction * g. Where the start
      itself is outside, the bound is what steering back as fast as possible leaves.
    - dynamics: each node against the nonlinear model from the node before, the differences summed
      from the start to each node; the first node against `problem.initial_state` (yaw modulo a
      turn there; within a trajectory yaw is unwrapped).
    - terminal: from the last state the car can stop, with a deceleration of STOPPING_SHARE of the
      friction, before the road's end, and before the station of a `StopBefore` goal; or, where
      that is out of reach from the start too, no further than if it had braked so at once.

    The trajectory may be longer or shorter than the horizon. Collision between samples is seen
    down to a depth of a few millimetres.

    Raises:
        ValueError: the trajectory has another stamp or dt than the problem.

    """
    _check_grid(problem, trajectory)
    samples, ends = _follow(trajectory, problem.vehicle)
    path = _Path(problem.road)
    steps = len(trajectory.states)
    clearance, overlap = _collision(problem, samples, steps)
    groups = {
        'collision': overlap,
        'road': _per_step(_road(path, samples, problem.vehicle, tolerances), steps),
        'limits': _limits(problem, trajectory),
        'friction': _per_step(_friction(problem, trajectory, samples), steps),
        'dynamics': _dynamics(problem, trajectory, ends, tolerances),
        'terminal': _terminal(problem, path, samples, steps),
    }
    allowed = {
        name: tolerances.position if name == 'dynamics' else getattr(tolerances, name)
        for name in groups
    }
    # a violation that cannot be computed is no reason to pass
    stacked = np.nan_to_num(np.stack(list(groups.values())), nan=np.inf, posinf=np.inf)
    beyond = np.where(stacked > np.array(list(allowed.values()))[:, None], stacked, 0.0)
    largest = stacked.max(axis=1)
    violation = float(beyond.max())
    return Verdict(
        feasible=violation == 0.0,
        violation=violation,
        clearance=clearance,
        **dict(zip(groups, largest.tolist(), strict=True)),
        constraint_to_go=np.cumsum(beyond.sum(axis=0)[::-1])[::-1],
    )


def drive_verdict(scenario: Scenario, times: ArrayLike, states: ArrayLike) -> DriveVerdict:
    """
    Judge a drive against the true traffic and the road of its scenario.

    Args:
        scenario: the scenario that was driven.
        times: of the driven states, increasing, shape (T,) [s].
        states: driven states, rear axle, map frame, shape (T, 5); between them the car is
            interpolated at DRIVE_SAMPLE_TIME.

    Raises:
        ValueError: shapes do not match, a value is not finite, or times do not increase.

    """
    given = finite_array('drive.times', times, (None,))
    driven = finite_array('drive.states', states, (len(given), STATE_SIZE))
    if len(given) == 0 or (np.diff(given) <= 0).any():
        raise ValueError('drive.times is empty or does not increase: expected increasing times')
    vehicle = load_vehicle(scenario.vehicle)
    dense = _densified(given)
    unwrapped = np.unwrap(driven[:, YAW])
    columns = [unwrapped if i == YAW else driven[:, i] for i in range(STATE_SIZE)]
    samples = _Samples(*(np.interp(dense, given, column) for column in columns), vehicle)
    off_road = _outside(_Path(scenario.road), samples, vehicle)[0].max()
    events: list[tuple[float, str]] = []
    least = np.inf
    for participant in scenario.traffic:
        distance = _distance_to_participant(participant, dense, samples, vehicle)
        least = min(least, float(distance.min()))
        overlap = distance < 0.0
        begins = overlap & ~np.concatenate([[False], overlap[:-1]])
        events += [(float(t), participant.name) for t in dense[begins]]
    events.sort()
    return DriveVerdict(
        collisions=len(events),
        min_clearance=least,
        off_road=max(float(off_road), 0.0),
        collided_with=tuple(name for _, name in events),
        first_collision=events[0][0] if events else None,
    )


def box_distance(
    relative: Array,
    relative_yaw: Array,
    half: tuple[ArrayLike, ArrayLike],
    other_half: tuple[ArrayLike, ArrayLike],
    radius: ArrayLike = 0.0,
) -> Array:
    """
    Signed distance between a box and a rounded box, element by element.

    Apart, it is the Euclidean distance, which two convex polygons have at a corner of one of
    them. Overlapping, it is minus the shortest translation that separates them, which for boxes
    is along a normal of a side (Gottschalk, Lin, Manocha: OBBTree, SIGGRAPH 1996). Growing the
    second by a radius takes the radius off in both cases.

    Args:
        relative: centre of the second box in the frame of the first, x and y, shape (2, P) [m].
        relative_yaw: yaw of the second box in the frame of the first, shape (P,).
        half: half length and half width of the first box [m].
        other_half: the same of the second, scalars or shape (P,); both 0 for a disc.
        radius: by which the second box is grown, scalar or shape (P,) [m].

    Returns:
        Shape (P,) [m].

    """
    cos, sin = np.cos(relative_yaw), np.sin(relative_yaw)
    x, y = relative
    back = np.stack([cos * x + sin * y, cos * y - sin * x])
    length, width = half
    other_length, other_width = other_half
    abs_cos, abs_sin = np.abs(cos), np.abs(sin)
    gap = np.abs(relative)
    other_gap = np.abs(back)
    apart = gap[0] - (length + other_length * abs_cos + other_width * abs_sin)
    for value in (
        gap[1] - (width + other_length * abs_sin + other_width * abs_cos),
        other_gap[0] - (other_length + length * abs_cos + width * abs_sin),
        other_gap[1] - (other_width + length * abs_sin + width * abs_cos),
    ):
        np.maximum(apart, value, out=apart)
    square = np.minimum(
        _corner_distance_square(x, y, cos, sin, other_length, other_width, length, width),
        _corner_distance_square(
            -back[0], -back[1], cos, -sin, length, width, other_length, other_width
        ),
    )
    return np.where(apart > 0.0, np.sqrt(square), apart) - radius


def _corner_distance_square(
    x: Array,
    y: Array,
    cos: Array,
    sin: Array,
    length: ArrayLike,
    width: ArrayLike,
    box_length: ArrayLike,
    box_width: ArrayLike,
) -> Array:
    """Least squared distance of the corners of a box at (x, y) from an upright box at 0."""
    along = np.stack([length * cos, length * sin])
    across = np.stack([-width * sin, width * cos])
    diagonal = np.stack([along + across, along - across])
    corners = np.concatenate([diagonal, -diagonal]) + np.stack([x, y])
    out = np.abs(corners)
    out[:, 0] -= box_length
    out[:, 1] -= box_width
    np.maximum(out, 0.0, out=out)
    out *= out
    return out.sum(axis=1).min(axis=0)


class _Samples:
    """The car along a trajectory: rear axle and box centre at M times."""

    def __init__(
        self,
        x: Array,
        y: Array,
        yaw: Array,
        speed: Array,
        steering: Array,
        vehicle: VehicleParameters,
    ) -> None:
        self.yaw, self.speed, self.steering = yaw, speed, steering
        self.cos, self.sin = np.cos(yaw), np.sin(yaw)
        self.x = x + vehicle.rear_to_center * self.cos
        self.y = y + vehicle.rear_to_center * self.sin

    def __len__(self) -> int:
        return len(self.yaw)


@cache
def _integration_weights() -> Array:
    """
    Weights that integrate the polynomial through SUBSTEPS + 1 equal samples of [0, 1].

    Row i gives the integral from 0 to sample i (Newton-Cotes of that order).
    """
    grid = np.linspace(0.0, 1.0, SUBSTEPS + 1)
    power = np.arange(SUBSTEPS + 1)
    integral = grid[:, None] ** (power + 1) / (power + 1)
    return integral @ np.linalg.inv(grid[:, None] ** power)


def _follow(trajectory: Trajectory, vehicle: VehicleParameters) -> tuple[_Samples, Array]:
    """
    Follow the model from every node through its interval, the control held.

    Speed and steering are then linear in time, and yaw and position are integrals of known
    functions, taken by one quadrature over the interval.

    Returns:
        Samples, M = SUBSTEPS * N + 1, and the states where the intervals end, shape (N, 5).

    """
    states = np.clip(trajectory.states, -ABSURD, ABSURD)
    controls = np.clip(trajectory.controls, -ABSURD, ABSURD)
    begin = states[:-1, :, None]
    elapsed = np.linspace(0.0, trajectory.dt, SUBSTEPS + 1)
    speed = begin[:, SPEED] + controls[:, :1] * elapsed
    steering = begin[:, STEERING] + controls[:, 1:] * elapsed
    weights = trajectory.dt * _integration_weights().T
    yaw = begin[:, YAW] + (speed * np.tan(steering) / vehicle.wheelbase) @ weights
    x = begin[:, PX] + (speed * np.cos(yaw)) @ weights
    y = begin[:, PY] + (speed * np.sin(yaw)) @ weights
    series = np.stack([x, y, yaw, speed, steering])
    inside = series[:, :, :-1].reshape(STATE_SIZE, -1)
    samples = np.concatenate([inside, states[-1:].T], axis=1)
    return _Samples(*samples, vehicle), series[:, :, -1].T


def _per_step(sampled: Array, steps: int) -> Array:
    """Largest value from each node to the next, from one value a sample."""
    result = np.empty(steps)
    result[:-1] = sampled[:-1].reshape(steps - 1, SUBSTEPS).max(axis=1)
    result[-1] = sampled[-1]
    return result


def _check_grid(problem: PlanningProblem, trajectory: Trajectory) -> None:
    if len(trajectory.states) < 2:
        raise ValueError('trajectory.states has 1 node: expected at least 2')
    if abs(trajectory.dt - problem.horizon.dt) > 1e-9:
        raise ValueError(f'trajectory.dt is {trajectory.dt}: expected {problem.horizon.dt}')
    if abs(trajectory.stamp - problem.stamp) > 1e-6:
        raise ValueError(f'trajectory.stamp is {trajectory.stamp}: expected {problem.stamp}')


# --- collision ---


def _collision(problem: PlanningProblem, ego: _Samples, steps: int) -> tuple[float, Array]:
    """Clearance and, for each step, the deepest overlap."""
    if not problem.obstacles:
        return np.inf, np.zeros(steps)
    poses = _obstacle_samples(problem.obstacles, steps)
    pairs = _Pairs(ego, poses, problem.obstacles, problem.vehicle)
    which, when, distance = pairs.near()
    deepest = np.full(steps, np.inf)
    np.minimum.at(deepest, when // SUBSTEPS, distance)
    between, at = pairs.between(which, when, distance)
    np.minimum.at(deepest, at // SUBSTEPS, between)
    return float(deepest.min()), np.maximum(-deepest, 0.0)


def _obstacle_samples(obstacles: Sequence[Obstacle], steps: int) -> Array:
    """Poses at the sample times, shape (3, O, M): x, y, unwrapped yaw."""
    poses = np.stack([obstacle.poses_at(steps) for obstacle in obstacles])
    delta = np.diff(poses, axis=1)
    delta[..., 2] -= 2 * np.pi * np.round(delta[..., 2] / (2 * np.pi))
    poses[:, 1:, 2] = poses[:, :1, 2] + np.cumsum(delta[..., 2], axis=1)
    fraction = np.arange(SUBSTEPS) / SUBSTEPS
    inside = poses[:, :-1, None] + delta[:, :, None] * fraction[:, None]
    flat = np.concatenate([inside.reshape(len(poses), -1, 3), poses[:, -1:]], axis=1)
    return np.moveaxis(flat, 2, 0)


class _Pairs:
    """Car and obstacles at the sample times; exact distances of the pairs that matter."""

    def __init__(
        self,
        ego: _Samples,
        poses: Array,
        obstacles: Sequence[Obstacle],
        vehicle: VehicleParameters,
    ) -> None:
        self.half = (vehicle.length / 2, vehicle.width / 2)
        self.size = np.array([[o.half_length, o.half_width, o.radius] for o in obstacles]).T
        self.reach = np.hypot(self.size[0], self.size[1]) + self.size[2]
        self.yaw = poses[2] - ego.yaw
        dx, dy = poses[0] - ego.x, poses[1] - ego.y
        self.x = ego.cos * dx + ego.sin * dy
        self.y = ego.cos * dy - ego.sin * dx
        # distance of the obstacle's centre from the car's box, in the maximum norm
        self.gap = np.maximum(np.abs(self.x) - self.half[0], np.abs(self.y) - self.half[1])

    def exact(self, which: NDArray[np.intp], x: Array, y: Array, yaw: Array) -> Array:
        """Signed distance of the car from obstacles at relative poses."""
        length, width, radius = self.size[:, which]
        return box_distance(np.stack([x, y]), yaw, self.half, (length, width), radius)

    def near(self) -> tuple[NDArray[np.intp], NDArray[np.intp], Array]:
        """
        Pairs that can overlap or be the nearest of all: obstacle, sample and distance.

        A circle about an obstacle's centre bounds its distance from below, a circle inside it
        from above.
        """
        gap = self.gap
        inner = np.minimum(self.size[0], self.size[1]) + self.size[2]
        nearest = (np.maximum(gap, np.sqrt(2) * gap) - inner[:, None]).min()
        which, when = np.nonzero(gap - self.reach[:, None] <= max(nearest, 0.0))
        pick = (which, when)
        return which, when, self.exact(which, self.x[pick], self.y[pick], self.yaw[pick])

    def between(
        self, which: NDArray[np.intp], when: NDArray[np.intp], distance: Array
    ) -> tuple[Array, NDArray[np.intp]]:
        """
        Distances inside the intervals where a pair could overlap unseen, and about the nearest.

        Returns:
            Distances and the sample that each follows.

        """
        known = self.gap - self.reach[:, None]
        known[which, when] = distance
        pose = np.stack([self.x, self.y, self.yaw])
        motion = self._motion(np.diff(pose, axis=2), self.reach[:, None])
        suspect = _may_overlap(known[:, :-1], known[:, 1:], motion)
        nearest = int(np.argmin(distance))
        suspect[which[nearest], max(when[nearest] - 1, 0) : when[nearest] + 1] = True
        obstacle, sample = np.nonzero(suspect)
        begin, end = pose[:, obstacle, sample], pose[:, obstacle, sample + 1]
        found: list[Array] = []
        at: list[NDArray[np.intp]] = []
        for _ in range(DIVISION_ROUNDS):
            if len(obstacle) == 0:
                break
            # row j: the pose after j of DIVISIONS parts of each interval
            part = np.arange(DIVISIONS + 1)[:, None] / DIVISIONS
            poses = begin[:, None] + (end - begin)[:, None] * part
            owner = np.broadcast_to(obstacle, poses.shape[1:])
            gaps = self.exact(owner.ravel(), *poses.reshape(3, -1)).reshape(owner.shape)
            found.append(gaps.ravel())
            at.append(np.broadcast_to(sample, owner.shape).ravel())
            motion = self._motion((end - begin) / DIVISIONS, self.reach[obstacle])
            row, column = np.nonzero(_may_overlap(gaps[:-1], gaps[1:], motion))
            begin, end = poses[:, row, column], poses[:, row + 1, column]
            obstacle, sample = obstacle[column], sample[column]
        return np.concatenate(found), np.concatenate(at)

    @staticmethod
    def _motion(change: Array, reach: Array) -> Array:
        """How far an outline within `reach` moves at most in the car's frame."""
        return np.hypot(change[0], change[1]) + np.abs(change[2]) * reach


def _may_overlap(begin: Array, end: Array, motion: Array) -> NDArray[np.bool_]:
    """Whether two that are apart at both ends can overlap between them."""
    return (begin + end < motion) & (begin >= 0.0) & (end >= 0.0)


# --- road ---


class _Path:
    """The road's reference path as a polyline, with a projection that starts from a guess."""

    def __init__(self, road: Road) -> None:
        self.road = road
        dx, dy = np.diff(road.x), np.diff(road.y)
        self.length = np.maximum(np.hypot(dx, dy), 1e-9)
        self.cos, self.sin = dx / self.length, dy / self.length
        self.scale = np.diff(road.station) / self.length
        self.longest = float(self.length.max())
        self.stride = max(int(GUESS_SPACING * len(dx) / (road.end - road.start)), 1)
        self.lower, self.upper = road.station[:-1].copy(), road.station[1:].copy()
        self.lower[0], self.upper[-1] = -np.inf, np.inf

    def guess(self, x: Array, y: Array) -> Array:
        """Station of the nearest of a few vertices of the path."""
        return self.road.station[self._nearest_vertex(x, y)]

    def _nearest_vertex(self, x: Array, y: Array) -> NDArray[np.intp]:
        dx = x[:, None] - self.road.x[:: self.stride]
        dy = y[:, None] - self.road.y[:: self.stride]
        return np.argmin(dx * dx + dy * dy, axis=1) * self.stride

    def project(self, x: Array, y: Array, guess: Array) -> tuple[Array, Array, NDArray[np.intp]]:
        """
        Project points to the path by Newton's method; it goes on straight beyond its ends.

        Returns:
            Station, offset (left positive) and segment, each of shape (P,).

        """
        guess = np.array(guess)
        station, offset, segment, excess = self._foot(x, y, guess)
        for _ in range(PROJECTION_ROUNDS):
            todo = np.flatnonzero(excess > 0.0)
            if len(todo) == 0:
                break
            bend = 1.0 - self.road.curvature[segment[todo]] * offset[todo]
            # on a bend a step along the tangent is a longer or shorter one along the path
            guess[todo] += (station[todo] - guess[todo]) / np.clip(bend, 0.3, 3.0)
            new = self._foot(x[todo], y[todo], guess[todo])
            for array, value in zip((station, offset, segment, excess), new, strict=True):
                array[todo] = value
        # outside a corner of the polyline neither segment has the foot: the corner is it
        np.clip(station, self.lower[segment], self.upper[segment], out=station)
        lost = np.flatnonzero(excess > PROJECTION_LOST)
        if len(lost):
            station[lost], offset[lost], segment[lost] = self._search(x[lost], y[lost])
        return station, offset, segment

    def _search(self, x: Array, y: Array) -> tuple[Array, Array, NDArray[np.intp]]:
        """Nearest foot on all segments about the nearest of a few vertices."""
        road = self.road
        around = np.arange(-self.stride - 1, self.stride + 1)
        segment = self._nearest_vertex(x, y)[:, None] + around
        np.clip(segment, 0, len(self.length) - 1, out=segment)
        dx, dy = x[:, None] - road.x[segment], y[:, None] - road.y[segment]
        cos, sin = self.cos[segment], self.sin[segment]
        past = (self.lower == -np.inf)[segment], (self.upper == np.inf)[segment]
        along = cos * dx + sin * dy
        along = np.where((along < 0.0) & ~past[0], 0.0, along)
        along = np.where((along > self.length[segment]) & ~past[1], self.length[segment], along)
        gap = np.hypot(dx - along * cos, dy - along * sin)
        row, column = np.arange(len(x)), np.argmin(gap, axis=1)
        best = segment[row, column]
        side = np.sign(cos * dy - sin * dx)[row, column]
        station = road.station[best] + along[row, column] * self.scale[best]
        return station, side * gap[row, column], best

    def segment(self, station: Array) -> NDArray[np.intp]:
        return np.searchsorted(self.road.station[1:-1], station, side='right')

    def _foot(
        self, x: Array, y: Array, guess: Array
    ) -> tuple[Array, Array, NDArray[np.intp], Array]:
        """Foot on the line of the segment at a guess, and how far it is past the ends."""
        road = self.road
        segment = self.segment(guess)
        dx, dy = x - road.x[segment], y - road.y[segment]
        cos, sin = self.cos[segment], self.sin[segment]
        station = road.station[segment] + (cos * dx + sin * dy) * self.scale[segment]
        excess = np.maximum(self.lower[segment] - station, station - self.upper[segment])
        return station, cos * dy - sin * dx, segment, excess

    def widths(self, station: Array, segment: NDArray[np.intp]) -> tuple[Array, Array]:
        """Corridor to the left and right at stations whose segments are known."""
        road = self.road
        begin = road.station[segment]
        span = road.station[segment + 1] - begin
        part = np.clip((station - begin) / span, 0.0, 1.0)
        left, right = (
            width[segment] + part * (width[segment + 1] - width[segment])
            for width in (road.left_width, road.right_width)
        )
        return left, right

    def bounds(self, station: Array, reach: float) -> tuple[Array, Array, Array]:
        """
        Least widths (left, right) and largest curvature of the path within a reach of stations.

        The road is cut into blocks no shorter than the reach; a station's own block and its
        neighbours hold all that is within reach.
        """
        road = self.road
        block = max(reach, 2.0 * float(np.diff(road.station).max()))
        count = int((road.end - road.start) / block) + 1
        first = np.searchsorted(road.station, road.start + block * np.arange(count))
        turn = np.arctan2(
            self.cos[:-1] * self.sin[1:] - self.sin[:-1] * self.cos[1:],
            self.cos[:-1] * self.cos[1:] + self.sin[:-1] * self.sin[1:],
        )
        bend = np.zeros(len(road.x))
        bend[1:-1] = np.abs(turn) / np.minimum(self.length[:-1], self.length[1:])
        index = np.clip((station - road.start) / block, 0, count - 1).astype(int)
        return (
            _with_neighbours(np.minimum, road.left_width, first)[index],
            _with_neighbours(np.minimum, road.right_width, first)[index],
            _with_neighbours(np.maximum, bend, first)[index],
        )


def _with_neighbours(pick: np.ufunc, values: Array, first: NDArray[np.intp]) -> Array:
    """Pick from each block of values, beginning at indices `first`, and the blocks beside it."""
    own = pick.reduceat(values, first)
    result = own.copy()
    result[1:] = pick(result[1:], own[:-1])
    result[:-1] = pick(result[:-1], own[1:])
    return result


@cache
def _outline(length: float, width: float) -> Array:
    """Points about a box's outline, corners and every FOOTPRINT_SPACING, shape (2, F)."""
    along, across = (
        np.linspace(-size / 2, size / 2, int(np.ceil(size / FOOTPRINT_SPACING)) + 1)
        for size in (length, width)
    )
    sides = [np.stack([along, np.full_like(along, side * width / 2)]) for side in (1, -1)]
    ends = [
        np.stack([np.full(len(across) - 2, end * length / 2), across[1:-1]]) for end in (1, -1)
    ]
    return np.concatenate(sides + ends, axis=1)


def _outside(path: _Path, ego: _Samples, vehicle: VehicleParameters) -> tuple[Array, Array]:
    """
    How far the outline is out of the corridor at most, and past the road's end, shape (M,).

    Samples that a bound shows to be inside are not measured: they have 0 and -inf.
    """
    reach = float(np.hypot(vehicle.length, vehicle.width)) / 2
    station, offset, segment = path.project(ego.x, ego.y, _sample_guess(path, ego))
    left, right, bend = path.bounds(station, 1.5 * reach + 1.0)
    # the outline's extent about the foot's tangent, and the path's deviation from that tangent
    cos, sin = path.cos[segment], path.sin[segment]
    across = np.abs(cos * ego.sin - sin * ego.cos)
    along = np.abs(cos * ego.cos + sin * ego.sin)
    extent = across * vehicle.length / 2 + along * vehicle.width / 2
    deviation = bend * (1.5 * reach) * (0.75 * reach + path.longest)
    inside = np.minimum(left - offset, right + offset) > extent + deviation
    inside &= bend * (np.abs(offset) + extent) < 0.3
    inside &= bend * reach < 0.4
    inside &= station + 1.5 * reach < path.road.end
    # where the centre itself is far outside, the outline need not be measured to the millimetre
    left, right = path.widths(station, segment)
    lateral = np.maximum(offset - left, -offset - right) + extent
    away = lateral > extent + reach
    lateral[~away] = 0.0
    past = np.where(away, station + extent - path.road.end, -np.inf)
    check = np.flatnonzero(~inside & ~away)
    if len(check):
        lateral[check], past[check] = _measure_outside(path, ego, vehicle, check, station)
    return lateral, past


def _sample_guess(path: _Path, ego: _Samples) -> Array:
    """Guess of the station of each sample, from every SUBSTEPS-th."""
    coarse = path.guess(ego.x[::SUBSTEPS], ego.y[::SUBSTEPS])
    return np.repeat(coarse, SUBSTEPS)[: len(ego)]


def _measure_outside(
    path: _Path,
    ego: _Samples,
    vehicle: VehicleParameters,
    check: NDArray[np.intp],
    station: Array,
) -> tuple[Array, Array]:
    """Measure the outline's points at the samples `check` against the corridor."""
    along, across = _outline(vehicle.length, vehicle.width)
    cos, sin = ego.cos[check, None], ego.sin[check, None]
    dx, dy = cos * along - sin * across, sin * along + cos * across
    x, y = (ego.x[check, None] + dx).ravel(), (ego.y[check, None] + dy).ravel()
    segment = path.segment(station[check])[:, None]
    guess = station[check, None] + path.cos[segment] * dx + path.sin[segment] * dy
    at, offset, segment = path.project(x, y, guess.ravel())
    left, right = path.widths(at, segment)
    beyond = np.maximum(offset - left, -offset - right).reshape(dx.shape)
    return beyond.max(axis=1), at.reshape(dx.shape).max(axis=1) - path.road.end


def _road(path: _Path, ego: _Samples, vehicle: VehicleParameters, tolerances: Tolerances) -> Array:
    """Violation of the corridor at each sample, shape (M,)."""
    lateral, past = _outside(path, ego, vehicle)
    moving = np.abs(ego.speed) > tolerances.standing
    return np.maximum(np.maximum(lateral, np.where(moving, past, 0.0)), 0.0)


# --- the car's limits ---


def _limits(problem: PlanningProblem, trajectory: Trajectory) -> Array:
    """Violation of the bounds on speed, steering and controls at each node, shape (N + 1,)."""
    vehicle = problem.vehicle
    states, controls = trajectory.states, trajectory.controls
    elapsed = np.arange(len(states)) * trajectory.dt
    result = np.zeros(len(states))
    braking = min(vehicle.deceleration_max, problem.friction * GRAVITY)
    speeding = min(vehicle.acceleration_max, problem.friction * GRAVITY)
    for index, least, most, down, up in (
        (SPEED, 0.0, vehicle.speed_max, braking, speeding),
        (STEERING, -vehicle.steering_max, vehicle.steering_max, *[vehicle.steering_rate_max] * 2),
    ):
        start = problem.initial_state[index]
        np.maximum(result, states[:, index] - np.maximum(most, start - down * elapsed), out=result)
        np.maximum(result, np.minimum(least, start + up * elapsed) - states[:, index], out=result)
    over = np.maximum(controls - vehicle.control_upper, vehicle.control_lower - controls)
    result[:-1] = np.maximum(result[:-1], over.max(axis=1))
    return result


def _friction(problem: PlanningProblem, trajectory: Trajectory, ego: _Samples) -> Array:
    """Acceleration beyond the friction circle at each sample, shape (M,)."""
    vehicle = problem.vehicle
    lateral = ego.speed**2 * np.tan(ego.steering) / vehicle.wheelbase
    along = np.repeat(trajectory.controls[:, 0], SUBSTEPS)
    total = np.abs(lateral)
    total[:-1] = np.hypot(lateral[:-1], along)
    elapsed = np.arange(len(ego)) * (trajectory.dt / SUBSTEPS)
    start = problem.initial_state
    steering = np.maximum(abs(start[STEERING]) - vehicle.steering_rate_max * elapsed, 0.0)
    least = start[SPEED] ** 2 * np.tan(steering) / vehicle.wheelbase
    return np.maximum(total - np.maximum(problem.friction * GRAVITY, least), 0.0)


# --- dynamics ---


def _dynamics(
    problem: PlanningProblem, trajectory: Trajectory, ends: Array, tolerances: Tolerances
) -> Array:
    """
    Defect of each node, scaled to metres, shape (N + 1,).

    Defects are summed, with their signs, up to each node: each by itself may be small where the
    whole is a slip that no car can follow. What a node is off belongs to the step that it ends;
    the first node's own distance from the initial state to step 0.
    """
    scale = tolerances.position / np.array([tolerances.yaw, tolerances.speed, tolerances.steering])
    states = trajectory.states
    defect = np.abs(np.cumsum(states[1:] - ends, axis=0))
    first = np.abs(states[0] - problem.initial_state)
    first[YAW] = np.abs((first[YAW] + np.pi) % (2 * np.pi) - np.pi)
    everything = np.concatenate([defect, first[None]])
    scaled = np.maximum(
        np.hypot(everything[:, PX], everything[:, PY]), (everything[:, YAW:] * scale).max(axis=1)
    )
    result = np.zeros(len(states))
    result[:-1] = scaled[:-1]
    result[0] = max(result[0], scaled[-1])
    return result


# --- what comes after ---


def _terminal(problem: PlanningProblem, path: _Path, ego: _Samples, steps: int) -> Array:
    """Distance by which a stop after the last state comes too late, at the last step."""
    vehicle = problem.vehicle
    ends = np.array([0, -1])
    x = ego.x[ends] + ego.cos[ends] * vehicle.length / 2
    y = ego.y[ends] + ego.sin[ends] * vehicle.length / 2
    front = path.project(x, y, path.guess(x, y))[0]
    braking = min(problem.friction * GRAVITY * STOPPING_SHARE, vehicle.deceleration_max)
    start, end = front + ego.speed[ends] ** 2 / (2 * braking)
    limit = path.road.end
    if isinstance(problem.goal, StopBefore):
        limit = min(limit, problem.goal.station)
    result = np.zeros(steps)
    result[-1] = max(end - max(limit, start), 0.0)
    return result


# --- drives ---


def _densified(times: Array) -> Array:
    """Divide times into equal parts of at most DRIVE_SAMPLE_TIME."""
    parts = np.ceil(np.diff(times) / DRIVE_SAMPLE_TIME - 1e-9).astype(int).clip(1)
    pieces = [
        np.linspace(begin, end, count, endpoint=False)
        for begin, end, count in zip(times[:-1], times[1:], parts, strict=True)
    ]
    return np.concatenate([*pieces, times[-1:]])


def _distance_to_participant(
    participant: TrafficParticipant, times: Array, ego: _Samples, vehicle: VehicleParameters
) -> Array:
    """Signed distance at each time, inf where the participant does not exist."""
    poses = [participant.pose_at(float(t)) for t in times]
    there = np.flatnonzero([pose is not None for pose in poses])
    result = np.full(len(times), np.inf)
    if len(there) == 0:
        return result
    x, y, yaw = np.array([poses[i] for i in there]).T
    dx, dy = x - ego.x[there], y - ego.y[there]
    cos, sin = ego.cos[there], ego.sin[there]
    result[there] = box_distance(
        np.stack([cos * dx + sin * dy, cos * dy - sin * dx]),
        yaw - ego.yaw[there],
        (vehicle.length / 2, vehicle.width / 2),
        (participant.half_length, participant.half_width),
        participant.radius,
    )
    return result
