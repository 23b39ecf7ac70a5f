# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The ladder: which rung when, what reaches the actuators, and how it brakes."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from warmstart_planner.problem import Rung, Trajectory
from warmstart_planner.supervision import (
    Actuation,
    BrakingSettings,
    Decision,
    Health,
    SupervisionLimits,
    Supervisor,
    braking_profile,
    decide,
    safe_actuation,
)
from warmstart_planner.vehicle import (
    GRAVITY,
    SPEED,
    STEERING,
    lateral_acceleration,
    load_vehicle,
    roll_out,
    step,
)

LIMITS = SupervisionLimits()
BRAKING = BrakingSettings()
VEHICLE = load_vehicle()
GOOD = Health(path_known=True)
NAN, INF = float('nan'), float('inf')


@pytest.mark.parametrize(
    ('change', 'rung'),
    [
        ({}, Rung.OPTIMISED),
        ({'reference_age': 0.4}, Rung.OPTIMISED),
        ({'reference_age': -0.1}, Rung.OPTIMISED),
        ({'reference_age': 0.5}, Rung.PREVIOUS),
        ({'reference_age': 1.6}, Rung.BRAKING),
        ({'reference_age': 1.6, 'path_known': False}, Rung.NONE),
        ({'reference_age': INF, 'path_known': False}, Rung.NONE),
        ({'reference_age': NAN}, Rung.BRAKING),
        ({'reference_age': -0.6}, Rung.BRAKING),
        ({'reference_valid': False}, Rung.BRAKING),
        ({'result_age': 0.1}, Rung.PREVIOUS),
        ({'result_age': 0.4}, Rung.BRAKING),
        ({'result_age': INF, 'path_known': False}, Rung.NONE),
        ({'state_age': 0.2}, Rung.OPTIMISED),
        ({'state_age': 0.4}, Rung.NONE),
        ({'state_age': NAN}, Rung.NONE),
        ({'state_age': -0.6}, Rung.NONE),
        ({'state_valid': False}, Rung.NONE),
        ({'result_age': 0.1, 'reference_age': 1.6}, Rung.BRAKING),
    ],
)
def test_the_rung_follows_from_ages_and_validity(change, rung):
    decision = decide(replace(GOOD, **change), LIMITS)
    assert decision.rung is rung
    assert (decision.reason == '') == (rung is Rung.OPTIMISED)


AGES = st.one_of(st.floats(0.0, 5.0), st.just(INF))
HEALTHS = st.builds(
    Health,
    state_age=AGES,
    state_valid=st.booleans(),
    reference_age=AGES,
    reference_valid=st.booleans(),
    result_age=AGES,
    path_known=st.booleans(),
)


def no_better(a: Health, b: Health) -> Health:
    """Return inputs that are in no respect better than either."""
    return Health(
        state_age=max(a.state_age, b.state_age),
        state_valid=a.state_valid and b.state_valid,
        reference_age=max(a.reference_age, b.reference_age),
        reference_valid=a.reference_valid and b.reference_valid,
        result_age=max(a.result_age, b.result_age),
        path_known=a.path_known and b.path_known,
    )


@given(HEALTHS, HEALTHS)
def test_worse_inputs_never_give_a_better_rung(one, other):
    worse = decide(no_better(one, other), LIMITS).rung.value
    assert worse >= decide(one, LIMITS).rung.value
    assert worse >= decide(other, LIMITS).rung.value


@given(st.lists(HEALTHS, max_size=20), HEALTHS)
def test_memory_never_makes_the_rung_better_than_the_inputs_allow(history, health):
    supervisor = Supervisor(LIMITS)
    for earlier in history:
        supervisor.update(earlier)
    assert supervisor.update(health).rung.value >= decide(health, LIMITS).rung.value


@given(st.lists(HEALTHS, max_size=20))
def test_it_recovers_from_any_history_after_the_stated_number_of_good_cycles(history):
    supervisor = Supervisor(LIMITS)
    for health in history:
        supervisor.update(health)
    rungs = [supervisor.update(GOOD).rung for _ in range(LIMITS.recovery_cycles)]
    assert rungs[-1] is Rung.OPTIMISED


def test_braking_does_not_end_with_one_good_cycle():
    supervisor = Supervisor(LIMITS)
    supervisor.update(GOOD)
    supervisor.update(replace(GOOD, reference_age=INF))
    rungs = [supervisor.update(GOOD).rung for _ in range(3)]
    assert rungs == [Rung.BRAKING, Rung.BRAKING, Rung.OPTIMISED]


def test_bad_cycles_between_good_ones_start_the_recovery_again():
    supervisor = Supervisor(LIMITS)
    supervisor.update(GOOD)
    bad = replace(GOOD, reference_age=INF)
    pattern = [bad, GOOD, GOOD, bad, GOOD, GOOD, GOOD]
    rungs = [supervisor.update(health).rung for health in pattern]
    assert rungs[:6] == [Rung.BRAKING] * 6
    assert rungs[6] is Rung.OPTIMISED


