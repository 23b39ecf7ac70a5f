# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
from commonroad_document import at, dynamic, exact, interval, rectangle, trajectory

from warmstart_planner.evaluation.search.answer import driven_of, own_verdict, record_of
from warmstart_planner.evaluation.search.search import search
from warmstart_planner.vehicle import SPEED, STEERING

WIDTHS = (200, 600)
AHEAD = f'<position>{rectangle(65, 0, 10, 4)}</position>'
LEADER = dynamic(
    trajectory(*(at(45 + 0.3 * k, 0, k) + exact('velocity', 3) for k in range(1, 60))),
    state=at(45, 0, 0) + exact('velocity', 3),
)


def standing(number, y, width):
    return (
        f'<staticObstacle id="{number}"><type>constructionZone</type><shape><rectangle>'
        f'<length>2</length><width>{width}</width></rectangle></shape>'
        f'<initialState>{at(50, y, 0)}</initialState></staticObstacle>'
    )


def gap_of(width):
    """Return two walls that leave a gap about y = 4; the road reaches from -2 to 10."""
    wall = 8.0
    beside = (width + wall) / 2
    return standing(1, 4 - beside, wall) + standing(2, 4 + beside, wall)


@pytest.fixture(scope='module')
def searched(scene):
    def run(**parts):
        scenario = scene(**{'obstacles': '', **parts})
        return scenario, search(scenario, WIDTHS)

    return run


SOLVABLE = {
    'free': {'goal': AHEAD + interval('time', 25, 35)},
    'faster_than_plans': {'goal': AHEAD + interval('time', 19, 20)},
    'wait': {'goal': AHEAD + interval('time', 70, 75)},
    'overtake': {'goal': AHEAD + interval('time', 25, 35), 'obstacles': LEADER},
    'stop': {'goal': AHEAD + exact('velocity', 0) + interval('time', 40, 60)},
    'squeeze': {'goal': AHEAD + interval('time', 35, 50), 'obstacles': gap_of(2.2)},
    'speed_alone': {'goal': interval('velocity', 3, 4) + interval('time', 15, 20)},
}


@pytest.fixture(scope='module', params=SOLVABLE.values(), ids=SOLVABLE)
def found(request, searched):
    scenario, finding = searched(**request.param)
    assert finding.plan is not None
    return scenario, finding


def test_what_is_found_is_a_good_drive_into_the_goal(found):
    scenario, finding = found
    record = record_of(finding.plan, finding.task)
    verdict = own_verdict(finding.plan, finding.task, scenario)
    assert (verdict.collisions, verdict.off_road) == (0, 0.0)
    assert scenario.arrival.missed(scenario.track(record.times, record.states)) == ()
    assert (record.states[0] == scenario.initial_state).all()


def test_what_is_found_is_within_the_limits_that_it_names(found):
    scenario, finding = found
    car, controls = scenario.car, finding.plan.controls
    most = {'planned': (car.deceleration_max, car.acceleration_max), 'published': (11.5, 11.5)}
    braking, acceleration = most[finding.tries[-1].limits]
    assert -braking <= controls[:, 0].min() <= controls[:, 0].max() <= acceleration
    assert np.abs(controls[:, 1]).max() <= car.steering_rate_max + 1e-9
    states = record_of(finding.plan, finding.task).states
    assert states[:, SPEED].min() >= -1e-9
    assert np.abs(states[:, STEERING]).max() <= car.steering_max + 1e-9


def test_a_drive_has_the_files_time_steps_and_ends_in_the_goals_time(found):
    scenario, finding = found
    driven = driven_of(finding.plan, finding.task)
    assert driven.dt == scenario.region_step
    assert len(driven.times) == len(finding.plan.controls) + 1
    first, last = scenario.regions[0].time
    assert first - 1e-9 <= driven.times[-1] <= last + 1e-9


def test_limits_of_plans_are_tried_first(found, request):
    _, finding = found
    hurries = 'faster_than_plans' in request.node.name
    assert finding.tries[0].limits == 'planned'
    assert finding.tries[-1].limits == ('published' if hurries else 'planned')


def test_a_gap_narrower_than_the_car_is_not_called_impossible_but_nothing_is_found(searched):
    goal = AHEAD + interval('time', 35, 40)
    _, finding = searched(goal=goal, obstacles=gap_of(1.5))
    assert finding.plan is None
    assert finding.impossible == ''
    assert [each.limits for each in finding.tries][-1] == 'published, reversing'
    assert all(each.states > 0 for each in finding.tries)


def test_what_is_impossible_is_not_searched(searched):
    _, finding = searched(goal=AHEAD + interval('time', 5, 6))
    assert finding.plan is None
    assert finding.impossible
    assert finding.tries == ()
