# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""A small dataset that all tests of this folder share, and problems with their answers."""

import json
from pathlib import Path

import pytest

from training.dataset.collection import Collector
from training.dataset.generate import GENERATOR, count_rows
from training.dataset.schema import CARD, Card, shard_path, write_card
from training.dataset.shards import make_shard
from training.dataset.situations import base_situation, later, perturbed
from warmstart_planner.problem import Horizon
from warmstart_planner.vehicle import DEFAULT_VEHICLE, load_vehicle

FIRST = 259  # two medium problems that are drawn soon; 259 is for training, 260 for validation


@pytest.fixture(scope='session')
def small_card():
    """Two shards of one base problem and three further ones each."""
    return Card(GENERATOR, FIRST, 2, 3, 1, DEFAULT_VEHICLE, Horizon().dt, Horizon().steps)


@pytest.fixture(scope='session')
def small_dataset(tmp_path_factory, small_card, scp_folder):
    """Folder of a dataset that was made without a cluster; not to be changed."""
    folder = tmp_path_factory.mktemp('small_dataset')
    for shard in range(small_card.shards):
        make_shard(str(folder), small_card, shard)
    write_card(folder, small_card, dict(count_rows(folder, small_card)))
    return folder


@pytest.fixture
def copy_of_dataset(small_dataset, tmp_path):
    """Folder of a dataset that may be changed."""
    folder = tmp_path / 'dataset'
    folder.mkdir()
    for file in small_dataset.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    return folder


@pytest.fixture
def change_card():
    """Change fields of a dataset's card on disk; None removes one."""

    def change(folder: Path, **values):
        content = json.loads((folder / CARD).read_text())
        content.update(values)
        (folder / CARD).write_text(
            json.dumps({name: value for name, value in content.items() if value is not None})
        )

    return change


@pytest.fixture(scope='session')
def shard_bytes():
    """Return the contents of all shards of a dataset, in order."""
    return lambda folder, card: [shard_path(folder, s).read_bytes() for s in range(card.shards)]


@pytest.fixture(scope='session')
def collector(scp_folder):
    """Return the collector for the usual car and horizon."""
    return Collector(load_vehicle(), Horizon())


@pytest.fixture(scope='session')
def samples(collector):
    """Six problems of two scenes, with their answers: base, perturbed, later, twice."""
    result = []
    for index in (79, FIRST):
        base = base_situation(index, Horizon())
        first = collector.collect(base)
        result.append(first)
        for situation in (perturbed(base, 1), later(base, 3, first.ways)):
            result.append(collector.collect(situation, first.ways))
    return result
