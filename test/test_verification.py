# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The judge against hand-made cases, brute force and the symmetries of the world."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from warmstart_planner.obstacles import Obstacle, box, disc
from warmstart_planner.problem import Horizon, KeepSpeed, PlanningProblem, StopBefore, Trajectory
from warmstart_planner.road import Road, road_from_segments
from warmstart_planner.vehicle import (
    GRAVITY,
    PX,
    SPEED,
    STEERING,
    YAW,
    load_vehicle,
    roll_out,
)
from warmstart_planner.verification import (
    STOPPING_SHARE,
    Tolerances,
    box_distance,
    drive_verdict,
    verify,
)

CAR = load_vehicle()
STRAIGHT = road_from_segments([(200.0, 0.0, 0.0)], 4.0, 4.0, 20.0)
WINDING = road_from_segments(
    [(20.0, 0.0, 0.03), (40.0, 0.03, -0.04), (40.0, -0.04, 0.02), (60.0, 0.0, 0.0)], 3.0, 3.0, 20.0
)
START = np.array([20.0, 0.0, 0.0, 10.0, 0.0])
MIRROR = np.array([1.0, -1.0, -1.0, 1.0, -1.0])


def problem_of(road=STRAIGHT, obstacles=(), start=START, goal=None, friction=1.0, steps=40):
    goal = goal or KeepSpeed(10.0)
    horizon = Horizon(dt=0.1, steps=steps)
    return PlanningProblem(0.0, start, road, tuple(obstacles), goal, CAR, friction, horizon)


def driven(start=START, controls=None, steps=40):
    controls = np.zeros((steps, 2)) if controls is None else np.asarray(controls, dtype=float)
    states, applied = roll_out(np.asarray(start, dtype=float), controls, 0.1, CAR)
    return Trajectory(0.0, 0.1, states, applied)


def numbers(low, high):
    return st.floats(low, high, allow_nan=False)


# --- distance ---


def sampled_distance(x, y, yaw, half, other_half, radius):
    """Distance by sampling both outlines; for boxes that do not overlap."""

    def outline(size, count=200):
        along = np.linspace(-1, 1, count)
        one = np.ones(count)
        unit = [(along, one), (along, -one), (one, along), (-one, along)]
        return np.concatenate([np.stack(side, axis=1) for side in unit]) * size

    turn = np.array([[np.cos(yaw), -np.sin(yaw)], [np.sin(yaw), np.cos(yaw)]])
    other = outline(np.array(other_half)) @ turn.T + [x, y]
    here = outline(np.array(half))
    gaps = np.sqrt(((here[:, None] - other[None]) ** 2).sum(axis=-1))
    return gaps.min() - radius


def distance_of(x, y, yaw, half, other_half, radius=0.0):
    relative = np.array([[x], [y]])
    return float(box_distance(relative, np.array([yaw]), half, other_half, radius)[0])


SIZES = st.tuples(numbers(0.2, 3.0), numbers(0.2, 3.0))


@settings(max_examples=60)
@given(numbers(-9, 9), numbers(-9, 9), numbers(-7, 7), SIZES, SIZES, numbers(0, 1))
def test_the_distance_of_boxes_agrees_with_sampled_outlines(x, y, yaw, half, other, radius):
    found = distance_of(x, y, yaw, half, other, radius)
    if found + radius > 0.0:
        assert found == pytest.approx(sampled_distance(x, y, yaw, half, other, radius), abs=0.04)
    else:
        # they overlap: some point of one is in the other
        grid = np.stack(np.meshgrid(*[np.linspace(-1, 1, 81)] * 2), axis=-1).reshape(-1, 2)
        turn = np.array([[np.cos(yaw), -np.sin(yaw)], [np.sin(yaw), np.cos(yaw)]])
        points = grid * other @ turn.T + [x, y]
        depth = (np.array(half) - np.abs(points)).min(axis=1)
        assert depth.max() > -0.06


@given(numbers(-9, 9), numbers(-9, 9), numbers(-7, 7), SIZES, SIZES)
def test_the_distance_does_not_depend_on_who_asks(x, y, yaw, half, other):
    cos, sin = np.cos(yaw), np.sin(yaw)
    back = -(cos * x + sin * y), -(cos * y - sin * x)
    assert distance_of(*back, -yaw, other, half) == pytest.approx(
        distance_of(x, y, yaw, half, other), abs=1e-9
    )


