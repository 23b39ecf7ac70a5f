# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
Rows and tables of the warm-start benchmark.

Every problem counts in every row: an infeasible or late plan lowers the feasible rate, counts as
dear, and has an excess share of 1. Gaps are to the cheapest verified plan of all runs to the end.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.experiments.common.problems import DRIVEN, KINDS, RECORDED, SHIFTED, TIERS
from training.experiments.warmstart.candidates import KNOB_VALUES
from training.experiments.warmstart.records import UNLIMITED, Record
from training.experiments.warmstart.strategies import (
    GUIDED_LESS,
    IQL_LSTM,
    LEARNED,
    MIX,
    NOISE,
    PLAIN,
    WITHOUT_MODEL,
    Run,
)
from training.figures import (
    auroc,
    excess_share,
    gap_figures,
    iteration_figures,
    relative_gap,
    time_figures,
)
from training.table import Column, table

# from problem to verdict, on the reference machine [s]
BUDGETS = (0.001, 0.002, 0.003, 0.005, 0.010, 0.020, 0.050, 0.100)
RANDOM, ALL = 'random', 'all'
STARTS = (*PLAIN, LEARNED, IQL_LSTM, MIX, NOISE)
SOLVER = 'scp'

Array = NDArray[np.float64]
Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Method:
    """What a row is about: a start and a time budget of the reference machine [s]."""

    start: str
    budget: float = UNLIMITED

    @property
    def names(self) -> dict[str, Any]:
        """The columns that say so; None stands for no limit."""
        return {
            'solver': SOLVER,
            'start': self.start,
            'refined': None,
            'budget_ms': round(1e3 * self.budget, 3) if np.isfinite(self.budget) else None,
        }


class Results:
    """Records, and what methods came to on them."""

    def __init__(self, records: Sequence[Record]) -> None:
        self.records = tuple(records)

    @property
    def slowness(self) -> float:
        """This machine's times over the reference machine's, in the mean."""
        return float(np.mean([record.slowness for record in self.records]))

    @property
    def starts(self) -> tuple[str, ...]:
        """All starts of the tables, those with sources of other packages last."""
        run = {start: None for record in self.records for start in record.runs}
        return (*STARTS, *(start for start in run if start not in (*STARTS, GUIDED_LESS)))

    def has(self, method: Method, records: Sequence[Record]) -> bool:
        """Tell whether the method was run on all these records."""
        return bool(records) and all(r.run(method.start, method.budget) for r in records)

    def runs(self, records: Sequence[Record], method: Method) -> list[Run]:
        """
        Return a method's runs.

        Raises:
            ValueError: a record has none.

        """
        found = []
        for record in records:
            run = record.run(method.start, method.budget)
            if run is None:
                raise ValueError(f'{record.key} has no run of {method}: expected one')
            found.append(run)
        return found

    def gaps(self, records: Sequence[Record], method: Method) -> NDArray[np.float64]:
        """
        Relative gaps of a method's plans to the best known, infinite where infeasible.

        An iterate below the best known has come there at the expense of margins: its gap is 0.
        """
        costs = [run.cost for run in self.runs(records, method)]
        return np.maximum(relative_gap(costs, [r.best_known for r in records]), 0.0)

    def excess(self, records: Sequence[Record], method: Method) -> NDArray[np.float64]:
        """Excess shares of a method's plans, failures as 1, shape (n,)."""
        return excess_share(self.gaps(records, method))

    def row(self, records: Sequence[Record], method: Method) -> dict[str, Any]:
        """Return a method's figures on some records."""
        runs = self.runs(records, method)
        gap = self.gaps(records, method)
        best = np.array([r.best_known for r in records])
        return {
            **method.names,
            'n': len(records),
            **gap_figures(gap),
            'infeasible': int((~np.isfinite(gap)).sum()),
            'excess_share_mean': float(excess_share(gap).mean()),
            'unsolved_by_all': int((~np.isfinite(best)).sum()),
            **iteration_figures([run.iterations for run in runs]),
            'candidates_mean': float(np.mean([run.candidates for run in runs])),
            **time_figures([run.seconds for run in runs]),
            'time_ms_parts': _parts(runs),
            **_limits(runs, method),
        }


def _parts(runs: Sequence[Run]) -> dict[str, float]:
    """Mean time of the parts of a plan [ms]; of sources what is not inference."""
    sums: dict[str, float] = {}
    for run in runs:
        spent = run.spent
        parts = {
            'posing': spent.posing,
            **spent.proposing,
            'inference': spent.inference,
            'refinement': spent.refinement,
            'verification': spent.verification,
        }
        parts['rest'] = run.seconds - sum(parts.values()) + spent.inference
        for name in spent.proposing:
            if name not in WITHOUT_MODEL:
                parts[name] -= spent.inference
        for name, seconds in parts.items():
            sums[name] = sums.get(name, 0.0) + seconds
    return {name: 1e3 * total / len(runs) for name, total in sums.items()}


