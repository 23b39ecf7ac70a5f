# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The formulation that small tests compile: room for three obstacles."""

import pytest

from training.experiments.solvers import nlp
from training.experiments.solvers.nlp import Formulation, make_task
from warmstart_planner.objective import CostWeights
from warmstart_planner.problem import Horizon
from warmstart_planner.scp.solver import ScpSolver
from warmstart_planner.vehicle import load_vehicle


@pytest.fixture(scope='session')
def formulation():
    return Formulation(load_vehicle(), CostWeights(), Horizon(), nlp.CAPACITIES[0])


@pytest.fixture(scope='session')
def judge(scp_folder):
    return ScpSolver(load_vehicle(), Horizon())


@pytest.fixture(scope='session')
def task_of(judge, straight_line):
    """Build the straight line's task of a problem."""

    def make(problem):
        bound, guess = judge.bind(problem), straight_line(problem)
        return make_task(bound, guess, judge.roll_out(bound, guess))

    return make
