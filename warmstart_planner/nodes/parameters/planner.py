# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
Parameters of the node `planner`.

The weights of the cost are not among them, they are compiled into the solver: a file has them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from warmstart_planner.files.cost_weights import read_weights
from warmstart_planner.nodes.parameters.declaration import Parameter, declared, replaced
from warmstart_planner.objective import CostWeights
from warmstart_planner.planning import PlannerSettings
from warmstart_planner.problem import Horizon
from warmstart_planner.supervision import SupervisionLimits
from warmstart_planner.vehicle import DEFAULT_VEHICLE, VehicleParameters, load_vehicle

PERIOD = 0.1
OWN = (
    Parameter(
        'vehicle', DEFAULT_VEHICLE, "Car to plan for: packaged name, or its file's path",
        read_only=True,
    ),
    Parameter(
        'weights', '', 'YAML file of the weights of the cost; empty: the default ones',
        read_only=True,
    ),
    Parameter(
        'horizon.dt', 0.1, 'Step of the horizon', unit='s', low=0.01, high=1.0, read_only=True
    ),
    Parameter(
        'horizon.steps', 60, 'Steps of the horizon', unit='1', low=1, high=1000, read_only=True
    ),
    Parameter(
        'period', PERIOD, 'Between two plans', unit='s', low=0.02, high=2.0, read_only=True
    ),
    Parameter(
        'deadline', 0.05, 'From problem to reference, at most', unit='s', low=0.005, high=2.0
    ),
    Parameter(
        'proposal_wait',
        0.01,
        'Of the deadline, spent waiting for proposals where none are known yet',
        unit='s',
        low=0.0,
        high=1.0,
    ),
    Parameter(
        'state_age_max', 0.3, 'A car state older than this is not planned from', unit='s',
        low=0.01, high=10.0,
    ),
    Parameter(
        'obstacle_age_max', 0.5, 'With obstacles older than this nothing is planned', unit='s',
        low=0.01, high=10.0,
    ),
    Parameter(
        'clock_skew_max', SupervisionLimits().clock_skew_max,
        'A stamp further in the future is not believed', unit='s', low=0.0, high=10.0,
    ),
    Parameter(
        'goal_pose_speed', 0.0, 'Speed at a goal that a user set as a pose', unit='m/s',
        low=0.0, high=50.0,
    ),
)  # fmt: skip
SETTINGS = (
    ('threads', '1', 1, 64, 'Threads that refine side by side'),
    (
        'straggler_share',
        '1',
        0.0,
        1.0,
        'Of the candidates, that are not waited for once a plan is found',
    ),
    ('proposing_share', '1', 0.0, 1.0, 'Of the time for a plan, at most for its own proposals'),
    ('keep_bonus', '1', 0.0, 1.0, 'Share by which another way round must be cheaper'),
    ('previous_age_max', 's', 0.0, 6.0, 'How long a verified plan may stand in'),
    ('return_time', 's', 0.1, 6.0, 'Within this a start outside the limits is back inside'),
    (
        'verification_reserve',
        's',
        0.0,
        0.1,
        'Kept of the deadline for the last iteration and the verdict',
    ),
    (
        'stitch_longitudinal',
        'm',
        0.0,
        5.0,
        'Plans go on from the plan in use while it is this near',
    ),
    ('stitch_lateral', 'm', 0.0, 2.0, 'The same, to the side'),
    ('stitch_yaw', 'rad', 0.0, 1.0, 'The same, in heading'),
    ('stitch_speed', 'm/s', 0.0, 5.0, 'The same, in speed'),
    ('stitch_steering', 'rad', 0.0, 1.0, 'The same, in the front-wheel angle'),
    ('margins.obstacle', 'm', 0.0, 5.0, 'Kept free to obstacles'),
    ('margins.road', 'm', 0.0, 5.0, "Kept free to the road's edges"),
    ('margins.grip', '1', 0.1, 1.0, 'Used share of the friction circle'),
    ('margins.obstacle_now', '1', 0.0, 1.0, 'Share of the distance to obstacles kept at once'),
    ('margins.settling_time', 's', 0.001, 10.0, 'After it the whole distance is kept'),
    ('scp.initial_radius', '1', 1e-3, 100.0, 'Trust region at the start'),
    ('scp.smallest_radius', '1', 1e-9, 1.0, 'Trust region at which the loop gives up'),
    ('scp.largest_radius', '1', 1e-3, 1e3, 'Trust region at most'),
    ('scp.step_tolerance', '1', 1e-9, 1.0, 'Scaled step at which the loop has converged'),
    ('scp.merit_tolerance', '1', 1e-9, 1.0, 'Relative merit decrease, likewise'),
    ('scp.iteration_limit', '1', 1, 1000, 'Iterations at most'),
    ('scp.qp_iteration_limit', '1', 1, 1000, 'Iterations of each QP at most'),
    ('braking.comfort', 'm/s^2', 0.1, 20.0, 'Deceleration of the braking profile, at first'),
    ('braking.firm', 'm/s^2', 0.1, 20.0, 'Deceleration of the braking profile, later'),
    ('braking.grip_use', '1', 0.1, 1.0, 'Share of the friction circle that braking uses'),
)
NAMES = tuple(row[0] for row in SETTINGS)
DECLARATIONS = (*OWN, *declared(PlannerSettings(), SETTINGS))


@dataclass(frozen=True)
class PlannerNodeSettings:
    """All that the node is told; times in seconds, speed in m/s."""

    vehicle: VehicleParameters
    horizon: Horizon
    period: float
    deadline: float
    proposal_wait: float
    state_age_max: float
    obstacle_age_max: float
    clock_skew_max: float
    goal_pose_speed: float
    planner: PlannerSettings


def settings_from(values: Mapping[str, Any]) -> PlannerNodeSettings:
    """Build the settings; raises ValueError where values do not fit each other."""
    for name, limit in (('proposal_wait', 'deadline'), ('deadline', 'period')):
        if values[name] > values[limit]:
            raise ValueError(
                f'{name} is {values[name]}: expected at most {limit} ({values[limit]})'
            )
    return PlannerNodeSettings(
        vehicle=load_vehicle(values['vehicle']),
        horizon=Horizon(values['horizon.dt'], values['horizon.steps']),
        period=values['period'],
        deadline=values['deadline'],
        proposal_wait=values['proposal_wait'],
        state_age_max=values['state_age_max'],
        obstacle_age_max=values['obstacle_age_max'],
        clock_skew_max=values['clock_skew_max'],
        goal_pose_speed=values['goal_pose_speed'],
        planner=replace(
            replaced(PlannerSettings(), values, NAMES),
            weights=read_weights(values['weights']) if values['weights'] else CostWeights(),
        ),
    )
