# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The picture of a plan: drawn for every kind of problem, with or without a plan."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from warmstart_planner.api import Planner, plan
from warmstart_planner.obstacles import box, disc
from warmstart_planner.problem import Rung, StopBefore
from warmstart_planner.road import road_from_segments
from warmstart_planner.simulation.pictures import view
from warmstart_planner.simulation.pictures.plan import draw_plan


def color(text):
    return tuple(int(text[i : i + 2], 16) for i in (1, 3, 5))


@pytest.fixture
def drawn(tmp_path):
    """Draw a plan, perhaps with another result; return how many dots have each colour."""

    def draw(planned, result=None, candidates=None):
        path = tmp_path / 'new' / 'plan.png'
        chosen = planned.candidates if candidates is None else candidates
        draw_plan(path, planned.problem, result or planned.result, chosen)
        with Image.open(path) as picture:
            image = picture.convert('RGB')
        found = image.getcolors(image.width * image.height)
        return {shade: count for count, shade in found}

    return draw


@pytest.fixture
def planned(planner_solvers, make_problem):
    planner = Planner(sources=['straight_line'])
    return lambda **given: plan(make_problem(**given), planner)


def test_it_shows_road_obstacle_and_plan(planned, drawn):
    parked = box('parked', np.array([60.0, 3.0, 0.0]), 4.5, 1.0)
    with_it, without = drawn(planned(obstacles=(parked,))), drawn(planned())
    for shade in (view.ASPHALT, view.EGO):
        assert with_it[color(shade)] > 500
    red = {shade for shade in with_it if shade[0] > 180 and shade[1] < 130 and shade[2] < 110}
    assert red
    assert not red & set(without)


def test_the_goal_is_a_line_across_the_road(planned, drawn):
    shown = drawn(planned(goal=StopBefore(50.0, 8.0)))
    greenish = sum(
        n for (r, g, b), n in shown.items() if g > 140 and r < 80 and b < 120
    )  # fmt: skip
    assert greenish > 100


@pytest.mark.parametrize('heading', [0.0, 1.6, -3.0])
def test_roads_of_any_heading_lie_flat(planned, drawn, heading):
    road = road_from_segments([(150.0, 0.0, 0.0)], 3.5, 3.5, 15.0, (0.0, 0.0, heading))
    start = (*road.poses(20.0), 8.0, 0.0)
    walker = disc('walker', road.poses(np.linspace(40.0, 45.0, 30)), 0.4)
    shown = drawn(planned(start=start, road=road, obstacles=(walker,)))
    assert shown[color(view.ASPHALT)] > 30_000, 'the road fills the map from left to right'


def test_a_standing_car_and_one_without_a_plan_are_shown_too(planned, drawn):
    standing = planned(start=(20.0, 0.0, 0.0, 0.0, 0.0), goal=StopBefore(24.0, 0.0))
    assert drawn(standing)[color(view.ASPHALT)] > 500
    nothing = replace(standing.result, rung=Rung.NONE, trajectory=None, message='nothing')
    assert drawn(standing, nothing)[color(view.ASPHALT)] > 500
    assert drawn(standing, nothing, ())[color(view.ASPHALT)] > 500
