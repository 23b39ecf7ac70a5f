# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Guided starts: distinct ways round what moves, wherever and however the road lies."""

import threading
import time
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from warmstart_planner.generation import generated
from warmstart_planner.generation.generated import SolverMissingError
from warmstart_planner.obstacles import box, disc
from warmstart_planner.problem import Horizon, KeepSpeed, StopBefore
from warmstart_planner.proposals.guided import library as guided_library
from warmstart_planner.proposals.guided.source import (
    BRAKING,
    FAST,
    WIDE,
    Guided,
    GuidedSettings,
    OverlapPrice,
)
from warmstart_planner.proposals.straight_line import StraightLine
from warmstart_planner.road import road_from_segments
from warmstart_planner.vehicle import SPEED, STEERING, YAW, load_vehicle

CAR = load_vehicle()
PRESETS = {'fast': FAST, 'wide': WIDE}
WINDING = road_from_segments(
    [(40.0, 0.0, 0.01), (60.0, 0.01, -0.015), (90.0, -0.015, 0.0)], 4.0, 5.0, 14.0
)
BEYOND_EDGE = 0.3  # of the car's side over the corridor's edge, before any refinement [m]
ROUNDED = 0.2  # by which a smoothed way may be nearer than its knots [m]
SEEDS = range(3)


pytestmark = pytest.mark.usefixtures('guided_folder')


@pytest.fixture(scope='module', params=PRESETS)
def guided(request, guided_folder):
    return Guided(PRESETS[request.param])


@pytest.fixture(scope='module')
def fast(guided_folder):
    return Guided(FAST)


def starts(source, problem):
    """Return states (K, N + 1, 5) of all starts."""
    return np.stack([proposal.trajectory.states for proposal in source.propose(problem)])


def searched(source, problem):
    """Return those that a search found."""
    return [p for p in source.propose(problem) if p.model_id.startswith('class')]


def centres(states):
    axis = np.stack([np.cos(states[..., YAW]), np.sin(states[..., YAW])], axis=-1)
    return states[..., :2] + CAR.rear_to_center * axis


def moving(x, y, speed, heading=0.0, length=4.5, width=1.8):
    """Return a box that starts at a place and keeps its speed."""
    t = 0.1 * np.arange(61)
    poses = [x + speed * t * np.cos(heading), y + speed * t * np.sin(heading), heading + 0.0 * t]
    return box('mover', np.stack(poses, axis=-1), length, width)


def clearance(states, obstacle):
    """Return the distance of the car's axis-parallel box to the obstacle's, at every node [m]."""
    gap = np.abs(centres(states) - obstacle.poses_at(len(states))[:, :2])
    along = gap[:, 0] - CAR.length / 2 - obstacle.half_length
    across = gap[:, 1] - CAR.width / 2 - obstacle.half_width
    return np.maximum(along, across)


@pytest.fixture(scope='module')
def scene(make_problem):
    """Return a problem of a seed: a winding road on which eight obstacles stand or move."""

    def made(seed):
        rng = np.random.default_rng(seed)
        obstacles = []
        for i, station in enumerate(np.linspace(35.0, 120.0, 8)):
            x, y, yaw = WINDING.poses(station, rng.uniform(-3.5, 3.5))
            speed = 0.0 if i % 3 == 0 else rng.uniform(-5.0, 7.0)
            obstacles.append(moving(x, y, speed, yaw + rng.normal(0.0, 0.2)))
        pose = WINDING.poses(20.0, rng.uniform(-1.0, 1.0))
        start = (*pose, rng.uniform(5.0, 12.0), 0.0)
        return make_problem(start, WINDING, obstacles=tuple(obstacles), goal=KeepSpeed(10.0))

    return made


# --- on the grid, from where the car is ---


