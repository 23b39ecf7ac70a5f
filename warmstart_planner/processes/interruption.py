# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
What Ctrl-C does to a program that is not ready for it: while it imports, or writes its report.

Imports next to nothing, so that a program can ask for it before its own imports.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from types import FrameType

STANDARD_ERROR = 2  # file descriptor


def end_quietly_on_ctrl_c(status: int, text: str = '') -> None:
    """
    From now on end the process at once on Ctrl-C, without a traceback.

    One that was held back while Python started, by `env --block-signal=INT`, counts too.

    Args:
        status: exit status.
        text: said on standard error.

    """

    def end(number: int, frame: FrameType | None) -> None:
        with contextlib.suppress(Exception):  # it may have been in the middle of a line
            sys.stdout.flush()
        with contextlib.suppress(OSError):
            os.write(STANDARD_ERROR, text.encode())
        os._exit(status)

    signal.signal(signal.SIGINT, end)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


class Interruptions:
    """Takes note of each Ctrl-C from now on and lets the program go on."""

    def __init__(self) -> None:
        self.came = False
        signal.signal(signal.SIGINT, self._note)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.came = True
