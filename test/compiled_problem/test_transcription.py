# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The compiled transcription says what the one in numpy says."""

import copy
import pickle
from dataclasses import astuple, fields, replace

import numpy as np
import pytest
from random_problems import random_problem

from warmstart_planner.compiled_problem import library, structures
from warmstart_planner.generation import generated
from warmstart_planner.obstacles import Obstacle, box
from warmstart_planner.problem import (
    Horizon,
    KeepSpeed,
    PoseGoal,
    RegionGoal,
    StationGoal,
    StopBefore,
)
from warmstart_planner.road import road_from_segments
from warmstart_planner.transcription import Margins, by_numpy, transcribe

TOLERANCE = 1e-9  # [m, rad, m/s]


def assert_alike(problem, margins=None):
    margins = margins or Margins()
    wanted = by_numpy(problem, margins)
    other = replace(problem)
    found = library.transcribe(other, margins)
    assert found.frame == wanted.frame
    for name in ('initial_state', 'road', 'obstacles', 'state_lower', 'state_upper'):
        value = getattr(found, name)
        assert value.flags.c_contiguous
        np.testing.assert_allclose(value, getattr(wanted, name), 0, TOLERANCE, err_msg=name)
    assert other.here == pytest.approx(problem.here, abs=TOLERANCE)
    assert other.blocked_station == pytest.approx(problem.blocked_station, abs=TOLERANCE)


@pytest.mark.parametrize('tier', ['easy', 'medium', 'hard'])
def test_random_problems(tier):
    for seed in range(15):
        assert_alike(random_problem(tier, seed))


@pytest.mark.parametrize(
    'goal',
    [
        KeepSpeed(9.0),
        StationGoal(90.0, 4.0),
        StationGoal(120.0, 0.0),
        StationGoal(500.0, 3.0),
        PoseGoal(80.0, 1.5, 0.1, 0.0),
        PoseGoal(80.0, -1.5, 0.1, 5.0, station=78.0),
        StopBefore(66.0, 12.0),
        RegionGoal(60.0, 80.0, 3.0, 7.0),
        RegionGoal(120.0, 122.0, 5.0, 5.5, 2.0, 4.0, offset=-1.0),
        RegionGoal(40.0, 90.0, -5.0, -1.0, 12.0, 14.0),
    ],
)
@pytest.mark.parametrize('station', [None, 22.0])
def test_goals(make_problem, goal, station):
    assert_alike(make_problem(goal=goal, station=station))


@pytest.mark.parametrize('at', [-5.0, 0.0, 1.0, 150.0, 296.0, 299.0, 305.0])
def test_before_at_and_beyond_the_road_s_ends(make_problem, at):
    assert_alike(make_problem(start=(at, 0.4, 0.05, 7.0, 0.02)))


@pytest.mark.parametrize('width', [1.0, 1.2, 3.0])
@pytest.mark.parametrize('bend', [0.0, 0.05, 0.2])
def test_narrow_lanes_and_tight_bends(make_problem, width, bend):
    road = road_from_segments(
        [(30.0, 0.0, 0.0), (20.0, 0.0, bend), (60.0, bend, 0.0)], width, 1.1, 9
    )
    for speed in (0.0, 4.0, 12.0):
        assert_alike(make_problem((22.0, 0.0, 0.0, speed, 0.0), road))


@pytest.mark.parametrize('name', ['circle', 'cloverleaf', 'eight', 'hairpin'])
def test_roads_that_come_by_again(make_problem, loops, name):
    road = loops[name]
    for share in (0.05, 0.3, 0.6, 0.95):
        station = share * road.end
        pose = road.poses(station, 0.5)
        for near in (None, station + 3.0):
            problem = make_problem(start=(*pose, 6.0, 0.0), road=road, station=near)
            assert_alike(replace(problem, obstacles=(box('b', pose, 4.0, 2.0),)))


