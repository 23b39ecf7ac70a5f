# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The lattice of the guided search: what it holds, and that compiled code says the same."""

from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from random_problems import random_problem

from warmstart_planner.compiled_problem import library
from warmstart_planner.obstacles import Obstacle, box
from warmstart_planner.problem import Horizon, KeepSpeed, RegionGoal, StopBefore
from warmstart_planner.proposals.guided.lattice import STATION_STEP, Lattice, by_numpy, lattice_of
from warmstart_planner.road import road_from_segments
from warmstart_planner.transcription import Margins

TOLERANCE = 1e-9  # [m, rad, m/s]
SPEED_STEP = 1.5  # [m/s]
WINDING = road_from_segments(
    [(40.0, 0.0, 0.01), (60.0, 0.01, -0.015), (90.0, -0.015, 0.0)], 4.0, 5.0, 14.0
)


@pytest.fixture(scope='module', autouse=True)
def compiled():
    library.generate()
    library.load.cache_clear()


def assert_alike(problem, speed_step=SPEED_STEP, margins=None):
    margins = margins or Margins()
    found = lattice_of(replace(problem), speed_step, margins)
    wanted = by_numpy(problem, speed_step, margins)
    for name in (each.name for each in fields(Lattice)):
        value = getattr(wanted, name)
        assert np.shape(getattr(found, name)) == np.shape(value), name
        np.testing.assert_allclose(getattr(found, name), value, 0, TOLERANCE, err_msg=name)


@pytest.mark.parametrize('tier', ['easy', 'medium', 'hard'])
def test_compiled_and_numpy_agree_on_random_problems(tier):
    for seed in range(15):
        assert_alike(random_problem(tier, seed))


@given(
    station=st.floats(-10.0, 195.0),
    offset=st.floats(-9.0, 9.0),
    turn=st.floats(-4.0, 4.0),
    speed=st.floats(-1.0, 40.0),
    speed_step=st.sampled_from([0.5, 1.0, 1.5]),
    horizon=st.sampled_from([Horizon(), Horizon(0.2, 25), Horizon(0.05, 33), Horizon(1.0, 3)]),
    goal=st.sampled_from([KeepSpeed(9.0), StopBefore(80.0, 8.0), RegionGoal(60, 80, 3, 5)]),
)
def test_compiled_and_numpy_agree_wherever_the_car_is(
    make_problem, station, offset, turn, speed, speed_step, horizon, goal
):
    start = (*(WINDING.poses(station, offset) + [0.0, 0.0, turn]), speed, 0.1)
    problem = make_problem(start, WINDING, horizon=horizon, goal=goal, station=station)
    assert_alike(problem, speed_step, Margins(0.5, 0.3, 0.6, 0.0, 2.0))


@pytest.mark.parametrize('count', [1, 2, 30, 61, 90])
def test_compiled_and_numpy_agree_on_predictions_of_any_length(make_problem, count):
    times = 0.1 * np.arange(count)
    turning = np.stack([50.0 + 3.0 * times, 1.0 - 0.5 * times, 0.3 * times], axis=-1)
    sizes = np.linspace(1.0, 3.0, count)
    growing = Obstacle('growing', turning, sizes, 0.5 * sizes, 0.1)
    plain = Obstacle('plain', turning + [10.0, 0.0, 0.0], 2.0, 1.0)
    for horizon in (Horizon(), Horizon(0.15, 41)):  # stages of an odd number of steps
        assert_alike(make_problem(obstacles=(growing, plain), horizon=horizon))


@pytest.mark.parametrize('name', ['circle', 'cloverleaf', 'eight', 'hairpin'])
def test_compiled_and_numpy_agree_where_a_road_comes_by_again(make_problem, loops, name):
    road = loops[name]
    for share in (0.05, 0.3, 0.6, 0.95):
        pose = road.poses(share * road.end, 0.5)
        problem = make_problem((*pose, 6.0, 0.0), road, station=share * road.end)
        assert_alike(replace(problem, obstacles=(box('b', pose, 4.0, 2.0),)))


def test_where_nothing_is_compiled_numpy_lays_the_lattice(make_problem, monkeypatch, tmp_path):
    monkeypatch.setenv('WARMSTART_PLANNER_SOLVERS', str(tmp_path))
    library.load.cache_clear()
    problem = make_problem()
    found, wanted = (make(problem, SPEED_STEP, Margins()) for make in (lattice_of, by_numpy))
    np.testing.assert_array_equal(found.road, wanted.road)
    library.load.cache_clear()


def test_what_stands_in_the_lane_stays_where_it_is_along_the_road(make_problem):
    parked = box('parked', np.array([60.0, 1.0, 0.0]), 4.0, 2.0)
    lattice = lattice_of(make_problem(obstacles=(parked,)), SPEED_STEP, Margins(obstacle=0.0))
    rows = lattice.obstacles[:, 0]
    np.testing.assert_allclose(rows, rows[:1].repeat(len(rows), axis=0))
    np.testing.assert_allclose(rows[0], [60.0 - lattice.station, 1.0, 1.0, 0.0, 2.0, 1.0, 0.0])


def test_one_line_is_the_path_and_the_outermost_are_where_the_car_just_fits(make_problem):
    problem = make_problem()
    margins = Margins(road=0.0)
    lattice = lattice_of(problem, SPEED_STEP, margins)
    first, last = lattice.first_line, lattice.first_line + lattice.lines - 1
    assert first <= 0 <= last
    room = lattice.road[:, 1].min() - problem.vehicle.width / 2
    assert last * lattice.line_step == pytest.approx(room)
    assert -first * lattice.line_step == pytest.approx(room)


def test_no_way_of_the_horizon_gets_beyond_the_table(make_problem):
    problem = make_problem()
    lattice = lattice_of(problem, SPEED_STEP, Margins())
    farthest = (lattice.speeds - 1) * SPEED_STEP * problem.horizon.duration
    assert len(lattice.road) * STATION_STEP > farthest
