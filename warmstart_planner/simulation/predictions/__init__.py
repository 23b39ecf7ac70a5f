# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
Where the simulated car takes the traffic to be going: PREDICTIONS are the ways to tell.

Ground truth is what benchmarks give. The others know of each participant its present and its past
(`observed`), and what does not exist yet none of them tells.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from warmstart_planner.obstacles import Obstacle
from warmstart_planner.problem import Horizon
from warmstart_planner.scenarios.scenario import TrafficParticipant
from warmstart_planner.simulation.predictions.constant_velocity import constant_velocity
from warmstart_planner.simulation.predictions.lane_following import lane_following
from warmstart_planner.simulation.predictions.lane_network import LaneNetwork
from warmstart_planner.simulation.predictions.observed import (
    ObservedParticipant,
    all_observed,
    observed_at,
)

Prediction = Callable[
    [Sequence[TrafficParticipant], LaneNetwork, float, Horizon], Sequence[Obstacle]
]


def _ground_truth(
    traffic: Sequence[TrafficParticipant], network: LaneNetwork, t: float, horizon: Horizon
) -> list[Obstacle]:
    found = [each.obstacle_at(t, horizon) for each in traffic]
    return [obstacle for obstacle in found if obstacle is not None]


def _constant_velocity(
    traffic: Sequence[TrafficParticipant], network: LaneNetwork, t: float, horizon: Horizon
) -> list[Obstacle]:
    return constant_velocity(all_observed(traffic, t), horizon)


def _lane_following(
    traffic: Sequence[TrafficParticipant], network: LaneNetwork, t: float, horizon: Horizon
) -> list[Obstacle]:
    return lane_following(all_observed(traffic, t), network, horizon)


# by what a simulation's configuration calls them: of traffic, from a time on, on a horizon's grid
PREDICTIONS: Mapping[str, Prediction] = {
    'ground_truth': _ground_truth,
    'constant_velocity': _constant_velocity,
    'lane_following': _lane_following,
}

__all__ = [
    'PREDICTIONS',
    'LaneNetwork',
    'Prediction',
    'ObservedParticipant',
    'all_observed',
    'constant_velocity',
    'lane_following',
    'observed_at',
]
