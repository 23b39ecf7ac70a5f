# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""All that a simulation is set up from, apart from the scenario: one value, one seed."""

from __future__ import annotations

from dataclasses import Field, dataclass, field, fields
from pathlib import Path
from typing import Any

from warmstart_planner.checks import number
from warmstart_planner.files.resources import share_folder
from warmstart_planner.files.structured import structured
from warmstart_planner.simulation.predictions import PREDICTIONS

MODELS = ('tyres', 'kinematic')


class ConfigurationError(ValueError):
    """A configuration that cannot be simulated; names the field, its value, what was expected."""


def ranged(default: float, low: float, high: float, unit: str, meaning: str) -> Any:
    """Declare a numeric field with its range, unit and meaning."""
    return field(
        default=default, metadata={'low': low, 'high': high, 'unit': unit, 'meaning': meaning}
    )


class _Checked:
    """Holds every number of a configuration to the range that its field declares."""

    def __post_init__(self) -> None:
        for declared in fields(self):  # type: ignore[arg-type]
            if 'low' in declared.metadata:
                object.__setattr__(self, declared.name, _checked(declared, self))


@dataclass(frozen=True)
class PlantConfiguration(_Checked):
    """
    How the real car and road differ from what the planner knows.

    `model` is what moves the car, one of MODELS: a single-track model with tyre forces, or the
    kinematic one, whose wheels do not slip.
    """

    friction_factor: float = ranged(1.0, 0.1, 2.0, '1', 'real friction over the known one')
    mass_factor: float = ranged(1.0, 0.5, 2.0, '1', 'real mass over the known one')
    model: str = 'tyres'

    def __post_init__(self) -> None:
        """Check what has no range of its own."""
        super().__post_init__()
        _one_of('model', self.model, MODELS)


@dataclass(frozen=True)
class ActuatorConfiguration(_Checked):
    """How the car follows its commands."""

    steering_lag: float = ranged(0.05, 0.01, 1.0, 's', 'time constant of the steering')
    acceleration_lag: float = ranged(0.1, 0.01, 2.0, 's', 'time constant of drive and brakes')
    delay: float = ranged(0.02, 0.0, 0.5, 's', 'from a command to its effect')


@dataclass(frozen=True)
class ImpulseConfiguration(_Checked):
    """One sudden disturbance, such as a pothole or a gust behind a truck."""

    time: float = ranged(0.0, 0.0, 3600.0, 's', 'when it strikes')
    lateral_speed: float = ranged(0.0, -5.0, 5.0, 'm/s', 'change of lateral speed, left positive')
    yaw_rate: float = ranged(0.0, -2.0, 2.0, 'rad/s', 'change of yaw rate')


@dataclass(frozen=True)
class WindConfiguration(_Checked):
    """A steady wind with gusts (first-order Gauss-Markov) about it."""

    speed: float = ranged(0.0, 0.0, 40.0, 'm/s', 'mean speed')
    direction: float = ranged(0.0, -7.0, 7.0, 'rad', 'where it blows to, map frame')
    gust: float = ranged(0.0, 0.0, 20.0, 'm/s', 'standard deviation of the gusts')
    gust_time: float = ranged(1.0, 0.05, 60.0, 's', 'correlation time of the gusts')


@dataclass(frozen=True)
class EgoNoiseConfiguration(_Checked):
    """Standard deviations of what the car measures of itself, cut at three of them."""

    position: float = ranged(0.0, 0.0, 2.0, 'm', 'each of x and y')
    yaw: float = ranged(0.0, 0.0, 0.5, 'rad', 'yaw')
    speed: float = ranged(0.0, 0.0, 5.0, 'm/s', 'speed')
    steering: float = ranged(0.0, 0.0, 0.2, 'rad', 'front-wheel angle')
    correlation_time: float = ranged(0.0, 0.0, 60.0, 's', '0 is white noise')