@given(
    station=st.floats(0.0, 189.0),
    offset=st.floats(-4.0, 4.0),
    turn=st.floats(-0.5, 0.5),
    turns=st.integers(-2, 2),
    speed=st.floats(0.0, 30.0),
    steering=st.floats(-0.5, 0.5),
    horizon=st.sampled_from([Horizon(), Horizon(0.2, 25), Horizon(0.05, 33), Horizon(1.0, 3)]),
)
@settings(max_examples=25)
def test_starts_are_on_the_grid_and_begin_where_the_car_is(
    make_problem, fast, station, offset, turn, turns, speed, steering, horizon
):
    pose = WINDING.poses(station, offset) + [0, 0, turn + 2 * np.pi * turns]
    problem = make_problem((*pose, speed, steering), WINDING, stamp=7.3, horizon=horizon)
    proposals = fast.propose(problem)
    assert len(proposals) > len(BRAKING)
    for proposal in proposals:
        assert proposal.source == 'guided'
        trajectory = proposal.trajectory
        assert (trajectory.stamp, trajectory.dt) == (7.3, horizon.dt)
        assert trajectory.states.shape == (horizon.steps + 1, 5)
        np.testing.assert_array_equal(trajectory.states[0], problem.initial_state)
        assert np.abs(np.diff(trajectory.states[:, YAW])).max() < np.pi
        assert np.abs(trajectory.states[:, STEERING]).max() <= CAR.steering_max
        assert trajectory.states[:, SPEED].min() >= 0.0
        assert (CAR.control_lower <= trajectory.controls).all()
        assert (trajectory.controls <= CAR.control_upper).all()


@pytest.mark.parametrize('name', ['circle', 'cloverleaf', 'eight', 'hairpin'])
def test_a_road_that_meets_itself_is_followed_on_its_own_pass(make_problem, fast, loops, name):
    road = loops[name]
    station = road.end / 3
    problem = make_problem(
        (*road.poses(station), 6.0, 0.0), road, goal=KeepSpeed(6.0), station=station
    )
    for states in starts(fast, problem):
        travelled = np.cumsum(np.hypot(*np.diff(states[:, :2], axis=0).T))
        expected = road.poses(station + travelled)[:, :2]
        assert np.hypot(*(states[1:, :2] - expected).T).max() < 5.0


def test_no_more_starts_come_than_asked_for(scene):
    problem = scene(SEEDS[0])
    for count in (1, 5, 16, 30):
        assert len(Guided(replace(FAST, count=count)).propose(problem)) == count


# --- what a good way is ---


def test_on_an_empty_road_the_best_start_goes_at_the_target_speed_in_the_lane(
    make_problem, guided
):
    best = searched(guided, make_problem(goal=KeepSpeed(8.0)))[0].trajectory.states
    assert np.abs(best[:, 1]).max() < 0.05
    assert np.abs(best[:, SPEED] - 8.0).max() <= guided.settings.speed_step / 2


def test_from_beside_the_lane_at_another_speed_the_best_start_comes_to_both(make_problem, guided):
    problem = make_problem((20.0, 1.3, 0.0, 4.0, 0.0), goal=KeepSpeed(9.0))
    best = searched(guided, problem)[0].trajectory.states
    assert abs(best[-1, 1]) < 0.3
    assert abs(best[-1, SPEED] - 9.0) <= guided.settings.speed_step


def test_a_blocked_road_makes_the_best_start_stop(make_problem, guided):
    wall = box('wall', np.array([45.0, 0.0, 0.0]), 4.0, 7.0)
    best = searched(guided, make_problem(obstacles=(wall,)))[0].trajectory.states
    assert best[40:, SPEED].max() <= 1.5
    assert best[:, 0].max() + CAR.front_reach < 43.0


def test_the_goal_to_stop_makes_the_best_start_stop(make_problem, guided):
    best = searched(guided, make_problem(goal=StopBefore(55.0, 8.0)))[0].trajectory.states
    assert best[-1, SPEED] <= 1.5
    assert best[:, 0].max() + CAR.front_reach < 55.5


def test_where_ways_are_many_braking_and_a_straight_line_are_among_the_starts(guided, scene):
    for seed in SEEDS:
        problem = scene(seed)
        speed = problem.initial_state[SPEED]
        plain = {
            p.model_id: p.trajectory.states[:, SPEED]
            for p in guided.propose(problem)
            if not p.model_id.startswith('class')
        }
        assert plain.keys() == {'straight line', *(f'braking {rate} m/s2' for rate in BRAKING)}
        np.testing.assert_allclose(plain.pop('straight line'), speed)
        for (label, speeds), rate in zip(plain.items(), BRAKING, strict=True):
            assert str(rate) in label
            np.testing.assert_allclose(speeds[5], max(speed - rate * 0.5, 0.0))


def test_the_first_half_of_the_starts_has_searched_and_plain_ones(guided, scene):
    problem = scene(SEEDS[0])
    labels = [p.model_id for p in guided.propose(problem)]
    assert labels[0].startswith('class')
    assert 'straight line' in labels[:8]


