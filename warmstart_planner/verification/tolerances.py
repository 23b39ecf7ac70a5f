# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""How far a trajectory may be off before that is a violation."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Tolerances:
    """
    Violations up to these are none.

    `collision` is the penetration [m]: 0, a clearance of 0 is the limit and margins are the
    planner's business. `road` is how far the outline may be out of the corridor [m], `direction`
    how far the car may be turned beyond crosswise to its road [rad]. `limits` holds for speed
    [m/s], steering [rad], acceleration [m/s^2] and steering rate [rad/s] each. `friction` [m/s^2]
    is on the total acceleration. `position` [m], `yaw` [rad], `speed` [m/s] and `steering` [rad]
    are on the sum of the nodes' defects against the model integrated from the node before, and on
    the first node against the problem's initial state. `terminal` [m] is on the place where the
    car comes to a stand after the horizon. A car slower than `standing` [m/s] stands.
    """

    collision: float = 0.0
    road: float = 0.02
    direction: float = 0.0
    limits: float = 1e-3
    friction: float = 0.1
    position: float = 0.05
    yaw: float = 0.01
    speed: float = 0.05
    steering: float = 0.01
    terminal: float = 0.05
    standing: float = 0.05


DEFAULT_TOLERANCES = Tolerances()
