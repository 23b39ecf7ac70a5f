# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Options of `generate` that make the solvers for a car, a cost and a horizon."""

from __future__ import annotations

from dataclasses import asdict

from warmstart_planner.files.cost_weights import file_of
from warmstart_planner.objective import CostWeights
from warmstart_planner.problem import Horizon
from warmstart_planner.vehicle import VehicleParameters


def generate_options(
    vehicle: VehicleParameters,
    weights: CostWeights | None = None,
    horizon: Horizon | None = None,
) -> dict[str, object]:
    """Return them by name, without the default cost and what a solver does not depend on."""
    options: dict[str, object] = {'vehicle': vehicle.name}
    file = file_of(weights) if weights is not None else ''
    if file:
        options['weights'] = file
    return options | (asdict(horizon) if horizon is not None else {})
