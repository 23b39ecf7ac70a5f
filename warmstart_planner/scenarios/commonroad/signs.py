# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""What signs and speed-limit elements say of how fast one may drive."""

from __future__ import annotations

import logging
import re

from lxml import etree

from warmstart_planner.scenarios.commonroad.elements import id_of

LOGGER = logging.getLogger(__name__)

SPEED_LIMIT_SIGNS = frozenset(
    {
        '274',  # Germany, Zamunda; China and Italy in this format
        '274.1',  # Germany, Zamunda: a zone
        'r2-1',  # USA, Puerto Rico
        'r301',  # Spain
        's301',  # Spain, in files of older versions
        '3.24',  # Russia
        'r15',  # Argentina
        'c43',  # Belgium
        'b14',  # France
        'p-32',  # Greece, whose P is a rho
        'b31',  # Croatia
        'maxspeed',
    }
)
# Ends of limits, a minimum speed, and signs whose value is a size, a weight or a time.
OTHER_SIGNS = frozenset(
    '274.2 275 278 279 282 262 263 264 265 266 273 r107 r205 r206 r204 310 385'.split()
)
UNITS = {  # [m/s]
    '': 1.0,
    'm/s': 1.0,
    'mps': 1.0,
    'ms': 1.0,
    'km/h': 1 / 3.6,
    'kmh': 1 / 3.6,
    'kph': 1 / 3.6,
    'kmph': 1 / 3.6,
    'mph': 0.44704,
    'mi/h': 0.44704,
}
FASTEST = 42.0  # a bare number above it is hardly in m/s [m/s]
_VALUE = re.compile(r'\+?((?:[0-9]+[.,]?[0-9]*|[.,][0-9]+)(?:e[-+]?[0-9]+)?)([a-z/]*)')
_SUFFIXED = re.compile(r'(274(?:\.1)?)-([0-9]+)')
_END_SUFFIXED = re.compile(r'(274\.2|278|282)-[0-9]+')
_SPEED_LIKE = re.compile(r'speed|limit|274|maxs')


def parse_speed(text: str | None) -> float | None:
    """Return a text such as '8.33', '30 km/h' or '20mph' in m/s, None where it is no speed > 0."""
    found = _VALUE.fullmatch(re.sub(r'\s', '', text or '').lower())
    if found is None or found[2] not in UNITS:
        return None
    value = float(found[1].replace(',', '.')) * UNITS[found[2]]
    return value if 0.0 < value < float('inf') else None


def is_bare(text: str) -> bool:
    """Tell whether a readable speed comes without a unit."""
    return not re.search(r'[a-df-z]', text.lower())


class SpeedSigns:
    """
    The speed limits of a file's traffic signs, by the id of the sign [m/s].

    What looks like a limit and cannot be read is kept aside and reported once by `report`.
    """

    def __init__(self, root: etree._Element) -> None:
        """Read all signs of a file."""
        self.limits: dict[int, float] = {}
        self.known: set[int] = set()
        self._unreadable: set[str] = set()
        self._unknown: set[str] = set()
        self._hasty: set[str] = set()
        for sign in root.findall('trafficSign'):
            id_ = id_of(sign, 'id', f'trafficSign {sign.get("id")}')
            self.known.add(id_)
            limits = [self._limit_of(each) for each in sign.findall('trafficSignElement')]
            found = [limit for limit in limits if limit is not None]
            if found:
                self.limits[id_] = min(found)

    def element_limit(self, element: etree._Element) -> float | None:
        """Return what a lanelet's own speedLimit element says [m/s]."""
        return self._read('speedLimit', element.text)

    def report(self) -> None:
        """Log what could not be counted, a line for each kind."""
        if self._unreadable:
            LOGGER.warning(
                'speed limits that cannot be read are not counted: %s: expected a number > 0 in '
                'm/s, or with km/h or mph',
                ', '.join(sorted(self._unreadable)),
            )
        if self._unknown:
            LOGGER.warning(
                'traffic signs that could limit the speed are unknown and not counted: %s',
                ', '.join(sorted(self._unknown)),
            )
        if self._hasty:
            LOGGER.warning(
                'speed limits without a unit are taken in m/s, as the format says: %s',
                ', '.join(sorted(self._hasty)),
            )

    def _limit_of(self, element: etree._Element) -> float | None:
        name = (element.findtext('trafficSignID') or '').strip()
        plain = name.lower().replace('\N{GREEK SMALL LETTER RHO}', 'p')
        values = [each.text for each in element.findall('additionalValue')]
        suffixed = _SUFFIXED.fullmatch(plain)
        if suffixed is not None:
            return self._suffixed(name, int(suffixed[2]), values)
        if plain in SPEED_LIMIT_SIGNS:
            found = [self._read(name, value) for value in values or [None]]
            return min((each for each in found if each is not None), default=None)
        if plain not in OTHER_SIGNS and _END_SUFFIXED.fullmatch(plain) is None:
            speeds = [each for each in map(parse_speed, values) if each is not None]
            if speeds or _SPEED_LIKE.search(plain):
                self._unknown.add(repr(name))
        return None

    def _suffixed(self, name: str, suffix: int, values: list[str | None]) -> float | None:
        """Limit of a sign whose id holds it in km/h; a value beside it may be lower."""
        if suffix % 5 or not 5 <= suffix <= 150 or 50 < suffix < 60:
            # catalogues once numbered the signs: 55 meant 50 km/h
            self._unreadable.add(f'{name!r}')
            return None
        found = [self._read(name, value) for value in values]
        return min([suffix / 3.6, *(each for each in found if each is not None)])

    def _read(self, name: str, text: str | None) -> float | None:
        value = parse_speed(text)
        if value is None:
            self._unreadable.add(f'{name!r} with value {text!r}')
        elif value > FASTEST and is_bare(text or ''):
            self._hasty.add(f'{name!r} with value {text!r}')
        return value
