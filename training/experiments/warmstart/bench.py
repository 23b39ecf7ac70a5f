# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Everything that is measured on a problem, by one process and one thread."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from training.experiments.common.problems import (
    Case,
    Factory,
)
from training.experiments.solvers.benchmark_lanes import PROBLEMS, loop_seconds
from training.experiments.warmstart.candidates import CandidateStudy
from training.experiments.warmstart.coherence import CoherenceStudy
from training.experiments.warmstart.records import Record
from training.experiments.warmstart.roll_outs import RollOutClock
from training.experiments.warmstart.sequential import Sequential, TimeReserve
from training.experiments.warmstart.strategies import (
    GUIDED_FAST,
    GUIDED_LESS,
    IQL_LSTM,
    LEARNED,
    Noise,
    PlannerStart,
    Run,
    Start,
    sources_of,
)
from warmstart_planner.files.resources import share_folder
from warmstart_planner.learned.cards import model_card, policy_card
from warmstart_planner.learned.observation import library as observation_library
from warmstart_planner.learned.policy import LoadedPolicy, PolicyRequirements, load_policy
from warmstart_planner.learned.session import LoadedModel, ModelRequirements, load_model
from warmstart_planner.objective import CostWeights
from warmstart_planner.problem import Horizon, PlanningProblem
from warmstart_planner.proposals.cold_bundle import ColdBundle
from warmstart_planner.proposals.decision_transformer import DecisionTransformer
from warmstart_planner.proposals.iql_lstm import IqlLstm
from warmstart_planner.proposals.selection import ranked_by_merit
from warmstart_planner.proposals.source import ProposalSource
from warmstart_planner.scp.solver import BoundProblem, ScpSolver
from warmstart_planner.transcription import Margins
from warmstart_planner.vehicle import load_vehicle
from warmstart_planner.verification import Judge

# One problem of so many has knobs turned. No number of families shares a factor with it, so that
# all families are among them.
STUDY_STRIDE = 7
REFERENCE_LOOP = 1.9e-3  # of the loop on HPIPM for a candidate, on the reference machine [s]
WARM_UP_SEEDS = range(2)
WARM_UP_ROUNDS = 15
VERDICT_ALLOWANCE = 1.5  # medians of a verdict's time that are set aside for the last one


@dataclass(frozen=True)
class Timing:
    """
    What things take on this machine [s].

    `verdict`, with something to spare; `bundle` for the cold bundle to be judged and one of it to
    be refined; `inference` for the Decision Transformer to propose.
    """

    verdict: float
    bundle: float
    inference: float


@dataclass(frozen=True)
class Models:
    """What was learned; None for what there is not."""

    transformer: LoadedModel | None
    policy: LoadedPolicy | None


class Bench:
    """
    Everything that is measured on a problem.

    Args:
        horizon: of all problems.
        models: the learned ones.
        budgets: that each start has once, beside none at all, on the reference machine [s].
        slowness: this machine's times over the reference machine's.
        outside: sources of other packages.

    """

    def __init__(
        self,
        horizon: Horizon,
        models: Models,
        budgets: Sequence[float],
        slowness: float,
        outside: Sequence[ProposalSource] = (),
    ) -> None:
        vehicle = load_vehicle()
        self._budgets, self._slowness = budgets, slowness
        self._solver = ScpSolver(vehicle, horizon)
        sources: dict[str, ProposalSource] = {}
        self._study = self._clock = None
        if models.transformer is not None:
            sources[LEARNED] = DecisionTransformer(models.transformer)
            self._study = CandidateStudy(models.transformer, self._solver)
        if models.policy is not None:
            observation_library.generate(vehicle)
            sources[IQL_LSTM] = IqlLstm(models.policy)
            self._clock = RollOutClock(models.policy)
        self._coherence = CoherenceStudy(self._solver, sources)
        problems = [case.problem for case in Factory(horizon).random('hard', WARM_UP_SEEDS)]
        self._starts = self._warm_starts(sources, outside, problems)

    def _warm_starts(
        self,
        sources: Mapping[str, ProposalSource],
        outside: Sequence[ProposalSource],
        problems: Sequence[PlanningProblem],
    ) -> tuple[Start, ...]:
        """Page in what is loaded lazily, find out what things take, and make the starts."""
        timing = _timing(self._solver, sources.get(LEARNED), problems)
        self._noise = Noise(held_back=timing.inference)
        planned = sources_of(self._solver, sources, self._noise, outside)

        def start(name: str, of: str, less: float = 0.0) -> PlannerStart:
            made = PlannerStart(name, planned[of], self._solver, self._slowness, less)
            made.settle(problems)
            return made

        allowance = TimeReserve(timing.verdict, timing.bundle)
        starts: list[Start] = [start(name, name) for name in planned]
        starts += [
            start(GUIDED_LESS, GUIDED_FAST, timing.inference),
            Sequential(self._solver, allowance, self._slowness),
        ]
        for problem in problems:
            bound = self._solver.bind(problem)
            self._coherence.look(problem)
            for each in starts:
                _runs(each, bound, self._budgets)
        return tuple(starts)

    def measure(self, case: Case, index: int) -> Record:
        """Measure a problem; starts take turns in who comes first."""
        problem = case.problem
        bound = self._solver.bind(problem)  # the road's own tables: a planner has them too
        self._noise.propose(problem)  # outside the clock: drawing takes longer than inference
        turn = index % len(self._starts)
        order = (*self._starts[turn:], *self._starts[:turn])
        studied = index % STUDY_STRIDE == 0
        return Record(
            case.tier,
            case.family,
            case.name,
            self._slowness,
            {start.name: _runs(start, bound, self._budgets) for start in order},
            self._study.raw(problem) if self._study else None,
            self._study.knobs(problem) if self._study and studied else (),
            self._coherence.look(problem),
            self._clock.times(problem) if self._clock else (),
        )


