# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""What the starts have to reach, and whether they do: a checklist."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from training.experiments.common.checklist import Check, noise_of
from training.experiments.common.problems import RECORDED
from training.experiments.warmstart.candidates import CONSTRAINT_TO_GO, RELATIVE_RETURN
from training.experiments.warmstart.records import UNLIMITED, Record
from training.experiments.warmstart.report import (
    ALL,
    BUDGETS,
    RANDOM,
    Method,
    Results,
    Rows,
    groups,
)
from training.experiments.warmstart.strategies import (
    GUIDED_FAST,
    GUIDED_LESS,
    LEARNED,
    MIX,
    NOISE,
    PLAIN,
)
from training.figures import DEAR

SAME = 0.01  # relative difference of costs that margins account for
EXCESS = {0.005: 0.15, 0.010: 0.03, 0.020: 0.015}  # at most, by budget [s]
FEASIBLE_WITHIN = 0.010  # [s]
FEASIBLE = {ALL: 0.98, 'hard': 0.97, RECORDED: 0.97}  # at least
EXCESS_TO_THE_END, DEAR_TO_THE_END = 0.010, 0.045
INFERENCE_MS = 6.0
COLLISION_FREE = 0.8


def checklist(results: Results, rows: Rows) -> list[Check]:
    """Return all checks that the records have figures for; none without a learned source."""
    if not results.has(Method(LEARNED), results.records):
        return []
    return [
        *_excess(results),
        *_feasibility(results),
        *_to_the_end(results),
        *_noise(results),
        *_against_plain(results),
        *_inference(rows),
        *_candidates(rows),
        *_knobs(rows),
    ]


def _tiers(results: Results) -> dict[str, list[Record]]:
    """Return the records by tier and over all, without single families."""
    return {
        tier: records
        for (tier, family), records in groups(results.records).items()
        if not family and tier != RANDOM
    }


def _excess(results: Results) -> Iterator[Check]:
    for budget, most in EXCESS.items():
        found = {
            tier: results.excess(records, Method(MIX, budget)).mean()
            for tier, records in _tiers(results).items()
        }
        demand = f'{MIX} within {_ms(budget)}: excess of all at most {most:.1%}'
        yield Check(demand, _shares(found), bool(found[ALL] <= most))


def _feasibility(results: Results) -> Iterator[Check]:
    by_tier = _tiers(results)
    found = {
        tier: np.isfinite(results.gaps(records, Method(MIX, FEASIBLE_WITHIN))).mean()
        for tier, records in by_tier.items()
    }
    asked = {tier: least for tier, least in FEASIBLE.items() if tier in by_tier}
    demand = f'{MIX} within {_ms(FEASIBLE_WITHIN)}: feasible at least ' + _shares(asked)
    reached = all(found[tier] >= least for tier, least in asked.items())
    yield Check(demand, _shares(found), bool(reached))


def _to_the_end(results: Results) -> Iterator[Check]:
    records = results.records
    gaps = results.gaps(records, Method(MIX))
    excess, dear = results.excess(records, Method(MIX)).mean(), (gaps > DEAR).mean()
    demand = f'{MIX} to the end: excess at most {EXCESS_TO_THE_END:.1%}'
    yield Check(demand, f'{excess:.2%}', bool(excess <= EXCESS_TO_THE_END))
    demand = f'{MIX} to the end: dear or infeasible at most {DEAR_TO_THE_END:.1%}'
    yield Check(demand, f'{dear:.1%}', bool(dear <= DEAR_TO_THE_END))
    missed = [
        f'{record.key} ({", ".join(solved)})'
        for record, gap in zip(records, gaps, strict=True)
        if np.isinf(gap) and (solved := _who_solves(record))
    ]
    demand = f'{MIX} to the end: solves whatever any other start solves'
    yield Check(demand, f'not {"; ".join(missed)}' if missed else 'all', not missed)


def _who_solves(record: Record) -> list[str]:
    runs = {start: record.run(start) for start in record.runs}
    return [start for start, run in runs.items() if run is not None and run.feasible]


def _noise(results: Results) -> Iterator[Check]:
    """Useless candidates may cost the time that they take to be proposed, and nothing else."""
    records = results.records
    parts, reached = [], True
    for budget in BUDGETS:
        less = Method(GUIDED_LESS, budget)
        if results.has(less, records):
            more = results.excess(records, Method(NOISE, budget)) - results.excess(records, less)
            reached &= more.mean() <= noise_of(more)
            parts.append(f'{_ms(budget)} {more.mean():+.2%} (noise {noise_of(more):.2%})')
    if parts:
        demand = f'{NOISE}: nowhere worse than {GUIDED_FAST} with the time that inference leaves'
        yield Check(demand, 'excess ' + '; '.join(parts), bool(reached))
    noisy, plain = (
        np.array([run.cost for run in results.runs(records, Method(start))])
        for start in (NOISE, GUIDED_FAST)
    )
    worse = int((noisy > plain * (1.0 + SAME)).sum())
    demand = f'{NOISE} to the end: never more than {SAME:.0%} dearer than {GUIDED_FAST}'
    yield Check(demand, f'{worse} of {len(records)} problems', worse == 0)


def _against_plain(results: Results) -> Iterator[Check]:
    """Both the learned start alone and the mix, whatever comes of it."""
    records = results.records
    for start in (LEARNED, MIX):
        for budget in (*BUDGETS, UNLIMITED):
            plain = {
                each: results.excess(records, method)
                for each in PLAIN
                if results.has(method := Method(each, budget), records)
            }
            best = min(plain, key=lambda each: plain[each].mean())
            ours = results.excess(records, Method(start, budget))
            more = ours - plain[best]
            yield Check(
                f'{start} {_within(budget)}: less excess than the strongest plain start',
                f'{ours.mean():.2%} against {plain[best].mean():.2%} of {best} '
                f'(difference {more.mean():+.2%}, noise {noise_of(more):.2%})',
                bool(more.mean() < -noise_of(more)),
            )


def _inference(rows: Rows) -> Iterator[Check]:
    for row in rows:
        if row['tier'] == ALL and row['start'] == LEARNED and 'inference_ms_median' in row:
            median, tail = row['inference_ms_median'], row['inference_ms_p99']
            demand = f'all candidates over the whole horizon: at most {INFERENCE_MS:g} ms'
            found = f'median {median:.2f} ms, p99 {tail:.2f} ms on this machine'
            yield Check(demand, found, median <= INFERENCE_MS)
            return


def _candidates(rows: Rows) -> Iterator[Check]:
    found = {
        row['tier']: row['collision_free_rate']
        for row in rows
        if 'collision_free_rate' in row and row['tier'] != RANDOM
    }
    if found:
        demand = f'candidates collision-free before SCP: at least {COLLISION_FREE:.0%}'
        yield Check(demand, _shares(found), found[ALL] >= COLLISION_FREE)


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


def _shares(found: dict[str, float]) -> str:
    return ', '.join(f'{name} {share:.1%}' for name, share in found.items())


def _ms(budget: float) -> str:
    return f'{1e3 * budget:.0f} ms'


def _within(budget: float) -> str:
    return f'within {_ms(budget)}' if np.isfinite(budget) else 'to the end'
