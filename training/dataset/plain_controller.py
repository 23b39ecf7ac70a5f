# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
A plain controller: what logs of ordinary driving come from, and what learning has to beat.

Steering is Stanley's law (Hoffmann, Tomlin, Montemerlo, Thrun: Autonomous automobile trajectory
tracking for off-road driving, ACC 2007): the front wheels point along the path, turned towards it
by an angle that grows with the front axle's lateral error. Speed is held in proportion to its
error, and no nearer to whatever is in the way than the intelligent driver model allows (Treiber,
Hennecke, Helbing: Congested traffic states in empirical observations and microscopic simulations,
Physical Review E 62, 2000). Where something is in the way it keeps the lateral offset at which
that demands least braking. It decides at each moment anew and plans nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from warmstart_planner import objective
from warmstart_planner.checks import number
from warmstart_planner.learned.observation import moving
from warmstart_planner.learned.on_road import on_road
from warmstart_planner.objective import RoadCoordinates
from warmstart_planner.simulation.disturbances import CorrelatedNoise
from warmstart_planner.transcription import Transcription
from warmstart_planner.vehicle import (
    ACCELERATION,
    CONTROL_SIZE,
    PX,
    PY,
    SPEED,
    STATE_SIZE,
    STEERING,
    STEERING_RATE,
    YAW,
    VehicleParameters,
    lateral_acceleration,
    roll_out,
)

Array = NDArray[np.float64]

PLAIN = 'plain_controller'  # its name as a source of episodes
NOISE_TIME = 0.8  # correlation time of exploration noise [s]
NOISE_DEVIATION = np.array([1.0, 0.08])  # of it, at size 1 [m/s^2, rad/s]
SIDES = 4  # offsets to each side that are compared
HABIT_RANGE = 2.0  # by which factor drivers' gains and distances differ
OFFSET_DEVIATION = 1.0  # of the lateral offset that a drive keeps, at size 1 [m]


@dataclass(frozen=True)
class PlainSettings:
    """
    Gains and distances.

    `lateral_gain` [1/s] and `softening` [m/s] are Stanley's, `steering_gain` [1/s] turns the
    wheels to the wanted angle, `speed_gain` [1/s] holds the speed. `time_gap` [s],
    `standing_gap` [m], `acceleration` and `deceleration` [m/s^2] are the driver model's;
    `stop_gap` [m] is what it keeps to a place where the car has to stop. Something is in the way
    where less than `side_gap` [m] would be left beside it when the car is there, or on its way
    there within `foresight` [s]. Of the offsets that could be kept, it takes the one that
    demands least braking, where a metre from the wanted offset counts `offset_price` and a metre
    from where the car is `swerve_price` [1/s^2].
    """

    lateral_gain: float = 1.5
    softening: float = 1.0
    steering_gain: float = 5.0
    speed_gain: float = 1.0
    time_gap: float = 1.0
    standing_gap: float = 2.0
    stop_gap: float = 0.5
    acceleration: float = 2.0
    deceleration: float = 2.5
    side_gap: float = 0.3
    foresight: float = 1.5
    offset_price: float = 0.05
    swerve_price: float = 0.15

    def __post_init__(self) -> None:
        """Refuse what would divide by nothing or drive backwards."""
        for name, value in vars(self).items():
            number(f'settings.{name}', value, at_least=1e-3)

    def varied(self, rng: np.random.Generator) -> PlainSettings:
        """Return another driver's: every number from half to twice as large."""
        factors = HABIT_RANGE ** rng.uniform(-1.0, 1.0, len(vars(self)))
        values = np.array(list(vars(self).values())) * factors
        return PlainSettings(*values.tolist())


