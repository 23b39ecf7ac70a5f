# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
Rows and tables of the warm-start benchmark.

Every problem counts in every row: an infeasible or late answer lowers the feasible rate, counts as
dear, and has an excess share of 1. Gaps are to the cheapest verified answer of all runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.experiments.figures import (
    auroc,
    excess_share,
    gap_figures,
    iteration_figures,
    relative_gap,
    time_figures,
)
from training.experiments.warmstart_candidates import KNOB_VALUES
from training.experiments.warmstart_problems import RECORDED, SHIFTED, TIERS
from training.experiments.warmstart_records import UNLIMITED, Record
from training.experiments.warmstart_strategies import (
    BEST,
    GUIDED_FAST,
    GUIDED_LEARNED,
    GUIDED_WIDE,
    IQL_LSTM,
    LEARNED,
    MULTI_START,
    NOISE,
    SINGLES,
    Answer,
)

BUDGETS = (0.003, 0.005, 0.010, 0.020, 0.050, 0.100)  # from problem to verdict [s]
BEST_SINGLE = 'best_single'
RANDOM, ALL = 'random', 'all'
FEW = (1, 3)  # learned candidates that are refined in rows of their own
GUIDED = (GUIDED_FAST, GUIDED_WIDE, GUIDED_LEARNED)
CURVES = (BEST_SINGLE, MULTI_START, *GUIDED, LEARNED, IQL_LSTM, BEST, NOISE)
SOLVER = 'scp'

Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Method:
    """What a row is about: a start, how many of its candidates are refined, a time budget [s]."""

    start: str
    refined: int | None = None
    budget: float = UNLIMITED

    @property
    def names(self) -> dict[str, Any]:
        """The columns that say so; None stands for no limit."""
        limited = np.isfinite(self.budget)
        return {
            'solver': SOLVER,
            'start': self.start,
            'refined': self.refined,
            'budget_ms': round(1e3 * self.budget, 3) if limited else None,
        }


class Results:
    """Records, and which single start is the best one in each tier at each budget."""

    def __init__(self, records: Sequence[Record]) -> None:
        self.records = tuple(records)
        self._best_single: dict[tuple[str, float], str] = {}

    def has(self, method: Method, records: Sequence[Record]) -> bool:
        """Tell whether the method was run on all these records."""
        return bool(records) and all(self.answer(r, method) is not None for r in records)

    def answer(self, record: Record, method: Method) -> Answer | None:
        """Return what a method has for a problem."""
        start = method.start
        if start == BEST_SINGLE:
            start = self.best_single(record.tier, method.budget)
        return record.answer(start, method.budget, method.refined)

    def best_single(self, tier: str, budget: float = UNLIMITED) -> str:
        """
        Return the single start that serves a tier best within a budget [s].

        The one of the highest feasible rate, of equal ones that of the smallest gap.
        """
        key = (tier, budget)
        if key not in self._best_single:
            of_tier = [r for r in self.records if r.tier == tier]
            methods = [Method(start, budget=budget) for start in SINGLES]
            run = [m for m in methods if self.has(m, of_tier)]
            gaps = [gap_figures(self.gaps(of_tier, m)) for m in run]
            ranks = [(-g['feasible_rate'], np.nan_to_num(g['cost_gap_mean'])) for g in gaps]
            # where none was run, none has an answer
            best = run[ranks.index(min(ranks))] if run else methods[0]
            self._best_single[key] = best.start
        return self._best_single[key]

    def gaps(self, records: Sequence[Record], method: Method) -> NDArray[np.float64]:
        """
        Relative gaps of a method's answers to the best known, infinite where infeasible.

        An iterate below the best known has come there at the expense of margins: its gap is 0.
        """
        costs = [self._found(r, method).cost for r in records]
        return np.maximum(relative_gap(costs, [r.best_known for r in records]), 0.0)

    def row(self, records: Sequence[Record], method: Method) -> dict[str, Any]:
        """Return a method's figures on some records."""
        answers = [self._found(r, method) for r in records]
        gap = self.gaps(records, method)
        best = np.array([r.best_known for r in records])
        return {
            **method.names,
            'n': len(records),
            **gap_figures(gap),
            'infeasible': int((~np.isfinite(gap)).sum()),
            'excess_share_mean': float(excess_share(gap).mean()),
            'unsolved_by_all': int((~np.isfinite(best)).sum()),
            **iteration_figures([a.iterations for a in answers]),
            'iterations_hardest_tenth_mean': self._on_hardest(records, answers),
            **time_figures([a.seconds for a in answers]),
            **self._limits(records, method),
        }

    def _found(self, record: Record, method: Method) -> Answer:
        answer = self.answer(record, method)
        if answer is None:
            raise ValueError(f'{record.key} has no run of {method}: expected one')
        return answer

    def _on_hardest(self, records: Sequence[Record], answers: Sequence[Answer]) -> float:
        """Mean iterations on the tenth of problems that cost the best single start most."""
        single = [self._found(r, Method(BEST_SINGLE)).iterations for r in records]
        count = max(1, round(len(records) / 10))
        hardest = np.argsort(single, kind='stable')[-count:]
        return float(np.mean([answers[i].iterations for i in hardest]))

    def _limits(self, records: Sequence[Record], method: Method) -> dict[str, float]:
        """Share of runs that ended late, and what inference took where it was asked for."""
        start = method.start
        runs = [r.run(start, method.budget) for r in records if start != BEST_SINGLE]
        figures = {}
        if np.isfinite(method.budget):
            late = [self._found(r, method).seconds > method.budget for r in records]
            figures['late_rate'] = float(np.mean(late))
        times = np.array([run.inference for run in runs if run is not None])
        asked = times[np.isfinite(times)]
        if len(asked):
            figures['inference_rate'] = len(asked) / len(records)
            figures['inference_ms_median'] = 1e3 * float(np.median(asked))
            figures['inference_ms_p99'] = 1e3 * float(np.percentile(asked, 99))
        return figures


