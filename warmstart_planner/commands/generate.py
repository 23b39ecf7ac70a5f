# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Generate and compile every solver that is missing: `ros2 run warmstart_planner generate`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from warmstart_planner.compiled_problem import library as problem
from warmstart_planner.files.cost_weights import read_weights
from warmstart_planner.generation.generated import SolverMissingError, require, solver_root
from warmstart_planner.generation.options import generate_options
from warmstart_planner.learned.observation import library as observation
from warmstart_planner.learned.transformer import library as transformer
from warmstart_planner.mpc.settings import ControllerSettings
from warmstart_planner.mpc.tracking import generate as tracking
from warmstart_planner.mpc.tracking import merit_library as merit
from warmstart_planner.objective import CostWeights
from warmstart_planner.problem import Horizon
from warmstart_planner.proposals.guided import library as guided
from warmstart_planner.scp import library as scp
from warmstart_planner.vehicle import DEFAULT_VEHICLE, VehicleParameters, load_vehicle
from warmstart_planner.verification.judge import compiled as judge


@dataclass(frozen=True)
class Solver:
    """
    One of the generated libraries.

    `key` is all that it depends on, `options` those of `generate` that make it, and `make` makes
    it unless it is there, and returns its folder.
    """

    name: str
    key: dict[str, Any]
    options: dict[str, object]
    make: Callable[[], Path]

    @property
    def fault(self) -> str:
        """What is wrong with it, and the command that helps; nothing where it is there."""
        try:
            require(self.name, self.key, self.options)
        except SolverMissingError as error:
            return str(error)
        return ''


def solvers(
    vehicle: VehicleParameters, weights: CostWeights, horizon: Horizon
) -> tuple[Solver, ...]:
    """Return all that planner, controller and learned sources have compiled."""
    planned = vehicle, weights, horizon
    controlled = vehicle, ControllerSettings()
    learned = vehicle, CostWeights(), horizon.dt  # the cost that the model learned
    for_car = generate_options(vehicle)
    made = (
        (scp.NAME, scp.key, scp.generate, planned, generate_options(*planned)),
        (tracking.NAME, tracking.solver_key, tracking.generate, controlled, for_car),
        (merit.NAME, merit.key, merit.generate, controlled, for_car),
        (observation.NAME, observation.key, observation.generate, (vehicle,), for_car),
        (judge.NAME, judge.key, judge.generate, (), {}),
        (guided.NAME, guided.key, guided.generate, (), {}),
        (problem.NAME, problem.key, problem.generate, (), {}),
        (
            transformer.NAME,
            transformer.key,
            transformer.generate,
            learned,
            for_car | {'dt': horizon.dt},
        ),
    )
    return tuple(
        Solver(name, key(*given), options, partial(make, *given))
        for name, key, make, given, options in made
    )


def provide(vehicle: VehicleParameters, horizon: Horizon) -> None:
    """
    Generate what is missing for a car, and say so in one line on standard error.

    Raises:
        RuntimeError: there is no compiler or no acados, or something cannot be compiled.

    """
    missing = [each for each in solvers(vehicle, CostWeights(), horizon) if each.fault]
    if missing:
        names = ', '.join(each.name for each in missing)
        print(
            f'generating {names} for {vehicle.name}, once, into {solver_root()}: a minute or two',
            file=sys.stderr,
            flush=True,
        )
    for each in missing:
        each.make()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the vehicle, the weights' file, and the horizon's step [s] and steps."""
    add = parser.add_argument
    add('--vehicle', default=DEFAULT_VEHICLE, help="packaged car by name, or its file's path")
    add('--weights', default='', help='YAML file of the cost weights; empty: the default ones')
    add('--dt', type=float, default=Horizon.dt, help='planning step [s]')
    add('--steps', type=int, default=Horizon.steps, help='planning steps')


def options_from(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return the vehicle, the weights' file, and the horizon's step [s] and steps."""
    parser = argparse.ArgumentParser(prog='generate', description=__doc__)
    add_arguments(parser)
    return parser.parse_args(arguments)


def run(options: argparse.Namespace) -> int:
    """Generate the solvers for one vehicle, cost and horizon; print their folders."""
    try:
        vehicle, horizon = load_vehicle(options.vehicle), Horizon(options.dt, options.steps)
        weights = read_weights(options.weights) if options.weights else CostWeights()
    except ValueError as error:
        print(f'generate: {error}', file=sys.stderr)
        return 2
    try:
        for each in solvers(vehicle, weights, horizon):
            print(each.make(), flush=True)
    except RuntimeError as error:
        print(f'generate: {error}', file=sys.stderr)
        return 1
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line."""
    return run(options_from(arguments))


if __name__ == '__main__':
    sys.exit(main())
