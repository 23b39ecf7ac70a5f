# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""An animation of a drive as a GIF that follows the car."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from matplotlib.font_manager import findfont
from numpy.typing import NDArray
from PIL import Image, ImageColor, ImageDraw, ImageFont

from warmstart_planner.problem import goal_station
from warmstart_planner.scenarios.scenario import Scenario
from warmstart_planner.simulation.pictures import view
from warmstart_planner.simulation.record import DriveRecord
from warmstart_planner.simulation.report import centers
from warmstart_planner.vehicle import SPEED

SIZE = (720, 300)  # [pixel]
SMOOTHING = 2  # drawn that much larger and scaled down, for smooth edges
PIXELS_PER_METRE = 8.0
AHEAD = 18.0  # the camera looks that far ahead of the car [m]
FRAME_TIME = 0.1  # between frames [s]
MAX_BYTES = 3_000_000
SHADES = (0.33, 0.67)  # of a colour on the ground, for smooth edges
DRIVEN = '#7db4de'
GLASS = '#ffffff'
PLACE = '#b5d3bf'  # of the goal
DASH = 6  # vertices of a dashed line
FONT = 'DejaVu Sans'  # comes with matplotlib
FONT_SIZE = 15  # [pixel]


def write_animation(path: str | Path, scenario: Scenario, record: DriveRecord) -> None:
    """
    Write a GIF of a drive, in real time, at 10 frames a second.

    It shows lanes, traffic, the car, its driven path, the plan in force and the candidates that it
    was chosen from. A drive that would take more than MAX_BYTES is shown with fewer frames.

    Raises:
        OSError: the file cannot be written.

    """
    renderer = _FrameRenderer(scenario, record)
    count = max(int((record.times[-1] - record.times[0]) / FRAME_TIME), 1)
    times = record.times[0] + np.arange(count + 1) * FRAME_TIME
    frames = [renderer.frame(float(min(t, record.times[-1]))) for t in times]
    stride, data = 1, _encode(frames, FRAME_TIME)
    while len(data) > MAX_BYTES and len(frames) > 2 * stride:
        stride += 1
        data = _encode(frames[::stride], stride * FRAME_TIME)
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_bytes(data)


