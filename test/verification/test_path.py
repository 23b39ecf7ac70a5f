# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Where a point is along the road."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from warmstart_planner.problem import Horizon, KeepSpeed, PlanningProblem, Trajectory
from warmstart_planner.road import road_from_segments
from warmstart_planner.vehicle import load_vehicle
from warmstart_planner.verification import verify
from warmstart_planner.verification.motion import Samples
from warmstart_planner.verification.path import Path

CAR = load_vehicle()
LAP = 2 * np.pi * 30.0  # of the circle among the roads that meet themselves [m]


def test_where_a_road_comes_back_beside_itself_the_car_is_on_its_own_leg(problem_of, driven):
    hairpin = road_from_segments(
        [(60.0, 0.0, 0.0), (np.pi * 6.0, 1 / 6.0, 1 / 6.0), (60.0, 0.0, 0.0)], 3.0, 3.0, 10.0
    )
    start = np.array([10.0, 1.0, 0.0, 8.0, 0.0])
    verdict = verify(problem_of(hairpin, start=start), driven(start))
    assert verdict.road == 0.0 and verdict.feasible


def samples_along(road, begin, end, offset=0.0, spacing=0.5):
    """Return a car whose centre goes along a road, beside its path."""
    stations = np.arange(begin, end, spacing)
    x, y, yaw = road.poses(stations, offset).T
    rear = -CAR.rear_to_center * np.array([np.cos(yaw), np.sin(yaw)])
    still = np.zeros(len(x))
    return stations, Samples(x + rear[0], y + rear[1], yaw, still + 5.0, still, CAR)


def plan_along(road, begin, speed, steps=40):
    """Return a problem, and a plan whose rear axle follows a road's path, the model aside."""
    horizon = Horizon(dt=0.1, steps=steps)
    stations = begin + speed * horizon.times
    steering = np.arctan(CAR.wheelbase * road.at('curvature', stations))
    states = np.column_stack([road.poses(stations), np.full(steps + 1, speed), steering])
    problem = PlanningProblem(
        initial_state=states[0],
        road=road,
        goal=KeepSpeed(speed),
        vehicle=CAR,
        horizon=horizon,
        station=begin,
    )
    return problem, Trajectory(0.0, 0.1, states, np.zeros((steps, 2)))


@pytest.mark.parametrize('name', ['circle', 'cloverleaf', 'eight', 'hairpin'])
@given(share=st.floats(0.0, 0.9), way=st.floats(5.0, 120.0), offset=st.floats(-2.0, 2.0))
def test_a_car_that_is_followed_stays_on_its_own_pass(loops, name, share, way, offset):
    road = loops[name]
    begin = share * road.end
    stations, ego = samples_along(road, begin, min(begin + way, road.end - 1.0), offset)
    if len(stations) < 2:
        return
    foot = Path(road).foot(ego, begin)
    np.testing.assert_allclose(foot.station, stations, atol=0.2)
    np.testing.assert_allclose(foot.offset, offset, atol=0.05)
    if name in ('circle', 'eight'):
        return
    # where no pass lies upon another, the pose alone tells where it begins
    np.testing.assert_allclose(Path(road).foot(ego).station, stations, atol=0.2)


@pytest.mark.parametrize('speed', [4.0, 7.0])
@pytest.mark.parametrize('begin', [25.0, 140.0, 150.0, 165.0])
def test_a_plan_through_a_crossing_keeps_to_its_road(loops, begin, speed):
    """The other pass, which it crosses, is neither a way out nor the wrong way."""
    verdict = verify(*plan_along(loops['cloverleaf'], begin, speed))
    assert verdict.road == 0.0
    assert verdict.direction == 0.0


@pytest.mark.parametrize('begin', [20.0, 100.0])
def test_a_plan_the_other_way_through_a_crossing_is_against_the_road(loops, begin):
    problem, trajectory = plan_along(loops['cloverleaf'], begin, 5.0)
    states = trajectory.states[::-1] + [0.0, 0.0, np.pi, 0.0, 0.0]
    back = replace(problem, initial_state=states[0], station=begin + 20.0)
    verdict = verify(back, replace(trajectory, states=states))
    assert verdict.direction == pytest.approx(np.pi / 2, abs=0.1)


@pytest.mark.parametrize(('lap', 'expected'), [(0, 0.0), (1, CAR.width / 2 - 0.5)])
def test_each_pass_is_judged_at_its_own_widths(loops, lap, expected):
    road = loops['circle']
    second = road.station > LAP / 2 + 20.0
    road = replace(road, left_width=np.where(second, 0.5, 3.0))
    problem, trajectory = plan_along(road, 10.0 + lap * LAP, 4.0, 20)
    verdict = verify(problem, trajectory)
    assert verdict.road == pytest.approx(expected, abs=0.15)
    assert (verdict.road > 0.02) is (lap == 1)


def test_each_pass_has_its_own_limit_and_end(loops):
    road = loops['circle']
    slow = np.where(road.station > LAP - 30.0, 3.0, 10.0)
    road = replace(road, speed_limit=slow)
    for lap, over in ((0, 0.0), (1, 2.0)):
        problem, trajectory = plan_along(road, 10.0 + lap * LAP, 5.0, 20)
        assert verify(problem, trajectory).speeding == pytest.approx(over)
    problem, trajectory = plan_along(road, road.end - 10.0, 5.0)
    assert verify(problem, trajectory).road == pytest.approx(10.0 + CAR.front_reach, abs=0.2)
    problem, trajectory = plan_along(road, road.end - 10.0 - LAP, 5.0)
    assert verify(problem, trajectory).road == 0.0