class PlainController:
    """
    Controls of any number of cars in one problem.

    Args:
        vehicle: the car.
        settings: gains and distances.

    """

    def __init__(self, vehicle: VehicleParameters, settings: PlainSettings | None = None) -> None:
        self.vehicle = vehicle
        self.settings = settings or PlainSettings()

    def act(
        self, states: Array, road: Array, obstacles: Array, offset: Array | float = 0.0
    ) -> Array:
        """
        Return the controls of cars that do not see each other, within the car's limits.

        Args:
            states: (K, 5) in the frame of a `Transcription`.
            road: (ROAD_PARAMETERS,).
            obstacles: (M, 9), with velocities as `learned.observation.moving` appends them.
            offset: lateral distance that is kept to the road's target, scalar or (K,) [m].

        Returns:
            Shape (K, 2) [m/s^2, rad/s].

        """
        x = np.asarray(states, dtype=float).T
        front, centre, others = self._on_road(x, road, obstacles)
        places, limits = self._choices(x, road, centre, others, obstacles, offset)
        strain = self.settings.offset_price * np.abs(places - np.reshape(offset, (-1, 1)))
        strain += self.settings.swerve_price * np.abs(
            places - (centre.offset - centre.target_offset)[:, None]
        )
        best = np.argmax(np.minimum(limits, 0.0) - strain, axis=1)[:, None]
        place, limit = (
            np.take_along_axis(value, best, axis=1)[:, 0] for value in (places, limits)
        )
        controls = np.empty((x.shape[1], CONTROL_SIZE))
        controls[:, STEERING_RATE] = self._steering_rate(x, road, front, place)
        lateral = lateral_acceleration(x, self.vehicle.wheelbase)
        grip = np.sqrt(np.maximum(road[0] ** 2 - lateral**2, 1.0))
        speed = self.settings.speed_gain * (centre.target_speed - x[SPEED])
        controls[:, ACCELERATION] = np.clip(np.minimum(speed, limit), -grip, grip)
        return np.clip(controls, self.vehicle.control_lower, self.vehicle.control_upper)

    def _on_road(
        self, x: Array, road: Array, obstacles: Array
    ) -> tuple[RoadCoordinates, RoadCoordinates, RoadCoordinates]:
        """Road coordinates of the front axles, the boxes' centres and the obstacles."""
        along = np.stack([np.cos(x[YAW]), np.sin(x[YAW])])
        rear = x[[PX, PY]]
        points = np.concatenate(
            [
                rear + self.vehicle.wheelbase * along,
                rear + self.vehicle.rear_to_center * along,
                obstacles[:, :2].T,
            ],
            axis=1,
        )
        found = objective.road_coordinates(*points, road)
        ends = (x.shape[1], 2 * x.shape[1])
        parts = [np.split(np.broadcast_to(value, points.shape[1]), ends) for value in found]
        front, centre, others = (RoadCoordinates(*(part[i] for part in parts)) for i in range(3))
        return front, centre, others

    def _steering_rate(
        self, x: Array, road: Array, front: RoadCoordinates, offset: Array | float
    ) -> Array:
        error = front.offset - front.target_offset - offset
        cosine, sine = objective.heading_error(x, front)
        towards = np.arctan(
            self.settings.lateral_gain * error / (self.settings.softening + x[SPEED])
        )
        # no more than the grip allows at this speed
        most = np.arctan(road[0] * self.vehicle.wheelbase / np.maximum(x[SPEED], 1.0) ** 2)
        most = np.minimum(most, self.vehicle.steering_max)
        wanted = np.clip(-np.arctan2(sine, cosine) - towards, -most, most)
        return self.settings.steering_gain * (wanted - x[STEERING])

    def _choices(
        self,
        x: Array,
        road: Array,
        centre: RoadCoordinates,
        others: RoadCoordinates,
        obstacles: Array,
        offset: Array | float,
    ) -> tuple[Array, Array]:
        """
        Lateral offsets to the target that could be kept, and the acceleration each allows.

        Returns:
            Both (K, C), the wanted offset first.

        """
        settings, vehicle = self.settings, self.vehicle
        front = centre.station + vehicle.length / 2
        stop = self._following(x[SPEED], road[1] - front, 0.0, settings.stop_gap)
        wanted = np.broadcast_to(np.reshape(offset, (-1, 1)), (x.shape[1], 1))
        if not len(obstacles):
            return wanted, stop[:, None]
        met = on_road(obstacles.T, others)
        gap = others.station - met.reach_along - front[:, None]
        arrival = np.maximum(gap, 0.0) / np.maximum(x[SPEED], 1.0)[:, None]
        ahead = others.station > centre.station[:, None]
        places = np.concatenate([wanted, self._sides(centre, others, ahead)], axis=1)
        # the lateral error decays with Stanley's gain: where the car will be when it arrives
        here = (centre.offset - centre.target_offset)[:, None]
        left = np.exp(-settings.lateral_gain * arrival)[:, None]
        then = places[:, :, None] + left * (here - places)[:, :, None] + others.target_offset
        there = places[:, :, None] + others.target_offset
        begin = others.offset + met.drift * np.minimum(arrival, settings.foresight)[:, None]
        apart = np.maximum(
            np.maximum(np.minimum(begin, others.offset), np.minimum(then, there))
            - np.minimum(np.maximum(begin, others.offset), np.maximum(then, there)),
            0.0,
        )
        beside = met.reach_across + vehicle.width / 2 + settings.side_gap
        blocks = ahead[:, None] & (apart < beside)
        limit = self._following(x[SPEED][:, None], gap, met.speed, settings.standing_gap)
        least = np.where(blocks, limit[:, None], np.inf).min(axis=2)
        return places, np.minimum(stop[:, None], least)

    def _sides(
        self, centre: RoadCoordinates, others: RoadCoordinates, ahead: NDArray[np.bool_]
    ) -> Array:
        """Offsets spread over the width that the road has here and at what is ahead, (K, C)."""
        margin = self.vehicle.width / 2 + self.settings.side_gap
        widths = [
            np.minimum(
                here + sign * target,
                np.where(ahead, there + sign * others.target_offset, np.inf).min(axis=1),
            )
            for here, there, sign, target in (
                (centre.left, others.left, -1.0, centre.target_offset),
                (centre.right, others.right, 1.0, centre.target_offset),
            )
        ]
        left, right = (np.maximum(width - margin, 0.0)[:, None] for width in widths)
        share = np.linspace(0.0, 1.0, SIDES + 1)[1:]
        return np.concatenate([left * share, -right * share], axis=1)

    def _following(self, speed: Array, gap: Array, ahead: Array | float, standing: float) -> Array:
        """Interaction of the intelligent driver model with something ahead [m/s^2]."""
        settings = self.settings
        comfort = 2.0 * np.sqrt(settings.acceleration * settings.deceleration)
        closing = speed * settings.time_gap + speed * (speed - ahead) / comfort
        wanted = standing + np.maximum(closing, 0.0)
        return settings.acceleration * (1.0 - (wanted / np.maximum(gap, 0.1)) ** 2)


