# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Work on scenes: every scene once, in order, and no failure unseen."""

import pytest

pytest.importorskip('distributed', reason='distributed is not installed')

from training.dataset import scenes
from training.dataset.generate import connected
from training.dataset.scenes import CHUNK, drawn, rows_of_scenes
from warmstart_planner.problem import Horizon


@pytest.fixture(scope='module')
def client():
    with connected('', 1) as connection:
        yield connection


@pytest.mark.parametrize('count', [1, CHUNK, 2 * CHUNK + 1])
def test_rows_come_in_the_order_of_the_scenes(client, count):
    assert rows_of_scenes(list, 'listing', range(7, 7 + count), client) == [*range(7, 7 + count)]


def test_work_that_leads_to_nothing_is_refused(client):
    with pytest.raises(ValueError, match='none of 3 scenes from 7 on'):
        rows_of_scenes(lambda indices: [], 'nothing', range(7, 10), client)


def test_a_failure_on_a_worker_is_raised_here(client):
    # A local function: workers get its code, as they cannot import this file.
    def failing(indices):
        raise OSError(f'no scene {indices[0]}')

    with pytest.raises(OSError, match='no scene 7'):
        rows_of_scenes(failing, 'failing', range(7, 10), client)


def test_scenes_that_the_generator_does_not_find_are_left_out(monkeypatch):
    def found(index, horizon):
        if index % 2:
            raise RuntimeError('no such scene')
        return index

    monkeypatch.setattr(scenes, 'base_situation', found)
    assert list(drawn(range(5), Horizon())) == [0, 2, 4]
