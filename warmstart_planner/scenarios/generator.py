# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
Random scenarios and planning problems, reproducible from a tier and a seed.

A tier has families, and the seed picks one by turns. A family says how the road bends and
narrows and which traffic is on it; all else is drawn. A draw whose traffic overlaps, or that is
not passable (`is_passable`), is dropped for the next one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from warmstart_planner.problem import (
    MAX_OBSTACLES,
    Goal,
    Horizon,
    KeepSpeed,
    PlanningProblem,
    PoseGoal,
    StationGoal,
    StopBefore,
)
from warmstart_planner.road import Road, road_from_segments
from warmstart_planner.scenarios.geometry import separation
from warmstart_planner.scenarios.motion import Motion, along_road, crossing, standing, start_speed
from warmstart_planner.scenarios.reachability import is_passable
from warmstart_planner.scenarios.scenario import Scenario, TrafficParticipant
from warmstart_planner.vehicle import DEFAULT_VEHICLE, GRAVITY, load_vehicle

START_STATION = 25.0  # of the rear axle [m]
PROBLEM_DURATION = 6.0  # that a problem's traffic and way through are made for [s]
DRIVE_DURATION = 15.0  # that a drive at the wanted speed takes [s]
TIME_LIMIT = 30.0  # of a drive, which may have to wait [s]
CLEAR_AHEAD = 14.0  # from the start to the first obstacle's centre, at least [m]
APART = 0.4  # between participants, at all times that matter [m]
CHECK_DT = 0.5  # at which that is looked at [s]
PROGRESS = 0.6  # share of the way at the wanted speed that must be left open
DRIVE_DENSITY = 0.7  # traffic of a drive against that of problems as long
PLACING_TRIES = 40
DRAWS = 200
FAMILY_KEY = 20_011  # begins the random key of families of no tier; tiers begin with theirs
CROSSING_SPEED = (1.0, 4.5)  # pedestrians to bicycles [m/s]


@dataclass(frozen=True)
class Family:
    """
    One kind of problem; pairs are ranges to draw from.

    `mix` weighs standing, same-way, oncoming and crossing traffic. `half_width` is that of the
    road [m]; `narrowing` the share of it that is left where it is narrowest; `bend` the share of
    the friction that the sharpest bend takes at the wanted speed; `scatter` how far from the
    middle, as a share of the half width, standing obstacles lie.
    """

    mix: tuple[float, float, float, float]
    speed: tuple[float, float]
    half_width: tuple[float, float]
    friction: tuple[float, float] = (1.0, 1.0)
    bend: tuple[float, float] = (0.0, 0.15)
    narrowing: tuple[float, float] = (1.0, 1.0)
    scatter: tuple[float, float] = (0.0, 0.8)
    turned: float = 0.15


COUNTS = {'easy': (0, 3), 'medium': (4, 7), 'hard': (8, 12)}
FAMILIES = {
    'easy': {
        'free': Family((0.0, 1.0, 0.0, 0.0), (8.0, 16.0), (3.5, 4.5), bend=(0.1, 0.3)),
        'parked': Family((1.0, 0.0, 0.0, 0.0), (8.0, 13.0), (3.5, 4.5), scatter=(0.5, 0.9)),
        'follow': Family((0.3, 1.0, 0.3, 0.0), (8.0, 14.0), (3.5, 4.5)),
    },
    'medium': {
        'slalom': Family((1.0, 0.15, 0.1, 0.1), (8.0, 13.0), (3.5, 4.5), scatter=(0.25, 0.6)),
        'moving': Family((0.3, 0.5, 0.4, 0.3), (8.0, 14.0), (3.8, 5.0)),
        'bend': Family(
            (0.6, 0.4, 0.2, 0.1), (8.0, 14.0), (3.8, 5.0), friction=(0.6, 1.0), bend=(0.4, 0.7)
        ),
        'crossing': Family((0.4, 0.2, 0.0, 1.0), (8.0, 13.0), (3.5, 4.5)),
    },
    'hard': {
        'slalom': Family(
            (1.0, 0.1, 0.1, 0.1), (9.0, 14.0), (4.0, 5.0), scatter=(0.1, 0.6), turned=0.4
        ),
        'moving': Family((0.4, 0.5, 0.5, 0.5), (9.0, 15.0), (4.5, 5.5)),
        'bend': Family(
            (0.7, 0.3, 0.2, 0.2), (9.0, 14.0), (4.5, 5.5), friction=(0.5, 1.0), bend=(0.7, 0.95)
        ),
        'dense': Family(
            (1.0, 0.05, 0.05, 0.15), (9.0, 14.0), (5.0, 6.5), scatter=(0.0, 0.85), turned=0.8
        ),
        'narrowing': Family(
            (0.8, 0.3, 0.2, 0.2), (9.0, 14.0), (4.5, 5.5), narrowing=(0.4, 0.65), turned=0.3
        ),
    },
}


