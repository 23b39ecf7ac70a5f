# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Cold bundle: ways past whatever is there, by lateral offset and speed, without learning."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from warmstart_planner.problem import PlanningProblem, Proposal, Trajectory
from warmstart_planner.proposals.source import follow_road, zero_controls
from warmstart_planner.proposals.spec import LoadOptions, Origin, SourceSpec
from warmstart_planner.targets import target_speeds
from warmstart_planner.vehicle import GRAVITY, SPEED

BRAKING_SHARE = 0.85  # of the friction circle that the hardest braking may use


@dataclass(frozen=True)
class BundleSettings:
    """
    What the bundle is made of.

    `shares`: lateral places between the right (-1) and the left (+1) end of where the car fits.
    `accelerations`: until the target speed or a stand is reached [m/s^2].
    `approach`: distance over which a lateral place is reached [m].
    """

    shares: tuple[float, ...] = (-0.9, -0.45, 0.0, 0.45, 0.9)
    accelerations: tuple[float, ...] = (1.5, -1.5, -4.0, -8.0)
    approach: float = 18.0


class ColdBundle:
    """All combinations of a lateral place and a speed profile, and the road's own targets."""

    name = 'multi_start'

    def __init__(self, settings: BundleSettings | None = None) -> None:
        """Keep the settings."""
        self.settings = settings or BundleSettings()

    def propose(
        self, problem: PlanningProblem, previous: Trajectory | None = None
    ) -> Sequence[Proposal]:
        """Return len(shares) * len(accelerations) guesses."""
        start, times = problem.initial_state, problem.horizon.times
        here = problem.here
        offset = float(problem.road.project(start[:2], here)[1])
        speeds = self._speed_profiles(problem, here)
        travelled = np.concatenate(
            [
                np.zeros((len(speeds), 1)),
                np.cumsum((speeds[:, 1:] + speeds[:, :-1]) / 2 * np.diff(times), axis=1),
            ],
            axis=1,
        )
        shares = np.array(self.settings.shares)
        stations = np.broadcast_to(here + travelled, (len(shares), *travelled.shape))
        offsets = self._places(problem, stations, shares, here, offset)
        states = follow_road(problem, stations, offsets, np.broadcast_to(speeds, stations.shape))
        controls = zero_controls(problem)
        return tuple(
            Proposal(
                self.name,
                Trajectory(problem.stamp, problem.horizon.dt, states[i, j], controls),
                model_id=f'offset {shares[i]:+.2f}, {self.settings.accelerations[j]:+.1f} m/s2',
            )
            for i in range(len(shares))
            for j in range(len(speeds))
        )

    def _speed_profiles(self, problem: PlanningProblem, here: float) -> NDArray[np.float64]:
        now, times = problem.initial_state[SPEED], problem.horizon.times
        ahead = np.linspace(here, here + max(now, 3.0) * times[-1] + 10.0, 60)
        wanted = float(np.median(target_speeds(problem, ahead)))
        profiles = []
        grip = BRAKING_SHARE * problem.friction * GRAVITY
        for wish in self.settings.accelerations:
            acceleration = max(wish, -grip)
            goal = wanted if acceleration > 0 else 0.0
            towards = abs(acceleration) * np.sign(goal - now)
            profile = now + towards * times
            profiles.append(np.minimum(profile, goal) if goal > now else np.maximum(profile, goal))
        return np.array(profiles)

    def _places(
        self,
        problem: PlanningProblem,
        stations: NDArray[np.float64],
        shares: NDArray[np.float64],
        here: float,
        offset: float,
    ) -> NDArray[np.float64]:
        road, half = problem.road, problem.vehicle.width / 2 + 0.2
        left = np.maximum(road.at('left_width', stations) - half, 0.0)
        right = np.maximum(road.at('right_width', stations) - half, 0.0)
        share = shares[:, None, None]
        place = np.where(share > 0, share * left, share * right)
        blend = np.clip((stations - here) / self.settings.approach, 0.0, 1.0)
        blend = blend * blend * (3 - 2 * blend)
        return offset + blend * (place - offset)


def _load(options: LoadOptions) -> ColdBundle:
    return ColdBundle()


SPEC = SourceSpec(ColdBundle.name, _load, Origin.COLD)
