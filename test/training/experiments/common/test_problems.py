# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The problems that learned starts are measured on: reproducible, unseen, and solvable."""

import shutil
from dataclasses import astuple
from pathlib import Path

import numpy as np
import pytest

from training.dataset import situations
from training.experiments.common.problems import (
    FIRST_SEED,
    SHIFTED_FAMILIES,
    Factory,
    reference_plan,
)
from warmstart_planner.obstacles import Obstacle
from warmstart_planner.problem import MAX_OBSTACLES, Horizon
from warmstart_planner.scenarios.generator import FAMILIES
from warmstart_planner.verification import verify

FACTORY = Factory(Horizon())
SHARED = Path(__file__).resolve().parents[5] / 'shared' / 'scenarios'


def same(a, b):
    poses = [o.poses for o in a.obstacles], [o.poses for o in b.obstacles]
    return (
        np.array_equal(a.initial_state, b.initial_state)
        and a.goal == b.goal
        and all(np.array_equal(p, q) for p, q in zip(*poses, strict=True))
    )


def test_held_out_problems_are_reproducible_and_of_their_family():
    first, again = (list(FACTORY.random('medium', [FIRST_SEED, FIRST_SEED + 1])) for _ in '12')
    assert [case.key for case in first] == ['medium/50000', 'medium/50001']
    assert all(same(a.problem, b.problem) for a, b in zip(first, again, strict=True))
    assert {case.family for case in first} <= set(FAMILIES['medium'])


def test_seeds_of_training_are_refused():
    with pytest.raises(ValueError, match=f'seed is {situations.FIRST_SEED}: expected below'):
        list(FACTORY.random('easy', [situations.FIRST_SEED]))


def test_shifted_problems_are_reproducible_on_one_process_and_on_two():
    here = list(FACTORY.shifted(range(4)))
    there = list(Factory(Horizon(), jobs=2).shifted(range(4)))
    assert [case.family for case in here] == list(SHIFTED_FAMILIES)
    assert [case.key for case in here] == [case.key for case in there]
    assert all(same(a.problem, b.problem) for a, b in zip(here, there, strict=True))


def test_shifted_families_lie_outside_what_training_draws_from():
    known = [family for tier in FAMILIES.values() for family in tier.values()]
    bend = max(family.bend[1] for family in known)
    slowest = min(family.speed[0] for family in known)
    fastest = max(family.speed[1] for family in known)
    assert SHIFTED_FAMILIES['sharp'].family.bend[0] > bend
    assert SHIFTED_FAMILIES['fast'].family.speed[0] > fastest
    assert SHIFTED_FAMILIES['slow'].family.speed[1] < slowest
    assert SHIFTED_FAMILIES['packed'].count == (MAX_OBSTACLES, MAX_OBSTACLES)
    assert SHIFTED_FAMILIES['packed'].family.speed[1] <= slowest
    assert not {astuple(s.family) for s in SHIFTED_FAMILIES.values()} & set(map(astuple, known))


@pytest.fixture(scope='module')
def recordings(tmp_path_factory):
    """Return a folder with two of the shared recordings."""
    if not SHARED.is_dir():
        pytest.skip(f'{SHARED} is not there')
    folder = tmp_path_factory.mktemp('recordings')
    for name in ('DEU_Ffb-2_2_T-1.xml', 'ZAM_Over-1_1.xml'):
        shutil.copy(SHARED / name, folder)
    return folder


def test_problems_cut_from_recordings_are_reproducible_and_solvable(scp_folder, recordings):
    first, again = (FACTORY.recorded(recordings, 4) for _ in '12')
    assert [case.key for case in first] == [case.key for case in again]
    assert len({case.key for case in first}) == 4
    assert {case.family for case in first} == {'DEU_Ffb', 'ZAM_Over'}
    assert any(case.problem.stamp > 0.0 for case in first)  # later in the recording too
    for one, other in zip(first, again, strict=True):
        assert same(one.problem, other.problem)
        if one.problem.stamp == 0.0 or one.name.endswith('-road'):
            assert verify(one.problem, reference_plan(one.problem, None)).feasible


def test_a_problem_without_a_way_has_no_reference(scp_folder, make_problem):
    wall = Obstacle('wall', np.array([[26.0, 0.0, np.pi / 2]]), 8.0, 0.5)
    assert reference_plan(make_problem(obstacles=(wall,), start=(20, 0, 0, 14, 0)), None) is None


def test_a_folder_without_recordings_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'has no \*\.xml'):
        FACTORY.recorded(tmp_path, 4)


def test_a_recording_that_cannot_be_driven_is_left_out(tmp_path):
    (tmp_path / 'DEU_Broken-1.xml').write_text('<commonRoad>')
    assert FACTORY.recorded(tmp_path, 4) == []
