# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Exit statuses of the nodes, and what they mean to who started them."""

from __future__ import annotations

from dataclasses import dataclass

# 1 is Python's for an exception that nobody caught.
GOOD = 0  # also after Ctrl-C
BAD_START = 2  # what the node was given does not let it start
NOT_DRIVEN = 3  # the simulator got no commands
MISSED = 4  # the drive has ended, but not as it should


@dataclass(frozen=True)
class End:
    """Why the whole system ends with one of its nodes, and whether that is a failure."""

    reason: str
    failed: bool = True


def end_of_all(node: str, status: int, respawn: bool) -> End | None:
    """
    Return why the whole system has to end with a node, None where it goes on.

    Without what cannot start, as it was started, nothing ever drives. What dies later comes back,
    by itself or by hand.

    Args:
        node: its name.
        status: exit status of its process.
        respawn: whether nodes that die are started again.

    """
    if status == BAD_START:
        return End(f'{node} cannot start: the reason is in its lines above')
    if node != 'simulator':
        return None
    if status == GOOD:
        return End('the simulator has ended', failed=False)
    if status == NOT_DRIVEN:
        return End('nothing was driven: the reason is in the lines of simulator above')
    if status == MISSED:
        return End('the drive has ended without its goal: see the lines of simulator above')
    return None if respawn else End(f'simulator died with exit status {status}')
