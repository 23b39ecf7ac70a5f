# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""What the learned start has to reach, and whether it does: a checklist."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from training.experiments.figures import excess_share
from training.experiments.warmstart_candidates import CONSTRAINT_TO_GO, RELATIVE_RETURN
from training.experiments.warmstart_problems import RECORDED, TIERS
from training.experiments.warmstart_records import Record
from training.experiments.warmstart_report import (
    ALL,
    BEST_SINGLE,
    BUDGETS,
    RANDOM,
    Method,
    Results,
    Rows,
    groups,
)
from training.experiments.warmstart_strategies import (
    BEST,
    LEARNED,
    MULTI_START,
    NOISE,
    STRAIGHT_LINE,
)

FROM = 0.010  # budget from which on the learned curve has to be above [s]
STANDARD_ERRORS = 2.0  # of a paired mean difference: what counts as noise
SAME = 1e-6  # relative difference of costs that is rounding
# ANCHORS.md's trial against the straight line: infeasible with one candidate and the best of
# three, mean gap with both, iterations
TRIAL = {'infeasible': (2.0 / 12.0, 0.8 / 12.0), 'gap': (7.2 / 122.0, 1.1 / 122.0)}
TRIAL_ITERATIONS = 1.0 - 0.26


@dataclass(frozen=True)
class Check:
    """One demand, what was found, and whether that is enough."""

    demand: str
    found: str
    reached: bool


def checklist(results: Results, rows: Rows) -> list[Check]:
    """Return all checks that the records have figures for; none without a learned source."""
    if not results.has(Method(LEARNED), results.records):
        return []
    return [
        *_feasibility(results),
        *_gaps(results),
        *_iterations(results),
        *_deadlines(results),
        *_inference(rows),
        *_candidates(rows),
        *_knobs(rows),
        *_floor(results),
        *_never_worse(results),
    ]


def as_text(checks: Sequence[Check]) -> str:
    """Return a checklist as lines."""
    return '\n'.join(
        f'[{"reached" if c.reached else "NOT REACHED"}] {c.demand}: {c.found}' for c in checks
    )


def _tiers(results: Results) -> dict[str, list[Record]]:
    """Return the records by tier and over all, without single families."""
    return {
        tier: records
        for (tier, family), records in groups(results.records).items()
        if not family and tier != RANDOM
    }


def _ratios(
    results: Results, figure: Callable[[Sequence[Record], Method], float], method: Method
) -> tuple[str, float]:
    """
    Compare a method's figure with the best single start's.

    Returns:
        Both figures by tier as text, and their ratio over all problems.

    """
    parts, overall = [], np.inf
    for tier, records in _tiers(results).items():
        single = figure(records, Method(BEST_SINGLE))
        learned = figure(records, method)
        ratio = _ratio(learned, single)
        parts.append(f'{tier} {learned:.4g} / {single:.4g} = {ratio:.2f}')
        overall = ratio if tier == ALL else overall
    return '; '.join(parts), overall


def _ratio(value: float, reference: float) -> float:
    """Return value / reference; nothing of nothing is 0."""
    if value <= 0.0:
        return 0.0
    return value / reference if reference > 0.0 else np.inf


def _feasibility(results: Results) -> Iterator[Check]:
    def infeasible(records: Sequence[Record], method: Method) -> float:
        return float(np.isinf(results.gaps(records, method)).mean())

    for few, share, aim in ((1, 6, ' (aim a twentieth)'), (3, 12, '')):
        text, ratio = _ratios(results, infeasible, Method(LEARNED, few))
        demand = f'infeasible, {few} learned refined: at most 1/{share} of the single start{aim}'
        yield Check(demand, text, ratio <= 1.0 / share)
    worse = []
    for (tier, family), records in groups(results.records).items():
        single = infeasible(records, Method(BEST_SINGLE))
        learned = infeasible(records, Method(LEARNED, 1))
        if family and learned > single:
            worse.append(f'{tier}/{family} {learned:.1%} against {single:.1%} of {len(records)}')
    yield Check('no family more often infeasible', '; '.join(worse) or 'none', not worse)


