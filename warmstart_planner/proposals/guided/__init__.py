# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The source of guided starts: a lattice along the road, its search, and splines to states."""

from warmstart_planner.proposals.guided.source import (
    FAST,
    SPEC,
    WIDE,
    Guided,
    GuidedSettings,
    OverlapPrice,
)

__all__ = ['FAST', 'SPEC', 'WIDE', 'Guided', 'GuidedSettings', 'OverlapPrice']
