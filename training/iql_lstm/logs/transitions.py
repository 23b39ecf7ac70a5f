# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
Episodes from planning problems: `make transitions`.

Every answer of a dataset's problems is an episode of the horizon's steps, and so is every drive
through the car's model: the plain controller's, and the optimiser's under disturbances. A reward
is minus what the step costs by the one objective, with the verifier's violations at the
objective's own exact penalty. The horizon ends none of them: its end is a time-out, and the
terminal cost, which stands for what comes after, is left out.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Collection, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache, partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.command_line import at_least, run
from training.dataset.collection import BEST, NOISY
from training.dataset.reading import KINDS, Problems, read_problems
from training.dataset.returns import costs_along
from training.dataset.schema import Card, read_card
from training.dataset.shards import PERTURBED_VARIANTS
from training.dataset.situations import Situation, base_situation, perturbed
from training.iql_lstm.logs.episodes import Episodes, join
from training.iql_lstm.logs.plain_controller import (
    PLAIN,
    PlainController,
    drive_model,
    other_habits,
)
from training.iql_lstm.logs.receding_horizon import drive_optimally
from training.progress import tracked
from training.table import Column, table
from warmstart_planner.learned.context import OBSTACLE_SAMPLES
from warmstart_planner.learned.observation import library as observation_library
from warmstart_planner.learned.observation.fields import RULE_PLACES
from warmstart_planner.learned.observation.observer import OBSERVATION_SIZE, Observer, moving
from warmstart_planner.objective import CostWeights
from warmstart_planner.problem import Horizon, PlanningProblem, Trajectory
from warmstart_planner.scp.solver import ScpSolver
from warmstart_planner.transcription import Margins, transcribe
from warmstart_planner.vehicle import VehicleParameters, load_vehicle
from warmstart_planner.verification import DEFAULT_TOLERANCES, Tolerances, Verdict, verify

Array = NDArray[np.float64]

# Of a step. Beyond, all is equally lost: cars that leave the road for good get tens of metres
# away from it, and a critic would see little else.
VIOLATION_MOST = 2.0
NOISE = (0.0, 0.5, 1.0)  # sizes of the plain controller's exploration
HABITS, HABITS_NOISE = 4, 0.3  # plain controllers of other habits, and size of their exploration
OTHERS = 'other_habits'  # their name as a source of episodes
# The noisy answers mostly end far off the road: beside them good and better would look alike.
LEARNED_FROM = tuple(kind for kind in KINDS if kind != NOISY)
DISTURBED = 'receding_horizon'  # the optimiser's name as a source of episodes
DISTURBANCES = (0.3, 1.5)  # sizes, of drives of the optimiser
# What was disturbed, or is no kinematic model, is held to all but the model.
DRIVEN = Tolerances(position=1e3, yaw=1e3, speed=1e3, steering=1e3)
DATASET_FILE, PLAIN_FILE, DISTURBED_FILE = 'dataset.npz', 'plain.npz', 'disturbed.npz'


def rewards_of(cost_to_go: Array, constraint_to_go: Array, dt: float) -> NDArray[np.float32]:
    """
    Return the rewards of steps: minus their cost and what their violations are charged.

    A violation [m, m/s^2 or its own unit] costs what the objective's exact penalty takes for a
    step; of each step at most VIOLATION_MOST counts.

    Args:
        cost_to_go: (..., N + 1), with the terminal cost in its last value.
        constraint_to_go: (..., N + 1), as the verifier has it.
        dt: of the steps [s].

    Returns:
        Shape (..., N).

    """
    cost, violation = (
        np.maximum(-np.diff(np.asarray(values, dtype=float), axis=-1), 0.0)
        for values in (cost_to_go, constraint_to_go)
    )
    price = CostWeights().violation * dt
    return (-cost - price * np.minimum(violation, VIOLATION_MOST)).astype(np.float32)


def returns_of(costs: Array, verdicts: Sequence[Verdict], dt: float) -> Array:
    """
    Return what K drives of a whole horizon are worth, the cost of their end included, (K,).

    Args:
        costs: cost-to-go (K, N + 1), as `judged` returns it.
        verdicts: on the drives.
        dt: of their steps [s].

    """
    violations = np.stack([verdict.constraint_to_go for verdict in verdicts])
    # one more step to nothing: the end's own cost and violation count in it
    whole = (np.pad(values, ((0, 0), (0, 1))) for values in (costs, violations))
    return rewards_of(*whole, dt).sum(axis=1, dtype=float)