def groups(records: Sequence[Record]) -> dict[tuple[str, str], list[Record]]:
    """Return the records by tier and family: families, tiers ('' for family), and sums of both."""
    wanted: dict[str, Iterable[str]] = {
        **{tier: (tier,) for tier in (*TIERS, SHIFTED, RECORDED)},
        RANDOM: TIERS,
        ALL: (*TIERS, SHIFTED, RECORDED),
    }
    found: dict[tuple[str, str], list[Record]] = {}
    for name, tiers in wanted.items():
        of_group = [r for r in records if r.tier in tiers]
        if of_group:
            found[name, ''] = of_group
    for tier in (*TIERS, SHIFTED, RECORDED):
        of_tier = [r for r in records if r.tier == tier]
        for family in sorted({r.family for r in of_tier}):
            found[tier, family] = [r for r in of_tier if r.family == family]
    return found


def methods_of(family: str) -> list[Method]:
    """Return what rows of a group are about; of single families only the main ones."""
    few = [Method(s, k) for s in (LEARNED, IQL_LSTM) for k in FEW]
    if family:
        return [Method(BEST_SINGLE), Method(MULTI_START), *few]
    plain = [Method(s) for s in (*SINGLES, BEST_SINGLE, MULTI_START)]
    curves = [Method(s, budget=b) for s in CURVES for b in BUDGETS]
    whole = [Method(s) for s in (*GUIDED, LEARNED, IQL_LSTM)]
    return [*plain, *few, *whole, *curves]


def rows_of(results: Results) -> Rows:
    """Return all rows: of starts, of raw candidates, of knobs and of unfamiliarity."""
    rows: Rows = []
    for (tier, family), records in groups(results.records).items():
        where = {'tier': tier, 'family': family or None}
        for method in methods_of(family):
            # noise is looked at on some problems only
            of_method = [r for r in records if method.start != NOISE or r.run(NOISE) is not None]
            if results.has(method, of_method):
                rows.append({**where, **results.row(of_method, method)})
        if not family:
            rows += [{**where, **row} for row in _candidate_rows(records)]
            rows += [{**where, **row} for row in _knob_rows(records)]
    return [*rows, *_unfamiliarity_rows(results.records)]


def _candidate_rows(records: Sequence[Record]) -> Rows:
    raw = [r.raw for r in records if r.raw is not None]
    if not raw:
        return []
    return [
        {
            'start': LEARNED,
            'refined': 0,
            'n': len(raw),
            'collision_free_rate': sum(each.free for each in raw)
            / sum(each.count for each in raw),
            'best_collision_free_rate': float(np.mean([each.best_is_free for each in raw])),
            'unfamiliar_rate': float(np.mean([each.uncertainty > 1.0 for each in raw])),
        }
    ]


def _knob_rows(records: Sequence[Record]) -> Rows:
    samples = [sample for record in records for sample in record.knobs]
    rows: Rows = []
    for knob, values in KNOB_VALUES.items():
        for value in values:
            found = [s for s in samples if (s.knob, s.value) == (knob, value)]
            if found:
                rows.append(
                    {
                        'start': LEARNED,
                        'knob': knob,
                        'value': value,
                        'n': len(found),
                        'realised_cost_mean': float(np.mean([s.cost for s in found])),
                        'realised_violation_mean': float(np.mean([s.violation for s in found])),
                    }
                )
    return rows


