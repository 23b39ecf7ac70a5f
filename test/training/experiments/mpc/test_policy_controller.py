# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""A policy alone: what it wants is what is sent, and what no car could do never is."""

import numpy as np
import pytest

from training.experiments.mpc.policy_controller import PolicyController
from warmstart_planner.learned.policy import load_policy
from warmstart_planner.problem import Rung, Trajectory
from warmstart_planner.vehicle import SPEED

FAULTY_SPEED = 12.0
MEAN_RATE = -0.1875  # of the members, test/support/known_models.py [m/s^2]


@pytest.fixture
def make_controller(write_policy, tmp_path, settings, vehicle, observer):
    def make(error=0.0, fault_speed=FAULTY_SPEED):
        errors = np.broadcast_to(error, (4, 2))
        folder = write_policy(tmp_path, error=errors, fault_speed=fault_speed)
        return PolicyController(load_policy(folder), settings, vehicle)

    return make


def car(speed, x=20.0):
    return np.array([x, 0.0, 0.0, speed, 0.0])


def plan(speed):
    states = np.zeros((61, 5))
    states[:, 0], states[:, SPEED] = 20.0 + speed * 0.1 * np.arange(61), speed
    return Trajectory(0.0, 0.1, states, np.zeros((60, 2)))


def step(controller, problem, now=0.0, speed=8.0, reference=True):
    path = plan(speed) if reference else None
    with np.errstate(invalid='ignore'):
        return controller.step(now, car(speed), now, path, problem.road, (), 1.0)


def test_the_mean_of_the_members_is_what_is_sent(make_controller, make_problem):
    controller, problem = make_controller(), make_problem()
    controller.set_problem(problem)
    output = step(controller, problem)
    assert (output.status, output.start_source) == ('rolled_out', 'policy')
    assert output.rung is Rung.OPTIMISED
    # one lag of the actuator ahead, when the members remember one step
    assert output.acceleration == pytest.approx(MEAN_RATE + 0.02, abs=1e-4)
    assert output.steering_angle == pytest.approx(0.0, abs=1e-9)
    assert 0.0 < output.solve_time < output.step_time
    np.testing.assert_allclose(output.prediction.states[0, SPEED], 8.0, atol=0.1)


@pytest.mark.parametrize('error', [np.nan, np.inf, -np.inf, 1e3, -50.0])
def test_what_no_car_could_do_is_never_sent(make_controller, make_problem, vehicle, error):
    controller = make_controller(error)
    problem = make_problem(start=car(15.0))
    controller.set_problem(problem)
    outputs = [step(controller, problem, now=0.05 * i, speed=15.0) for i in range(8)]
    for output in outputs:
        assert output.rung is Rung.BRAKING
        assert output.prediction is None
        assert 'policy: no_sound_roll_out' in output.reason
        assert -vehicle.deceleration_max <= output.acceleration < 0.0
        assert output.steering_angle == pytest.approx(0.0, abs=1e-6)


def test_it_drives_on_when_the_policy_is_sound_again(make_controller, make_problem):
    controller = make_controller(np.nan)
    rungs = []
    for i, speed in enumerate([8.0, 15.0, 15.0, 8.0]):
        problem = make_problem(start=car(speed), stamp=0.05 * i)
        controller.set_problem(problem)
        rungs.append(step(controller, problem, 0.05 * i, speed).rung)
    assert rungs == [Rung.OPTIMISED, Rung.BRAKING, Rung.BRAKING, Rung.OPTIMISED]


def test_without_a_fresh_problem_it_brakes(make_controller, make_problem):
    controller, problem = make_controller(), make_problem()
    assert step(controller, problem).rung is Rung.BRAKING
    controller.set_problem(problem)
    assert step(controller, problem, 0.1).rung is Rung.OPTIMISED
    assert step(controller, problem, 0.7).rung is Rung.BRAKING
    controller.reset()
    assert step(controller, problem, 0.1).rung is Rung.BRAKING


def test_without_a_path_to_brake_along_the_brake_is_held(make_controller, make_problem):
    controller, problem = make_controller(), make_problem()
    controller.set_problem(problem)
    output = step(controller, problem, reference=False)
    assert output.rung is Rung.NONE
    assert output.acceleration < -1.0


def test_a_car_that_shall_stand_holds_its_brake(make_controller, make_problem, settings):
    controller, problem = (
        make_controller([-2.0, 0.0], fault_speed=-1.0),
        make_problem(start=car(0.0)),
    )
    controller.set_problem(problem)
    output = step(controller, problem, speed=0.0)
    assert output.acceleration == -settings.standstill_deceleration


def test_an_old_state_means_the_car_is_lost(make_controller, make_problem):
    controller, problem = make_controller(), make_problem()
    controller.set_problem(problem)
    output = controller.step(0.5, car(8.0), 0.0, plan(8.0), problem.road, (), 1.0)
    assert output.rung is Rung.NONE
