# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
The independent judge of trajectories.

It shares no code with the solvers: neither the objective, nor the integrator, nor the road's
projection, nor the way obstacles are described to a solver. Between nodes the car is followed
with the nonlinear model under held controls, at SUBSTEPS samples an interval; obstacles are
interpolated between their predicted poses, yaw the short way. Where a car and an obstacle come so
near that they could meet between two samples, that interval is divided until they cannot.

A trajectory is judged in `verdict`, a drive in `drive`; each kind of constraint has a module.
`judge` judges trajectories as `verdict` does, in C.

All functions are pure; lengths in metres, angles in radians, map frame, SI.
"""

from warmstart_planner.verification.drive import DriveVerdict, drive_verdict
from warmstart_planner.verification.judge.compiled import Judge
from warmstart_planner.verification.shapes import box_distance
from warmstart_planner.verification.terminal import STOPPING_SHARE
from warmstart_planner.verification.tolerances import DEFAULT_TOLERANCES, Tolerances
from warmstart_planner.verification.verdict import Verdict, verify

__all__ = [
    'DEFAULT_TOLERANCES',
    'STOPPING_SHARE',
    'DriveVerdict',
    'Judge',
    'Tolerances',
    'Verdict',
    'box_distance',
    'drive_verdict',
    'verify',
]
