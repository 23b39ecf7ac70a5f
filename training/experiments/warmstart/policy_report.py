# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
The policies' roll-outs beside the Decision Transformer's ways: rows, tables and targets.

Rows have a `kind`: `coherence` of raw candidates, `comparison` of both sources problem by
problem, and `roll_out` for the time that an ensemble takes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.experiments.common.checklist import STANDARD_ERRORS, Check, noise_of
from training.experiments.warmstart.coherence import Coherence
from training.experiments.warmstart.records import Record
from training.experiments.warmstart.report import (
    ALL,
    Method,
    Results,
    Rows,
    groups,
)
from training.experiments.warmstart.strategies import IQL_LSTM, LEARNED
from training.figures import excess_share, time_figures
from training.table import Column, table

COHERENCE, COMPARISON, ROLL_OUT = 'coherence', 'comparison', 'roll_out'
CANDIDATES = ('best', 'mean')  # of a source: the best one by merit, and the mean over all
TARGETS_MS = {30: 2.0, 60: 4.0}  # for the roll-out of an ensemble, by its steps

Array = NDArray[np.float64]


def policy_rows(results: Results) -> Rows:
    """Return all rows that the records have figures for."""
    rows: Rows = []
    for (tier, family), records in groups(results.records).items():
        if not family:
            where = {'tier': tier, 'family': None}
            rows += [{**where, **row} for row in _coherence_rows(records)]
            rows += [{**where, **row} for row in _comparison_rows(results, records)]
    return [*rows, *_roll_out_rows(results.records)]


def _coherence_rows(records: Sequence[Record]) -> Iterator[dict[str, Any]]:
    for start in (LEARNED, IQL_LSTM):
        found = [r.coherence[start] for r in records if start in r.coherence]
        for candidates in CANDIDATES if found else ():
            columns = _columns([getattr(each, candidates) for each in found])
            yield {
                'kind': COHERENCE,
                'start': start,
                'candidates': candidates,
                'n': len(found),
                **{name: float(values.mean()) for name, values in columns.items()},
            }


def _columns(ways: Sequence[Coherence]) -> dict[str, Array]:
    rows = [asdict(way) for way in ways]
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


def _comparison_rows(results: Results, records: Sequence[Record]) -> Iterator[dict[str, Any]]:
    """Compare both sources on the problems that both have been measured on."""
    methods = [Method(start) for start in (LEARNED, IQL_LSTM)]
    if all(results.has(method, records) for method in methods):
        ours, theirs = (_answers(results, records, method) for method in methods)
        for figure in ours:
            row = _difference(figure, ours[figure], theirs[figure])
            yield {'kind': COMPARISON, 'refined': None, 'candidates': None, **row}
    both = [r.coherence for r in records if {LEARNED, IQL_LSTM} <= r.coherence.keys()]
    for candidates in CANDIDATES if both else ():
        ours, theirs = (
            _columns([getattr(each[start], candidates) for each in both])
            for start in (LEARNED, IQL_LSTM)
        )
        for figure in ours:
            row = _difference(figure, ours[figure], theirs[figure])
            yield {'kind': COMPARISON, 'refined': 0, 'candidates': candidates, **row}


def _answers(results: Results, records: Sequence[Record], method: Method) -> dict[str, Array]:
    runs = results.runs(records, method)
    gaps = results.gaps(records, method)
    return {
        'infeasible_rate': np.isinf(gaps).astype(float),
        'excess_share': excess_share(gaps),
        'iterations': np.array([run.iterations for run in runs], float),
        'time_ms': 1e3 * np.array([run.seconds for run in runs]),
    }


def _difference(figure: str, transformer: Array, policy: Array) -> dict[str, Any]:
    """Return both means, and that of the paired difference with its noise."""
    more = policy - transformer
    return {
        'figure': figure,
        'n': len(more),
        LEARNED: float(transformer.mean()),
        IQL_LSTM: float(policy.mean()),
        'difference': float(more.mean()),
        'noise': noise_of(more),
    }


def _roll_out_rows(records: Sequence[Record]) -> Iterator[dict[str, Any]]:
    times = [each for record in records for each in record.roll_outs]
    for steps, members in sorted({(each.steps, each.members) for each in times}):
        of_both = [t.seconds for t in times if (t.steps, t.members) == (steps, members)]
        yield {
            'tier': ALL,
            'family': None,
            'kind': ROLL_OUT,
            'start': IQL_LSTM,
            'steps': steps,
            'members': members,
            'n': len(of_both),
            **time_figures(of_both),
        }


def policy_checklist(rows: Rows) -> list[Check]:
    """Return what the time of roll-outs has to reach, and whether it does."""
    return [
        Check(
            f'roll-out of {row["steps"]} steps, {row["members"]} members, one thread: '
            f'median at most {target:g} ms',
            f'median {row["time_ms_median"]:.2f} ms, p99 {row["time_ms_p99"]:.2f} ms',
            row['time_ms_median'] <= target,
        )
        for row in rows
        if row['kind'] == ROLL_OUT and (target := TARGETS_MS.get(row['steps'])) is not None
    ]


COHERENCE_COLUMNS = (
    Column('tier', 'tier'),
    Column('start', 'start'),
    Column('of', 'candidates'),
    Column('n', 'n', 'd'),
    Column('clear early [m]', 'clearance_early_m', '.2f'),
    Column('late [m]', 'clearance_late_m', '.2f'),
    Column('collide', 'colliding_rate', '.1%'),
    Column('late*', 'late_only_rate', '.1%'),
    Column('turns [1/s]', 'reversals_per_s', '.2f'),
    Column('jerk [m/s^3]', 'lateral_jerk', '.2f'),
    Column('end off [m]', 'end_offset_m', '.2f'),
    Column('turned [rad]', 'end_heading_rad', '.3f'),
    *(Column(f'moved {after} [m]', f'moved_{after}_m', '.2f') for after in ('1s', '3s', '6s')),
)
COHERENCE_TITLE = 'coherence of learned candidates before refinement'
COHERENCE_NOTE = '* a violation in the last third of the horizon though none in the first half'
COMPARISON_COLUMNS = (
    Column('of', lambda row: f'raw {row["candidates"]}' if row['refined'] == 0 else 'refined'),
    Column('figure', 'figure'),
    Column('n', 'n', 'd'),
    Column(LEARNED, LEARNED, '.3f'),
    Column(IQL_LSTM, IQL_LSTM, '.3f'),
    Column('difference', 'difference', '+.3f'),
    Column('noise', 'noise', '.3f'),
    Column('', lambda row: '' if abs(row['difference']) > row['noise'] else 'within noise'),
)
COMPARISON_TITLE = (
    f'{IQL_LSTM} against {LEARNED}, problem by problem (noise: {STANDARD_ERRORS:g} standard '
    'errors of the mean difference)'
)


def policy_tables(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return the rows as text, a table a kind."""
    coherent = [row for row in rows if row['kind'] == COHERENCE]
    compared = [row for row in rows if row['kind'] == COMPARISON and row['tier'] == ALL]
    parts = []
    if coherent:
        parts.append(table(COHERENCE_COLUMNS, coherent, COHERENCE_TITLE, COHERENCE_NOTE))
    if compared:
        parts.append(table(COMPARISON_COLUMNS, compared, COMPARISON_TITLE))
    return '\n\n'.join(parts)
