# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""What a policy sees: relative to the car, symmetric, in order; and how cars drive on."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from warmstart_planner import generated, objective
from warmstart_planner.generated import SolverMissingError
from warmstart_planner.learned import observation_library
from warmstart_planner.learned.observation import (
    OBSERVATION_FIELDS,
    OBSERVATION_SIZE,
    Observer,
    moving,
)
from warmstart_planner.learned.observation_fields import LOOK_AHEADS, NEAREST, STOP_DISTANCE_MAX
from warmstart_planner.obstacles import box, disc
from warmstart_planner.problem import Horizon, StopBefore
from warmstart_planner.road import road_from_segments
from warmstart_planner.transcription import Margins, transcribe
from warmstart_planner.vehicle import load_vehicle, roll_out

CAR = load_vehicle()
DT = 0.1
BEND = road_from_segments([(30.0, 0.0, 0.02), (60.0, 0.02, -0.03), (200.0, -0.03, 0)], 4, 3, 14)


def constant_velocity(x, y, yaw, speed, nodes=61):
    """Return the poses of an obstacle that moves straight on."""
    way = speed * DT * np.arange(nodes)
    return np.stack([x + way * np.cos(yaw), y + way * np.sin(yaw), np.full(nodes, yaw)], axis=-1)


TRAFFIC = (
    box('ahead', constant_velocity(45.0, 0.5, 0.1, 5.0), 4.5, 1.8),
    box('oncoming', constant_velocity(70.0, 3.0, 3.0, 8.0), 5.0, 2.0),
    disc('pedestrian', constant_velocity(40.0, -3.0, 1.5, 1.2)[:, :3], 0.4),
)


def seen(values):
    """Return an observation's numbers by name."""
    assert values.shape == (OBSERVATION_SIZE,)
    return dict(zip(OBSERVATION_FIELDS, values.tolist(), strict=True))


def part(values, index):
    """Return the numbers of the obstacle at a place, by name."""
    prefix = f'obstacle_{index}_'
    return {
        name.removeprefix(prefix): value
        for name, value in seen(values).items()
        if name.startswith(prefix)
    }


@pytest.fixture(scope='module')
def look(observer):
    """Return what the car sees at a problem's start."""

    def at_start(problem):
        numbers = transcribe(problem, Margins())
        there = moving(numbers.obstacles, problem.horizon.dt)
        return observer.observe(numbers.initial_state[None], numbers.road, there[:, 0])[0]

    return at_start


@pytest.fixture(scope='module')
def scene(make_problem):
    """Return trajectories (K, N + 1, 5), road and obstacles in one frame."""
    numbers = transcribe(
        make_problem((20, 0.4, 0.05, 9, 0.02), road=BEND, obstacles=TRAFFIC), Margins()
    )
    rng = np.random.default_rng(4)
    controls = rng.normal(0, 1, (6, 60, 2)) * [2.0, 0.2]
    states, _ = roll_out(numbers.initial_state, controls, DT, CAR)
    return states, numbers.road, moving(numbers.obstacles, DT)


# --- what is seen ---


def test_the_car_s_own_numbers_and_a_straight_road_are_what_they_are(look, make_problem):
    values = seen(look(make_problem((20, 0.6, 0.0, 9.0, 0.03), friction=0.7)))
    assert values['speed'] == 9.0
    assert values['steering'] == pytest.approx(0.03)
    assert values['grip'] == pytest.approx(0.85 * 0.7 * 9.81)
    assert values['stop_distance'] == STOP_DISTANCE_MAX
    for ahead in LOOK_AHEADS:
        road = f'road_{ahead:.0f}_'
        assert values[f'{road}offset'] == pytest.approx(0.6, abs=1e-5)
        assert values[f'{road}heading_sin'] == pytest.approx(0.0, abs=1e-6)
        assert values[f'{road}heading_cos'] == pytest.approx(1.0)
        assert values[f'{road}curvature'] == pytest.approx(0.0, abs=1e-6)
        assert values[f'{road}left'] == pytest.approx(3.5 - 0.1 - 0.6, abs=1e-5)
        assert values[f'{road}right'] == pytest.approx(3.5 - 0.1 + 0.6, abs=1e-5)
        assert values[f'{road}target_speed'] == pytest.approx(8.0)


