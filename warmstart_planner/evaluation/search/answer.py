# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""A plan as a drive that can be judged."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from warmstart_planner.evaluation.driven import Driven, driven_at
from warmstart_planner.evaluation.search.beam import Plan
from warmstart_planner.evaluation.search.motion import advance
from warmstart_planner.evaluation.search.task import Task
from warmstart_planner.scenarios import Scenario
from warmstart_planner.simulation.record import DriveRecord
from warmstart_planner.verification.drive import DriveVerdict, drive_verdict

PARTS = 10  # of a time step, in which a drive is integrated

Array = NDArray[np.float64]


def record_of(plan: Plan, task: Task) -> DriveRecord:
    """Drive a plan finely; return the record, which has all of the file's time steps."""
    fine = task.dt / PARTS
    states = [task.start]
    for control in np.repeat(plan.controls, PARTS, axis=0):
        states.append(advance(states[-1][None], control[None], fine, task.car.wheelbase)[0])
    return DriveRecord(np.arange(len(states)) * fine, np.array(states), (), ())


def is_good(plan: Plan, task: Task, scenario: Scenario) -> bool:
    """Tell whether our own verdict is good, which looks between the steps and rounds nothing."""
    record = record_of(plan, task)
    verdict = drive_verdict(scenario, record.times, record.states)
    arrived = scenario.arrival.reached(scenario.track(record.times, record.states))
    return arrived and verdict.collisions == 0 and verdict.off_road == 0.0


def driven_of(plan: Plan, task: Task) -> Driven:
    """Return a plan's drive at the file's time steps."""
    return driven_at(record_of(plan, task), task.car, task.dt)


def own_verdict(plan: Plan, task: Task, scenario: Scenario) -> DriveVerdict:
    """Return our own verdict, which looks between the time steps as well."""
    record = record_of(plan, task)
    return drive_verdict(scenario, record.times, record.states)
