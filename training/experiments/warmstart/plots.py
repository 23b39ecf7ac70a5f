# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Pictures of the warm-start benchmark, drawn from its rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain, cycle
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from training.experiments.warmstart.candidates import (
    CONSTRAINT_TO_GO,
    KNOB_VALUES,
    RELATIVE_RETURN,
)
from training.experiments.warmstart.coherence import MOMENTS
from training.experiments.warmstart.policy_report import COHERENCE
from training.experiments.warmstart.report import ALL, RANDOM
from training.experiments.warmstart.strategies import (
    BUNDLE_BEST,
    COLD_LANES,
    COLD_MANY,
    GUIDED_FAST,
    GUIDED_LESS,
    GUIDED_WIDE,
    IQL_LSTM,
    LEARNED,
    MIX,
    NOISE,
    SEQUENTIAL,
    STRAIGHT_LINE,
    ZERO_CONTROL,
)
from warmstart_planner.proposals.cold_bundle import ColdBundle
from warmstart_planner.proposals.guided import Guided

DPI = 130
SHARES = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0)  # marked on the axis [%]
LEAST_SHOWN = SHARES[0]  # less is shown as this much
LOOKS = {
    STRAIGHT_LINE: ('straight line', '#bbbbbb', 's'),
    ZERO_CONTROL: ('no control', '#888888', 'x'),
    BUNDLE_BEST: ('best of the cold bundle', '#555555', '+'),
    SEQUENTIAL: ('sequential multi-start', 'black', '*'),
    COLD_LANES: ('cold bundle', '#56b4e9', '^'),
    COLD_MANY: ('many cold starts', '#0072b2', 'p'),
    GUIDED_FAST: ('guided, fast', '#e69f00', '<'),
    GUIDED_WIDE: ('guided, wide', '#8c564b', '>'),
    IQL_LSTM: ('IQL-LSTM', '#9467bd', 'v'),
    LEARNED: ('Decision Transformer', '#d62728', 'o'),
    MIX: ('guided and Decision Transformer', '#2ca02c', 'D'),
    NOISE: ('guided and noise', '#f781bf', 'd'),
}
PARTS = {
    'posing': ('posing', '#bbbbbb'),
    STRAIGHT_LINE: ('straight line', '#555555'),
    ZERO_CONTROL: ('no control', '#888888'),
    ColdBundle.name: ('cold bundle', '#56b4e9'),
    Guided.name: ('guided search', '#e69f00'),
    LEARNED: ('Decision Transformer but for inference', '#f4a3a3'),
    IQL_LSTM: ('IQL-LSTM but for inference', '#cdb8e0'),
    NOISE: ('noise, held back', '#f781bf'),
    'inference': ('inference', '#d62728'),
    'refinement': ('refinement', '#2ca02c'),
    'verification': ('verification', '#0072b2'),
    'rest': ('rest', '#eeeeaa'),
}
# of sources of other packages, one after the other
OTHER_COLORS = ('#17becf', '#bcbd22', '#1b7837', '#762a83', '#b35806', '#35978f')
OTHER_MARKERS = ('h', '8', 'P', 'X', '1', '2')
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
    Draw the excess share over the time budget, a panel a tier.

    Returns:
        Whether there was anything to draw.

    Raises:
        OSError: the file cannot be written.

    """
    curves = [r for r in rows if r['family'] is None and r.get('budget_ms') is not None]
    tiers = [t for t in dict.fromkeys(r['tier'] for r in curves) if t != RANDOM]
    if not tiers:
        return False
    columns = min(len(tiers), 3)
    lines = -(-len(tiers) // columns)
    figure = _figure(3.9 * columns, 3.1 * lines + 1.1)
    axes = figure.subplots(lines, columns, sharex=True, sharey=True, squeeze=False).ravel()
    for axis, tier in zip(axes, tiers, strict=False):
        of_tier = [r for r in curves if r['tier'] == tier]
        _curves(axis, of_tier)
        axis.set_title(f'{tier}, {of_tier[0]["n"]} problems', fontsize='medium')
    for axis in axes[len(tiers) :]:
        axis.remove()
    for axis in axes[max(len(tiers) - columns, 0) : len(tiers)]:
        axis.set_xlabel('budget on the reference machine [ms]')
        axis.tick_params(labelbottom=True)
    figure.supylabel('excess share, failures as 100 [%]', fontsize='medium')
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc='outside lower center', ncols=4, fontsize='small')
    _save(figure, path)
    return True


def draw_parts(path: Path, rows: Rows) -> bool:
    """
    Draw where the time of a plan to the end goes, a bar a start.

    Returns:
        Whether there was anything to draw.

    Raises:
        OSError: the file cannot be written.

    """
    found = {
        row['start']: row['time_ms_parts']
        for row in rows
        if row['tier'] == ALL and 'time_ms_parts' in row and row['budget_ms'] is None
    }
    looks = _looks(found)
    shown = [start for start in looks if start in found]
    if not shown:
        return False
    totals = [sum(found[start].values()) for start in shown]
    longest = max(totals)
    figure = _figure(9.5, 0.36 * len(shown) + 1.9)
    axis = figure.subplots()
    left = np.zeros(len(shown))
    for part, (label, color) in _parts(found.values()).items():
        widths = np.array([found[start].get(part, 0.0) for start in shown])
        if widths.any():
            axis.barh(range(len(shown)), widths, left=left, color=color, label=label)
            left += widths
    for place, total in enumerate(totals):
        axis.text(total + 0.006 * longest, place, f'{total:.1f}', va='center', fontsize='small')
    axis.set_xlim(0.0, 1.08 * longest)
    axis.set_yticks(range(len(shown)), [looks[start][0] for start in shown])
    axis.invert_yaxis()
    axis.set_xlabel('time of a plan to the end, mean over all problems, on this machine [ms]')
    axis.grid(alpha=0.3, axis='x')
    axis.set_axisbelow(True)
    figure.legend(loc='outside lower center', ncols=4, fontsize='small')
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


def _looks(starts: Iterable[str]) -> dict[str, tuple[str, str, str]]:
    """Return label, colour and marker of all starts, those of other packages by their names."""
    others = (start for start in dict.fromkeys(starts) if start not in (*LOOKS, GUIDED_LESS))
    looks = zip(others, cycle(OTHER_COLORS), cycle(OTHER_MARKERS), strict=False)
    return LOOKS | {start: (start, color, marker) for start, color, marker in looks}


def _parts(found: Iterable[Mapping[str, float]]) -> dict[str, tuple[str, str]]:
    """Return label and colour of all parts, those of other packages' sources by their names."""
    others = (name for name in dict.fromkeys(chain.from_iterable(found)) if name not in PARTS)
    looks = zip(others, cycle(OTHER_COLORS), strict=False)
    return PARTS | {name: (name, color) for name, color in looks}


def _curves(axis: Axes, rows: Rows) -> None:
    for start, (label, color, marker) in _looks(row['start'] for row in rows).items():
        points = [r for r in rows if r['start'] == start]
        if points:
            axis.plot(
                [r['budget_ms'] for r in points],
                [max(100 * r['excess_share_mean'], LEAST_SHOWN) for r in points],
                color=color,
                marker=marker,
                markersize=5,
                linewidth=2.0 if start == MIX else 1.2,
                label=label,
            )
    axis.set_xscale('log')
    axis.set_yscale('log')
    budgets = sorted({r['budget_ms'] for r in rows})
    axis.set_xticks(budgets, [f'{budget:g}' for budget in budgets], minor=False)
    axis.set_yticks(SHARES, [f'{share:g}' for share in SHARES], minor=False)
    axis.set_ylim(0.8 * LEAST_SHOWN, 130.0)
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
