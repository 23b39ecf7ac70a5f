# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Room for cyclists: the more of it the faster they are passed, and never more than there is."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from warmstart_planner.clearance import (
    GIVING_WAY,
    MOST,
    TOWN_SPEED,
    WALKING_PACE,
    clearances,
)
from warmstart_planner.learned.context import context_of
from warmstart_planner.obstacles import Obstacle
from warmstart_planner.planning import Planner
from warmstart_planner.problem import KeepSpeed
from warmstart_planner.proposals.guided import FAST, Guided
from warmstart_planner.road import road_from_segments
from warmstart_planner.transcription import Margins, transcribe
from warmstart_planner.vehicle import load_vehicle
from warmstart_planner.verification import verify

CAR = load_vehicle()
IN_TIME = 20.0  # a deadline that no machine misses [s]
SIDE = CAR.rear_to_center + 20.0  # x of the car's centre at the start


@pytest.fixture(scope='session')
def beside(make_problem):
    """Pose a problem at a speed with a cyclist at a place, who moves along the road."""

    def make(speed, x=60.0, y=-2.0, moving=0.0, clearance=1.2, **rest):
        times = np.arange(61) * 0.1
        poses = np.column_stack([x + moving * times, np.full(61, y), np.zeros(61)])
        cyclist = Obstacle('cyclist', poses, 0.9, 0.3, clearance=clearance)
        start = (20.0, 0.0, 0.0, speed, 0.0)
        return make_problem(start, obstacles=(cyclist,), goal=KeepSpeed(speed), **rest)

    return make


@pytest.fixture(scope='module')
def narrow():
    return road_from_segments([(300.0, 0.0, 0.0)], 1.7, 2.2, 15.0)


@pytest.fixture(scope='module')
def planner(planner_solvers):
    return Planner(CAR)


def later(problem):
    """Return what is added five seconds later."""
    return float(clearances(problem, Margins(), np.array([5.0]))[0, 0])


def aside(problem):
    """Return the distance between a cyclist and the strip straight ahead of the car."""
    return abs(problem.obstacles[0].poses[0, 1]) - CAR.width / 2 - 0.3


class TestHowMuch:
    def test_none_for_those_who_are_not_to_be_given_any(self, beside):
        assert later(beside(14.0, clearance=0.0)) == 0.0

    def test_none_at_walking_pace_all_in_towns_a_little_more_beyond(self, beside):
        for speed, share in ((0.0, 0.0), (WALKING_PACE, 0.0), (TOWN_SPEED, 1.0), (40.0, MOST)):
            assert later(beside(speed)) == pytest.approx(1.2 * share)

    @given(speed=st.floats(0.0, 40.0), faster=st.floats(0.0, 10.0))
    def test_the_faster_the_more(self, beside, speed, faster):
        assert later(beside(speed)) <= later(beside(speed + faster)) + 1e-12

    def test_none_for_who_passes_the_car_himself(self, beside):
        alone = later(beside(10.0))
        for moving, share in ((-8.0, 1.0), (4.0, 1.0), (10.0, 1.0), (11.0, 0.5), (13.0, 0.0)):
            assert later(beside(10.0, moving=moving)) == pytest.approx(alone * share)

    @given(
        x=st.floats(15.0, 90.0),
        y=st.floats(-6.0, 6.0),
        speed=st.floats(0.0, 20.0),
        clearance=st.floats(0.0, 3.0),
    )
    def test_it_is_demanded_as_it_can_be_given_calmly(self, beside, x, y, speed, clearance):
        problem, margins = beside(speed, x, y, clearance=clearance), Margins()
        times = problem.horizon.times
        margin, added = margins.obstacle_at(times), clearances(problem, margins, times)[0]
        assert added.min() >= 0.0
        given_way = np.maximum(aside(problem), margin) + GIVING_WAY * times**2 / 2
        assert (margin + added <= given_way + 1e-9).all()
        assert added[-1] == pytest.approx(later(problem))

    def test_it_is_the_same_wherever_on_the_map_and_on_either_side(self, make_problem):
        def found(place, turn, side):
            c, s = np.cos(turn), np.sin(turn)
            x, y = place + np.array([[c, -s], [s, c]]) @ [8.0, 1.6 * side]
            cyclist = Obstacle('cyclist', [[x, y, turn + 0.3 * side]], 0.9, 0.3, clearance=1.2)
            road = road_from_segments([(100.0, 0.0, 0.0)], 3.5, 3.5, 15.0, (*place, turn))
            problem = make_problem((*place, turn, 9.0, 0.0), road, obstacles=(cyclist,))
            return clearances(problem, Margins(), problem.horizon.times)

        first = found(np.zeros(2), 0.0, 1.0)
        assert 0.0 < first[0, 0] < first[0, 10] < first[0, -1]
        for other in (found(np.zeros(2), 0.0, -1.0), found(np.array([50.0, -9.0]), 2.5, 1.0)):
            np.testing.assert_allclose(other, first, atol=1e-9)

    def test_each_obstacle_has_its_own(self, beside):
        one, other = beside(TOWN_SPEED), beside(TOWN_SPEED, clearance=0.7)
        both = replace(one, obstacles=one.obstacles + other.obstacles)
        found = clearances(both, Margins(), np.array([5.0]))[:, 0]
        np.testing.assert_allclose(found, [1.2, 0.7])


