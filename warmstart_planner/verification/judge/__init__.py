# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
The judge of trajectories in C, and how it is called.

Each C file but judge.c, which holds them together, has the maths of the verifier's module of its
name, which is its reference in the tests.
"""
