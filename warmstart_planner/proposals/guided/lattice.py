# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The lattice along the road that source.py searches: the car on it, and the tables it reads."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from warmstart_planner.clearance import clearances
from warmstart_planner.compiled_problem import library
from warmstart_planner.compiled_problem.structures import LatticeStructure
from warmstart_planner.obstacles import sizes_of
from warmstart_planner.problem import Horizon, PlanningProblem
from warmstart_planner.proposals.guided.library import MAX_LINES, MAX_SPEEDS
from warmstart_planner.targets import stop_station, target_offsets, target_speeds
from warmstart_planner.transcription import Margins, box_centre_point, edge_margin
from warmstart_planner.vehicle import SPEED, STEERING, YAW

Array = NDArray[np.float64]

STAGE = 0.5  # of the lattice, about [s]
STATION_STEP = 1.0  # [m]
OFFSET_STEP = 0.45  # [m]
BEHIND = 2.0  # of the lattice behind the car [m]
FARTHEST = 300.0  # of it ahead of the car [m]
LOOK_BACK = 20.0  # of the road behind the car, where obstacles are located [m]
OFF_ROAD = 3.0  # beside the road, the lattice still begins where the car is [m]
MOST_STATIONS = round((FARTHEST + BEHIND) / STATION_STEP)
ROAD_COLUMNS, OBSTACLE_COLUMNS = 5, 7


@dataclass(frozen=True)
class Lattice:
    """
    A problem's lattice.

    It has a stage every `per_stage` steps of the horizon. The centre of the car's box is at a
    `station` and an `offset` [m], with a `speed` along the road and a `lateral_speed` [m/s];
    `stop` is how far ahead of it the front bumper has to be able to stop [m].
    Speeds are `speeds` levels from 0 on; lines are `lines` from `first_line` on, `line_step` apart
    [m], 0 is the reference path.

    `road`, shape (stations, 5): curvature, room to the left and right, target speed and offset by
    station, from BEHIND behind the car to where no way of the horizon gets.
    `obstacles`, shape (2 stages + 1, M, 7): on the road at every stage and half way between,
    station from the car's, offset, cosine and sine of the course relative to the road, half
    length, half width, and radius with margin and clearance.
    """

    stages: int
    per_stage: int
    station: float
    offset: float
    speed: float
    lateral_speed: float
    stop: float
    speeds: int
    first_line: int
    lines: int
    line_step: float
    road: Array
    obstacles: Array


def lattice_of(problem: PlanningProblem, speed_step: float, margins: Margins) -> Lattice:
    """
    Return a problem's lattice: by compiled code where there is some.

    Args:
        problem: the problem.
        speed_step: between levels of speed [m/s].
        margins: what is kept free beyond the hard limits.

    """
    per_stage, stages = stages_of(problem.horizon)
    road = np.empty((MOST_STATIONS, ROAD_COLUMNS))
    obstacles = np.empty((2 * stages + 1, len(problem.obstacles), OBSTACLE_COLUMNS))
    made = LatticeStructure(
        stages,
        per_stage,
        MOST_STATIONS,
        MAX_LINES,
        MAX_SPEEDS,
        STATION_STEP,
        OFFSET_STEP,
        speed_step,
        BEHIND,
        LOOK_BACK,
        OFF_ROAD,
        road.ctypes.data,
        obstacles.ctypes.data,
    )
    if not library.build_lattice(problem, margins, made):
        return by_numpy(problem, speed_step, margins)
    _add_clearances(obstacles, problem, margins)
    return Lattice(
        stages,
        per_stage,
        made.station,
        made.offset,
        made.speed,
        made.lateral_speed,
        made.stop,
        made.speeds,
        made.first_line,
        made.lines,
        made.line_step,
        road[: made.stations],
        obstacles,
    )


