# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
Named quality-of-service profiles; every publisher and subscription takes one of these.

A command, state or plan is never latched: a late joiner would act on an old one.
"""

from rclpy.qos import (
    DurabilityPolicy,
    HistoryPolicy,
    QoSProfile,
    ReliabilityPolicy,
)


def _profile(
    depth: int,
    durability: DurabilityPolicy,
    reliability: ReliabilityPolicy = ReliabilityPolicy.RELIABLE,
) -> QoSProfile:
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST,
        depth=depth,
        reliability=reliability,
        durability=durability,
    )


# The newest value counts and must arrive: state, obstacles, reference, command, problem, status.
NEWEST = _profile(1, DurabilityPolicy.VOLATILE)
# For who listens to what drivers send, state and obstacles: it matches best-effort publishers and
# reliable ones alike.
SENSED = _profile(1, DurabilityPolicy.VOLATILE, ReliabilityPolicy.BEST_EFFORT)
# Every value counts: proposals (several sources answer one problem) and diagnostics.
EVENTS = _profile(16, DurabilityPolicy.VOLATILE)
# Kept for who joins later: road, goal, model card, result.
LATCHED = _profile(1, DurabilityPolicy.TRANSIENT_LOCAL)
# For people only: markers and paths.
DISPLAY = _profile(1, DurabilityPolicy.VOLATILE)
# What RViz's tools publish: a goal, which must not be missed and not be latched.
REQUEST = _profile(1, DurabilityPolicy.VOLATILE)
