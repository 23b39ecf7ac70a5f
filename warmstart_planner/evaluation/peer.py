# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
CommonRoad's reactive planner as a peer that drives the same files, in an environment of its own.

`make peer` makes the environment, in a checkout of the project; `scripts/commonroad_peer.py` is
what runs in it, in a process for each file. Its drives become rows as ours do: the same verdict,
figures and solution.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from warmstart_planner.evaluation.benchmark import read_benchmark
from warmstart_planner.evaluation.scenes import (
    BROKEN_OFF,
    REFUSED,
    NotDrivenError,
    Row,
    row_of,
)
from warmstart_planner.problem import Rung
from warmstart_planner.processes.parallel import in_parallel
from warmstart_planner.scenarios import Scenario, load_scenario
from warmstart_planner.simulation.closed_loop import Drive
from warmstart_planner.simulation.configuration import (
    SimulationConfiguration,
    default_configuration_path,
    read_configuration,
)
from warmstart_planner.simulation.monitor import DriveMonitor, Outcome
from warmstart_planner.simulation.record import DriveRecord, PlanRecord
from warmstart_planner.vehicle import STATE_SIZE
from warmstart_planner.verification import drive_verdict

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = ROOT / 'scripts' / 'commonroad_peer.py'
REQUIREMENTS = ROOT / 'requirements' / 'peer.txt'
PYTHON = ROOT / '.venv-peer' / 'bin' / 'python'
VEHICLE = 'commonroad_2'  # that the program drives
SOURCE = 'reactive_planner'
DRAWINGS = ('picture',)


@dataclass(frozen=True)
class PeerDrive:
    """
    What the peer did with a file.

    `ended` is how it ended, one of `Outcome`'s names. `message` is the last error that its planner
    raised, '' without one. `states` at the file's time steps are of the rear axle in the map
    frame, shape (N, 5). Of each of its cycles, `planned` tells whether there was a plan, and
    `plan_ms` is the processor time [ms].
    """

    ended: str
    message: str
    states: NDArray[np.float64]
    planned: tuple[bool, ...]
    plan_ms: tuple[float, ...]


def is_installed() -> bool:
    """Whether there is an environment to drive in."""
    return PYTHON.exists() and PROGRAM.exists()


def version() -> str:
    """Return a hash of what decides how the peer drives: its packages and our program."""
    content = REQUIREMENTS.read_bytes() + PROGRAM.read_bytes()
    return hashlib.sha256(content).hexdigest()[:16]


def peer_scenes(names: Mapping[Path, str], folder: Path, workers: int) -> Iterator[Row]:
    """
    Have files driven side by side, and yield their rows as they are done.

    Args:
        names: of the files, under which what is written of each lies in the folder.
        folder: for what is written.
        workers: processes.

    Raises:
        OSError: a file cannot be written.

    """
    yield from in_parallel(
        peer_scene, [(path, folder / name) for path, name in names.items()], workers
    )


def peer_scene(path: Path, target: Path) -> Row:
    """
    Have one file driven and return its row, as `drive_scene` does.

    A file that we or the peer cannot read is refused; where the peer's process ended, the drive
    broke off.

    Args:
        path: of the scenario.
        target: path of what is written, without its suffixes.

    Raises:
        OSError: a file cannot be written.

    """
    row = row_of(path, lambda: _driven(path), DRAWINGS, target)
    if row['outcome'] == Outcome.NO_PLAN.value and not row['message']:
        found = f'{row["plans_feasible"]} of {row["plans"]} cycles found a plan'
        row['message'] = f'{path}: the last plan was driven to its end: {found}'
    return row


def _driven(path: Path) -> Drive:
    scenario = load_scenario(path, VEHICLE)
    if path.suffix != '.xml':
        raise NotDrivenError(REFUSED, f"{path}: is no .xml: expected a CommonRoad file's")
    return drive_of(scenario, peer_drive(path), read_benchmark(path).dt)


def peer_drive(path: Path) -> PeerDrive:
    """
    Have a CommonRoad file driven by the peer's program.

    Raises:
        NotDrivenError: it could not begin, or its process ended.

    """
    done = subprocess.run(
        [str(PYTHON), str(PROGRAM), str(path.resolve())],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # its packages warn, and tell of leaks when they end
        text=True,
        check=False,
    )
    if not done.stdout:
        raise NotDrivenError(
            BROKEN_OFF,
            f"{path}: the peer's process ended with status {done.returncode}: expected a drive",
        )
    return parsed(done.stdout, path)


def parsed(answer: str, path: Path) -> PeerDrive:
    """
    Return a drive from the line that the program printed.

    Raises:
        NotDrivenError: it is an error, or the car has not moved on.

    """
    content = json.loads(answer)
    if 'error' in content:
        raise NotDrivenError(REFUSED, f'{path}: the peer cannot begin: {content["error"]}')
    if len(content['states']) < 2:
        why = content['message'] or 'no sample is feasible'
        raise NotDrivenError(content['ended'], f'{path}: no plan from the start: {why}')
    return PeerDrive(
        ended=content['ended'],
        message=content['message'],
        states=np.array(content['states']).reshape(-1, STATE_SIZE),
        planned=tuple(content['planned']),
        plan_ms=tuple(content['plan_ms']),
    )


def drive_of(scenario: Scenario, done: PeerDrive, dt: float) -> Drive:
    """
    Return what the peer drove as a drive of our own, judged as such.

    It ended where it fails by our verdict, else as the peer says.

    Args:
        scenario: that was driven.
        done: by the peer.
        dt: time step of its states [s].

    """
    times = np.arange(len(done.states)) * dt
    plans = tuple(
        PlanRecord(
            stamp=k * dt,
            available=k * dt,
            seconds=seconds / 1e3,
            iterations=0,
            rung=(Rung.OPTIMISED if planned else Rung.PREVIOUS).name.lower(),
            source=SOURCE,
            feasible=planned,
            reference=None,
        )
        for k, (planned, seconds) in enumerate(zip(done.planned, done.plan_ms, strict=True))
    )
    record = DriveRecord(times, done.states, plans, ())
    track = scenario.track(record.times, record.states)
    return Drive(
        scenario=scenario,
        configuration=_kinematic(),
        outcome=_outcome(scenario, record, Outcome(done.ended)),
        missed=scenario.arrival.missed(track),
        verdict=drive_verdict(scenario, record.times, record.states),
        record=record,
        plans=(),
        outputs=(),
    )


def _outcome(scenario: Scenario, record: DriveRecord, ended: Outcome) -> Outcome:
    monitor = DriveMonitor(scenario)
    for t, state in zip(record.times, record.states, strict=True):
        found = monitor.update(float(t), state)
        if found is not None:
            return found
    return ended


def _kinematic() -> SimulationConfiguration:
    """Return the configuration whose model's solutions are written: wheels do not slip."""
    configuration = read_configuration(default_configuration_path())
    return replace(configuration, plant=replace(configuration.plant, model='kinematic'))
