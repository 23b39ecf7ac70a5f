# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""What the shell completes beyond options: names of scenarios, and files."""

from __future__ import annotations

import argparse
from glob import escape, glob
from typing import Any

from warmstart_planner.scenarios import packaged_scenarios


def scenario_argument(parser: argparse.ArgumentParser) -> None:
    """Add the argument for one scenario; the shell completes it."""
    names = ', '.join(packaged_scenarios())
    argument = parser.add_argument(
        'scenario', help=f'path of a YAML or CommonRoad XML file, or one of {names}'
    )
    argument.completer = scenarios  # type: ignore[attr-defined]  # argcomplete looks for it


def scenarios(prefix: str, **_: Any) -> list[str]:
    """Return the packaged scenarios, and the paths that begin with a prefix."""
    return [*packaged_scenarios(), *glob(f'{escape(prefix)}*')]