@given(numbers(-5, 5), numbers(-5, 5), numbers(-7, 7), SIZES, SIZES)
def test_moving_apart_by_the_depth_separates(x, y, yaw, half, other):
    """The depth is the shortest way out: along the best of many directions, and no less."""
    depth = -distance_of(x, y, yaw, half, other)
    if depth <= 1e-6:
        return
    directions = np.linspace(0.0, 2 * np.pi, 721)
    shifted = np.array([[x], [y]]) + (depth + 0.02) * np.stack(
        [np.cos(directions), np.sin(directions)]
    )
    yaws = np.full(len(directions), yaw)
    assert box_distance(shifted, yaws, half, other).max() >= 0.0
    shifted = np.array([[x], [y]]) + 0.98 * depth * np.stack(
        [np.cos(directions), np.sin(directions)]
    )
    assert box_distance(shifted, yaws, half, other).max() < 0.0


def test_distances_known_by_hand():
    half = (2.0, 1.0)
    assert distance_of(5.0, 0.0, 0.0, half, (1.0, 1.0)) == pytest.approx(2.0)
    assert distance_of(6.0, 5.0, 0.0, half, (1.0, 1.0)) == pytest.approx(np.hypot(3, 3))
    assert distance_of(5.0, 0.0, np.pi / 4, half, (1.0, 1.0)) == pytest.approx(3 - np.sqrt(2))
    assert distance_of(5.0, 5.0, 0.3, half, (0.0, 0.0), 1.0) == pytest.approx(4.0)
    assert distance_of(2.5, 0.0, 0.0, half, (1.0, 1.0)) == pytest.approx(-0.5)
    assert distance_of(0.0, 0.0, 0.0, half, (0.0, 0.0), 0.5) == pytest.approx(-1.5)


# --- collision ---


def test_a_free_road_has_no_violation():
    verdict = verify(problem_of(), driven())
    assert verdict.feasible
    assert verdict.violation == 0.0
    assert verdict.clearance == np.inf
    np.testing.assert_array_equal(verdict.constraint_to_go, np.zeros(41))


def test_clearance_beside_a_parked_car_is_the_gap_between_the_sides():
    parked = box('parked', np.array([40.0, 3.0, 0.0]), 4.0, 1.8)
    verdict = verify(problem_of(obstacles=[parked]), driven())
    assert verdict.feasible
    assert verdict.clearance == pytest.approx(3.0 - 0.9 - CAR.width / 2, abs=1e-9)


def test_a_thin_plate_that_flies_through_between_two_nodes_is_seen():
    # at both nodes about t = 1.05 s the plate is 0.6 m clear of the car, on either side
    times = np.arange(41) * 0.1
    speed = (CAR.width + 1.2 + 0.02) / 0.1
    center = START[PX] + 10.0 * times + CAR.rear_to_center
    poses = np.stack([center, speed * (times - 1.05), np.zeros(41)], axis=1)
    plate = box('plate', poses, 1.0, 0.02)
    at_nodes = np.abs(poses[:, 1]).min() - CAR.width / 2 - 0.01
    assert at_nodes > 0.5
    verdict = verify(problem_of(obstacles=[plate]), driven())
    assert not verdict.feasible and verdict.collision > 0.3
    assert verdict.constraint_to_go[10] > 0.0 and verdict.constraint_to_go[11] == 0.0


def test_a_corner_clipped_between_two_samples_is_seen():
    # a disc crosses the car's way so that only its edge meets the front corner, and only for
    # about 4 ms, half way between two of the judge's samples
    times = np.arange(41) * 0.1
    half = np.array([CAR.length, CAR.width]) / 2
    radius, rate, depth = 0.1, 20.0, 0.001
    across = np.array([1.0, -1.0]) / np.sqrt(2)
    outward = np.array([1.0, 1.0]) / np.sqrt(2)
    center = np.stack([START[PX] + 10.0 * times + CAR.rear_to_center, np.zeros(41)], axis=1)
    path = half + outward * (radius - depth) + across * (rate * (times - 1.05))[:, None]
    poses = np.concatenate([center + path, np.zeros((41, 1))], axis=1)
    verdict = verify(problem_of(obstacles=[disc('stone', poses, radius)]), driven())
    assert verdict.collision == pytest.approx(depth, abs=2e-4)
    assert not verdict.feasible


@given(numbers(-0.4, 0.4))
def test_touching_is_the_limit_and_any_overlap_is_too_much(gap):
    y = CAR.width / 2 + 0.9 + gap
    parked = box('parked', np.array([40.0, y, 0.0]), 4.0, 1.8)
    verdict = verify(problem_of(obstacles=[parked]), driven())
    assert verdict.clearance == pytest.approx(gap, abs=1e-9)
    assert verdict.feasible == (verdict.clearance >= 0.0)
    assert verdict.collision == max(-verdict.clearance, 0.0)


