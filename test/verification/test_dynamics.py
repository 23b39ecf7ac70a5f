# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Defects: jumps, slips and starts from elsewhere."""

from dataclasses import replace

import numpy as np
import pytest

from warmstart_planner.vehicle import YAW
from warmstart_planner.verification import Tolerances, verify

START = np.array([20.0, 0.0, 0.0, 10.0, 0.0])  # where cars start unless told otherwise


@pytest.mark.parametrize('index', range(5))
def test_each_component_of_a_jump_is_a_defect(problem_of, driven, index):
    tolerances = Tolerances()
    limit = [tolerances.position] * 2 + [tolerances.yaw, tolerances.speed, tolerances.steering]
    trajectory = driven()
    for share in (0.5, 1.5):
        states = trajectory.states.copy()
        states[-1, index] += share * limit[index]
        verdict = verify(problem_of(), replace(trajectory, states=states))
        assert (verdict.dynamics > tolerances.position) == (share > 1.0)
        assert verdict.dynamics >= share * tolerances.position - 1e-6


def test_a_slip_that_is_small_at_every_step_is_a_defect_in_sum(problem_of, driven):
    trajectory = driven()
    states = trajectory.states.copy()
    states[:, 1] += 0.01 * np.arange(len(states))
    verdict = verify(problem_of(), replace(trajectory, states=states))
    assert verdict.dynamics == pytest.approx(0.4) and not verdict.feasible


def test_a_trajectory_from_elsewhere_is_a_defect(problem_of, driven):
    away = START + [0.0, 0.3, 0.0, 0.0, 0.0]
    verdict = verify(problem_of(), driven(away))
    assert verdict.dynamics == pytest.approx(0.3)
    assert verdict.constraint_to_go[0] == pytest.approx(0.3)
    assert verdict.constraint_to_go[1] == 0.0


def test_the_start_may_be_whole_turns_away(problem_of, driven):
    turned = START + [0.0, 0.0, 4 * np.pi, 0.0, 0.0]
    assert verify(problem_of(start=turned), driven()).feasible
    assert verify(problem_of(), driven(turned)).feasible


def test_a_turn_of_yaw_inside_a_trajectory_is_a_defect(problem_of, driven):
    trajectory = driven()
    states = trajectory.states.copy()
    states[20:, YAW] += 2 * np.pi
    verdict = verify(problem_of(), replace(trajectory, states=states))
    assert not verdict.feasible and verdict.dynamics > 1.0
