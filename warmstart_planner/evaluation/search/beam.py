# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
Search of drives step by step, all of equal time, of which the most promising go on.

States are those of the single-track model; each is driven on with all primitives at the file's
time step, and what leaves the road or touches somebody is dropped. Of the states that are nearly
the same one remains. Where there are more than the beam is wide, as many of each distance from
the goal and each speed go on, so that who waits and who hurries both get their turn.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from warmstart_planner.evaluation.search.cost_to_go import CostToGo
from warmstart_planner.evaluation.search.motion import (
    Limits,
    advance,
    primitives,
    within_grip,
)
from warmstart_planner.evaluation.search.task import PARTS, Task
from warmstart_planner.vehicle import PX, PY, SPEED, STEERING, YAW

CELLS = np.array([0.4, 0.4, 0.08, 0.8, 0.08])  # in which states are the same [m, m, rad, m/s, rad]
DISTANCE_CLASS = 3.0  # [m]
SPEED_CLASS = 1.5  # [m/s]
AHEAD = 0.5  # how far on, the wheels held, a state is asked how far it is from the goal [s]
AHEAD_LEAST = 1.5  # at least [m]
DISORDER = 0.5  # of the ranking in a class [m]
UNIT_ACCELERATION = 4.0  # that is worth a metre of detour in a second [m/s^2]
UNIT_RATE = 0.5  # of steering, the same [rad/s]
DETOUR = 3.0  # by which a distance from the goal may be too long [m]
UNKNOWN = 1e3  # distance where it is not known [m]

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Grid:
    """
    What a search tries: how many states go on, and the primitives.

    `accelerations` and `rates` are shares of the largest, increasing; each is held for about
    `seconds`. `gap` is what is kept from all others at the time steps [m].
    """

    width: int
    seconds: float = 0.4
    accelerations: tuple[float, ...] = (-1.0, -0.5, -0.15, 0.0, 0.4, 1.0)
    rates: tuple[float, ...] = (-1.0, -0.4, 0.0, 0.4, 1.0)
    gap: float = 0.02


@dataclass
class Effort:
    """What a search has looked at so far: states, and whether it had to leave some out."""

    states: int = 0
    cut: bool = False
    last_step: int = 0


@dataclass(frozen=True)
class Plan:
    """Controls, shape (n, 2), each held for a time step of the file, that end in the goal."""

    controls: Array


@dataclass(frozen=True)
class _Layer:
    """States of equal time, shape (n, 5), how they came about from those before, and at what."""

    states: Array
    parents: NDArray[np.intp]
    controls: Array
    spent: Array