def test_an_obstacle_that_has_left_does_no_harm():
    times = np.arange(41) * 0.1
    ahead = np.stack([40.0 + 10.0 * times, np.zeros(41), np.zeros(41)], axis=1)
    verdict = verify(problem_of(obstacles=[box('ahead', ahead, 4.0, 1.8)]), driven())
    gap = 40.0 - 2.0 - START[PX] - CAR.rear_to_center - CAR.length / 2
    assert verdict.feasible and verdict.clearance == pytest.approx(gap, abs=1e-9)
    assert not verify(problem_of(obstacles=[box('wall', ahead[0], 4.0, 1.8)]), driven()).feasible


def test_a_predicted_yaw_turns_the_short_way():
    # half a turn of a long beam between two nodes would sweep the car
    beam = np.array([[40.0, 4.0, np.pi - 0.01], [40.0, 4.0, -np.pi + 0.01]])
    poses = np.concatenate([np.tile(beam, (20, 1)), beam[:1]])
    long_way = poses.copy()
    long_way[:, 2] = np.unwrap(poses[:, 2])
    wrapped = verify(problem_of(obstacles=[box('beam', poses, 12.0, 0.5)]), driven())
    smooth = verify(problem_of(obstacles=[box('beam', long_way, 12.0, 0.5)]), driven())
    assert wrapped.feasible
    assert wrapped.clearance == pytest.approx(smooth.clearance, abs=1e-9)


@settings(max_examples=30)
@given(st.integers(0, 10_000), numbers(0.0, 1.0))
def test_a_larger_obstacle_never_leaves_more_room(seed, more):
    problem, trajectory = random_case(seed)
    grown = [replace(o, radius=o.radius + more) for o in problem.obstacles]
    before = verify(problem, trajectory)
    after = verify(replace(problem, obstacles=tuple(grown)), trajectory)
    assert after.clearance <= before.clearance + 1e-9
    assert after.collision >= before.collision - 1e-9
    assert (after.constraint_to_go >= before.constraint_to_go - 1e-9).all()


