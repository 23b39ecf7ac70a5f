# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Who may drive on a lanelet, and how fast where no sign tells."""

from __future__ import annotations

from lxml import etree

HIGHWAY_SPEED = 36.0  # about 130 km/h [m/s]
COUNTRY_SPEED = 100 / 3.6  # [m/s]
URBAN_SPEED = 50 / 3.6  # [m/s]
YARD_SPEED = 30 / 3.6  # [m/s]
SPEED_BY_TYPE = {
    'urban': URBAN_SPEED,
    'country': COUNTRY_SPEED,
    'highway': HIGHWAY_SPEED,
    'interstate': HIGHWAY_SPEED,
    'maincarriageway': HIGHWAY_SPEED,
    'accessramp': HIGHWAY_SPEED,
    'exitramp': HIGHWAY_SPEED,
    'driveway': YARD_SPEED,
    'parking': YARD_SPEED,
}
NO_ROADS = {  # types that are no road for cars, in words
    'sidewalk': 'a sidewalk',
    'crosswalk': 'a crosswalk',
    'bicyclelane': 'a bicycle lane',
    'buslane': 'a bus lane',
    'busstop': 'a bus stop',
    'border': 'a border',
    'shoulder': 'a shoulder',
    'restricted': 'restricted',
    'restrictedarea': 'a restricted area',
}
# parts of names that the format does not know and that speak of no road for cars
_NO_ROAD_WORDS = (
    'walk foot pedestrian cycl bike bus tram rail train restrict border shoulder median island '
    'curb kerb emergency forbidden'
).split()
_KNOWN_TYPES = {*SPEED_BY_TYPE, *NO_ROADS, 'intersection', 'unknown'}
CAR_USERS = {'vehicle', 'car'}


def types_of(lanelet: etree._Element) -> list[str]:
    """Return a lanelet's types, in small letters without underscores."""
    texts = [(each.text or '').strip() for each in lanelet.findall('laneletType')]
    return [text.lower().replace('_', '').replace('-', '') for text in texts if text]


def is_unknown(type_: str) -> bool:
    """Tell whether the format has no such lanelet type."""
    return type_ not in _KNOWN_TYPES


def users_of(lanelet: etree._Element, tag: str) -> set[str]:
    """Return the users that a lanelet names, in small letters."""
    return {(each.text or '').strip().lower() for each in lanelet.findall(tag)} - {''}


def use_instead(lanelet: etree._Element) -> str | None:
    """
    Return what a lanelet is instead of a road for cars, in words; None for a road.

    Users that it names count more than its types: a bus lane that lets cars in is a road.
    """
    users = users_of(lanelet, 'userOneWay') | users_of(lanelet, 'userBidirectional')
    if users & CAR_USERS:
        return None
    for type_ in types_of(lanelet):
        if type_ in NO_ROADS:
            return NO_ROADS[type_]
        if is_unknown(type_) and any(word in type_ for word in _NO_ROAD_WORDS):
            return f'of type {type_!r}'
    return f'only for {", ".join(sorted(users))}' if users else None


def default_speed(types: list[str], urban: bool) -> float:
    """
    Return the speed limit of a lanelet that has no sign, NaN where its types tell none [m/s].

    Of several types the slowest counts. In a file with urban roads those of no known type are
    urban, too.
    """
    speeds = [SPEED_BY_TYPE[each] for each in types if each in SPEED_BY_TYPE]
    if not speeds and urban and types:
        speeds = [URBAN_SPEED]
    return min(speeds, default=float('nan'))
