# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
Measure what policies earn on held-out problems: `make evaluate-policy`.

Every member of every policy drives the car's model over the horizon of random problems with seeds
that no training draws, as many of each tier. What it earns is minus the objective's cost, terminal
cost included because the drive ends there, with the verifier's violations at the rewards' price.
Beside them stand the plain controller, whose logs the policies learned from, the same one with a
better steering gain, which those logs tell of, and as the bound what the optimiser makes of a wide
search.

A policy is compared with another in two ways. Wilcoxon's signed-rank test, over problems, asks
whether it earns more on a problem, each policy by the mean of its members; returns have heavy
tails, which a rank test does not mind. Welch's t-test, over trainings, asks whether that is more
than the luck of seeds: its samples are the members' means over all problems. Against something
that has no seeds it is the t-test of one sample.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import stats

from training.command_line import at_least, run
from training.experiments.common.problems import FIRST_SEED, TIERS, Factory, reference_plan
from training.iql_lstm.logs.plain_controller import PLAIN, PlainController, drive_model
from training.iql_lstm.logs.transitions import judged, returns_of
from training.iql_lstm.trained import Trained, load_trained
from training.progress import tracked
from training.table import Column, table
from warmstart_planner.driver_model.plain_rule import PlainSettings
from warmstart_planner.files.measurement import write_measurement
from warmstart_planner.learned.observation import library as observation_library
from warmstart_planner.learned.observation.observer import Observer, moving
from warmstart_planner.learned.policy import LoadedPolicy, load_policy, roll_out
from warmstart_planner.objective import CostWeights
from warmstart_planner.problem import Horizon, PlanningProblem
from warmstart_planner.scp import library as scp_library
from warmstart_planner.transcription import Margins, Transcription, transcribe
from warmstart_planner.vehicle import CONTROL_SIZE, load_vehicle

Array = NDArray[np.float64]
Driver = Callable[[Transcription, float], tuple[Array, Array]]
Found = dict[str, 'PolicyReturns']  # by policy

GENTLE = 'plain_gentle'
# In the logs of drivers with other habits, those that steer more gently return more.
GENTLE_SETTINGS = PlainSettings(lateral_gain=0.9)
EXPORTED = 'exported'
BEST = 'optimised'
ALL = 'all'  # tiers together
SIGNIFICANT = 0.05


@dataclass(frozen=True)
class HeldOut:
    """A problem and the optimiser's answer, (1, N + 1, 5) and (1, N, 2) in its frame."""

    tier: str
    problem: PlanningProblem
    best: tuple[Array, Array]


@dataclass(frozen=True)
class PolicyReturns:
    """
    What one policy earned: M members, P problems.

    `returns` (M, P), their parts `costs` and `violations` (M, P), and whether each drive was
    without a `collision` and `feasible`, both (M, P).
    """

    returns: Array
    costs: Array
    violations: Array
    collision_free: NDArray[np.bool_]
    feasible: NDArray[np.bool_]


def held_out(count: int) -> list[HeldOut]:
    """
    Return the first random problems that are held out, `count` of each tier.

    Those that nobody finds a way through are left out.
    """
    factory, found = Factory(Horizon()), []
    for tier in TIERS:
        cases = factory.random(tier, range(FIRST_SEED, FIRST_SEED + count))
        for case in tracked(cases, f'solving, {tier}', count):
            plan = reference_plan(case.problem, None)
            if plan is not None:
                states = transcribe(case.problem, Margins()).frame.localise(plan.states)
                found.append(HeldOut(tier, case.problem, (states[None], plan.controls[None])))
    return found


# --- who drives ----------------------------------------------------------------------------------


def members(folder: Path) -> list[Trained]:
    """
    Return the trained members in a folder's folders 0, 1 and so on.

    Raises:
        ValueError: there is none, or one cannot be read.

    """
    paths = sorted(folder.glob('*/best.pt'), key=lambda path: (len(path.parts[-2]), path))
    if not paths:
        raise ValueError(f'{folder} holds no member: expected files 0/best.pt and on; train first')
    return [load_trained(path) for path in paths]


def trained_driver(trained: Sequence[Trained], observer: Observer) -> Driver:
    """Return what lets each trained member drive."""

    def drive(numbers: Transcription, dt: float) -> tuple[Array, Array]:
        steps = len(numbers.state_lower) - 1
        starts = np.repeat(numbers.initial_state[None], len(trained), axis=0)
        driven = observer.begin_roll_out(
            starts, numbers.road, moving(numbers.obstacles, dt), steps, dt
        )
        memories = [each.start() for each in trained]
        actions = np.empty((len(trained), CONTROL_SIZE))
        for _ in range(steps):
            for row, each in enumerate(trained):
                actions[row], memories[row] = each.act(driven.observations[row], memories[row])
            driven.step(actions)
        return driven.states, driven.controls

    return drive