def problem_family(tier: str, seed: int) -> str:
    """
    Return the family that a tier and seed belong to.

    Raises:
        ValueError: no such tier, or a negative seed.

    """
    if tier not in FAMILIES:
        raise ValueError(f'tier is {tier!r}: expected one of {", ".join(FAMILIES)}')
    _check_seed(seed)
    names = list(FAMILIES[tier])
    return names[seed % len(names)]


def _check_seed(seed: int) -> None:
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or seed < 0:
        raise ValueError(f'seed is {seed!r}: expected an integer of at least 0')


def random_scenario(tier: str, seed: int) -> Scenario:
    """
    Return a drive of about DRIVE_DURATION, with traffic all along the way.

    Raises:
        ValueError: no such tier, or a negative seed.

    """
    return _drawn(tier, seed, 'drive', DRIVE_DURATION, TIME_LIMIT)


def random_problem(tier: str, seed: int, horizon: Horizon | None = None) -> PlanningProblem:
    """
    Return one planning problem: a start among a tier's number of obstacles.

    Raises:
        ValueError: no such tier, or a negative seed.

    """
    return _problem(
        _drawn(tier, seed, 'problem', PROBLEM_DURATION, PROBLEM_DURATION), horizon or Horizon()
    )


def family_problem(
    name: str, family: Family, count: int, seed: int, horizon: Horizon | None = None
) -> PlanningProblem:
    """
    Return one planning problem of a family that belongs to no tier, reproducible from its seed.

    Args:
        name: of the family; families of different names draw differently from the same seed.
        family: what to draw from.
        count: number of obstacles.
        seed: at least 0.
        horizon: of the problem; the usual one by default.

    Raises:
        ValueError: a negative seed or count, or more obstacles than a problem can hold.
        RuntimeError: no draw leaves a way through.

    """
    _check_seed(seed)
    if not 0 <= count <= MAX_OBSTACLES:
        raise ValueError(f'count is {count!r}: expected an integer in [0, {MAX_OBSTACLES}]')
    key = [FAMILY_KEY, *name.encode(), int(seed)]
    scenario = _first_that_holds(
        f'{name}_problem_{seed}',
        f'Random problem of the family {name}.',
        family,
        count,
        key,
        PROBLEM_DURATION,
        PROBLEM_DURATION,
    )
    return _problem(scenario, horizon or Horizon())


def _problem(scenario: Scenario, horizon: Horizon) -> PlanningProblem:
    """Return the planning problem at a scenario's beginning."""
    seen = [participant.obstacle_at(0.0, horizon) for participant in scenario.traffic]
    return PlanningProblem(
        stamp=0.0,
        initial_state=scenario.initial_state,
        road=scenario.road,
        obstacles=tuple(obstacle for obstacle in seen if obstacle is not None),
        goal=scenario.goal,
        vehicle=scenario.car,
        friction=scenario.friction,
        horizon=horizon,
    )


