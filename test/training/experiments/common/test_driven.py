# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Problems that drives through CommonRoad files meet: a planner's own, reproducible, solvable."""

import numpy as np
import pytest
from commonroad_document import interval, whole_document

from training.experiments.common.driven import driven_cases, problems_met
from training.experiments.common.problems import Factory, reference_plan
from warmstart_planner.problem import Horizon
from warmstart_planner.scenarios import load_scenario
from warmstart_planner.vehicle import SPEED

FACTORY = Factory(Horizon())
NEAR = '<position><lanelet ref="10"/></position>' + interval('time', 15, 30)
FAR_BEHIND = '<position><lanelet ref="30"/></position>' + interval('time', 8, 30)


@pytest.fixture
def folder(tmp_path):
    for name, goal in (('ZAM_One-1_1', NEAR), ('ZAM_Two-1_1', NEAR), ('ZAM_No-1_1', FAR_BEHIND)):
        (tmp_path / f'{name}.xml').write_text(whole_document(goal=goal))
    return tmp_path


def test_a_drive_is_asked_a_problem_each_cycle_from_where_the_car_is(scp_folder, folder):
    scenario = load_scenario(folder / 'ZAM_One-1_1.xml')
    met = problems_met(scenario, Horizon())
    assert 10 < len(met) < 40
    stamps = np.array([problem.stamp for problem in met])
    np.testing.assert_allclose(np.diff(stamps), 0.1, atol=0.02)
    x = np.array([problem.initial_state[0] for problem in met])
    speed = np.array([problem.initial_state[SPEED] for problem in met])
    np.testing.assert_allclose(np.diff(x), 0.1 * speed[:-1], atol=0.5)


def test_cases_are_reproducible_solvable_and_spread_over_files_and_drives(scp_folder, folder):
    first, again = (driven_cases(FACTORY, folder, 4, seed=7) for _ in '12')
    assert [case.key for case in first] == [case.key for case in again]
    assert [case.family for case in first] == ['ZAM_One', 'ZAM_Two'] * 2
    assert len({case.key for case in first}) == 4
    for one, other in zip(first, again, strict=True):
        np.testing.assert_array_equal(one.problem.initial_state, other.problem.initial_state)
        assert reference_plan(one.problem, None) is not None
    early, late = first[0].problem.stamp, first[2].problem.stamp
    assert early < late


def test_another_seed_draws_other_cycles(scp_folder, folder):
    drawn = {tuple(c.key for c in driven_cases(FACTORY, folder, 2, seed)) for seed in range(3)}
    assert len(drawn) > 1


def test_no_more_cases_are_made_than_asked_for(scp_folder, folder):
    assert len(driven_cases(FACTORY, folder, 1, seed=0)) == 1


def test_a_folder_without_files_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'has no \*\.xml'):
        driven_cases(FACTORY, tmp_path, 1, seed=0)