def test_a_car_that_just_started_does_not_wait_for_recovery():
    supervisor = Supervisor(LIMITS)
    assert supervisor.update(Health(reference_age=INF)).rung is Rung.NONE
    assert supervisor.update(GOOD).rung is Rung.OPTIMISED


def test_a_state_from_the_future_is_called_that():
    early = decide(replace(GOOD, state_age=-0.7), LIMITS)
    assert early == Decision(Rung.NONE, 'state is 0.7 s from the future')
    assert decide(replace(GOOD, state_age=-0.9 * LIMITS.clock_skew_max), LIMITS).reason == ''


@pytest.mark.parametrize('good', [0, 1, 2, 3])
def test_a_ladder_that_takes_over_recovers_as_the_other_would_have(good):
    one, other = Supervisor(LIMITS), Supervisor(LIMITS)
    for health in (GOOD, replace(GOOD, reference_age=INF), *[GOOD] * good):
        one.update(health)
    other.take_over(one)
    for health in [GOOD] * 4:
        assert other.update(health) == one.update(health)


def test_losing_the_path_while_recovering_still_goes_down():
    supervisor = Supervisor(LIMITS)
    supervisor.update(GOOD)
    supervisor.update(replace(GOOD, reference_age=INF))
    supervisor.update(GOOD)
    assert supervisor.update(replace(GOOD, state_valid=False)).rung is Rung.NONE


def test_limits_that_contradict_each_other_are_refused():
    with pytest.raises(ValueError, match='reference_age_max is 0.1'):
        SupervisionLimits(reference_age_max=0.1)
    with pytest.raises(ValueError, match='state_age_max is nan'):
        SupervisionLimits(state_age_max=NAN)


ANYTHING = st.floats(allow_nan=True, allow_infinity=True)


@given(ANYTHING, ANYTHING, st.floats(-0.5, 0.5), st.one_of(st.floats(0.0, 0.2), st.just(NAN)))
def test_whatever_is_wanted_the_actuators_get_something_that_they_can_do(
    acceleration, steering, held, elapsed
):
    sent = safe_actuation(
        Actuation(acceleration, steering), Actuation(0.0, held), elapsed, VEHICLE, BRAKING
    )
    reach = VEHICLE.steering_rate_max * (elapsed if np.isfinite(elapsed) else 0.0)
    assert -VEHICLE.deceleration_max <= sent.acceleration <= VEHICLE.acceleration_max
    assert abs(sent.steering_angle - held) <= reach + 1e-12
    if not np.isfinite(acceleration):
        assert sent.acceleration < 0.0
    if not np.isfinite(steering):
        assert sent.steering_angle == held


def test_what_is_possible_passes_the_gate_unchanged():
    wanted = Actuation(-1.5, 0.02)
    assert safe_actuation(wanted, Actuation(0.0, 0.01), 0.05, VEHICLE, BRAKING) == wanted


def driven(speed, steering=0.0, acceleration=0.0, steps=60, rates=None):
    """Return a trajectory of the model."""
    controls = np.zeros((steps, 2))
    controls[:, 0] = acceleration
    if rates is not None:
        controls[:, 1] = rates
    start = np.array([10.0, -4.0, 2.5, speed, steering])
    states, applied = roll_out(start, controls, 0.1, VEHICLE)
    return Trajectory(3.0, 0.1, states, applied)


def way(trajectory):
    """Length of the path driven."""
    return float(np.hypot(*np.diff(trajectory.states[:, :2], axis=0).T).sum())


@given(st.floats(0.0, 40.0), st.floats(0.15, 1.2))
def test_the_way_to_stop_is_what_physics_and_the_settings_allow(speed, friction):
    profile = braking_profile(driven(speed), VEHICLE, friction)
    least = speed**2 / (2 * friction * GRAVITY)
    slowest = min(BRAKING.comfort, 0.85 * friction * GRAVITY)
    assert least - 1e-6 <= way(profile) <= speed**2 / (2 * slowest) + speed * 0.1 + 0.01


@given(st.floats(2.0, 30.0), st.floats(0.3, 1.1), st.floats(-0.75, 0.75), st.floats(-0.02, 0.02))
def test_braking_in_a_bend_stays_within_the_friction_circle(speed, friction, share, rate):
    lateral = share * friction * GRAVITY
    steering = np.arctan(lateral * VEHICLE.wheelbase / speed**2)
    assume(abs(steering) < 0.9 * VEHICLE.steering_max)
    trajectory = driven(speed, steering, rates=rate)
    planned = lateral_acceleration(trajectory.states.T, VEHICLE.wheelbase)
    assume(np.abs(planned).max() < 0.8 * friction * GRAVITY)
    profile = braking_profile(trajectory, VEHICLE, friction)
    sideways = lateral_acceleration(profile.states[:-1].T, VEHICLE.wheelbase)
    assert np.hypot(profile.controls[:, 0], sideways).max() <= 0.87 * friction * GRAVITY


