# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
Drive random scenarios in the simulator and keep the logs as episodes: `make driving-logs`.

Half of the drives are the whole stack's, half the plain controller's, all of them disturbed: by
another friction and mass than the planner knows, wind, impulses and noise. Each drive is a file,
written as a whole or not at all; one that is there is not driven again. A drive's number is all
that it depends on.

A drive is cut into episodes of at most the horizon's length. They end with a time-out, unless the
drive does with a collision or off the road: such an end is terminal and costs FAILURE_PENALTY.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace
from functools import cache
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.command_line import at_least, run
from training.dataset.situations import FIRST_SEED, tier_of
from training.iql_lstm.logs.episodes import Episodes, join, load_episodes
from training.iql_lstm.logs.plain_controller import PLAIN, PlainController
from training.iql_lstm.logs.plain_driver import PlainDriver
from training.iql_lstm.logs.transitions import DRIVEN, judged, rewards_of, summary
from training.progress import tracked
from warmstart_planner.learned.observation import library as observation_library
from warmstart_planner.learned.observation.fields import RULE_PLACES
from warmstart_planner.learned.observation.observer import (
    OBSERVATION_SIZE,
    OBSERVATION_VERSION,
    Observer,
    moving,
)
from warmstart_planner.mpc.controller import Controller, ControllerSettings
from warmstart_planner.planning import Planner
from warmstart_planner.problem import Horizon
from warmstart_planner.scenarios.generator import random_scenario
from warmstart_planner.simulation.closed_loop import Drive, drive
from warmstart_planner.simulation.configuration import (
    ImpulseConfiguration,
    SimulationConfiguration,
    default_configuration_path,
    read_configuration,
)
from warmstart_planner.simulation.monitor import Outcome
from warmstart_planner.transcription import Margins, transcribe
from warmstart_planner.vehicle import DEFAULT_VEHICLE, SPEED, STEERING, load_vehicle

Array = NDArray[np.float64]

STACK = 'planner_and_controller'
DRIVERS = (STACK, PLAIN)  # by turns
NOISE = (0.0, 0.5, 1.0)  # sizes of the plain controller's exploration, by turns
# More than any way of driving on could cost within the discount's reach of some ten seconds: to
# stand where 14 m/s are wanted costs 40 a second. Otherwise a crash would be a way to save costs.
FAILURE_PENALTY = 500.0
FAILURES = (Outcome.COLLISION, Outcome.OFF_ROAD)
DRIVES = 'drives'  # folder of the single drives
FILE = 'episodes.npz'


@dataclass(frozen=True)
class Assignment:
    """One drive: who drives what, in which world."""

    number: int
    driver: str
    noise: float
    tier: str
    configuration: SimulationConfiguration

    @property
    def seed(self) -> int:
        """Of the random scenario; training's seeds begin where those of benchmarks end."""
        return FIRST_SEED + self.number


