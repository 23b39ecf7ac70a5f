# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
Named quality-of-service profiles; every publisher and subscription takes one of these.

A command, state or plan is never latched: a late joiner would act on an old one. Parameters named
`qos_overrides.<topic>.<publisher or subscription>.<policy>` change the profile of one topic.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from typing import Any, TypeVar

from rcl_interfaces.msg import SetParametersResult
from rclpy.exceptions import ParameterException
from rclpy.parameter import Parameter
from rclpy.qos import (
    DurabilityPolicy,
    HistoryPolicy,
    QoSPolicyKind,
    QoSProfile,
    ReliabilityPolicy,
)
from rclpy.qos_overriding_options import QoSOverridingOptions

from warmstart_planner.nodes.parameters.files import OVERRIDES

OVERRIDABLE = (
    QoSPolicyKind.HISTORY,
    QoSPolicyKind.DEPTH,
    QoSPolicyKind.RELIABILITY,
    QoSPolicyKind.DURABILITY,
)
CHOICES = {
    'history': ('keep_last', 'keep_all'),
    'reliability': ('reliable', 'best_effort'),
    'durability': ('volatile', 'transient_local'),
}
MOST_DEPTH = 1000
Endpoint = TypeVar('Endpoint')


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


def connect(
    create: Callable[..., Endpoint], kind: type, topic: str, *arguments: Any, profile: QoSProfile
) -> Endpoint:
    """
    Return a publisher or subscription with a profile that parameters may change.

    Args:
        create: the node's method that makes it.
        kind: message type.
        topic: its name.
        arguments: what a subscription has besides.
        profile: where no parameter says otherwise.

    Raises:
        ValueError: a parameter has a type or, in a node with `check_overrides`, a value that
            cannot be.

    """
    try:
        return create(
            kind,
            topic,
            *arguments,
            qos_profile=copy(profile),  # rclpy writes the parameters' values into it
            qos_overriding_options=QoSOverridingOptions(OVERRIDABLE),
        )
    except ParameterException as error:
        raise ValueError(str(error)) from None


def check_overrides(changes: list[Parameter]) -> SetParametersResult:
    """Refuse values that no policy has; a callback for `add_on_set_parameters_callback`."""
    for each in changes:
        expected = _expected(each) if each.name.startswith(OVERRIDES) else None
        if expected is not None:
            reason = f'{each.name} is {each.value!r}: expected {expected}'
            return SetParametersResult(successful=False, reason=reason)
    return SetParametersResult(successful=True)


def _expected(override: Parameter) -> str | None:
    """Return what is expected of an override, None where it is as expected."""
    policy = override.name.rpartition('.')[2]
    if policy in CHOICES and override.value not in CHOICES[policy]:
        return f'one of {", ".join(CHOICES[policy])}'
    if policy == 'depth' and not 1 <= override.value <= MOST_DEPTH:
        return f'a number in [1, {MOST_DEPTH}]'
    return None
