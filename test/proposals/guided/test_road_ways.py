# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""From ways along the road to states and controls: the compiled code against its definition."""

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view

from warmstart_planner.problem import Horizon
from warmstart_planner.proposals.guided.road_ways import RoadWays, states_and_controls
from warmstart_planner.vehicle import SPEED, STEERING, YAW

pytestmark = pytest.mark.usefixtures('guided_folder')

SMOOTHING, FADE_IN = 0.7, 0.6  # [s]
MOVING, PACE = 0.5, 1.0  # [m/s]


# --- the definition ---


def defined(problem, ways):
    vehicle, dt, steps = problem.vehicle, problem.horizon.dt, problem.horizon.steps
    nodes = np.arange(steps + 1)
    stage = np.minimum(nodes // ways.per_stage, ways.knots.shape[1] - 2)
    share = nodes / ways.per_stage - stage
    speed = (1.0 - share) * ways.knots[:, stage, 2] + share * ways.knots[:, stage + 1, 2]
    advance = np.cumsum((speed[:, 1:] + speed[:, :-1]) / 2 * dt, axis=1)
    station = ways.station + np.concatenate([np.zeros((len(speed), 1)), advance], axis=1)
    offset = smoothed(splined(ways, dt, stage, share), ways.lateral_speed, dt)
    centre = problem.road.poses(station, offset)[..., :2]
    course = courses(problem, centre)
    curvature = np.gradient(course, dt, axis=1) / np.maximum(speed, PACE)
    yaw = course - np.arctan(vehicle.rear_to_center * curvature)
    states = np.empty((*speed.shape, 5))
    states[..., :2] = centre - vehicle.rear_to_center * np.stack([np.cos(yaw), np.sin(yaw)], -1)
    states[..., YAW], states[..., SPEED] = yaw, speed
    steering = np.arctan(vehicle.wheelbase * curvature)
    states[..., STEERING] = np.clip(steering, -vehicle.steering_max, vehicle.steering_max)
    states[:, 0] = problem.initial_state
    controls = np.diff(states[..., [SPEED, STEERING]], axis=1) / dt
    return states, np.clip(controls, vehicle.control_lower, vehicle.control_upper)


def splined(ways, dt, stage, share):
    """Offsets by cubic splines through the knots that end along the road, (K, N + 1)."""
    knots, duration = ways.knots[..., 1], ways.per_stage * dt
    last = knots.shape[1] - 1
    # continuous second derivatives: a tridiagonal system for the slopes at the knots
    system = np.eye(last + 1)
    right = np.zeros_like(knots)
    right[:, 0] = ways.lateral_speed
    inner = np.arange(1, last)
    system[inner, inner - 1], system[inner, inner], system[inner, inner + 1] = 1.0, 4.0, 1.0
    right[:, 1:-1] = 3.0 * (knots[:, 2:] - knots[:, :-2]) / duration
    slope = np.linalg.solve(system, right.T).T * duration
    u, v = share, 1.0 - share
    return (
        (1.0 + 2.0 * u) * v * v * knots[:, stage]
        + u * v * v * slope[:, stage]
        + u * u * (3.0 - 2.0 * u) * knots[:, stage + 1]
        - u * u * v * slope[:, stage + 1]
    )


def smoothed(offset, lateral_speed, dt):
    half = round(SMOOTHING / dt) // 2
    kernel = np.hanning(2 * half + 3)[1:-1]
    before = offset[:, :1] - lateral_speed * dt * np.arange(half, 0, -1)
    padded = np.concatenate([before, offset, np.repeat(offset[:, -1:], half, axis=1)], axis=1)
    average = sliding_window_view(padded, len(kernel), axis=1) @ (kernel / kernel.sum())
    return offset + np.minimum(np.arange(offset.shape[1]) * dt / FADE_IN, 1.0) * (average - offset)


def courses(problem, centre):
    vehicle, state, dt = problem.vehicle, problem.initial_state, problem.horizon.dt
    slip = np.arctan(vehicle.rear_to_center * np.tan(state[STEERING]) / vehicle.wheelbase)
    step = np.diff(centre, axis=1)
    seen = np.hypot(step[..., 0], step[..., 1]) > MOVING * dt
    between = np.arctan2(step[..., 1], step[..., 0])
    # where it stands, it keeps the last course
    newest = np.maximum.accumulate(np.where(seen, np.arange(seen.shape[1]), -1), axis=1)
    held = np.take_along_axis(between, np.maximum(newest, 0), axis=1)
    course = np.where(newest >= 0, held, state[YAW] + slip)
    first = np.full((len(course), 1), state[YAW] + slip)
    course = np.unwrap(np.concatenate([first, course], axis=1), axis=1)
    middle = (course[:, 1:-1] + course[:, 2:]) / 2
    return np.concatenate([course[:, :1], middle, course[:, -1:]], axis=1)


# --- the compiled code ---


def random_ways(rng, problem, station, per_stage):
    """Return six ways that brake and swerve, one of which stands still in the end."""
    stages = -(-problem.horizon.steps // per_stage)
    knots = np.empty((6, stages + 1, 3))
    speed = problem.initial_state[SPEED] + np.cumsum(rng.normal(0.0, 1.5, (6, stages + 1)), axis=1)
    knots[..., 2] = np.maximum(speed, 0.0)
    knots[0, stages // 2 :, 2] = 0.0
    # a car that stands does not move sideways: it would turn about on the spot
    swerve = np.where(knots[..., 2] > 0.0, rng.normal(0.0, 0.5, (6, stages + 1)), 0.0)
    knots[..., 1] = np.cumsum(swerve, axis=1)
    knots[..., 0] = np.nan  # what follows from the speeds is not read
    return RoadWays(station, rng.normal(0.0, 1.0), per_stage, knots)


@pytest.mark.parametrize('name', ['circle', 'cloverleaf', 'eight', 'hairpin'])
@pytest.mark.parametrize(
    ('horizon', 'per_stage'),
    [
        (Horizon(), 5),
        (Horizon(0.2, 25), 2),
        (Horizon(0.05, 33), 10),
        (Horizon(1.0, 3), 1),
        (Horizon(0.5, 1), 1),
    ],
)
def test_states_and_controls_are_those_of_the_definition(
    make_problem, loops, name, horizon, per_stage
):
    rng = np.random.default_rng(7)
    road = loops[name]
    for station in (-5.0, road.end / 3, road.end - 4.0):
        pose = road.poses(station, rng.normal()) + [0.0, 0.0, rng.choice([-2, 0, 2]) * np.pi]
        problem = make_problem((*pose, 6.0, 0.1), road, horizon=horizon)
        ways = random_ways(rng, problem, station, per_stage)
        for each, wanted in zip(
            states_and_controls(problem, ways), defined(problem, ways), strict=True
        ):
            np.testing.assert_allclose(each, wanted, atol=1e-8)


def test_a_way_along_the_road_is_driven_along_it(make_problem, loops):
    """On a circle a car that keeps its offset turns by the length of its way over the radius."""
    road = loops['circle']
    problem = make_problem((*road.poses(20.0), 6.0, 0.0), road)
    knots = np.zeros((1, 13, 3))
    knots[..., 2] = 6.0
    states, controls = states_and_controls(problem, RoadWays(20.0, 0.0, 5, knots))
    turned = states[0, 55, YAW] - states[0, 5, YAW]  # the first ones come from straight ahead
    np.testing.assert_allclose(turned, 6.0 * 50 * problem.horizon.dt / 30.0, rtol=1e-2)
    np.testing.assert_allclose(controls[0, :, 0], 0.0, atol=1e-9)
