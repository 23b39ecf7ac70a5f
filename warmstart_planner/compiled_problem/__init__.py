# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
What planning reads of a problem, compiled: its numbers, its goal, lattices and plans moved on.

Each is first written in numpy, where it belongs; that stays the reference, and answers where
nothing is compiled.
"""