def _drawn(tier: str, seed: int, purpose: str, stretch: float, limit: float) -> Scenario:
    """Draw for a tier; `stretch` is the time that its traffic is spread over [s]."""
    family_name = problem_family(tier, seed)
    key = [list(FAMILIES).index(tier), int(seed), purpose == 'drive']
    share = 1.0 if purpose == 'problem' else DRIVE_DENSITY * stretch / PROBLEM_DURATION
    low, high = COUNTS[tier]
    # drawn once: else the fullest roads, which fail most often, would be rare
    count = round(np.random.default_rng(key).integers(low, high + 1) * share)
    name = f'{tier}_{family_name}_{purpose}_{seed}'
    description = f'Random {tier} {purpose} of the family {family_name}.'
    family = FAMILIES[tier][family_name]
    return _first_that_holds(name, description, family, count, key, stretch, limit)


def _first_that_holds(
    name: str,
    description: str,
    family: Family,
    count: int,
    key: list[int],
    stretch: float,
    limit: float,
) -> Scenario:
    """Draw, with random numbers from a key, until a scenario has a way through."""
    for attempt in range(DRAWS):
        draw = _Draw(np.random.default_rng([*key, attempt]), family, stretch, limit)
        if not draw.place_traffic(count):
            continue
        scenario = draw.scenario(name, description)
        if is_passable(scenario, stretch, PROGRESS * draw.speed * stretch):
            return scenario
    raise RuntimeError(f'{name}: no draw of {DRAWS} left a way through')


