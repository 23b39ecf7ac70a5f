# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""What a policy sees of the road, of obstacles and of the rule: relative to the car, symmetric."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from warmstart_planner import objective
from warmstart_planner.driver_model.plain_rule import PlainSettings
from warmstart_planner.learned.observation.fields import (
    CAR_FIELDS,
    FORESIGHT,
    GAP_MIN,
    LINE_SPACING,
    LINES,
    LOOK_AHEADS,
    OBSERVATION_FIELDS,
    OBSERVATION_SIZE,
    ROAD_FIELDS,
    SCAN_FIELDS,
    SIDE_GAP,
    STOP_DISTANCE_MAX,
)
from warmstart_planner.learned.observation.observer import moving
from warmstart_planner.obstacles import box, disc
from warmstart_planner.problem import Horizon, StopBefore
from warmstart_planner.road import road_from_segments
from warmstart_planner.transcription import Margins, transcribe
from warmstart_planner.vehicle import load_vehicle

CAR = load_vehicle()
MIDDLE = len(LINES) // 2


def seen(values):
    """Return an observation's numbers by name."""
    assert values.shape == (OBSERVATION_SIZE,)
    return dict(zip(OBSERVATION_FIELDS, values.tolist(), strict=True))


def met(values):
    """Return proximity, headway and closing of all lines, from left to right, (LINES, 3)."""
    first = OBSERVATION_FIELDS.index('line_0_proximity')
    return np.array(values[first : first + len(LINES) * len(SCAN_FIELDS)]).reshape(len(LINES), -1)


@pytest.fixture(scope='module')
def look(observer):
    """Return what the car sees at a problem's start."""

    def at_start(problem):
        numbers = transcribe(problem, Margins())
        there = moving(numbers.obstacles, problem.horizon.dt)
        return observer.observe(numbers.initial_state[None], numbers.road, there[:, 0])[0]

    return at_start


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


def test_the_lines_are_symmetric_about_the_car():
    assert np.array(LINES) == pytest.approx(-np.array(LINES)[::-1])
    assert LINES[MIDDLE] == 0.0


def test_what_is_ahead_is_met_on_the_lines_that_it_blocks(look, make_problem, constant_velocity):
    speed, other_speed, gap = 8.0, 6.0, 15.0
    centre = 20.0 + CAR.front_reach + gap + 2.0
    other = box('other', constant_velocity(centre, 0.5, 0.0, other_speed), 4.0, 1.6)
    found = met(look(make_problem((20.0, -0.4, 0.0, speed, 0.0), obstacles=(other,))))
    margin = float(Margins().obstacle_at(np.zeros(1))[0])  # rounds the box
    gap -= margin
    reach = 0.8 + margin + CAR.width / 2 + SIDE_GAP
    blocked = np.abs(np.array(LINES) - 0.9) < reach
    assert 0 < blocked.sum() < len(LINES)
    wanted = [1.0 / gap, speed / gap, (speed - other_speed) / gap]
    assert found[blocked] == pytest.approx(np.tile(wanted, (blocked.sum(), 1)), rel=1e-4)
    assert np.all(found[~blocked] == 0.0)


def test_the_lines_follow_the_road(look, make_problem):
    """On a bend of 50 m radius, what stands 40 m ahead on the path is met in the middle."""
    road = road_from_segments([(300.0, 0.02, 0.02)], 4, 4, 14)
    there = road.poses(60.0)
    other = disc('other', np.tile(there, (61, 1)), 0.5)
    here = road.poses(20.0)
    found = met(look(make_problem((*here, 8.0, 0.05), road=road, obstacles=(other,))))
    blocked = np.flatnonzero(found[:, 0])
    assert MIDDLE in blocked
    assert blocked.min() + blocked.max() == pytest.approx(2 * MIDDLE, abs=1)
    assert 1.0 / found[MIDDLE, 0] == pytest.approx(40.0 - CAR.front_reach - 0.5, abs=1.0)


@given(st.permutations(range(6)), st.lists(st.floats(-4.0, 4.0), min_size=6, max_size=6))
def test_the_first_on_a_line_is_met_in_whatever_order_they_are_given(observer, order, sides):
    obstacles = np.zeros((6, 9))
    obstacles[:, 0] = np.arange(10.0, 70.0, 10.0)
    obstacles[:, 1] = sides
    obstacles[:, 2] = 1.0
    obstacles[:, 6] = 0.5
    one_by_one = [
        met(observer.observe(np.zeros((1, 5)), straight_road(), each[None])[0])
        for each in obstacles
    ]
    nearest = np.max([each[:, 0] for each in one_by_one], axis=0)
    found = met(observer.observe(np.zeros((1, 5)), straight_road(), obstacles[order])[0])
    assert found[:, 0] == pytest.approx(nearest)


def straight_road():
    """Return road parameters of a straight road along x with anchors 10 m apart."""
    anchors = np.zeros((objective.ANCHORS, len(objective.ANCHOR_FIELDS)))
    anchors[:, 0] = anchors[:, 5] = 10.0 * np.arange(objective.ANCHORS) - 10.0
    anchors[:, 2] = 1.0
    anchors[:, 6] = anchors[:, 8] = 3.0
    return np.concatenate([[8.0, 90.0, 10.0], anchors.ravel()])


