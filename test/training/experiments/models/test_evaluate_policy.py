# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""What policies earn on held-out problems, and what is made of the differences."""

import json
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip('torch', reason='torch is not installed')
pytest.importorskip('pyarrow', reason='pyarrow is not installed')

from random_problems import random_problem

from training.dataset.generate import make_shard
from training.dataset.reading import read_problems
from training.dataset.schema import Card, write_card
from training.experiments.common.problems import FIRST_SEED, TIERS
from training.experiments.models.evaluate_policy import (
    ALL,
    BEST,
    EXPORTED,
    GENTLE,
    PolicyReturns,
    comparison,
    earned,
    exported_driver,
    held_out,
    main,
    members,
    of_tier,
    pairs,
    plain_driver,
    policy_rows,
    trained_driver,
)
from training.iql_lstm.logs.plain_controller import PLAIN, PlainController
from training.iql_lstm.logs.transitions import from_problems
from training.iql_lstm.settings import SMOKE
from training.iql_lstm.train import train_member
from warmstart_planner.learned.observation.observer import moving
from warmstart_planner.learned.policy import load_policy
from warmstart_planner.objective import CostWeights
from warmstart_planner.problem import Horizon
from warmstart_planner.scp.solver import ScpSolver
from warmstart_planner.transcription import Margins, transcribe
from warmstart_planner.vehicle import load_vehicle

CAR = load_vehicle()


@pytest.fixture(scope='module')
def dataset(tmp_path_factory, scp_folder):
    """Two scenes, 259 to train on and 260 to hold out, with two further problems each."""
    folder = tmp_path_factory.mktemp('dataset')
    card = Card('test', 259, 2, 2, 2, 'commonroad_2', Horizon().dt, Horizon().steps)
    write_card(folder, card, {})
    make_shard(str(folder), card, 0)
    return folder


@pytest.fixture(scope='module')
def policies(dataset, observer, tmp_path_factory):
    """Return the folder of two policies with two members each, trained for a moment."""
    folder = tmp_path_factory.mktemp('policies')
    train, validation = (
        from_problems(read_problems([dataset], side), 0.1, CAR) for side in (False, True)
    )
    for name in ('awr', 'bc'):
        configuration = replace(SMOKE, extraction=name, out=str(folder / name))
        for member in range(2):
            train_member(configuration, member, train, validation)
    return folder


@pytest.fixture(scope='module')
def problems(scp_folder):
    return held_out(2)


@pytest.fixture(scope='module')
def found(problems, policies, observer):
    drivers = {
        'awr': trained_driver(members(policies / 'awr'), observer),
        PLAIN: plain_driver(PlainController(CAR)),
    }
    return earned(problems, drivers)


def some(returns, **rest):
    """Return what members (M, P) earned, all else being equal."""
    returns = np.asarray(returns, dtype=float)
    same = np.ones(returns.shape, bool)
    return PolicyReturns(returns, -returns, 0.0 * returns, same, same, **rest)


def test_an_exported_policy_is_compared_with_rules_and_not_with_its_own_training():
    found = pairs(['iql', 'bc', EXPORTED, PLAIN, GENTLE])
    assert found[0] == ('iql', 'bc')
    assert {pair for pair in found if EXPORTED in pair} == {(EXPORTED, PLAIN), (EXPORTED, GENTLE)}
    assert {pair for pair in found if 'bc' in pair} >= {('bc', PLAIN), ('bc', GENTLE)}


class TestHeldOut:
    def test_there_are_as_many_of_each_tier_with_seeds_that_no_training_draws(self, problems):
        assert [each.tier for each in problems] == [tier for tier in TIERS for _ in range(2)]
        wanted = random_problem(TIERS[0], FIRST_SEED, Horizon())
        assert problems[0].problem.initial_state == pytest.approx(wanted.initial_state)

    def test_the_bound_is_an_answer_to_its_problem(self, problems):
        for each in problems:
            states, _ = each.best
            numbers = transcribe(each.problem, Margins())
            assert states[0, 0] == pytest.approx(numbers.initial_state, abs=1e-6)


class TestEarned:
    def test_the_bound_earns_what_the_solver_says_that_it_costs(self, problems, found):
        solver = ScpSolver(CAR, Horizon(), CostWeights())
        for each, earned_ in zip(problems, found[BEST].returns[0], strict=True):
            bound = solver.bind(each.problem)
            score = solver.score(bound, bound.globalise(each.best[0][0], each.best[1][0]))
            assert earned_ == pytest.approx(-score.cost, rel=1e-3)
        assert found[BEST].feasible.all()

    def test_returns_are_costs_and_violations(self, found):
        for each in found.values():
            clean = each.violations == 0.0
            assert each.returns[clean] == pytest.approx(-each.costs[clean], rel=1e-5)
            assert (each.returns[~clean] < -each.costs[~clean]).all()

    def test_every_member_drives_every_problem(self, found, problems):
        assert found['awr'].returns.shape == (2, len(problems))
        assert found[PLAIN].returns.shape == found[BEST].returns.shape == (1, len(problems))
        assert np.isfinite(found['awr'].returns).all()

    def test_members_drive_as_each_alone(self, problems, policies, observer):
        numbers = transcribe(problems[0].problem, Margins())
        both = members(policies / 'awr')
        together = trained_driver(both, observer)(numbers, 0.1)
        for row, one in enumerate(both):
            alone = trained_driver([one], observer)(numbers, 0.1)
            assert together[0][row] == pytest.approx(alone[0][0], abs=1e-4)

    def test_driven_states_follow_from_what_the_member_saw(self, problems, policies, observer):
        numbers = transcribe(problems[0].problem, Margins())
        (one,) = members(policies / 'awr')[:1]
        states, controls = trained_driver([one], observer)(numbers, 0.1)
        seen = observer.observe_along(states, numbers.road, moving(numbers.obstacles, 0.1))[0]
        memory = one.start()
        for k in range(10):
            action, memory = one.act(seen[k], memory)
            _, applied = observer.advance(states[:, k], action[None], 0.1)
            assert applied[0] == pytest.approx(controls[0, k], abs=1e-5)

    def test_an_exported_policy_drives_too(self, problems, write_policy, observer, tmp_path):
        drive = exported_driver(load_policy(write_policy(tmp_path)), observer)
        result = earned(problems[:1], {'exported': drive})
        assert result['exported'].returns.shape == (4, 1)


