# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""One picture of a drive: the map with the driven path, and what the car did over time."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cm import ScalarMappable
from matplotlib.collections import LineCollection
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Polygon
from matplotlib.transforms import Transform, offset_copy
from numpy.typing import NDArray

from warmstart_planner.problem import goal_station
from warmstart_planner.scenarios.scenario import Scenario
from warmstart_planner.simulation.pictures import view
from warmstart_planner.simulation.pictures.axes import lighten
from warmstart_planner.simulation.record import DriveRecord
from warmstart_planner.simulation.report import centers, clearances
from warmstart_planner.vehicle import SPEED, STEERING

WIDTH = 12.0  # of the picture [inch]
DPI = 130
ROW_WIDTH = 10.7  # of the map [inch]
ROW_LENGTH = 110.0  # a straight drive longer than this is folded into rows [m]
ROW_GAP = 0.12  # [inch]
MAX_ROWS = 3
MAX_ROW_HEIGHT = 4.5  # [inch]
STRAIGHT = 0.15  # a drive that is less wide than this share of its length can be folded
HEADLINE_HEIGHT = 0.6  # [inch]
SERIES_HEIGHT = 3.5  # [inch]
MARGIN = 8.0  # of the map before and behind the driven path [m]
ROOM = 20.0  # beside the driven path, that the map shows at most [m]
SPACING = 14.0  # driven at least between two instants that are shown [m]
INSTANTS = 6  # shown in a row at most
COLORS = 'plasma'


def draw_picture(path: str | Path, scenario: Scenario, record: DriveRecord) -> None:
    """
    Draw a drive into a PNG file.

    Above, the map: lanes, the driven path coloured by speed, the goal, and the car at a few
    instants. It is divided into a part for each instant, which shows the traffic of that instant
    alone: what lies side by side was there at the same time. A long straight drive is folded into
    rows. Below, speed, steering, acceleration and clearance over time.

    Raises:
        OSError: the file cannot be written.

    """
    speed = record.states[:, SPEED]
    norm = Normalize(max(float(speed.min()) - 0.5, 0.0), float(speed.max()) + 0.5)
    rows = _rows(scenario, record, norm)
    heights = [row.height for row in rows]
    map_height = sum(heights) + ROW_GAP * (len(rows) - 1) + HEADLINE_HEIGHT
    figure = Figure(figsize=(WIDTH, map_height + SERIES_HEIGHT), dpi=DPI, facecolor=view.PAPER)
    FigureCanvasAgg(figure)
    upper, lower = figure.subfigures(2, 1, height_ratios=[map_height, SERIES_HEIGHT])
    top = map_height - HEADLINE_HEIGHT
    for row, height in zip(rows, heights, strict=True):
        box = (0.03, (top - height) / map_height, ROW_WIDTH / WIDTH, height / map_height)
        row.draw(upper.add_axes(box))
        top -= height + ROW_GAP
    scale = upper.add_axes((0.94, 0.0, 0.012, 1 - HEADLINE_HEIGHT / map_height))
    bar = upper.colorbar(ScalarMappable(norm, COLORS), cax=scale)
    bar.set_label('speed [m/s]', color=view.INK, fontsize=9)
    bar.ax.tick_params(labelsize=8)
    bar.outline.set_visible(False)
    _headline(upper, scenario, record, map_height)
    _draw_series(lower, scenario, record)
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, facecolor=view.PAPER)