def _unfamiliarity_rows(records: Sequence[Record]) -> Rows:
    """How well the model's score tells each other tier from the held-out random problems."""
    scores = {
        tier: [r.raw.unfamiliarity for r in records if r.tier == tier and r.raw is not None]
        for tier in (*TIERS, SHIFTED, RECORDED)
    }
    known = [score for tier in TIERS for score in scores[tier]]
    others = {t: scores[t] for t in (SHIFTED, RECORDED)}
    others['shifted and recorded'] = [*scores[SHIFTED], *scores[RECORDED]]
    return [
        {
            'tier': tier,
            'family': None,
            'start': LEARNED,
            'n': len(score),
            'auroc': auroc(known, score),
        }
        for tier, score in others.items()
        if known and score
    ]


# ---------------------------------------------------------------------------------------- as text


def tables(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return the rows as text, a table a kind."""
    parts = (_main_table(rows), _curve_table(rows), _candidate_table(rows), _knob_table(rows))
    return '\n\n'.join(part for part in parts if part)


def _main_table(rows: Sequence[Mapping[str, Any]]) -> str:
    lines = [
        f'{"tier":9} {"start":20} {"refined":>7} {"n":>5} {"infeas.":>7} {"gap":>7} {"excess":>7} '
        f'{"dear*":>6} {"iter.":>6} {"hard**":>6} {"median":>7} {"p95":>7} {"p99":>7} ms '
        f'{"inference":>9}'
    ]
    for row in rows:
        if row['family'] is None and 'cost_gap_mean' in row and row['budget_ms'] is None:
            lines.append(
                f'{row["tier"]:9} {row["start"]:20} {row["refined"] or "all":>7} {row["n"]:5} '
                f'{1 - row["feasible_rate"]:7.1%} {row["cost_gap_mean"]:7.1%} '
                f'{row["excess_share_mean"]:7.1%} '
                f'{row["share_infeasible_or_5_percent_above"]:6.1%} {row["iterations_mean"]:6.1f} '
                f'{row["iterations_hardest_tenth_mean"]:6.1f} {row["time_ms_median"]:7.2f} '
                f'{row["time_ms_p95"]:7.2f} {row["time_ms_p99"]:7.2f}    '
                f'{row.get("inference_ms_median", np.nan):9.2f}'
            )
    return '\n'.join(
        [
            *lines,
            '*  infeasible, or more than 5 % above the best known cost',
            '** mean iterations on the tenth of problems that cost the best single start most',
        ]
    )


def _curve_table(rows: Sequence[Mapping[str, Any]]) -> str:
    curves: dict[tuple[str, str], dict[float, Mapping[str, Any]]] = {}
    for row in rows:
        if row['family'] is None and row.get('budget_ms') is not None:
            curves.setdefault((row['tier'], row['start']), {})[row['budget_ms']] = row
    budgets = ''.join(f'{1e3 * budget:>14.0f} ms' for budget in BUDGETS)
    lines = [f'{"within":30}{budgets}', f'{"":30}' + f'{"feas. / excess":>17}' * len(BUDGETS)]
    for (tier, start), by_budget in curves.items():
        cells = ''.join(
            f'{row["feasible_rate"]:8.1%} /{row["excess_share_mean"]:7.1%}'
            for row in by_budget.values()
        )
        lines.append(f'{tier:9} {start:20}{cells}')
    return '\n'.join(lines) if curves else ''


def _candidate_table(rows: Sequence[Mapping[str, Any]]) -> str:
    lines = [f'{LEARNED}: candidates before refinement, at constraint-to-go 0']
    for row in rows:
        if 'collision_free_rate' in row:
            lines.append(
                f'{row["tier"]:9} collision-free: {row["collision_free_rate"]:6.1%} of all, '
                f'{row["best_collision_free_rate"]:6.1%} of the best by merit; '
                f'{row["unfamiliar_rate"]:6.1%} of the problems marked unfamiliar'
            )
        if 'auroc' in row:
            lines.append(f'{row["tier"]}: AUROC of unfamiliarity {row["auroc"]:.3f}')
    return '\n'.join(lines) if len(lines) > 1 else ''


def _knob_table(rows: Sequence[Mapping[str, Any]]) -> str:
    lines = [f'{"knob":17} {"value":>6} {"realised cost":>14} {"violation":>10}']
    for row in rows:
        if row['tier'] == ALL and 'knob' in row:
            lines.append(
                f'{row["knob"]:17} {row["value"]:6.1f} {row["realised_cost_mean"]:14.2f} '
                f'{row["realised_violation_mean"]:10.2f}'
            )
    return '\n'.join(lines) if len(lines) > 1 else ''
