# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
From a planning problem to the numbers that the solvers' functions read, and back.

Problems are solved in the ego-centred frame: origin at the first state's rear axle, x along its
heading. Solvers then see the same numbers wherever on the map, and however often turned, the car
is.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from warmstart_planner.checks import number
from warmstart_planner.objective import (
    ANCHOR_FIELDS,
    ANCHORS,
    OBSTACLE_PARAMETERS,
    SCALAR_FIELDS,
    WINDOW_FIELDS,
)
from warmstart_planner.obstacles import sizes_of
from warmstart_planner.problem import PlanningProblem
from warmstart_planner.road import Road
from warmstart_planner.targets import (
    COMFORT_DECELERATION,
    stop_station,
    target_offsets,
    target_speeds,
)
from warmstart_planner.vehicle import (
    CONTROL_SIZE,
    GRAVITY,
    PX,
    SPEED,
    STEERING,
    STEERING_RATE,
    YAW,
    VehicleParameters,
)

BEHIND = 6.0  # road described behind the car [m]
BEYOND = 12.0  # and beyond what it can reach within the horizon [m]
FARTHEST = 300.0  # that reach at most [m]
LEAST_SPEED = 3.0  # it is reckoned with [m/s]
FAST_ACCELERATION = 3.0  # [m/s^2]
STEERING_RATE_USE = 0.9  # share of it that is planned with; the controller follows with the rest
RETURN_USE = 0.8  # share of the controls with which a state moves back inside its bounds
ANYWHERE = 1e6  # a station beyond it is no bound [m]
STEP_WINDOW = 0.75  # cells to either side of an anchor within which its edge counts
FINE_RADIUS = 20.0  # bends tighter than it are described more finely, as much as tighter [m]