class _Map:
    """
    One row of the map: a part of the drive.

    Args:
        scenario: that was driven.
        record: of the drive.
        poses: of the car's centre, shape (T, 3).
        flat: lays the whole drive from left to right.
        part: which of the poses this row is about.
        instants: which of them are shown, at least one of this part.
        norm: of the colours of speed.

    """

    def __init__(
        self,
        scenario: Scenario,
        record: DriveRecord,
        poses: NDArray[np.float64],
        flat: view.Flat,
        part: slice,
        instants: NDArray[np.int64],
        norm: Normalize,
    ) -> None:
        self._scenario, self._record, self._poses, self._norm = scenario, record, poses, norm
        self._flat = flat
        self._path = flat(poses[:, :2])
        self._instants = instants
        self._window = self._choose_window(self._path[part])

    def _choose_window(self, path: NDArray[np.float64]) -> tuple[float, float, float, float]:
        left, right = path[:, 0].min() - MARGIN, path[:, 0].max() + MARGIN
        road = self._flat(view.road_outline(self._scenario.road))
        low, high = path[:, 1].min(), path[:, 1].max()
        near = (road[:, 0] >= left) & (road[:, 0] <= right)
        near &= (road[:, 1] >= low - ROOM) & (road[:, 1] <= high + ROOM)
        height = np.concatenate([path[:, 1], road[near, 1]])
        bottom, top = float(height.min()) - 2.0, float(height.max()) + 2.0
        # a drive that goes up more than to the right has room to its sides
        more = max((top - bottom) * ROW_WIDTH / MAX_ROW_HEIGHT - (right - left), 0.0) / 2
        return float(left - more), float(right + more), bottom, top

    @property
    def height(self) -> float:
        """Height of the row in the picture [inch]."""
        left, right, bottom, top = self._window
        return float((top - bottom) * ROW_WIDTH / (right - left))

    def draw(self, ax: Axes) -> None:
        """Draw the row."""
        ax.set_facecolor(view.GROUND)
        ax.set_xlim(*self._window[:2])
        ax.set_ylim(*self._window[2:])
        ax.set_aspect('equal')
        ax.set_xticks([])
        ax.set_yticks([])
        for spine in ax.spines.values():
            spine.set_visible(False)
        for surface in view.surfaces(self._scenario):
            ax.add_patch(
                Polygon(self._flat(surface.outline), fc=surface.color, ec='none', zorder=1)
            )
        for line in view.lines(self._scenario):
            ax.plot(*self._flat(line.points).T, color=line.color, lw=1.2, ls=line.style, zorder=2)
        self._draw_goal(ax)
        self._draw_path(ax)
        self._draw_standing(ax)
        for index, cell in zip(self._instants, self._cells(), strict=True):
            self._draw_instant(ax, int(index), cell)
        _scale_bar(ax, self._window)

    def _cells(self) -> list[NDArray[np.float64]]:
        """Return for each instant where in the row the car is nearest to its place then."""
        left, right, bottom, top = self._window
        row = np.array([[left, bottom], [right, bottom], [right, top], [left, top]])
        places = self._path[self._instants]
        return [view.nearest_part(row, places, k) for k in range(len(places))]

    def _draw_goal(self, ax: Axes) -> None:
        goal, road = self._scenario.goal, self._scenario.road
        for outline in view.goal_outlines(self._scenario):
            shape = self._flat(outline)
            ax.add_patch(Polygon(shape, fc=view.GOAL, alpha=0.22, ec='none', zorder=2.5))
        station = goal_station(goal, road)
        if np.isinf(station):
            return
        sides = [road.at('left_width', station), -road.at('right_width', station)]
        line = self._flat(road.poses(np.full(2, station), np.array(sides, dtype=float))[:, :2])
        ax.plot(*line.T, color=view.GOAL, lw=3, alpha=0.9, zorder=3, solid_capstyle='butt')
        _tag(ax, line[np.argmin(line[:, 1])], 'goal', view.GOAL, -7)

    def _draw_path(self, ax: Axes) -> None:
        speed = self._record.states[:, SPEED]
        pieces = np.stack([self._path[:-1], self._path[1:]], axis=1)
        ax.add_collection(
            LineCollection(list(pieces), colors='white', linewidths=5.0, zorder=4, alpha=0.85)
        )
        lines = LineCollection(
            list(pieces), cmap=COLORS, norm=self._norm, linewidths=2.8, zorder=5
        )
        lines.set_array((speed[:-1] + speed[1:]) / 2)
        lines.set_capstyle('round')
        ax.add_collection(lines)

    def _draw_standing(self, ax: Axes) -> None:
        for participant in self._scenario.traffic:
            if not view.changes(participant):
                shape = view.outline(participant, float(participant.times[0]))
                self._draw_body(ax, shape, view.TRAFFIC[participant.kind], 6)

    def _draw_instant(self, ax: Axes, index: int, cell: NDArray[np.float64]) -> None:
        """Draw what moves, and the car, at one instant; the traffic within its part of the row."""
        t = float(self._record.times[index])
        ax.add_patch(Polygon(cell, fill=False, ec='white', lw=1.0, ls=(0, (2, 3)), zorder=3))
        within = Polygon(cell, transform=ax.transData)
        for participant in view.participants_at(self._scenario, t):
            if view.changes(participant):
                shape = view.outline(participant, t)
                body = self._draw_body(ax, shape, view.TRAFFIC[participant.kind], 6)
                body.set_clip_path(within)
        pose, car = self._poses[index], self._scenario.car
        self._draw_body(ax, view.car_outline(pose, car), view.EGO, 8)
        self._draw_body(ax, view.windscreen(pose, car), 'white', 9)
        time = f'{t - self._record.times[0]:.1f} s'
        place = self._flat(view.car_outline(pose, car))
        top = (float(self._path[index, 0]), float(place[:, 1].max()))
        _tag(ax, top, time, view.EGO, 4)

    def _draw_body(
        self, ax: Axes, outline: NDArray[np.float64], color: str, zorder: int
    ) -> Polygon:
        body = Polygon(self._flat(outline), fc=color, ec='white', lw=0.6, zorder=zorder)
        ax.add_patch(body)
        return body


