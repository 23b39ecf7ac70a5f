# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""What pictures are made of."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from warmstart_planner.scenarios.lane import Lane
from warmstart_planner.simulation.pictures import view

ROW = np.array([[0.0, 0.0], [60.0, 0.0], [60.0, 20.0], [0.0, 20.0]])
LEFT, MIDDLE, RIGHT = (np.array([[0.0, y], [50.0, y]]) for y in (4.0, 0.0, -4.0))


def area(polygon):
    x, y = polygon.T
    return 0.5 * abs(x @ np.roll(y, -1) - y @ np.roll(x, -1))


@given(
    st.lists(st.tuples(st.floats(1, 59), st.floats(1, 19)), min_size=1, max_size=6, unique=True)
)
def test_the_parts_of_a_row_cover_it_once_each_about_its_own_place(places):
    places = np.array(places, dtype=float)
    parts = [view.nearest_part(ROW, places, k) for k in range(len(places))]
    assert sum(map(area, parts)) == pytest.approx(area(ROW))
    for k, part in enumerate(parts):
        distance = np.hypot(*np.moveaxis(part[:, None] - places, -1, 0))
        assert distance[:, k] == pytest.approx(distance.min(axis=1), abs=1e-6)


def test_lanes_are_drawn_with_their_borders_and_others_beside_them(make_scenario):
    lanes = (Lane(LEFT, MIDDLE), Lane(MIDDLE, RIGHT, for_cars=False))
    scenario = make_scenario(lanes=lanes)
    colors = [surface.color for surface in view.surfaces(scenario)]
    assert colors == [view.PAVEMENT, view.ASPHALT]
    assert len(view.lines(scenario)) == 4


def test_without_lanes_the_corridor_is_drawn(make_scenario):
    scenario = make_scenario()
    (surface,) = view.surfaces(scenario)
    assert surface.outline == pytest.approx(view.road_outline(scenario.road))
    assert [line.style for line in view.lines(scenario)] == ['-', '-', '--']