def test_a_car_that_is_turned_looks_aside(look, make_problem):
    values = seen(look(make_problem((20, 0, 0.1, 8.0, 0))))
    for ahead in LOOK_AHEADS:
        aside = (CAR.rear_to_center + ahead) * np.sin(0.1)
        assert values[f'road_{ahead:.0f}_offset'] == pytest.approx(aside, abs=1e-4)
        assert values[f'road_{ahead:.0f}_heading_sin'] == pytest.approx(np.sin(0.1), abs=1e-5)


def test_the_road_is_the_objective_s_at_each_look_ahead(observer, scene):
    states, road, obstacles = scene
    for state in states[:, 30]:
        values = seen(observer.observe(state[None], road, obstacles[:, 30])[0])
        cx, cy = objective.box_centre(state, CAR)
        for ahead in LOOK_AHEADS:
            point = cx + ahead * np.cos(state[2]), cy + ahead * np.sin(state[2])
            there = objective.road_coordinates(*point, road)
            cosine, sine = objective.heading_error(state, there)
            wanted = {
                'offset': there.offset - there.target_offset,
                'heading_sin': sine,
                'heading_cos': cosine,
                'curvature': there.curvature,
                'left': there.left - there.offset,
                'right': there.right + there.offset,
                'target_speed': there.target_speed,
            }
            for name, value in wanted.items():
                found = values[f'road_{ahead:.0f}_{name}']
                assert found == pytest.approx(value, rel=1e-5, abs=1e-5), name


def test_the_stop_distance_is_the_front_bumper_s(look, make_problem):
    problem = make_problem((20, 0, 0, 8, 0), goal=StopBefore(60.0, 8.0))
    free = 60.0 - 20.0 - CAR.front_reach
    assert seen(look(problem))['stop_distance'] == pytest.approx(free, abs=1e-4)


def test_an_obstacle_is_seen_from_the_car_s_box(look, make_problem):
    start = (20.0, 0.0, 0.5, 8.0, 0.0)
    centre = np.array([20.0, 0.0]) + CAR.rear_to_center * np.array([np.cos(0.5), np.sin(0.5)])
    place = centre + 10.0 * np.array([np.cos(0.7), np.sin(0.7)])
    other = box('other', constant_velocity(*place, 0.9, 6.0), 4.0, 1.6)
    found = part(look(make_problem(start, obstacles=(other,))), 0)
    wanted = {
        'present': 1.0,
        'x': 10.0 * np.cos(0.2),
        'y': 10.0 * np.sin(0.2),
        'cos': np.cos(0.4),
        'sin': np.sin(0.4),
        'vx': 6.0 * np.cos(0.4),
        'vy': 6.0 * np.sin(0.4),
        'half_length': 2.0,
        'half_width': 0.8,
        'radius': 0.3 * 0.4,
    }
    assert found == pytest.approx(wanted, rel=1e-5)


@given(st.permutations(range(8)), st.integers(0, 8))
def test_the_nearest_are_seen_nearest_first_and_absent_ones_are_zeros(observer, order, count):
    distances = np.arange(5.0, 45.0, 5.0)[order][:count]
    obstacles = np.zeros((count, 9))
    obstacles[:, 0] = CAR.rear_to_center
    obstacles[:, 1] = distances
    obstacles[:, 2] = 1.0
    road = straight_road()
    values = observer.observe(np.zeros((1, 5)), road, obstacles)[0]
    wanted = np.sort(distances)[:NEAREST]
    for index in range(NEAREST):
        found = part(values, index)
        if index < len(wanted):
            assert (found['present'], found['y']) == (1.0, wanted[index])
        else:
            assert set(found.values()) == {0.0}


