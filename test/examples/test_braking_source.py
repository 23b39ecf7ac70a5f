# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""A package that declares a source is planned and driven with by its name alone."""

import numpy as np
import pytest

from warmstart_planner.commands.drive_all import main
from warmstart_planner.obstacles import box
from warmstart_planner.planning import Planner
from warmstart_planner.planning.with_proposals import FOR_EVER, planner_with
from warmstart_planner.problem import Horizon, Rung, StopBefore
from warmstart_planner.proposals.registry import find, load_source, names_in
from warmstart_planner.proposals.spec import LoadOptions, Origin
from warmstart_planner.road import road_from_segments
from warmstart_planner.vehicle import load_vehicle

CAR = load_vehicle()
BEND = road_from_segments([(60.0, 0.0, 0.02), (200.0, 0.02, 0.02)], 3.5, 3.5, 14.0)


@pytest.fixture
def source(braking):
    return load_source(braking, LoadOptions(CAR, Horizon()))


def refined(planner):
    return {entry.proposal.source for entry in planner.last_refined}


def test_it_is_found_by_its_name_as_what_another_package_makes(braking):
    assert names_in(f'straight_line,{braking}') == ('straight_line', 'braking')
    assert find(braking).origin is Origin.OUTSIDE


def test_without_the_package_there_is_no_such_source():
    with pytest.raises(ValueError, match="sources has 'braking': expected some of decision_trans"):
        names_in('braking')


@pytest.mark.parametrize('speed', [0.0, 4.0, 12.0])
def test_the_car_comes_to_a_stand_by_each_deceleration_beside_the_reference_path(
    source, make_problem, speed
):
    problem = make_problem((*BEND.poses(30.0, 1.2), speed, 0.0), BEND, stamp=3.0)
    proposals = source.propose(problem)
    assert len(proposals) == 3
    for proposal, rate in zip(proposals, (1.0, 2.5, 5.0), strict=True):
        states = proposal.trajectory.states
        station, offset = BEND.project(states[:, :2])
        until = min(speed / rate, problem.horizon.duration)
        driven = speed * until - rate * until**2 / 2
        assert station[-1] - 30.0 == pytest.approx(driven, abs=0.1)
        np.testing.assert_allclose(offset, 1.2, atol=1e-3)
        assert proposal.trajectory.controls[:, 0].min() >= -rate - 1e-9


def test_a_planner_that_has_no_other_source_plans_with_it(planner_solvers, source, make_problem):
    planner = Planner(CAR, sources=[source])
    problem = make_problem(goal=StopBefore(60.0, 8.0))
    result = planner.plan(problem, deadline=FOR_EVER)
    assert (result.rung, result.source, result.feasible) == (Rung.OPTIMISED, 'braking', True)
    assert refined(planner) == {'braking'}
    assert result.trajectory.states[-1, 0] + CAR.front_reach <= 60.0


def test_it_takes_part_beside_the_planner_s_own_sources(planner_solvers, braking, make_problem):
    parked = box('parked', np.array([60.0, 0.0, 0.0]), 4.5, 1.8)
    beside = planner_with((braking,), CAR, FOR_EVER)
    result = beside.plan(make_problem(obstacles=(parked,)), deadline=FOR_EVER)
    assert result.feasible
    assert refined(beside.planner) == {'guided', 'braking'}


@pytest.mark.slow
def test_a_drive_with_it_reaches_the_goal(planner_solvers, braking, tmp_path):
    arguments = ['--scenarios', 'pedestrian_crossing', '--seeds', '1', '--workers', '1']
    out = tmp_path / 'drive-all.json'
    assert main([*arguments, '--sources', braking, '--out', str(out)]) == 0


@pytest.mark.parametrize(
    ('fault', 'reported'),
    [
        ("KeyError('model')", "source 'mine' of mine-package cannot be loaded: KeyError: 'model'"),
        ("NoModelError('mine.json')", 'mine.json: expected a readable model card: there is none'),
    ],
)
def test_a_source_that_cannot_be_loaded_ends_a_drive_before_it_begins(
    install_source, tmp_path, capfd, fault, reported
):
    install_source(
        'from warmstart_planner.learned.cards.card_format import NoModelError\n'
        'from warmstart_planner.proposals.spec import SourceSpec\n'
        f'def load(options):\n    raise {fault}\n'
        "SPEC = SourceSpec('mine', load)\n"
    )
    arguments = ['--scenarios', 'free_road', '--seeds', '1', '--workers', '1', '--sources', 'mine']
    out = tmp_path / 'drive-all.json'
    assert main([*arguments, '--out', str(out)]) == 2
    assert capfd.readouterr().err.splitlines() == [f'drive-all: {reported}']
    assert not out.exists()
