# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""CommonRoad's packages read our solutions and find our costs, in the judge's environment."""

import itertools
import re

import pytest
from commonroad_document import GOAL, at, dynamic, exact, interval, trajectory

from warmstart_planner.evaluation.benchmark import read_benchmark
from warmstart_planner.evaluation.costs import partial_costs
from warmstart_planner.evaluation.judge import CHECKS, Judge, Verdict, is_installed, verdicts
from warmstart_planner.evaluation.solution import write_solution

needs_judge = pytest.mark.skipif(not is_installed(), reason='no .venv-judge: make judge')
TURN = 1e-3  # the checker does not see distances to boxes along its axes [rad]
LEADER = dynamic(
    trajectory(
        *(at(50 + 0.9 * k, 0, k, TURN) + exact('velocity', 9) for k in range(1, 60))
    ),
    state=at(50, 0, 0, TURN) + exact('velocity', 9),
)  # fmt: skip
REACHED = '<position><lanelet ref="10"/></position>' + interval('time', 10, 100)


@pytest.fixture(scope='module')
def judge():
    with Judge() as running:
        yield running


@pytest.fixture
def judged(judge, write_document, drive_of, tmp_path):
    """Return a function that drives and has it judged: verdict, and our partial costs."""

    def run(model='KS', duration=3.0, goal=REACHED, obstacles=LEADER, **commands):
        path = write_document(goal=goal, obstacles=obstacles)
        scenario, driven = drive_of(path, duration, **commands)
        benchmark = read_benchmark(path)
        solution = tmp_path / 'solution.xml'
        write_solution(solution, benchmark, driven, scenario.vehicle, model, 'SM1', 1.0)
        ours = partial_costs(scenario, driven, benchmark.desired_speed)
        return judge.verdict(path, solution), ours

    return run


@needs_judge
def test_a_good_drive_passes_every_check_and_costs_the_same(judged):
    wanted = REACHED + interval('velocity', 8, 12)
    verdict, ours = judged(goal=wanted, acceleration=-0.4, steering=0.004)
    assert verdict == Verdict(dict.fromkeys(CHECKS, True), {}, verdict.costs)
    assert verdict.passed
    assert verdict.costs == pytest.approx(ours, rel=0.01, abs=1e-6)


@needs_judge
def test_the_model_with_tyres_is_read_as_well(judged):
    verdict, _ = judged('ST')
    assert verdict.passed


@needs_judge
@pytest.mark.parametrize(
    ('failing', 'how'),
    [
        ('goal', {'goal': GOAL}),
        ('collision_free', {'duration': 6.0, 'acceleration': 2.0}),
        ('on_road', {'steering': -0.05}),
    ],
)
def test_a_bad_drive_fails_with_a_reason(failing, how, judged):
    verdict, _ = judged(**how)
    assert not verdict.passed
    assert not verdict.checks[failing]
    assert verdict.reasons[failing]


@needs_judge
def test_a_car_that_moves_sideways_is_not_drivable(judged, judge, tmp_path):
    judged()
    solution = tmp_path / 'solution.xml'
    sideways = itertools.count(0.0, 0.05)
    solution.write_text(
        re.sub(r'<y>.*?</y>', lambda _: f'<y>{next(sideways)}</y>', solution.read_text())
    )
    verdict = judge.verdict(tmp_path / 'ZAM_Test-1_1.xml', solution)
    assert not verdict.checks['drivable']
    assert 'not drivable by model KS' in verdict.reasons['drivable']


@needs_judge
def test_a_file_that_cannot_be_read_is_an_error_and_the_judge_goes_on(judge, tmp_path):
    cases = [(tmp_path / 'none.xml', tmp_path / 'none.xml')] * 2
    for _, verdict in verdicts(cases, workers=1):
        assert 'none.xml' in verdict.error
        assert not verdict.passed
