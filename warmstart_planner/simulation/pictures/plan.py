# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""One picture of a plan: the map with all candidates, and their speeds and offsets over time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Polygon
from numpy.typing import NDArray

from warmstart_planner.planning import Refined
from warmstart_planner.problem import PlanningProblem, PlanResult, goal_station
from warmstart_planner.simulation.pictures import view
from warmstart_planner.simulation.pictures.axes import lighten
from warmstart_planner.simulation.report import centers
from warmstart_planner.vehicle import PX, SPEED

WIDTH = 12.0  # of the picture [inch]
DPI = 130
SERIES_HEIGHT = 3.0  # of the lower part [inch]
HEADLINE_HEIGHT = 0.5  # [inch]
MAP_HEIGHT = (1.2, 6.0)  # least and most [inch]
MARGIN = 8.0  # of the map about all candidates [m]
SNAPSHOTS = 4  # instants at which car and moving traffic are shown
SOURCE_COLORS = ('#8a5cc2', '#d98b1f', '#2a9d8f', '#b3195e', '#6b5c4d', '#4f7cac')


def draw_plan(
    path: str | Path,
    problem: PlanningProblem,
    result: PlanResult,
    candidates: Sequence[Refined],
) -> None:
    """
    Draw a plan into a PNG file.

    Above, the map: road, goal, obstacles and car at SNAPSHOTS instants, the later the paler, each
    source's starts (dotted), what refinement made of them (lines, dashed where beyond the
    constraints) and the plan (bold). Below, speed and offset from the reference path over time.

    Raises:
        OSError: the file cannot be written.

    """
    colors = _colors(candidates)
    places = _places(problem, result, candidates)
    flat = view.Flat(places)
    window = _window(flat(places), flat, problem)
    left, right, bottom, top = window
    height = float(np.clip((top - bottom) * WIDTH / (right - left), *MAP_HEIGHT))
    figure = Figure(
        figsize=(WIDTH, HEADLINE_HEIGHT + height + SERIES_HEIGHT), dpi=DPI, facecolor=view.PAPER
    )
    FigureCanvasAgg(figure)
    upper, lower = figure.subfigures(2, 1, height_ratios=[HEADLINE_HEIGHT + height, SERIES_HEIGHT])
    share = height / (HEADLINE_HEIGHT + height)
    _draw_map(upper.add_axes((0.03, 0.0, 0.94, share)), window, flat, problem)
    _draw_ways(upper.axes[0], flat, result, candidates, colors)
    _draw_cars(upper.axes[0], flat, problem, result)
    upper.text(0.03, 0.97, _headline(result), fontsize=13, va='top', color=view.INK)
    _draw_series(lower.subplots(1, 2), problem, result, candidates, colors)
    lower.subplots_adjust(left=0.06, right=0.97, top=0.8, bottom=0.16, wspace=0.16)
    lower.legend(handles=_legend(colors), loc='upper center', ncol=6, fontsize=8, frameon=False)
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, facecolor=view.PAPER)


def _colors(candidates: Sequence[Refined]) -> dict[str, str]:
    sources = dict.fromkeys(each.proposal.source for each in candidates)
    return {source: SOURCE_COLORS[i % len(SOURCE_COLORS)] for i, source in enumerate(sources)}


def _places(
    problem: PlanningProblem, result: PlanResult, candidates: Sequence[Refined]
) -> NDArray[np.float64]:
    """Return all places of the rear axle, the plan's last, shape (n, 2)."""
    ways = [each.result.trajectory.states for each in candidates]
    if result.trajectory is not None:
        ways.append(result.trajectory.states)
    return np.concatenate([problem.initial_state[None], *ways])[:, PX : PX + 2]


def _window(
    places: NDArray[np.float64], flat: view.Flat, problem: PlanningProblem
) -> tuple[float, float, float, float]:
    """Return left, right, bottom and top of the map [m]: all ways, and the road beside them."""
    left, right = places[:, 0].min() - MARGIN, places[:, 0].max() + 2 * MARGIN
    road = flat(view.road_outline(problem.road))
    beside = (road[:, 0] >= left) & (road[:, 0] <= right)
    beside &= np.abs(road[:, 1] - np.median(places[:, 1])) < np.ptp(places[:, 1]) + 20.0
    heights = np.concatenate([places[:, 1], road[beside, 1]])
    return float(left), float(right), float(heights.min() - 2.0), float(heights.max() + 2.0)


