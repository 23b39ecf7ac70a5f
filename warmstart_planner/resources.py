# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Where the files that travel with the package are: parameters, scenarios, layouts."""

from __future__ import annotations

from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent


@cache
def share_folder() -> Path:
    """
    Return the folder that holds `config`: the source tree, or the installed share folder.

    Raises:
        FileNotFoundError: it is in neither place.

    """
    installed = (up / 'share' / PACKAGE.name for up in PACKAGE.parents)
    for candidate in (PACKAGE.parent, *installed):
        if (candidate / 'config' / 'scenarios').is_dir():
            return candidate
    raise FileNotFoundError(
        f'config/scenarios is neither beside {PACKAGE} nor in share/{PACKAGE.name} of the '
        'install prefix: expected the package as `colcon build` or the sources have it'
    )
