# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Variants of a training: what differs, what they see, and how they are compared."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip('torch', reason='torch is not installed')
pytest.importorskip('pyarrow', reason='pyarrow is not installed')

from training.decision_transformer.batches import make_free_batch
from training.decision_transformer.loading import load_model
from training.decision_transformer.settings import SMOKE, Configuration
from training.experiments.models import ablation
from training.experiments.models.ablation import (
    COMMON,
    EPOCHS,
    FIGURES,
    VARIANTS,
    CandidateOutcomes,
    Variant,
    configured,
    main,
    rows_of,
    seen,
    train,
    try_scenes,
)


@pytest.fixture
def common(dataset, tmp_path):
    return replace(SMOKE, dataset=str(dataset), out=str(tmp_path / 'ablation'), batch=4)


def test_the_first_variant_is_the_common_one_and_names_are_apart():
    assert VARIANTS[0] == Variant(COMMON)
    assert len({each.name for each in VARIANTS}) == len(VARIANTS)


@pytest.mark.parametrize('variant', VARIANTS, ids=lambda each: each.name)
def test_a_variant_differs_from_the_common_training_in_what_it_says_only(variant, common):
    wide = Configuration(dataset=common.dataset, batch=4)
    own = configured(variant, wide, 30, 18)
    assert own == replace(
        wide,
        **variant.changes,
        epochs=own.epochs,
        passes=own.passes,
        patience=own.patience,
        out=own.out,
    )


@pytest.mark.parametrize('share', [1.0, 0.5, 0.25])
def test_all_variants_take_about_as_many_steps(share, common, problems):
    own = configured(Variant('part', share=share), common, 120, len(problems))
    batches = max(int(share * len(problems)) // own.batch, 1)
    assert own.epochs * own.passes * batches == pytest.approx(120, rel=0.2)
    assert own.epochs <= EPOCHS


def test_a_share_of_the_problems_is_part_of_a_larger_one(problems):
    quarter, half = (seen(Variant('part', share=s), problems) for s in (0.25, 0.5))
    assert len(quarter) < len(half) < len(problems)
    keys = [set(zip(each.index, each.variant, strict=True)) for each in (quarter, half)]
    assert keys[0] < keys[1]


def test_the_blind_are_told_of_no_cost_and_no_violation(problems, batch):
    (variant,) = (each for each in VARIANTS if each.blind)
    own = seen(variant, problems)
    assert not own.cost_to_go.any() and not own.constraint_to_go.any()
    assert problems.cost_to_go.any()  # of all others nothing is taken
    blind = replace(SMOKE, **variant.changes)
    assert not make_free_batch(batch, blind, np.random.default_rng(0)).allowed.any()
    assert make_free_batch(batch, SMOKE, np.random.default_rng(0)).allowed.any()


def test_differences_are_taken_problem_by_problem():
    def worth(first):
        first = np.array(first)
        return CandidateOutcomes(first, np.minimum(first, 2.0), np.zeros(2), np.full(2, 3.0))

    rows = rows_of({COMMON: worth([2.0, 4.0]), 'other': worth([1.0, 2.0])})
    assert rows[0]['difference_excess_first'] == 0.0
    # the cheapest answers of any are 1 and 2: shares in excess 1/2, 1/2 and 0, 0
    assert rows[0]['excess_first'] == pytest.approx(0.5)
    assert rows[1]['excess_first'] == 0.0
    assert rows[1]['difference_excess_first'] == pytest.approx(-0.5)
    assert rows[1]['noise_excess_first'] == pytest.approx(0.0)


def test_a_problem_that_no_model_solves_is_left_out():
    nothing = np.array([np.inf, 1.0])
    worth = CandidateOutcomes(nothing, nothing, np.array([1.0, 0.0]), np.full(2, 3.0))
    (row,) = rows_of({COMMON: worth})
    assert (row['n'], row['infeasible']) == (1, 0.0)


def test_a_trained_variant_is_tried_beside_another_model(common, checkpoint):
    few = Variant('2 candidates', {'candidates': 2, 'free_modes': 2})
    path = train(few, configured(few, common, 2, 4))
    assert load_model(Path(path)).sizes.candidates == 2
    rows = np.asarray(try_scenes([str(checkpoint), path], range(900_000, 900_002)))
    assert rows.shape == (2, 2, len(CandidateOutcomes.__dataclass_fields__))
    first, best, failed, iterations = rows.transpose(2, 1, 0)
    assert np.all(best <= first)
    assert np.all((failed >= 0.0) & (failed <= 1.0)) and np.all(iterations >= 1)


def test_the_command_trains_measures_and_writes(dataset, tmp_path, monkeypatch, capsys):
    tiny = {name: getattr(SMOKE, name) for name in ('width', 'encoder_layers', 'mode_layers')}
    variants = (Variant(COMMON, tiny), Variant('blind', tiny, blind=True))
    monkeypatch.setattr(ablation, 'VARIANTS', variants)
    arguments = ['--dataset', str(dataset), '--out', str(tmp_path), '--batch', '4']
    status = main([*arguments, '--steps', '1', '--scenes', '1', '--workers', '1'])
    assert status == 0
    rows = json.loads((tmp_path / 'ablation.json').read_text())['rows']
    assert [row['variant'] for row in rows] == [COMMON, 'blind']
    assert all(f'noise_{figure}' in row for row in rows for figure in FIGURES)
    assert COMMON in capsys.readouterr().out


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [(['--steps', '0'], '--steps is 0'), (['--dataset', 'nowhere'], 'nowhere')],
)
def test_what_cannot_be_done_is_refused(arguments, message, capsys):
    assert main([*arguments, '--workers', '1']) == 2
    assert message in capsys.readouterr().err
