# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
What no drive can do, whoever plans it: the reasons why a scene is impossible.

Each bound leaves out of the car's limits what it does not need, and rounds in the car's favour, so
that nothing that can be driven is called impossible. They are few and loose: that none of them
holds says nothing.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt, maximum_filter

from warmstart_planner.evaluation.search.cost_to_go import goal_poses
from warmstart_planner.evaluation.search.motion import Limits
from warmstart_planner.evaluation.search.surface import Surface, surface_of
from warmstart_planner.evaluation.search.task import PARTS, Task, window
from warmstart_planner.scenarios import Scenario
from warmstart_planner.scenarios.arrival import Place, Region
from warmstart_planner.vehicle import PX, PY, SPEED, YAW
from warmstart_planner.verification.area import outside_area
from warmstart_planner.verification.motion import Samples

CELL = 0.25  # of the set of places that can be reached [m]
HOP = 2.0  # by which it grows at once, so that it goes round what stands and not through [m]
SLACK = 0.1  # by which shapes are taken to be smaller than they are, beyond all rounding [m]
GOAL_SPACING = 0.2  # between the places that a goal is tried at [m]
GOAL_TURN = np.radians(2.0)  # between the headings

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]


def reason_impossible(task: Task, limits: Limits, scenario: Scenario) -> str:
    """
    Return why no drive can solve a task; '' where nothing shows that.

    Args:
        task: that is searched.
        limits: of the car: the widest that a judge accepts.
        scenario: that the task is of.

    """
    return (
        _start_is_bad(task, scenario.area)
        or _all(task, lambda region: _speed_out_of_reach(task, limits, region))
        or _out_of_reach(task, limits, scenario)
        or _all(task, lambda region: _goal_holds_no_car(task, region))
    )


def _all(task: Task, reason_of) -> str:
    """Return the reasons of all regions; '' where one has none."""
    reasons = [reason_of(region) for region in task.regions]
    return '; '.join(dict.fromkeys(reasons)) if all(reasons) else ''


def _start_is_bad(task: Task, outlines: tuple[Array, ...]) -> str:
    start = task.start[:, None]
    off = float(outside_area(outlines, Samples(*start, task.car), task.car)[0])
    if off > 0.0:
        return f'the car starts {off:.2f} m off the road'
    if task.traffic.touches(0, task.start[None, :3], task.car, 0.0)[0]:
        return 'the car starts in a collision'
    return ''


def _speed_out_of_reach(task: Task, limits: Limits, region: Region) -> str:
    if region.speed is None:
        return ''
    speed, end = task.start[SPEED], region.time[1]
    low, high = region.speed
    if speed - limits.braking * end > high:
        return f'from {speed:.1f} m/s full braking does not reach {high:.1f} m/s in {end:.1f} s'
    if speed + limits.acceleration * end < low:
        return f'from {speed:.1f} m/s it takes longer than {end:.1f} s to reach {low:.1f} m/s'
    return ''


def _goal_holds_no_car(task: Task, region: Region) -> str:
    """Tell whether the car is off the road wherever it stands in a goal as it is asked to."""
    if not region.places:
        return ''
    car = task.car
    if task.surface.holds(goal_poses(region, car), car).any():
        return ''
    poses = _dense_goal_poses(task, region)
    # a pose between those tried is at most half a step from one: so far does no point move
    moved = GOAL_SPACING * np.sqrt(0.5) + GOAL_TURN / 2 * np.hypot(car.length, car.width) / 2
    rounded = task.surface.cell * 2 * np.sqrt(2)
    if task.surface.holds(poses, car, -(moved + rounded)).any():
        return ''
    return 'wherever the car is in the goal, headed as asked, a part of it is off the road'


def _dense_goal_poses(task: Task, region: Region) -> Array:
    low, high = region.heading or (0.0, 2 * np.pi)
    count = int(np.ceil((high - low) / GOAL_TURN)) + 1
    poses = goal_poses(region, task.car, GOAL_SPACING)
    back = task.car.rear_to_center
    ahead = np.stack([np.cos(poses[:, 2]), np.sin(poses[:, 2])], axis=-1)
    middles = np.unique(np.round(poses[:, :2] + back * ahead, 6), axis=0)
    # those just outside as well: a grid of points may leave out a strip along a place's edge
    around = np.array([[i, j] for i in (-1, 0, 1) for j in (-1, 0, 1)]) * GOAL_SPACING
    middles = np.unique(np.round((middles[:, None] + around).reshape(-1, 2), 6), axis=0)
    yaw = np.linspace(low, high, count)
    x, y = (np.repeat(middles[:, i], count) for i in (0, 1))
    turn = np.tile(yaw, len(middles))
    return np.column_stack([x - back * np.cos(turn), y - back * np.sin(turn), turn])


def _out_of_reach(task: Task, limits: Limits, scenario: Scenario) -> str:
    """
    Tell whether the car can be in no goal in time.

    The places of its rear axle are a set of cells, which grows at each time step by what the car
    can drive at most after full acceleration. It holds no place where a disc about the axle, which
    the outline contains, is off the road or touches somebody, nor any farther from where the
    start's velocity leads than half of acceleration times time squared.
    """
    if any(not region.places for region in task.regions):
        return ''
    # of all that the car can reach: a detour as well may lead to the goal
    surface = surface_of(scenario.area, *window(scenario, limits), finest=CELL / 2)
    reached, grid = _start_cells(task, surface)
    road = _road_cells(task, surface, grid)
    for k in range(1, task.steps + 1):
        reached = _driven_on(task, limits, reached, road, grid, k)
        if not reached.any():
            return f'after {k * task.dt:.1f} s there is no place left that the car can be at'
        for region in task.regions:
            in_time = region.time[0] - 1e-6 <= k * task.dt <= region.time[1] + 1e-6
            if in_time and _holds(region, grid[reached], task.car.rear_to_center):
                return ''
    return 'at full acceleration the car cannot be at the goal in time, whichever way it takes'


