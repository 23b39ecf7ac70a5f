# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
Episodes as in a mirror: what is good on the left is as good on the right.

Car, objective and observation know no side, so every drive is two, one of them in the mirrored
scene. Policies that learn from few scenes learn as much from it as from twice as many.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from training.iql_lstm.logs.episodes import Episodes
from warmstart_planner.learned.observation.fields import (
    LINES,
    OBSERVATION_FIELDS,
    OBSERVATION_SIZE,
)
from warmstart_planner.vehicle import STEERING_RATE

# ends of the names of fields that change their sign
FLIPPED = ('steering', 'offset', 'heading_sin', 'curvature', 'steering_rate')
SIDES = {'left': 'right', 'right': 'left'}


def _counterpart(name: str) -> str:
    """Return the field in whose place a field is in the mirror."""
    place, _, kind = name.rpartition('_')
    if place.startswith('line_'):
        line = int(place.removeprefix('line_'))
        return f'line_{len(LINES) - 1 - line}_{kind}'
    return f'{place}_{SIDES[kind]}' if kind in SIDES else name


def _flips(name: str) -> bool:
    return any(name == kind or name.endswith(f'_{kind}') for kind in FLIPPED)


PLACES = np.array([OBSERVATION_FIELDS.index(_counterpart(name)) for name in OBSERVATION_FIELDS])
SIGNS = np.where([_flips(name) for name in OBSERVATION_FIELDS], -1.0, 1.0).astype(np.float32)


def mirrored(episodes: Episodes) -> Episodes:
    """
    Return the same drives in mirrored scenes, in the same groups.

    Raises:
        ValueError: observations are no car's, or the bounds of the steering rate have no symmetry.

    """
    found = episodes.observations.shape[2]
    if found != OBSERVATION_SIZE:
        raise ValueError(f'observations has {found} numbers: expected {OBSERVATION_SIZE}')
    low, high = episodes.action_low[STEERING_RATE], episodes.action_high[STEERING_RATE]
    if low != -high:
        raise ValueError(f'action_low has {low} for the steering rate: expected {-high}')
    actions = episodes.actions.copy()
    actions[..., STEERING_RATE] *= -1.0
    return replace(
        episodes, observations=episodes.observations[..., PLACES] * SIGNS, actions=actions
    )
