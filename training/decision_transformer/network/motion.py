# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
The car's model over a block of steps as a torch operation, in closed form.

The constant matrices of `learned.transformer.block_motion` take all steps at once. It agrees with
the Runge-Kutta steps of `vehicle.roll_out` to a millimetre (tested).
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from warmstart_planner.learned.transformer.block_motion import block_matrices
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
        matrices = vars(block_matrices(dt, steps))
        buffers = {
            'control_bounds': control.float()[..., None],
            'state_bounds': state.float()[..., None],
            **{name: torch.from_numpy(value).float() for name, value in matrices.items()},
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
