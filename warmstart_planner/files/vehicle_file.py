# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
Cars as files, described in docs/vehicles.md: packaged ones by name, others by their path.

`config/vehicles/vehicle.schema.json` is the format's definition. Fields are called as in
Autoware's `vehicle_info` where they mean the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from warmstart_planner.files.resources import share_folder
from warmstart_planner.files.strict_yaml import parse
from warmstart_planner.files.structured import structured
from warmstart_planner.vehicle import VehicleParameters

SCHEMA_NAME = 'vehicle.schema.json'
SUFFIXES = ('.yaml', '.yml')
DIGITS = 12  # that lengths are rounded to: sums of equal lengths are to be equal numbers


class VehicleError(ValueError):
    """A car that there is not or that is not described right; names the field and its value."""


@dataclass(frozen=True)
class TyreParameters:
    """
    Lateral forces of an axle by the Magic Formula, the same for both axles.

    `cornering_stiffness` is that of an axle over its load [1/rad], `shape_factor` C and
    `curvature_factor` E of the formula (H. Pacejka, Tire and Vehicle Dynamics, 2012, Section 4.3).
    """

    cornering_stiffness: float
    shape_factor: float
    curvature_factor: float


@dataclass(frozen=True)
class DynamicsParameters:
    """
    What only the simulated car needs: a single-track model with tyres, engine and brakes.

    `mass` [kg]; `yaw_inertia` about the centre of gravity [kg m^2]; that centre is
    `rear_axle_to_center_of_gravity` ahead of the rear axle and `center_of_gravity_height` above
    the road [m]. Engine and brakes give up to `acceleration_limit` [m/s^2]; faster than
    `power_limit_speed` [m/s] the engine gives less, as its power allows.
    """

    mass: float
    yaw_inertia: float
    rear_axle_to_center_of_gravity: float
    center_of_gravity_height: float
    acceleration_limit: float
    power_limit_speed: float
    tyre: TyreParameters


@dataclass(frozen=True)
class VehicleDescription:
    """One car: what it is planned for with, and what it is simulated with, None: it cannot be."""

    parameters: VehicleParameters
    dynamics: DynamicsParameters | None


def vehicle_folder() -> Path:
    """
    Return the folder of the packaged cars.

    Raises:
        FileNotFoundError: the package's files are not installed.

    """
    return share_folder() / 'config' / 'vehicles'


def packaged_vehicles() -> tuple[str, ...]:
    """Return the names of the packaged cars, sorted."""
    return tuple(sorted(path.stem for path in vehicle_folder().glob('*.yaml')))


def is_path(name_or_path: str) -> bool:
    """Tell the path of a car's file from the name of a packaged one."""
    return Path(name_or_path).suffix in SUFFIXES


def absolute(name_or_path: str) -> str:
    """Return a name as it is, a path as it is from anywhere."""
    return named_in(Path.cwd(), name_or_path)


def named_in(folder: Path, name_or_path: str) -> str:
    """Return what a file of a folder calls a car: a name, or a path from there, made absolute."""
    if not is_path(name_or_path):
        return name_or_path
    return str((folder / Path(name_or_path).expanduser()).resolve())


def load_description(name_or_path: str) -> VehicleDescription:
    """
    Return a car by its packaged name or the path of its file.

    Raises:
        VehicleError: there is none, or the file cannot be read or is not as the schema has it; the
            message names the file, the field, its value and what was expected.

    """
    if is_path(name_or_path):
        name = absolute(name_or_path)
        return _described(name, _text(Path(name)))
    known = packaged_vehicles()
    if name_or_path not in known:
        raise VehicleError(
            f'vehicle is {name_or_path!r}: expected one of {", ".join(known)}, or the path of a '
            '.yaml file'
        )
    return _packaged(name_or_path)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding='utf-8')
    except OSError as error:
        raise VehicleError(f'vehicle {path}: cannot be read ({error.strerror})') from None
    except UnicodeDecodeError as error:
        raise VehicleError(f'vehicle {path}: is not YAML: {error}') from None


@cache
def _packaged(name: str) -> VehicleDescription:
    # tests hold these files to the schema, and checking them takes every node 0.1 s of its start
    return _description(name, parse(_text(vehicle_folder() / f'{name}.yaml')))


@cache
def _described(name: str, text: str) -> VehicleDescription:
    """Return the car of a file; a changed text is another car."""
    from warmstart_planner.files.schema import parse_checked

    try:
        return _description(name, parse_checked(text, vehicle_folder() / SCHEMA_NAME))
    except ValueError as error:
        raise VehicleError(f'vehicle {name}: {error}') from None


def _description(name: str, data: dict[str, Any]) -> VehicleDescription:
    dynamics = data.get('dynamics')
    return VehicleDescription(
        _parameters(name, data), None if dynamics is None else _dynamics(data, dynamics)
    )


def _parameters(name: str, data: dict[str, Any]) -> VehicleParameters:
    base, front, rear = (data[key] for key in ('wheel_base', 'front_overhang', 'rear_overhang'))
    if rear >= base + front:
        raise VehicleError(
            f'rear_overhang is {rear}: expected less than wheel_base and front_overhang together '
            f'({base + front})'
        )
    # the box is as wide to both sides: a plan knows of no other
    overhang = max(data['left_overhang'], data['right_overhang'])
    return VehicleParameters(
        name=name,
        length=_length(front + base + rear),
        width=_length(data['wheel_tread'] + 2 * overhang),
        wheelbase=_length(base),
        rear_to_center=_length((base + front - rear) / 2),
        steering_max=float(data['max_steer_angle']),
        steering_rate_max=float(data['max_steer_rate']),
        speed_max=float(data['max_speed']),
        acceleration_max=float(data['max_acceleration']),
        deceleration_max=float(data['max_deceleration']),
    )


def _length(value: float) -> float:
    return round(float(value), DIGITS)


def _dynamics(data: dict[str, Any], given: dict[str, Any]) -> DynamicsParameters:
    ahead, base = given['rear_axle_to_center_of_gravity'], data['wheel_base']
    if ahead >= base:
        raise VehicleError(
            f'dynamics.rear_axle_to_center_of_gravity is {ahead}: expected less than wheel_base '
            f'({base})'
        )
    limit = given['acceleration_limit']
    for name in ('max_acceleration', 'max_deceleration'):
        if data[name] > limit:
            raise VehicleError(
                f'{name} is {data[name]}: expected at most dynamics.acceleration_limit ({limit})'
            )
    return structured(DynamicsParameters, given, 'dynamics')
