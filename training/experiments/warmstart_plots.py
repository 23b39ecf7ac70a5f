# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Pictures of the warm-start benchmark, drawn from its rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from training.experiments.warmstart_candidates import (
    CONSTRAINT_TO_GO,
    KNOB_VALUES,
    RELATIVE_RETURN,
)
from training.experiments.warmstart_coherence import MOMENTS
from training.experiments.warmstart_policy_report import COHERENCE
from training.experiments.warmstart_report import ALL, BEST_SINGLE, RANDOM
from training.experiments.warmstart_strategies import (
    BEST,
    GUIDED_FAST,
    GUIDED_WIDE,
    IQL_LSTM,
    LEARNED,
    MULTI_START,
)

DPI = 130
LOOKS = {
    BEST_SINGLE: ('best single start', '#888888', 's'),
    MULTI_START: ('multi-start', '#1f77b4', '^'),
    GUIDED_FAST: ('guided, fast', '#e69f00', '<'),
    GUIDED_WIDE: ('guided, wide', '#8c564b', '>'),
    LEARNED: ('decision transformer', '#d62728', 'o'),
    IQL_LSTM: ('IQL-LSTM', '#9467bd', 'v'),
    BEST: ('both together', '#2ca02c', 'D'),
}
KNOB_TITLES = {
    RELATIVE_RETURN: ('relative return asked for', 'realised_cost_mean', 'realised cost'),
    CONSTRAINT_TO_GO: (
        'constraint-to-go allowed',
        'realised_violation_mean',
        'realised constraint-to-go',
    ),
}

Rows = Sequence[Mapping[str, Any]]


def draw_deadlines(path: Path, rows: Rows) -> bool:
    """
    Draw feasible rate and excess share over the time budget, a column a tier.

    Returns:
        Whether there was anything to draw.

    Raises:
        OSError: the file cannot be written.

    """
    curves = [r for r in rows if r['family'] is None and r.get('budget_ms') is not None]
    tiers = [t for t in dict.fromkeys(r['tier'] for r in curves) if t not in (RANDOM, ALL)]
    if not tiers:
        return False
    figure = _figure(3.1 * len(tiers), 5.6)
    axes = figure.subplots(2, len(tiers), sharex=True, sharey='row', squeeze=False)
    for column, tier in enumerate(tiers):
        of_tier = [r for r in curves if r['tier'] == tier]
        for row, key in enumerate(('feasible_rate', 'excess_share_mean')):
            _curves(axes[row][column], of_tier, key)
        axes[0][column].set_title(f'{tier} ({of_tier[0]["n"]})')
        axes[1][column].set_xlabel('budget from problem to verdict [ms]')
    axes[0][0].set_ylabel('feasible [%]')
    axes[1][0].set_ylabel('cost in excess of the best known,\ninfeasible as 100 [%]')
    axes[1][0].legend(fontsize='small')
    _save(figure, path)
    return True


def draw_knobs(path: Path, rows: Rows) -> bool:
    """
    Draw what the learned candidates do before refinement against what was asked of them.

    Returns:
        Whether there was anything to draw.

    Raises:
        OSError: the file cannot be written.

    """
    found = [r for r in rows if 'knob' in r and r['tier'] != RANDOM]
    if not found:
        return False
    figure = _figure(9.0, 3.8)
    for axis, knob in zip(figure.subplots(1, len(KNOB_VALUES)), KNOB_VALUES, strict=True):
        title, key, label = KNOB_TITLES[knob]
        for tier in dict.fromkeys(r['tier'] for r in found):
            points = [r for r in found if (r['tier'], r['knob']) == (tier, knob)]
            style = {'color': 'black', 'linewidth': 2.0} if tier == ALL else {'alpha': 0.7}
            axis.plot(
                [r['value'] for r in points], [r[key] for r in points], 'o-', label=tier, **style
            )
        axis.set_xlabel(title)
        axis.set_ylabel(f'{label}, before SCP')
        axis.grid(alpha=0.3)
    axis.legend(fontsize='small')
    _save(figure, path)
    return True


def draw_coherence(path: Path, rows: Rows) -> bool:
    """
    Draw how the learned candidates hang together over the horizon, before refinement.

    Returns:
        Whether there was anything to draw.

    Raises:
        OSError: the file cannot be written.

    """
    found = [r for r in rows if r['kind'] == COHERENCE and r['candidates'] == 'best']
    if not found:
        return False
    tiers = [t for t in dict.fromkeys(r['tier'] for r in found) if t not in (RANDOM, ALL)]
    starts = list(dict.fromkeys(r['start'] for r in found))
    figure = _figure(11.0, 3.6)
    kept, late, moved = figure.subplots(1, 3)
    for place, start in enumerate(starts):
        label, color, marker = LOOKS[start]
        by_tier = {r['tier']: r for r in found if r['start'] == start}
        everywhere = by_tier[ALL]
        kept.plot(
            ['first half', 'last third'],
            [everywhere['clearance_early_m'], everywhere['clearance_late_m']],
            color=color,
            marker=marker,
            label=label,
        )
        late.bar(
            [i + 0.4 * (place - (len(starts) - 1) / 2) for i in range(len(tiers))],
            [100 * by_tier[t]['late_only_rate'] if t in by_tier else 0.0 for t in tiers],
            width=0.4,
            color=color,
        )
        moved.plot(
            MOMENTS,
            [everywhere[f'moved_{moment:.0f}s_m'] for moment in MOMENTS],
            color=color,
            marker=marker,
        )
    kept.set_ylabel('least clearance [m]')
    late.set_xticks(range(len(tiers)), tiers)
    late.set_ylabel('violating late though not early [%]')
    moved.set_xlabel('time into the plan [s]')
    moved.set_ylabel('moved by refinement [m]')
    kept.axhline(0.0, color='black', linewidth=0.8)
    for axis in (late, moved):
        axis.set_ylim(bottom=0.0)
    for axis in (kept, late, moved):
        axis.grid(alpha=0.3)
    kept.legend(fontsize='small')
    _save(figure, path)
    return True


def _curves(axis: Axes, rows: Rows, key: str) -> None:
    for start, (label, color, marker) in LOOKS.items():
        points = [r for r in rows if r['start'] == start]
        if points:
            axis.plot(
                [r['budget_ms'] for r in points],
                [100 * r[key] for r in points],
                color=color,
                marker=marker,
                label=label,
            )
    axis.set_xscale('log')
    ticks = sorted({r['budget_ms'] for r in rows})
    axis.set_xticks(ticks, [f'{tick:g}' for tick in ticks], minor=False)
    axis.minorticks_off()
    axis.grid(alpha=0.3)


def _figure(width: float, height: float) -> Figure:
    figure = Figure(figsize=(width, height), dpi=DPI, layout='constrained')
    FigureCanvasAgg(figure)
    return figure


def _save(figure: Figure, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # no date or version in it, so that equal figures make equal files
    figure.savefig(path, metadata={'Software': None})
