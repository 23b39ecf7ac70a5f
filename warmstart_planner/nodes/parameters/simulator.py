# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Parameters of the node `simulator`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from warmstart_planner.nodes.parameters.declaration import Parameter
from warmstart_planner.problem import Horizon

REAL_TIME, LOCKSTEP = 'real_time', 'lockstep'
DECLARATIONS = (
    Parameter(
        'scenario', 'overtaking_oncoming', 'Packaged name, or path of a .yaml or CommonRoad .xml',
        read_only=True,
    ),
    Parameter(
        'vehicle', '', "Car that drives: packaged name, or its file's path; empty: the scenario's",
        read_only=True,
    ),
    Parameter(
        'configuration', '', 'YAML file of plant, noise and so on; empty: the packaged one',
        read_only=True,
    ),
    Parameter(
        'seed', -1, "Of all randomness; -1: the configuration's", unit='1', low=-1, high=2**31,
        read_only=True,
    ),
    Parameter(
        'mode', REAL_TIME, 'Whether time runs by itself or waits for every answer',
        choices=(REAL_TIME, LOCKSTEP), read_only=True,
    ),
    Parameter(
        'real_time_factor', 1.0, 'Simulated seconds in a second', unit='1', low=0.01, high=100.0,
        read_only=True,
    ),
    Parameter('publish_clock', True, 'Be the source of /clock', read_only=True),
    Parameter(
        'period', 0.05, 'Between two states, and so between two commands', unit='s',
        low=0.005, high=0.5, read_only=True,
    ),
    Parameter(
        'plan_period', 0.1, 'Between two plans; lockstep waits for each', unit='s',
        low=0.02, high=2.0, read_only=True,
    ),
    Parameter('horizon.dt', 0.1, 'Step of predictions', unit='s', low=0.01, high=1.0,
              read_only=True),
    Parameter('horizon.steps', 60, 'Steps of predictions', unit='1', low=1, high=1000,
              read_only=True),
    Parameter(
        'start_timeout', 60.0, 'For the first command; time stands still until then', unit='s',
        low=1.0, high=600.0,
    ),
    Parameter(
        'answer_timeout', 1.0, 'Lockstep goes on without an answer after this', unit='s',
        low=0.01, high=60.0,
    ),
    Parameter(
        'command_timeout', 0.3, 'Without commands for so long the vehicle brakes', unit='s',
        low=0.02, high=10.0,
    ),
    Parameter(
        'record', '', 'Folder for the record of the drive, below it the namespace; empty: none',
        read_only=True,
    ),
    Parameter('exit_when_done', True, 'End the process when the drive is over', read_only=True),
)  # fmt: skip


@dataclass(frozen=True)
class SimulatorSettings:
    """All that the node is told; see the declarations."""

    scenario: str
    vehicle: str
    configuration: str
    seed: int
    mode: str
    real_time_factor: float
    publish_clock: bool
    period: float
    plan_period: float
    horizon: Horizon
    start_timeout: float
    answer_timeout: float
    command_timeout: float
    record: str
    exit_when_done: bool


def settings_from(values: Mapping[str, Any]) -> SimulatorSettings:
    """Build the settings; raises ValueError where values do not fit each other."""
    if not values['publish_clock']:
        if values['mode'] == LOCKSTEP:
            raise ValueError('publish_clock is False: expected True in the mode lockstep')
        if values['real_time_factor'] != 1.0:
            raise ValueError(
                f'real_time_factor is {values["real_time_factor"]}: expected 1.0 without '
                'publish_clock'
            )
    own = {name: values[name] for name in SimulatorSettings.__dataclass_fields__ if name in values}
    return SimulatorSettings(**own, horizon=Horizon(values['horizon.dt'], values['horizon.steps']))