class TestComparison:
    def test_what_is_surely_better_is_significant(self):
        rng = np.random.default_rng(0)
        base = rng.normal(-100.0, 30.0, 40)
        noise = rng.normal(0.0, 1.0, (2, 4, 40))
        row = comparison('a', 'b', {'a': some(base + 5.0 + noise[0]), 'b': some(base + noise[1])})
        assert row['significant']
        assert row['difference_mean'] == pytest.approx(5.0, abs=0.5)
        assert row['better_rate'] > 0.9

    def test_what_is_worse_or_the_same_is_not(self):
        base = np.random.default_rng(0).normal(-100.0, 30.0, (4, 40))
        pair = {'a': some(base - 5.0), 'b': some(base)}
        assert not comparison('a', 'b', pair)['significant']
        assert not comparison('a', 'a', pair)['significant']

    def test_better_on_problems_but_not_over_trainings_is_not_enough(self):
        base = np.linspace(-100.0, -50.0, 40)
        lucky = base + np.array([[30.0], [-8.0], [-9.0], [-9.0]])
        others = base + np.array([[0.1], [-0.1], [0.2], [-0.2]])
        row = comparison('a', 'b', {'a': some(lucky), 'b': some(others)})
        assert row['p_problems'] < 0.05
        assert not row['significant']

    def test_against_something_without_seeds_it_is_the_test_of_one_sample(self):
        base = np.linspace(-100.0, -50.0, 40)
        ours = base + np.array([[5.0], [5.2], [4.8]])
        assert comparison('a', 'b', {'a': some(ours), 'b': some(base[None])})['significant']

    def test_one_training_says_nothing_of_seeds(self):
        base = np.linspace(-100.0, -50.0, 40)[None]
        row = comparison('a', 'b', {'a': some(base + 5.0), 'b': some(base)})
        assert np.isnan(row['p_trainings'])
        assert not row['significant']

    def test_a_tier_holds_its_own_problems_only(self, problems, found):
        for tier in TIERS:
            part = of_tier(found, problems, tier)['awr']
            rows = [row for row, each in enumerate(problems) if each.tier == tier]
            assert part.returns.tolist() == found['awr'].returns[:, rows].tolist()

    def test_rows_hold_every_member(self):
        row, best = policy_rows(
            {'a': some([[-3.0, -5.0], [-1.0, -3.0]]), BEST: some([[-1.0, -1.0]])}, ALL
        )
        assert row['member_returns'] == [-4.0, -2.0]
        assert row['return_mean'] == -3.0
        assert row['below_best_median'] == pytest.approx(2.0)
        assert best['below_best_median'] == 0.0


class TestProgram:
    def test_a_small_run_prints_and_writes(self, policies, tmp_path, capsys):
        out = tmp_path / 'evaluate-policy.json'
        given = [f'iql={policies / "awr"}', f'bc={policies / "bc"}']
        assert main(['--policies', *given, '--out', str(out), '--n', '2']) == 0
        rows = json.loads(out.read_text())['rows']
        assert [(row['tier'], row['policy']) for row in rows if 'against' not in row] == [
            (tier, name) for tier in (ALL, *TIERS) for name in ('iql', 'bc', PLAIN, GENTLE, BEST)
        ]
        pairs = [(row['policy'], row['against']) for row in rows if 'against' in row]
        assert pairs == [
            ('iql', 'bc'),
            ('iql', PLAIN),
            ('iql', GENTLE),
            ('bc', PLAIN),
            ('bc', GENTLE),
        ]
        assert 'iql - bc' in capsys.readouterr().out

    @pytest.mark.parametrize(
        ('change', 'message'),
        [
            (['--policies', 'iql'], "--policies has 'iql': expected name=folder"),
            (['--policies', 'iql=nowhere'], 'nowhere holds no member'),
            (['--n', '1'], '--n is 1: expected at least 2'),
        ],
    )
    def test_bad_arguments_are_one_line(self, tmp_path, capsys, change, message):
        out = tmp_path / 'figures.json'
        assert main(['--out', str(out), *change]) == 2
        error = capsys.readouterr().err
        assert error.startswith('evaluate-policy: ')
        assert message in error
        assert not out.exists()

    def test_a_damaged_member_is_named(self, tmp_path, capsys):
        (tmp_path / '0').mkdir()
        (tmp_path / '0' / 'best.pt').write_bytes(b'PK')
        assert main(['--policies', f'a={tmp_path}']) == 2
        assert 'best.pt is no readable checkpoint' in capsys.readouterr().err
