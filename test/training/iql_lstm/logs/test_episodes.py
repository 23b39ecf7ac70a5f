# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Episodes as arrays: what is kept, what is joined, what is refused."""

from dataclasses import fields, replace

import numpy as np
import pytest

from training.dataset.schema import DatasetError
from training.dataset.situations import is_validation
from training.iql_lstm.logs.episodes import Episodes, join, load_episodes, split


def some_episodes(count=5, steps=4, sources=('a', 'b'), seed=0, first_group=0, size=3):
    rng = np.random.default_rng(seed)
    lengths = rng.integers(1, steps + 1, count)
    there = (np.arange(steps) < lengths[:, None])[..., None]
    before = (np.arange(steps + 1) <= lengths[:, None])[..., None]
    return Episodes(
        observations=(rng.normal(size=(count, steps + 1, size)) * before).astype(np.float32),
        actions=(rng.uniform(-1.0, 1.0, (count, steps, 2)) * there).astype(np.float32),
        rewards=(rng.normal(size=(count, steps)) * there[..., 0]).astype(np.float32),
        lengths=lengths,
        terminal=rng.random(count) < 0.5,
        source=rng.integers(len(sources), size=count),
        sources=sources,
        action_low=np.full(2, -1.0, np.float32),
        action_high=np.full(2, 1.0, np.float32),
        action_suggested=np.array([2, 0]),
        group=np.arange(first_group, first_group + count),
    )


def assert_same(one, two):
    for field in fields(Episodes):
        assert np.array_equal(getattr(one, field.name), getattr(two, field.name)), field.name


def test_what_is_saved_is_what_is_loaded(tmp_path):
    episodes = some_episodes()
    episodes.save(tmp_path / 'folder' / 'e.npz')
    assert_same(load_episodes(tmp_path / 'folder' / 'e.npz'), episodes)
    assert [path.name for path in (tmp_path / 'folder').iterdir()] == ['e.npz']


def test_returns_are_discounted_sums_of_the_steps_that_happened():
    episodes = some_episodes(count=20)
    for row, found in enumerate(episodes.returns(0.9)):
        rewards = episodes.rewards[row, : episodes.lengths[row]].tolist()
        assert found == pytest.approx(sum(0.9**k * r for k, r in enumerate(rewards)))


def test_joined_episodes_keep_their_steps_and_the_names_of_their_sources():
    short, long = some_episodes(steps=3), some_episodes(steps=6, sources=('b', 'c'), seed=1)
    both = join([short, long])
    assert len(both) == 10
    assert both.sources == ('a', 'b', 'c')
    assert_same(join([both.take(np.arange(5, 10))]), replace(both.take(np.arange(10) >= 5)))
    for part, rows in ((short, range(5)), (long, range(5, 10))):
        steps = part.actions.shape[1]
        for own, row in enumerate(rows):
            assert both.sources[both.source[row]] == part.sources[part.source[own]]
            assert np.array_equal(both.observations[row, : steps + 1], part.observations[own])
            assert np.array_equal(both.actions[row, :steps], part.actions[own])
            assert not both.observations[row, steps + 1 :].any()
            assert not both.rewards[row, steps:].any()


def test_a_split_keeps_groups_together_and_loses_nothing():
    episodes = some_episodes(count=40, first_group=15)
    train, validation = split(episodes)
    assert all(map(is_validation, validation.group.tolist()))
    assert not any(map(is_validation, train.group.tolist()))
    assert len(train) + len(validation) == 40


def test_a_split_without_a_validation_side_is_refused():
    with pytest.raises(ValueError, match='no episode for validation'):
        split(some_episodes(first_group=1))


def changed(name, **at):
    """Return a change of one number of a field."""

    def change(episodes):
        value = getattr(episodes, name).copy()
        value[at['index']] = at['value']
        return {name: value}

    return change


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (changed('observations', index=(1, 0, 2), value=np.nan), r'observations is nan at \(1'),
        (changed('rewards', index=(0, 0), value=np.inf), 'rewards is inf'),
        (changed('actions', index=(0, 0, 1), value=1.5), r'actions is 1.5 at \(0, 0, 1\)'),
        (changed('lengths', index=3, value=0), 'lengths is 0 at 3'),
        (changed('lengths', index=3, value=5), 'lengths is 5 at 3: expected 1 to 4'),
        (changed('source', index=0, value=2), 'source is 2 at 0'),
        (changed('action_low', index=0, value=1.0), 'action_low'),
        (changed('action_suggested', index=1, value=3), 'action_suggested is 3 at 1'),
        (lambda e: {'action_suggested': e.action_suggested[:1]}, r'\(1,\): expected \(2,\)'),
        (lambda e: {'observations': e.observations[:, :-1]}, 'observations has shape'),
        (lambda e: {'observations': e.observations[..., 0]}, 'observations has shape'),
        (lambda e: {'actions': e.actions[0]}, 'actions has shape'),
        (lambda e: {'actions': e.actions[:0]}, 'no size of 0'),
        (lambda e: {'terminal': e.terminal[:-1]}, 'terminal has shape'),
        (lambda e: {'rewards': e.rewards.astype(float)}, 'rewards is of float64'),
        (lambda e: {'group': e.group.astype(float)}, 'group is of float64'),
    ],
)
def test_what_no_episodes_are_is_refused(change, message):
    episodes = some_episodes()
    with pytest.raises(ValueError, match=message):
        replace(episodes, **change(episodes))


def test_episodes_that_do_not_fit_together_are_not_joined():
    one = some_episodes()
    for other in (
        some_episodes(size=4),
        replace(one, action_high=np.full(2, 2.0, np.float32)),
        replace(one, action_suggested=np.array([], np.int64)),
    ):
        with pytest.raises(ValueError, match='expected'):
            join([one, other])
    with pytest.raises(ValueError, match='parts is empty'):
        join([])


@pytest.mark.parametrize('content', [b'', b'not episodes', b'PK\x03\x04damaged'])
def test_a_damaged_file_is_refused(tmp_path, content):
    (tmp_path / 'e.npz').write_bytes(content)
    with pytest.raises(DatasetError, match='no readable file'):
        load_episodes(tmp_path / 'e.npz')


def test_a_missing_file_says_so(tmp_path):
    with pytest.raises(DatasetError, match='is missing'):
        load_episodes(tmp_path / 'e.npz')


def test_a_file_with_objects_in_it_is_refused(tmp_path):
    np.savez(tmp_path / 'e.npz', version=np.array(2), lengths=np.array([{}], dtype=object))
    with pytest.raises(DatasetError, match='no readable file'):
        load_episodes(tmp_path / 'e.npz')


def test_a_file_of_another_version_or_with_other_fields_is_refused(tmp_path):
    np.savez(tmp_path / 'e.npz', version=np.array(9))
    with pytest.raises(DatasetError, match='version is 9'):
        load_episodes(tmp_path / 'e.npz')
    np.savez(tmp_path / 'e.npz', version=np.array(2), rewards=np.zeros(3))
    with pytest.raises(DatasetError, match='holds'):
        load_episodes(tmp_path / 'e.npz')


def test_a_file_whose_numbers_are_wrong_is_refused_by_name(tmp_path):
    episodes = some_episodes()
    episodes.save(tmp_path / 'e.npz')
    with np.load(tmp_path / 'e.npz') as file:
        content = dict(file)
    content['rewards'][0, 0] = np.nan
    np.savez(tmp_path / 'e.npz', **content)
    with pytest.raises(DatasetError, match=r'e.npz: rewards is nan'):
        load_episodes(tmp_path / 'e.npz')
