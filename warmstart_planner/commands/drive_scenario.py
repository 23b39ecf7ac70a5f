# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
Drive one scenario in closed loop without ROS.

Prints the drive's figures and writes them, with a picture and the driven path, into a folder:
`summary.json`, `drive.png` and `driven.csv`. Exit status: 0 when the car drove safely to its goal,
1 when it did not, 2 when it could not be started.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

from warmstart_planner.api import drive
from warmstart_planner.commands.completion import scenario_argument
from warmstart_planner.commands.generate import provide
from warmstart_planner.planning.with_proposals import planner_with
from warmstart_planner.problem import Horizon
from warmstart_planner.proposals.registry import names_in, sources_help
from warmstart_planner.scenarios import load_scenario
from warmstart_planner.simulation.configuration import (
    default_configuration_path,
    read_configuration,
)
from warmstart_planner.simulation.folder import files_in, write_folder
from warmstart_planner.simulation.predictions import PREDICTIONS
from warmstart_planner.simulation.report import summary_table


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the scenario, what is written, and how it is driven."""
    scenario_argument(parser)
    add = parser.add_argument
    add('--out', type=Path, help='folder for what is written; out/drive/ and the name by default')
    add('--vehicle', default='', help="car by name, or its file's path; empty: the scenario's")
    add('--seed', type=int, help="of all noise; the configuration's by default")
    add('--prediction', choices=PREDICTIONS, help="of traffic; the configuration's by default")
    add('--configuration', help='YAML file; config/simulation.yaml by default')
    add('--deadline', type=float, default=float('inf'), help='for one plan [s]; none by default')
    add('--sources', help=sources_help())


def run(options: argparse.Namespace) -> int:
    """Drive the scenario; return the exit status."""
    try:
        scenario = load_scenario(options.scenario, options.vehicle)
        configuration = read_configuration(options.configuration or default_configuration_path())
        if options.seed is not None:
            configuration = replace(configuration, seed=options.seed)
        if options.prediction is not None:
            configuration = replace(configuration, prediction=options.prediction)
        sources = None if options.sources is None else names_in(options.sources)
        out = options.out or Path('out', 'drive', scenario.name)
        out.mkdir(parents=True, exist_ok=True)
        provide(scenario.car, Horizon())
        planner = planner_with(sources, scenario.car, options.deadline)
    except (ValueError, OSError, RuntimeError) as error:
        print(f'drive: {error}', file=sys.stderr)
        return 2
    print(f'{scenario.name}: {scenario.description}', flush=True)
    done = drive(scenario, planner, configuration=configuration, deadline=options.deadline)
    figures = write_folder(out, scenario, done.record, done.outcome.value)
    print(summary_table(figures))
    print('\n'.join(str(path) for path in files_in(out)))
    return 0 if done.safe else 1