@given(st.floats(0.5, 30.0), st.floats(-0.2, 0.2), st.floats(-0.05, 0.05))
def test_the_profile_stays_on_the_path_and_ends_standing(speed, steering, rate):
    steering *= min(1.0, 25.0 / speed**2)
    trajectory = driven(speed, steering, rates=rate / max(speed, 1.0))
    profile = braking_profile(trajectory, VEHICLE, 1.0)
    assert profile.states[-1, SPEED] == 0.0
    assert (np.diff(profile.states[:, SPEED]) <= 0.0).all()
    assert len(profile.states) >= len(trajectory.states)
    dense = np.concatenate(
        [
            step(trajectory.states[:-1].T, trajectory.controls.T, h, VEHICLE.wheelbase)[:2]
            for h in np.linspace(0.0, 0.1, 40)
        ],
        axis=1,
    ).T
    for place in profile.states[:, :2]:
        assert np.hypot(*(dense - place).T).min() < 0.05


@given(st.floats(0.5, 30.0), st.floats(-0.2, 0.2), st.floats(-0.05, 0.05))
def test_the_profile_obeys_the_model(speed, steering, rate):
    steering *= min(1.0, 25.0 / speed**2)
    profile = braking_profile(driven(speed, steering, rates=rate / max(speed, 1.0)), VEHICLE, 1.0)
    predicted = np.stack(
        step(profile.states[:-1].T, profile.controls.T, profile.dt, VEHICLE.wheelbase), axis=-1
    )
    defect = np.abs(predicted - profile.states[1:])
    assert defect[:, :2].max() < 0.03
    assert defect[:, 2:].max() < 5e-3


def test_it_begins_where_and_when_it_is_asked_to():
    trajectory = driven(12.0, 0.02)
    profile = braking_profile(trajectory, VEHICLE, 1.0, start=4.0)
    assert profile.stamp == 4.0
    np.testing.assert_allclose(profile.states[0], trajectory.states[10], atol=1e-3)


def test_it_begins_at_the_car_when_the_car_is_not_where_the_trajectory_says():
    trajectory = driven(12.0, 0.02)
    car = trajectory.states[20] + np.array([0.0, 0.0, 0.0, -2.0, 0.0])
    profile = braking_profile(trajectory, VEHICLE, 1.0, start=3.2, state=car)
    np.testing.assert_allclose(profile.states[0, :2], car[:2], atol=1e-3)
    assert profile.states[0, SPEED] == car[SPEED]


def test_it_goes_on_along_the_last_bend_where_the_trajectory_ends_early():
    trajectory = driven(20.0, 0.01, steps=5)
    profile = braking_profile(trajectory, VEHICLE, 0.8)
    radius = VEHICLE.wheelbase / np.tan(0.01)
    start = trajectory.states[0]
    centre = start[:2] + radius * np.array([-np.sin(start[2]), np.cos(start[2])])
    distance = np.hypot(*(profile.states[:, :2] - centre).T)
    assert profile.states[-1, SPEED] == 0.0
    np.testing.assert_allclose(distance, radius, atol=0.02)


def test_a_trajectory_that_brakes_harder_is_not_overrun():
    trajectory = driven(15.0, acceleration=-6.0)
    assert trajectory.states[-1, SPEED] == 0.0
    profile = braking_profile(trajectory, VEHICLE, 1.0)
    assert way(profile) <= way(trajectory) + 0.05


def test_comfortable_first_then_firm():
    profile = braking_profile(driven(25.0), VEHICLE, 1.0)
    deceleration = -profile.controls[:, 0]
    assert deceleration[0] == pytest.approx(BRAKING.comfort)
    assert deceleration[15] == pytest.approx(BRAKING.firm)


def test_an_absurd_speed_ends_in_a_stand_too():
    car = np.array([10.0, -4.0, 2.5, 1e9, 0.0])
    assert braking_profile(driven(5.0), VEHICLE, 1.0, state=car).states[-1, SPEED] == 0.0


def test_a_standing_car_stays_where_it_is():
    profile = braking_profile(driven(0.0, 0.1), VEHICLE, 1.0)
    assert (profile.states == profile.states[0]).all()
    assert profile.states[0, STEERING] == 0.1


def test_braking_settings_must_brake():
    with pytest.raises(ValueError, match='braking.firm is 0.0'):
        BrakingSettings(firm=0.0)
    with pytest.raises(ValueError, match='braking.grip_use is nan'):
        BrakingSettings(grip_use=NAN)
