# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Planning and control of car-like vehicles, started from learned proposals."""

import pkgutil

# The generated messages, warmstart_planner.msg, lie in the colcon install space; the rest of the
# package may come from the source tree. Both parts form one package.
__path__ = pkgutil.extend_path(__path__, __name__)
