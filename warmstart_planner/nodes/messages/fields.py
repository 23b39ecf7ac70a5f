# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Fields that several messages have: header, car, arrays of numbers, rung."""

from __future__ import annotations

import array
import math
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from std_msgs.msg import Header

from warmstart_planner.checks import finite_array
from warmstart_planner.nodes.messages.stamps import to_time
from warmstart_planner.problem import Rung
from warmstart_planner.vehicle import VehicleParameters

Message = TypeVar('Message', bound=Any)
Value = TypeVar('Value')
MAP = 'map'
LARGEST = 1e8  # of any number of a state or pose; what is larger was not measured [m, rad, m/s]


def header(stamp: float, frame: str = MAP) -> Header:
    """Return a header."""
    return Header(stamp=to_time(stamp), frame_id=frame)


def check_frame(name: str, found: Header) -> None:
    """Refuse another frame than the map's."""
    if found.frame_id != MAP:
        raise ValueError(f'{name}.header.frame_id is {found.frame_id!r}: expected {MAP!r}')


def of_vehicle(
    name: str, convert: Callable[[Message], Value], vehicle: VehicleParameters
) -> Callable[[Message], Value]:
    """
    Return a conversion that refuses what is about another car than the node's own.

    Args:
        name: of the message in errors.
        convert: the conversion of messages about any car.
        vehicle: the node's own.

    """

    def converted(message: Message) -> Value:
        check_vehicle(name, message.vehicle, vehicle)
        return convert(message)

    return converted


def check_vehicle(name: str, found: str, vehicle: VehicleParameters) -> None:
    """Refuse another car; sensors that do not say which car they are on say nothing."""
    if found and found != vehicle.label:
        raise ValueError(
            f'{name}.vehicle is {found!r}: expected {vehicle.label!r}, the car of this node; give '
            'all nodes the same parameter vehicle'
        )


def flat(values: ArrayLike) -> array.array[float]:
    """Return numbers of any shape in a row, as a message takes them."""
    # rclpy takes an array.array as it is, but checks any other sequence number by number.
    return array.array('d', np.ascontiguousarray(values, dtype=np.float64).tobytes())


def shaped(name: str, values: ArrayLike, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Return the numbers of a message in their shape; refuse others than so many finite ones."""
    row = np.asarray(values, dtype=float)
    if row.size != math.prod(shape):
        raise ValueError(f'{name} has {row.size} entries: expected {math.prod(shape)}')
    return finite_array(name, row.reshape(shape), shape)


def rung_from(name: str, value: int) -> Rung:
    """Return a rung of the ladder by its number; refuse a number that is none's."""
    if value > max(rung.value for rung in Rung):
        raise ValueError(
            f'{name}.rung is {value}: expected 0 to {max(each.value for each in Rung)}'
        )
    return Rung(value)