@settings(max_examples=20)
@given(st.integers(0, 10_000))
def test_clearance_agrees_with_a_fine_brute_force(seed):
    problem, trajectory = random_case(seed)
    verdict = verify(problem, trajectory)
    fine = 1000
    times = np.linspace(0.0, 4.0, 40 * fine // 10 + 1)
    least = np.inf
    states = np.stack(
        [np.interp(times, trajectory.times, trajectory.states[:, i]) for i in range(5)], axis=1
    )
    cos, sin = np.cos(states[:, YAW]), np.sin(states[:, YAW])
    x, y = (states[:, :2] + CAR.rear_to_center * np.stack([cos, sin], axis=1)).T
    for obstacle in problem.obstacles:
        poses = obstacle.poses_at(41)
        ox, oy, oyaw = (np.interp(times, trajectory.times, poses[:, i]) for i in range(3))
        relative = np.stack([cos * (ox - x) + sin * (oy - y), cos * (oy - y) - sin * (ox - x)])
        half = (CAR.length / 2, CAR.width / 2)
        size = (obstacle.half_length, obstacle.half_width)
        gaps = box_distance(relative, oyaw - states[:, YAW], half, size, obstacle.radius)
        least = min(least, gaps.min())
    # the brute force follows chords between nodes
    assert verdict.clearance == pytest.approx(least, abs=0.03)


def random_case(seed, road=WINDING):
    """Return a problem with twelve obstacles and a wobbling trajectory along its road."""
    generator = np.random.default_rng(seed)
    start = np.array([*road.poses(10.0, 0.5), generator.uniform(2, 12), 0.0])
    swing = np.sin(np.arange(40) * 0.1 * generator.uniform(0.5, 3.0)) * 0.15
    controls = np.stack([generator.uniform(-2, 2, 40), swing], axis=1)
    trajectory = driven(start, controls)
    obstacles = []
    for k in range(12):
        pose = road.poses(generator.uniform(10, 70), generator.uniform(-6, 6))
        velocity = generator.uniform(-3, 3, 3) * [1.0, 1.0, 0.3]
        poses = pose + np.arange(41)[:, None] * 0.1 * velocity
        size = generator.uniform(0.3, 2.0, 2) * (k % 3 > 0)
        obstacles.append(Obstacle(str(k), poses, *size, generator.uniform(0.1, 0.5)))
    return problem_of(road, obstacles, start), trajectory


# --- symmetries of the whole verdict ---


def values(verdict):
    numbers_ = [getattr(verdict, n) for n in verdict.__dataclass_fields__]
    return np.concatenate([np.atleast_1d(np.asarray(v, dtype=float)) for v in numbers_])


def moved_road(road, dx, dy, turn):
    cos, sin = np.cos(turn), np.sin(turn)
    return replace(
        road,
        x=cos * road.x - sin * road.y + dx,
        y=sin * road.x + cos * road.y + dy,
        heading=road.heading + turn,
    )


def moved_poses(poses, dx, dy, turn):
    poses = np.array(poses, dtype=float)
    cos, sin = np.cos(turn), np.sin(turn)
    x, y = poses[..., 0].copy(), poses[..., 1].copy()
    poses[..., 0], poses[..., 1] = cos * x - sin * y + dx, sin * x + cos * y + dy
    poses[..., 2] += turn
    return poses


@settings(max_examples=30)
@given(st.integers(0, 10_000), numbers(-500, 500), numbers(-500, 500), numbers(-7, 7))
def test_the_verdict_does_not_depend_on_where_the_world_lies(seed, dx, dy, turn):
    problem, trajectory = random_case(seed)
    world = (dx, dy, turn)
    elsewhere = replace(
        problem,
        road=moved_road(problem.road, *world),
        initial_state=moved_poses(problem.initial_state, *world),
        obstacles=tuple(replace(o, poses=moved_poses(o.poses, *world)) for o in problem.obstacles),
    )
    there = replace(trajectory, states=moved_poses(trajectory.states, *world))
    np.testing.assert_allclose(
        values(verify(elsewhere, there)), values(verify(problem, trajectory)), atol=1e-6
    )


@settings(max_examples=30)
@given(st.integers(0, 10_000))
def test_a_mirrored_world_has_the_same_verdict(seed):
    problem, trajectory = random_case(seed)
    road = problem.road
    mirrored = replace(
        problem,
        road=replace(
            road,
            y=-road.y,
            heading=-road.heading,
            curvature=-road.curvature,
            left_width=road.right_width,
            right_width=road.left_width,
        ),
        initial_state=problem.initial_state * MIRROR,
        obstacles=tuple(replace(o, poses=o.poses * MIRROR[:3]) for o in problem.obstacles),
    )
    there = replace(
        trajectory, states=trajectory.states * MIRROR, controls=trajectory.controls * [1, -1]
    )
    np.testing.assert_allclose(
        values(verify(mirrored, there)), values(verify(problem, trajectory)), atol=1e-6
    )


def test_the_start_may_be_whole_turns_away():
    turned = START + [0.0, 0.0, 4 * np.pi, 0.0, 0.0]
    assert verify(problem_of(start=turned), driven()).feasible
    assert verify(problem_of(), driven(turned)).feasible


def test_a_turn_of_yaw_inside_a_trajectory_is_a_defect():
    trajectory = driven()
    states = trajectory.states.copy()
    states[20:, YAW] += 2 * np.pi
    verdict = verify(problem_of(), replace(trajectory, states=states))
    assert not verdict.feasible and verdict.dynamics > 1.0


# --- road ---


def reference_violation(problem, trajectory):
    """Brute force: every node's outline, by the road's own projection."""
    along, across = (
        np.linspace(-size / 2, size / 2, int(np.ceil(size / 0.5)) + 1)
        for size in (CAR.length, CAR.width)
    )
    inside = np.stack(np.meshgrid(along, across), axis=-1).reshape(-1, 2)
    rim = (np.abs(inside) > [CAR.length / 2 - 1e-9, CAR.width / 2 - 1e-9]).any(axis=1)
    local = inside[rim] + [CAR.rear_to_center, 0.0]
    worst = []
    for x, y, yaw, *_ in trajectory.states:
        cos, sin = np.cos(yaw), np.sin(yaw)
        points = local @ np.array([[cos, sin], [-sin, cos]]) + [x, y]
        station, offset = problem.road.project(points)
        left = offset - problem.road.at('left_width', station)
        right = -offset - problem.road.at('right_width', station)
        worst.append(max(left.max(), right.max(), 0.0))
    return np.array(worst)


def uneven_road(seed):
    generator = np.random.default_rng(seed)
    # bends alternate, so that the road does not meet itself
    curvature = generator.uniform(0.02, 0.08, 5) * [1, -1, 1, -1, 1]
    segments = [(30.0, a, b) for a, b in zip(curvature[:-1], curvature[1:], strict=True)]
    stations = np.arange(0.0, 121.0, generator.uniform(2.0, 8.0))
    widths = [np.stack([stations, generator.uniform(0.9, 3.0, len(stations))], 1) for _ in '12']
    return road_from_segments(segments, *widths, 20.0, start_pose=(3.0, -8.0, 1.0))


@settings(max_examples=40)
@given(st.integers(0, 10_000))
def test_a_car_that_stands_anywhere_is_measured_as_by_brute_force(seed):
    road = uneven_road(seed)
    generator = np.random.default_rng(seed)
    for _ in range(15):
        at = road.poses(generator.uniform(5, 110), generator.uniform(-2.5, 2.5))
        start = np.array([*at, 0.0, 0.0]) + [0.0, 0.0, generator.uniform(-0.4, 0.4), 0.0, 0.0]
        problem, trajectory = problem_of(road, start=start, steps=1), driven(start, steps=1)
        expected = reference_violation(problem, trajectory).max()
        # inside a corner of the polyline two places are a foot, a few centimetres apart, and the
        # widths here change by up to a metre a metre; far outside, the outline is not measured
        allowed = 0.03 if expected < CAR.length / 2 else 0.1
        assert verify(problem, trajectory).road == pytest.approx(expected, abs=allowed)


@settings(max_examples=60)
@given(st.integers(0, 10_000))
def test_leaving_the_corridor_is_measured_as_by_brute_force(seed):
    problem, trajectory = random_case(seed, uneven_road(seed))
    problem = replace(problem, obstacles=())
    expected = reference_violation(problem, trajectory)
    if expected.max() > CAR.length / 2:
        return
    found = verify(problem, trajectory)
    # between nodes the car may be further out, and half a metre lies between outline points
    assert found.road >= expected.max() - 0.05
    assert found.road <= expected.max() + 0.35
    if expected.max() > 0.1:
        assert not found.feasible


@given(numbers(-3.5, 3.5))
def test_the_corridor_holds_for_the_sides_of_the_car(offset):
    start = START + [0.0, offset, 0.0, 0.0, 0.0]
    verdict = verify(problem_of(start=start), driven(start))
    assert verdict.road == pytest.approx(max(abs(offset) + CAR.width / 2 - 4.0, 0.0), abs=1e-9)


def test_the_middle_of_the_side_counts_on_the_inside_of_a_bend():
    bend = road_from_segments([(60.0, 0.1, 0.1)], 1.0, 3.0, 10.0)
    at = bend.poses(30.0)
    rear = at - [CAR.rear_to_center * np.cos(at[2]), CAR.rear_to_center * np.sin(at[2]), 0.0]
    start = np.array([*rear, 0.0, 0.0])
    inner = 0.1  # of left width less than the car needs, where its side is nearest
    tight = replace(bend, left_width=np.full(len(bend.x), CAR.width / 2 - inner))
    trajectory = driven(start, steps=5)
    assert verify(problem_of(bend, start=start, steps=5), trajectory).feasible
    verdict = verify(problem_of(tight, start=start, steps=5), trajectory)
    assert verdict.road == pytest.approx(inner, abs=0.01)


def test_the_corners_count_on_the_outside_of_a_bend():
    bend = road_from_segments([(60.0, 0.1, 0.1)], 3.0, CAR.width / 2 + 0.12, 10.0)
    at = bend.poses(30.0)
    rear = at - [CAR.rear_to_center * np.cos(at[2]), CAR.rear_to_center * np.sin(at[2]), 0.0]
    start = np.array([*rear, 0.0, 0.0])
    verdict = verify(problem_of(bend, start=start, steps=5), driven(start, steps=5))
    corner = np.hypot(10.0 + CAR.width / 2, CAR.length / 2) - 10.0
    assert verdict.road == pytest.approx(corner - CAR.width / 2 - 0.12, abs=0.01)


@pytest.mark.parametrize('offset', [-2.2, -1.0, 0.3, 1.5, 2.2])
def test_a_pinch_anywhere_along_the_car_is_seen(offset):
    for place in np.arange(60.0, 76.0, 0.5):
        at = place + offset + np.array([-1.0, -0.5, 0.5, 1.0])
        profile = list(zip(at, [3.0, 0.6, 0.6, 3.0], strict=True))
        road = road_from_segments([(200.0, 0.0, 0.0)], profile, 3.0, 10.0)
        start = np.array([place - CAR.rear_to_center, 0.0, 0.0, 0.0, 0.0])
        verdict = verify(problem_of(road, start=start, steps=1), driven(start, steps=1))
        assert verdict.road > 0.1


def test_a_narrow_place_between_two_nodes_is_seen():
    # a pinch of a metre's length, passed at 30 m/s, of which no corner is in it at any node
    station = np.concatenate([np.arange(0, 100, 1.0), [100.4, 100.5, 100.6], np.arange(101, 201)])
    left = np.where(station == 100.5, 0.5, 4.0)
    flat = np.zeros(len(station))
    road = Road(station, station, flat, flat, flat, left, flat + 4.0, flat + 20.0)
    start = np.array([80.0, 0.0, 0.0, 30.0, 0.0])
    assert not verify(problem_of(road, start=start, steps=20), driven(start, steps=20)).feasible


def test_the_front_may_not_drive_past_the_end_of_the_road():
    ending = road_from_segments([(60.0, 0.0, 0.0)], 4.0, 4.0, 20.0)
    verdict = verify(problem_of(ending), driven())
    past = 20.0 + 40.0 + CAR.front_reach - 60.0
    assert verdict.road == pytest.approx(past, abs=1e-6)
    standing = np.array([59.0, 0.0, 0.0, 0.0, 0.0])
    assert verify(problem_of(ending, start=standing), driven(standing)).feasible


# --- limits ---


def broken(index, value, at=20):
    """Return a trajectory with one state or control outside its bounds."""
    trajectory = driven()
    states, controls = trajectory.states.copy(), trajectory.controls.copy()
    if index[0] == 'state':
        states[at, index[1]] = value
    else:
        controls[at, index[1]] = value
    return replace(trajectory, states=states, controls=controls)


@pytest.mark.parametrize(
    ('index', 'value', 'excess'),
    [
        (('state', SPEED), -0.5, 0.5),
        (('state', SPEED), CAR.speed_max + 0.5, 0.5),
        (('state', STEERING), CAR.steering_max + 0.1, 0.1),
        (('state', STEERING), -CAR.steering_max - 0.1, 0.1),
        (('control', 0), CAR.acceleration_max + 0.2, 0.2),
        (('control', 0), -CAR.deceleration_max - 0.2, 0.2),
        (('control', 1), CAR.steering_rate_max + 0.2, 0.2),
        (('control', 1), -CAR.steering_rate_max - 0.2, 0.2),
    ],
)
def test_every_limit_of_the_car_is_held(index, value, excess):
    verdict = verify(problem_of(), broken(index, value))
    assert verdict.limits == pytest.approx(excess)
    assert not verdict.feasible


@pytest.mark.parametrize(
    ('index', 'value'), [(SPEED, -0.8), (STEERING, 1.2), (STEERING, -1.2), (SPEED, 52.0)]
)
def test_a_start_outside_the_limits_must_come_back_as_fast_as_it_can(index, value):
    road = road_from_segments([(600.0, 0.0, 0.0)], 30.0, 30.0, 20.0)
    start = np.array([100.0, 0.0, 0.0, 0.0, 0.0])
    start[index] = value
    problem = problem_of(road, start=start)
    assert verify(problem, driven(start)).limits == pytest.approx(0.0, abs=1e-9)
    lazy = driven(start)
    states = lazy.states.copy()
    states[:, index] = value
    assert verify(problem, replace(lazy, states=states)).limits > 0.1


@given(numbers(0.0, 8.0), numbers(-0.2, 0.2), numbers(3.0, 15.0), numbers(0.3, 1.1))
def test_the_friction_circle_holds_for_both_directions_together(braking, steering, speed, mu):
    start = np.array([60.0, 0.0, 0.0, speed, steering])
    controls = np.array([[-braking, 0.0], [0.0, 0.0]])
    wide = road_from_segments([(200.0, 0.0, 0.0)], 90.0, 90.0, 20.0)
    verdict = verify(
        problem_of(wide, start=start, friction=mu, steps=2), driven(start, controls, 2)
    )
    sideways = speed**2 * np.tan(steering) / CAR.wheelbase
    if abs(sideways) > mu * GRAVITY:
        return  # a start outside is the next test's
    assert verdict.friction == pytest.approx(
        max(np.hypot(sideways, braking) - mu * GRAVITY, 0.0), abs=1e-9
    )


def test_too_fast_into_a_bend_must_steer_back():
    start = np.array([20.0, 0.0, 0.0, 10.0, 0.15])
    wide = road_from_segments([(200.0, 0.0, 0.0)], 90.0, 90.0, 20.0)
    problem = problem_of(wide, start=start, friction=0.3)
    back = np.zeros((40, 2))
    back[:3, 1] = -CAR.steering_rate_max
    assert verify(problem, driven(start, back)).friction == 0.0
    assert verify(problem, driven(start)).friction > 1.0


# --- dynamics ---


@given(st.integers(0, 10_000))
def test_what_the_model_drives_has_no_defect(seed):
    problem, trajectory = random_case(seed)
    assert verify(problem, trajectory).dynamics < 1e-4


def test_a_wrong_wheelbase_is_a_defect():
    controls = np.zeros((40, 2))
    controls[:4, 1] = 0.2
    states, applied = roll_out(START, controls, 0.1, replace(CAR, wheelbase=CAR.wheelbase * 1.3))
    verdict = verify(problem_of(), Trajectory(0.0, 0.1, states, applied))
    assert verdict.dynamics > Tolerances().position and not verdict.feasible


def test_states_of_other_controls_are_a_defect():
    trajectory = driven()
    verdict = verify(problem_of(), replace(trajectory, controls=trajectory.controls + [1.0, 0.0]))
    # 0.1 m/s a step
    assert verdict.dynamics == pytest.approx(40 * 0.1, abs=0.01)
    assert not verdict.feasible


@pytest.mark.parametrize('index', range(5))
def test_each_component_of_a_jump_is_a_defect(index):
    tolerances = Tolerances()
    limit = [tolerances.position] * 2 + [tolerances.yaw, tolerances.speed, tolerances.steering]
    trajectory = driven()
    for share in (0.5, 1.5):
        states = trajectory.states.copy()
        states[-1, index] += share * limit[index]
        verdict = verify(problem_of(), replace(trajectory, states=states))
        assert (verdict.dynamics > tolerances.position) == (share > 1.0)
        assert verdict.dynamics >= share * tolerances.position - 1e-6


def test_a_slip_that_is_small_at_every_step_is_a_defect_in_sum():
    trajectory = driven()
    states = trajectory.states.copy()
    states[:, 1] += 0.01 * np.arange(len(states))
    verdict = verify(problem_of(), replace(trajectory, states=states))
    assert verdict.dynamics == pytest.approx(0.4) and not verdict.feasible


def test_a_trajectory_from_elsewhere_is_a_defect():
    away = START + [0.0, 0.3, 0.0, 0.0, 0.0]
    verdict = verify(problem_of(), driven(away))
    assert verdict.dynamics == pytest.approx(0.3)
    assert verdict.constraint_to_go[0] == pytest.approx(0.3)
    assert verdict.constraint_to_go[1] == 0.0


# --- terminal ---


@pytest.mark.parametrize('friction', [0.3, 1.0])
@pytest.mark.parametrize('spare', [-0.5, 0.5])
def test_the_end_of_a_plan_leaves_room_to_stop_on_the_road(friction, spare):
    stop = 10.0**2 / (2 * STOPPING_SHARE * friction * GRAVITY)
    length = 20.0 + 40.0 + CAR.front_reach + stop + spare
    road = road_from_segments([(length, 0.0, 0.0)], 4.0, 4.0, 20.0)
    verdict = verify(problem_of(road, friction=friction), driven())
    assert verdict.terminal == pytest.approx(max(-spare, 0.0), abs=1e-6)
    assert verdict.feasible == (spare > 0.0)


@pytest.mark.parametrize('spare', [-0.5, 0.5])
def test_a_stop_goal_bounds_where_the_front_comes_to_stand(spare):
    controls = np.tile([-3.0, 0.0], (40, 1))
    trajectory = driven(controls=controls)
    front = trajectory.states[-1, PX] + CAR.front_reach
    goal = StopBefore(front + spare, 10.0)
    verdict = verify(problem_of(goal=goal), trajectory)
    assert verdict.terminal == pytest.approx(max(-spare, 0.0), abs=1e-6)


def test_a_stop_line_that_is_too_near_asks_for_braking_at_once():
    goal = StopBefore(START[PX] + CAR.front_reach + 2.0, 10.0)
    problem = problem_of(goal=goal)
    hard = np.tile([-7.0, 0.0], (40, 1))
    assert verify(problem, driven(controls=hard)).feasible
    soft = verify(problem, driven(controls=hard / 3))
    assert soft.terminal > 1.0 and not soft.feasible


def test_a_car_that_stands_is_safe_to_continue_from():
    standing = START * [1, 1, 1, 0, 1]
    goal = StopBefore(START[PX], 10.0)
    assert verify(problem_of(start=standing, goal=goal), driven(standing)).feasible


# --- constraint-to-go and robustness ---


def test_the_constraint_to_go_falls_to_zero_after_the_last_violation():
    wall = box('wall', np.array([40.0, 0.0, 0.0]), 1.0, 1.8)
    to_go = verify(problem_of(obstacles=[wall]), driven()).constraint_to_go
    assert (np.diff(to_go) <= 0.0).all()
    first = int(np.argmax(np.diff(to_go) < 0.0))
    front = START[PX] + first + CAR.front_reach
    assert front == pytest.approx(39.5, abs=1.0)
    assert to_go[0] > 1.0 and to_go[-1] == 0.0


@settings(max_examples=40)
@given(st.integers(0, 10_000), st.sampled_from([1.0, 30.0, 1e4, 1e9, 1e300]))
def test_whatever_is_proposed_is_judged(seed, size):
    problem, trajectory = random_case(seed)
    noise = np.random.default_rng(seed).normal(size=trajectory.states.shape) * size
    verdict = verify(problem, replace(trajectory, states=trajectory.states + noise))
    assert not verdict.feasible
    assert verdict.violation > 0.0
    assert not np.isnan(values(verdict)).any()


@settings(max_examples=40)
@given(st.integers(0, 10_000))
def test_feasible_is_no_violation_and_nothing_to_go(seed):
    verdict = verify(*random_case(seed))
    assert verdict.feasible == (verdict.violation == 0.0) == (verdict.constraint_to_go[0] == 0.0)
    groups = ('collision', 'road', 'limits', 'friction', 'dynamics', 'terminal')
    largest = max(getattr(verdict, name) for name in groups)
    assert verdict.violation in (0.0, largest)


@pytest.mark.parametrize(
    ('change', 'said'),
    [
        ({'dt': 0.2}, 'trajectory.dt is 0.2: expected 0.1'),
        ({'stamp': 1.0}, 'trajectory.stamp is 1.0: expected 0.0'),
        ({'states': START[None], 'controls': np.zeros((0, 2))}, 'trajectory.states has 1 node'),
    ],
)
def test_a_trajectory_on_another_grid_is_refused(change, said):
    with pytest.raises(ValueError, match=said):
        verify(problem_of(), replace(driven(), **change))


def test_nan_never_reaches_the_judge():
    trajectory = driven()
    states = trajectory.states.copy()
    states[3, PX] = np.nan
    with pytest.raises(ValueError, match='trajectory.states is nan'):
        verify(problem_of(), replace(trajectory, states=states))


# --- drives ---


def scenario_of(*traffic):
    from warmstart_planner.scenarios.scenario import Scenario

    return Scenario(
        name='test',
        description='',
        road=STRAIGHT,
        initial_state=START,
        goal=KeepSpeed(10.0),
        traffic=traffic,
        duration=10.0,
        must_stop=False,
    )


def participant(name, times, poses, length=4.0, width=1.8):
    from warmstart_planner.scenarios.scenario import TrafficParticipant

    times, poses = np.asarray(times, dtype=float), np.asarray(poses, dtype=float)
    return TrafficParticipant(name, length / 2, width / 2, 0.0, times, poses, 'car')


DRIVE_TIMES = np.arange(81) * 0.05
DRIVE = np.stack([START + [10.0 * t, 0, 0, 0, 0] for t in DRIVE_TIMES])


def test_a_clean_drive_has_no_event():
    parked = participant('parked', [0.0], [[40.0, 3.0, 0.0]])
    verdict = drive_verdict(scenario_of(parked), DRIVE_TIMES, DRIVE)
    assert verdict.collisions == 0 and verdict.first_collision is None
    assert verdict.min_clearance == pytest.approx(3.0 - 0.9 - CAR.width / 2, abs=1e-9)
    assert verdict.off_road == 0.0


def test_each_participant_that_is_hit_is_one_event():
    near = participant('near', [0.0], [[35.0, 1.0, 0.0]])
    far = participant('far', [0.0], [[50.0, -1.0, 0.0]])
    verdict = drive_verdict(scenario_of(far, near), DRIVE_TIMES, DRIVE)
    assert verdict.collisions == 2
    assert verdict.collided_with == ('near', 'far')
    gap = 35.0 - 2.0 - START[PX] - CAR.front_reach
    assert verdict.first_collision == pytest.approx(gap / 10.0, abs=0.03)
    assert verdict.min_clearance < 0.0


def test_a_participant_that_is_gone_is_not_hit():
    gone = participant('gone', [0.0, 0.4], [[40.0, 0.0, 0.0]] * 2)
    stays = participant('stays', [0.0, 4.0], [[40.0, 0.0, 0.0]] * 2)
    assert drive_verdict(scenario_of(gone), DRIVE_TIMES, DRIVE).collisions == 0
    assert drive_verdict(scenario_of(stays), DRIVE_TIMES, DRIVE).collisions == 1


def test_leaving_the_road_is_measured_on_the_outline():
    aside = DRIVE + [0.0, 3.5, 0.0, 0.0, 0.0]
    verdict = drive_verdict(scenario_of(), DRIVE_TIMES, aside)
    assert verdict.off_road == pytest.approx(3.5 + CAR.width / 2 - 4.0)
    assert verdict.min_clearance == np.inf


@pytest.mark.parametrize(
    ('times', 'states', 'said'),
    [
        (DRIVE_TIMES[::-1], DRIVE, 'drive.times is empty or does not increase'),
        (DRIVE_TIMES[:-1], DRIVE, 'drive.states has shape'),
        (DRIVE_TIMES, DRIVE * np.nan, 'drive.states is nan'),
        ([], np.zeros((0, 5)), 'drive.times is empty'),
    ],
)
def test_a_bad_drive_is_refused(times, states, said):
    with pytest.raises(ValueError, match=said):
        drive_verdict(scenario_of(), times, states)


def test_where_a_road_comes_back_beside_itself_the_car_is_on_its_own_leg():
    hairpin = road_from_segments(
        [(60.0, 0.0, 0.0), (np.pi * 6.0, 1 / 6.0, 1 / 6.0), (60.0, 0.0, 0.0)], 3.0, 3.0, 10.0
    )
    start = np.array([10.0, 1.0, 0.0, 8.0, 0.0])
    verdict = verify(problem_of(hairpin, start=start), driven(start))
    assert verdict.road == 0.0 and verdict.feasible
