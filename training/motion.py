# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
The car's model over a block of steps as a torch operation, in closed form.

With the controls held over each step, speed and steering are sums, and yaw and position are
integrals over them: constant matrices that hold Simpson's rule take all steps at once. It agrees
with the Runge-Kutta steps of `vehicle.roll_out` to a millimetre (tested).
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from warmstart_planner.vehicle import VehicleParameters


class BlockMotion(nn.Module):
    """
    Drive blocks of `steps` steps of `dt` [s], within the car's bounds on speed and steering.

    Args:
        vehicle: the car.
        dt: step [s].
        steps: steps of a block.

    """

    def __init__(self, vehicle: VehicleParameters, dt: float, steps: int) -> None:
        super().__init__()
        self.dt, self.steps, self.wheelbase = dt, steps, vehicle.wheelbase
        control = torch.tensor(np.stack([vehicle.control_lower, vehicle.control_upper]))
        state = torch.tensor(np.stack([vehicle.state_lower[3:], vehicle.state_upper[3:]]))
        buffers = {
            'control_bounds': control.float()[..., None],
            'state_bounds': state.float()[..., None],
            'sums': _sums(dt, steps),
            'samples': _samples(steps),
            'yaw_sums': _yaw_sums(dt, steps),
            'place_sums': _place_sums(dt, steps),
            'rates': _rates(dt, steps),
        }
        for name, value in buffers.items():
            self.register_buffer(name, value, persistent=False)

    def forward(self, state: Tensor, controls: Tensor) -> tuple[Tensor, Tensor]:
        """
        Return the states after each step and the controls that lead there.

        Args:
            state: shape (..., 5, 1).
            controls: shape (..., 2, steps); clipped to the car's bounds.

        Returns:
            States (..., 5, steps) and controls (..., 2, steps).

        """
        low, high = self.control_bounds
        controls = torch.minimum(torch.maximum(controls, low), high)
        start = state[..., 3:, :]
        # a start beyond the bounds may stay, or come back
        low = torch.minimum(self.state_bounds[0], start)
        high = torch.maximum(self.state_bounds[1], start)
        free = start + controls @ self.sums
        nodes = torch.minimum(torch.maximum(free, low), high)
        samples = nodes @ self.samples
        speed = samples[..., :1, :]
        rate = speed * torch.tan(samples[..., 1:, :]) * (1.0 / self.wheelbase)
        yaw = state[..., 2:3, :] + rate @ self.yaw_sums
        velocity = torch.cat([speed * torch.cos(yaw), speed * torch.sin(yaw)], dim=-2)
        place = state[..., :2, :] + velocity @ self.place_sums
        count = self.steps + 1
        states = torch.cat([place, yaw[..., 1:count], nodes[..., 1:]], dim=-2)
        # differences of what the bounds took off, not of the nodes: exact where they took nothing
        return states, controls + (nodes - free) @ self.rates


def _sums(dt: float, steps: int) -> Tensor:
    """Matrix (steps, steps + 1) from rates over steps to changes at nodes."""
    return dt * torch.ones(steps, steps + 1).triu(1)


def _rates(dt: float, steps: int) -> Tensor:
    """Matrix (steps + 1, steps) from values at nodes to rates over steps."""
    nodes = torch.eye(steps + 1)
    return (nodes[:, 1:] - nodes[:, :-1]) / dt


def _samples(steps: int) -> Tensor:
    """Matrix (steps + 1, 2 steps + 1) from nodes to nodes and the middles between them."""
    nodes = torch.eye(steps + 1)
    return torch.cat([nodes, 0.5 * (nodes[:, :-1] + nodes[:, 1:])], dim=1)


def _yaw_sums(dt: float, steps: int) -> Tensor:
    """Matrix (2 steps + 1, 2 steps + 1) from rates at samples to their integral up to samples."""
    whole = _place_sums(dt, steps)
    to_nodes = torch.cat([torch.zeros(2 * steps + 1, 1), whole], dim=1)
    to_middles = to_nodes[:, :-1].clone()
    for k in range(steps):
        # the parabola through a step's three samples, integrated over its first half
        to_middles[k, k] += 5 * dt / 24
        to_middles[steps + 1 + k, k] += 8 * dt / 24
        to_middles[k + 1, k] -= dt / 24
    return torch.cat([to_nodes, to_middles], dim=1)


def _place_sums(dt: float, steps: int) -> Tensor:
    """Matrix (2 steps + 1, steps) from rates at samples to their integral up to nodes 1 to N."""
    simpson = torch.zeros(2 * steps + 1, steps)
    for k in range(steps):
        simpson[k, k:] += dt / 6
        simpson[steps + 1 + k, k:] += 4 * dt / 6
        simpson[k + 1, k:] += dt / 6
    return simpson