# --- what moves is met at the right time ---


def test_what_has_crossed_by_then_is_no_obstacle(make_problem, guided):
    # it is in the lane when the car is far, and gone when the car comes by
    gone = moving(52.0, -3.0, 3.0, np.pi / 2)
    problem = make_problem(obstacles=(gone,))
    best = searched(guided, problem)[0].trajectory.states
    assert np.abs(best[:, 1]).max() < 0.3
    assert np.abs(best[:, SPEED] - 8.0).max() <= 2 * guided.settings.speed_step
    assert clearance(best, gone).min() > 0.0


def test_what_crosses_when_the_car_comes_is_given_way_to(make_problem, guided):
    # at 8 m/s along the path the two would meet after 3 s
    crossing = moving(46.0, -9.0, 3.0, np.pi / 2, 2.0, 2.0)
    problem = make_problem(obstacles=(crossing,))
    straight = StraightLine().propose(problem)[0].trajectory
    assert clearance(straight.states, crossing).min() < -0.5
    best = searched(guided, problem)[0].trajectory.states
    assert clearance(best, crossing).min() > -ROUNDED


def test_a_slower_car_ahead_is_overtaken_or_followed(make_problem, guided):
    slow = moving(40.0, 0.0, 4.0)
    for proposal in searched(guided, make_problem(obstacles=(slow,)))[:3]:
        assert clearance(proposal.trajectory.states, slow).min() > -ROUNDED


# --- homotopy classes ---


def class_of(proposal):
    """Return two bits an obstacle: 0 not passed, 1 it is to the right, 2 it is to the left."""
    return int(proposal.model_id.split()[1].rstrip(','), 16)


def side(states, obstacle):
    """Return on which side of an obstacle a way ends up passing it: 1 left, -1 right, 0 behind."""
    middle = centres(states)
    where = obstacle.poses_at(len(states))
    ahead = middle[:, 0] > where[:, 0]
    if not ahead[-1]:
        return 0
    first = np.argmax(ahead)
    return int(np.sign(middle[first, 1] - where[first, 1]))


def test_starts_of_different_classes_pass_an_obstacle_on_different_sides(make_problem, guided):
    parked = disc('parked', np.array([50.0, 0.0, 0.0]), 0.4)
    by_class = {}
    for proposal in searched(guided, make_problem(obstacles=(parked,))):
        passed = side(proposal.trajectory.states, parked)
        by_class.setdefault(class_of(proposal), set()).add(passed)
    assert by_class.pop(0, {0}) == {0}
    assert by_class == {1: {1}, 2: {-1}}


def test_order_and_side_of_two_obstacles_make_classes_of_their_own(make_problem):
    gate = (
        disc('near', np.array([38.0, 0.1, 0.0]), 0.3),
        disc('far', np.array([60.0, -0.1, 0.0]), 0.3),
    )
    source = Guided(replace(WIDE, count=36))
    seen = {}
    for proposal in searched(source, make_problem(obstacles=gate)):
        states = proposal.trajectory.states
        if min(clearance(states, each).min() for each in gate) > 0.0:
            sides = tuple(side(states, each) for each in gate)
            seen.setdefault(class_of(proposal), set()).add(sides)
    assert all(len(sides) == 1 for sides in seen.values())
    assert {(1, 1), (1, -1), (-1, 1), (-1, -1)} <= {s for sides in seen.values() for s in sides}


def test_ways_in_the_same_class_differ(make_problem, guided, scene):
    problem = scene(SEEDS[1])
    ways = starts(guided, problem)[..., :2]
    gaps = np.hypot(*np.moveaxis(ways[:, None] - ways[None], -1, 0)).max(axis=-1)
    assert gaps[np.triu_indices(len(ways), 1)].min() > 0.3


def test_what_lies_behind_from_the_start_makes_no_class(make_problem, fast):
    behind = disc('behind', np.array([5.0, 0.0, 0.0]), 0.4)
    alone = starts(fast, make_problem())
    np.testing.assert_array_equal(starts(fast, make_problem(obstacles=(behind,))), alone)


# --- inside the corridor ---


@pytest.mark.parametrize('seed', SEEDS)
def test_nothing_leaves_the_corridor(guided, seed, scene):
    problem = scene(seed)
    road = problem.road
    for proposal in searched(guided, problem):
        station, offset = road.project(centres(proposal.trajectory.states))
        over = np.maximum(
            offset + CAR.width / 2 - road.at('left_width', station),
            CAR.width / 2 - offset - road.at('right_width', station),
        )
        # one that starts outside has to come back
        assert over.max() <= max(BEYOND_EDGE, over[0] + 0.1)


