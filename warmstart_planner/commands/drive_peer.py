# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
Drive all CommonRoad files of a folder with CommonRoad's reactive planner, for comparison.

Writes and judges what `commonroad` does of our own drives, file by file. `make peer` installs the
planner in an environment of its own. Exit status: 0 when all drives came to an end, whatever it
was, 1 when one broke off with an error, 2 when nothing could be started.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from warmstart_planner.commands.folder_table import add_folder_arguments, drive_folder
from warmstart_planner.evaluation import peer
from warmstart_planner.evaluation.judge import JudgeError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(prog='commonroad-peer', description=(__doc__ or '').strip())
    add_folder_arguments(parser, 'out/commonroad-peer.json')
    options = parser.parse_args(arguments)
    if not peer.is_installed():
        print(
            f'commonroad-peer: {peer.PYTHON} is not there: expected what make peer installs',
            file=sys.stderr,
        )
        return 2
    try:
        return drive_folder(
            options,
            lambda names, folder: peer.peer_scenes(names, folder, options.workers),
            {'peer': peer.version()},
            seed=0,
        )
    except (ValueError, OSError, JudgeError) as error:
        print(f'commonroad-peer: {error}', file=sys.stderr)
        return 2


if __name__ == '__main__':
    sys.exit(main())
