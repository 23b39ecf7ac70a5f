# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""How far from its training a model is of use."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip('torch', reason='torch is not installed')

from training.decision_transformer import trials as trials_module
from training.decision_transformer.trials import (
    HALF_WIDTH,
    LEAST,
    SIZE_FACTOR,
    Trials,
    calibrated,
    main,
    trial_problem,
    trusted_up_to,
    try_problems,
)
from warmstart_planner.learned.cards.card_format import write_card
from warmstart_planner.learned.cards.model_card import CARD_FILE, load_card
from warmstart_planner.learned.context import context_of
from warmstart_planner.learned.session import load_model
from warmstart_planner.problem import Horizon
from warmstart_planner.proposals.decision_transformer import DecisionTransformer
from warmstart_planner.transcription import transcribe
from warmstart_planner.vehicle import SPEED


def trials(distance, learned, plain):
    count = len(learned)
    context = (np.zeros((count, 1), np.float32) for _ in range(4))
    return Trials(*context, *np.float32([distance, learned, plain]))


def drawn(indices):
    """Return the trial problems that can be drawn, with their index."""
    for index in indices:
        try:
            yield index, trial_problem(index, Horizon())
        except RuntimeError:
            continue


@pytest.fixture(scope='module')
def some():
    """Return the first trial problems that can be drawn, by their index."""
    return dict(drawn(range(16)))


@pytest.fixture(scope='module')
def rows(models):
    """Return what the tiny model does in the first six trials."""
    return try_problems(str(models), range(6))


@pytest.fixture
def folder(models, tmp_path):
    """Return a copy of the tiny model, to be written to."""
    return Path(shutil.copytree(models, tmp_path / 'models'))


def test_a_model_that_is_always_better_is_trusted_as_far_as_it_was_tried():
    distances = np.random.default_rng(0).permutation(np.linspace(1.0, 9.0, 100))
    assert trusted_up_to(trials(distances, np.zeros(100), np.ones(100)), 2.0) == 9.0


@pytest.mark.parametrize(('good_up_to', 'trusted'), [(4.0, 2.8), (8.0, 7.6)])
def test_trust_ends_where_what_lies_beyond_is_no_better(good_up_to, trusted):
    """A gain of 0.5 a trial up to a distance, and a loss of 0.1 from there to 10."""
    distances = np.linspace(0.0, 10.0, 1001)
    learned = np.where(distances < good_up_to, 0.0, 0.6)
    given = trials(distances, learned, np.full(1001, 0.5))
    assert trusted_up_to(given, 0.1) == pytest.approx(trusted, abs=0.05)


def test_a_model_of_no_use_is_trusted_with_what_is_like_its_training():
    distances = np.linspace(0.0, 10.0, 200)
    assert trusted_up_to(trials(distances, np.ones(200), np.zeros(200)), 1.5) == 1.5


def test_few_trials_withdraw_no_trust():
    distances = np.linspace(0.0, 3.0, LEAST - 1)
    given = trials(distances, np.ones(LEAST - 1), np.zeros(LEAST - 1))
    assert trusted_up_to(given, 1.5) == 3.0


# --- the problems ---


def test_trials_reach_beyond_the_speeds_widths_and_sizes_of_training(some):
    speeds, widths, lengths = [], [], []
    for problem in some.values():
        speeds.append(problem.initial_state[SPEED])
        widths += [problem.road.left_width.min(), problem.road.left_width.max()]
        lengths += [obstacle.half_length for obstacle in problem.obstacles]
    assert min(speeds) < 7.0
    assert max(speeds) > 17.0
    assert max(widths) / min(widths) > HALF_WIDTH[1] / HALF_WIDTH[0] / 2.0
    assert max(lengths) / np.median(lengths) > np.sqrt(SIZE_FACTOR)


def test_some_roads_change_in_steps_as_those_of_maps_do(some):
    steps = [np.abs(np.diff(np.log(each.road.left_width))).max() for each in some.values()]
    assert min(steps) < 0.05
    assert max(steps) > 0.2


def test_a_trial_is_the_same_each_time_it_is_drawn(some):
    index, one = next(iter(some.items()))
    two = trial_problem(index, Horizon())
    assert one.initial_state.tolist() == two.initial_state.tolist()
    assert one.road.left_width.tolist() == two.road.left_width.tolist()


# --- the trials ---


def test_trials_compare_the_model_s_refined_candidates_with_refined_plain_starts(rows):
    assert rows
    for row in rows:
        assert min(row['learned'], row['plain']) == 0.0
        assert 0.0 <= max(row['learned'], row['plain']) <= 1.0
        assert row['distance'] > 0.0


def test_what_the_model_was_of_use_for_is_familiar_from_then_on(folder, some, rows):
    given = Trials(**{name: np.stack([row[name] for row in rows]) for name in rows[0]})
    better = replace(given, learned=0.0 * given.learned, plain=0.0 * given.plain + 1.0)
    before = load_model(folder)
    write_card(folder / CARD_FILE, calibrated(before.card, better))
    after = load_model(folder)
    known, trusted = [], []
    for problem in (problem for index, problem in some.items() if index < 6):
        road = context_of(transcribe(problem, before.card.margins)).road
        if not any(np.array_equal(road, row['road']) for row in rows):
            continue  # neither start led to a solution
        for model, found in ((before, known), (after, trusted)):
            ways = DecisionTransformer(model).propose(problem)
            found.append(ways[0].uncertainty > 1.0)
    assert any(known)
    assert not any(trusted)


def test_a_model_of_no_use_is_not_trusted_beyond_its_training(folder, rows):
    card = load_card(folder / CARD_FILE)
    far = card.unfamiliarity_threshold * np.linspace(2.0, 3.0, 2 * LEAST)
    given = Trials(**{name: np.stack([value] * len(far)) for name, value in rows[0].items()})
    worse = replace(
        given,
        distance=far.astype(np.float32),
        learned=0.0 * given.learned + 1.0,
        plain=0.0 * given.plain,
    )
    assert calibrated(card, worse).unfamiliarity_threshold == card.unfamiliarity_threshold


# --- the program ---


@pytest.mark.slow
def test_few_trials_are_an_error_that_leaves_the_card_as_it_is(folder, capsys):
    before = (folder / CARD_FILE).read_text()
    assert main(['--models', str(folder), '--n', '4', '--workers', '1']) == 2
    assert 'of 4 problems were found and solved: expected at least 30' in capsys.readouterr().err
    assert (folder / CARD_FILE).read_text() == before


@pytest.mark.slow
def test_the_program_writes_to_the_card_and_leaves_the_model_alone(folder, capsys, monkeypatch):
    monkeypatch.setattr(trials_module, 'LEAST', 2)
    before = load_card(folder / CARD_FILE)
    assert main(['--models', str(folder), '--n', '4', '--workers', '1']) == 0
    after = load_card(folder / CARD_FILE)
    assert after.sha256 == before.sha256
    assert after.unfamiliarity_threshold >= before.unfamiliarity_threshold
    assert after.provenance['trials']['count'] > 0
    assert 'trials: excess share' in capsys.readouterr().out
    load_model(folder)


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (['--n', '0'], '--n is 0: expected at least 1'),
        (['--models', 'nowhere'], 'nowhere'),
    ],
)
def test_bad_arguments_are_one_line(capsys, arguments, message):
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith('trials: ')
    assert message in error
    assert error.count('\n') == 1