@dataclass
class _Search:
    task: Task
    limits: Limits
    costs: CostToGo
    grid: Grid
    effort: Effort
    layers: list[_Layer] = field(default_factory=list)
    random: np.random.Generator = field(default_factory=lambda: np.random.default_rng(0))

    def plans(self) -> Iterator[Plan]:
        """Yield the plans that reach the goal, the soonest first."""
        task = self.task
        held = max(round(self.grid.seconds / task.dt), 1)
        start = task.start[None]
        self.layers.append(_Layer(start, np.zeros(1, np.intp), np.zeros((1, 2)), np.zeros(1)))
        step = 0
        while step < task.steps and len(self.layers[-1].states):
            count = min(held, task.steps - step)
            layer = yield from self._expanded(step, count)
            step += count
            self.effort.last_step = step
            self.layers.append(self._kept(layer, step))

    def _expanded(self, step: int, count: int) -> Iterator[Plan]:
        """Drive the last layer on for some steps, yield what reaches the goal; return the rest."""
        task, grid = self.task, self.grid
        begin = self.layers[-1].states
        parents, controls = primitives(
            begin, self.limits, np.array(grid.accelerations), np.array(grid.rates),
            count * task.dt,
        )  # fmt: skip
        states = begin[parents]
        for k in range(1, count + 1):
            good = within_grip(states, controls, self.limits)
            before, parents, controls = states[good], parents[good], controls[good]
            states = advance(before, controls, task.dt, task.car.wheelbase)
            self.effort.states += len(states)
            good = within_grip(states, controls, self.limits)
            good[good] = task.surface.holds(states[good, :3], task.car)
            good[good] = self._clear(before[good, :3], states[good, :3], step + k)
            states, parents, controls = states[good], parents[good], controls[good]
            for i in self._arrived(states, step + k, parents, controls):
                yield self._plan(parents[i], controls[i], k)
        spent = self.layers[-1].spent[parents] + _effort_of(controls) * count * task.dt
        return _Layer(states, parents, controls, spent)

    def _clear(self, before: Array, poses: Array, step: int) -> Flags:
        """Tell whether the car touches nobody on its way from poses to those at a step."""
        clear = np.ones(len(poses), bool)
        for part in range(1, PARTS + 1):
            on_way = before[clear] + (poses[clear] - before[clear]) * (part / PARTS)
            moment = (step - 1) * PARTS + part
            clear[clear] = ~self.task.traffic.touches(moment, on_way, self.task.car, self.grid.gap)
        return clear

    def _arrived(
        self, states: Array, step: int, parents: NDArray[np.intp], controls: Array
    ) -> NDArray[np.intp]:
        """Return which states are in the goal, those with the least effort first."""
        task = self.task
        time = step * task.dt
        arrived = np.zeros(len(states), bool)
        for region in task.regions:
            if not region.time[0] - 1e-6 <= time <= region.time[1] + 1e-6:
                continue
            ahead = np.stack([np.cos(states[:, YAW]), np.sin(states[:, YAW])], axis=-1)
            middles = states[:, :2] + task.car.rear_to_center * ahead
            near = np.ones(len(states), bool)
            if region.places:
                near = np.any([place.may_contain(middles) for place in region.places], axis=0)
            near &= region.allows_heading(states[:, YAW])
            todo = np.flatnonzero(near)
            centers = np.column_stack([middles[todo], states[todo, YAW]])
            held = region.fulfilled(np.full(len(todo), time), centers, states[todo, SPEED])
            arrived[todo[np.all(list(held.values()), axis=0)]] = True
        found = np.flatnonzero(arrived)
        spent = self.layers[-1].spent[parents[found]] + _effort_of(controls[found])
        return found[np.argsort(spent, kind='stable')]

    def _plan(self, parent: int, control: Array, count: int) -> Plan:
        """Go back from a state that a control, held for some steps, has brought to the goal."""
        held = max(round(self.grid.seconds / self.task.dt), 1)
        parts = [np.repeat(control[None], count, axis=0)]
        for layer in self.layers[:0:-1]:
            parts.append(np.repeat(layer.controls[parent][None], held, axis=0))
            parent = layer.parents[parent]
        return Plan(np.concatenate(parts[::-1]))

    def _kept(self, layer: _Layer, step: int) -> _Layer:
        """Return the states of a layer that go on."""
        states = layer.states
        distance = np.minimum(self.costs.at(states[:, :3]), UNKNOWN)
        left = (self.task.steps - step) * self.task.dt
        far = self.limits.farthest(states[:, SPEED], left) + DETOUR
        chosen = np.flatnonzero((distance <= far) | (distance == UNKNOWN))
        rank = self._rank(states[chosen]) + layer.spent[chosen]
        chosen = chosen[np.argsort(rank, kind='stable')]
        chosen = chosen[_first_of_each(np.floor(states[chosen] / CELLS))]
        if len(chosen) > self.grid.width:
            self.effort.cut = True
            chosen = chosen[
                _shared_out(_classes(distance[chosen], states[chosen, SPEED]), self.grid.width)
            ]
        return _Layer(
            states[chosen], layer.parents[chosen], layer.controls[chosen], layer.spent[chosen]
        )

    def _rank(self, states: Array) -> Array:
        """Return how promising states are, the least the most: by their distance a little on."""
        car = self.task.car
        run = np.maximum(states[:, SPEED] * AHEAD, AHEAD_LEAST)
        turn = run * np.tan(states[:, STEERING]) / car.wheelbase
        middle = states[:, YAW] + turn / 2
        on = np.column_stack(
            [
                states[:, PX] + run * np.cos(middle),
                states[:, PY] + run * np.sin(middle),
                states[:, YAW] + turn,
            ]
        )
        disorder = self.random.uniform(0.0, DISORDER, len(states))
        return np.minimum(self.costs.at(on), UNKNOWN) + disorder


def _effort_of(controls: Array) -> Array:
    """Return what controls cost, shape (n,), as detour over time [m/s]."""
    return ((controls / (UNIT_ACCELERATION, UNIT_RATE)) ** 2).sum(axis=1)


def _first_of_each(cells: Array) -> NDArray[np.intp]:
    """Return where each cell, of shape (n, 5), comes first, in order."""
    if len(cells) == 0:
        return np.zeros(0, np.intp)
    index = (cells - cells.min(axis=0)).astype(np.int64)
    number = np.ravel_multi_index(index.T, index.max(axis=0) + 1)
    return np.sort(np.unique(number, return_index=True)[1])


def _classes(distance: Array, speed: Array) -> NDArray[np.int64]:
    """Return numbers of classes of states, by distance from the goal and speed, shape (n,)."""
    pairs = np.column_stack([distance // DISTANCE_CLASS, speed // SPEED_CLASS])
    return np.unique(pairs, axis=0, return_inverse=True)[1].reshape(-1)


def _shared_out(classes: NDArray[np.int64], width: int) -> NDArray[np.intp]:
    """Return the first of each class, then the second of each, and so on, up to a number."""
    order = np.argsort(classes, kind='stable')
    sizes = np.bincount(classes)
    turn = np.arange(len(classes)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return np.sort(order[np.argsort(turn, kind='stable')[:width]])


def plans(
    task: Task, limits: Limits, costs: CostToGo, grid: Grid, effort: Effort
) -> Iterator[Plan]:
    """
    Search a task, and yield the plans that reach its goal.

    Args:
        task: that is searched.
        limits: that the car keeps.
        costs: that order the states.
        grid: of what is tried.
        effort: in which what was done is counted.

    """
    return _Search(task, limits, costs, grid, effort).plans()
