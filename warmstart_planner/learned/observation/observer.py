# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
Observations of a policy, for training and serving alike: computed by one compiled library.

`fields` says what the numbers are. States, roads and obstacles are those of
`transcription.Transcription`, all in one frame; which one makes no difference.
"""

from __future__ import annotations

import ctypes
from dataclasses import astuple
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from warmstart_planner.checks import finite_array, number
from warmstart_planner.driver_model.plain_rule import PlainSettings
from warmstart_planner.learned.observation.fields import (
    MOVING_OBSTACLE_PARAMETERS,
    OBSERVATION_FIELDS,
    OBSERVATION_SIZE,
    OBSERVATION_VERSION,
)
from warmstart_planner.learned.observation.library import DOUBLES, FLOATS, RollOutStructure, load
from warmstart_planner.objective import OBSTACLE_PARAMETERS, ROAD_PARAMETERS
from warmstart_planner.vehicle import (
    CONTROL_SIZE,
    SPEED,
    STATE_SIZE,
    STEERING,
    VehicleParameters,
)

__all__ = [
    'OBSERVATION_FIELDS',
    'OBSERVATION_SIZE',
    'OBSERVATION_VERSION',
    'Observer',
    'SteppedRollOut',
    'moving',
]

DT_LIMITS = {'at_least': 1e-3, 'at_most': 1.0}  # as a horizon's [s]


def moving(obstacles: NDArray[np.float64], dt: float) -> NDArray[np.float64]:
    """
    Append velocities to predicted obstacles.

    Central differences of the predictions, one-sided at their ends.

    Args:
        obstacles: shape (M, N + 1, OBSTACLE_PARAMETERS), N >= 1.
        dt: step of the predictions [s].

    Returns:
        Shape (M, N + 1, OBSTACLE_PARAMETERS + 2): vx and vy [m/s] come last, in the same frame.

    """
    numbers = _finite('obstacles', obstacles, (None, None, OBSTACLE_PARAMETERS))
    number('dt', dt, **DT_LIMITS)
    if numbers.shape[1] < 2:
        raise ValueError(f'obstacles has {numbers.shape[1]} nodes: expected at least 2')
    # as np.gradient, which takes four times as long
    centres = numbers[..., :2]
    velocities = np.empty_like(centres)
    velocities[:, 1:-1] = (centres[:, 2:] - centres[:, :-2]) / (2.0 * dt)
    velocities[:, [0, -1]] = (centres[:, [1, -1]] - centres[:, [0, -2]]) / dt
    return np.concatenate([numbers, velocities], axis=-1)


class Observer:
    """
    What a car sees and how it drives on, as compiled functions; may be used from any thread.

    Args:
        vehicle: the car.

    Raises:
        SolverMissingError: the library is not generated for this car.

    """

    def __init__(self, vehicle: VehicleParameters) -> None:
        self.vehicle = vehicle
        self.library = load(vehicle)

    def observe(
        self, states: ArrayLike, road: ArrayLike, obstacles: ArrayLike
    ) -> NDArray[np.float32]:
        """
        Return what cars see, all at one time.

        Args:
            states: shape (K, 5).
            road: shape (ROAD_PARAMETERS,).
            obstacles: with velocities, shape (M, OBSTACLE_PARAMETERS + 2).

        Returns:
            Shape (K, OBSERVATION_SIZE).

        Raises:
            ValueError: a shape is another, or a number is not finite.

        """
        states = _finite('states', states, (None, STATE_SIZE))
        obstacles = _finite('obstacles', obstacles, (None, MOVING_OBSTACLE_PARAMETERS))
        return self.observe_along(states[:, None], road, obstacles[:, None])[:, 0]

    def observe_along(
        self, states: ArrayLike, road: ArrayLike, obstacles: ArrayLike
    ) -> NDArray[np.float32]:
        """
        Return what cars see along trajectories: at node k the obstacles of node k.

        Args:
            states: shape (K, N + 1, 5).
            road: shape (ROAD_PARAMETERS,).
            obstacles: with velocities, shape (M, N + 1, OBSTACLE_PARAMETERS + 2).

        Returns:
            Shape (K, N + 1, OBSERVATION_SIZE).

        Raises:
            ValueError: a shape is another, or a number is not finite.

        """
        states = _finite('states', states, (None, None, STATE_SIZE))
        cars, nodes = states.shape[:2]
        road = _finite('road', road, (ROAD_PARAMETERS,))
        obstacles = _finite('obstacles', obstacles, (None, nodes, MOVING_OBSTACLE_PARAMETERS))
        result = np.empty((cars, nodes, OBSERVATION_SIZE), np.float32)
        roll_out = RollOutStructure(cars, nodes, len(obstacles), nodes)
        roll_out.road, roll_out.obstacles, roll_out.states = map(
            _address, (road, obstacles, states)
        )
        self.library.observation_observe(roll_out, 0, nodes, _floats(result))
        return result

    def rule(
        self,
        states: ArrayLike,
        road: ArrayLike,
        obstacles: ArrayLike,
        settings: PlainSettings,
        offset: ArrayLike = 0.0,
    ) -> NDArray[np.float64]:
        """
        Return what cars do by a plain rule, all at one time, within the car's limits.

        Args:
            states: shape (K, 5).
            road: shape (ROAD_PARAMETERS,).
            obstacles: with velocities, shape (M, OBSTACLE_PARAMETERS + 2).
            settings: of the rule.
            offset: lateral distance to keep to the path to aim at, scalar or (K,) [m].

        Returns:
            Shape (K, 2) [m/s^2, rad/s].

        Raises:
            ValueError: a shape is another, or a number is not finite.

        """
        states = _finite('states', states, (None, STATE_SIZE))
        road = _finite('road', road, (ROAD_PARAMETERS,))
        obstacles = _finite('obstacles', obstacles, (None, MOVING_OBSTACLE_PARAMETERS))
        wanted = _finite('offset', np.broadcast_to(offset, len(states)), (len(states),))
        numbers = np.array(astuple(settings))
        commands = np.empty((len(states), CONTROL_SIZE))
        roll_out = RollOutStructure(len(states), 1, len(obstacles), 1)
        roll_out.road, roll_out.obstacles, roll_out.states = map(
            _address, (road, obstacles, states)
        )
        self.library.observation_rule(roll_out, *map(_doubles, (numbers, wanted, commands)))
        return commands

    def advance(
        self, states: ArrayLike, controls: ArrayLike, dt: float
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """
        Drive cars for one step, as `vehicle.roll_out` does.

        Args:
            states: shape (K, 5).
            controls: shape (K, 2).
            dt: step [s].

        Returns:
            The next states, shape (K, 5), and the controls applied.

        Raises:
            ValueError: a shape is another, or a number is not finite.

        """
        controls = _finite('controls', controls, (None, CONTROL_SIZE))
        along, applied = self.roll_out(states, controls[:, None], dt)
        return along[:, 1], applied[:, 0]

    def roll_out(
        self, states: ArrayLike, controls: ArrayLike, dt: float
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """
        Drive cars through controls, as `vehicle.roll_out` does.

        Args:
            states: where they start, shape (K, 5).
            controls: shape (K, N, 2).
            dt: step [s].

        Returns:
            States, shape (K, N + 1, 5), and the controls applied.

        Raises:
            ValueError: a shape is another, or a number is not finite.

        """
        states = _finite('states', states, (None, STATE_SIZE))
        applied = _finite('controls', controls, (len(states), None, CONTROL_SIZE)).copy()
        number('dt', dt, **DT_LIMITS)
        along = np.empty((len(states), applied.shape[1] + 1, STATE_SIZE))
        along[:, 0] = states
        roll_out = RollOutStructure(*along.shape[:2], 0, 0, dt, *self._limits)
        roll_out.states, roll_out.controls = _address(along), _address(applied)
        self.library.observation_advance(roll_out, 0, applied.shape[1])
        return along, applied

    def begin_roll_out(
        self,
        states: ArrayLike,
        road: ArrayLike,
        obstacles: ArrayLike,
        steps: int,
        dt: float,
        observations: NDArray[np.float32] | None = None,
    ) -> SteppedRollOut:
        """
        Begin to drive cars on, step by step, with what they see at each.

        Args:
            states: where they start, shape (K, 5).
            road: shape (ROAD_PARAMETERS,).
            obstacles: with velocities, of `steps` + 1 nodes or more, shape
                (M, >= N + 1, OBSTACLE_PARAMETERS + 2).
            steps: N, at least 1.
            dt: step [s].
            observations: where to write what the cars see, float32, shape (K, OBSERVATION_SIZE);
                None: in an array of its own.

        Raises:
            ValueError: a shape is another, or a number is not finite.

        """
        states = _finite('states', states, (None, STATE_SIZE))
        if observations is None:
            observations = np.empty((len(states), OBSERVATION_SIZE), np.float32)
        _check_lies_right(observations, len(states))
        road = _finite('road', road, (ROAD_PARAMETERS,))
        obstacles = _finite('obstacles', obstacles, (None, None, MOVING_OBSTACLE_PARAMETERS))
        number('dt', dt, **DT_LIMITS)
        if steps < 1:
            raise ValueError(f'steps is {steps}: expected at least 1')
        if len(obstacles) and obstacles.shape[1] <= steps:
            raise ValueError(
                f'obstacles has {obstacles.shape[1]} nodes: expected at least {steps + 1}'
            )
        structure = RollOutStructure(
            len(states), steps + 1, *obstacles.shape[:2], dt, *self._limits
        )
        return SteppedRollOut(self.library, structure, states, road, obstacles, observations)

    @cached_property
    def _limits(self) -> tuple[ctypes.Array, ...]:
        """Return the bounds in the order of `roll_out_t`."""
        car, moved = self.vehicle, [SPEED, STEERING]
        bounds = (
            car.control_lower,
            car.control_upper,
            car.state_lower[moved],
            car.state_upper[moved],
        )
        return tuple((ctypes.c_double * CONTROL_SIZE)(*each) for each in bounds)


class SteppedRollOut:
    """
    A roll-out, step by step, of several cars; `Observer.begin_roll_out` makes it.

    `states` (K, N + 1, 5) and `controls` (K, N, 2), those applied, are filled up to where the
    cars are; `observations` (K, OBSERVATION_SIZE) is what they see there, overwritten by every
    step. What is not a number is passed on, as in the car model.
    """

    def __init__(
        self,
        library: ctypes.CDLL,
        structure: RollOutStructure,
        states: NDArray[np.float64],
        road: NDArray[np.float64],
        obstacles: NDArray[np.float64],
        observations: NDArray[np.float32],
    ) -> None:
        cars, nodes = structure.cars, structure.nodes
        self.states = np.empty((cars, nodes, STATE_SIZE))
        self.controls = np.empty((cars, nodes - 1, CONTROL_SIZE))
        self.observations = observations
        self.states[:, 0] = states
        self._node = 0
        self._library = library
        self._held = road, obstacles  # the structure points to them
        structure.road, structure.obstacles = _address(road), _address(obstacles)
        structure.states, structure.controls = _address(self.states), _address(self.controls)
        self._structure = ctypes.pointer(structure)
        # pointers are made once: making one takes longer than a step
        self._actions = np.empty((cars, CONTROL_SIZE))
        self._action_numbers = _doubles(self._actions)
        self._floats = _floats(self.observations)
        library.observation_observe(self._structure, 0, 1, self._floats)

    def step(self, actions: NDArray[np.floating]) -> None:
        """
        Drive on by one step with controls of shape (K, 2), within the cars' limits.

        Raises:
            IndexError: the roll-out has ended.

        """
        if self._node == self.controls.shape[1]:
            raise IndexError(
                f'step: the roll-out ended after {self._node} steps: expected no more'
            )
        self._actions[:] = actions
        self._library.observation_drive(
            self._structure, self._node, self._action_numbers, self._floats
        )
        self._node += 1


def _finite(name: str, value: ArrayLike, shape: tuple[int | None, ...]) -> NDArray[np.float64]:
    """Return the checked numbers in C's order, whatever the order of `value`."""
    return np.ascontiguousarray(finite_array(name, value, shape))


def _check_lies_right(observations: NDArray[np.float32], cars: int) -> None:
    """Refuse an array that C could not write to as it does."""
    if observations.shape != (cars, OBSERVATION_SIZE):
        raise ValueError(
            f'observations has shape {observations.shape}: expected {(cars, OBSERVATION_SIZE)}'
        )
    if observations.dtype != np.float32 or not observations.flags.c_contiguous:
        raise ValueError(f'observations is of {observations.dtype}: expected float32, contiguous')


def _address(array: NDArray[np.float64]) -> int:
    return array.ctypes.data


def _doubles(array: NDArray[np.float64]) -> ctypes.pointer[ctypes.c_double]:
    return array.ctypes.data_as(DOUBLES)


def _floats(array: NDArray[np.float32]) -> ctypes.pointer[ctypes.c_float]:
    return array.ctypes.data_as(FLOATS)
