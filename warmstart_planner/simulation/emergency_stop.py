# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""What a vehicle does by itself when commands stop: it brakes along the last reference."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from warmstart_planner.mpc.path_following import follow
from warmstart_planner.mpc.sampling import Sampler
from warmstart_planner.problem import Trajectory
from warmstart_planner.supervision import Actuation, BrakingSettings, braking_profile
from warmstart_planner.vehicle import STEERING, VehicleParameters

BRAKING = BrakingSettings(comfort=4.0, firm=4.0)


class EmergencyStop:
    """
    Stops a vehicle that gets no commands.

    It keeps to the path of the last reference that was taken: held steering would leave the lane
    in a bend or half way through a lane change. Without a reference there is nothing better.

    Args:
        vehicle: the car.
        friction: friction coefficient.

    """

    def __init__(self, vehicle: VehicleParameters, friction: float) -> None:
        self._vehicle = vehicle
        self._friction = friction
        self._reference: Trajectory | None = None
        self._target: Sampler | None = None

    def take_reference(self, reference: Trajectory) -> None:
        """Keep to this reference from now on."""
        self._reference, self._target = reference, None

    def release(self) -> None:
        """Take note that commands have come: the next stop begins anew."""
        self._target = None

    def actuation(self, now: float, state: NDArray[np.float64]) -> Actuation:
        """
        Return what brakes the car.

        Args:
            now: time, of the clock of references [s].
            state: the car's, shape (5,).

        """
        if self._reference is None:
            return Actuation(-BRAKING.firm, float(state[STEERING]))
        if self._target is None:
            profile = braking_profile(
                self._reference, self._vehicle, self._friction, BRAKING, start=now, state=state
            )
            self._target = Sampler(profile, self._vehicle.wheelbase, -BRAKING.comfort)
        return follow(self._target, state, now, self._vehicle)