class _FrameRenderer:
    """Draws the frames of one drive."""

    def __init__(self, scenario: Scenario, record: DriveRecord) -> None:
        self._scenario, self._record = scenario, record
        self._poses = centers(record.states, scenario.car)
        self._flat = view.Flat(self._poses[:, :2])
        self._scale = PIXELS_PER_METRE * SMOOTHING
        # matplotlib's font: Pillow before 10.1 has none of its own that can be scaled
        self._font = ImageFont.truetype(findfont(FONT), FONT_SIZE * SMOOTHING)
        self._surfaces = [
            (self._flat(each.outline), each.color) for each in view.surfaces(scenario)
        ]
        self._lines = [(self._flat(each.points), each) for each in view.lines(scenario)]
        self._places = [self._flat(each) for each in view.goal_outlines(scenario)]
        self._goal = self._goal_line()

    def frame(self, t: float) -> Image.Image:
        """Return the picture at a time."""
        large = (SIZE[0] * SMOOTHING, SIZE[1] * SMOOTHING)
        image = Image.new('RGB', large, view.GROUND)
        draw = ImageDraw.Draw(image)
        pose = self._pose(t)
        heading = pose[2] - self._flat.angle
        look = AHEAD * np.array([np.cos(heading), 0.4 * np.sin(heading)])
        self._camera = self._flat(pose[:2]) + look
        self._draw_road(draw)
        self._draw_driven(draw, t)
        self._draw_candidates(draw, t)
        self._draw_plan(draw, t)
        for participant in view.participants_at(self._scenario, t):
            shape = self._flat(view.outline(participant, t))
            self._fill(draw, shape, view.TRAFFIC[participant.kind])
        self._fill(draw, self._flat(view.car_outline(pose, self._scenario.car)), view.EGO)
        self._fill(draw, self._flat(view.windscreen(pose, self._scenario.car)), GLASS)
        self._caption(draw, t)
        return image.resize(SIZE, Image.LANCZOS)

    def _pose(self, t: float) -> NDArray[np.float64]:
        times = self._record.times
        return np.array([np.interp(t, times, self._poses[:, i]) for i in range(3)])

    def _draw_road(self, draw: ImageDraw.ImageDraw) -> None:
        for outline, color in self._surfaces:
            if self._is_near(outline):
                self._fill(draw, outline, color)
        for outline in filter(self._is_near, self._places):
            self._fill(draw, outline, PLACE)
        for points, line in self._lines:
            if self._is_near(points):
                self._mark(draw, points, line)
        if self._goal is not None:
            self._stroke(draw, self._goal, view.GOAL, 0.5)

    def _mark(
        self, draw: ImageDraw.ImageDraw, points: NDArray[np.float64], line: view.Line
    ) -> None:
        if line.style == '-':
            self._stroke(draw, points, line.color, 0.15)
            return
        for i in range(0, len(points) - DASH, 2 * DASH):
            self._stroke(draw, points[i : i + DASH + 1], line.color, 0.12)

    def _is_near(self, points: NDArray[np.float64]) -> bool:
        """Whether a part of the points' bounding box is in the frame."""
        half = np.array(SIZE) / PIXELS_PER_METRE / 2
        low, high = points.min(axis=0), points.max(axis=0)
        return bool((low <= self._camera + half).all() and (high >= self._camera - half).all())

    def _draw_driven(self, draw: ImageDraw.ImageDraw, t: float) -> None:
        driven = self._flat(self._poses[self._record.times <= t, :2])
        self._stroke(draw, driven, DRIVEN, 0.35)

    def _draw_plan(self, draw: ImageDraw.ImageDraw, t: float) -> None:
        plan = self._record.plan_in_force(t)
        if plan is None or plan.reference is None:
            return
        reference = plan.reference
        ahead = centers(reference.states, self._scenario.car)[reference.times >= t, :2]
        self._stroke(draw, self._flat(ahead), view.REFERENCE, 0.3)

    def _draw_candidates(self, draw: ImageDraw.ImageDraw, t: float) -> None:
        plan = self._record.plan_in_force(t)
        for each in plan.candidates if plan else ():
            path = self._flat(centers(each.states, self._scenario.car)[:, :2])
            self._stroke(draw, path, view.CANDIDATE, 0.12)

    def _caption(self, draw: ImageDraw.ImageDraw, t: float) -> None:
        speed = np.interp(t, self._record.times, self._record.states[:, SPEED])
        plan = self._record.plan_in_force(t)
        rung = f'   {plan.source} ({plan.rung})' if plan else ''
        text = f'{t - self._record.times[0]:4.1f} s   {speed:4.1f} m/s{rung}'
        at = (10 * SMOOTHING, 8 * SMOOTHING)
        draw.text(at, text, fill=view.INK, font=self._font)

    def _goal_line(self) -> NDArray[np.float64] | None:
        goal, road = self._scenario.goal, self._scenario.road
        station = goal_station(goal, road)
        if np.isinf(station):
            return None
        sides = [float(road.at('left_width', station)), -float(road.at('right_width', station))]
        return self._flat(road.poses(np.full(2, station), np.array(sides))[:, :2])

    def _pixels(self, points: NDArray[np.float64]) -> list[tuple[float, float]]:
        middle = np.array(SIZE) * SMOOTHING / 2
        shown = (points - self._camera) * [self._scale, -self._scale] + middle
        # far outside nothing shows, and huge coordinates slow the rasteriser
        return [(float(x), float(y)) for x, y in np.clip(shown, -4e3, 8e3)]

    def _fill(self, draw: ImageDraw.ImageDraw, points: NDArray[np.float64], color: str) -> None:
        draw.polygon(self._pixels(points), fill=color)

    def _stroke(
        self, draw: ImageDraw.ImageDraw, points: NDArray[np.float64], color: str, width: float
    ) -> None:
        if len(points) > 1:
            thick = max(round(width * self._scale), 1)
            draw.line(self._pixels(points), fill=color, width=thick, joint='curve')


def _encode(frames: list[Image.Image], frame_time: float) -> bytes:
    palette = _palette()
    flat = [frame.quantize(palette=palette, dither=Image.NONE) for frame in frames]
    target = io.BytesIO()
    flat[0].save(
        target,
        format='GIF',
        save_all=True,
        append_images=flat[1:],
        duration=round(1e3 * frame_time),
        loop=0,
        optimize=False,
    )
    return target.getvalue()


def _palette() -> Image.Image:
    """Return an image whose palette has every colour of the view and what smooth edges need."""
    grounds = [view.ASPHALT, view.GROUND]
    others = [
        view.PAVEMENT, PLACE, view.CANDIDATE, view.EDGE, view.CENTER_LINE, view.EGO, DRIVEN,
        view.REFERENCE, view.INK, GLASS,
    ]  # fmt: skip
    colors = {ImageColor.getrgb(name) for name in [*grounds, *others, *view.TRAFFIC.values()]}
    mixed = [
        tuple(round(share * a + (1 - share) * b) for a, b in zip(color, ground, strict=True))
        for color in sorted(colors)
        for ground in (ImageColor.getrgb(name) for name in grounds)
        for share in SHADES
    ]
    entries = [value for color in [*sorted(colors), *mixed][:256] for value in color]
    palette = Image.new('P', (1, 1))
    palette.putpalette(entries)
    return palette
