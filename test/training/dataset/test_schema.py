# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Files of a dataset: what is written comes back, what is damaged is named."""

import resource
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from training.dataset import schema
from training.dataset.reading import read_problems
from training.dataset.schema import (
    CARD,
    SCHEMA,
    DatasetError,
    read_card,
    read_shard,
    shard_path,
    write_card,
    write_shard,
)
from warmstart_planner.learned.context import OBSTACLE_SAMPLES
from warmstart_planner.objective import OBSTACLE_PARAMETERS, ROAD_PARAMETERS


class TestShard:
    def test_a_row_holds_the_problem_and_its_answers(self, samples, tmp_path):
        path = tmp_path / 'shard.parquet'
        write_shard(path, samples)
        rows = read_shard(path).to_pylist()
        assert len(rows) == len(samples)
        for row, sample in zip(rows, samples, strict=True):
            count, steps = len(sample.answers), sample.situation.problem.horizon.steps
            assert (row['index'], row['variant']) == (
                sample.situation.index,
                sample.situation.variant,
            )
            assert row['answers'] == [answer.kind for answer in sample.answers]
            assert row['feasible'] == [answer.feasible for answer in sample.answers]
            assert len(row['road']) == ROAD_PARAMETERS
            per_obstacle = OBSTACLE_SAMPLES * OBSTACLE_PARAMETERS
            obstacles = len(sample.situation.problem.obstacles)
            assert len(row['obstacles']) == obstacles * per_obstacle
            states = np.reshape(row['states'], (count, steps + 1, 5))
            controls = np.reshape(row['controls'], (count, steps, 2))
            for k, answer in enumerate(sample.answers):
                expected, applied = sample.bound.localise(answer.trajectory)
                assert states[k] == pytest.approx(expected, rel=1e-5, abs=1e-5)
                assert controls[k] == pytest.approx(applied, rel=1e-5, abs=1e-5)
            costs = np.reshape(row['cost_to_go'], (count, steps + 1))
            assert costs == pytest.approx(np.stack([a.cost_to_go for a in sample.answers]))

    def test_states_are_in_the_frame_of_the_first_one(self, small_dataset):
        for row in read_shard(shard_path(small_dataset, 0)).to_pylist():
            states = np.reshape(row['states'], (len(row['answers']), -1, 5))
            assert row['state'][:3] == pytest.approx([0.0, 0.0, 0.0], abs=1e-6)
            assert states[:, 0] == pytest.approx(np.tile(row['state'], (len(states), 1)), abs=1e-5)

    def test_only_some_columns_can_be_read(self, small_dataset):
        assert read_shard(shard_path(small_dataset, 0), ['tier']).column_names == ['tier']

    def test_a_missing_shard_is_named(self, tmp_path):
        path = shard_path(tmp_path, 3)
        with pytest.raises(DatasetError, match=f'{path} is missing: .* generate it again'):
            read_shard(path)

    @pytest.mark.parametrize('keep', [0, 4, 1000])
    def test_a_damaged_shard_is_named(self, copy_of_dataset, keep):
        path = shard_path(copy_of_dataset, 0)
        path.write_bytes(path.read_bytes()[:keep])
        with pytest.raises(DatasetError, match=f'{path} is no readable shard: .* delete it'):
            read_shard(path)

    def test_a_shard_with_damage_in_its_middle_is_named(self, copy_of_dataset):
        path = shard_path(copy_of_dataset, 0)
        content = bytearray(path.read_bytes())
        middle = len(content) // 2
        content[middle : middle + 2000] = bytes(2000)
        path.write_bytes(bytes(content))
        with pytest.raises(DatasetError, match='is no readable shard'):
            read_shard(path)

    def test_a_shard_of_another_version_is_refused(self, copy_of_dataset):
        path = shard_path(copy_of_dataset, 0)
        table = pq.read_table(path).replace_schema_metadata({'schema_version': '2'})
        pq.write_table(table, path)
        with pytest.raises(DatasetError, match='has schema version 2: expected 1'):
            read_shard(path)

    def test_a_shard_that_lacks_a_column_is_refused(self, copy_of_dataset):
        path = shard_path(copy_of_dataset, 0)
        table = pq.read_table(path).drop_columns(['cost_to_go'])
        pq.write_table(table.replace_schema_metadata(SCHEMA.metadata), path)
        with pytest.raises(DatasetError, match='expected 1 and its columns'):
            read_shard(path)

    def test_a_parquet_file_of_something_else_is_refused(self, tmp_path):
        path = shard_path(tmp_path, 0)
        pq.write_table(pa.table({'a': [1]}), path)
        with pytest.raises(DatasetError, match='has schema version None'):
            read_shard(path)

    def test_a_shard_that_cannot_be_written_whole_is_not_there_at_all(self, samples, tmp_path):
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
        try:
            with pytest.raises(OSError, match='File too large'):
                write_shard(shard_path(tmp_path, 0), samples)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert list(tmp_path.iterdir()) == []