def exported_driver(policy: LoadedPolicy, observer: Observer) -> Driver:
    """Return what lets each member of an exported policy drive."""

    def drive(numbers: Transcription, dt: float) -> tuple[Array, Array]:
        steps = len(numbers.state_lower) - 1
        seen = moving(numbers.obstacles, dt)
        found = roll_out(policy, observer, numbers.initial_state, numbers.road, seen, steps, dt)
        return found.states, found.controls

    return drive


def plain_driver(controller: PlainController) -> Driver:
    """Return what lets the plain controller drive, without exploration."""
    return lambda numbers, dt: drive_model(
        controller, numbers, dt, [0.0], np.random.default_rng(0)
    )


# --- what they earn ------------------------------------------------------------------------------


def earned(problems: Sequence[HeldOut], drivers: Mapping[str, Driver]) -> dict[str, PolicyReturns]:
    """Let all drive all problems; the optimiser's answers are among them."""
    parts: dict[str, list[Array]] = {name: [] for name in (*drivers, BEST)}
    for each in tracked(problems, 'driving'):
        numbers = transcribe(each.problem, Margins())
        dt = each.problem.horizon.dt
        drives = {name: drive(numbers, dt) for name, drive in drivers.items()}
        for name, (states, controls) in {**drives, BEST: each.best}.items():
            parts[name].append(np.array(list(_outcomes(each.problem, states, controls))))
    return {name: _stacked(rows) for name, rows in parts.items()}


def _outcomes(
    problem: PlanningProblem, states: Array, controls: Array
) -> Iterator[tuple[float, float, float, bool, bool]]:
    """Yield return, cost, violation, freedom from collisions and feasibility of each drive."""
    costs, verdicts = judged(problem, states, controls)
    values = returns_of(costs, verdicts, problem.horizon.dt)
    for value, cost, verdict in zip(values, costs[:, 0], verdicts, strict=True):
        violation = verdict.constraint_to_go[0]
        yield value, cost, violation, verdict.collision == 0.0, verdict.feasible


def _stacked(rows: Sequence[Array]) -> PolicyReturns:
    returns, costs, violations, free, feasible = np.stack(rows, axis=1).transpose(2, 0, 1)
    return PolicyReturns(returns, costs, violations, free > 0.5, feasible > 0.5)


def of_tier(found: Mapping[str, PolicyReturns], problems: Sequence[HeldOut], tier: str) -> Found:
    """Return what was earned on the problems of a tier."""
    chosen = np.array([each.tier == tier for each in problems])
    return {
        name: PolicyReturns(*(values[:, chosen] for values in vars(each).values()))
        for name, each in found.items()
    }


def policy_rows(found: Mapping[str, PolicyReturns], tier: str) -> list[dict[str, Any]]:
    """Return a row of figures for each policy."""
    best = found[BEST].returns.mean(axis=0)
    return [
        {
            'policy': name,
            'tier': tier,
            'n': each.returns.shape[1],
            'members': each.returns.shape[0],
            'return_mean': float(each.returns.mean()),
            'return_median': float(np.median(each.returns)),
            'member_returns': each.returns.mean(axis=1).tolist(),
            'below_best_median': float(np.median(best - each.returns.mean(axis=0))),
            'cost_mean': float(each.costs.mean()),
            'violation_mean': float(each.violations.mean()),
            'collision_free_rate': float(each.collision_free.mean()),
            'feasible_rate': float(each.feasible.mean()),
        }
        for name, each in found.items()
    ]


def comparison(name: str, other: str, found: Mapping[str, PolicyReturns]) -> dict[str, Any]:
    """Return a row that says whether one policy earns more than another."""
    ours, theirs = found[name].returns, found[other].returns
    difference = ours.mean(axis=0) - theirs.mean(axis=0)
    over_problems, over_trainings = _over_problems(difference), _over_trainings(ours, theirs)
    return {
        'policy': name,
        'against': other,
        'n': len(difference),
        'difference_mean': float(difference.mean()),
        'difference_median': float(np.median(difference)),
        'better_rate': float((difference > 0.0).mean()),
        'p_problems': over_problems,
        'p_trainings': over_trainings,
        'significant': bool(over_problems < SIGNIFICANT and over_trainings < SIGNIFICANT),
    }