def _draw_map(
    ax: Axes, window: tuple[float, float, float, float], flat: view.Flat, problem: PlanningProblem
) -> None:
    ax.set_facecolor(view.GROUND)
    ax.set_xlim(*window[:2])
    ax.set_ylim(*window[2:])
    ax.set_aspect('equal')
    ax.set_xticks([])
    ax.set_yticks([])
    for spine in ax.spines.values():
        spine.set_visible(False)
    road = problem.road
    _fill(ax, flat(view.road_outline(road)), view.ASPHALT, zorder=1)
    for edge in road.edges():
        ax.plot(*flat(edge).T, color=view.EDGE, lw=1.4, zorder=2)
    line = flat(np.stack([road.x, road.y], axis=-1))
    ax.plot(*line.T, color=view.CENTER_LINE, lw=1.1, dashes=(9, 9), zorder=2)
    station = goal_station(problem.goal, road)
    if np.isfinite(station):
        sides = [road.at('left_width', station), -road.at('right_width', station)]
        across = flat(road.poses(np.full(2, station), np.array(sides, dtype=float))[:, :2])
        ax.plot(*across.T, color=view.GOAL, lw=4, alpha=0.9, zorder=3, solid_capstyle='butt')
    steps = problem.horizon.steps
    for obstacle in problem.obstacles:
        poses, sizes = obstacle.poses_at(steps + 1), obstacle.sizes_at(steps + 1)
        for index, strength in _snapshots(steps):
            shape = flat(view.rounded_box(sizes[index], poses[index]))
            _fill(ax, shape, view.TRAFFIC['car'], zorder=6, alpha=0.75 * strength)
            if len(obstacle.poses) == 1:
                break


def _draw_ways(
    ax: Axes,
    flat: view.Flat,
    result: PlanResult,
    candidates: Sequence[Refined],
    colors: dict[str, str],
) -> None:
    for way, style in _ways(candidates, colors):
        ax.plot(*flat(way[:, PX : PX + 2]).T, zorder=4, **style)
    if result.trajectory is not None:
        plan = flat(result.trajectory.states[:, PX : PX + 2])
        ax.plot(*plan.T, color=view.EGO, lw=3.2, zorder=5)


def _draw_cars(ax: Axes, flat: view.Flat, problem: PlanningProblem, result: PlanResult) -> None:
    states = problem.initial_state[None]
    if result.trajectory is not None:
        states = result.trajectory.states
    poses = centers(states, problem.vehicle)
    for index, strength in _snapshots(len(poses) - 1):
        outline = flat(view.car_outline(poses[index], problem.vehicle))
        _fill(ax, outline, view.EGO, zorder=8, alpha=0.8 * strength)
        glass = flat(view.windscreen(poses[index], problem.vehicle))
        _fill(ax, glass, 'white', zorder=9, alpha=0.8 * strength)


def _draw_series(
    axes: Sequence[Axes],
    problem: PlanningProblem,
    result: PlanResult,
    candidates: Sequence[Refined],
    colors: dict[str, str],
) -> None:
    drawn = [*_ways(candidates, colors)]
    if result.trajectory is not None:
        drawn.append((result.trajectory.states, {'color': view.EGO, 'lw': 2.6}))
    speed, offset = axes
    for states, style in drawn:
        times = np.arange(len(states)) * problem.horizon.dt
        speed.plot(times, states[:, SPEED], **style)
        offset.plot(times, _offsets(problem, states), **style)
    speed.set_ylabel('speed [m/s]')
    speed.set_ylim(bottom=0.0)
    offset.set_ylabel('offset of the rear axle [m]')
    for ax in axes:
        ax.set_xlabel('time [s]', fontsize=9)
        lighten(ax)


def _ways(
    candidates: Sequence[Refined], colors: dict[str, str]
) -> Iterator[tuple[NDArray[np.float64], dict[str, object]]]:
    """Yield the states of each start, and of what came of it, with the style of their lines."""
    for each in candidates:
        color = colors[each.proposal.source]
        yield each.proposal.trajectory.states, {'color': color, 'ls': ':', 'lw': 0.8}
        line = '-' if each.result.within_tolerance else '--'
        yield each.result.trajectory.states, {'color': color, 'ls': line, 'lw': 1.3}


def _offsets(problem: PlanningProblem, states: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how far left of the reference path states are, shape (T,) [m]."""
    driven = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(states[:, :2], axis=0).T))])
    return problem.road.project(states[:, :2], problem.here + driven)[1]


def _snapshots(last: int) -> Iterator[tuple[int, float]]:
    """Yield the indices of the instants up to a last one, and how strongly each is drawn."""
    instants = np.linspace(0, last, SNAPSHOTS).round().astype(int)
    yield from zip(instants.tolist(), np.linspace(1.0, 0.3, SNAPSHOTS).tolist(), strict=True)


def _fill(
    ax: Axes, outline: NDArray[np.float64], color: str, zorder: int, alpha: float = 1.0
) -> None:
    ax.add_patch(Polygon(outline, facecolor=color, edgecolor='none', alpha=alpha, zorder=zorder))


def _legend(colors: dict[str, str]) -> list[Line2D]:
    sources = [Line2D([], [], color=color, label=name) for name, color in colors.items()]
    styles = [
        Line2D([], [], color=view.INK, ls=':', lw=0.9, label='start'),
        Line2D([], [], color=view.INK, ls='--', lw=1.3, label='beyond the constraints'),
        Line2D([], [], color=view.EGO, lw=3, label='plan'),
    ]
    return [*sources, *styles]


def _headline(result: PlanResult) -> str:
    if result.trajectory is None:
        return f'no plan: {result.message}'
    said = 'feasible' if result.feasible else result.message
    return f'{result.rung.name.lower()} from {result.source}, cost {result.cost:.2f}: {said}'
