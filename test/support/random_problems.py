# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Random problems for many tests: drawing one takes up to seconds, so each is drawn once."""

from dataclasses import replace
from functools import cache

from warmstart_planner.scenarios import generator

_drawn = cache(generator.random_problem)


def random_problem(tier, seed, horizon=None):
    """Return `generator.random_problem`, as an object that no other test has."""
    return replace(_drawn(tier, seed, horizon))
