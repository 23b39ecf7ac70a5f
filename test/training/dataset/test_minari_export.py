# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Minari's copy of a dataset says the same as the dataset."""

import minari
import numpy as np
import pytest

from training.dataset.minari_export import (
    NAME,
    OBSERVATION_SIZE,
    export,
    main,
    observation_slices,
    rewards_of,
)
from training.dataset.reading import KINDS
from training.dataset.schema import DatasetError, read_shard, shard_path
from training.dataset.situations import base_situation
from warmstart_planner.objective import OBSTACLE_FIELDS
from warmstart_planner.problem import MAX_OBSTACLES, Horizon
from warmstart_planner.transcription import Margins, transcribe
from warmstart_planner.vehicle import load_vehicle

FIRST = 259


@pytest.fixture(scope='module')
def exported(small_dataset, tmp_path_factory):
    """Export once; loaded again from its files."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('MINARI_DATASETS_PATH', str(tmp_path_factory.mktemp('minari')))
        export(small_dataset)
        yield minari.load_dataset(NAME)


@pytest.fixture(autouse=True)
def minari_folder(tmp_path, monkeypatch):
    """Have all that these tests write below a folder of their own."""
    folder = tmp_path / 'minari'
    monkeypatch.setenv('MINARI_DATASETS_PATH', str(folder))
    return folder


@pytest.fixture(scope='module')
def answers(small_dataset):
    """Return all answers of the dataset in order: (row, number of the answer, kind)."""
    return [
        (row, which, kind)
        for shard in (0, 1)
        for row in read_shard(shard_path(small_dataset, shard)).to_pylist()
        for which, kind in enumerate(row['answers'])
    ]


def test_every_answer_is_an_episode_with_its_return(exported, answers):
    assert exported.total_episodes == len(answers)
    for episode, (row, which, _) in zip(exported.iterate_episodes(), answers, strict=True):
        costs = np.reshape(row['cost_to_go'], (len(row['answers']), -1))[which]
        assert episode.rewards.sum() == pytest.approx(-costs[0], rel=1e-5)
        from_here = np.cumsum(episode.rewards[::-1])[::-1]
        assert from_here == pytest.approx(-costs[:-1], rel=1e-5, abs=1e-5)


def test_states_actions_and_violations_are_those_of_the_answer(exported, answers):
    state = observation_slices()['state']
    for episode, (row, which, _) in zip(exported.iterate_episodes(), answers, strict=True):
        count = len(row['answers'])
        for name, values in (
            ('states', episode.observations[:, state]),
            ('controls', episode.actions),
            ('constraint_to_go', episode.infos['constraint_to_go']),
        ):
            expected = np.reshape(row[name], (count, *values.shape))[which]
            assert values == pytest.approx(expected)


def test_the_horizons_end_is_a_truncation(exported):
    for episode in exported.iterate_episodes():
        assert not episode.terminations.any()
        assert episode.truncations.tolist() == [False] * 59 + [True]


def test_an_episode_says_which_answer_of_which_problem_it_is(exported, answers):
    metadata = exported.storage.get_episode_metadata(range(exported.total_episodes))
    for each, (row, which, kind) in zip(metadata, answers, strict=True):
        options = each['options']
        assert each['seed'] == row['seed']
        for name in ('index', 'variant', 'kind', 'tier', 'family'):
            assert options[name] == row[name]
        assert options['answer'] == kind
        assert options['feasible'] == row['feasible'][which]
        assert options['validation'] == (row['index'] == 260)


def test_observations_are_the_solvers_own_numbers_at_each_time(exported, answers):
    """Between sampled times, obstacles are as near to their prediction as a line comes to it."""
    problem = base_situation(FIRST, Horizon()).problem
    numbers = transcribe(problem, Margins())
    count = len(problem.obstacles)
    observations = next(iter(exported.iterate_episodes())).observations
    parts = {name: observations[:, where] for name, where in observation_slices().items()}
    assert parts['time'][:, 0] == pytest.approx(Horizon().times)
    assert parts['road'] == pytest.approx(np.tile(numbers.road, (61, 1)), rel=1e-5, abs=1e-5)
    assert parts['present'].tolist() == [[1.0] * count + [0.0] * (MAX_OBSTACLES - count)] * 61
    obstacles = parts['obstacles'].reshape(61, MAX_OBSTACLES, -1)
    assert (obstacles[:, count:] == 0.0).all()
    expected = numbers.obstacles.transpose(1, 0, 2)
    sampled = slice(0, 61, 10)
    assert obstacles[sampled, :count] == pytest.approx(expected[sampled], rel=1e-5, abs=1e-4)
    gaps = np.hypot(*(obstacles[:, :count] - expected)[..., :2].transpose(2, 0, 1))
    assert gaps.max() < 1.0
    assert gaps.mean() < 0.05
    cos, sin = (OBSTACLE_FIELDS.index(name) for name in ('cos', 'sin'))
    lengths = np.hypot(obstacles[:, :count, cos], obstacles[:, :count, sin])
    assert lengths == pytest.approx(1.0, abs=1e-5)


def test_spaces_fit_what_is_in_them(exported):
    car = load_vehicle()
    assert exported.observation_space.shape == (OBSERVATION_SIZE,)
    assert exported.action_space.low == pytest.approx(car.control_lower)
    for episode in exported.iterate_episodes():
        assert np.isfinite(episode.observations).all()
        assert (episode.actions >= exported.action_space.low - 1e-4).all()
        assert (episode.actions <= exported.action_space.high + 1e-4).all()


def test_rewards_of_a_single_step_hold_stage_and_terminal_cost():
    assert rewards_of(np.array([5.0, 2.0], np.float32)).tolist() == [-5.0]


def test_only_some_kinds_can_be_exported(small_dataset, answers):
    dataset = export(small_dataset, 'ways/only-v3', ['best', 'other'])
    expected = sum(kind in ('best', 'other') for *_, kind in answers)
    assert 0 < expected < len(answers)
    assert dataset.total_episodes == expected


def test_the_program_writes_where_it_is_told_to(small_dataset, tmp_path, capsys):
    out = tmp_path / 'elsewhere'
    assert (
        main(['--dataset', str(small_dataset), '--name', 'some/copy-v0', '--out', str(out)]) == 0
    )
    assert 'episodes' in capsys.readouterr().out
    assert (out / 'some' / 'copy-v0' / 'data' / 'main_data.hdf5').is_file()


@pytest.mark.parametrize('name', ['', 'no spaces-v0', 'x', '../up-v0'])
def test_a_malformed_name_is_refused(small_dataset, name):
    with pytest.raises(DatasetError, match='name is .*: expected namespace/name-v0'):
        export(small_dataset, name)


def test_a_name_that_is_taken_is_refused(small_dataset):
    export(small_dataset, 'some/copy-v0', ['best'])
    with pytest.raises(DatasetError, match='copy-v0 exists'):
        export(small_dataset, 'some/copy-v0', ['best'])


def test_an_unknown_kind_is_refused(small_dataset):
    with pytest.raises(DatasetError, match=r"kinds has \['worst'\]: expected some of best"):
        export(small_dataset, kinds=['best', 'worst'])


def test_no_kind_at_all_is_refused(small_dataset):
    with pytest.raises(DatasetError, match='has no answer of the kinds'):
        export(small_dataset, kinds=[])


def test_an_incomplete_dataset_leaves_nothing_behind(copy_of_dataset, minari_folder):
    shard_path(copy_of_dataset, 1).unlink()
    with pytest.raises(DatasetError, match='shard-000001.parquet is missing'):
        export(copy_of_dataset)
    assert list(minari_folder.iterdir()) == []
    assert list(minari.list_local_datasets()) == []


def test_a_folder_without_a_dataset_is_one_line(tmp_path, capsys):
    assert main(['--dataset', str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert error.startswith('minari_export: ')
    assert 'card.json is missing' in error


def test_kinds_are_all_kinds_of_answers(answers):
    assert {kind for *_, kind in answers} <= set(KINDS)
