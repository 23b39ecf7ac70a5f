# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""How the curves over time look in all pictures."""

from __future__ import annotations

from matplotlib.axes import Axes

from warmstart_planner.simulation.pictures import view


def lighten(ax: Axes) -> None:
    """Give axes a light grid behind the curves, small labels, and no frame but the time axis."""
    ax.grid(color='#e4e7eb', lw=0.8)
    ax.set_axisbelow(True)
    ax.tick_params(labelsize=8, colors=view.INK, length=0)
    ax.yaxis.label.set_size(9)
    for side in ('top', 'right', 'left'):
        ax.spines[side].set_visible(False)
    ax.margins(x=0.01)
