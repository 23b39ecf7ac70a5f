# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""When a drive is over, and why."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from warmstart_planner.problem import KeepSpeed, StationGoal
from warmstart_planner.road import road_from_segments
from warmstart_planner.scenarios.arrival import Place, Region
from warmstart_planner.scenarios.road_goals import HOLD_TIME
from warmstart_planner.scenarios.scenario import TrafficParticipant
from warmstart_planner.simulation.monitor import CHECK_PERIOD, OFF_ROAD, DriveMonitor, Outcome

DT = 0.05
OURS = np.array([[0.0, -3.5], [200.0, -3.5], [200.0, 3.5], [0.0, 3.5]])
OPPOSITE = OURS + [0.0, 7.0]


def straight(times, speed=10.0, offset=0.0):
    """States from x = 10 on."""
    times = np.asarray(times, float)
    columns = np.broadcast_arrays(10.0 + speed * times, offset, 0.0, speed, 0.0)
    return np.stack(columns, axis=-1)


def drive(scenario, times, states):
    """Return how a drive ended, and when; None where it goes on."""
    monitor = DriveMonitor(scenario)
    for t, state in zip(times, states, strict=True):
        outcome = monitor.update(float(t), state)
        if outcome is not None:
            return outcome, float(t)
    return None, float(times[-1])


TIMES = np.arange(0.0, 12.0, DT)


def parked(x, y):
    return TrafficParticipant('parked', 2.2, 0.9, 0.0, np.zeros(1), np.array([[x, y, 0.0]]), 'car')


class TestGoal:
    def test_the_drive_ends_as_soon_as_the_goal_is_reached(self, make_scenario):
        here = make_scenario(StationGoal(60.0, 10.0))
        assert drive(here, TIMES, straight(TIMES)) == (Outcome.GOAL, pytest.approx(5.0))

    def test_in_a_region_it_ends_at_the_first_step_inside(self, make_scenario):
        region = Region((0.0, 20.0), (Place(np.array([[60.0, 0.0]]), 2.0),))
        here = make_scenario(KeepSpeed(10.0), regions=(region,), region_step=0.1)
        reach = here.car.rear_to_center
        first = np.ceil((58.0 - reach - 10.0) / 10.0 / 0.1 - 1e-6) * 0.1
        assert drive(here, TIMES, straight(TIMES)) == (Outcome.GOAL, pytest.approx(first))

    def test_a_stop_ends_it_when_it_has_been_held(self, make_scenario):
        here = make_scenario(StationGoal(60.0, 0.0))
        states = straight(np.minimum(TIMES, 5.0))
        states[TIMES >= 5.0, 3] = 0.0
        assert drive(here, TIMES, states) == (Outcome.GOAL, pytest.approx(5.0 + HOLD_TIME))

    def test_on_a_lap_the_goal_is_reached_after_the_lap(self, make_scenario):
        lap = 2 * np.pi * 20.0
        circle = road_from_segments([(1.5 * lap, 0.05, 0.05)], 3.5, 3.5, 15.0)
        here = make_scenario(
            StationGoal(10.0 + lap, 10.0),
            segments=[(1.5 * lap, 0.05, 0.05)],
            initial_state=[*circle.poses(10.0), 10.0, 0.0],
        )
        times = np.arange(0.0, 17.0, DT)
        poses = here.road.poses(10.0 + 10.0 * times)
        states = np.column_stack([poses, np.full(len(times), 10.0), 0.0 * times])
        assert drive(here, times, states) == (Outcome.GOAL, pytest.approx(lap / 10.0, abs=0.1))

    def test_the_time_limit_ends_what_did_not_arrive(self, make_scenario):
        here = make_scenario(StationGoal(150.0, 10.0), duration=4.0)
        assert drive(here, TIMES, straight(TIMES)) == (Outcome.TIME_LIMIT, pytest.approx(4.0))

    def test_a_goal_reached_at_the_time_limit_is_reached(self, make_scenario):
        here = make_scenario(StationGoal(50.0, 10.0), duration=4.0)
        assert drive(here, TIMES, straight(TIMES)) == (Outcome.GOAL, pytest.approx(4.0))

    def test_a_goal_that_is_reached_through_a_collision_is_none(self, make_scenario):
        here = make_scenario(StationGoal(60.0, 10.0), traffic=[parked(61.0, 0.0)])
        outcome, _ = drive(here, TIMES, straight(TIMES))
        assert outcome is Outcome.COLLISION


