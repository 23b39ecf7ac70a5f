# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""What the model drives is followed, what another car drives is not."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from warmstart_planner.problem import Trajectory
from warmstart_planner.vehicle import load_vehicle, roll_out
from warmstart_planner.verification import Tolerances, verify

CAR = load_vehicle()
START = np.array([20.0, 0.0, 0.0, 10.0, 0.0])  # where cars start unless told otherwise


@given(st.integers(0, 10_000))
def test_what_the_model_drives_has_no_defect(random_case, seed):
    problem, trajectory = random_case(seed)
    assert verify(problem, trajectory).dynamics < 1e-4


def test_a_wrong_wheelbase_is_a_defect(problem_of):
    controls = np.zeros((40, 2))
    controls[:4, 1] = 0.2
    states, applied = roll_out(START, controls, 0.1, replace(CAR, wheelbase=CAR.wheelbase * 1.3))
    verdict = verify(problem_of(), Trajectory(0.0, 0.1, states, applied))
    assert verdict.dynamics > Tolerances().position and not verdict.feasible


def test_states_of_other_controls_are_a_defect(problem_of, driven):
    trajectory = driven()
    verdict = verify(problem_of(), replace(trajectory, controls=trajectory.controls + [1.0, 0.0]))
    # 0.1 m/s a step
    assert verdict.dynamics == pytest.approx(40 * 0.1, abs=0.01)
    assert not verdict.feasible
