# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""A policy's roll-out as the controller's start."""

from dataclasses import replace

import numpy as np
import pytest

from training.experiments.mpc.policy_start import PolicyStart
from warmstart_planner.learned.policy import load_policy
from warmstart_planner.mpc import Controller
from warmstart_planner.problem import Trajectory
from warmstart_planner.vehicle import ACCELERATION, PX, SPEED

FAULTY_SPEED = 12.0
MEAN_RATE = -0.1875  # of the members, which grows: test/support/known_models.py [m/s^2]


@pytest.fixture
def make_source(write_policy, tmp_path, settings, vehicle):
    def make(error=np.nan):
        errors = np.full((4, 2), error)
        folder = write_policy(tmp_path, error=errors, fault_speed=FAULTY_SPEED)
        return PolicyStart(load_policy(folder), settings, vehicle)

    return make


def reference(acceleration, speed=8.0, stamp=0.0):
    """Return a straight reference that changes its speed evenly."""
    times = 0.1 * np.arange(61)
    states = np.zeros((61, 5))
    states[:, PX] = 20.0 + speed * times + acceleration * times**2 / 2
    states[:, SPEED] = speed + acceleration * times
    controls = np.zeros((60, 2))
    controls[:, ACCELERATION] = acceleration
    return Trajectory(stamp, 0.1, states, controls)


class Asked:
    """Keeps what a source was asked and proposed."""

    def __init__(self, source):
        self.source = source
        self.problems, self.starts = [], []

    def propose(self, problem):
        self.problems.append(problem)
        self.starts.append(self.source.propose(problem))
        return self.starts[-1]

    def forget(self):
        self.source.forget()


def drive_once(controller, problem, acceleration, speed=8.0):
    car = np.array([20.0, 0.0, 0.0, speed, 0.0])
    plan = reference(acceleration, speed)
    return controller.step(0.0, car, 0.0, plan, problem.road, problem.obstacles, 1.0)


@pytest.mark.parametrize(('acceleration', 'first'), [(-1.0, -1.0), (0.5, 0.5), (0.0, MEAN_RATE)])
def test_the_way_nearest_to_the_reference_is_proposed(
    make_source, make_problem, settings, vehicle, acceleration, first
):
    source = Asked(make_source())
    controller = Controller(replace(settings, warm_start='policy'), vehicle, starts=(source,))
    problem = make_problem()
    source.source.set_problem(problem)
    output = drive_once(controller, problem, acceleration)
    assert (output.start_source, output.status) == ('policy', 'solved')
    (start,) = source.starts[-1]
    assert start.states.shape == (settings.steps + 1, 5)
    np.testing.assert_array_equal(start.states[0], source.problems[-1].initial_state)
    assert start.controls[0, ACCELERATION] == pytest.approx(first, abs=1e-5)


@pytest.mark.parametrize('error', [np.nan, np.inf, 1e3])
@pytest.mark.parametrize('choice', ['policy', 'best'])
def test_what_no_car_could_do_is_no_start(
    make_source, make_problem, settings, vehicle, choice, error
):
    source = make_source(error)
    controller = Controller(replace(settings, warm_start=choice), vehicle, starts=(source,))
    problem = make_problem(start=(20.0, 0.0, 0.0, 15.0, 0.0))
    source.set_problem(problem)
    with np.errstate(invalid='ignore'):
        output = drive_once(controller, problem, 0.0, speed=15.0)
    assert (output.start_source, output.status) == ('reference', 'solved')
    assert np.isfinite([output.acceleration, output.steering_angle]).all()


def test_a_reset_controller_asks_for_a_new_problem(make_source, make_problem, settings, vehicle):
    source = make_source()
    controller = Controller(replace(settings, warm_start='policy'), vehicle, starts=(source,))
    problem = make_problem()
    source.set_problem(problem)
    assert drive_once(controller, problem, 0.0).start_source == 'policy'
    controller.reset()
    assert drive_once(controller, problem, 0.0).start_source == 'reference'
