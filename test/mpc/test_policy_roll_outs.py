# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Roll-outs from the controller's state: in the newest problem, with a memory that fits."""

import numpy as np
import pytest

from warmstart_planner.learned.policy import disagreement, load_policy
from warmstart_planner.mpc.policy_roll_outs import JUMP, PROBLEM_AGE_MAX, PolicyRollOuts
from warmstart_planner.obstacles import box
from warmstart_planner.vehicle import SPEED, load_vehicle

FAULTY_SPEED = 12.0
# acceleration of the members, and what each remembered step adds: test/support/known_models.py
RATES, GROWTH = np.array([-1.0, -0.25, 0.0, 0.5]), 0.02
CAR = np.array([20.0, 0.3, 0.1, 8.0, 0.0])


@pytest.fixture
def make_roll_outs(write_policy, tmp_path, observer, vehicle):
    """Return roll-outs of a policy whose members can fail where the car is fast."""

    def make(faulty=(), **changes):
        error = np.zeros((4, 2))
        error[list(faulty)] = np.nan
        folder = write_policy(tmp_path, error=error, fault_speed=FAULTY_SPEED, **changes)
        return PolicyRollOuts(load_policy(folder), vehicle, 0.1)

    return make


def asked(roll_outs, stamp, state=CAR, steps=5):
    """Return the members' first accelerations."""
    return roll_outs.roll_out(stamp, np.asarray(state), steps).controls[:-1, 0, 0]


def at(stamp):
    """Return the car driven on."""
    return CAR + np.array([CAR[SPEED] * stamp, 0.0, 0.0, 0.0, 0.0])


def test_each_member_and_their_mean_drive_on_from_the_car(make_roll_outs, make_problem):
    roll_outs = make_roll_outs()
    roll_outs.set_problem(make_problem(start=(18.0, 0.0, 0.3, 8.0, 0.0), stamp=1.0))
    ways = roll_outs.roll_out(1.1, CAR, 20)
    assert ways.states.shape == (5, 21, 5)
    assert (ways.problem_stamp, ways.dropped) == (1.0, 0)
    assert ways.disagreement == pytest.approx(disagreement(ways.states[:4]))
    np.testing.assert_allclose(ways.states[:, 0], np.tile(CAR, (5, 1)))
    np.testing.assert_allclose(ways.controls[:4, 0, 0], RATES, atol=1e-6)
    np.testing.assert_allclose(ways.controls[4], ways.controls[:4].mean(axis=0), atol=1e-6)
    along = ways.states[2, -1, :2] - CAR[:2]
    assert np.arctan2(along[1], along[0]) == pytest.approx(0.1, abs=1e-6)


def test_without_a_problem_or_with_a_stale_one_there_is_none(make_roll_outs, make_problem):
    roll_outs = make_roll_outs()
    assert roll_outs.roll_out(1.0, CAR, 5) is None
    roll_outs.set_problem(make_problem(stamp=1.0))
    assert roll_outs.roll_out(1.0 + PROBLEM_AGE_MAX + 0.01, CAR, 5) is None
    assert roll_outs.roll_out(0.9, CAR, 5) is None
    assert roll_outs.roll_out(1.0 + PROBLEM_AGE_MAX, CAR, 5) is not None
    roll_outs.forget()
    assert roll_outs.roll_out(1.0, CAR, 5) is None


def test_the_memory_takes_one_observation_each_time_step(make_roll_outs, make_problem):
    roll_outs = make_roll_outs()
    remembered = []
    for i in range(8):
        stamp = 0.05 * i
        if i % 2 == 0:
            roll_outs.set_problem(make_problem(start=at(stamp), stamp=stamp))
        first = asked(roll_outs, stamp, at(stamp))
        remembered.append((first - RATES).mean() / GROWTH)
    # the step between two is rolled out from the newest memory and leaves it as it is
    np.testing.assert_allclose(remembered, [0, 1, 1, 2, 2, 3, 3, 4], atol=1e-3)


