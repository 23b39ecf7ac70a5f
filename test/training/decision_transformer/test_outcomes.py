# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""What SCP makes of candidates, collected."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip('torch', reason='torch is not installed')

import torch

from training.dataset.generate import connected
from training.decision_transformer.loading import load_model
from training.decision_transformer.outcome_head import Outcomes, propose
from training.decision_transformer.outcomes import (
    FIRST_INDEX,
    STATES,
    main,
    refine_scenes,
    stacked,
    train_outcome_head,
)
from warmstart_planner.learned import session
from warmstart_planner.learned.cards.card_format import write_card
from warmstart_planner.learned.cards.model_card import CARD_FILE, load_card


@pytest.fixture(scope='module')
def model(checkpoint):
    return load_model(checkpoint)


@pytest.fixture(scope='module')
def outcomes(checkpoint):
    return Outcomes(**stacked(refine_scenes(str(checkpoint), range(FIRST_INDEX, FIRST_INDEX + 3))))


def test_outcomes_are_what_the_solver_and_the_verifier_say(model, outcomes):
    from training.dataset.situations import base_situation
    from warmstart_planner.learned.context import context_of
    from warmstart_planner.problem import Horizon
    from warmstart_planner.scp.solver import ScpSolver
    from warmstart_planner.vehicle import load_vehicle
    from warmstart_planner.verification import verify

    assert outcomes.feasible.shape == (3 * STATES, model.sizes.candidates)
    problem = base_situation(FIRST_INDEX, Horizon()).problem
    solver = ScpSolver(load_vehicle(), Horizon())
    bound = solver.bind(problem)
    assert np.array_equal(outcomes.road[0], context_of(bound.numbers).road)
    with torch.no_grad():
        drive = propose(model, *outcomes.take(np.array([0])).tensors()).drive
    states = np.concatenate([outcomes.state[:1], drive.states[2].numpy()]).astype(float)
    guess = bound.globalise(states, drive.controls[2].numpy().astype(float))
    (result,) = solver.solve_all(bound, [solver.roll_out(bound, guess)])
    assert verify(problem, result.trajectory).feasible == outcomes.feasible[0, 2]
    assert result.score.cost == pytest.approx(outcomes.cost[0, 2], rel=1e-4)


def test_a_missing_checkpoint_is_named(tmp_path, capsys):
    assert main(['--checkpoint', str(tmp_path / 'best.pt')]) == 2
    assert 'best.pt is missing' in capsys.readouterr().err


def test_a_scene_has_several_states(outcomes):
    assert len(np.unique(outcomes.state, axis=0)) == len(outcomes)


def test_a_served_model_is_taught_anew_and_keeps_all_else(models, tmp_path):
    folder = Path(shutil.copytree(models, tmp_path / 'models'))
    before = load_card(folder / CARD_FILE)
    with connected('', 1) as client:
        train_outcome_head(folder, 5, client)  # one scene more than its present head has seen
    after = load_card(folder / CARD_FILE)
    assert after.model_id != before.model_id
    changed = replace(before, model_id=after.model_id, sha256=after.sha256, golden=after.golden)
    write_card(tmp_path / CARD_FILE, changed)
    assert (tmp_path / CARD_FILE).read_bytes() == (folder / CARD_FILE).read_bytes()
    reported = ('predicted_return', 'failure_probability')
    others = [name for name in before.golden.outputs if name not in reported]
    for name in others:
        found, wanted = (each.golden.outputs[name] for each in (after, before))
        np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-4)
    for name in reported:
        assert not np.allclose(after.golden.outputs[name], before.golden.outputs[name])
    session.load_model(folder)  # the card fits the file, and it answers the golden pair
