# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
From ways along the road, known at a few times, to states and controls of the car.

Offsets follow a cubic spline, smoothed; yaw and steering follow from where the centre goes. It is
compiled: road_ways.c.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from warmstart_planner.problem import PlanningProblem
from warmstart_planner.proposals.guided import library
from warmstart_planner.proposals.guided.library import RoadWaysStructure
from warmstart_planner.vehicle import CONTROL_SIZE, STATE_SIZE

Array = NDArray[np.float64]


@dataclass(frozen=True)
class RoadWays:
    """
    Ways of the car's centre: K of them, at G + 1 times that are `per_stage` steps apart.

    `station` is where all begin [m], `lateral_speed` how fast they leave it [m/s]; `knots` has
    shape (K, G + 1, 3): station from there, offset and speed.
    """

    station: float
    lateral_speed: float
    per_stage: int
    knots: Array


def states_and_controls(problem: PlanningProblem, ways: RoadWays) -> tuple[Array, Array]:
    """
    Return states (K, N + 1, 5) and controls (K, N, 2) on a problem's grid, map frame.

    A guess in the road's geometry: nothing says that a car can do it. The first state is the
    problem's.
    """
    vehicle, horizon, road = problem.vehicle, problem.horizon, problem.road
    count, knots = len(ways.knots), np.ascontiguousarray(ways.knots)
    states = np.empty((count, horizon.steps + 1, STATE_SIZE))
    controls = np.empty((count, horizon.steps, CONTROL_SIZE))
    arrays = [
        np.ascontiguousarray(each) for each in (road.station, road.x, road.y, road.heading, knots)
    ]
    structure = RoadWaysStructure(
        count,
        knots.shape[1] - 1,
        ways.per_stage,
        horizon.steps,
        len(road.station),
        horizon.dt,
        ways.station,
        ways.lateral_speed,
        vehicle.rear_to_center,
        vehicle.wheelbase,
        vehicle.steering_max,
        tuple(vehicle.control_lower),
        tuple(vehicle.control_upper),
        tuple(problem.initial_state),
        *(each.ctypes.data for each in arrays),
    )
    library.load().road_ways_states(
        ctypes.byref(structure), states.ctypes.data, controls.ctypes.data
    )
    return states, controls
