# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Where a point is along the road."""

import numpy as np

from warmstart_planner.road import road_from_segments
from warmstart_planner.verification import verify


def test_where_a_road_comes_back_beside_itself_the_car_is_on_its_own_leg(problem_of, driven):
    hairpin = road_from_segments(
        [(60.0, 0.0, 0.0), (np.pi * 6.0, 1 / 6.0, 1 / 6.0), (60.0, 0.0, 0.0)], 3.0, 3.0, 10.0
    )
    start = np.array([10.0, 1.0, 0.0, 8.0, 0.0])
    verdict = verify(problem_of(hairpin, start=start), driven(start))
    assert verdict.road == 0.0 and verdict.feasible