@pytest.mark.parametrize(
    ('behind_rear', 'proximity'), [(-3.0, 1.0 / GAP_MIN), (-0.1, 1.0 / GAP_MIN), (0.1, 0.0)]
)
def test_what_is_beside_the_car_is_in_the_way_until_it_is_past(observer, behind_rear, proximity):
    rear_end = CAR.rear_to_center - CAR.length / 2
    obstacle = np.array([[rear_end - behind_rear - 0.5, 2.4, 1, 0, 0, 0, 0.5, 0, 0]])
    found = met(observer.observe(np.zeros((1, 5)), straight_road(), obstacle)[0])
    assert found[:, 0].max() == pytest.approx(proximity)


def test_what_moves_aside_is_in_the_way_where_it_is_and_where_it_will_be(observer):
    """It keeps moving until the car arrives, or for as long as the car looks ahead."""

    def blocked(speed, drift):
        obstacle = np.array([[40.0, 0.0, 1, 0, 0, 0, 0.2, 0.0, drift]])
        state = np.array([[0.0, 0.0, 0.0, speed, 0.0]])
        found = met(observer.observe(state, straight_road(), obstacle)[0])
        lines = np.array(LINES)[found[:, 0] > 0]
        return lines.max(), lines.min()

    still = blocked(10.0, 0.0)
    assert still[0] == pytest.approx(-still[1])
    left, right = blocked(10.0, 1.0)
    assert left == pytest.approx(still[0] + FORESIGHT, abs=LINE_SPACING)
    assert right == still[1]
    fast, _ = blocked(60.0, 1.0)
    assert fast < left


def test_what_the_plain_rule_would_do_is_seen(observer, scene):
    states, road, obstacles = scene
    seen_there = observer.observe(states[:, 12], road, obstacles[:, 12])
    first = OBSERVATION_FIELDS.index('rule_acceleration')
    wanted = observer.rule(states[:, 12], road, obstacles[:, 12], PlainSettings())
    assert seen_there[:, first:] == pytest.approx(wanted, rel=1e-6)
    assert (wanted >= CAR.control_lower).all()
    assert (wanted <= CAR.control_upper).all()


def test_cars_by_the_rule_keep_what_offset_is_wanted_of_each(observer):
    cars = np.zeros((3, 5))
    cars[:, 3] = 10.0
    none = np.zeros((0, 9))
    rates = observer.rule(cars, straight_road(), none, PlainSettings(), [0.5, 0.0, -0.5])[:, 1]
    assert rates[0] == pytest.approx(-rates[2])
    assert rates[0] > rates[1] == pytest.approx(0.0, abs=1e-9)


def test_without_cars_or_obstacles_nothing_is_seen_of_them(observer, scene):
    states, road, obstacles = scene
    assert observer.observe_along(states[:0], road, obstacles).shape == (0, 61, OBSERVATION_SIZE)
    alone = observer.observe_along(states, road, obstacles[:0])
    assert not met(alone[2, 30]).any()


def test_a_horizon_s_time_is_seen_at_its_nodes(look, make_problem, constant_velocity):
    """The problem's horizon gives the step that velocities are taken over."""
    slow = box('slow', constant_velocity(60.0, 0.0, 0.0, 3.0), 4.5, 1.8)
    for dt in (0.1, 0.2):
        problem = make_problem(obstacles=(slow,), horizon=Horizon(dt, 60))
        proximity, headway, closing = met(look(problem))[MIDDLE]
        assert (headway - closing) / proximity == pytest.approx(3.0 * 0.1 / dt, rel=1e-5)


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


def test_it_is_the_same_wherever_on_the_map_the_problem_is(look, among_traffic, move_problem):
    elsewhere = look(move_problem(among_traffic, -800.0, 1200.0, 2.0))
    np.testing.assert_allclose(elsewhere, look(among_traffic), atol=1e-4, rtol=1e-5)


FLIPPED = ('steering', 'offset', 'heading_sin', 'curvature')


def test_left_and_right_are_alike(look, among_traffic, mirror_problem):
    values, mirrored = look(among_traffic), look(mirror_problem(among_traffic))
    assert met(mirrored)[::-1] == pytest.approx(met(values), rel=1e-4, abs=1e-5)
    assert met(values).any()
    values, mirrored = seen(values), seen(mirrored)
    for name in OBSERVATION_FIELDS[: len(CAR_FIELDS) + len(LOOK_AHEADS) * len(ROAD_FIELDS)]:
        place, kind = re.fullmatch(r'(road_\d+_)?(\w+)', name).groups(default='')
        other = {'left': 'right', 'right': 'left'}.get(kind, kind)
        wanted = -values[name] if kind in FLIPPED else values[name]
        assert mirrored[place + other] == pytest.approx(wanted, rel=1e-5, abs=1e-5), name
