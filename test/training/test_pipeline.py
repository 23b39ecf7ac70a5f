# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""From problems to plans: what was generated, trained and exported a moment ago is served."""

import pytest

pytest.importorskip('torch', reason='torch is not installed')

from random_problems import random_problem

from warmstart_planner.learned.session import load_model
from warmstart_planner.planning import Planner
from warmstart_planner.problem import Rung
from warmstart_planner.proposals.decision_transformer import DecisionTransformer
from warmstart_planner.vehicle import load_vehicle


@pytest.mark.parametrize(('tier', 'seed'), [('easy', 3), ('medium', 1)])
def test_a_model_of_the_smoke_configuration_is_served_and_its_proposals_are_planned_with(
    models, tier, seed
):
    problem = random_problem(tier, seed)
    source = DecisionTransformer(load_model(models))
    proposals = source.propose(problem)
    assert len(proposals) + source.last.dropped == source.model.card.candidates
    planner = Planner(load_vehicle())
    result = planner.plan(problem, proposals, deadline=10.0)
    assert result.rung is Rung.OPTIMISED
    assert result.feasible
    refined = [each.proposal for each in planner.last_refined]
    assert all(any(proposal is each for each in refined) for proposal in proposals)


def test_the_shipped_model_knows_the_tiers_that_it_was_trained_on():
    from warmstart_planner.files.resources import share_folder

    folder = share_folder() / 'models'
    source = DecisionTransformer(load_model(folder))
    for tier in ('easy', 'medium', 'hard'):
        proposals = [
            proposal
            for seed in range(5)
            for proposal in source.propose(random_problem(tier, seed))
        ]
        assert len(proposals) == 5 * source.model.card.candidates
        assert sum(proposal.uncertainty <= 1.0 for proposal in proposals) >= 0.6 * len(proposals)
