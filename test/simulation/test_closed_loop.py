# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0

import numpy as np
import pytest

from warmstart_planner.problem import KeepSpeed, StationGoal, StopBefore
from warmstart_planner.scenarios.road_goals import HOLD_TIME
from warmstart_planner.scenarios.scenario import TrafficParticipant
from warmstart_planner.simulation.closed_loop import drive
from warmstart_planner.simulation.configuration import (
    SimulationConfiguration,
    TransportConfiguration,
    default_configuration_path,
    read_configuration,
)
from warmstart_planner.simulation.monitor import Outcome

CALM = SimulationConfiguration()


def parked(x, y):
    return TrafficParticipant('parked', 2.2, 0.9, 0.0, np.zeros(1), np.array([[x, y, 0.0]]), 'car')


def test_a_drive_reaches_its_goal_on_a_bend_in_the_packaged_world(
    make_scenario, planner, controller, horizon
):
    bend = ((40.0, 0.0, 0.0), (60.0, 0.0, 0.02), (60.0, 0.02, 0.0))
    scenario = make_scenario(segments=bend)
    configuration = read_configuration(default_configuration_path())
    done = drive(scenario, planner, controller, configuration, horizon=horizon)
    assert done.outcome is Outcome.GOAL
    assert done.safe
    assert done.verdict.off_road == 0.0
    errors = done.record.tracking_errors()
    assert np.nanmax(errors) < 0.5
    assert np.isfinite(errors).mean() > 0.9


def test_a_drive_is_reproducible_bit_for_bit(make_scenario, planner, controller, horizon):
    configuration = read_configuration(default_configuration_path())
    drives = [
        drive(make_scenario(), planner, controller, configuration, horizon=horizon)
        for _ in range(2)
    ]
    assert (drives[0].record.states == drives[1].record.states).all()


def test_the_record_starts_exactly_at_the_scenarios_start(
    make_scenario, planner, controller, horizon
):
    scenario = make_scenario()
    done = drive(scenario, planner, controller, CALM, horizon=horizon)
    assert done.record.times[0] == 0.0
    assert done.record.states[0] == pytest.approx(scenario.initial_state, abs=1e-12)
    assert np.diff(done.record.times) == pytest.approx(0.05)