def test_a_start_beside_the_road_comes_back(make_problem, guided):
    problem = make_problem((20.0, 4.5, 0.0, 6.0, 0.0))
    best = searched(guided, problem)[0].trajectory.states
    assert abs(best[-1, 1]) < 1.0


# --- symmetries ---


@pytest.mark.parametrize('seed', SEEDS)
def test_the_mirrored_problem_has_the_mirrored_starts(
    guided, seed, mirror_problem, mirror_trajectory, scene
):
    problem = scene(seed)
    wanted = [mirror_trajectory(p.trajectory).states for p in guided.propose(problem)]
    np.testing.assert_allclose(starts(guided, mirror_problem(problem)), wanted, atol=1e-6)


@pytest.mark.parametrize('seed', SEEDS)
def test_starts_move_with_the_world(guided, seed, move_problem, move_trajectory, scene):
    problem = scene(seed)
    motion = (300.0, -200.0, 2.5)
    wanted = [move_trajectory(p.trajectory, *motion).states for p in guided.propose(problem)]
    np.testing.assert_allclose(starts(guided, move_problem(problem, *motion)), wanted, atol=1e-5)


# --- as a component ---


def test_the_same_problem_has_the_same_starts_whatever_came_before(scene):
    problem, other = (scene(seed) for seed in SEEDS[:2])
    source = Guided(FAST)
    first = starts(source, problem)
    starts(source, other)
    np.testing.assert_array_equal(starts(source, problem), first)
    np.testing.assert_array_equal(starts(Guided(FAST), problem), first)


def test_instances_on_several_threads_do_not_disturb_one_another(scene):
    problems = [scene(seed) for seed in SEEDS]
    wanted = [starts(Guided(FAST), problem) for problem in problems]
    found = {}

    def work(index):
        source = Guided(FAST)
        found[index] = [starts(source, problems[index]) for _ in range(5)]

    threads = [threading.Thread(target=work, args=(i,)) for i in range(len(problems))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for index, each in found.items():
        for again in each:
            np.testing.assert_array_equal(again, wanted[index])


def test_as_many_obstacles_as_a_problem_holds_are_searched(make_problem, guided):
    rng = np.random.default_rng(1)
    crowd = tuple(
        moving(float(x), float(rng.uniform(-3, 3)), float(rng.uniform(-6, 6)))
        for x in np.linspace(40, 110, 12)
    )
    assert len(guided.propose(make_problem(obstacles=crowd))) == guided.settings.count


def test_the_search_is_missing_with_the_command_that_makes_it(tmp_path, monkeypatch):
    monkeypatch.setenv(generated.ENVIRONMENT_VARIABLE, str(tmp_path))
    guided_library.load.cache_clear()
    try:
        with pytest.raises(SolverMissingError, match='guided.*not generated.*run `'):
            Guided()
    finally:
        guided_library.load.cache_clear()


@pytest.mark.parametrize(
    ('name', 'value'),
    [
        ('count', 0),
        ('count', 65),
        ('beam', 0),
        ('beam', 1.5),
        ('classes', -1),
        ('per_class', 0),
        ('per_class', float('nan')),
        ('speed_step', 0.0),
        ('speed_step', 'fast'),
    ],
)
def test_bad_settings_are_refused_by_name(name, value):
    with pytest.raises(ValueError, match=f'settings.{name} is .*expected'):
        GuidedSettings(**{name: value})


@pytest.mark.parametrize('name', ['linear', 'square', 'guidance'])
def test_bad_prices_are_refused_by_name(name):
    with pytest.raises(ValueError, match=f'overlap_price.{name} is -1.0: expected'):
        OverlapPrice(**{'linear': 1.0, 'square': 0.0, 'guidance': 1.0, name: -1.0})


def test_a_search_takes_about_as_much_memory_and_work_as_its_beam(fast, scene):
    """What a fast search may cost is bounded by what a wide one costs on the same machine."""
    problem = scene(SEEDS[0])
    wide = Guided(WIDE)

    def seconds(source):
        source.propose(problem)
        begin = time.thread_time()
        source.propose(problem)
        return time.thread_time() - begin

    assert min(seconds(fast) for _ in range(3)) < min(seconds(wide) for _ in range(3))
