# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The road."""

from __future__ import annotations

import numpy as np

from warmstart_planner import msg
from warmstart_planner.nodes.messages.fields import check_frame, flat, header
from warmstart_planner.road import Road

ROAD_FIELDS = {
    'station': 'station',
    'x': 'x',
    'y': 'y',
    'heading': 'heading',
    'curvature': 'curvature',
    'left_width': 'left_width',
    'right_width': 'right_width',
    'speed_limit': 'speed_limit_mps',
}


def road_message(road: Road, stamp: float) -> msg.Road:
    """Return the message of a road."""
    arrays = {theirs: flat(getattr(road, ours)) for ours, theirs in ROAD_FIELDS.items()}
    return msg.Road(header=header(stamp), **arrays)


def road_from(message: msg.Road) -> Road:
    """Return the road in a message, whose heading may be in any turn at each place."""
    check_frame('road', message.header)
    arrays = {ours: getattr(message, theirs) for ours, theirs in ROAD_FIELDS.items()}
    return Road(**arrays | {'heading': np.unwrap(arrays['heading'])})
