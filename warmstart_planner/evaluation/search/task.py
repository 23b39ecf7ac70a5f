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
from warmstart_planner.scenarios.arrival import Place, Region
from warmstart_planner.vehicle import PX, PY, SPEED, VehicleParameters

PARTS = 2  # of a time step, at which traffic is looked at: the judge does at its ends alone
AROUND = 40.0  # of the surface that is searched, about start and goal [m]
BEYOND = 5.0  # of a window beyond what has to be in it [m]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Task:
    """
    A search: from a state of the rear axle, shape (5,), to any one of some regions.

    `dt` is the file's time step [s], `steps` how many there are until the last region's time is
    over. `traffic` is known PARTS times a step.
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
    Return what is to be searched of a scenario, on the road about its start and its goals.

    Args:
        scenario: of a CommonRoad file.
        limits: the widest that are searched with: they say how far the car can get.

    """
    dt = scenario.region_step
    steps = int(np.floor(max(region.time[1] for region in scenario.regions) / dt + 1e-6))
    low, high = window(scenario, limits)
    places = [place for region in scenario.regions for place in region.places]
    if places and all(region.places for region in scenario.regions):
        points = np.concatenate([scenario.initial_state[None, :2], *map(_corners, places)])
        low = np.maximum(low, points.min(axis=0) - AROUND)
        high = np.minimum(high, points.max(axis=0) + AROUND)
    return Task(
        scenario.initial_state,
        scenario.regions,
        dt,
        steps,
        surface_of(scenario.area, low, high),
        traffic_at(scenario.traffic, dt / PARTS, steps * PARTS),
        scenario.car,
    )


def window(scenario: Scenario, limits: Limits) -> tuple[Array, Array]:
    """Return two corners between which lies all of the road that the car can reach in time."""
    end = max(region.time[1] for region in scenario.regions)
    start = scenario.initial_state
    reach = float(limits.farthest(start[[SPEED]], end)[0]) + scenario.car.length + BEYOND
    corners = np.concatenate(scenario.area)
    low = np.maximum(corners.min(axis=0) - BEYOND, start[[PX, PY]] - reach)
    high = np.minimum(corners.max(axis=0) + BEYOND, start[[PX, PY]] + reach)
    return low, high


def _corners(place: Place) -> Array:
    low, high = place.vertices.min(axis=0), place.vertices.max(axis=0)
    return np.stack([low - place.radius, high + place.radius])
