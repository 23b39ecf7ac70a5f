# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
What a learned model sees of a planning problem: one definition for training and serving.

The numbers are the solver's own (`transcription`), in the ego-centred frame, with obstacles at a
few times instead of at all nodes. Everything else, such as normalisation, is inside the model.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from warmstart_planner.objective import OBSTACLE_PARAMETERS
from warmstart_planner.problem import MAX_OBSTACLES
from warmstart_planner.transcription import Transcription

OBSTACLE_SAMPLES = 7  # times at which obstacles are seen: from now to the horizon's end


@dataclass(frozen=True)
class Context:
    """
    A problem as float32 arrays.

    `state` (5,); `road` (ROAD_PARAMETERS,); `obstacles` (MAX_OBSTACLES, OBSTACLE_SAMPLES,
    OBSTACLE_PARAMETERS), zeros where there is none; `present` (MAX_OBSTACLES,) of bool.
    """

    state: NDArray[np.float32]
    road: NDArray[np.float32]
    obstacles: NDArray[np.float32]
    present: NDArray[np.bool_]


def context_of(numbers: Transcription) -> Context:
    """Return what a model sees of a transcribed problem."""
    count, nodes = numbers.obstacles.shape[:2]
    obstacles = np.zeros((MAX_OBSTACLES, OBSTACLE_SAMPLES, OBSTACLE_PARAMETERS), np.float32)
    obstacles[:count] = numbers.obstacles[:, _samples(nodes)]
    return Context(
        state=numbers.initial_state.astype(np.float32),
        road=numbers.road.astype(np.float32),
        obstacles=obstacles,
        present=np.arange(MAX_OBSTACLES) < count,
    )


@cache
def _samples(nodes: int) -> NDArray[np.int64]:
    """Return the nodes at which obstacles are seen."""
    return np.round(np.linspace(0, nodes - 1, OBSTACLE_SAMPLES)).astype(int)