def _runs(start: Start, bound: BoundProblem, budgets: Sequence[float]) -> tuple[Run, ...]:
    """
    Run a start to the end and with each budget.

    Once it has done within one all that it does without any, a larger one changes nothing, and
    the run counts for it too.
    """
    whole = start.run(bound, np.inf)
    runs: list[Run] = []
    for budget in budgets:
        if runs and runs[-1].does_all_of(whole):
            runs.append(replace(runs[-1], budget=budget))
        else:
            runs.append(start.run(bound, budget))
    return (*runs, whole)


def _timing(
    solver: ScpSolver, source: ProposalSource | None, problems: Sequence[PlanningProblem]
) -> Timing:
    times: dict[str, list[float]] = {name: [] for name in Timing.__dataclass_fields__}
    for problem in [*problems] * WARM_UP_ROUNDS:
        bound, judged_by = solver.bind(replace(problem)), Judge(problem)
        begin = time.perf_counter()
        start = ranked_by_merit(solver, bound, ColdBundle().propose(problem))[
            0
        ].proposal.trajectory
        result = solver.solve(bound, start)
        refined = time.perf_counter()
        judged_by.verdict(result.trajectory)
        times['bundle'].append(refined - begin)
        times['verdict'].append(time.perf_counter() - refined)
        begin = time.perf_counter()
        if source is not None:
            source.propose(replace(problem))
        times['inference'].append(time.perf_counter() - begin)
    medians = {name: float(np.median(seconds)) for name, seconds in times.items()}
    medians['verdict'] *= VERDICT_ALLOWANCE
    return Timing(**medians)


def slowness_of_this_machine(horizon: Horizon) -> float:
    """Return this machine's times over the reference machine's; 1 where it is no slower."""
    models = open_models(share_folder() / 'models', horizon)
    if models.transformer is None:
        print(
            'no packaged model: this machine is taken for the reference machine', file=sys.stderr
        )
        return 1.0
    source, solver = DecisionTransformer(models.transformer), ScpSolver(load_vehicle(), horizon)
    return max(loop_seconds(source, solver, PROBLEMS) / REFERENCE_LOOP, 1.0)


def open_models(folder: Path, horizon: Horizon) -> Models:
    """
    Return a folder's models, None for those it does not have.

    Raises:
        CardError: there is one, and it is damaged or for something else.

    """
    vehicle, margins = load_vehicle(), Margins()
    transformer = policy = None
    if (folder / model_card.CARD_FILE).exists():
        transformer = load_model(
            folder, ModelRequirements(vehicle, horizon, margins, CostWeights())
        )
    if (folder / policy_card.CARD_FILE).exists():
        policy = load_policy(folder, PolicyRequirements(vehicle, horizon.dt, margins))
    return Models(transformer, policy)