def test_lanes_that_end_at_once(make_problem):
    widths = [(0.0, 3.0), (59.9, 3.0), (60.0, 5.5), (85.0, 5.5), (85.1, 2.0), (300.0, 2.0)]
    road = road_from_segments([(300.0, 0.0, 0.004)], widths, 3.5, 14.0)
    for at in (10.0, 40.0, 70.0):
        assert_alike(make_problem(start=(*road.poses(at), 10.0, 0.0), road=road))


def test_standing_obstacles_that_block_the_road_or_leave_a_gap(make_problem):
    for offset in (-3.0, -1.0, 0.0, 2.0):
        first = box('first', np.array([60.0, offset, 0.3]), 4.5, 2.0)
        second = box('second', np.array([61.0, offset + 3.2, 0.0]), 4.5, 2.5)
        assert_alike(make_problem(obstacles=(first,)))
        assert_alike(make_problem(obstacles=(first, second)))


@pytest.mark.parametrize('count', [1, 2, 30, 61, 90])
def test_predictions_of_any_length_and_shapes_that_change(make_problem, count):
    times = 0.1 * np.arange(count)
    turning = np.stack([50.0 + 3.0 * times, 1.0 - 0.5 * times, 0.3 * times], axis=-1)
    sizes = np.linspace(1.0, 3.0, count)
    growing = Obstacle('growing', turning, sizes, 0.5 * sizes, 0.1)
    plain = Obstacle('plain', turning + [10.0, 0.0, 0.0], 2.0, 1.0)
    assert_alike(make_problem(obstacles=(plain,)))
    assert_alike(make_problem(obstacles=(plain, growing)))


def test_states_beyond_their_bounds_other_margins_and_horizons(make_problem):
    problem = make_problem(start=(20.0, 0.0, 3.5, -2.0, 1.4))
    assert_alike(problem, Margins(0.5, 0.3, 0.6, 0.0, 2.0))
    assert_alike(replace(problem, horizon=Horizon(0.2, 17), friction=0.4))


def test_a_road_is_read_once(make_problem):
    problem = make_problem()
    library.transcribe(problem, Margins())
    made = structures._road(problem.road)
    assert structures._road(problem.road) is made


@pytest.mark.parametrize(
    'copied', [copy.copy, copy.deepcopy, lambda each: pickle.loads(pickle.dumps(each))]
)
def test_a_copy_of_a_road_that_was_read_has_no_addresses_of_the_first(make_problem, copied):
    problem = make_problem(obstacles=(box('parked', np.array([50.0, 1.0, 0.0]), 4.5, 1.8),))
    library.transcribe(problem, Margins())
    again = copied(problem.road)
    assert structures.KEPT not in again.__dict__
    assert_alike(replace(problem, road=again))


@pytest.mark.parametrize(
    'copied', [copy.copy, copy.deepcopy, lambda each: pickle.loads(pickle.dumps(each))]
)
def test_a_copy_of_a_problem_that_was_read_is_read_anew(make_problem, copied):
    problem = make_problem(obstacles=(box('parked', np.array([50.0, 1.0, 0.0]), 4.5, 1.8),))
    library.transcribe(problem, Margins())
    again = copied(problem)
    assert vars(again).keys() == {each.name for each in fields(problem)}
    assert_alike(again)


def test_a_problem_is_read_once(make_problem):
    problem = make_problem()
    assert structures.structure_of(problem) is structures.structure_of(problem)


@pytest.mark.usefixtures('nothing_compiled')
def test_where_nothing_is_compiled_numpy_transcribes(make_problem):
    problem = make_problem()
    assert library.transcribe(problem, Margins()) is None
    for each, wanted in zip(
        astuple(transcribe(problem, Margins())), astuple(by_numpy(problem, Margins())), strict=True
    ):
        np.testing.assert_array_equal(each, wanted)


@pytest.mark.usefixtures('nothing_compiled')
def test_a_transcription_that_is_not_compiled_is_told_once_with_what_to_run(make_problem, caplog):
    for _ in range(2):
        library.transcribe(make_problem(), Margins())
    (reported,) = caplog.messages
    assert 'numpy reads problems' in reported
    assert f'run `{generated.command({})}`' in reported