def _limits(runs: Sequence[Run], method: Method) -> dict[str, float]:
    """Share of runs that ended late, and what a learned or outside source took where asked."""
    figures = {}
    if np.isfinite(method.budget):
        figures['late_rate'] = float(np.mean([run.late for run in runs]))
    proposing = [run.spent.proposing for run in runs]
    asked = [s for each in proposing for name, s in each.items() if name not in WITHOUT_MODEL]
    if asked:
        figures['inference_rate'] = len(asked) / len(runs)
        figures['inference_ms_median'] = 1e3 * float(np.median(asked))
        figures['inference_ms_p99'] = 1e3 * float(np.percentile(asked, 99))
    return figures


def groups(records: Sequence[Record]) -> dict[tuple[str, str], list[Record]]:
    """Return the records by tier and family: families, tiers ('' for family), and sums of both."""
    wanted: dict[str, Iterable[str]] = {
        **{tier: (tier,) for tier in KINDS},
        RANDOM: TIERS,
        ALL: KINDS,
    }
    found: dict[tuple[str, str], list[Record]] = {}
    for name, tiers in wanted.items():
        of_group = [r for r in records if r.tier in tiers]
        if of_group:
            found[name, ''] = of_group
    for tier in KINDS:
        of_tier = [r for r in records if r.tier == tier]
        for family in sorted({r.family for r in of_tier}):
            found[tier, family] = [r for r in of_tier if r.family == family]
    return found


def methods_of(family: str, starts: Sequence[str]) -> list[Method]:
    """Return what rows of a group are about; of single families only starts to the end."""
    whole = [Method(start) for start in starts]
    curves = [Method(start, budget) for start in (*starts, GUIDED_LESS) for budget in BUDGETS]
    return whole if family else [*whole, *curves]


def rows_of(results: Results) -> Rows:
    """Return all rows: of starts, of raw candidates, of knobs and of unfamiliarity."""
    rows: Rows = []
    for (tier, family), records in groups(results.records).items():
        where = {'tier': tier, 'family': family or None}
        for method in methods_of(family, results.starts):
            if results.has(method, records):
                rows.append({**where, **results.row(records, method)})
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
        for tier in KINDS
    }
    known = [score for tier in TIERS for score in scores[tier]]
    others = {t: scores[t] for t in (SHIFTED, RECORDED, DRIVEN)}
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


MAIN_COLUMNS = (
    Column('tier', 'tier'),
    Column('start', 'start'),
    Column('n', 'n', 'd'),
    Column('infeasible', lambda row: 1.0 - row['feasible_rate'], '.1%'),
    Column('gap', 'cost_gap_mean', '.1%'),
    Column('excess', 'excess_share_mean', '.1%'),
    Column('dear*', 'share_infeasible_or_5_percent_above', '.1%'),
    Column('starts', 'candidates_mean', '.1f'),
    Column('iterations', 'iterations_mean', '.1f'),
    *(Column(f'{share} [ms]', f'time_ms_{share}', '.2f') for share in ('median', 'p95', 'p99')),
    Column('inference [ms]', 'inference_ms_median', '.2f'),
)
MAIN_NOTE = '* infeasible, or more than 5 % above the best known cost'
CANDIDATE_COLUMNS = (
    Column('tier', 'tier'),
    Column('collision-free', 'collision_free_rate', '.1%'),
    Column('the best by merit', 'best_collision_free_rate', '.1%'),
    Column('problems marked unfamiliar', 'unfamiliar_rate', '.1%'),
    Column('AUROC of unfamiliarity', 'auroc', '.3f'),
)
CANDIDATE_TITLE = f'{LEARNED}: candidates before refinement, at constraint-to-go 0'
KNOB_COLUMNS = (
    Column('knob', 'knob'),
    Column('value', 'value', '.1f'),
    Column('realised cost', 'realised_cost_mean', '.2f'),
    Column('violation', 'realised_violation_mean', '.2f'),
)


def tables(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return the rows as text, a table a kind."""
    whole = [row for row in rows if row['family'] is None]
    to_the_end = [row for row in whole if 'cost_gap_mean' in row and row['budget_ms'] is None]
    raw = [row for row in rows if 'collision_free_rate' in row or 'auroc' in row]
    turned = [row for row in rows if row['tier'] == ALL and 'knob' in row]
    parts = (
        table(MAIN_COLUMNS, to_the_end, note=MAIN_NOTE),
        _curve_table(whole),
        table(CANDIDATE_COLUMNS, raw, CANDIDATE_TITLE) if raw else '',
        table(KNOB_COLUMNS, turned) if turned else '',
    )
    return '\n\n'.join(part for part in parts if part)


def _curve_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Excess share and feasible share within each budget."""
    curves: dict[tuple[str, str], dict[str, Any]] = {}
    for row in rows:
        if row.get('budget_ms') is not None:
            tier, start = row['tier'], row['start']
            curve = curves.setdefault((tier, start), {'tier': tier, 'start': start})
            curve[f'{row["budget_ms"]:g} ms'] = (
                f'{row["excess_share_mean"]:.1%} / {row["feasible_rate"]:.1%}'
            )
    if not curves:
        return ''
    budgets = (f'{1e3 * budget:g} ms' for budget in BUDGETS)
    columns = [Column('tier', 'tier'), Column('start', 'start')]
    columns += [Column(budget, budget, '>') for budget in budgets]
    return table(columns, curves.values(), 'excess / feasible within')
