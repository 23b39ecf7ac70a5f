# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Where the files that travel with the package are: parameters, scenarios, layouts."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]


@cache
def share_folder() -> Path:
    """
    Return the folder that holds `config` and `models`.

    It is the source tree, a wheel's own folder, or the share folder of a ROS install.

    Raises:
        FileNotFoundError: it is in neither place.

    """
    installed = (up / 'share' / PACKAGE.name for up in PACKAGE.parents)
    for candidate in (PACKAGE.parent, Path(str(files(PACKAGE.name))) / 'share', *installed):
        if (candidate / 'config' / 'scenarios').is_dir():
            return candidate
    raise FileNotFoundError(
        f'config/scenarios is neither beside nor in {PACKAGE}, nor in share/{PACKAGE.name} of the '
        'install prefix: expected the package as `pip`, `colcon build` or the sources have it'
    )
