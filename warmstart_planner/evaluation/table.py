# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The rows of driven scenes as a table, in sums, and beside the judge's verdicts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from warmstart_planner.evaluation.costs import WEIGHTS
from warmstart_planner.evaluation.judge import CHECKS
from warmstart_planner.evaluation.scenes import Row
from warmstart_planner.simulation.record import counts
from warmstart_planner.simulation.report import text_table

HEAD = (
    'scenario', 'outcome', 'judge', 'missed', 'coll.', 'off road [m]', *WEIGHTS,
    'plan p50/p99 [ms]', 'source',
)  # fmt: skip


def table(rows: Sequence[Row]) -> str:
    """Return the rows as a table for the terminal."""
    return text_table(HEAD, [_line(row) for row in rows])


def _line(row: Row) -> tuple[str, ...]:
    times = row['plan_ms']
    return (
        row['scenario'],
        row['outcome'],
        _judged(row),
        ', '.join(row['missed']) or '-',
        str(row['collisions']),
        f'{row["off_road_m"]:.2f}',
        *(f'{row["costs"][name]:.4g}' if row['costs'] else '-' for name in WEIGHTS),
        f'{_percentile(times, 50):.0f}/{_percentile(times, 99):.0f}' if times else '-',
        max(row['sources'], key=row['sources'].get, default='-'),
    )


def _judged(row: Row) -> str:
    """Return in words what the judge says."""
    verdict = row.get('judge')
    if not verdict:
        return '-'
    if verdict['error']:
        return 'error'
    failed = [name for name in CHECKS if not verdict['checks'][name]]
    return f'not {", ".join(failed)}' if failed else 'passed'


def reasons(rows: Sequence[Row]) -> str:
    """Return a line for each reason why a file was not driven, or not judged to be well driven."""
    lines = [f'{row["outcome"]}: {row["message"]}' for row in rows if row['message']]
    for row in rows:
        verdict = row.get('judge') or {}
        said = [*verdict.get('reasons', {}).items(), ('error', verdict.get('error', ''))]
        lines += [f'{row["scenario"]}, judge: {name}: {why}' for name, why in said if why]
    return '\n'.join(lines)


def own_checks(row: Row) -> dict[str, bool]:
    """Return our own answer to those of the judge's checks that we have one to."""
    return {
        'collision_free': row['collisions'] == 0,
        'on_road': row['off_road_m'] == 0.0,
        'goal': row['goal_reached'],
    }


def differences(rows: Sequence[Row]) -> str:
    """Return a line that says where our own verdict and the judge's differ; '' without a judge."""
    judged = [row for row in rows if row.get('judge') and row['judge']['checks']]
    if not judged:
        return ''
    found = [
        f'{row["scenario"]} ({name}: {"yes" if ours else "no"}, judge {"no" if ours else "yes"})'
        for row in judged
        for name, ours in own_checks(row).items()
        if ours != row['judge']['checks'][name]
    ]
    return f'ours and the judge differ in {len(found)} of {len(judged)}: ' + (
        '; '.join(found) or 'nothing'
    )


def sums(rows: Sequence[Row]) -> str:
    """Return in a line how many drives ended how, and all rungs."""
    rungs: Counter[str] = Counter()
    for row in rows:
        rungs.update(row['rungs_planner'])
    outcomes = counts([row['outcome'] for row in rows])
    return (
        f'{len(rows)} files: {_listed(outcomes)}; '
        f'{sum(row["goal_reached"] for row in rows)} at the goal; plans: {_listed(rungs)}'
    )


def summary_of(rows: Sequence[Row]) -> dict[str, Any]:
    """
    Return the sums of all rows: how many are safe, at the goal, and passed each check.

    Safe is without a collision and on the road. `judge` has the judge's counts, of the rows that
    it judged, with all checks passed under `all`. Times are of all plans [ms].
    """
    driven = [row for row in rows if row['plan_ms']]
    times = [each for row in driven for each in row['plan_ms']]
    checks = [row['judge']['checks'] for row in driven if (row.get('judge') or {}).get('checks')]
    return {
        'files': len(rows),
        'driven': len(driven),
        'outcomes': counts([row['outcome'] for row in rows]),
        'safe': sum(_safe(own_checks(row)) for row in driven),
        'goal': sum(row['goal_reached'] for row in driven),
        'judged': len(checks),
        'judge': {
            'safe': sum(map(_safe, checks)),
            **{name: sum(each[name] for each in checks) for name in CHECKS},
            'all': sum(all(each.values()) for each in checks),
        },
        'plan_ms_p50': _percentile(times, 50),
        'plan_ms_p95': _percentile(times, 95),
        'plan_ms_p99': _percentile(times, 99),
    }


def summary_lines(found: Mapping[str, Any]) -> str:
    """Return a summary in words."""
    said = (
        f'{found["driven"]} driven: {found["safe"]} safe, {found["goal"]} at the goal; '
        f'plans p50 {found["plan_ms_p50"]:.1f} ms, p95 {found["plan_ms_p95"]:.1f} ms, '
        f'p99 {found["plan_ms_p99"]:.1f} ms'
    )
    if not found['judged']:
        return f"{said}\nnot judged: make judge installs CommonRoad's own checker"
    return f'{said}\n{found["judged"]} judged: {_listed(found["judge"])}'


def _safe(checks: Mapping[str, bool]) -> bool:
    return checks['collision_free'] and checks['on_road']


def _percentile(values: Sequence[float], share: float) -> float:
    return float(np.percentile(values, share)) if len(values) else float('nan')


def _listed(numbers: Mapping[str, int]) -> str:
    return ', '.join(f'{name} {count}' for name, count in numbers.items()) or '-'
