# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Cost and constraints: the same for numpy and CasADi, true to the geometry, well-behaved."""

import casadi as ca
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from warmstart_planner import objective
from warmstart_planner.objective import CostWeights
from warmstart_planner.problem import KeepSpeed, PlanningProblem
from warmstart_planner.road import road_from_segments
from warmstart_planner.transcription import Frame, Margins, box_centre_point, road_parameters
from warmstart_planner.vehicle import load_vehicle, step
from warmstart_planner.verification import box_distance

CAR = load_vehicle()
WEIGHTS = CostWeights()
BENDS = [
    [(200.0, 0.0, 0.0)],
    [(70.0, 1 / 15, 1 / 15)],
    [(30.0, 0.0, 0.0), (15.0, 0.0, -1 / 15), (20.0, -1 / 15, -1 / 15), (60.0, 0.0, 0.0)],
    [(20.0, 0.0, 1 / 20), (25.0, 1 / 20, -1 / 15), (15.0, -1 / 15, 0.0), (60.0, 0.0, 0.0)],
]


def numbers(low, high):
    return st.floats(low, high, allow_nan=False)


def problem_on(segments, speed=6.0, station=15.0, left=3.5, right=3.0):
    road = road_from_segments(segments, left, right, 15.0, start_pose=(-3.0, 7.0, 2.5))
    start = np.array([*road.poses(station), speed, 0.0])
    return PlanningProblem(initial_state=start, road=road, goal=KeepSpeed(speed), vehicle=CAR)


def frame_of(problem):
    return Frame(*problem.initial_state[:3])


def road_numbers(problem, margin=0.0):
    return road_parameters(problem, frame_of(problem), Margins(road=margin))


def ahead_of(problem, rng, count, reach=35.0):
    """States about the road ahead, in the problem's frame, shape (5, count)."""
    station = 15.0 + rng.uniform(0.0, reach, count)
    poses = problem.road.poses(station, rng.uniform(-2.0, 2.0, count))
    poses[:, 2] += rng.uniform(-0.4, 0.4, count)
    states = np.column_stack([poses, rng.uniform(0, 15, count), rng.uniform(-0.5, 0.5, count)])
    return frame_of(problem).localise(states).T


def obstacle_numbers(x, y, yaw, half_length, half_width, radius):
    return [x, y, np.cos(yaw), np.sin(yaw), half_length, half_width, radius]


# --- one definition for numpy and CasADi ---

# CasADi 3.8 announces that numpy's functions on its symbols may change; the comparison below is
# what tells if they do
pytestmark = pytest.mark.filterwarnings('ignore::FutureWarning:casadi')


def rows_of(x, u, road, obstacle):
    """Everything that solvers read, as one list."""
    on_road = objective.road_coordinates(*objective.box_centre(x, CAR), road)
    grip, stop = road[objective.GRIP], road[objective.STOP_STATION]
    return [
        *on_road,
        *objective.stage_residuals(x, u, on_road, CAR, WEIGHTS),
        *objective.terminal_residuals(x, on_road, CAR, WEIGHTS),
        *objective.road_clearances(x, on_road, objective.road_edges(road), CAR),
        objective.friction_reserve(x, u, grip, CAR),
        objective.stopping_reserve(x, on_road, stop, grip, CAR),
        objective.obstacle_separation(x, obstacle, CAR),
        *objective.axis_separations(x, obstacle, CAR),
    ]


@pytest.fixture(scope='module')
def symbolic_rows():
    sizes = (5, 2, objective.ROAD_PARAMETERS, objective.OBSTACLE_PARAMETERS)
    inputs = [ca.SX.sym('v', size) for size in sizes]
    rows = ca.vertcat(*rows_of(*inputs))
    return ca.Function('rows', inputs, [rows, ca.jacobian(rows, ca.vertcat(*inputs[:2]))])


def random_inputs(segments, count=20):
    rng = np.random.default_rng(4)
    problem = problem_on(segments)
    road = road_numbers(problem)
    states = ahead_of(problem, rng, count)
    for x in states.T:
        near = x[:2] + rng.uniform(-7, 7, 2)
        obstacle = obstacle_numbers(*near, rng.uniform(-3, 3), *rng.uniform(0.1, 3, 3))
        yield x, rng.uniform(-1, 1, 2) * [8.0, 0.4], road, np.array(obstacle)


