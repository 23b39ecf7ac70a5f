# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
A plain rule of driving: what a policy compares itself with, and what has to be beaten.

Steering is Stanley's law (Hoffmann, Tomlin, Montemerlo, Thrun: Autonomous automobile trajectory
tracking for off-road driving, ACC 2007): the front wheels point along the path, turned towards it
by an angle that grows with the front axle's lateral error. Speed is held in proportion to its
error, and no nearer to whatever is in the way than the intelligent driver model allows (Treiber,
Hennecke, Helbing: Congested traffic states in empirical observations and microscopic simulations,
Physical Review E 62, 2000). Where something is in the way it keeps the lateral offset at which
that demands least braking. It decides at each moment anew and plans nothing. The law itself is
compiled: plain_rule.c.
"""

from __future__ import annotations

from dataclasses import dataclass

from warmstart_planner.checks import number

SIDES = 4  # offsets to each side that are compared


@dataclass(frozen=True)
class PlainSettings:
    """
    Gains and distances.

    `lateral_gain` [1/s] and `softening` [m/s] are Stanley's, `steering_gain` [1/s] turns the
    wheels to the wanted angle, `speed_gain` [1/s] holds the speed. `time_gap` [s],
    `standing_gap` [m], `acceleration` and `deceleration` [m/s^2] are the driver model's;
    `stop_gap` [m] is what it keeps to a place where the car has to stop. Something is in the way
    where less than `side_gap` [m] would be left beside it when the car is there, or on its way
    there within `foresight` [s]. Of the offsets that could be kept, it takes the one that
    demands least braking, where a metre from the wanted offset counts `offset_price` and a metre
    from where the car is `swerve_price` [1/s^2].
    """

    lateral_gain: float = 1.5
    softening: float = 1.0
    steering_gain: float = 5.0
    speed_gain: float = 1.0
    time_gap: float = 1.0
    standing_gap: float = 2.0
    stop_gap: float = 0.5
    acceleration: float = 2.0
    deceleration: float = 2.5
    side_gap: float = 0.3
    foresight: float = 1.5
    offset_price: float = 0.05
    swerve_price: float = 0.15

    def __post_init__(self) -> None:
        """Refuse what would divide by nothing or drive backwards."""
        for name, value in vars(self).items():
            number(f'settings.{name}', value, at_least=1e-3)
