# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
Is there a way through? A coarse answer, for the generator to drop hopeless draws.

The car is a box in road coordinates that brakes, accelerates and moves sideways in steps; the set
of (speed, station, offset) that it can be in spreads from instant to instant over the cells that
road, friction and traffic leave free. The grid is coarse and margins are added, so the answer is
neither a proof that a trajectory exists nor that none does: the verifier judges those.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from warmstart_planner.scenarios.scenario import Scenario
from warmstart_planner.vehicle import GRAVITY, SPEED

DT = 0.3  # [s]
SPEED_STEP = 0.9  # [m/s]
STATION_STEP = 0.27  # [m], what one speed step of change is worth in DT
OFFSET_STEP = 0.3  # [m]
SPEED_CHANGES = (-2, -1, 0, 1)  # speed steps in DT: braking up to 6, accelerating up to 3 m/s^2
SLOPE = 0.3  # largest sideways movement per metre ahead
SIDEWAYS = 2  # largest sideways movement in DT [offset steps]
OBSTACLE_MARGIN = 0.4  # [m]
ROAD_MARGIN = 0.2  # [m]
FRICTION_SHARE = 0.9  # of the friction that a bend may take


def is_passable(scenario: Scenario, duration: float, progress: float) -> bool:
    """
    Tell whether the car seems to be able to get ahead unhurt.

    Args:
        scenario: road, traffic and start.
        duration: that nothing may be hit for [s].
        progress: how far ahead it has to be by then [m].

    """
    grid = _Grid(scenario, duration)
    reached = grid.start()
    for k in range(1, int(np.ceil(duration / DT)) + 1):
        reached = grid.spread(reached) & grid.drivable & grid.free(k * DT)[None]
        if not reached.any():
            return False
    stations = grid.stations[reached.any(axis=(0, 2))]
    return bool(stations[-1] - grid.stations[0] >= progress)


class _Grid:
    """Cells (speed, station, offset) of the car's centre."""

    def __init__(self, scenario: Scenario, duration: float) -> None:
        self.scenario = scenario
        state = scenario.initial_state
        station, offset = scenario.road.project(scenario.center(state)[:2])
        self.begin = (float(state[SPEED]), float(station), float(offset))
        fastest = self.begin[0] + 3.0
        reach = fastest * duration
        self.speeds = np.arange(int(fastest / SPEED_STEP) + 1) * SPEED_STEP
        self.stations = station + np.arange(int(reach / STATION_STEP) + 2) * STATION_STEP
        road = scenario.road
        widest = max(road.left_width.max(), road.right_width.max())
        cells = int(widest / OFFSET_STEP) + 1
        self.offsets = np.arange(-cells, cells + 1) * OFFSET_STEP
        half = (scenario.car.length / 2, scenario.car.width / 2)
        self.half = half
        edge = half[1] + ROAD_MARGIN
        left = road.at('left_width', self.stations)[:, None] - edge
        right = road.at('right_width', self.stations)[:, None] - edge
        self.on_road = (self.offsets <= left) & (self.offsets >= -right)
        bend = np.abs(road.at('curvature', self.stations))
        most = FRICTION_SHARE * scenario.friction * GRAVITY
        slow_enough = self.speeds[:, None] ** 2 * bend <= most
        self.drivable = slow_enough[:, :, None] & self.on_road

    def start(self) -> NDArray[np.bool_]:
        """Return the cells nearest to the start."""
        reached = np.zeros((len(self.speeds), *self.on_road.shape), dtype=bool)
        speed = int(np.argmin(np.abs(self.speeds - self.begin[0])))
        offset = int(np.argmin(np.abs(self.offsets - self.begin[2])))
        reached[speed, 0, offset] = True
        return reached

    def spread(self, reached: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return where the car can be one step later, were all cells free."""
        result = np.zeros_like(reached)
        for i, cells in enumerate(reached):
            if not cells.any():
                continue
            for j in (i + change for change in SPEED_CHANGES):
                if not 0 <= j < len(self.speeds):
                    continue
                ahead = (self.speeds[i] + self.speeds[j]) / 2 * DT
                shift = round(ahead / STATION_STEP)
                moved = cells[: len(cells) - shift]
                result[j, shift:] |= moved
                for k in range(1, min(int(SLOPE * ahead / OFFSET_STEP), SIDEWAYS) + 1):
                    result[j, shift:, k:] |= moved[:, :-k]
                    result[j, shift:, :-k] |= moved[:, k:]
        return result

    def free(self, t: float) -> NDArray[np.bool_]:
        """Return the (station, offset) cells that no obstacle takes at a time."""
        free = np.ones_like(self.on_road)
        for participant in self.scenario.traffic:
            pose = participant.pose_at(t)
            if pose is None:
                continue
            low, high = self._taken(participant.size_at(t), pose)
            rows = slice(*np.searchsorted(self.stations, [low[0], high[0]]))
            columns = slice(*np.searchsorted(self.offsets, [low[1], high[1]]))
            free[rows, columns] = False
        return free

    def _taken(
        self, size: NDArray[np.float64], pose: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        road = self.scenario.road
        station, offset = (float(value) for value in road.project(pose[:2]))
        turn = pose[2] - float(road.at('heading', station))
        c, s = abs(np.cos(turn)), abs(np.sin(turn))
        long, wide, radius = size
        reach = np.array([long * c + wide * s, long * s + wide * c]) + radius
        reach = reach + np.array(self.half) + OBSTACLE_MARGIN
        place = np.array([station, offset])
        return place - reach, place + reach
