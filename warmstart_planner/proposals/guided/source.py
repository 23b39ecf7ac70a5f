# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
Guided: distinct ways round everything that moves, found by a search, without learning.

A lattice in station, offset, speed and time, searched backward by dynamic programming, as in
Ziegler, Stiller: Spatiotemporal state lattices for fast trajectory planning in dynamic on-road
driving scenarios (IROS 2009), and McNaughton, Urmson, Dolan, Lee: Motion planning for autonomous
driving with a conformal spatiotemporal lattice (ICRA 2011). Obstacles move and are inflated by
their margins. A forward beam with the cost-to-go as its heuristic keeps ways apart by homotopy
class, the side on which each obstacle is passed and whether it is passed at all, as do de Groot,
Ferranti, Gavrila, Alonso-Mora: Topology-Driven Parallel Trajectory Optimization in Dynamic
Environments (IEEE Transactions on Robotics 41, 2025). The search itself is compiled: search.c.

Two searches take turns. A cautious one fears overlaps; one that trusts refinement takes short
ones, which end in many a good plan. What neither sees is that a gap may be impossible: every way
through it overlaps a little. So braking and a straight line are among the starts.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from warmstart_planner.checks import number
from warmstart_planner.objective import CostWeights
from warmstart_planner.problem import PlanningProblem, Proposal, Trajectory, trajectories
from warmstart_planner.proposals.guided import library
from warmstart_planner.proposals.guided.lattice import BEHIND, STATION_STEP, Lattice, lattice_of
from warmstart_planner.proposals.guided.library import PRICES, PriceStructure, SearchStructure
from warmstart_planner.proposals.guided.road_ways import RoadWays, states_and_controls
from warmstart_planner.proposals.spec import LoadOptions, Origin, SourceSpec
from warmstart_planner.transcription import Margins
from warmstart_planner.vehicle import GRAVITY, VehicleParameters

Array = NDArray[np.float64]

WEIGHTS = CostWeights()  # of the planning problem, which the lattice has too
LATERAL_SHARE = 0.45
WAYS = 16  # that one search returns at most
APART = 1.4  # of ways of a class, while there are enough [m]
NEAR = 0.7  # ways of both searches that are nearer come last [m]
BRAKING = (1.5, 4.0, 8.0)  # [m/s^2]
PLAIN = ('straight line', *(f'braking {rate} m/s2' for rate in BRAKING))  # names of plain ways
APPROACH = 18.0  # over which plain ways come to the reference path [m]
ALIGNMENT = 64  # of the search's memory [bytes]


@dataclass(frozen=True)
class OverlapPrice:
    """
    What overlaps cost in a search.

    `linear` is per metre and second of it [1/(m s)], `square` the share of it that grows with the
    depth [1/m]. `guidance`: how far the cost-to-go is believed, which has it all at once.
    """

    linear: float
    square: float
    guidance: float

    def __post_init__(self) -> None:
        """Refuse prices that make no sense."""
        number('overlap_price.linear', self.linear, at_least=0.0, at_most=1e4)
        number('overlap_price.square', self.square, at_least=0.0, at_most=1e3)
        number('overlap_price.guidance', self.guidance, at_least=0.0, at_most=1.0)


@dataclass(frozen=True)
class GuidedSettings:
    """
    How widely is searched.

    `count` starts at most are proposed. Each stage keeps a `beam` of nodes, of at most `classes`
    homotopy classes, and at most `per_class` of each. Speeds are in steps of `speed_step` [m/s].
    """

    count: int = 16
    beam: int = 150
    classes: int = 20
    per_class: int = 20
    speed_step: float = 1.5
    cautious: OverlapPrice = OverlapPrice(100.0, 3.0, 0.85)
    trusting: OverlapPrice = OverlapPrice(40.0, 0.0, 1.0)

    def __post_init__(self) -> None:
        """Refuse searches that are empty or would take for ever."""
        for name, most in (('count', 64), ('beam', 5000), ('classes', 1000), ('per_class', 5000)):
            value = getattr(self, name)
            number(f'settings.{name}', value, at_least=1, at_most=most)
            if int(value) != value:
                raise ValueError(f'settings.{name} is {value}: expected a whole number')
        number('settings.speed_step', self.speed_step, at_least=0.5, at_most=5.0)


FAST = GuidedSettings()
WIDE = GuidedSettings(
    beam=400,
    classes=30,
    per_class=60,
    speed_step=1.0,
    trusting=OverlapPrice(30.0, 0.0, 1.0),
)


