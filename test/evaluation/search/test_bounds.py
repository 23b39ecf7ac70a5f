# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
import pytest
from commonroad_document import START, at, exact, interval, rectangle

from warmstart_planner.evaluation.search.bounds import reason_impossible

NEAR = f'<position>{rectangle(60, 0, 10, 4)}</position>'
ALL_LANES = (
    '<staticObstacle id="9"><type>constructionZone</type><shape>'
    '<rectangle><length>2</length><width>30</width></rectangle></shape>'
    f'<initialState>{at(50, 4, 0)}</initialState></staticObstacle>'
)


@pytest.fixture
def reason(task):
    def of(**parts):
        return reason_impossible(*task(**{'obstacles': '', **parts}))

    return of


def test_nothing_is_said_of_a_goal_that_can_be_reached(reason):
    assert reason(goal=NEAR + interval('time', 25, 35)) == ''


def test_a_goal_beyond_full_acceleration_is_impossible(reason):
    # 30 m in 1 s: 10 m/s and 11.5 m/s^2 make 15.75 m
    assert 'full acceleration' in reason(goal=NEAR + interval('time', 5, 10))
    assert reason(goal=NEAR + interval('time', 5, 21)) == ''


def test_a_goal_that_is_left_before_its_time_is_left_open(reason):
    assert reason(goal=NEAR + interval('time', 100, 100)) == ''


def test_a_goal_behind_a_wall_is_impossible(reason):
    goal = NEAR + interval('time', 25, 35)
    assert 'whichever way' in reason(goal=goal, obstacles=ALL_LANES)
    assert reason(goal=goal, obstacles=ALL_LANES.replace('>30<', '>8<')) == ''


@pytest.mark.parametrize(
    ('speed', 'possible'),
    [((0.0, 1.0), True), ((0.0, 0.5), False), ((19.0, 20.0), True), ((20.0, 21.0), False)],
)
def test_a_speed_takes_its_time(speed, possible, reason):
    # 10 m/s and 0.8 s of 11.5 m/s^2
    said = reason(goal=interval('velocity', *speed) + interval('time', 8, 8))
    assert (said == '') == possible


def test_a_start_off_the_road_is_impossible(reason):
    beside = at(30, -1.5, 0) + exact('velocity', 10)
    assert 'starts 0.2' in reason(start=beside, goal=NEAR + interval('time', 25, 35))


def test_a_goal_in_which_the_car_stands_across_the_road_is_impossible(reason):
    # the road is 16 m wide, and the place within a car's half length of its edge
    at_edge = f'<position>{rectangle(60, -1.2, 10, 1.0)}</position>' + interval('time', 25, 35)
    across = interval('orientation', 1.4, 1.7)
    assert 'off the road' in reason(goal=at_edge + across)
    assert reason(goal=at_edge + interval('orientation', -0.2, 0.2)) == ''


def test_all_alternatives_have_to_be_impossible(reason):
    goal = NEAR + interval('time', 5, 10)
    also = f'</goalState><goalState>{NEAR}{interval("time", 25, 35)}'
    assert reason(goal=goal + also) == ''
    assert reason(start=START, goal=goal) != ''