def stages_of(horizon: Horizon) -> tuple[int, int]:
    """Return the steps of a stage, and the number of stages that a horizon has."""
    per_stage = max(1, round(STAGE / horizon.dt))
    return per_stage, -(-horizon.steps // per_stage)


def by_numpy(problem: PlanningProblem, speed_step: float, margins: Margins) -> Lattice:
    """Return a problem's lattice; the reference of the compiled one."""
    per_stage, stages = stages_of(problem.horizon)
    vehicle, state = problem.vehicle, problem.initial_state
    centre = box_centre_point(state, vehicle)
    station, offset = (float(value) for value in problem.road.project(centre, problem.here))
    speed = max(float(state[SPEED]), 0.0)
    slip = np.arctan(vehicle.rear_to_center * np.tan(state[STEERING]) / vehicle.wheelbase)
    course = state[YAW] + slip - float(problem.road.at('heading', station))

    time = stages * per_stage * problem.horizon.dt
    ahead = station + np.arange(-BEHIND, FARTHEST, STATION_STEP)
    targets = target_speeds(problem, ahead)
    fastest = min(max(speed, float(targets.max())) + 2.0, speed + vehicle.acceleration_max * time)
    count = min(int((fastest * time + 2 * BEHIND) / STATION_STEP) + 3, len(ahead))
    road = _road_table(problem, margins, ahead[:count], targets[:count])
    first, lines, step = _lines(road, offset, vehicle.width / 2)
    return Lattice(
        stages=stages,
        per_stage=per_stage,
        station=station,
        offset=offset,
        speed=speed,
        lateral_speed=speed * float(np.sin(course)),
        stop=stop_station(problem) - station,
        speeds=min(int(fastest / speed_step) + 2, MAX_SPEEDS),
        first_line=first,
        lines=lines,
        line_step=step,
        road=road,
        obstacles=_obstacle_table(problem, margins, station, len(road) * STATION_STEP),
    )


def _road_table(
    problem: PlanningProblem, margins: Margins, station: Array, targets: Array
) -> Array:
    road, margin = problem.road, edge_margin(problem, margins.road, station)
    columns = [
        road.at('curvature', station),
        road.at('left_width', station) - margin,
        road.at('right_width', station) - margin,
        targets,
        target_offsets(problem, station),
    ]
    return np.ascontiguousarray(np.stack(columns, axis=1))


def _obstacle_table(
    problem: PlanningProblem, margins: Margins, here: float, length: float
) -> Array:
    obstacles = problem.obstacles
    per_stage, stages = stages_of(problem.horizon)
    halves = np.arange(2 * stages + 1) * per_stage / 2
    table = np.empty((len(halves), len(obstacles), OBSTACLE_COLUMNS))
    if not obstacles:
        return table
    nodes = stages * per_stage + 1
    poses = np.stack([obstacle.poses_at(nodes) for obstacle in obstacles], axis=1)
    sizes = np.broadcast_to(sizes_of(obstacles, nodes), (len(obstacles), nodes, 3))
    known = np.concatenate([poses, sizes.transpose(1, 0, 2)], axis=2)
    before = np.floor(halves).astype(int)
    after, share = np.ceil(halves).astype(int), (halves - before)[:, None, None]
    at = (1.0 - share) * known[before] + share * known[after]
    road = problem.road.local(here, LOOK_BACK, length)
    station, offset = road.project(at[..., :2])
    course = at[..., 2] - problem.road.at('heading', station)
    table[..., 0], table[..., 1] = station - here, offset
    table[..., 2], table[..., 3] = np.cos(course), np.sin(course)
    table[..., 4:] = at[..., 3:]
    table[..., 6] += margins.obstacle_at(halves * problem.horizon.dt)[:, None]
    _add_clearances(table, problem, margins)
    return table


def _add_clearances(table: Array, problem: PlanningProblem, margins: Margins) -> None:
    if any(obstacle.clearance for obstacle in problem.obstacles):
        per_stage, stages = stages_of(problem.horizon)
        halves = np.arange(2 * stages + 1) * per_stage / 2
        table[..., 6] += clearances(problem, margins, halves * problem.horizon.dt).T


def _lines(road: Array, offset: float, half: float) -> tuple[int, int, float]:
    """Return the first line, their number and their distance; one is the reference path."""
    left, right = (float(road[:, i].max()) - half for i in (1, 2))
    place = float(np.clip(offset, -right - OFF_ROAD, left + OFF_ROAD))
    high, low = max(left, place), min(-right, place)
    # where the corridor is equally wide to both sides, its outermost lines are where the car
    # just fits
    room = max(left, right, OFFSET_STEP)
    step = room / np.ceil(room / OFFSET_STEP - 1e-6)
    step = float(max(step, (high - low) / (MAX_LINES - 4)))
    first, last = int(np.floor(low / step + 1e-6)), int(np.ceil(high / step - 1e-6))
    return first, last - first + 1, step