def _over_problems(difference: Array) -> float:
    """Return Wilcoxon's one-sided p; 1 where nothing differs."""
    if not difference.any():
        return 1.0
    return float(stats.wilcoxon(difference, alternative='greater').pvalue)


def _over_trainings(ours: Array, theirs: Array) -> float:
    """Return the one-sided p over members' means; NaN of a single training."""
    means, others = ours.mean(axis=1), theirs.mean(axis=1)
    if len(means) < 2:
        return float('nan')
    if len(others) == 1:
        return float(stats.ttest_1samp(means, others[0], alternative='greater').pvalue)
    return float(stats.ttest_ind(means, others, equal_var=False, alternative='greater').pvalue)


COLUMNS = (
    Column('tier', 'tier'),
    Column('policy', 'policy'),
    Column('members', 'members', 'd'),
    Column('return', 'return_mean', '.1f'),
    Column('median', 'return_median', '.1f'),
    Column('below best', 'below_best_median', '.1f'),
    Column('cost', 'cost_mean', '.1f'),
    Column('no coll.', 'collision_free_rate', '.0%'),
    Column('feas.', 'feasible_rate', '.0%'),
)
COMPARISON_COLUMNS = (
    Column('comparison', lambda row: f'{row["policy"]} - {row["against"]}'),
    Column('mean', 'difference_mean', '.1f'),
    Column('median', 'difference_median', '.1f'),
    Column('better', 'better_rate', '.0%'),
    Column('p problems', 'p_problems', '.2g'),
    Column('p trainings', 'p_trainings', '.2g'),
    Column('verdict', lambda row: 'significant' if row['significant'] else 'not significant'),
)


def tables(rows: Sequence[Mapping[str, Any]], comparisons: Sequence[Mapping[str, Any]]) -> str:
    """Return the rows as text."""
    shown = [table(COLUMNS, rows)]
    if comparisons:
        shown.append(table(COMPARISON_COLUMNS, comparisons))
    return '\n\n'.join(shown)


# --- the program ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Options:
    """Whose returns are compared, and on how many problems."""

    policies: tuple[str, ...] = ('iql_lstm=out/iql_lstm', 'bc=out/bc')
    """name=folder of trained members; each is compared with those after it"""
    models: Path | None = None  # folder of an exported policy
    n: int = 100  # problems of each tier
    out: Path = Path('out/evaluate-policy.json')  # file of the figures

    def __post_init__(self) -> None:
        """Check the numbers: a comparison wants two problems."""
        at_least(self, n=2)


def main(arguments: list[str] | None = None) -> int:
    """Measure, print and write; return the exit status."""
    return run(_evaluate, Options, 'evaluate-policy', __doc__, arguments)


def _evaluate(options: Options) -> None:
    torch.set_num_threads(1)
    vehicle = load_vehicle()
    observation_library.generate(vehicle)
    scp_library.generate(vehicle, CostWeights(), Horizon())
    drivers = _drivers(options, Observer(vehicle))
    problems = held_out(options.n)
    found = earned(problems, drivers)
    rows = policy_rows(found, ALL)
    for tier in TIERS:
        rows += policy_rows(of_tier(found, problems, tier), tier)
    comparisons = [comparison(*pair, found) for pair in pairs(list(drivers))]
    write_measurement(options.out, FIRST_SEED, rows + comparisons)
    print(tables(rows, comparisons))
    print(options.out)


def pairs(names: Sequence[str]) -> list[tuple[str, str]]:
    """
    Return who is compared with whom: each training with those after it, all with the rules.

    What is exported is compared with the rules only: it is a training's own policy, rounded.
    """
    learned = [name for name in names if name not in (PLAIN, GENTLE)]
    trained = [name for name in learned if name != EXPORTED]
    return [
        *combinations(trained, 2),
        *((name, rule) for name in learned for rule in (PLAIN, GENTLE)),
    ]


def _drivers(options: Options, observer: Observer) -> dict[str, Driver]:
    drivers = {}
    for text in options.policies:
        name, _, folder = text.partition('=')
        if not name or not folder:
            raise ValueError(f'--policies has {text!r}: expected name=folder')
        drivers[name] = trained_driver(members(Path(folder)), observer)
    if options.models is not None:
        drivers[EXPORTED] = exported_driver(load_policy(options.models), observer)
    drivers[PLAIN] = plain_driver(PlainController(observer.vehicle))
    drivers[GENTLE] = plain_driver(PlainController(observer.vehicle, GENTLE_SETTINGS))
    return drivers


if __name__ == '__main__':
    sys.exit(main())