def straight_road():
    """Return road parameters of a straight road along x with anchors 10 m apart."""
    anchors = np.zeros((objective.ANCHORS, len(objective.ANCHOR_FIELDS)))
    anchors[:, 0] = anchors[:, 5] = 10.0 * np.arange(objective.ANCHORS) - 10.0
    anchors[:, 2] = 1.0
    anchors[:, 6] = anchors[:, 8] = 3.0
    return np.concatenate([[8.0, 90.0, 10.0], anchors.ravel()])


def test_equally_near_ones_keep_their_order(observer):
    obstacles = np.zeros((7, 9))
    obstacles[:, 0] = CAR.rear_to_center + 10.0
    obstacles[:, 6] = np.arange(7)
    values = observer.observe(np.zeros((1, 5)), straight_road(), obstacles)[0]
    assert [part(values, i)['radius'] for i in range(NEAREST)] == [0, 1, 2, 3, 4]


# --- symmetries ---


@pytest.mark.parametrize('pose', [(0, 0, 1.0), (-310.5, 420.25, 2.5), (50, -70, -9 * np.pi)])
def test_it_is_the_same_wherever_the_frame_is(observer, scene, pose):
    states, road, obstacles = scene
    x, y, yaw = pose
    c, s = np.cos(yaw), np.sin(yaw)
    turn = np.array([[c, -s], [s, c]])
    moved_states = states.copy()
    moved_states[..., :2] = states[..., :2] @ turn.T + [x, y]
    moved_states[..., 2] += yaw
    moved_obstacles = obstacles.copy()
    moved_obstacles[..., 0:2] = obstacles[..., 0:2] @ turn.T + [x, y]
    moved_obstacles[..., 2:4] = obstacles[..., 2:4] @ turn.T
    moved_obstacles[..., 7:9] = obstacles[..., 7:9] @ turn.T
    scalars = len(objective.SCALAR_FIELDS)
    anchors = road[scalars:].reshape(objective.ANCHORS, -1).copy()
    anchors[:, 0:2] = anchors[:, 0:2] @ turn.T + [x, y]
    anchors[:, 2:4] = anchors[:, 2:4] @ turn.T
    moved_road = np.concatenate([road[:scalars], anchors.ravel()])
    np.testing.assert_allclose(
        observer.observe_along(moved_states, moved_road, moved_obstacles),
        observer.observe_along(states, road, obstacles),
        atol=1e-4,
        rtol=1e-5,
    )


def test_it_is_the_same_wherever_on_the_map_the_problem_is(look, make_problem, move_problem):
    problem = make_problem((20, 0.4, 0.05, 9, 0.02), road=BEND, obstacles=TRAFFIC)
    elsewhere = look(move_problem(problem, -800.0, 1200.0, 2.0))
    np.testing.assert_allclose(elsewhere, look(problem), atol=1e-4, rtol=1e-5)


FLIPPED = ('steering', 'offset', 'heading_sin', 'curvature', 'y', 'sin', 'vy')


def test_left_and_right_are_alike(look, make_problem, mirror_problem):
    problem = make_problem((20, 0.4, 0.05, 9, 0.02), road=BEND, obstacles=TRAFFIC)
    values, mirrored = seen(look(problem)), seen(look(mirror_problem(problem)))
    for name, value in values.items():
        place, kind = re.fullmatch(r'((?:road|obstacle)_\d+_)?(\w+)', name).groups(default='')
        other = {'left': 'right', 'right': 'left'}.get(kind, kind)
        wanted = -value if kind in FLIPPED else value
        assert mirrored[place + other] == pytest.approx(wanted, rel=1e-5, abs=1e-5), name


# --- along trajectories ---


def test_along_a_trajectory_each_node_sees_its_own_time(observer, scene):
    states, road, obstacles = scene
    along = observer.observe_along(states, road, obstacles)
    assert along.shape == (6, 61, OBSERVATION_SIZE)
    assert along.dtype == np.float32
    for k in range(61):
        now = observer.observe(states[:, k], road, obstacles[:, k])
        np.testing.assert_array_equal(along[:, k], now)


