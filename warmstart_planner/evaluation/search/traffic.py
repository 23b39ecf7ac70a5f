# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Where the others are at equal steps of time, and whether the car touches one of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from warmstart_planner.scenarios import TrafficParticipant
from warmstart_planner.vehicle import VehicleParameters
from warmstart_planner.verification.shapes import box_distance

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Traffic:
    """
    Boxes at equal steps of time: for each step an array of shape (n, 6).

    A row is the middle and yaw of a box, its half length and half width, and the radius that it is
    grown by. The first step is the drive's start.
    """

    boxes: tuple[Array, ...]

    def touches(self, step: int, poses: Array, car: VehicleParameters, gap: float) -> Flags:
        """
        Tell of poses of the rear axle whether the car is nearer than a gap to any participant.

        Args:
            step: at which.
            poses: shape (n, 3), map frame.
            car: whose box.
            gap: that is to be kept [m].

        Returns:
            Shape (n,).

        """
        result = np.zeros(len(poses), bool)
        if len(poses) == 0:
            return result
        half = (car.length / 2, car.width / 2)
        c, s = np.cos(poses[:, 2]), np.sin(poses[:, 2])
        x = poses[:, 0] + car.rear_to_center * c
        y = poses[:, 1] + car.rear_to_center * s
        low, high = (x.min(), y.min()), (x.max(), y.max())
        for box in self.boxes[step]:
            reach = np.hypot(*half) + np.hypot(*box[3:5]) + box[5] + gap
            if (box[:2] < np.subtract(low, reach)).any() or (box[:2] > np.add(high, reach)).any():
                continue
            dx, dy = box[0] - x, box[1] - y
            near = np.flatnonzero((dx * dx + dy * dy < reach**2) & ~result)
            if len(near) == 0:
                continue
            cn, sn, dx, dy = c[near], s[near], dx[near], dy[near]
            distance = box_distance(
                np.stack([cn * dx + sn * dy, cn * dy - sn * dx]),
                box[2] - poses[near, 2],
                half,
                (box[3], box[4]),
                box[5],
            )
            result[near[distance < gap]] = True
        return result


def traffic_at(participants: Sequence[TrafficParticipant], dt: float, steps: int) -> Traffic:
    """
    Return where the participants are at multiples of a time step.

    Args:
        participants: all of a scene.
        dt: step [s].
        steps: the last of them; the first is 0.

    """
    boxes = []
    for k in range(steps + 1):
        there = [each for each in participants if each.is_there(k * dt)]
        rows = [np.concatenate([each.pose_at(k * dt), each.size_at(k * dt)]) for each in there]
        boxes.append(np.array(rows, float).reshape(-1, 6))
    return Traffic(tuple(boxes))