def _rows(scenario: Scenario, record: DriveRecord, norm: Normalize) -> list[_Map]:
    """Fold a drive into rows of equal driven length, all of them turned the same way."""
    poses = centers(record.states, scenario.car)
    flat = view.Flat(poses[:, :2])
    steps = np.hypot(*np.diff(poses[:, :2], axis=0).T)
    driven = np.concatenate([[0.0], np.cumsum(steps)])
    length, width = np.ptp(flat(poses[:, :2]), axis=0)
    wanted = np.ceil(driven[-1] / ROW_LENGTH) if width < STRAIGHT * length else 1
    count = int(np.clip(wanted, 1, MAX_ROWS))
    ends = np.searchsorted(driven, np.linspace(0.0, driven[-1], count + 1)[1:-1])
    bounds = [0, *(int(end) for end in ends), len(poses)]
    return [
        _Map(scenario, record, poses, flat, slice(begin, end), instants, norm)
        for begin, end in zip(bounds[:-1], bounds[1:], strict=True)
        for instants in [_instants(driven, begin, end)]
    ]


def _instants(driven: NDArray[np.float64], begin: int, end: int) -> NDArray[np.int64]:
    """Return which of the poses from one to before another are shown, equally far apart."""
    first, last = driven[begin], driven[end - 1]
    count = int(np.clip((last - first) // SPACING + 1, 1, INSTANTS))
    if count == 1:
        return np.array([end - 1])
    shown = np.linspace(first, last, count)
    if begin > 0:  # the row before ends where this one begins
        shown = shown[1:]
    return np.minimum(np.searchsorted(driven, shown - 1e-6), end - 1)


def _tag(ax: Axes, place: Sequence[float], text: str, color: str, shift: float) -> None:
    at = (float(place[0]), float(place[1]))
    ax.annotate(
        text,
        at,
        xytext=at,
        textcoords=_shifted(ax, 0.0, shift),
        ha='center',
        va='bottom' if shift > 0 else 'top',
        fontsize=7,
        color=color,
        zorder=10,
        annotation_clip=True,
        bbox={'boxstyle': 'round,pad=0.15', 'fc': 'white', 'ec': 'none', 'alpha': 0.75},
    )


def _shifted(ax: Axes, x: float, y: float) -> Transform:
    """Return the data's coordinates, shifted by points."""
    # "offset points" ask a subfigure for its resolution, which matplotlib 3.5 does not tell
    return offset_copy(ax.transData, ax.figure, x, y, units='points')


def _scale_bar(ax: Axes, window: tuple[float, float, float, float]) -> None:
    length = 10.0
    left, y = window[0] + 2.0, window[2] + 0.7
    ax.plot([left, left + length], [y, y], color=view.INK, lw=2, zorder=10)
    ax.annotate(
        '10 m',
        (left + length + 0.8, y),
        ha='left',
        va='center',
        fontsize=7,
        color=view.INK,
        zorder=10,
    )


def _headline(figure: Any, scenario: Scenario, record: DriveRecord, height: float) -> None:
    figure.text(
        0.03,
        0.97,
        scenario.name.replace('_', ' '),
        fontsize=15,
        fontweight='bold',
        va='top',
        color=view.INK,
    )
    figure.text(
        0.03,
        0.97 - 0.3 / height,
        'each part shows the traffic of its own moment',
        fontsize=8,
        va='top',
        color=view.INK,
    )
    figure.text(
        0.955,
        0.965,
        f'{record.times[-1] - record.times[0]:.1f} s',
        fontsize=11,
        va='top',
        ha='right',
        color=view.INK,
    )


def _draw_series(figure: Any, scenario: Scenario, record: DriveRecord) -> None:
    axes = figure.subplots(2, 2, sharex=True)
    figure.subplots_adjust(left=0.06, right=0.97, top=0.92, bottom=0.14, hspace=0.22, wspace=0.16)
    t = record.times - record.times[0]
    commands = np.array([c.stamp for c in record.controls]) - record.times[0]
    speed, steering = axes[0]
    acceleration, clearance = axes[1]
    speed.plot(t, record.states[:, SPEED], color=view.EGO)
    speed.set_ylabel('speed [m/s]')
    speed.set_ylim(bottom=0.0)
    angles = np.degrees([c.steering_angle for c in record.controls])
    steering.step(commands, angles, where='post', color=view.REFERENCE, lw=0.9, label='command')
    steering.plot(t, np.degrees(record.states[:, STEERING]), color=view.EGO, label='driven')
    steering.set_ylabel('steering [deg]')
    steering.legend(
        loc='lower right', bbox_to_anchor=(1.0, 0.98), fontsize=7, frameon=False, ncol=2
    )
    wanted = [c.acceleration for c in record.controls]
    acceleration.step(commands, wanted, where='post', color=view.REFERENCE, lw=0.9)
    driven = np.gradient(record.states[:, SPEED], record.times)
    acceleration.plot(t, driven, color=view.EGO)
    acceleration.set_ylabel('acceleration [m/s²]')
    _draw_clearance(clearance, t, clearances(scenario, record))
    for ax in axes.flat:
        lighten(ax)
    for ax in axes[1]:
        ax.set_xlabel('time [s]', fontsize=9)


def _draw_clearance(ax: Axes, t: NDArray[np.float64], distance: NDArray[np.float64]) -> None:
    ax.set_ylabel('clearance [m]')
    seen = np.isfinite(distance)
    if not seen.any():
        ax.text(0.5, 0.5, 'no obstacles', transform=ax.transAxes, ha='center', fontsize=9)
        return
    shown = np.where(seen, distance, np.nan)
    ax.plot(t, shown, color=view.EGO)
    ax.fill_between(t, 0.0, shown, color=view.EGO, alpha=0.12, lw=0)
    least = int(np.nanargmin(shown))
    ax.plot(t[least], shown[least], 'o', color=view.TRAFFIC['car'], ms=4)
    at = (t[least], shown[least])
    ax.annotate(
        f'{shown[least]:.2f} m',
        at,
        xytext=at,
        textcoords=_shifted(ax, 5.0, 5.0),
        ha='right' if least > len(t) / 2 else 'left',
        fontsize=8,
        color=view.TRAFFIC['car'],
    )
    ax.set_ylim(min(0.0, float(np.nanmin(shown))), min(float(np.nanmax(shown)) * 1.05, 25.0))
