# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Cars that a controller drives along references, and what is seen of it."""

from collections import deque
from dataclasses import dataclass

import numpy as np

from warmstart_planner.problem import Trajectory
from warmstart_planner.road import road_from_segments
from warmstart_planner.vehicle import (
    SPEED,
    STEERING,
    YAW,
    lateral_acceleration,
    load_vehicle,
    step,
)

VEHICLE = load_vehicle()
STRAIGHT = road_from_segments([(2000.0, 0.0, 0.0)], 4.0, 4.0, 40.0)
MIRROR = np.array([1.0, -1.0, -1.0, 1.0, -1.0])
NAN = float('nan')


def reference(road, speed, stamp, station, offset=0.0, steps=60):
    """Return a reference along the road at a constant speed of the path's stations."""
    at = station + speed * 0.1 * np.arange(steps + 1)
    bend = road.at('curvature', at)
    states = np.empty((steps + 1, 5))
    states[:, :3] = road.poses(at, offset)
    states[:, SPEED] = speed * (1 - bend * offset)
    states[:, STEERING] = np.arctan(VEHICLE.wheelbase * bend / (1 - bend * offset))
    controls = np.diff(states[:, [SPEED, STEERING]], axis=0) / 0.1
    return Trajectory(stamp, 0.1, states, controls)


@dataclass
class Car:
    """The kinematic model behind a transport delay and first-order lags."""

    state: np.ndarray
    delay: float = 0.02
    acceleration_lag: float = 0.1
    steering_lag: float = 0.05
    acceleration: float = 0.0

    def __post_init__(self):
        self.commands = deque()
        self.active = (0.0, self.state[STEERING])

    def send(self, now, output):
        self.commands.append((now + self.delay, (output.acceleration, output.steering_angle)))

    def advance(self, now, h):
        while self.commands and self.commands[0][0] <= now + 1e-9:
            self.active = self.commands.popleft()[1]
        wanted, angle = self.active
        self.acceleration += (wanted - self.acceleration) * -np.expm1(-h / self.acceleration_lag)
        rate = (angle - self.state[STEERING]) * -np.expm1(-h / self.steering_lag) / h
        rate = np.clip(rate, -VEHICLE.steering_rate_max, VEHICLE.steering_rate_max)
        pull = max(self.acceleration, -self.state[SPEED] / h)
        self.state = np.array(step(self.state, (pull, rate), h, VEHICLE.wheelbase))


@dataclass
class SlippingCar(Car):
    """Its rear axle moves outwards of its heading, in proportion to the lateral acceleration."""

    slip: float = 0.005

    def advance(self, now, h):
        super().advance(now, h)
        angle = self.slip * lateral_acceleration(self.state, VEHICLE.wheelbase)
        outwards = np.array([np.sin(self.state[YAW]), -np.cos(self.state[YAW])])
        self.state[:2] += h * self.state[SPEED] * np.sin(angle) * outwards


@dataclass
class Drive:
    outputs: list
    states: np.ndarray

    def of(self, name):
        return np.array([getattr(output, name) for output in self.outputs])


def drive(controller, car, plan, duration, road=STRAIGHT, obstacles=(), age=0.0, friction=1.0):
    """Drive in closed loop: `plan(now)` is asked every 0.1 s, states arrive `age` late."""
    h, period = 0.01, controller.settings.period
    seen, outputs, states, current = deque(maxlen=100), [], [], None
    for i in range(round(duration / h)):
        now = i * h
        seen.append((now, car.state))
        if i % 10 == 0:
            current = plan(now)
        if i % round(period / h) == 0:
            stamp, state = seen[max(len(seen) - 1 - round(age / h), 0)]
            output = controller.step(now, state, stamp, current, road, obstacles, friction)
            car.send(now, output)
            outputs.append(output)
            states.append(car.state)
        car.advance(now, h)
    return Drive(outputs, np.array(states))


def along(road, speed, offset=0.0):
    """Return a planner that knows the road and a speed."""
    return lambda now: reference(road, speed, now, speed * now, offset)


def at_start(speed, y=0.0, yaw=0.0):
    return Car(np.array([0.0, y, yaw, speed, 0.0]))