class Guided:
    """
    Ways of the two searches in turn, the cheapest of each first, with braking and a straight line.

    One instance serves one thread at a time; instances are independent.

    Args:
        settings: FAST, WIDE or others; None: FAST.
        margins: what is kept free beyond the hard limits.

    Raises:
        SolverMissingError: the search is not compiled.

    """

    name = 'guided'

    def __init__(
        self, settings: GuidedSettings | None = None, margins: Margins | None = None
    ) -> None:
        self.settings = settings or FAST
        self._margins = margins or Margins()
        self._library = library.load()
        self._memory = np.empty(0, np.uint8)

    def propose(
        self, problem: PlanningProblem, previous: Trajectory | None = None
    ) -> Sequence[Proposal]:
        """Return at most `settings.count` starts, map frame."""
        lattice = lattice_of(problem, self.settings.speed_step, self._margins)
        found = self._search(problem, lattice)
        chosen = self._in_turn(found)
        ways = RoadWays(
            lattice.station, lattice.lateral_speed, lattice.per_stage, found.ways[chosen]
        )
        states, controls = states_and_controls(problem, ways)
        driven = trajectories(problem.stamp, problem.horizon.dt, states, controls)
        return tuple(
            Proposal(self.name, trajectory, model_id=found.label(way))
            for way, trajectory in zip(chosen, driven, strict=True)
        )

    def _search(self, problem: PlanningProblem, lattice: Lattice) -> _Found:
        search = _structure(problem, lattice, self.settings, self._margins)
        needed = self._library.guided_memory(ctypes.byref(search))
        if len(self._memory) < needed + ALIGNMENT:
            self._memory = np.empty(needed + ALIGNMENT, np.uint8)
        memory = self._memory.ctypes.data
        found = _Found.room_for(lattice.stages)
        self._library.guided_search(
            ctypes.byref(search),
            memory + -memory % ALIGNMENT,
            *(each.ctypes.data for each in (found.ways, found.costs, found.classes, found.counts)),
        )
        plain = _plain_ways(lattice, search.duration)
        found.ways[PRICES * WAYS : PRICES * WAYS + len(plain)] = plain
        found.counts[PRICES] = len(plain)
        return found

    def _in_turn(self, found: _Found) -> list[int]:
        """Return which ways are taken, of all lists in turn; those near one before come last."""
        chosen = np.empty(self.settings.count, np.int32)
        count = self._library.guided_in_turn(
            len(found.counts),
            WAYS,
            found.ways.shape[1] - 1,
            NEAR,
            found.ways.ctypes.data,
            found.counts.ctypes.data,
            len(chosen),
            chosen.ctypes.data,
        )
        return chosen[:count].tolist()


def _load(options: LoadOptions) -> Guided:
    return Guided(margins=options.margins)


SPEC = SourceSpec(Guided.name, _load, Origin.GUIDED)


@dataclass(frozen=True)
class _Found:
    """
    Ways of both searches and plain ones, three lists with room for WAYS each.

    `ways`, shape (3 WAYS, stages + 1, 3): station from the start, offset and speed; `costs` and
    `classes` of those that were searched; `counts` of each list, shape (3,).
    """

    ways: Array
    costs: Array
    classes: NDArray[np.uint32]
    counts: NDArray[np.int32]

    @classmethod
    def room_for(cls, stages: int) -> _Found:
        return cls(
            np.empty(((PRICES + 1) * WAYS, stages + 1, 3)),
            np.empty(PRICES * WAYS),
            np.empty(PRICES * WAYS, np.uint32),
            np.empty(PRICES + 1, np.int32),
        )

    def label(self, way: int) -> str:
        if way < len(self.costs):
            return f'class {int(self.classes[way]):06x}, cost {float(self.costs[way]):.2f}'
        return PLAIN[way - len(self.costs)]


def _structure(
    problem: PlanningProblem, lattice: Lattice, settings: GuidedSettings, margins: Margins
) -> SearchStructure:
    """Return the searches as the library reads them; the lattice has to outlive it."""
    duration = lattice.per_stage * problem.horizon.dt
    grip = margins.grip * problem.friction * GRAVITY
    made = SearchStructure.from_buffer_copy(_costs(settings, problem.vehicle, duration, grip))
    made.stages = lattice.stages
    made.stations, made.lines, made.speeds = len(lattice.road), lattice.lines, lattice.speeds
    made.obstacles = lattice.obstacles.shape[1]
    made.first_line, made.offset_step = lattice.first_line, lattice.line_step
    made.offset, made.lateral_speed = lattice.offset, lattice.lateral_speed
    made.speed, made.stop = lattice.speed, min(lattice.stop, 1e6)
    made.road, made.obstacles_at = lattice.road.ctypes.data, lattice.obstacles.ctypes.data
    return made


@lru_cache(maxsize=16)
def _costs(
    settings: GuidedSettings, vehicle: VehicleParameters, duration: float, grip: float
) -> SearchStructure:
    """Return what is the same for all lattices of a car on some ground."""

    def levels(most: float) -> int:
        return max(1, int(min(most, grip) * duration / settings.speed_step + 1e-6))

    return SearchStructure(
        fastest_gain=levels(vehicle.acceleration_max),
        fastest_loss=levels(vehicle.deceleration_max),
        beam=settings.beam,
        classes=settings.classes,
        per_class=settings.per_class,
        ways=WAYS,
        duration=duration,
        station_step=STATION_STEP,
        speed_step=settings.speed_step,
        behind=BEHIND,
        length=vehicle.length,
        width=vehicle.width,
        grip=grip,
        speed_weight=WEIGHTS.speed,
        offset_weight=WEIGHTS.offset,
        heading_weight=WEIGHTS.heading,
        acceleration_weight=WEIGHTS.acceleration,
        lateral_weight=WEIGHTS.lateral_acceleration,
        terminal_speed_weight=WEIGHTS.terminal_speed,
        terminal_offset_weight=WEIGHTS.terminal_offset,
        lateral_share=LATERAL_SHARE,
        apart=APART,
        prices=(PriceStructure * PRICES)(
            *(PriceStructure(*astuple(p)) for p in (settings.cautious, settings.trusting))
        ),
    )


def _plain_ways(lattice: Lattice, duration: float) -> Array:
    """Return a straight line and braking along the reference path, whatever is in the way."""
    times = np.arange(lattice.stages + 1) * duration
    speeds = np.maximum(
        lattice.speed - np.array([[0.0], *([rate] for rate in BRAKING)]) * times, 0.0
    )
    ways = np.zeros((*speeds.shape, 3))
    np.cumsum((speeds[:, 1:] + speeds[:, :-1]) / 2 * duration, axis=1, out=ways[:, 1:, 0])
    blend = np.minimum(ways[..., 0] / APPROACH, 1.0)
    ways[..., 1] = lattice.offset * (1.0 - blend * blend * (3.0 - 2.0 * blend))
    ways[..., 2] = speeds
    return ways