@pytest.mark.parametrize('segments', BENDS)
def test_numpy_and_casadi_give_the_same_numbers(symbolic_rows, segments):
    for inputs in random_inputs(segments):
        symbolic = np.array(symbolic_rows(*inputs)[0]).ravel()
        np.testing.assert_allclose(rows_of(*inputs), symbolic, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize('segments', BENDS)
def test_derivatives_are_those_of_finite_differences(symbolic_rows, segments):
    h = 1e-6
    for x, u, road, obstacle in random_inputs(segments, 8):
        exact = np.array(symbolic_rows(x, u, road, obstacle)[1])
        z = np.concatenate([x, u])
        for i in range(7):
            d = h * np.eye(7)[i]
            more = np.array(rows_of((z + d)[:5], (z + d)[5:], road, obstacle))
            less = np.array(rows_of((z - d)[:5], (z - d)[5:], road, obstacle))
            np.testing.assert_allclose(exact[:, i], (more - less) / (2 * h), rtol=1e-4, atol=1e-4)


def test_a_batch_gives_what_its_members_give():
    rng = np.random.default_rng(5)
    problem = problem_on(BENDS[2])
    road = road_numbers(problem)
    states = ahead_of(problem, rng, 7)
    u = rng.uniform(-1, 1, (2, 7))
    obstacle = np.array(obstacle_numbers(10.0, 1.0, 0.3, 2.0, 1.0, 0.2))
    together = rows_of(states, u, road, obstacle)
    alone = [rows_of(states[:, i], u[:, i], road, obstacle) for i in range(7)]
    np.testing.assert_allclose(np.array(together).T, alone, rtol=1e-12, atol=1e-12)


# --- the road ---


def measured(problem, stations, offsets):
    """Blended coordinates of points of the corridor, and the projection's."""
    poses = problem.road.poses(stations, offsets)
    local = frame_of(problem).localise(poses)
    blended = objective.road_coordinates(local[:, 0], local[:, 1], road_numbers(problem))
    centre = box_centre_point(problem.initial_state, CAR)
    here = problem.road.project(centre)[0]
    station, offset = problem.road.project(poses[:, :2])
    return blended, station - here, offset


@pytest.mark.parametrize('segments', BENDS)
@pytest.mark.parametrize('speed', [0.0, 4.0, 7.0])
def test_road_coordinates_are_those_of_the_projection(segments, speed):
    # 7 m/s is more than comfort allows in a bend of 15 m
    problem = problem_on(segments, speed)
    rng = np.random.default_rng(6)
    reach = 6.0 * max(speed, 3.0)
    stations, offsets = 15.0 + rng.uniform(-2, reach, 300), rng.uniform(-3.0, 3.5, 300)
    blended, station, offset = measured(problem, stations, offsets)
    np.testing.assert_allclose(blended.offset, offset, atol=0.03)
    np.testing.assert_allclose(blended.station, station, atol=0.12)
    turn = np.arctan2(blended.heading_sin, blended.heading_cos) + problem.initial_state[2]
    turn -= problem.road.at('heading', stations)
    np.testing.assert_allclose((turn + np.pi) % (2 * np.pi) - np.pi, 0.0, atol=0.03)


@pytest.mark.parametrize('segments', BENDS)
def test_a_car_too_fast_for_a_sharp_bend_still_sees_it_where_it_is(segments):
    problem = problem_on(segments, 14.0)
    rng = np.random.default_rng(7)
    stations, offsets = 15.0 + rng.uniform(0, 55, 300), rng.uniform(-3.0, 3.5, 300)
    blended, _, offset = measured(problem, stations, offsets)
    # anchors are as far apart as speed demands; the worst place is where curvature sets in
    assert np.abs(blended.offset - offset).max() < 0.2


@given(numbers(-1 / 15, 1 / 15), numbers(-3.0, 3.0), numbers(0.0, 30.0))
@settings(max_examples=60)
def test_on_a_circle_road_coordinates_are_exact(curvature, offset, ahead):
    problem = problem_on([(70.0, curvature, curvature)], 6.0)
    blended, station, exact = measured(problem, np.array([15.0 + ahead]), np.array([offset]))
    assert blended.offset[0] == pytest.approx(exact[0], abs=0.01)
    assert blended.station[0] == pytest.approx(station[0], abs=0.05)
    assert blended.curvature[0] == pytest.approx(curvature, abs=1e-3)


def test_widths_follow_a_taper():
    left = [(0.0, 3.5), (30.0, 3.5), (60.0, 2.3), (200.0, 2.3)]
    problem = problem_on(BENDS[1], 6.0, left=left, right=3.0)
    stations = 15.0 + np.linspace(0.0, 40.0, 100)
    blended, _, _ = measured(problem, stations, np.zeros(100))
    width = problem.road.at('left_width', stations)
    np.testing.assert_allclose(blended.left, width, atol=0.05)
    np.testing.assert_allclose(blended.right, 3.0, atol=0.01)


def clearance_gaps(problem, states):
    """
    By how much road clearances to the left and right edge are too large, shape (2, n) [m].

    They are compared with the outline's points, each projected onto the road.
    """
    numbers = road_numbers(problem)
    on_road = objective.road_coordinates(*objective.box_centre(states, CAR), numbers)
    edges = objective.road_edges(numbers)
    rows = np.array(objective.road_clearances(states, on_road, edges, CAR))
    edge = np.linspace(-1, 1, 41)
    one = np.ones(41)
    unit = np.concatenate([np.stack(p) for p in ((edge, one), (edge, -one))], axis=1)
    along, across = unit * [[CAR.length / 2], [CAR.width / 2]]
    poses = frame_of(problem).globalise(states.T)
    c, s = np.cos(poses[:, 2:3]), np.sin(poses[:, 2:3])
    forward = along + CAR.rear_to_center
    points = np.stack(
        [poses[:, :1] + c * forward - s * across, poses[:, 1:2] + s * forward + c * across],
        axis=-1,
    )
    _, offset = problem.road.project(points)
    left, right = (3.5 - offset).min(axis=1), (3.0 + offset).min(axis=1)
    return np.array([rows[[0, 2]].min(axis=0) - left, rows[[1, 3]].min(axis=0) - right])


@pytest.mark.parametrize('segments', BENDS)
def test_road_clearances_are_those_of_the_whole_outline(segments):
    problem = problem_on(segments, 5.0)
    gaps = clearance_gaps(problem, ahead_of(problem, np.random.default_rng(8), 60, reach=25.0))
    assert np.abs(gaps).max() < 0.1


@pytest.mark.parametrize('side', [1.0, -1.0])
@pytest.mark.parametrize('radius', [4.0, 8.0])
def test_in_a_turn_as_sharp_as_cars_drive_road_clearances_are_those_of_the_outline(side, radius):
    sharp = side / radius
    segments = [(25.0, 0.0, 0.0), (8.0, 0.0, sharp), (radius, sharp, sharp), (40.0, 0.0, 0.0)]
    problem = problem_on(segments, 3.0)
    states = ahead_of(problem, np.random.default_rng(3), 400, reach=18.0 + radius)
    gaps = clearance_gaps(problem, states)
    assert np.abs(np.median(gaps)) < 0.01
    assert np.percentile(np.abs(gaps), 95.0) < 0.15


# --- the car on the road ---


@given(numbers(-1 / 15, 1 / 15), numbers(0.0, 25.0))
@settings(max_examples=40)
def test_a_car_that_follows_the_path_with_its_rear_axle_has_no_heading_error(curvature, ahead):
    problem = problem_on([(70.0, curvature, curvature)], 6.0)
    pose = frame_of(problem).localise(problem.road.poses(15.0 + ahead))
    x = np.array([*pose, 6.0, 0.0])
    on_road = objective.road_coordinates(*objective.box_centre(x, CAR), road_numbers(problem))
    assert objective.tracking_residuals(x, on_road, CAR)[2] == pytest.approx(0.0, abs=0.01)


def test_a_car_at_its_target_that_does_nothing_costs_nothing():
    problem = problem_on(BENDS[0], 6.0)
    x = np.array([10.0, 0.0, 0.0, 6.0, 0.0])
    on_road = objective.road_coordinates(*objective.box_centre(x, CAR), road_numbers(problem))
    residuals = objective.stage_residuals(x, np.zeros(2), on_road, CAR, WEIGHTS)
    np.testing.assert_allclose(residuals, 0.0, atol=1e-3)


WINDOW = np.array([5.0, 9.0, -0.5, 0.5, 3.0, 8.0, -0.1, 0.1])


def arrival_cost(station, offset, speed):
    problem = problem_on([(200.0, 0.0, 0.0)], 6.0)
    x = np.array([station - CAR.rear_to_center, offset, 0.0, speed, 0.0])
    on_road = objective.road_coordinates(*objective.box_centre(x, CAR), road_numbers(problem))
    moved = on_road._replace(station=station)
    return np.square(objective.arrival_residuals(x, moved, WINDOW, WEIGHTS)).sum()


@given(numbers(5.0, 9.0), numbers(-0.45, 0.45), numbers(3.0, 8.0))
def test_an_arrival_within_its_window_costs_nothing(station, offset, speed):
    assert arrival_cost(station, offset, speed) == pytest.approx(0.0, abs=1e-6)


@given(numbers(0.0, 50.0), numbers(0.01, 50.0))
def test_an_arrival_costs_the_more_the_farther_off_but_never_outgrows_a_line(late, more):
    near, far = (arrival_cost(5.0 - each, 0.0, 6.0) for each in (late, late + more))
    assert near < far
    steepest = WEIGHTS.arrival * objective.ARRIVAL_SQUARE
    assert far - near <= 1.1 * steepest * more


@given(numbers(0.01, 0.3))
def test_an_arrival_that_is_little_off_costs_the_square(off):
    assert arrival_cost(9.0 + off, 0.0, 6.0) == pytest.approx(WEIGHTS.arrival * off**2, rel=0.02)
    assert arrival_cost(7.0, 0.0, 8.0 + off) == pytest.approx(WEIGHTS.arrival * off**2, rel=0.02)


@given(numbers(0.0, 2 * np.pi), numbers(1.0, 12.0))
def test_the_friction_circle_is_a_circle(direction, grip):
    lateral = grip * np.sin(direction)
    speed = 10.0
    x = np.array([0.0, 0.0, 0.0, speed, np.arctan(lateral * CAR.wheelbase / speed**2)])
    u = np.array([grip * np.cos(direction), 0.0])
    assert objective.friction_reserve(x, u, grip, CAR) == pytest.approx(0.0, abs=0.01)
    assert objective.friction_reserve(x, u, 1.2 * grip, CAR) == pytest.approx(0.2 * grip, abs=0.01)


@pytest.mark.parametrize('speed', [3.0, 9.0, 17.0])
def test_the_stopping_reserve_is_what_braking_with_half_the_grip_leaves(speed):
    problem = problem_on(BENDS[0], 6.0)
    grip, stop = 7.0, 90.0
    x = np.array([0.0, 0.0, 0.0, speed, 0.0])
    on_road = objective.road_coordinates(*objective.box_centre(x, CAR), road_numbers(problem))
    reserve = objective.stopping_reserve(x, on_road, stop, grip, CAR)
    here = on_road.station + CAR.length / 2
    while x[3] > 1e-9:
        x = np.array(step(x, [max(-grip / 2, -x[3] / 0.01), 0.0], 0.01, CAR.wheelbase))
    assert reserve == pytest.approx(stop - (here + x[0]), abs=0.05)


# --- obstacles ---


SIZES = {'car': (2.4, 1.0, 0.0), 'pole': (0.3, 0.3, 0.0), 'pedestrian': (0.0, 0.0, 0.4)}


def separations(size, count=20000):
    """Smooth separation and exact distance of random pairs, shape (count,) each."""
    rng = np.random.default_rng(9)
    x, y = rng.uniform(-9, 9, count), rng.uniform(-5, 5, count)
    yaw = np.where(rng.random(count) < 0.5, rng.normal(0, 0.1, count), rng.uniform(-3, 3, count))
    ego = np.zeros((5, count))
    ego[0] = -CAR.rear_to_center
    shape = [np.full(count, value) for value in size]
    smooth = objective.obstacle_separation(ego, obstacle_numbers(x, y, yaw, *shape), CAR)
    half = (CAR.length / 2, CAR.width / 2)
    return smooth, box_distance(np.stack([x, y]), yaw, half, size[:2], size[2])


@pytest.mark.parametrize('size', SIZES.values(), ids=SIZES)
def test_the_separation_of_boxes_apart_is_never_more_than_their_distance(size):
    smooth, exact = separations(size)
    assert (smooth - exact)[exact > 0].max() < 0.02
    # deep inside it may be off by a little: there it only shows the way out
    assert (smooth - exact)[exact <= 0].max() < 0.09


@pytest.mark.parametrize('half_length', [5.0, 8.0])
def test_the_separation_from_a_truck_errs_by_less_than_the_margin(half_length):
    smooth, exact = separations((half_length, 1.25, 0.0))
    assert (smooth - exact).max() < 0.6 * Margins().obstacle


@given(st.floats(1.0, 30.0), st.floats(0.0, 20.0), st.sampled_from([0.0, np.pi]))
def test_behind_an_aligned_box_its_length_makes_no_difference(half_length, gap, yaw):
    x = CAR.length / 2 + gap + half_length
    ego = np.zeros(5)
    ego[0] = -CAR.rear_to_center
    smooth = objective.obstacle_separation(
        ego, obstacle_numbers(x, 0.0, yaw, half_length, 1.25, 0.0), CAR
    )
    # the distance of the centres is rounded, in favour of safety
    assert gap - objective.SMOOTH_CENTRE - 1e-6 <= smooth <= gap + 1e-6


@pytest.mark.parametrize('size', SIZES.values(), ids=SIZES)
def test_the_separation_has_the_sign_of_the_distance_within_centimetres(size):
    smooth, exact = separations(size)
    assert (smooth[exact < -0.01] < 0.0).all()
    # beside a disc the axes see the square about it, larger at its corners by 0.41 of its radius
    assert (smooth[exact > 0.14 + 0.42 * size[2]] > 0.0).all()


def test_the_separation_points_the_way_out_of_an_overlap():
    """Small steps along the gradient part two boxes that overlap."""
    x = np.array([0.3, 0.2, 0.1, 5.0, 0.0])
    obstacle = obstacle_numbers(1.5, -0.4, 0.3, 2.2, 0.9, 0.3)
    for _ in range(60):
        value = objective.obstacle_separation(x, obstacle, CAR)
        if value > 0.0:
            break
        slope = [
            objective.obstacle_separation(x + d, obstacle, CAR) - value for d in 1e-6 * np.eye(5)
        ]
        x = x + 0.1 * np.array(slope) / np.linalg.norm(slope)
    assert value > 0.0


@given(numbers(-8, 8), numbers(-5, 5), numbers(-3, 3), numbers(-50, 50), numbers(-3, 3))
def test_the_separation_is_the_same_wherever_both_boxes_are(x, y, yaw, shift, turn):
    ego = np.array([0.0, 0.0, 0.0, 5.0, 0.0])
    c, s = np.cos(turn), np.sin(turn)
    moved = np.array([shift, -shift, turn, 5.0, 0.0])
    place = (shift + c * x - s * y, -shift + s * x + c * y)
    here = objective.obstacle_separation(ego, obstacle_numbers(x, y, yaw, 2, 1, 0.3), CAR)
    there = objective.obstacle_separation(
        moved, obstacle_numbers(*place, yaw + turn, 2, 1, 0.3), CAR
    )
    assert there == pytest.approx(here, abs=1e-9)


@pytest.mark.parametrize(
    ('field', 'value'), [('obstacle', -0.1), ('road', np.nan), ('grip', 0.0), ('grip', 1.2)]
)
def test_margins_without_sense_are_refused(field, value):
    with pytest.raises(ValueError, match=f'margins.{field}'):
        Margins(**{field: value})
