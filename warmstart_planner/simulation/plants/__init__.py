# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The simulated car: `Plant` is what every model of it offers, PLANTS are those that there are."""

from warmstart_planner.simulation.plants.kinematic import KinematicPlant
from warmstart_planner.simulation.plants.plant import CALM, LateralLoad, Plant
from warmstart_planner.simulation.plants.tyres import TyrePlant

# by what a simulation's configuration calls them
PLANTS = {'tyres': TyrePlant, 'kinematic': KinematicPlant}

__all__ = ['CALM', 'PLANTS', 'KinematicPlant', 'LateralLoad', 'Plant', 'TyrePlant']
