# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Random problems and drives: reproducible, of their tier, and worth solving."""

import numpy as np
import pytest

from warmstart_planner.problem import Horizon
from warmstart_planner.scenarios.generator import (
    COUNTS,
    FAMILIES,
    Family,
    family_problem,
    problem_family,
    random_problem,
    random_scenario,
)
from warmstart_planner.scenarios.geometry import separation
from warmstart_planner.vehicle import GRAVITY, SPEED

SEEDS = range(10)
TIERS = tuple(FAMILIES)


@pytest.fixture(scope='module')
def problems():
    return {(tier, seed): random_problem(tier, seed) for tier in TIERS for seed in SEEDS}


def center(problem, state):
    ahead = problem.vehicle.rear_to_center * np.array([np.cos(state[2]), np.sin(state[2])])
    return np.array([*(state[:2] + ahead), state[2]])


def gap_to(problem, pose, obstacle, k=0):
    half = (problem.vehicle.length / 2, problem.vehicle.width / 2)
    size = (obstacle.half_length, obstacle.half_width)
    return separation(pose, half, obstacle.poses_at(k + 1)[k], size) - obstacle.radius


def moves(obstacle):
    return np.ptp(obstacle.poses[:, :2], axis=0).max() > 0.5


@pytest.mark.parametrize('tier', TIERS)
def test_same_seed_is_the_same_problem_and_another_is_another(tier, problems):
    first, again, other = problems[tier, 3], random_problem(tier, 3), problems[tier, 4]
    np.testing.assert_array_equal(first.initial_state, again.initial_state)
    np.testing.assert_array_equal(first.road.left_width, again.road.left_width)
    assert first.goal == again.goal
    assert [o.name for o in first.obstacles] == [o.name for o in again.obstacles]
    for a, b in zip(first.obstacles, again.obstacles, strict=True):
        np.testing.assert_array_equal(a.poses, b.poses)
    assert not np.array_equal(first.initial_state, other.initial_state)


@pytest.mark.parametrize('tier', TIERS)
def test_tier_says_how_many_obstacles(tier, problems):
    low, high = COUNTS[tier]
    counts = [len(problems[tier, seed].obstacles) for seed in SEEDS]
    assert min(counts) >= low
    assert max(counts) <= high


def test_families_take_turns_and_cover_the_tier():
    for tier, families in FAMILIES.items():
        assert {problem_family(tier, seed) for seed in range(len(families))} == set(families)
        assert problem_family(tier, 0) == problem_family(tier, len(families))
        assert problem_family(tier, 1) in random_scenario(tier, 1).name


def test_start_is_on_the_road_and_clear_of_obstacles(problems):
    for problem in problems.values():
        pose = center(problem, problem.initial_state)
        station, offset = problem.road.project(pose[:2])
        edge = problem.vehicle.width / 2
        assert offset + edge < problem.road.at('left_width', station)
        assert -offset + edge < problem.road.at('right_width', station)
        for obstacle in problem.obstacles:
            assert gap_to(problem, pose, obstacle) >= 0.5


def test_obstacles_keep_apart_from_each_other(problems):
    for problem in problems.values():
        for k in range(0, problem.horizon.steps + 1, 5):
            for i, first in enumerate(problem.obstacles):
                for second in problem.obstacles[:i]:
                    gap = separation(
                        first.poses_at(k + 1)[k],
                        (first.half_length, first.half_width),
                        second.poses_at(k + 1)[k],
                        (second.half_length, second.half_width),
                    )
                    assert gap - first.radius - second.radius > 0.0


def test_hard_problems_forbid_to_drive_straight_on(problems):
    blocked = 0
    for seed in SEEDS:
        problem = problems['hard', seed]
        station, offset = problem.road.project(center(problem, problem.initial_state)[:2])
        travelled = problem.initial_state[SPEED] * problem.horizon.times
        poses = problem.road.poses(station + travelled, offset)
        blocked += any(
            gap_to(problem, pose, obstacle, k) < 0.0
            for k, pose in enumerate(poses)
            for obstacle in problem.obstacles
        )
    assert blocked >= 0.8 * len(SEEDS)


