# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Generate and compile every solver that is missing: `ros2 run warmstart_planner generate`."""

from __future__ import annotations

import argparse
import sys

from warmstart_planner.compiled_transcription import generate as generate_transcription
from warmstart_planner.cost_weights import read_weights
from warmstart_planner.learned.observation_library import generate as generate_observation
from warmstart_planner.learned.transformer_library import generate as generate_transformer
from warmstart_planner.mpc.generate import generate as generate_mpc
from warmstart_planner.mpc.settings import ControllerSettings
from warmstart_planner.objective import CostWeights
from warmstart_planner.problem import Horizon
from warmstart_planner.proposals.guided_library import generate as generate_guided
from warmstart_planner.scp.library import generate as generate_scp
from warmstart_planner.vehicle import DEFAULT_VEHICLE, load_vehicle
from warmstart_planner.verification.compiled import generate as generate_judge


def options_from(arguments: list[str] | None) -> argparse.Namespace:
    """Return the vehicle, the weights' file, and the horizon's step [s] and steps."""
    parser = argparse.ArgumentParser(prog='generate', description=__doc__)
    add = parser.add_argument
    add('--vehicle', default=DEFAULT_VEHICLE, help="packaged car by name, or its file's path")
    add('--weights', default='', help='YAML file of the cost weights; empty: the default ones')
    add('--dt', type=float, default=Horizon.dt, help='planning step [s]')
    add('--steps', type=int, default=Horizon.steps, help='planning steps')
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Generate the solvers for one vehicle, cost and horizon; print their folders."""
    options = options_from(arguments)
    try:
        vehicle, horizon = load_vehicle(options.vehicle), Horizon(options.dt, options.steps)
        weights = read_weights(options.weights) if options.weights else CostWeights()
    except ValueError as error:
        print(f'generate: {error}', file=sys.stderr)
        return 2
    print(generate_scp(vehicle, weights, horizon))
    print(generate_mpc(vehicle, ControllerSettings()))
    print(generate_observation(vehicle))
    print(generate_judge())
    print(generate_guided())
    print(generate_transcription())
    # of the cost that the model learned
    print(generate_transformer(vehicle, CostWeights(), horizon.dt))
    return 0


if __name__ == '__main__':
    sys.exit(main())
