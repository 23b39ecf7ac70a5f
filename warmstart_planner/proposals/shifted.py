# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Shifted: the previous plan, moved on to the problem's time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from warmstart_planner.problem import PlanningProblem, Proposal, Trajectory
from warmstart_planner.proposals.source import follow_road
from warmstart_planner.vehicle import CONTROL_SIZE, SPEED


class Shifted:
    """Take over what the previous plan has left and go on along the road at its last speed."""

    name = 'shifted'

    def propose(
        self, problem: PlanningProblem, previous: Trajectory | None = None
    ) -> Sequence[Proposal]:
        """Return the shifted plan; nothing where there is none or it is over."""
        if previous is None:
            return ()
        times = problem.stamp + problem.horizon.times
        if not previous.stamp - 1e-6 <= times[0] < previous.times[-1]:
            return ()
        return (Proposal(self.name, shift(problem, previous)),)


def shift(problem: PlanningProblem, previous: Trajectory) -> Trajectory:
    """Resample a plan on a problem's grid, extended along the road at its last speed."""
    times = problem.stamp + problem.horizon.times
    last = previous.times[-1]
    states = np.stack(
        [np.interp(times, previous.times, column) for column in previous.states.T], axis=-1
    )
    held = np.concatenate([previous.controls, np.zeros((1, CONTROL_SIZE))])
    index = np.floor((times[:-1] - previous.stamp) / previous.dt + 1e-9).astype(int)
    controls = held[np.clip(index, 0, len(previous.controls))]
    beyond = times > last + 1e-9
    if beyond.any():
        end = previous.states[-1]
        travelled = np.hypot(*np.diff(states[~beyond, :2], axis=0).T).sum()
        station, offset = problem.road.project(end[:2], problem.here + travelled)
        ahead = station + end[SPEED] * (times[beyond] - last)
        extension = follow_road(
            problem,
            np.concatenate([[station], ahead]),
            float(offset),
            np.full(len(ahead) + 1, end[SPEED]),
        )
        turns = 2 * np.pi * np.round((end[2] - extension[1, 2]) / (2 * np.pi))
        states[beyond] = extension[1:]
        states[beyond, 2] += turns
    return Trajectory(problem.stamp, problem.horizon.dt, states, controls)
