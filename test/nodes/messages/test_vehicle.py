# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""What is about another car than the node's own is refused."""

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip('rclpy', reason='ROS 2 is not installed')
pytest.importorskip('warmstart_planner.msg', reason='messages are not built: `make setup`')

from warmstart_planner.nodes import messages
from warmstart_planner.problem import Rung
from warmstart_planner.vehicle import load_vehicle

VEHICLE = load_vehicle()
OTHER = load_vehicle('commonroad_3')
BOTH = "vehicle is 'commonroad_3-.*': expected 'commonroad_2-.*', the car of this node"


def test_a_problem_of_another_car_is_refused_with_both_cars(problem):
    message = messages.problem_message(replace(problem(), vehicle=OTHER))
    with pytest.raises(ValueError, match=f'problem.{BOTH}'):
        messages.problem_from(message, VEHICLE)


def test_a_state_of_another_car_is_refused_with_both_cars():
    estimate = messages.StateEstimate(1.0, np.zeros(5), 0.0, 1.0)
    convert = messages.of_vehicle('state', messages.vehicle_state_from, VEHICLE)
    assert convert(messages.vehicle_state_message(estimate, VEHICLE)).friction == 1.0
    with pytest.raises(ValueError, match=f'state.{BOTH}'):
        convert(messages.vehicle_state_message(estimate, OTHER))


def test_a_state_that_does_not_say_of_which_car_it_is_is_taken():
    """A real car's sensors may not know what it is called."""
    estimate = messages.StateEstimate(1.0, np.zeros(5), 0.0, 1.0)
    convert = messages.of_vehicle('state', messages.vehicle_state_from, VEHICLE)
    assert convert(messages.vehicle_state_message(estimate)).stamp == 1.0


def test_a_reference_of_another_car_is_refused_with_both_cars():
    nothing = messages.Reference(1.0, None, Rung.NONE, '', False)
    convert = messages.of_vehicle('trajectory', messages.reference_from, VEHICLE)
    assert convert(messages.trajectory_message(nothing, VEHICLE)).rung is Rung.NONE
    with pytest.raises(ValueError, match=f'trajectory.{BOTH}'):
        convert(messages.trajectory_message(nothing, OTHER))