class TestCard:
    def test_what_is_written_comes_back(self, small_card, tmp_path):
        write_card(tmp_path, small_card, {'solved': 3})
        assert read_card(tmp_path) == small_card

    def test_shards_cover_the_problems_without_overlap(self, small_card):
        card = replace(small_card, problems=7, shard_size=3)
        indices = [index for shard in range(card.shards) for index in card.indices(shard)]
        assert indices == list(range(card.first, card.first + 7))

    def test_a_missing_card_is_named(self, tmp_path):
        with pytest.raises(DatasetError, match=f'{tmp_path / CARD} is missing'):
            read_card(tmp_path)

    @pytest.mark.parametrize('text', ['', '{', '[]', 'null', '3', '\x00\x01'])
    def test_a_damaged_card_is_named(self, tmp_path, text):
        (tmp_path / CARD).write_text(text)
        with pytest.raises(DatasetError, match=f'{tmp_path / CARD} is not a dataset card'):
            read_card(tmp_path)

    @pytest.mark.parametrize(
        ('values', 'message'),
        [
            ({'schema_version': 2}, 'schema_version is 2: expected 1'),
            ({'schema_version': None}, 'schema_version is None: expected 1'),
            ({'colour': 'red'}, 'colour'),
            ({'steps': None}, 'steps'),
            ({'steps': 0}, 'horizon.steps is 0'),
            ({'dt': float('nan')}, 'horizon.dt is nan'),
            ({'first': -1}, 'card.first is -1'),
            ({'problems': 0}, 'card.problems is 0'),
            ({'problems': 1.5}, 'card.problems is 1.5: expected a whole number'),
            ({'shard_size': 'ten'}, "card.shard_size is 'ten': expected a whole number"),
            ({'variants': float('nan')}, 'card.variants is nan'),
        ],
    )
    def test_a_card_with_a_wrong_field_is_refused_by_its_name(
        self, copy_of_dataset, change_card, values, message
    ):
        change_card(copy_of_dataset, **values)
        with pytest.raises(DatasetError, match=message):
            read_card(copy_of_dataset)


class TestReading:
    def test_the_sides_of_the_split_share_no_scene_and_miss_none(self, small_dataset):
        training, validation = (read_problems([small_dataset], side) for side in (False, True))
        rows = [
            row
            for shard in (0, 1)
            for row in read_shard(shard_path(small_dataset, shard)).to_pylist()
        ]
        for problems, index in ((training, 259), (validation, 260)):
            expected = [row['state'] for row in rows if row['index'] == index and row['answers']]
            assert problems.state == pytest.approx(np.array(expected))

    def test_a_dataset_that_is_not_complete_is_refused(self, copy_of_dataset):
        shard_path(copy_of_dataset, 1).unlink()
        with pytest.raises(DatasetError, match='the dataset is not complete'):
            read_problems([copy_of_dataset], False)

    def test_a_draft_is_never_read(self, copy_of_dataset):
        before = read_problems([copy_of_dataset], False)
        (copy_of_dataset / f'shard-000002.host.1{schema.DRAFT}').write_bytes(b'half')
        assert len(read_problems([copy_of_dataset], False)) == len(before)

    def test_datasets_of_different_horizons_do_not_mix(
        self, small_dataset, copy_of_dataset, change_card
    ):
        change_card(copy_of_dataset, dt=0.2)
        with pytest.raises(DatasetError, match='horizons or vehicles differ'):
            read_problems([small_dataset, copy_of_dataset], False)


def test_paths_of_shards_are_in_the_order_of_their_numbers():
    paths = [shard_path(Path('x'), shard) for shard in range(1200)]
    assert sorted(paths) == paths