def _gaps(results: Results) -> Iterator[Check]:
    def gap(records: Sequence[Record], method: Method) -> float:
        found = results.gaps(records, method)
        return float(found[np.isfinite(found)].mean()) if np.isfinite(found).any() else np.inf

    def dear(records: Sequence[Record], method: Method) -> float:
        return results.row(records, method)['share_infeasible_or_5_percent_above']

    for few in (1, 3):
        text, ratio = _ratios(results, gap, Method(LEARNED, few))
        demand = f'mean gap, {few} learned refined: at most 0.1 of the single start (aim 0.02)'
        yield Check(demand, text, ratio <= 0.1)
    text, ratio = _ratios(results, dear, Method(LEARNED, 1))
    demand = 'infeasible or more than 5 % dear: at most 1/4 of the single start'
    yield Check(demand, text, ratio <= 0.25)
    for budget in (b for b in BUDGETS if b >= FROM):
        learned, multi = (
            (
                gap(results.records, Method(s, budget=budget)),
                _excess(results, results.records, s, budget),
            )
            for s in (LEARNED, MULTI_START)
        )
        yield Check(
            f'gap within {1e3 * budget:.0f} ms: below the multi-start',
            f'{learned[0]:.1%} against {multi[0]:.1%}; with failures as excess share '
            f'{learned[1].mean():.1%} against {multi[1].mean():.1%}',
            learned[0] < multi[0] and learned[1].mean() < multi[1].mean(),
        )


def _iterations(results: Results) -> Iterator[Check]:
    for name, key, most, aim in (
        ('mean', 'iterations_mean', 0.6, 0.4),
        ('mean on the hardest tenth', 'iterations_hardest_tenth_mean', 0.4, 0.3),
    ):
        text, ratio = _ratios(
            results,
            lambda records, method, k=key: results.row(records, method)[k],
            Method(LEARNED, 1),
        )
        demand = f'iterations, {name}: at most {most} of the single start (aim {aim})'
        yield Check(demand, text, ratio <= most)


def _excess(results: Results, records: Sequence[Record], start: str, budget: float):
    """Excess shares of a start's answers within a budget, failures as 1, shape (n,)."""
    return excess_share(results.gaps(records, Method(start, budget=budget)))


def _deadlines(results: Results) -> Iterator[Check]:
    by_tier = _tiers(results)
    for tier in ('hard', RECORDED):
        for start in (LEARNED, BEST):
            if tier in by_tier:
                yield _above(results, by_tier[tier], tier, start)
    if TIERS[0] in by_tier:
        demand = f'{TIERS[0]}: {BEST} nowhere below multi-start and single start beyond noise'
        yield _nowhere_below(results, by_tier[TIERS[0]], BEST, (MULTI_START, BEST_SINGLE), demand)


def _above(results: Results, records: Sequence[Record], tier: str, start: str) -> Check:
    """Check that a curve is above both non-learned ones from FROM on."""
    parts, reached = [], True
    for budget in (b for b in BUDGETS if b >= FROM):
        rates, shares = {}, {}
        for each in (start, MULTI_START, BEST_SINGLE):
            share = _excess(results, records, each, budget)
            rates[each], shares[each] = float((share < 1.0).mean()), float(share.mean())
        others = (MULTI_START, BEST_SINGLE)
        reached &= rates[start] >= max(rates[o] for o in others)
        reached &= shares[start] < min(shares[o] for o in others)
        parts.append(
            f'{1e3 * budget:.0f} ms feasible '
            + ' / '.join(f'{rates[o]:.1%}' for o in (start, *others))
            + ', excess '
            + ' / '.join(f'{shares[o]:.1%}' for o in (start, *others))
        )
    demand = f'{tier}: {start} above multi-start and single start from {1e3 * FROM:.0f} ms on'
    return Check(demand, '; '.join(parts), reached)


