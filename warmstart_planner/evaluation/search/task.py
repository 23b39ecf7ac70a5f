# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""What is searched: a scene at its file's time steps, with all of its traffic known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from warmstart_planner.evaluation.search.motion import Limits
from warmstart_planner.evaluation.search.surface import Surface, surface_of
from warmstart_planner.evaluation.search.traffic import Traffic, traffic_at
from warmstart_planner.scenarios import Scenario
from warmstart_planner.scenarios.arrival import Region
from warmstart_planner.vehicle import PX, PY, SPEED, VehicleParameters

AROUND = 20.0  # of the surface beyond what the car can reach [m]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Task:
    """
    A search: from a state of the rear axle, shape (5,), to any one of some regions.

    `dt` is the file's time step [s], `steps` how many there are until the last region's time is
    over.
    """

    start: Array
    regions: tuple[Region, ...]
    dt: float
    steps: int
    surface: Surface
    traffic: Traffic
    car: VehicleParameters


def task_of(scenario: Scenario, limits: Limits) -> Task:
    """
    Return what is to be searched of a scenario.

    Args:
        scenario: of a CommonRoad file.
        limits: the widest that are searched with: they say how far the car can get.

    """
    dt = scenario.region_step
    end = max(region.time[1] for region in scenario.regions)
    steps = int(np.floor(end / dt + 1e-6))
    place = scenario.initial_state[[PX, PY]]
    reach = float(limits.farthest(scenario.initial_state[[SPEED]], end)[0]) + AROUND
    corners = np.concatenate(scenario.area)
    low = np.maximum(corners.min(axis=0) - 1.0, place - reach)
    high = np.minimum(corners.max(axis=0) + 1.0, place + reach)
    return Task(
        scenario.initial_state,
        scenario.regions,
        dt,
        steps,
        surface_of(scenario.area, low, high),
        traffic_at(scenario.traffic, dt, steps),
        scenario.car,
    )