def assignment(number: int, base: SimulationConfiguration) -> Assignment:
    """
    Return what a drive is, from its number and the usual world.

    Args:
        number: at least 0.
        base: what is not disturbed further stays as it says.

    """
    rng = np.random.default_rng([61, number])
    impulses = tuple(
        ImpulseConfiguration(
            time=float(rng.uniform(1.0, 12.0)),
            lateral_speed=float(rng.normal(0.0, 0.5)),
            yaw_rate=float(rng.normal(0.0, 0.15)),
        )
        for _ in range(rng.integers(0, 4))
    )
    configuration = replace(
        base,
        seed=number,
        plant=replace(
            base.plant,
            friction_factor=float(rng.uniform(0.75, 1.15)),
            mass_factor=float(rng.uniform(0.9, 1.2)),
        ),
        wind=replace(
            base.wind,
            speed=float(rng.uniform(0.0, 8.0)),
            direction=float(rng.uniform(-np.pi, np.pi)),
            gust=float(rng.uniform(0.0, 3.0)),
        ),
        impulses=impulses,
    )
    driver = DRIVERS[number % len(DRIVERS)]
    noise = NOISE[number // len(DRIVERS) % len(NOISE)] if driver == PLAIN else 0.0
    return Assignment(number, driver, noise, tier_of(number), configuration)


def driven(given: Assignment) -> Drive | None:
    """Drive; None where the generator finds no such scenario."""
    try:
        scenario = random_scenario(given.tier, given.seed)
    except RuntimeError:
        return None
    if given.driver == PLAIN:
        driver = PlainDriver(PlainController(scenario.car), given.noise, given.number)
        return drive(scenario, driver, driver, given.configuration)
    planner, controller = Planner(scenario.car), Controller(ControllerSettings(), scenario.car)
    # without a deadline plans do not depend on how busy the machine is
    return drive(scenario, planner, controller, given.configuration, deadline=np.inf)


def episodes_of(done: Drive, source: str, group: int, observer: Observer) -> Episodes | None:
    """
    Return a drive as episodes of at most the horizon's length.

    Observations are those of the true states at the horizon's rate, actions the changes of speed
    and steering from each to the next, rewards what each step really cost.

    Args:
        done: the drive.
        source: who drove.
        group: what must stay together.
        observer: of the car.

    Returns:
        None for a drive that ended within its first step.

    """
    horizon = Horizon()
    times, states, failed = _steps(done, horizon.dt)
    count = len(times) - 1
    if count < 1:
        return None
    vehicle = done.scenario.car
    low, high = (
        bound.astype(np.float32) for bound in (vehicle.control_lower, vehicle.control_upper)
    )
    changes = np.diff(states[:, [SPEED, STEERING]], axis=0) / horizon.dt
    controls = np.clip(changes, vehicle.control_lower, vehicle.control_upper)
    seen = np.empty((count + 1, OBSERVATION_SIZE), np.float32)
    rewards = np.empty(count, np.float32)
    for k, (t, state) in enumerate(zip(times, states, strict=True)):
        problem = done.scenario.problem_at(float(t), state, horizon)
        numbers = transcribe(problem, Margins())
        seen[k] = observer.observe(
            numbers.initial_state[None], numbers.road, moving(numbers.obstacles, horizon.dt)[:, 0]
        )
        if k < count:
            step = numbers.frame.localise(states[None, k : k + 2])
            cost_to_go, (verdict,) = judged(problem, step, controls[None, k : k + 1], DRIVEN)
            rewards[k] = rewards_of(cost_to_go[0], verdict.constraint_to_go, horizon.dt)[0]
    if failed:
        rewards[-1] -= FAILURE_PENALTY
    firsts = range(0, count, horizon.steps)
    shape = (len(firsts), horizon.steps)
    observations = np.zeros((shape[0], shape[1] + 1, OBSERVATION_SIZE), np.float32)
    actions, earned = np.zeros((*shape, len(low)), np.float32), np.zeros(shape, np.float32)
    lengths = np.array([min(horizon.steps, count - first) for first in firsts], np.int64)
    for row, (first, length) in enumerate(zip(firsts, lengths, strict=True)):
        observations[row, : length + 1] = seen[first : first + length + 1]
        actions[row, :length] = controls[first : first + length]
        earned[row, :length] = rewards[first : first + length]
    return Episodes(
        observations=observations,
        actions=actions,
        rewards=earned,
        lengths=lengths,
        terminal=np.arange(len(firsts)) == (len(firsts) - 1 if failed else -1),
        source=np.zeros(len(firsts), np.int64),
        sources=(source,),
        action_low=low,
        action_high=high,
        action_suggested=np.array(RULE_PLACES),
        group=np.full(len(firsts), group, np.int64),
    )


def _steps(done: Drive, dt: float) -> tuple[Array, Array, bool]:
    """Return times and true states of whole steps, up to a failure, and whether it failed."""
    end = done.record.times[-1]
    failed = done.outcome in FAILURES
    if done.verdict.first_collision is not None:
        end, failed = done.verdict.first_collision, True
    last = np.ceil(end / dt - 1e-6) if failed else np.floor(end / dt + 1e-6)
    last = min(last, np.floor(done.record.times[-1] / dt + 1e-6))
    times = np.arange(int(last) + 1) * dt
    at = np.searchsorted(done.record.times, times - 1e-6)
    states = done.record.states[at].copy()
    states[:, 2] = np.unwrap(states[:, 2])
    return times, states, failed


# --- the program ---------------------------------------------------------------------------------


def drive_path(folder: Path, number: int) -> Path:
    """Return where a drive's episodes lie; another version of observations is another file."""
    return folder / DRIVES / f'drive-v{OBSERVATION_VERSION}-{number:06d}.npz'


def make_drive(folder: str, number: int, configuration: SimulationConfiguration) -> bool:
    """
    Drive once and write the episodes; runs on a worker.

    Returns:
        Whether there was something to write.

    Raises:
        OSError: the file cannot be written.

    """
    given = assignment(number, configuration)
    done = driven(given)
    episodes = done and episodes_of(done, given.driver, number, _observer(DEFAULT_VEHICLE))
    if episodes is None:
        return False
    episodes.save(drive_path(Path(folder), number))
    return True


@cache
def _observer(vehicle: str) -> Observer:
    return Observer(load_vehicle(vehicle))


def make_drives(
    folder: Path, count: int, configuration: SimulationConfiguration, workers: int
) -> Episodes:
    """
    Make the drives that are missing, and return and write all of them together.

    Args:
        folder: of the logs.
        count: of drives, numbers 0 and on.
        configuration: the usual world.
        workers: processes.

    Raises:
        DatasetError: a drive's file is damaged.
        ValueError: there is no drive.
        OSError: a file cannot be written.

    """
    missing = [n for n in range(count) if not drive_path(folder, n).exists()]
    for number in _run(folder, missing, configuration, workers):
        print(f'drive {number}: no such scenario, or it ended at once', file=sys.stderr)
    paths = [drive_path(folder, number) for number in range(count)]
    parts = [load_episodes(path) for path in paths if path.exists()]
    if not parts:
        raise ValueError(f'none of {count} drives came about')
    episodes = join(parts)
    episodes.save(folder / FILE)
    return episodes


def _run(
    folder: Path, numbers: list[int], configuration: SimulationConfiguration, workers: int
) -> Iterator[int]:
    """Make drives in worker processes; yield the numbers of those that did not come about."""
    if not numbers:
        return
    with ProcessPoolExecutor(workers, get_context('spawn')) as pool:
        jobs = {
            pool.submit(make_drive, str(folder), number, configuration): number
            for number in numbers
        }
        try:
            for job in tracked(as_completed(jobs), 'driving', len(jobs)):
                if not job.result():
                    yield jobs[job]
        finally:
            pool.shutdown(cancel_futures=True)


@dataclass(frozen=True)
class Options:
    """How many drives, in what world."""

    out: Path = Path('out/driving_logs')  # folder of the drives and of the log
    drives: int = 60  # with disturbances
    workers: int = os.cpu_count() or 1  # processes
    configuration: Path | None = None  # YAML file; config/simulation.yaml by default

    def __post_init__(self) -> None:
        """Check the numbers."""
        at_least(self, drives=1, workers=1)


def main(arguments: list[str] | None = None) -> int:
    """Make the logs; return the exit status."""
    try:
        return run(_make, Options, 'driving-logs', __doc__, arguments)
    except KeyboardInterrupt:
        print('driving-logs: stopped; the same command goes on from here', file=sys.stderr)
        return 130


def _make(options: Options) -> None:
    world = read_configuration(options.configuration or default_configuration_path())
    observation_library.generate(load_vehicle(DEFAULT_VEHICLE))
    episodes = make_drives(options.out, options.drives, world, options.workers)
    print(summary(episodes))
    print(f'{int(episodes.terminal.sum())} drives failed; {options.out / FILE}')


if __name__ == '__main__':
    sys.exit(main())