def test_the_order_of_numbers_in_memory_makes_no_difference(observer, scene):
    states, road, obstacles = scene
    wanted = observer.observe_along(states, road, obstacles)
    turned = observer.observe_along(np.asfortranarray(states), road, np.asfortranarray(obstacles))
    np.testing.assert_array_equal(turned, wanted)
    controls = np.full((6, 60, 2), [1.0, 0.05])
    np.testing.assert_array_equal(
        observer.roll_out(np.asfortranarray(states[:, 0]), np.asfortranarray(controls), DT)[0],
        observer.roll_out(states[:, 0], controls, DT)[0],
    )


def test_without_cars_or_obstacles_nothing_is_seen_of_them(observer, scene):
    states, road, obstacles = scene
    assert observer.observe_along(states[:0], road, obstacles).shape == (0, 61, OBSERVATION_SIZE)
    alone = observer.observe_along(states, road, obstacles[:0])
    assert np.abs(alone[..., -10 * NEAREST :]).max() == 0.0


def test_velocities_are_those_of_the_predictions():
    obstacles = np.zeros((2, 61, 7))
    obstacles[..., :2] = constant_velocity(3.0, 1.0, 0.4, 7.0)[:, :2]
    with_velocity = moving(obstacles, DT)
    np.testing.assert_array_equal(with_velocity[..., :7], obstacles)
    speed = np.broadcast_to([7.0 * np.cos(0.4), 7.0 * np.sin(0.4)], (2, 61, 2))
    np.testing.assert_allclose(with_velocity[..., 7:], speed)
    assert moving(obstacles[:0], DT).shape == (0, 61, 9)


# --- driving on ---


@given(
    st.tuples(*[st.floats(-1.3, 1.3)] * 2),
    st.lists(st.tuples(st.floats(-20, 20), st.floats(-2, 2)), min_size=1, max_size=25),
    st.sampled_from([0.05, 0.1, 0.2]),
)
def test_cars_drive_as_the_model_within_its_limits(observer, start, controls, dt):
    """Starts lie outside of the bounds of speed and steering too."""
    x = np.array([[1.0, -2.0, 0.3, start[0] * CAR.speed_max, start[1] * CAR.steering_max]])
    wanted = roll_out(x, np.array(controls)[None], dt, CAR)
    for found, each in zip(observer.roll_out(x, [controls], dt), wanted, strict=True):
        np.testing.assert_allclose(found, each, rtol=1e-12, atol=1e-9)
    following, applied = observer.advance(x, [controls[0]], dt)
    np.testing.assert_allclose(following, wanted[0][:, 1], rtol=1e-12, atol=1e-9)
    np.testing.assert_allclose(applied, wanted[1][:, 0], rtol=1e-12, atol=1e-9)


def test_a_walk_is_the_roll_out_and_what_is_seen_along_it(observer, scene):
    states, road, obstacles = scene
    controls = np.random.default_rng(5).normal(0, 1, (6, 60, 2)) * [9.0, 0.6]
    walk = observer.walk(states[:, 7], road, obstacles, 60, DT)
    seen_here = [walk.observations.copy()]
    for k in range(60):
        walk.drive(controls[:, k])
        seen_here.append(walk.observations.copy())
    wanted, applied = roll_out(states[:, 7], controls, DT, CAR)
    np.testing.assert_allclose(walk.states, wanted, rtol=1e-12, atol=1e-9)
    np.testing.assert_allclose(walk.controls, applied, rtol=1e-12, atol=1e-9)
    along = observer.observe_along(wanted, road, obstacles)
    np.testing.assert_allclose(np.stack(seen_here, axis=1), along, rtol=1e-5, atol=1e-5)


def test_a_walk_ends_where_it_was_to_end(observer, scene):
    states, road, obstacles = scene
    walk = observer.walk(states[:, 0], road, obstacles, 2, DT)
    walk.drive(np.zeros((6, 2)))
    walk.drive(np.zeros((6, 2)))
    with pytest.raises(IndexError):
        walk.drive(np.zeros((6, 2)))