class TestWhoReadsIt:
    def test_models_see_obstacles_as_large_as_they_are(self, beside):
        for seen in zip(
            *(
                vars(context_of(transcribe(beside(14.0, clearance=c), Margins()))).values()
                for c in (0.0, 1.2)
            ),
            strict=True,
        ):
            np.testing.assert_array_equal(*seen)

    def test_the_verifier_judges_by_the_true_shape(self, planner, beside):
        plan = planner.plan(beside(10.0, y=-1.5, clearance=0.0), deadline=IN_TIME).trajectory
        close = verify(beside(10.0, y=-1.5, clearance=0.0), plan)
        wide = verify(beside(10.0, y=-1.5, clearance=1.2), plan)
        assert close.feasible and wide.feasible
        assert close.clearance == wide.clearance


class TestPlans:
    def test_ways_that_the_search_finds_keep_it_too(self, guided_folder, beside):
        found = {}
        for clearance in (0.0, 1.2):
            problem = beside(TOWN_SPEED, y=1.8, moving=4.0, clearance=clearance)
            ways = Guided(FAST).propose(problem)
            passing = [w for w in ways if w.trajectory.states[-1, 0] > 60.0 + 6.0 * 4.0]
            found[clearance] = max(verify(problem, w.trajectory).clearance for w in passing)
        assert found[1.2] > found[0.0] + 0.5

    @pytest.mark.parametrize('side', [-1.0, 1.0])
    def test_a_cyclist_is_passed_with_more_room_where_there_is_some(self, planner, beside, side):
        found = {}
        for clearance in (0.0, 1.2):
            planner.reset()
            problem = beside(TOWN_SPEED, y=1.8 * side, moving=4.0, clearance=clearance)
            plan = planner.plan(problem, deadline=IN_TIME)
            assert plan.feasible
            assert plan.trajectory.states[-1, 0] > 60.0 + 6.0 * 4.0
            found[clearance] = plan.clearance
        assert found[0.0] < 0.8
        assert found[1.2] > 1.4

    @pytest.mark.parametrize('ahead', [0.0, 3.0, 8.0, 15.0])
    @pytest.mark.parametrize('room', [0.4, 0.8, 1.2])
    def test_nobody_swerves_for_it(self, planner, beside, ahead, room):
        """Whether the car is beside the cyclist already, or sees him late."""
        planner.reset()
        y = -CAR.width / 2 - 0.3 - room
        plan = planner.plan(beside(TOWN_SPEED, SIDE + ahead, y, moving=4.0), deadline=IN_TIME)
        states = plan.trajectory.states
        lateral = states[:, 3] ** 2 * np.tan(states[:, 4]) / CAR.wheelbase
        assert plan.feasible
        assert np.abs(lateral).max() < 1.5

    @pytest.mark.parametrize('speed', [3.0, 9.0, 14.0])
    @pytest.mark.parametrize('y', [-1.9, -1.5, 0.0])
    def test_where_there_is_no_room_there_is_a_plan_all_the_same(
        self, planner, beside, narrow, speed, y
    ):
        planner.reset()
        plan = planner.plan(beside(speed, y=y, moving=2.0, road=narrow), deadline=IN_TIME)
        assert plan.feasible