def _nowhere_below(
    results: Results, records: Sequence[Record], start: str, others: Sequence[str], demand: str
) -> Check:
    """Check that a curve is nowhere below others by more than the noise of the difference."""
    parts, reached = [], True
    for budget in BUDGETS:
        ours = _excess(results, records, start, budget)
        for other in others:
            more = ours - _excess(results, records, other, budget)
            noise = STANDARD_ERRORS * more.std() / np.sqrt(len(more))
            reached &= bool(more.mean() <= noise)
            parts.append(f'{1e3 * budget:.0f} ms {other} {more.mean():+.1%} (noise {noise:.1%})')
    return Check(demand, 'excess share against ' + '; '.join(parts), reached)


def _inference(rows: Rows) -> Iterator[Check]:
    for row in rows:
        if row['tier'] == ALL and row.get('refined') == 1 and row['start'] == LEARNED:
            median, tail = row['inference_ms_median'], row['inference_ms_p99']
            demand = 'all candidates over the whole horizon: at most 6 ms (aim 3 ms)'
            yield Check(demand, f'median {median:.2f} ms, p99 {tail:.2f} ms', median <= 6.0)


def _candidates(rows: Rows) -> Iterator[Check]:
    parts, reached = [], True
    for row in rows:
        if 'collision_free_rate' in row and row['tier'] != RANDOM:
            rate = row['collision_free_rate']
            parts.append(f'{row["tier"]} {rate:.1%}')
            reached = rate >= 0.8 if row['tier'] == ALL else reached
    demand = 'candidates collision-free before SCP: at least 80 % (aim 95 %)'
    yield Check(demand, ', '.join(parts), reached)


def _knobs(rows: Rows) -> Iterator[Check]:
    for knob, figure, sign, demand in (
        (CONSTRAINT_TO_GO, 'realised_violation_mean', 1, 'more allowed, more realised violation'),
        (RELATIVE_RETURN, 'realised_cost_mean', -1, 'a higher return asked, less realised cost'),
    ):
        found = [r for r in rows if r['tier'] == ALL and r.get('knob') == knob]
        if found:
            values = np.array([row[figure] for row in found])
            text = ', '.join(
                f'{row["value"]:g}: {value:.3g}' for row, value in zip(found, values, strict=True)
            )
            yield Check(f'{knob}: {demand}', text, bool((sign * np.diff(values) > 0).all()))


def _floor(results: Results) -> Iterator[Check]:
    """Compare ratios to the straight line with those of the trial without a sequence model."""
    records = results.records
    straight = results.row(records, Method(STRAIGHT_LINE))
    for index, few in enumerate((1, 3)):
        row = results.row(records, Method(LEARNED, few))
        for name, key in (('infeasible', 'infeasible'), ('gap', 'cost_gap_mean')):
            ratio, floor = _ratio(row[key], straight[key]), TRIAL[name][index]
            demand = f'trial: {name}, {few} refined, against the straight line below {floor:.3f}'
            yield Check(demand, f'{ratio:.3f}', ratio < floor)
    row = results.row(records, Method(LEARNED, 1))
    ratio = _ratio(row['iterations_mean'], straight['iterations_mean'])
    demand = f'trial: iterations against the straight line below {TRIAL_ITERATIONS}'
    yield Check(demand, f'{ratio:.2f}', ratio < TRIAL_ITERATIONS)


def _never_worse(results: Results) -> Iterator[Check]:
    """With noise in the learned candidates' place and no budget, no answer may be dearer."""
    records = [r for r in results.records if r.run(NOISE) is not None]
    if not records:
        return
    pairs = [
        (results.answer(r, Method(NOISE)), results.answer(r, Method(MULTI_START))) for r in records
    ]
    worse = sum(noisy.cost > plain.cost * (1.0 + SAME) for noisy, plain in pairs)
    yield Check(
        'noise in place of the learned candidates, no budget: never dearer than without',
        f'{worse} of {len(records)} problems',
        worse == 0,
    )
    demand = 'noise in place of the learned candidates: nowhere below multi-start beyond noise'
    yield _nowhere_below(results, records, NOISE, (MULTI_START,), demand)