def test_hard_tier_has_standing_same_way_oncoming_and_crossing_traffic(problems):
    seen = set()
    for seed in SEEDS:
        problem = problems['hard', seed]
        for obstacle in problem.obstacles:
            if not moves(obstacle):
                seen.add('standing')
                continue
            way = obstacle.poses[-1, :2] - obstacle.poses[0, :2]
            station, _ = problem.road.project(obstacle.poses[0, :2])
            turn = np.arctan2(way[1], way[0]) - problem.road.at('heading', station)
            along = np.cos(turn)
            seen.add('same' if along > 0.8 else 'oncoming' if along < -0.8 else 'crossing')
    assert seen == {'standing', 'same', 'oncoming', 'crossing'}


def test_bends_of_the_hard_tier_are_near_the_friction_limit():
    seed = list(FAMILIES['hard']).index('bend')
    problem = random_problem('hard', seed)
    wanted = problem.goal.speed if hasattr(problem.goal, 'speed') else problem.goal.cruise_speed
    use = wanted**2 * np.abs(problem.road.curvature).max() / (problem.friction * GRAVITY)
    assert 0.7 <= use <= 0.96


def test_horizon_of_a_problem_can_be_chosen():
    horizon = Horizon(dt=0.2, steps=20)
    problem = random_problem('medium', 1, horizon)
    assert problem.horizon == horizon
    moving = next(o for o in problem.obstacles if moves(o))
    fine = next(o for o in random_problem('medium', 1).obstacles if o.name == moving.name)
    np.testing.assert_allclose(moving.poses[10], fine.poses[20])


@pytest.mark.parametrize('tier', TIERS)
def test_drive_has_a_goal_some_fifteen_seconds_ahead(tier):
    scenario = random_scenario(tier, 2)
    station, _ = scenario.road.project(scenario.initial_state[:2])
    seconds = (scenario.goal.station - station) / scenario.goal.speed
    assert 12.0 <= seconds <= 18.0
    assert not scenario.goal_reached(scenario.initial_state)
    assert scenario.road.end > scenario.goal.station + 60.0


@pytest.mark.parametrize(
    ('tier', 'seed', 'words'),
    [
        ('extreme', 0, "tier is 'extreme': expected one of easy"),
        ('easy', -1, 'seed is -1'),
        ('easy', 1.5, 'seed is 1.5'),
        ('easy', True, 'seed is True'),
    ],
)
def test_unknown_tier_or_bad_seed_is_one_error(tier, seed, words):
    with pytest.raises(ValueError, match=words):
        random_problem(tier, seed)


PLAIN = Family((1.0, 0.5, 0.2, 0.2), (5.0, 8.0), (4.5, 5.5))


def test_a_family_of_no_tier_is_drawn_reproducibly_with_the_wanted_number_of_obstacles():
    first, again = (family_problem('plain', PLAIN, 5, 2) for _ in range(2))
    np.testing.assert_array_equal(first.initial_state, again.initial_state)
    assert len(first.obstacles) == 5
    assert first.goal == again.goal
    assert 5.0 * 0.85 <= first.initial_state[SPEED] <= 8.0 * 1.1


def test_families_of_different_names_draw_differently_from_one_seed():
    one, other = (family_problem(name, PLAIN, 3, 2) for name in ('plain', 'plane'))
    assert not np.array_equal(one.initial_state, other.initial_state)


@pytest.mark.parametrize(
    ('count', 'seed', 'field'), [(13, 0, 'count'), (-1, 0, 'count'), (3, -1, 'seed')]
)
def test_a_family_with_an_absurd_count_or_seed_is_refused(count, seed, field):
    with pytest.raises(ValueError, match=f'{field} is'):
        family_problem('plain', PLAIN, count, seed)
