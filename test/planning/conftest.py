# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Planners that are made once, and changes of their problems."""

from dataclasses import replace

import numpy as np
import pytest

from warmstart_planner.obstacles import box
from warmstart_planner.planning import Planner, PlannerSettings
from warmstart_planner.vehicle import load_vehicle

CAR = load_vehicle()


@pytest.fixture(scope='module')
def shared(planner_solvers):
    return Planner(CAR)


@pytest.fixture
def planner(shared):
    shared.reset()
    return shared


@pytest.fixture(scope='module')
def waiting(planner_solvers):
    """Make a planner that waits for every candidate, so that none depends on the others."""
    return Planner(CAR, settings=PlannerSettings(straggler_share=0.0))


@pytest.fixture
def patient(waiting):
    waiting.reset()
    return waiting


@pytest.fixture(scope='session')
def wall():
    """Build a wall across the whole road at a station."""
    return lambda station: box('wall', np.array([station, 0.0, 0.0]), 1.0, 9.0)


@pytest.fixture(scope='session')
def narrowed():
    """Make the road of a problem too narrow for the car, everywhere."""

    def change(problem):
        tight = np.full_like(problem.road.left_width, 0.5)
        return replace(problem, road=replace(problem.road, left_width=tight, right_width=tight))

    return change


@pytest.fixture(scope='session')
def later():
    """Return the problem of a car that has followed a plan for some steps."""

    def change(problem, plan, steps, **changes):
        state = plan.states[steps]
        return replace(problem, stamp=plan.times[steps], initial_state=state, **changes)

    return change