def from_problems(
    problems: Problems, dt: float, vehicle: VehicleParameters, kinds: Collection[str] = KINDS
) -> Episodes:
    """
    Return the answers of problems as episodes; the scene's index is the group.

    Args:
        problems: with their answers.
        dt: of their horizon [s].
        vehicle: the car.
        kinds: of the answers that are wanted; each is a source.

    Raises:
        ValueError: a kind is unknown, or no answer is of these kinds.

    """
    for kind in kinds:
        if kind not in KINDS:
            raise ValueError(f'kinds has {kind!r}: expected some of {", ".join(KINDS)}')
    chosen = np.isin(problems.kind, [KINDS.index(kind) for kind in kinds])
    if not chosen.any():
        raise ValueError(f'problems hold no answer of the kinds {", ".join(kinds)}')
    observer = Observer(vehicle)
    nodes = problems.states.shape[2]
    observations = np.empty((int(chosen.sum()), nodes, OBSERVATION_SIZE), np.float32)
    first = 0
    for row in np.flatnonzero(chosen.any(axis=1)):
        seen = between_samples(problems.obstacles[row, problems.present[row]], nodes)
        states = problems.states[row, chosen[row]].astype(float)
        observations[first : first + len(states)] = observer.observe_along(
            states, problems.road[row].astype(float), moving(seen, dt)
        )
        first += len(states)
    return _episodes(
        observations,
        problems.controls[chosen],
        rewards_of(problems.cost_to_go[chosen], problems.constraint_to_go[chosen], dt),
        vehicle,
        source=problems.kind[chosen],
        sources=KINDS,
        group=np.broadcast_to(problems.index[:, None], chosen.shape)[chosen],
    )


def between_samples(obstacles: NDArray[np.floating], nodes: int) -> Array:
    """
    Return obstacles at all nodes, from the few times at which a context has them.

    Args:
        obstacles: (M, OBSTACLE_SAMPLES, 7).
        nodes: of the horizon.

    Returns:
        Shape (M, nodes, 7), straight between the samples, direction of unit length.

    """
    at = np.round(np.linspace(0, nodes - 1, OBSTACLE_SAMPLES))
    place = np.interp(np.arange(nodes), at, np.arange(OBSTACLE_SAMPLES))
    before = np.minimum(place.astype(int), OBSTACLE_SAMPLES - 2)
    fraction = (place - before)[:, None]
    values = np.asarray(obstacles, dtype=float)
    result = (1.0 - fraction) * values[:, before] + fraction * values[:, before + 1]
    result[..., 2:4] /= np.maximum(np.hypot(result[..., 2], result[..., 3]), 1e-9)[..., None]
    return result


def from_plain_controller(index: int, horizon: Horizon, vehicle: str) -> Episodes | None:
    """
    Return drives of plain controllers in a dataset's scene, through the car's model.

    From each of the scene's starts drives the plain controller, once for each of NOISE, and
    HABITS controllers of other habits: there is something to improve on only where what was done
    differs.

    Args:
        index: of the scene, which is the group.
        horizon: of the drives.
        vehicle: name of the car.

    Returns:
        None where the generator finds no such scene.

    """
    try:
        base = base_situation(index, horizon)
    except RuntimeError:
        return None
    starts = [base, *(perturbed(base, 1 + i) for i in range(PERTURBED_VARIANTS))]
    return join([_plain_drives(start, vehicle) for start in starts])


def _plain_drives(start: Situation, vehicle: str) -> Episodes:
    plain, observer = _tools(vehicle)
    dt = start.problem.horizon.dt
    numbers = transcribe(start.problem, Margins())
    rng = np.random.default_rng([67, start.index, start.variant])
    others = [
        PlainController(plain.vehicle, other_habits(plain.settings, rng)) for _ in range(HABITS)
    ]
    drives = [
        drive_model(plain, numbers, dt, NOISE, rng),
        *(drive_model(other, numbers, dt, [HABITS_NOISE], rng) for other in others),
    ]
    states, controls = (np.concatenate(parts) for parts in zip(*drives, strict=True))
    cost_to_go, verdicts = judged(start.problem, states, controls)
    constraint_to_go = np.stack([verdict.constraint_to_go for verdict in verdicts])
    return _episodes(
        observer.observe_along(states, numbers.road, moving(numbers.obstacles, dt)),
        controls,
        rewards_of(cost_to_go, constraint_to_go, dt),
        plain.vehicle,
        source=np.repeat([0, 1], [len(NOISE), HABITS]),
        sources=(PLAIN, OTHERS),
        group=np.full(len(states), start.index),
    )