def test_a_walk_passes_on_what_is_not_a_number_to_its_car_only(observer, scene):
    states, road, obstacles = scene
    walk = observer.walk(states[:, 0], road, obstacles, 2, DT)
    walk.drive(np.array([[0.0, 0.0]] * 5 + [[np.nan, 0.0]]))
    assert np.isfinite(walk.states[:5, 1]).all()
    assert np.isnan(walk.states[5, 1, 3])
    assert np.isfinite(walk.observations[:5]).all()
    assert np.isnan(walk.observations[5]).any()


# --- bad input ---


@pytest.mark.parametrize('name', ['states', 'road', 'obstacles'])
@pytest.mark.parametrize('value', [np.nan, np.inf])
def test_what_is_not_finite_is_refused_by_name(observer, scene, name, value):
    along = dict(zip(('states', 'road', 'obstacles'), scene, strict=True))
    along[name] = along[name].copy()
    along[name].reshape(-1)[0] = value
    with pytest.raises(ValueError, match=f'{name} is {value} at .*: expected finite numbers'):
        observer.observe_along(**along)
    with pytest.raises(ValueError, match=f'{name} is {value} at .*: expected finite numbers'):
        observer.walk(along['states'][:, 0], along['road'], along['obstacles'], 60, DT)


@pytest.mark.parametrize(
    ('name', 'cut'),
    [
        ('states', np.s_[..., :4]),
        ('states', np.s_[0]),
        ('road', np.s_[:-1]),
        ('obstacles', np.s_[..., :7]),
        ('obstacles', np.s_[:, :-1]),
    ],
)
def test_another_shape_is_refused_by_name(observer, scene, name, cut):
    along = dict(zip(('states', 'road', 'obstacles'), scene, strict=True))
    along[name] = along[name][cut]
    with pytest.raises(ValueError, match=f'{name} has shape .*: expected'):
        observer.observe_along(**along)


def test_controls_and_steps_that_do_not_fit_are_refused_by_name(observer, scene):
    states, road, obstacles = scene
    with pytest.raises(ValueError, match='controls is nan at'):
        observer.advance(states[:, 0], np.full((6, 2), np.nan), DT)
    with pytest.raises(ValueError, match='controls has shape'):
        observer.advance(states[:, 0], np.zeros((5, 2)), DT)
    with pytest.raises(ValueError, match='dt is 0.0: expected a number in'):
        observer.advance(states[:, 0], np.zeros((6, 2)), 0.0)
    with pytest.raises(ValueError, match='steps is 0: expected at least 1'):
        observer.walk(states[:, 0], road, obstacles, 0, DT)
    with pytest.raises(ValueError, match='obstacles has 61 nodes: expected at least 62'):
        observer.walk(states[:, 0], road, obstacles, 61, DT)
    with pytest.raises(ValueError, match='obstacles has 1 nodes: expected at least 2'):
        moving(np.zeros((1, 1, 7)), DT)


# --- the compiled library ---


def test_each_car_has_a_library_of_its_own():
    keys = [observation_library.key(load_vehicle(name)) for name in (CAR.name, 'commonroad_3')]
    assert generated.solver_folder('observation', keys[0]) != generated.solver_folder(
        'observation', keys[1]
    )


def test_without_its_library_a_car_sees_nothing_and_the_remedy_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv(generated.ENVIRONMENT_VARIABLE, str(tmp_path))
    with pytest.raises(SolverMissingError, match="'observation' is not generated.*make solvers"):
        Observer(load_vehicle('commonroad_4'))


def test_a_horizon_s_time_is_seen_at_its_nodes(look, make_problem):
    """The problem's horizon gives the step that velocities are taken over."""
    slow = box('slow', constant_velocity(60.0, 0.0, 0.0, 3.0), 4.5, 1.8)
    for dt in (0.1, 0.2):
        problem = make_problem(obstacles=(slow,), horizon=Horizon(dt, 60))
        assert part(look(problem), 0)['vx'] == pytest.approx(3.0 * 0.1 / dt, rel=1e-5)
