# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Planning problems."""

from __future__ import annotations

from warmstart_planner import msg
from warmstart_planner.nodes.messages.fields import check_frame, check_vehicle, header
from warmstart_planner.nodes.messages.goal import goal_from, goal_message
from warmstart_planner.nodes.messages.obstacles import (
    ObstacleEstimate,
    obstacles_from,
    obstacles_message,
)
from warmstart_planner.nodes.messages.road import road_from, road_message
from warmstart_planner.nodes.messages.stamps import to_seconds
from warmstart_planner.problem import Horizon, PlanningProblem
from warmstart_planner.vehicle import VehicleParameters


def problem_message(problem: PlanningProblem) -> msg.PlanningProblem:
    """Return the message of a planning problem."""
    obstacles = ObstacleEstimate(problem.stamp, problem.horizon.dt, problem.obstacles)
    return msg.PlanningProblem(
        header=header(problem.stamp),
        initial_state=problem.initial_state,
        station=problem.here,
        road=road_message(problem.road, problem.stamp),
        obstacles=obstacles_message(obstacles),
        goal=goal_message(problem.goal, problem.stamp),
        friction=float(problem.friction),
        vehicle=problem.vehicle.label,
        dt=float(problem.horizon.dt),
        steps=problem.horizon.steps,
    )


def problem_from(message: msg.PlanningProblem, vehicle: VehicleParameters) -> PlanningProblem:
    """Return the planning problem in a message, which has to be one for a car."""
    check_frame('problem', message.header)
    check_vehicle('problem', message.vehicle, vehicle)
    return PlanningProblem(
        stamp=to_seconds(message.header.stamp),
        initial_state=message.initial_state,
        road=road_from(message.road),
        obstacles=obstacles_from(message.obstacles).obstacles,
        goal=goal_from(message.goal),
        vehicle=vehicle,
        friction=message.friction,
        horizon=Horizon(message.dt, message.steps),
        station=message.station,
    )