@dataclass(frozen=True)
class AnsweredScene:
    """A scene's index and the best answers to its problems, by variant: states and controls."""

    index: int
    best: dict[int, tuple[Array, Array]]


def answered(folders: Sequence[Path]) -> list[AnsweredScene]:
    """
    Return the best answers of datasets to the problems that can be drawn again.

    Raises:
        DatasetError: a dataset is missing or damaged, or they do not fit together.

    """
    scenes: dict[int, AnsweredScene] = {}
    for validation in (False, True):
        known = read_problems(folders, validation)
        for row in np.flatnonzero(known.variant <= PERTURBED_VARIANTS):
            first = int(np.argmax(known.kind[row] == KINDS.index(BEST)))
            scene = scenes.setdefault(
                int(known.index[row]), AnsweredScene(int(known.index[row]), {})
            )
            scene.best[int(known.variant[row])] = (
                known.states[row, first].astype(float),
                known.controls[row, first].astype(float),
            )
    return [scenes[index] for index in sorted(scenes)]


def from_optimiser(scene: AnsweredScene, horizon: Horizon, vehicle: str) -> Episodes | None:
    """
    Return disturbed drives of the optimiser in a dataset's scene; the scene is the group.

    Args:
        scene: whose best answers the drives begin with, one drive each.
        horizon: of the drives.
        vehicle: name of the car.

    Returns:
        None where the generator finds no such scene.

    """
    try:
        base = base_situation(scene.index, horizon)
    except RuntimeError:
        return None
    solver, observer = _solver(vehicle, horizon), _tools(vehicle)[1]
    parts = []
    for variant, (best_states, best_controls) in scene.best.items():
        problem = (perturbed(base, variant) if variant else base).problem
        numbers = transcribe(problem, Margins())
        plan = Trajectory(
            problem.stamp, horizon.dt, numbers.frame.globalise(best_states), best_controls
        )
        rng = np.random.default_rng([71, scene.index, variant])
        states, controls = drive_optimally(
            solver, problem, plan, float(rng.uniform(*DISTURBANCES)), rng
        )
        own = numbers.frame.localise(states[None])
        cost_to_go, (verdict,) = judged(problem, own, controls[None], DRIVEN)
        parts.append(
            _episodes(
                observer.observe_along(own, numbers.road, moving(numbers.obstacles, horizon.dt)),
                controls[None],
                rewards_of(cost_to_go, verdict.constraint_to_go[None], horizon.dt),
                observer.vehicle,
                source=np.zeros(1, np.int64),
                sources=(DISTURBED,),
                group=np.full(1, scene.index),
            )
        )
    return join(parts)


def judged(
    problem: PlanningProblem,
    states: Array,
    controls: Array,
    tolerances: Tolerances = DEFAULT_TOLERANCES,
) -> tuple[Array, list[Verdict]]:
    """
    Return cost-to-go (K, N + 1) of drives and the verifier's verdicts.

    Args:
        problem: that was driven.
        states: (K, N + 1, 5) in the problem's frame.
        controls: (K, N, 2).
        tolerances: of the verifier.

    """
    numbers, dt = transcribe(problem, Margins()), problem.horizon.dt
    costs = costs_along(states, controls, numbers.road, problem.vehicle, dt, CostWeights())
    driven = (
        Trajectory(problem.stamp, dt, numbers.frame.globalise(own), used)
        for own, used in zip(states, controls, strict=True)
    )
    return costs, [verify(problem, each, tolerances) for each in driven]


@cache
def _tools(vehicle: str) -> tuple[PlainController, Observer]:
    car = load_vehicle(vehicle)
    return PlainController(car), Observer(car)


@cache
def _solver(vehicle: str, horizon: Horizon) -> ScpSolver:
    return ScpSolver(load_vehicle(vehicle), horizon)


def _episodes(
    observations: NDArray[np.float32],
    actions: NDArray[np.floating],
    rewards: NDArray[np.float32],
    vehicle: VehicleParameters,
    source: NDArray[np.int64],
    sources: tuple[str, ...],
    group: NDArray[np.int64],
) -> Episodes:
    """Return whole episodes that all end with a time-out."""
    low, high = (
        bound.astype(np.float32) for bound in (vehicle.control_lower, vehicle.control_upper)
    )
    count, steps = rewards.shape
    return Episodes(
        observations=observations,
        actions=np.clip(actions.astype(np.float32), low, high),  # what rounding put beyond
        rewards=rewards,
        lengths=np.full(count, steps, np.int64),
        terminal=np.zeros(count, bool),
        source=np.asarray(source, np.int64),
        sources=sources,
        action_low=low,
        action_high=high,
        action_suggested=np.array(RULE_PLACES),
        group=np.asarray(group, np.int64),
    )


