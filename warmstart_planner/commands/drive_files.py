# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
Drive all scenario files of a folder in closed loop without ROS, such as CommonRoad's.

Writes of each the driven path, a picture and, of CommonRoad's, a solution, and a table as JSON. A
file that cannot be read is a row as well: its outcome is `refused`, with the reason. Rows that are
done are kept in a journal and not driven again. Where `make judge` has installed CommonRoad's own
checker, it judges all solutions. Exit status: 0 when all drives came to an end, whatever it was,
1 when one broke off with an error, 2 when nothing could be started.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace

from warmstart_planner.commands.folder_table import add_folder_arguments, drive_folder
from warmstart_planner.evaluation.judge import JudgeError
from warmstart_planner.evaluation.scenes import Setup, drive_scenes
from warmstart_planner.generation.generated import SolverMissingError
from warmstart_planner.proposals.registry import names_in, sources_help
from warmstart_planner.simulation.configuration import (
    MODELS,
    SimulationConfiguration,
    default_configuration_path,
    read_configuration,
)
from warmstart_planner.simulation.predictions import PREDICTIONS


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(prog='commonroad', description=(__doc__ or '').strip())
    add_arguments(parser)
    return run(parser.parse_args(arguments))


def run(options: argparse.Namespace) -> int:
    """Drive the files; return the exit status."""
    try:
        setup = _setup(options)
        return drive_folder(
            options,
            lambda names, folder: drive_scenes(names, setup, folder, options.workers),
            asdict(setup),
            setup.configuration.seed,
        )
    except (ValueError, OSError, SolverMissingError, JudgeError) as error:
        print(f'commonroad: {error}', file=sys.stderr)
        return 2


def _setup(options: argparse.Namespace) -> Setup:
    configuration = read_configuration(options.configuration or default_configuration_path())
    return Setup(
        _changed(configuration, options.seed, options.model, options.prediction),
        options.deadline,
        None if options.sources is None else tuple(names_in(options.sources)),
        options.vehicle,
        ('picture', 'animation') if options.animations else ('picture',),
    )


def _changed(
    configuration: SimulationConfiguration,
    seed: int | None,
    model: str | None,
    prediction: str | None,
) -> SimulationConfiguration:
    if seed is not None:
        configuration = replace(configuration, seed=seed)
    if model is not None:
        configuration = replace(configuration, plant=replace(configuration.plant, model=model))
    if prediction is not None:
        configuration = replace(configuration, prediction=prediction)
    return configuration


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the folder, what is written, and how the files are driven."""
    add_folder_arguments(parser, 'out/commonroad.json')
    add = parser.add_argument
    add('--seed', type=int, help="of all noise; the configuration's by default")
    add('--animations', action='store_true', help='of each drive, as GIF')
    add('--model', choices=MODELS, help="what moves the car; the configuration's by default")
    add('--prediction', choices=PREDICTIONS, help="of traffic; the configuration's by default")
    add('--configuration', help='YAML file; config/simulation.yaml by default')
    add('--deadline', type=float, default=0.05, help='for one plan [s]; inf is reproducible')
    add('--sources', help=sources_help())
    add('--vehicle', default='', help="car by name, or its file's path; empty: the scenarios'")


if __name__ == '__main__':
    sys.exit(main())
