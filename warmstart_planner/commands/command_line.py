# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
# PYTHON_ARGCOMPLETE_OK
"""
The command `warmstart-planner`, and `python3 -m warmstart_planner`.

Each of its commands is a module with `add_arguments(parser)` and `run(options)`, which returns the
exit status. It is imported only when it is asked for: some take a second.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module

from warmstart_planner.processes.interruption import end_quietly_on_ctrl_c

PROGRAM = 'warmstart-planner'
COMMANDS = {  # the module of each, and what it does
    'drive': ('drive_scenario', 'drive a scenario without ROS'),
    'plan': ('plan_scenario', 'plan once, and draw all candidates'),
    'generate': ('generate', 'generate and compile the solvers for a car'),
    'commonroad': ('drive_files', 'drive all scenario files of a folder without ROS'),
    'demo': ('demo', 'drive a scenario with the ROS 2 nodes'),
    'doctor': ('doctor', 'check what is installed, and say what to do about it'),
}


def parser(command: str = '') -> argparse.ArgumentParser:
    """Return the parser, with the arguments of one command; of the others it has the names."""
    whole = argparse.ArgumentParser(
        prog=PROGRAM, description='Planning and driving with learned starts, without ROS.'
    )
    commands = whole.add_subparsers(metavar='COMMAND', required=True)
    for name, (module, summary) in COMMANDS.items():
        chosen = commands.add_parser(name, help=summary)
        if name == command:
            loaded = import_module(f'{__package__}.{module}')
            chosen.description = (loaded.__doc__ or '').strip()
            chosen.formatter_class = argparse.RawDescriptionHelpFormatter
            loaded.add_arguments(chosen)
            chosen.set_defaults(run=loaded.run)
    return whole


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return its exit status."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    options = parser(_command_in(given)).parse_args(given)
    return options.run(options)


def script() -> None:
    """Be the whole process: complete for the shell, or run a command and exit."""
    end_quietly_on_ctrl_c(130, f'{PROGRAM}: interrupted\n')
    if '_ARGCOMPLETE' in os.environ:  # the shell asks what could come next
        import argcomplete

        words = os.environ.get('COMP_LINE', '').split()[1:]
        argcomplete.autocomplete(parser(_command_in(words)))
    sys.exit(main())


def _command_in(words: Sequence[str]) -> str:
    """Return the first word, where it is a command."""
    return words[0] if words and words[0] in COMMANDS else ''
