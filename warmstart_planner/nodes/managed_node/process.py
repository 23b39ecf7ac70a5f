# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""A node's process, from its start to its end."""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.lifecycle import TransitionCallbackReturn
from rclpy.signals import uninstall_signal_handlers

from warmstart_planner.files.resources import share_folder
from warmstart_planner.nodes.managed_node import help as node_help
from warmstart_planner.nodes.managed_node.lifecycle import AUTOSTART, NICENESS, ManagedNode
from warmstart_planner.nodes.parameters.declaration import Parameter
from warmstart_planner.processes.exit_status import BAD_START, GOOD
from warmstart_planner.processes.interruption import Interruptions

AUTOGROUP = Path('/proc/self/autogroup')
PROFILES = 'FASTRTPS_DEFAULT_PROFILES_FILE'  # what Fast DDS calls it


class Executor(SingleThreadedExecutor):
    """
    The executor of rclpy, whose destructor finds its field also after a start cut short.

    Told to end while it is made, rclpy's own prints a traceback about a field it never had.
    """

    _sigint_gc = None


def run(name: str, make: type[ManagedNode[Any]], declarations: Sequence[Parameter]) -> int:
    """
    Run a node until Ctrl-C, SIGTERM or its own end; return the exit status.

    A node that cannot start says so in one line on standard error. Asked for help, it gives it and
    ends.

    Args:
        name: of the node.
        make: its class, which needs no arguments.
        declarations: its own parameters.

    """
    if node_help.is_asked_for(sys.argv[1:]):
        print(node_help.text(name, make, (AUTOSTART, NICENESS, *declarations)))
        return GOOD
    # Ctrl-C comes twice where the terminal and `ros2 launch` both send it: whenever it comes it
    # must not raise. What rclpy installs on top ends the node.
    interruptions = Interruptions()
    rejoin_soon()
    rclpy.init()
    if interruptions.came:
        rclpy.try_shutdown()
    node = None
    try:
        node = make()
        _let_others_first(node.parameters.values()['niceness'])
        if node.parameters.values()['autostart'] and not _start(node):
            return BAD_START if rclpy.ok() else node.exit_status
        # What lives by now lives as long as the node: not a thing to look through for garbage.
        gc.collect()
        gc.freeze()
        rclpy.spin(node, Executor())
    except Exception as error:
        # whatever fails because the process was told to end meanwhile is no failure
        if rclpy.ok():
            if node is not None or not isinstance(error, ValueError):
                raise
            print(f'cannot start: {error}', file=sys.stderr)
            return BAD_START
    finally:
        uninstall_signal_handlers()
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        if node is not None:
            node.destroy_node()
        rclpy.try_shutdown()
    return node.exit_status if node else GOOD


def rejoin_soon() -> None:
    """
    Let nodes of this process, when they start again, soon be with the others, and these with them.

    Takes effect before the process' first node, with Fast DDS, and where the user has given it no
    other profiles.
    """
    os.environ.setdefault(PROFILES, str(share_folder() / 'config' / 'fastdds.xml'))


def _let_others_first(niceness: int) -> None:
    """
    Lower this process' priority.

    Linux shares the processor among sessions first and looks at niceness within one: a process
    that leads a session of its own has to lower that, too.
    """
    os.nice(niceness)
    if os.getsid(0) == os.getpid():
        with contextlib.suppress(OSError):  # kernels without it have nothing to lower
            AUTOGROUP.write_text(str(niceness))


def _start(node: ManagedNode[Any]) -> bool:
    success = TransitionCallbackReturn.SUCCESS
    return node.trigger_configure() == success and node.trigger_activate() == success
