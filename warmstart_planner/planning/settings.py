# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Settings of the planner."""

from __future__ import annotations

from dataclasses import dataclass, field

from warmstart_planner.checks import number
from warmstart_planner.objective import CostWeights
from warmstart_planner.scp.settings import ScpSettings
from warmstart_planner.supervision import BrakingSettings
from warmstart_planner.transcription import Margins
from warmstart_planner.verification import DEFAULT_TOLERANCES, Verdict

RELAXATIONS = (0.15, 0.3, 0.6, 1.0)  # shares of the relaxed limits that are tried in turn


@dataclass(frozen=True)
class RelaxedLimits:
    """
    How far a plan that hits nothing may be beyond soft limits, where no plan keeps to them.

    `road` past the corridor's edge, `terminal` later than a stop after the horizon would end in
    comfort [m]. What the car and its tyres can do is no soft limit.
    """

    road: float = 0.3
    terminal: float = 2.0

    def __post_init__(self) -> None:
        """Refuse limits that are none."""
        for name, value in vars(self).items():
            number(f'relaxed.{name}', value, at_least=0.0, at_most=5.0)

    def rising(self) -> tuple[RelaxedLimits, ...]:
        """Return shares of these limits, up to themselves: no saving is worth a larger one."""
        return tuple(
            RelaxedLimits(share * self.road, share * self.terminal) for share in RELAXATIONS
        )

    def allow(self, verdict: Verdict) -> bool:
        """Tell whether a verdict finds nothing worse than these limits."""
        hard = max(verdict.collision, verdict.direction)
        return (
            hard <= 0.0
            and verdict.limits <= DEFAULT_TOLERANCES.limits
            and verdict.dynamics <= DEFAULT_TOLERANCES.position
            and verdict.road <= self.road
            and verdict.friction <= DEFAULT_TOLERANCES.friction
            and verdict.terminal <= self.terminal
        )


@dataclass(frozen=True)
class PlannerSettings:
    """
    How candidates are refined and judged.

    `threads` refine side by side. `straggler_share`: of the candidates; once a plan is found, so
    many that are still refined are not waited for. `proposing_share`: of the time for a plan that
    its own sources may take to propose. `keep_bonus`: share by which another way round must be
    cheaper than the plan in use to replace it. `previous_age_max`: how long a verified plan may
    stand in [s].
    `return_time`: within this the plan of a car that starts outside the limits must be back
    inside [s]. `verification_reserve`: time kept for the iteration under way and the verdict [s].
    `stitch_*`: while the car is this close to the plan in use, the next one starts from that
    plan, not from the noise of the measurement [m, m, rad, m/s, rad].
    Slower than `hold_speed` [m/s], a plan that gets no further than `hold_distance` [m] is not
    worth creeping: the car stops and holds. `relaxed`: what a plan may be beyond where none is
    feasible.
    `emergency` is how the car brakes where `braking` would not keep it from a collision.
    """

    threads: int = 1
    straggler_share: float = 0.3
    proposing_share: float = 0.35
    keep_bonus: float = 0.1
    previous_age_max: float = 1.5
    return_time: float = 2.0
    verification_reserve: float = 0.002
    hold_distance: float = 0.8
    hold_speed: float = 0.5
    stitch_longitudinal: float = 0.8
    stitch_lateral: float = 0.12
    stitch_yaw: float = 0.05
    stitch_speed: float = 0.8
    stitch_steering: float = 0.15
    weights: CostWeights = field(default_factory=CostWeights)
    margins: Margins = field(default_factory=Margins)
    scp: ScpSettings = field(default_factory=ScpSettings)
    relaxed: RelaxedLimits = field(default_factory=RelaxedLimits)
    braking: BrakingSettings = field(default_factory=BrakingSettings)
    emergency: BrakingSettings = field(
        default_factory=lambda: BrakingSettings(comfort=8.0, firm=8.0, grip_use=0.95)
    )

    def __post_init__(self) -> None:
        """Refuse a number of threads that is none."""
        number('threads', self.threads, at_least=1, at_most=64)
        number('straggler_share', self.straggler_share, at_least=0.0, at_most=1.0)
        number('proposing_share', self.proposing_share, at_least=0.0, at_most=1.0)