def _driven_on(
    task: Task, limits: Limits, reached: Flags, road: Flags, grid: Array, step: int
) -> Flags:
    """Return the cells that can be reached at a step, of those that could at the one before."""
    start, now = task.start[[SPEED]], step * task.dt
    run = float((limits.farthest(start, now) - limits.farthest(start, now - task.dt))[0])
    standing = _standing(task, step)
    hops = max(int(np.ceil(run / HOP)), 1)
    for _ in range(hops):
        reached = _grown(reached, run / hops + CELL * np.sqrt(2)) & road
        i, j = np.nonzero(reached)
        reached[i, j] = ~_taken(task, grid[i, j], standing)
    i, j = np.nonzero(reached)
    there = _by_acceleration(task, limits, grid[i, j], now)
    reached[i, j] = there & ~_taken(task, grid[i, j], task.traffic.boxes[step * PARTS])
    return reached


def _standing(task: Task, step: int) -> Array:
    """Return the boxes that stay where they are from the step before on."""
    before, now = (task.traffic.boxes[k * PARTS] for k in (step - 1, step))
    return now[(now[:, None] == before[None]).all(axis=2).any(axis=1)]


def _grown(cells: Flags, run: float) -> Flags:
    """Return the cells within a distance of some cells."""
    i, j = np.nonzero(cells)
    if len(i) == 0:
        return cells
    margin = int(np.ceil(run / CELL)) + 1
    part = tuple(slice(max(at.min() - margin, 0), at.max() + margin + 1) for at in (i, j))
    result = np.zeros_like(cells)
    result[part] = distance_transform_edt(~cells[part]) * CELL <= run
    return result


def _start_cells(task: Task, surface: Surface) -> tuple[Flags, Array]:
    """Return the cells about the rear axle as a set, and the middles of all cells, (X, Y, 2)."""
    extent = (np.array(surface.depth.shape) - 1) * surface.cell
    axes = [surface.origin[i] + np.arange(0.0, extent[i] + CELL, CELL) for i in (0, 1)]
    grid = np.stack(np.meshgrid(*axes, indexing='ij'), axis=-1)
    inside = np.hypot(*np.moveaxis(grid - task.start[[PX, PY]], -1, 0)) <= CELL * np.sqrt(0.5)
    return inside, grid


def _disc(task: Task) -> float:
    """Radius of a disc about the rear axle that the outline contains, and some more [m]."""
    return min(task.car.width / 2, task.car.rear_reach) - SLACK


def _road_cells(task: Task, surface: Surface, grid: Array) -> Flags:
    """Return the cells in which the disc about the rear axle may be on the road."""
    size = int(np.ceil(CELL / surface.cell)) + 1
    deepest = maximum_filter(surface.depth, size=size | 1)
    index = np.rint((grid - surface.origin) / surface.cell).astype(int)
    index = np.minimum(index, np.array(surface.depth.shape) - 1)
    return deepest[index[..., 0], index[..., 1]] >= _disc(task) - surface.cell


def _by_acceleration(task: Task, limits: Limits, points: Array, t: float) -> Flags:
    """Tell which points, shape (n, 2), a point accelerated in any direction can be at."""
    ahead = np.array([np.cos(task.start[YAW]), np.sin(task.start[YAW])])
    middle = task.start[[PX, PY]] + task.start[SPEED] * t * ahead
    radius = limits.grip * t**2 / 2 + CELL
    return np.hypot(*(points - middle).T) <= radius


def _taken(task: Task, points: Array, boxes: Array) -> Flags:
    """Tell at which points, shape (n, 2), the disc about the rear axle touches a box."""
    taken = np.zeros(len(points), bool)
    radius = _disc(task) - CELL * np.sqrt(0.5)
    for x, y, yaw, half_length, half_width, grown in boxes:
        reach = half_length + half_width + grown + radius
        near = np.flatnonzero((np.abs(points - (x, y)) < reach).all(axis=1))
        dx, dy = (points[near] - (x, y)).T
        along = np.abs(np.cos(yaw) * dx + np.sin(yaw) * dy) - half_length
        across = np.abs(np.cos(yaw) * dy - np.sin(yaw) * dx) - half_width
        gap = np.hypot(np.maximum(along, 0.0), np.maximum(across, 0.0))
        taken[near] |= gap < radius + grown
    return taken


def _holds(region: Region, axles: Array, ahead: float) -> bool:
    """Tell whether a place is as near to one of some rear axles as the car's middle."""
    for place in region.places:
        low, high = place.vertices.min(axis=0), place.vertices.max(axis=0)
        reach = place.radius + ahead + CELL
        near = axles[((axles >= low - reach) & (axles <= high + reach)).all(axis=1)]
        if len(near) and Place(place.vertices, reach).contains(near).any():
            return True
    return False
