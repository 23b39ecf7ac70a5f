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

from warmstart_planner.problem import KeepSpeed, goal_station
from warmstart_planner.scenarios.scenario import Scenario
from warmstart_planner.simulation import view
from warmstart_planner.simulation.record import DriveRecord
from warmstart_planner.simulation.report import centers, clearances
from warmstart_planner.vehicle import SPEED, STEERING

WIDTH = 12.0  # of the picture [inch]
DPI = 130
ROW_WIDTH = 10.7  # of the map [inch]
ROW_LENGTH = 110.0  # a drive longer than this is folded into rows [m]
ROW_GAP = 0.12  # [inch]
MAX_ROWS = 3
MAX_ROW_HEIGHT = 4.0  # [inch]
HEADLINE_HEIGHT = 0.5  # [inch]
SERIES_HEIGHT = 3.5  # [inch]
MARGIN = 8.0  # of the map before and behind the driven path [m]
SNAPSHOTS = 6  # instants at which car and moving traffic are shown
COLORS = 'plasma'


def draw_picture(path: str | Path, scenario: Scenario, record: DriveRecord) -> None:
    """
    Draw a drive into a PNG file.

    Above, the map: road, traffic and car at SNAPSHOTS instants that fade from early to late, the
    driven path coloured by speed, start and goal; a long drive is folded into rows. Below, speed,
    steering, acceleration and clearance over time.

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
    _headline(upper, scenario, record)
    _draw_series(lower, scenario, record)
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, facecolor=view.PAPER)


class _Map:
    """
    One row of the map: a part of the drive, rotated to go from left to right.

    Args:
        scenario: that was driven.
        record: of the drive.
        poses: of the car's centre, shape (T, 3).
        part: which of them this row is about.
        norm: of the colours of speed.

    """

    def __init__(
        self,
        scenario: Scenario,
        record: DriveRecord,
        poses: NDArray[np.float64],
        part: slice,
        norm: Normalize,
    ) -> None:
        self._scenario, self._record, self._poses, self._norm = scenario, record, poses, norm
        self._flat = view.Flat(poses[part, :2])
        self._path = self._flat(poses[:, :2])
        self._instants = np.linspace(0, len(poses) - 1, SNAPSHOTS).round().astype(int)
        self._window = self._choose_window(self._path[part])

    def _choose_window(self, path: NDArray[np.float64]) -> tuple[float, float, float, float]:
        left, right = path[:, 0].min() - MARGIN, path[:, 0].max() + MARGIN
        road = self._flat(view.road_outline(self._scenario.road))
        near = (road[:, 0] >= left) & (road[:, 0] <= right)
        near &= np.abs(road[:, 1] - np.median(path[:, 1])) < np.ptp(path[:, 1]) + 20.0
        height = np.concatenate([path[:, 1], road[near, 1]])
        return float(left), float(right), float(height.min() - 2.0), float(height.max() + 2.0)

    @property
    def height(self) -> float:
        """Height of the row in the picture [inch]."""
        left, right, bottom, top = self._window
        return float(min((top - bottom) * ROW_WIDTH / (right - left), MAX_ROW_HEIGHT))

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
        self._draw_road(ax)
        self._draw_goal(ax)
        self._draw_path(ax)
        self._draw_traffic(ax)
        self._draw_car(ax)
        _scale_bar(ax, self._window)

    def _draw_road(self, ax: Axes) -> None:
        road = self._scenario.road
        outline = self._flat(view.road_outline(road))
        ax.add_patch(Polygon(outline, facecolor=view.ASPHALT, edgecolor='none', zorder=1))
        for edge in road.edges():
            ax.plot(*self._flat(edge).T, color=view.EDGE, lw=1.4, zorder=2)
        line = self._flat(np.stack([road.x, road.y], axis=-1))
        ax.plot(*line.T, color=view.CENTER_LINE, lw=1.1, dashes=(9, 9), zorder=2)

    def _draw_goal(self, ax: Axes) -> None:
        goal, road = self._scenario.goal, self._scenario.road
        if isinstance(goal, KeepSpeed):
            return
        station = goal_station(goal, road)
        sides = [road.at('left_width', station), -road.at('right_width', station)]
        line = self._flat(road.poses(np.full(2, station), np.array(sides, dtype=float))[:, :2])
        ax.plot(*line.T, color=view.GOAL, lw=4, alpha=0.9, zorder=3, solid_capstyle='butt')
        _tag(ax, line[np.argmax(line[:, 1])], 'goal', view.GOAL, 4)

    def _draw_path(self, ax: Axes) -> None:
        speed = self._record.states[:, SPEED]
        pieces = np.stack([self._path[:-1], self._path[1:]], axis=1)
        ax.add_collection(
            LineCollection(list(pieces), colors='white', linewidths=5.5, zorder=4, alpha=0.85)
        )
        lines = LineCollection(
            list(pieces), cmap=COLORS, norm=self._norm, linewidths=3.2, zorder=5
        )
        lines.set_array((speed[:-1] + speed[1:]) / 2)
        lines.set_capstyle('round')
        ax.add_collection(lines)

    def _draw_traffic(self, ax: Axes) -> None:
        still: set[str] = set()
        for share, index in zip(self._fading(), self._instants, strict=True):
            t = float(self._record.times[index])
            for participant in view.participants_at(self._scenario, t):
                changing = view.changes(participant)
                if not changing and participant.name in still:
                    continue
                still.add(participant.name)
                shape = self._flat(view.outline(participant, t))
                color = view.TRAFFIC[participant.kind]
                strength = share if changing else 1.0
                ax.add_patch(
                    Polygon(
                        shape,
                        facecolor=color,
                        edgecolor=color,
                        alpha=0.75 * strength,
                        lw=0.8,
                        zorder=6,
                    )
                )
                if changing:
                    self._time_label(ax, participant.pose_at(t), t, color, below=True)

    def _draw_car(self, ax: Axes) -> None:
        car = self._scenario.car
        for share, index in zip(self._fading(), self._instants, strict=True):
            pose = self._poses[index]
            ax.add_patch(
                Polygon(
                    self._flat(view.car_outline(pose, car)),
                    facecolor=view.EGO,
                    edgecolor='white',
                    alpha=share,
                    lw=0.7,
                    zorder=8,
                )
            )
            ax.add_patch(
                Polygon(
                    self._flat(view.windscreen(pose, car)),
                    facecolor='white',
                    edgecolor='none',
                    alpha=0.8 * share,
                    zorder=9,
                )
            )
            self._time_label(ax, pose, float(self._record.times[index]), view.EGO, below=False)

    def _time_label(
        self, ax: Axes, pose: NDArray[np.float64], t: float, color: str, below: bool
    ) -> None:
        x, y = self._flat(pose[:2])
        _tag(ax, (x, y), f'{t - self._record.times[0]:.1f} s', color, -11 if below else 7)

    def _fading(self) -> NDArray[np.float64]:
        return np.linspace(0.45, 1.0, SNAPSHOTS)


def _rows(scenario: Scenario, record: DriveRecord, norm: Normalize) -> list[_Map]:
    """Fold a drive into rows of equal driven length."""
    poses = centers(record.states, scenario.car)
    steps = np.hypot(*np.diff(poses[:, :2], axis=0).T)
    driven = np.concatenate([[0.0], np.cumsum(steps)])
    count = int(np.clip(np.ceil(driven[-1] / ROW_LENGTH), 1, MAX_ROWS))
    ends = np.searchsorted(driven, np.linspace(0.0, driven[-1], count + 1)[1:-1])
    bounds = [0, *(int(end) for end in ends), len(poses)]
    return [
        _Map(scenario, record, poses, slice(begin, end), norm)
        for begin, end in zip(bounds[:-1], bounds[1:], strict=True)
    ]


def _tag(ax: Axes, place: Sequence[float], text: str, color: str, shift: float) -> None:
    at = (float(place[0]), float(place[1]))
    ax.annotate(
        text,
        at,
        xytext=at,
        textcoords=_shifted(ax, 0.0, shift),
        ha='center',
        va='bottom' if shift > 0 else 'center',
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
    right, y = window[1] - 2.0, window[2] + 0.7
    ax.plot([right - length, right], [y, y], color=view.INK, lw=2, zorder=10)
    ax.annotate(
        '10 m',
        (right - length - 0.8, y),
        ha='right',
        va='center',
        fontsize=7,
        color=view.INK,
        zorder=10,
    )


def _headline(figure: Any, scenario: Scenario, record: DriveRecord) -> None:
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
    steering.legend(loc='upper right', fontsize=7, frameon=False, ncol=2)
    wanted = [c.acceleration for c in record.controls]
    acceleration.step(commands, wanted, where='post', color=view.REFERENCE, lw=0.9)
    driven = np.gradient(record.states[:, SPEED], record.times)
    acceleration.plot(t, driven, color=view.EGO)
    acceleration.set_ylabel('acceleration [m/s²]')
    _draw_clearance(clearance, t, clearances(scenario, record))
    for ax in axes.flat:
        ax.grid(color='#e4e7eb', lw=0.8)
        ax.set_axisbelow(True)
        ax.tick_params(labelsize=8, colors=view.INK, length=0)
        ax.yaxis.label.set_size(9)
        for side in ('top', 'right', 'left'):
            ax.spines[side].set_visible(False)
        ax.margins(x=0.01)
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
