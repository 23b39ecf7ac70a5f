# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The simulated world: one car in a scenario, driven by commands, seen through its sensors."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from warmstart_planner.checks import finite_array, number
from warmstart_planner.files.vehicle_file import load_description
from warmstart_planner.obstacles import Obstacle
from warmstart_planner.problem import Horizon
from warmstart_planner.road import StationTracker
from warmstart_planner.scenarios.scenario import CLEARANCES, Scenario
from warmstart_planner.simulation.configuration import SimulationConfiguration
from warmstart_planner.simulation.disturbances import Wind
from warmstart_planner.simulation.plants import PLANTS, Plant
from warmstart_planner.simulation.predictions import PREDICTIONS, LaneNetwork
from warmstart_planner.simulation.sensors import (
    EgoSensor,
    ObstacleSensor,
    Transport,
)
from warmstart_planner.vehicle import SPEED, STATE_SIZE, STEERING, YAW

# Streams of randomness: one a concern, so that switching one noise off leaves the others alone.
_WIND, _EGO, _OBSTACLES, _TRANSPORT = range(4)


@dataclass(frozen=True)
class Command:
    """
    Targets for the car's actuators: acceleration [m/s^2] and front-wheel angle [rad].

    Raises:
        ValueError: a value is not finite.

    """

    stamp: float
    acceleration: float
    steering_angle: float

    def __post_init__(self) -> None:
        """Refuse what no actuator can follow."""
        for name in ('stamp', 'acceleration', 'steering_angle'):
            object.__setattr__(self, name, number(f'command.{name}', getattr(self, name)))


@dataclass(frozen=True)
class Observation:
    """
    What the car knows of the world at a time: itself, shape (5,), and predicted obstacles.

    `stamp` is the time at which all of it was true [s]; `acceleration` is in the driving
    direction [m/s^2].
    """

    stamp: float
    state: NDArray[np.float64]
    acceleration: float
    obstacles: tuple[Obstacle, ...]

    def __post_init__(self) -> None:
        """Check the numbers."""
        number('observation.stamp', self.stamp)
        state = finite_array('observation.state', self.state, (STATE_SIZE,))
        object.__setattr__(self, 'state', state)


class Simulator:
    """
    World, plant and sensors; deterministic from the configuration's seed.

    Time starts at 0 and proceeds in whole integration steps.

    Args:
        scenario: road, traffic, start and friction.
        configuration: plant, disturbances, sensors and seed.
        horizon: grid of the predictions.

    Raises:
        VehicleError: the scenario's vehicle has no `dynamics` in its file.

    """

    def __init__(
        self, scenario: Scenario, configuration: SimulationConfiguration, horizon: Horizon
    ) -> None:
        self._scenario = scenario
        self._configuration = configuration
        self._horizon = horizon
        self._step = configuration.integration_step
        self._index = 0
        self._target_time = 0.0
        self._plant: Plant = PLANTS[configuration.plant.model](
            load_description(scenario.vehicle),
            scenario.initial_state,
            scenario.friction * configuration.plant.friction_factor,
            configuration.plant.mass_factor,
            configuration.actuators,
        )
        self._wind = Wind(configuration.wind, scenario.car.length, self._stream(_WIND))
        self._ego_sensor = EgoSensor(configuration.ego_noise, scenario.car, self._stream(_EGO))
        self._obstacle_sensor = ObstacleSensor(
            configuration.obstacle_noise,
            [participant.name for participant in scenario.traffic],
            self._stream(_OBSTACLES),
        )
        self._transport = Transport(configuration.transport, self._stream(_TRANSPORT))
        self._network = LaneNetwork(scenario.lanes)
        self._clearance = {each.name: CLEARANCES.get(each.kind, 0.0) for each in scenario.traffic}
        self._tracker = StationTracker(scenario.road, scenario.start_station)
        self._observed_at = 0.0
        self._active = Command(0.0, 0.0, float(scenario.initial_state[STEERING]))
        self._queue: deque[tuple[int, Command]] = deque()
        self._impulses = deque(sorted(configuration.impulses, key=lambda impulse: impulse.time))
        transport = configuration.transport
        oldest = transport.delay + transport.late_delay
        self._past: deque[tuple[NDArray[np.float64], float]] = deque(
            maxlen=round(oldest / self._step) + 1
        )
        self._remember()

    @property
    def time(self) -> float:
        """Simulated time [s]."""
        return self._index * self._step

    @property
    def scenario(self) -> Scenario:
        """The scenario that is driven."""
        return self._scenario

    @property
    def true_state(self) -> NDArray[np.float64]:
        """State of the car without noise, shape (5,): rear axle, map frame."""
        return self._past[-1][0].copy()

    def observe(self) -> Observation | None:
        """
        Return what reaches the car now; None where an observation is lost.

        An observation that is late has an old stamp. Each call draws new noise.
        """
        age = self._transport.age()
        if age is None:
            return None
        back = min(round(age / self._step), len(self._past) - 1)
        stamp = (self._index - back) * self._step
        state, acceleration = self._past[-1 - back]
        dt = self.time - self._observed_at
        self._observed_at = self.time
        return Observation(
            stamp=stamp,
            state=self._ego_sensor.measure(state, dt),
            acceleration=acceleration,
            obstacles=self._obstacle_sensor.perceive(self._predicted(stamp, state), dt),
        )

    def apply(self, command: Command) -> None:
        """Send a command to the actuators, where it takes effect after their delay."""
        delay = round(self._configuration.actuators.delay / self._step)
        self._queue.append((self._index + delay, command))

    def advance(self, duration: float) -> None:
        """
        Let time pass [s].

        Raises:
            ValueError: the duration is not finite or negative.

        """
        self._target_time += number('duration', duration, at_least=0.0)
        while self._index < round(self._target_time / self._step):
            self._integrate()

    def _integrate(self) -> None:
        while self._queue and self._queue[0][0] <= self._index:
            self._active = self._queue.popleft()[1]
        while self._impulses and self._impulses[0].time <= self.time:
            impulse = self._impulses.popleft()
            self._plant.push(impulse.lateral_speed, impulse.yaw_rate)
        state = self._past[-1][0]
        load = self._wind.load(state[YAW], state[SPEED], self._step)
        self._plant.step(self._active.acceleration, self._active.steering_angle, self._step, load)
        self._index += 1
        self._remember()

    def _remember(self) -> None:
        self._past.append((self._plant.rear_axle_state(), self._plant.acceleration))

    def _predicted(self, t: float, state: NDArray[np.float64]) -> tuple[Obstacle, ...]:
        station = self._tracker.update(self._scenario.road, state)
        predicted = PREDICTIONS[self._configuration.prediction](
            self._scenario.traffic, self._network, t, self._horizon
        )
        relevant = self._scenario.relevant(predicted, state, self._horizon, station)
        return tuple(replace(each, clearance=self._clearance[each.name]) for each in relevant)

    def _stream(self, concern: int) -> np.random.Generator:
        return np.random.default_rng([self._configuration.seed, concern])
