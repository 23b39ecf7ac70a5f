# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
One thread for numerical libraries: programs import this module before any other.

OpenMP, OpenBLAS and MKL read the environment when they are loaded, with numpy at the latest.
Processes side by side would compete for the cores, and times would depend on how many there are.
Worker processes inherit the environment.
"""

import os

from warmstart_planner.processes.parallel import THREAD_VARIABLES

os.environ.update(dict.fromkeys(THREAD_VARIABLES, '1'))