def drive_model(
    controller: PlainController,
    numbers: Transcription,
    dt: float,
    noise: Sequence[float],
    rng: np.random.Generator,
) -> tuple[Array, Array]:
    """
    Drive the kinematic model over a problem's horizon, once for each size of exploration.

    Exploration is slow noise on the controls and another lateral offset to keep.

    Args:
        controller: who drives.
        numbers: the problem.
        dt: of its grid [s].
        noise: sizes, shape (K,); 0 is the controller as it is.
        rng: of the noise.

    Returns:
        States (K, N + 1, 5) and controls (K, N, 2), in the problem's frame.

    """
    sizes = np.asarray(noise, dtype=float)
    obstacles = moving(numbers.obstacles, dt)
    steps = len(numbers.state_lower) - 1
    wobble = CorrelatedNoise(sizes[:, None] * NOISE_DEVIATION, NOISE_TIME, rng)
    offset = sizes * OFFSET_DEVIATION * rng.standard_normal(len(sizes))
    states = np.empty((len(sizes), steps + 1, STATE_SIZE))
    controls = np.empty((len(sizes), steps, CONTROL_SIZE))
    states[:, 0] = numbers.initial_state
    for k in range(steps):
        wanted = controller.act(states[:, k], numbers.road, obstacles[:, k], offset)
        moved, applied = roll_out(
            states[:, k], (wanted + wobble.sample(dt))[:, None], dt, controller.vehicle
        )
        states[:, k + 1], controls[:, k] = moved[:, 1], applied[:, 0]
    return states, controls
