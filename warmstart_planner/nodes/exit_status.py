# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Exit statuses of the nodes, and what they mean to who started them."""

from __future__ import annotations

GOOD = 0  # also after Ctrl-C
NOT_DRIVEN = 1  # the simulator got no commands
BAD_START = 2  # what the node was given does not let it start


def failure(node: str, status: int) -> str | None:
    """
    Return why the whole system has to end with a node, None where it has not.

    Without what cannot start, as it was started, nothing ever drives. What dies later may come
    back.

    Args:
        node: its name.
        status: exit status of its process.

    """
    if status == BAD_START:
        return f'{node} cannot start: the reason is in its lines above'
    if node != 'simulator' or status == GOOD:
        return None
    if status == NOT_DRIVEN:
        return 'nothing was driven: the reason is in the lines of simulator above'
    return f'simulator died with exit status {status}'