@dataclass(frozen=True)
class Margins:
    """
    What is kept free beyond the hard limits.

    `obstacle` and `road` are distances [m], `grip` is the used share of the friction circle. Of
    the distance to obstacles only the share `obstacle_now` is demanded at once, all of it after
    `settling_time` [s]: where noise moves an obstacle a little nearer, the car gives way calmly.
    """

    obstacle: float = 0.3
    road: float = 0.1
    grip: float = 0.85
    obstacle_now: float = 0.4
    settling_time: float = 1.0

    def __post_init__(self) -> None:
        """Refuse margins that make no sense."""
        number('margins.obstacle', self.obstacle, at_least=0.0, at_most=5.0)
        number('margins.road', self.road, at_least=0.0, at_most=5.0)
        number('margins.grip', self.grip, at_least=0.1, at_most=1.0)
        number('margins.obstacle_now', self.obstacle_now, at_least=0.0, at_most=1.0)
        number('margins.settling_time', self.settling_time, at_least=1e-3, at_most=10.0)

    def obstacle_at(self, times: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the distance to obstacles that is demanded at times of the horizon [m]."""
        settled = np.minimum(times / self.settling_time, 1.0)
        return self.obstacle * (self.obstacle_now + (1.0 - self.obstacle_now) * settled)


@dataclass(frozen=True)
class Frame:
    """A pose (x, y, yaw) in the map; changes poses between the map and itself."""

    x: float
    y: float
    yaw: float

    def localise(self, poses: NDArray[np.float64]) -> NDArray[np.float64]:
        """Map → this frame, for arrays (..., n >= 3) that start with x, y, yaw."""
        c, s = np.cos(self.yaw), np.sin(self.yaw)
        dx, dy = poses[..., 0] - self.x, poses[..., 1] - self.y
        result = np.array(poses, dtype=float)
        result[..., 0], result[..., 1] = c * dx + s * dy, c * dy - s * dx
        result[..., 2] = poses[..., 2] - self.yaw
        return result

    def globalise(self, poses: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return poses of this frame in the map; the inverse of `localise`."""
        c, s = np.cos(self.yaw), np.sin(self.yaw)
        result = np.array(poses, dtype=float)
        result[..., 0] = self.x + c * poses[..., 0] - s * poses[..., 1]
        result[..., 1] = self.y + s * poses[..., 0] + c * poses[..., 1]
        result[..., 2] = poses[..., 2] + self.yaw
        return result


@dataclass(frozen=True)
class Transcription:
    """
    A planning problem as numbers, in the ego-centred `frame`.

    `initial_state` (5,); `road` (ROAD_PARAMETERS,); `obstacles` (M, N + 1, OBSTACLE_PARAMETERS)
    with the margin in the radius; `state_lower` and `state_upper` (N + 1, 5): the car's bounds,
    widened to what it can reach where it starts outside of them; `windows` (N + 1,
    len(WINDOW_FIELDS)): where each node is wanted.
    """

    frame: Frame
    initial_state: NDArray[np.float64]
    road: NDArray[np.float64]
    obstacles: NDArray[np.float64]
    state_lower: NDArray[np.float64]
    state_upper: NDArray[np.float64]
    windows: NDArray[np.float64]


def transcribe(problem: PlanningProblem, margins: Margins) -> Transcription:
    """Return the numbers of a problem: by compiled code where there is some."""
    from warmstart_planner.compiled_problem import library

    return library.transcribe(problem, margins) or by_numpy(problem, margins)


def by_numpy(problem: PlanningProblem, margins: Margins) -> Transcription:
    """Return the numbers of a problem; the reference of the compiled transcription."""
    frame = Frame(*(float(value) for value in problem.initial_state[PX : YAW + 1]))
    lower, upper = state_envelope(problem)
    return Transcription(
        frame=frame,
        initial_state=frame.localise(problem.initial_state),
        road=road_parameters(problem, frame, margins),
        obstacles=obstacle_parameters(problem, frame, margins),
        state_lower=lower,
        state_upper=upper,
        windows=arrival_windows(problem),
    )


def state_envelope(
    problem: PlanningProblem,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """
    State bounds at every node, shape (N + 1, 5) each.

    A state that starts beyond a bound must move back at RETURN_USE of what the controls allow,
    which keeps the problem solvable and says at every node how far outside it may be.
    """
    vehicle, times = problem.vehicle, problem.horizon.times
    lower = np.tile(vehicle.state_lower, (len(times), 1))
    upper = np.tile(vehicle.state_upper, (len(times), 1))
    start = problem.initial_state
    for state, control in ((SPEED, 0), (STEERING, 1)):
        falling = start[state] + RETURN_USE * vehicle.control_lower[control] * times
        rising = start[state] + RETURN_USE * vehicle.control_upper[control] * times
        upper[:, state] = np.maximum(upper[:, state], falling)
        lower[:, state] = np.minimum(lower[:, state], rising)
    return lower, upper


def control_bounds(
    vehicle: VehicleParameters,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """
    Bounds of the controls that are planned with, shape (2,) each.

    A plan that steered as fast as the car can could not be followed: a car whose wheels are late
    would never catch up.
    """
    share = np.ones(CONTROL_SIZE)
    share[STEERING_RATE] = STEERING_RATE_USE
    return share * vehicle.control_lower, share * vehicle.control_upper


def road_parameters(
    problem: PlanningProblem, frame: Frame, margins: Margins
) -> NDArray[np.float64]:
    """Scalars and anchors of the road ahead, shape (ROAD_PARAMETERS,), in `frame`."""
    road, vehicle = problem.road, problem.vehicle
    centre = box_centre_point(problem.initial_state, vehicle)
    here = float(road.project(centre, problem.here)[0])
    fine = _stations_ahead(problem, here)
    cells = _cells(road, fine)
    station = cells.station
    poses = frame.localise(road.poses(station))
    margin = edge_margin(problem, margins.road, fine)
    left, left_slope = _edge(road.at('left_width', fine), margin, fine, cells).T
    right, right_slope = _edge(road.at('right_width', fine), margin, fine, cells).T
    offset, offset_slope = _lines(target_offsets(problem, fine), fine, cells).T
    speed, speed_slope = _lines(target_speeds(problem, fine), fine, cells).T
    anchors = {
        'x': poses[:, 0],
        'y': poses[:, 1],
        'cos': np.cos(poses[:, 2]),
        'sin': np.sin(poses[:, 2]),
        'curvature': np.diff(road.at('heading', cells.edges)) / cells.length,
        'station': station - here,
        'left': left,
        'left_slope': left_slope,
        'right': right,
        'right_slope': right_slope,
        'offset': offset,
        'offset_slope': offset_slope,
        'speed': speed,
        'speed_slope': speed_slope,
    }
    scalars = {
        'grip': margins.grip * problem.friction * GRAVITY,
        'stop_station': stop_station(problem) - here,
        'blend_square': 0.1 * np.diff(station).min() ** 2,
    }
    columns = np.stack([anchors[name] for name in ANCHOR_FIELDS], axis=1)
    return np.concatenate([[scalars[name] for name in SCALAR_FIELDS], columns.ravel()])


def arrival_windows(problem: PlanningProblem) -> NDArray[np.float64]:
    """
    Return where each node is wanted, shape (N + 1, len(WINDOW_FIELDS)); anywhere, but for one.

    Stations are those of the centre of the car's box, from its own now on [m].
    """
    arrival, steps = problem.timed_target.arrival, problem.horizon.steps
    if arrival is None:
        return _unwanted(steps)
    centre = box_centre_point(problem.initial_state, problem.vehicle)
    here = float(problem.road.project(centre, problem.here)[0])
    node = min(max(round(arrival.time / problem.horizon.dt), 1), steps)
    yaw = float(problem.initial_state[YAW])
    windows = _unwanted(steps).copy()
    windows[node] = np.clip(arrival[1:], -ANYWHERE, ANYWHERE)
    windows[node, :2] -= here
    if np.isfinite(arrival.clockwise):
        # as many turns as bring the middle nearest to where the car faces
        middle = (arrival.clockwise + arrival.anticlockwise) / 2
        windows[node, 6:] -= yaw + 2 * np.pi * np.round((middle - yaw) / (2 * np.pi))
    return windows


@cache
def _unwanted(steps: int) -> NDArray[np.float64]:
    windows = np.tile([-ANYWHERE, ANYWHERE], (steps + 1, len(WINDOW_FIELDS) // 2))
    windows.flags.writeable = False
    return windows


def edge_margin(
    problem: PlanningProblem, margin: float, station: NDArray[np.float64]
) -> NDArray[np.float64]:
    """
    Return what is kept free to each edge of the road by station [m].

    It is less where the road is hardly wider than what the car sweeps, in a bend more than its
    width: there each side has a quarter of what is left.
    """
    road, vehicle = problem.road, problem.vehicle
    room = road.at('left_width', station) + road.at('right_width', station)
    swept = vehicle.swept_width(road.at('curvature', station))
    return np.clip((room - swept) / 4, 0.0, margin)


@dataclass(frozen=True)
class _Cells:
    """Stations of the anchors, shape (ANCHORS,), and the edges of what each stands for [m]."""

    station: NDArray[np.float64]
    edges: NDArray[np.float64]

    @property
    def length(self) -> NDArray[np.float64]:
        """Of each cell, shape (ANCHORS,) [m]."""
        return np.diff(self.edges)


def _cells(road: Road, fine: NDArray[np.float64]) -> _Cells:
    """Spread the anchors over evenly spaced stations, closer together in tight bends."""
    density = np.maximum(FINE_RADIUS * np.abs(road.at('curvature', fine)), 1.0)
    count = np.concatenate([[0.0], np.cumsum(density[1:] + density[:-1])])
    station = np.interp(np.linspace(0.0, count[-1], ANCHORS), count, fine)
    halves = np.diff(station) / 2
    first, last = station[0] - halves[0], station[-1] + halves[-1]
    return _Cells(station, np.concatenate([[first], station[:-1] + halves, [last]]))


def _lines(
    profile: NDArray[np.float64], fine: NDArray[np.float64], cells: _Cells
) -> NDArray[np.float64]:
    """Values and slopes of straight lines that stand for a profile in its cells, (ANCHORS, 2)."""
    here, ends = (np.interp(at, fine, profile) for at in (cells.station, cells.edges))
    return np.array([here, np.diff(ends) / cells.length]).T


def _edge(
    width: NDArray[np.float64],
    margin: NDArray[np.float64],
    fine: NDArray[np.float64],
    cells: _Cells,
) -> NDArray[np.float64]:
    """
    Return lines as `_lines` does for a margin to an edge of the road, none beyond the edge itself.

    A line that would run on beyond the edge, where a lane ends at once, say, is moved inside, or
    levelled at the least width nearby, whichever leaves more room where it leaves least.
    """
    lines = _lines(width - margin, fine, cells)
    nearest = np.searchsorted(cells.edges[1:-1], fine, side='right')
    value, slope = lines.T
    intercept = value - slope * cells.station
    beyond = intercept[nearest] + slope[nearest] * fine - width
    for anchor in set(nearest[beyond > 0.0].tolist()):
        length = cells.length[anchor]
        lines[anchor, 0] -= beyond[nearest == anchor].max()
        near = np.abs(fine - cells.station[anchor]) <= STEP_WINDOW * length
        level = (width - margin)[near].min()
        if level > lines[anchor, 0] - abs(lines[anchor, 1]) * length / 2:
            lines[anchor] = level, 0.0
    return lines


def obstacle_parameters(
    problem: PlanningProblem, frame: Frame, margins: Margins
) -> NDArray[np.float64]:
    """Obstacles at every node, shape (M, N + 1, OBSTACLE_PARAMETERS), in `frame`."""
    nodes, obstacles = problem.horizon.steps + 1, problem.obstacles
    result = np.empty((len(obstacles), nodes, OBSTACLE_PARAMETERS))
    if not obstacles:
        return result
    poses = frame.localise(np.stack([obstacle.poses_at(nodes) for obstacle in obstacles]))
    result[..., 0:2] = poses[..., 0:2]
    result[..., 2], result[..., 3] = np.cos(poses[..., 2]), np.sin(poses[..., 2])
    result[..., 4:7] = sizes_of(obstacles, nodes)
    result[..., 6] += margins.obstacle_at(problem.horizon.times)
    return result


def box_centre_point(
    state: NDArray[np.float64], vehicle: VehicleParameters
) -> NDArray[np.float64]:
    """Centre of the car's box for states (..., 5), shape (..., 2) [m]."""
    heading = np.stack([np.cos(state[..., YAW]), np.sin(state[..., YAW])], axis=-1)
    return state[..., :2] + vehicle.rear_to_center * heading


def _stations_ahead(problem: PlanningProblem, here: float) -> NDArray[np.float64]:
    """Fine stations from behind the car to beyond its reach, at most a metre apart."""
    last = max(problem.road.span(here)[1], here)
    end = min(here + _reach(problem, here), last) + BEYOND
    count = int(np.ceil(end - here + BEHIND)) + 1
    return np.linspace(here - BEHIND, max(end, here + BEYOND), max(count, 2 * ANCHORS))


def _reach(problem: PlanningProblem, here: float) -> float:
    """
    Return how far the car gets within the horizon [m].

    It speeds up as fast as cars do, to the target speed where that is faster; from a higher speed
    it brakes in comfort. In a tight bend, which it takes slowly, the road is described finely.
    """
    way = np.linspace(0.0, FARTHEST, int(FARTHEST) + 1)
    speed = float(problem.initial_state[SPEED])
    braked = np.sqrt(np.maximum(speed**2 - 2 * COMFORT_DECELERATION * way, 0.0))
    rising = np.sqrt(max(speed, LEAST_SPEED) ** 2 + 2 * FAST_ACCELERATION * way)
    wanted = np.maximum(np.maximum(target_speeds(problem, here + way), braked), LEAST_SPEED)
    pace = np.minimum(wanted, rising)
    time = np.cumsum(2.0 * np.diff(way) / (pace[1:] + pace[:-1]))
    return float(np.interp(problem.horizon.duration, np.concatenate([[0.0], time]), way))
