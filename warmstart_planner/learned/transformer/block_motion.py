# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
The car's model over a block of steps in closed form: constant matrices.

With the controls held over each step, speed and steering are sums, and yaw and position are
integrals over them, by Simpson's rule over each step. Samples are a block's nodes, then the
middles between them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class BlockMatrices:
    """
    Matrices that rows of numbers over a block of n steps are multiplied by.

    `sums` (n, n + 1): from rates over steps to changes at nodes; `samples` (n + 1, 2 n + 1): from
    nodes to samples; `yaw_sums` (2 n + 1, 2 n + 1): from rates at samples to their integral up to
    samples; `place_sums` (2 n + 1, n): likewise up to nodes 1 to n; `rates` (n + 1, n): from
    values at nodes to rates over steps.
    """

    sums: NDArray[np.float64]
    samples: NDArray[np.float64]
    yaw_sums: NDArray[np.float64]
    place_sums: NDArray[np.float64]
    rates: NDArray[np.float64]


def block_matrices(dt: float, steps: int) -> BlockMatrices:
    """Return the matrices of blocks of `steps` steps of `dt` [s]."""
    nodes = np.eye(steps + 1)
    return BlockMatrices(
        sums=dt * np.triu(np.ones((steps, steps + 1)), 1),
        samples=np.hstack([nodes, 0.5 * (nodes[:, :-1] + nodes[:, 1:])]),
        yaw_sums=_yaw_sums(dt, steps),
        place_sums=_place_sums(dt, steps),
        rates=(nodes[:, 1:] - nodes[:, :-1]) / dt,
    )


def _yaw_sums(dt: float, steps: int) -> NDArray[np.float64]:
    whole = _place_sums(dt, steps)
    to_nodes = np.hstack([np.zeros((2 * steps + 1, 1)), whole])
    to_middles = to_nodes[:, :-1].copy()
    for k in range(steps):
        # the parabola through a step's three samples, integrated over its first half
        to_middles[k, k] += 5 * dt / 24
        to_middles[steps + 1 + k, k] += 8 * dt / 24
        to_middles[k + 1, k] -= dt / 24
    return np.hstack([to_nodes, to_middles])


def _place_sums(dt: float, steps: int) -> NDArray[np.float64]:
    simpson = np.zeros((2 * steps + 1, steps))
    for k in range(steps):
        simpson[k, k:] += dt / 6
        simpson[steps + 1 + k, k:] += 4 * dt / 6
        simpson[k + 1, k:] += dt / 6
    return simpson
