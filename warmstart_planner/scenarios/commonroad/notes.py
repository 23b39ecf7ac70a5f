# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""What was repaired or ignored in a file, said once for each kind."""

from __future__ import annotations

import logging

LOGGER = logging.getLogger(__name__)

MOST = 20  # lanelets that one line names


class Notes:
    """Collects what is done to lanelets, and logs one line for each kind of it."""

    def __init__(self) -> None:
        """Begin with none."""
        self._found: dict[str, list[str]] = {}

    def add(self, what: str, where: object) -> None:
        """Note what is done to a lanelet, or to a pair of them."""
        places = self._found.setdefault(what, [])
        if str(where) not in places:
            places.append(str(where))

    def report(self) -> None:
        """Log all that was noted as warnings."""
        for what, where in self._found.items():
            more = f' and {len(where) - MOST} more' if len(where) > MOST else ''
            LOGGER.warning('lanelet %s%s: %s', ', '.join(where[:MOST]), more, what)