class _Draw:
    """One attempt at a scenario."""

    def __init__(
        self, rng: np.random.Generator, family: Family, stretch: float, limit: float
    ) -> None:
        self.rng = rng
        self.family = family
        self.stretch = stretch
        self.limit = limit
        self.speed = rng.uniform(*family.speed)
        self.friction = rng.uniform(*family.friction)
        self.reach = float(np.clip(self.speed * 6.0, 50.0, 90.0)) * stretch / PROBLEM_DURATION
        self.half_width = rng.uniform(*family.half_width)
        self.road = self._road()
        self.state = self._start()
        self.car = load_vehicle(DEFAULT_VEHICLE)
        self.instants = np.arange(0.0, stretch + 1e-9, CHECK_DT)
        self.traffic: list[TrafficParticipant] = []

    def scenario(self, name: str, description: str) -> Scenario:
        """Return what was drawn."""
        return Scenario(
            name=name,
            description=description,
            road=self.road,
            initial_state=self.state,
            goal=self._goal(),
            traffic=tuple(self.traffic),
            duration=self.limit,
            friction=self.friction,
        )

    def place_traffic(self, count: int) -> bool:
        """Add participants that keep apart from each other; False where one finds no place."""
        makers = (self._standing, self._same_way, self._oncoming, self._crossing)
        weights = np.array(self.family.mix) / sum(self.family.mix)
        kinds = np.sort(self.rng.choice(len(makers), size=count, p=weights))
        slots = (np.arange(count) + self.rng.uniform(0.0, 1.0, count)) / max(count, 1)
        # a slot per participant spreads them along the way; standing ones come first
        places = self.rng.permutation(slots)
        for index, (kind, place) in enumerate(zip(kinds, places, strict=True)):
            if not self._place(makers[kind], index, float(place)):
                return False
        return True

    def _place(
        self, maker: Callable[[int, float], TrafficParticipant], index: int, place: float
    ) -> bool:
        for _ in range(PLACING_TRIES):
            candidate = maker(index, place)
            if self._keeps_apart(candidate):
                self.traffic.append(candidate)
                return True
            place = self.rng.uniform()
        return False

    def _keeps_apart(self, candidate: TrafficParticipant) -> bool:
        heading = self.state[2]
        ahead = self.car.rear_to_center * np.array([np.cos(heading), np.sin(heading)])
        start = np.array([*(self.state[:2] + ahead), heading])
        half = (candidate.half_length, candidate.half_width)
        body = (self.car.length / 2 + 4.0, self.car.width / 2 + 0.5)
        gap = float(separation(start, body, candidate.poses[0], half)) - candidate.radius
        if gap <= 0.0:
            return False
        poses = candidate.poses_over(self.instants)
        if not self.traffic:
            return True
        others = np.stack([each.poses_over(self.instants) for each in self.traffic])
        size = np.array([(o.half_length, o.half_width, o.radius) for o in self.traffic]).T
        gaps = separation(poses, half, others, (size[0][:, None], size[1][:, None]))
        return bool((gaps.min(axis=1) - candidate.radius - size[2] >= APART).all())

    def _road(self) -> Road:
        limit = self.family.bend
        sharpest = self.friction * GRAVITY / self.speed**2
        segments = [(START_STATION + self.rng.uniform(5.0, 20.0), 0.0, 0.0)]
        length, curvature = segments[0][0], 0.0
        end = START_STATION + self.reach + 120.0
        side = self.rng.choice([-1.0, 1.0])
        while length < end:
            target = side * sharpest * self.rng.uniform(*limit)
            ramp = self.rng.uniform(15.0, 30.0)
            # a bend turns by 90 degrees at most, so that the road does not meet itself
            arc = min(self.rng.uniform(10.0, 40.0), 1.2 / max(abs(target), 1e-3))
            segments += [(ramp, curvature, target), (arc, target, target)]
            curvature = target
            length += ramp + arc
            side = -side
        origin = (*self.rng.uniform(-200.0, 200.0, 2), self.rng.uniform(-np.pi, np.pi))
        left, right = (self._width(length) for _ in range(2))
        speed_limit = self.speed + self.rng.uniform(1.0, 4.0)
        return road_from_segments(segments, left, right, speed_limit, origin)

    def _width(self, length: float) -> list[tuple[float, float]]:
        """Widths that wave a little and, where the family says so, narrow once or twice."""
        stations = np.arange(0.0, length + 20.0, 20.0)
        widths = self.half_width * self.rng.uniform(0.92, 1.0, len(stations))
        for k in range(3, len(stations), 4):
            widths[k : k + 2] *= self.rng.uniform(*self.family.narrowing)
        return [(float(s), float(w)) for s, w in zip(stations, widths, strict=True)]

    def _start(self) -> NDArray[np.float64]:
        offset = self.rng.uniform(-0.25, 0.25) * self.half_width
        x, y, heading = self.road.poses(START_STATION, offset)
        heading += self.rng.uniform(-0.06, 0.06)
        speed = self.speed * self.rng.uniform(0.85, 1.1)
        return np.array([x, y, heading, speed, self.rng.uniform(-0.02, 0.02)])

    def _goal(self) -> Goal:
        end = START_STATION + self.reach
        if self.stretch > PROBLEM_DURATION:
            return StationGoal(end, self.speed)
        choice = self.rng.uniform()
        if choice < 0.6:
            return KeepSpeed(self.speed)
        if choice < 0.85:
            return StationGoal(end, self.speed)
        if choice < 0.95 or not self._is_free(end):
            return StopBefore(end + 15.0, self.speed)
        x, y, heading = (float(value) for value in self.road.poses(end, 0.0))
        return PoseGoal(x, y, heading, self.speed)

    def _is_free(self, station: float) -> bool:
        """Tell whether the car could stand at a station, in the middle of the road."""
        pose = self.road.poses(station + self.car.rear_to_center, 0.0)
        half = (self.car.length / 2, self.car.width / 2)
        gaps = [
            float(separation(pose, half, each.poses[-1], (each.half_length, each.half_width)))
            - each.radius
            for each in self.traffic
            if len(each.times) == 1
        ]
        return min(gaps, default=np.inf) > 1.0

    def _station(self, place: float) -> float:
        return START_STATION + CLEAR_AHEAD + place * (self.reach - CLEAR_AHEAD)

    def _participant(
        self, index: int, kind: str, size: tuple[float, float, float], motion: Motion
    ) -> TrafficParticipant:
        return TrafficParticipant(f'{kind}_{index}', *size, *motion, kind, start_speed(motion))

    def _standing(self, index: int, place: float) -> TrafficParticipant:
        side = -1.0 if index % 2 else 1.0
        if self.rng.uniform() < 0.3:
            side = -side
        offset = side * self.rng.uniform(*self.family.scatter) * self.half_width
        turn = self.rng.uniform(-1.0, 1.0) * self.family.turned
        kind, size = self._standing_shape()
        motion = standing(self.road, self._station(place), offset, turn)
        return self._participant(index, kind, size, motion)

    def _standing_shape(self) -> tuple[str, tuple[float, float, float]]:
        draw = self.rng.uniform
        shapes = (
            ('car', (draw(1.8, 2.5), draw(0.8, 1.0), 0.0)),
            ('truck', (draw(2.8, 4.2), draw(1.05, 1.25), 0.0)),
            ('static', (draw(0.4, 1.2), draw(0.4, 0.8), 0.0)),
            ('static', (0.0, 0.0, draw(0.3, 0.9))),
        )
        return shapes[self.rng.choice(len(shapes), p=[0.45, 0.15, 0.2, 0.2])]

    def _vehicle_shape(self) -> tuple[float, float, float]:
        return self.rng.uniform(1.9, 2.6), self.rng.uniform(0.8, 1.0), 0.0

    def _same_way(self, index: int, place: float) -> TrafficParticipant:
        low = self.rng.uniform(0.25, 0.9) * self.speed
        lane, other = self.rng.uniform(-0.6, 0.6, 2) * self.half_width
        offsets = [(0.0, lane)]
        if self.rng.uniform() < 0.4:
            begin = self.rng.uniform(0.5, 2.5)
            offsets += [(begin, lane), (begin + self.rng.uniform(2.5, 4.0), other)]
        speeds = [(0.0, low), (4.0, max(0.0, low + self.rng.uniform(-3.0, 2.0)))]
        station = self._station(0.7 * place)
        motion = along_road(self.road, station, speeds, offsets, self.limit)
        return self._participant(index, 'car', self._vehicle_shape(), motion)

    def _oncoming(self, index: int, place: float) -> TrafficParticipant:
        speed = self.rng.uniform(5.0, 12.0)
        offset = self.rng.uniform(0.3, 0.65) * self.half_width
        station = self._station(0.4 + place) + 0.4 * speed * self.stretch
        motion = along_road(
            self.road, station, [(0.0, speed)], [(0.0, offset)], self.limit, sense=-1
        )
        return self._participant(index, 'car', self._vehicle_shape(), motion)

    def _crossing(self, index: int, place: float) -> TrafficParticipant:
        station = self._station(0.15 + 0.85 * place)
        side = self.rng.choice([-1.0, 1.0])
        speed = self.rng.uniform(*CROSSING_SPEED)
        away = self.half_width + self.rng.uniform(0.8, 2.5)
        begin = self.road.poses(station, side * away)[:2]
        end = self.road.poses(station + self.rng.uniform(-4.0, 4.0), -side * away)[:2]
        # in the middle of the road about when the car would be there
        arrival = (station - START_STATION) / self.speed + self.rng.uniform(-1.2, 1.2)
        start_time = max(0.0, arrival - away / speed)
        motion = crossing(begin, end, speed, start_time, self.limit)
        if speed > 2.2:
            return self._participant(index, 'bicycle', (0.9, 0.35, 0.0), motion)
        return self._participant(index, 'pedestrian', (0.0, 0.0, 0.35), motion)