# --- the program ---------------------------------------------------------------------------------


def write_dataset(folders: Sequence[Path], kinds: Collection[str], path: Path) -> Episodes:
    """
    Write the answers of datasets as episodes, and return them.

    Raises:
        DatasetError: a dataset is missing or damaged, or they do not fit together.
        ValueError: a kind is unknown or has no answer.

    """
    card = read_card(folders[0])
    vehicle = load_vehicle(card.vehicle)
    sides = [
        from_problems(read_problems(folders, validation), card.dt, vehicle, kinds)
        for validation in (False, True)
    ]
    episodes = join(sides)
    episodes.save(path)
    return episodes


def write_plain(card: Card, indices: Iterable[int], workers: int, path: Path) -> Episodes:
    """
    Write drives of the plain controller in scenes of a dataset as episodes, and return them.

    Args:
        card: of the dataset.
        indices: of the scenes.
        workers: processes.
        path: npz file.

    Raises:
        ValueError: none of the scenes can be drawn.

    """
    drive = partial(from_plain_controller, horizon=card.horizon, vehicle=card.vehicle)
    return _driven(drive, list(indices), workers, path)


def write_disturbed(folders: Sequence[Path], scenes: int, workers: int, path: Path) -> Episodes:
    """
    Write disturbed drives of the optimiser in scenes of datasets as episodes, and return them.

    Args:
        folders: of the datasets, whose best answers the drives begin with.
        scenes: how many, the first ones.
        workers: processes.
        path: npz file.

    Raises:
        DatasetError: a dataset is missing or damaged, or they do not fit together.
        ValueError: none of the scenes can be drawn.

    """
    card = read_card(folders[0])
    drive = partial(from_optimiser, horizon=card.horizon, vehicle=card.vehicle)
    return _driven(drive, answered(folders)[:scenes], workers, path)


def _driven(
    drive: Callable[[Any], Episodes | None], scenes: Sequence[Any], workers: int, path: Path
) -> Episodes:
    """Drive in scenes on worker processes; write the episodes and return them."""
    # not forked: reading a dataset has started threads
    with ProcessPoolExecutor(workers, get_context('spawn')) as pool:
        made = tracked(pool.map(drive, scenes), 'driving', len(scenes))
        parts = [part for part in made if part is not None]
    if not parts:
        raise ValueError(f'none of {len(scenes)} scenes could be drawn')
    episodes = join(parts)
    episodes.save(path)
    return episodes


def summary(episodes: Episodes) -> str:
    """Return how many episodes there are from each source, and what they return."""
    returns = episodes.returns(1.0)
    found = {
        name: returns[episodes.source == number] for number, name in enumerate(episodes.sources)
    }
    rows = [{'source': name, 'returns': own} for name, own in found.items() if len(own)]
    return table(COLUMNS, rows)


COLUMNS = (
    Column('source', 'source'),
    Column('episodes', lambda row: len(row['returns']), 'd'),
    Column('return: median', lambda row: np.median(row['returns']), '.1f'),
    Column('mean', lambda row: np.mean(row['returns']), '.1f'),
)


@dataclass(frozen=True)
class Options:
    """What episodes are made of."""

    dataset: str = 'out/dataset'  # folders, separated by commas
    out: Path = Path('out/transitions')  # folder of the files
    kinds: tuple[str, ...] = LEARNED_FROM  # of answers
    plain: int = 1200  # scenes that plain controllers drive in
    disturbed: int = 200  # scenes that the optimiser drives in
    workers: int = os.cpu_count() or 1  # processes

    def __post_init__(self) -> None:
        """Check the numbers."""
        at_least(self, plain=1, disturbed=1, workers=1)


def main(arguments: list[str] | None = None) -> int:
    """Write the files; return the exit status."""
    return run(_write, Options, 'transitions', __doc__, arguments)


def _write(options: Options) -> None:
    folders = [Path(folder) for folder in options.dataset.split(',')]
    card = read_card(folders[0])
    observation_library.generate(load_vehicle(card.vehicle))
    parts = [write_dataset(folders, options.kinds, options.out / DATASET_FILE)]
    indices = range(card.first, card.first + options.plain)
    parts.append(write_plain(card, indices, options.workers, options.out / PLAIN_FILE))
    path = options.out / DISTURBED_FILE
    parts.append(write_disturbed(folders, options.disturbed, options.workers, path))
    print('\n'.join(summary(part) for part in parts))
    print(options.out)


if __name__ == '__main__':
    sys.exit(main())
