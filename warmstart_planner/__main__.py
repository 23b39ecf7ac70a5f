# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""`python3 -m warmstart_planner`: the command line."""

from warmstart_planner.commands.command_line import script

script()