@dataclass(frozen=True)
class ObstacleNoiseConfiguration(_Checked):
    """Standard deviations of what the car perceives of each obstacle, cut at three of them."""

    position: float = ranged(0.0, 0.0, 2.0, 'm', 'each of x and y')
    yaw: float = ranged(0.0, 0.0, 0.5, 'rad', 'yaw and direction of the predicted motion')
    speed: float = ranged(0.0, 0.0, 1.0, '1', 'relative error of the predicted speed')
    correlation_time: float = ranged(0.0, 0.0, 60.0, 's', '0 is white noise')


@dataclass(frozen=True)
class TransportConfiguration(_Checked):
    """How observations reach the car."""

    delay: float = ranged(0.0, 0.0, 0.5, 's', 'age of every observation')
    loss_probability: float = ranged(0.0, 0.0, 1.0, '1', 'of an observation that never arrives')
    late_probability: float = ranged(0.0, 0.0, 1.0, '1', 'of one that is later than the others')
    late_delay: float = ranged(0.1, 0.0, 2.0, 's', 'how much later')


@dataclass(frozen=True)
class SimulationConfiguration(_Checked):
    """
    Plant, disturbances, sensors, transport and seed of one simulation.

    `prediction` is how the traffic is predicted that the car perceives, one of PREDICTIONS.

    The defaults of the parts are an ideal world with realistic actuators; `config/simulation.yaml`
    holds what the demo and the measurements drive in.

    Raises:
        ConfigurationError: a value is not a finite number or out of its range.

    """

    seed: int = 0
    prediction: str = 'ground_truth'
    integration_step: float = ranged(0.005, 0.0005, 0.01, 's', 'of the plant')
    planning_latency: float = ranged(0.05, 0.0, 1.0, 's', 'from observation to reference')
    plant: PlantConfiguration = field(default_factory=PlantConfiguration)
    actuators: ActuatorConfiguration = field(default_factory=ActuatorConfiguration)
    wind: WindConfiguration = field(default_factory=WindConfiguration)
    impulses: tuple[ImpulseConfiguration, ...] = ()
    ego_noise: EgoNoiseConfiguration = field(default_factory=EgoNoiseConfiguration)
    obstacle_noise: ObstacleNoiseConfiguration = field(default_factory=ObstacleNoiseConfiguration)
    transport: TransportConfiguration = field(default_factory=TransportConfiguration)

    def __post_init__(self) -> None:
        """Check what has no range of its own."""
        super().__post_init__()
        if isinstance(self.seed, bool) or not isinstance(self.seed, int) or self.seed < 0:
            raise ConfigurationError(f'seed is {self.seed!r}: expected an integer, 0 or more')
        _one_of('prediction', self.prediction, tuple(PREDICTIONS))


def read_configuration(path: str | Path) -> SimulationConfiguration:
    """
    Read a configuration from a YAML file; what it leaves out keeps its default.

    Raises:
        ConfigurationError: the file is missing or not YAML (`strict_yaml`), a key is unknown or
            given twice, or a value is bad; the message names the file and the field.

    """
    from warmstart_planner.files.strict_yaml import parse

    try:
        return configuration_from_mapping(parse(Path(path).read_text(encoding='utf-8')))
    except (OSError, ValueError) as error:
        raise ConfigurationError(f'simulation configuration {path}: {error}') from None


def configuration_from_mapping(content: Any) -> SimulationConfiguration:
    """
    Build a configuration from nested mappings as the YAML file has them.

    Raises:
        ConfigurationError: a key is unknown or a value is bad.

    """
    try:
        return structured(SimulationConfiguration, content)
    except ValueError as error:
        raise ConfigurationError(str(error)) from None


def default_configuration_path() -> Path:
    """
    Return the packaged `config/simulation.yaml`.

    Raises:
        FileNotFoundError: the package's files are not installed.

    """
    return share_folder() / 'config' / 'simulation.yaml'


def _one_of(name: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise ConfigurationError(f'{name} is {value!r}: expected one of {", ".join(known)}')


def _checked(declared: Field[Any], owner: Any) -> float:
    low, high = declared.metadata['low'], declared.metadata['high']
    try:
        return number(declared.name, getattr(owner, declared.name), low, high)
    except ValueError as error:
        raise ConfigurationError(str(error)) from None