class TestFailure:
    @given(st.floats(20.0, 140.0), st.sampled_from([0.01, 0.05, 0.1, 0.2, 0.3]))
    def test_a_collision_ends_it_one_check_late_at_most(self, make_scenario, x, dt):
        here = make_scenario(StationGoal(199.0, 10.0), traffic=[parked(x, 0.5)])
        times = np.arange(0.0, 20.0, dt)
        outcome, t = drive(here, times, straight(times))
        touched = (x - 2.2 - here.car.front_reach - 10.0) / 10.0
        assert outcome is Outcome.COLLISION
        assert touched <= t <= max(touched, 0.0) + CHECK_PERIOD + dt + 1e-6

    @given(st.integers(0, 999))
    def test_no_part_of_the_drive_goes_unjudged_however_states_come(self, make_scenario, seed):
        """The car jumps aside for an instant, into what is parked there."""
        generator = np.random.default_rng(seed)
        times = np.cumsum([*generator.choice([0.01, 0.05, 0.3, 0.49], 30), 0.4, 0.4])
        states = straight(times, speed=1.0)
        struck = int(generator.integers(0, 30))
        states[struck, 1] = 2.8
        here = make_scenario(StationGoal(150.0, 1.0), traffic=[parked(10.0 + times[struck], 4.4)])
        assert 2.8 + here.car.width / 2 > 4.4 - 0.9
        outcome, t = drive(here, times, states)
        assert outcome is Outcome.COLLISION
        assert t <= times[struck] + CHECK_PERIOD + 0.5

    @pytest.mark.parametrize('side', [-1.0, 1.0])
    def test_off_all_road_and_out_of_the_corridor_are_told_apart(self, make_scenario, side):
        here = make_scenario(StationGoal(190.0, 10.0), area=(OURS, OPPOSITE * [1.0, side]))
        half = here.car.width / 2

        def outcome(beyond):
            aside = straight(TIMES, offset=side * beyond * (TIMES > 1.0))
            return drive(here, TIMES, aside)[0]

        inside = 3.5 - half
        assert outcome(inside + OFF_ROAD - 0.1) is None
        assert outcome(inside + OFF_ROAD + 0.1) is Outcome.OFF_CORRIDOR
        assert outcome(inside + 7.0) is Outcome.OFF_CORRIDOR
        assert outcome(inside + 7.0 + OFF_ROAD + 0.1) is Outcome.OFF_ROAD
        assert outcome(-inside - OFF_ROAD - 0.1) is Outcome.OFF_ROAD

    def test_without_an_area_the_corridor_is_all_that_is_road(self, make_scenario):
        here = make_scenario(StationGoal(190.0, 10.0))
        aside = straight(TIMES, offset=5.0 * (TIMES > 1.0))
        outcome, t = drive(here, TIMES, aside)
        assert outcome is Outcome.OFF_ROAD
        assert t <= 1.0 + DT + CHECK_PERIOD + 1e-6

    def test_the_second_pass_is_judged_at_its_own_widths(self, make_scenario):
        lap = 2 * np.pi * 20.0
        here = make_scenario(
            StationGoal(1.45 * lap, 10.0),
            segments=[(1.5 * lap, 0.05, 0.05)],
            initial_state=[
                *road_from_segments([(50.0, 0.05, 0.05)], 3.0, 3.0, 9.0).poses(10.0), 10.0, 0.0,
            ],
        )  # fmt: skip
        road = here.road
        narrow = replace(road, left_width=np.where(road.station > lap, 0.2, 3.5))
        times = np.arange(0.0, 18.0, DT)
        stations = 10.0 + 10.0 * times
        states = np.column_stack([road.poses(stations), np.full(len(times), 10.0), 0.0 * times])
        outcome, t = drive(replace(here, road=narrow), times, states)
        assert outcome is Outcome.OFF_ROAD
        assert 10.0 + 10.0 * t == pytest.approx(lap, abs=8.0)