@pytest.mark.parametrize(
    ('gap', 'moved', 'remembers'),
    [
        (0.1, 0.0, True),
        (0.1, 0.9 * JUMP, True),
        (0.1, 1.1 * JUMP, False),
        (0.6, 0.0, False),
        (-0.2, 0.0, False),
    ],
)
def test_a_jump_or_a_gap_ends_the_memory(make_roll_outs, make_problem, gap, moved, remembers):
    roll_outs = make_roll_outs()
    roll_outs.set_problem(make_problem(start=CAR, stamp=1.0))
    asked(roll_outs, 1.0)
    later = 1.0 + gap
    roll_outs.set_problem(make_problem(start=at(gap), stamp=later))
    heading = np.array([np.cos(0.1), np.sin(0.1), 0.0, 0.0, 0.0])
    there = CAR + (8.0 * gap + moved) * heading
    found = (asked(roll_outs, later, there) - RATES).mean() / GROWTH
    assert found == pytest.approx(float(remembers), abs=1e-3)


def test_a_member_that_fails_is_left_out_and_the_memory_begins_anew(make_roll_outs, make_problem):
    roll_outs = make_roll_outs(faulty=[1, 3])
    fast = CAR + np.array([0.0, 0.0, 0.0, FAULTY_SPEED, 0.0])
    roll_outs.set_problem(make_problem(start=CAR, stamp=0.0))
    asked(roll_outs, 0.0)
    with np.errstate(invalid='ignore'):
        ways = roll_outs.roll_out(0.1, fast, 5)
    assert ways.dropped == 2
    found = ways.controls[:-1, 0, 0]
    np.testing.assert_allclose(found, RATES[[0, 2]] + GROWTH, atol=1e-5)
    again = asked(roll_outs, 0.2)
    np.testing.assert_allclose(again, RATES, atol=1e-6)


def test_where_no_member_is_sound_there_is_no_way(make_roll_outs, make_problem):
    roll_outs = make_roll_outs(faulty=range(4))
    fast = CAR + np.array([0.0, 0.0, 0.0, FAULTY_SPEED, 0.0])
    roll_outs.set_problem(make_problem(stamp=0.0))
    with np.errstate(invalid='ignore'):
        assert roll_outs.roll_out(0.0, fast, 5) is None
    assert roll_outs.roll_out(0.0, np.full(5, np.nan), 5) is None


def test_traffic_is_where_it_will_be_at_the_steps_own_times(make_roll_outs, make_problem):
    from warmstart_planner.mpc.policy_roll_outs import _at_nodes

    poses = np.array([40.0, 1.0, 0.2]) + np.arange(61)[:, None] * np.array([0.5, 0.1, 0.0])
    roll_outs = make_roll_outs()
    scene = roll_outs._seen(make_problem(obstacles=(box('other', poses, 4.0, 1.8),)))
    nodes = np.array([0.0, 0.25, 7.5, 59.9, 60.0, 61.0])
    found = _at_nodes(scene.obstacles, nodes)
    known = np.minimum(nodes, 60.0)
    moved = scene.numbers.frame.globalise(found[0])
    np.testing.assert_allclose(moved[:, 0], 40.0 + 0.5 * known)
    np.testing.assert_allclose(moved[:, 1], 1.0 + 0.1 * known, atol=1e-9)
    np.testing.assert_allclose(found[0, :, 7:], np.tile([5.0, 1.0], (6, 1)), atol=1e-9)


@pytest.mark.parametrize(
    ('vehicle', 'dt', 'reason'),
    [
        (
            'commonroad_3',
            0.1,
            "vehicle is 'commonroad_3-.*': model 'steady' is for 'commonroad_2-",
        ),
        ('commonroad_2', 0.05, "policy 'steady' is for steps of 0.1 s: expected 0.05 s"),
    ],
)
def test_a_policy_for_something_else_is_refused(write_policy, tmp_path, vehicle, dt, reason):
    policy = load_policy(write_policy(tmp_path))
    with pytest.raises(ValueError, match=reason):
        PolicyRollOuts(policy, load_vehicle(vehicle), dt)


def test_a_problem_of_another_car_is_refused(make_roll_outs, make_problem):
    with pytest.raises(ValueError, match="problem.vehicle is 'commonroad_3-"):
        make_roll_outs().set_problem(make_problem(vehicle=load_vehicle('commonroad_3')))