def test_the_first_plan_is_in_force_at_once_and_others_after_the_latency(
    make_scenario, planner, controller, horizon
):
    configuration = SimulationConfiguration(planning_latency=0.1)
    drive(make_scenario(), planner, controller, configuration, horizon=horizon)
    stamps = [(now, reference.stamp) for now, _, reference in controller.calls]
    assert stamps[0] == (0.0, 0.0)
    ages = [now - stamp for now, stamp in stamps[6:]]
    assert ages == pytest.approx([0.1, 0.15] * (len(ages) // 2), abs=1e-9) or ages[
        :-1
    ] == pytest.approx([0.1, 0.15] * (len(ages) // 2), abs=1e-9)


def test_planner_and_controller_are_called_at_their_periods(
    make_scenario, planner, controller, horizon
):
    drive(
        make_scenario(), planner, controller, CALM, horizon=horizon, plan_period=0.2,
        control_period=0.04,
    )  # fmt: skip
    assert np.diff([p.stamp for p in planner.problems]) == pytest.approx(0.2)
    assert np.diff([now for now, _, _ in controller.calls]) == pytest.approx(0.04)


def test_a_stop_has_to_be_held(make_scenario, planner, controller, horizon):
    scenario = make_scenario(goal=StopBefore(station=60.0, cruise_speed=8.0), speed=8.0)
    done = drive(scenario, planner, controller, CALM, horizon=horizon)
    assert done.outcome is Outcome.GOAL
    standing = done.record.states[:, 3] < 0.2
    held = done.record.times[-1] - done.record.times[np.argmax(standing)]
    assert held == pytest.approx(HOLD_TIME, abs=0.06)
    assert done.record.states[-1, 0] + scenario.car.front_reach < 60.0


def test_a_collision_ends_the_drive(make_scenario, planner, controller, horizon):
    scenario = make_scenario(traffic=[parked(50.0, 0.5)])
    done = drive(scenario, planner, controller, CALM, horizon=horizon)
    assert done.outcome is Outcome.COLLISION
    assert not done.safe
    assert done.verdict.collided_with == ('parked',)
    assert done.record.times[-1] - done.verdict.first_collision < 0.6


def test_leaving_the_road_ends_the_drive(make_scenario, controller, horizon, planner):
    sharp = ((30.0, 0.0, 0.0), (50.0, 0.05, 0.05))
    scenario = make_scenario(
        segments=sharp, goal=StationGoal(75.0, 15.0), speed=15.0, friction=0.2
    )
    done = drive(scenario, planner, controller, CALM, horizon=horizon)
    assert done.outcome is Outcome.OFF_ROAD
    assert not done.goal_reached


def test_keep_speed_lasts_until_the_time_limit(make_scenario, planner, controller, horizon):
    scenario = make_scenario(goal=KeepSpeed(speed=5.0), speed=5.0, duration=3.0)
    done = drive(scenario, planner, controller, CALM, horizon=horizon)
    assert done.goal_reached
    assert done.record.times[-1] == pytest.approx(3.0)


def test_a_goal_that_is_too_far_for_the_time_is_missed(
    make_scenario, planner, controller, horizon
):
    scenario = make_scenario(duration=2.0)
    done = drive(scenario, planner, controller, CALM, horizon=horizon)
    assert done.outcome is Outcome.TIME_LIMIT
    assert not done.goal_reached


def test_lost_observations_leave_the_last_one(make_scenario, planner, controller, horizon):
    transport = TransportConfiguration(loss_probability=0.5)
    configuration = SimulationConfiguration(seed=1, transport=transport)
    done = drive(make_scenario(), planner, controller, configuration, horizon=horizon)
    ages = [now - stamp for now, stamp, _ in controller.calls]
    assert max(ages) > 0.04
    assert done.goal_reached


def test_without_any_observation_nothing_is_planned_or_commanded(
    make_scenario, planner, controller, horizon
):
    blind = SimulationConfiguration(transport=TransportConfiguration(loss_probability=1.0))
    scenario = make_scenario(duration=1.0)
    done = drive(scenario, planner, controller, blind, horizon=horizon)
    assert done.plans == () == done.outputs
    assert done.outcome is Outcome.TIME_LIMIT


def test_progress_is_told_after_every_plan(make_scenario, planner, controller, horizon):
    reported = []
    done = drive(
        make_scenario(), planner, controller, CALM, horizon=horizon, progress=reported.append
    )
    assert len(reported) == len(done.plans)
    assert np.diff([p.station for p in reported]) == pytest.approx(1.0, abs=0.3)


def test_what_a_plan_was_chosen_from_is_kept_where_asked(
    make_scenario, planner, controller, horizon
):
    scenario = make_scenario(goal=StationGoal(station=30.0, speed=10.0))
    plain = drive(scenario, planner, controller, CALM, horizon=horizon)
    assert {plan.candidates for plan in plain.record.plans} == {()}
    chosen = plain.plans[0].trajectory
    kept = drive(scenario, planner, controller, CALM, horizon=horizon, candidates=lambda: [chosen])
    assert all(plan.candidates[0] is chosen for plan in kept.record.plans)


@pytest.mark.parametrize(
    ('periods', 'message'),
    [
        ({'plan_period': 0.12}, 'plan_period is 0.12: expected a multiple of 0.05'),
        ({'control_period': 0.003}, 'control_period is 0.003'),
        ({'plan_period': float('nan')}, 'plan_period is nan'),
    ],
)
def test_periods_that_do_not_fit_are_refused(make_scenario, planner, controller, periods, message):
    with pytest.raises(ValueError, match=message):
        drive(make_scenario(), planner, controller, CALM, **periods)
