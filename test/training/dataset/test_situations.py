# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Which problems a dataset is made of."""

import numpy as np
import pytest

from training.dataset.situations import (
    FIRST_SEED,
    JUNCTION,
    JUNCTION_INDICES,
    LANE,
    LANE_INDICES,
    LATER,
    OBSTACLE_COUNTS,
    TIER_SHARES,
    base_situation,
    is_validation,
    later,
    perturbed,
    tier_of,
)
from warmstart_planner.problem import Horizon
from warmstart_planner.vehicle import SPEED

FIRST = 259


@pytest.fixture(scope='module')
def base():
    return base_situation(FIRST, Horizon())


def test_tiers_have_their_shares():
    tiers = [tier_of(index) for index in range(4000)]
    for tier, share in TIER_SHARES.items():
        assert tiers.count(tier) / len(tiers) == pytest.approx(share, abs=0.03)


def test_a_twentieth_is_for_validation_in_every_tier():
    validation = [index for index in range(4000) if is_validation(index)]
    assert len(validation) == 200
    assert {tier_of(index) for index in validation} == set(TIER_SHARES)


def test_seeds_begin_above_those_of_benchmarks(base):
    assert base.seed == FIRST_SEED + FIRST


def test_an_index_always_gives_the_same_problem(base):
    again = base_situation(FIRST, Horizon())
    assert again.problem.initial_state == pytest.approx(base.problem.initial_state, abs=0.0)
    assert (again.tier, again.family) == (base.tier, base.family)


@pytest.mark.parametrize(('family', 'first'), [(LANE, LANE_INDICES), (JUNCTION, JUNCTION_INDICES)])
def test_indices_of_their_own_are_single_lanes(family, first):
    least, most = OBSTACLE_COUNTS[family]
    for index in range(first, first + 4):
        lane = base_situation(index, Horizon())
        assert (lane.tier, lane.family) == (family, family)
        assert least <= len(lane.problem.obstacles) <= most
        road, car = lane.problem.road, lane.problem.vehicle
        width = np.asarray(road.left_width) + np.asarray(road.right_width)
        assert (width > car.width).all()
        assert (width < 2.7 * car.width).all()
        again = base_situation(index, Horizon()).problem
        assert np.array_equal(again.initial_state, lane.problem.initial_state)


@pytest.mark.parametrize('variant', [1, 2])
def test_a_perturbed_problem_is_the_same_scene_from_a_state_nearby(base, variant):
    other = perturbed(base, variant)
    before, after = base.problem.initial_state, other.problem.initial_state
    assert other.problem.obstacles == base.problem.obstacles
    assert other.problem.road is base.problem.road
    assert 0.0 < np.hypot(*(after - before)[:2]) < 4.0
    assert after[SPEED] >= 0.0
    assert (other.index, other.variant, other.kind) == (base.index, variant, 'perturbed')
    assert perturbed(base, variant).problem.initial_state == pytest.approx(after, abs=0.0)


def test_variants_differ(base):
    one, two = (perturbed(base, variant).problem.initial_state for variant in (1, 2))
    assert not np.allclose(one, two)


def test_a_later_problem_starts_near_a_way_and_its_obstacles_have_moved_on(samples):
    first, after = samples[3], samples[5]
    stamp = after.situation.problem.stamp
    assert LATER[0] <= stamp - first.situation.problem.stamp <= LATER[1]
    step = round(stamp / first.situation.problem.horizon.dt)
    state = after.situation.problem.initial_state
    gaps = [np.hypot(*(way.states[step] - state)[:2]) for way in first.ways]
    assert min(gaps) < 1.5
    before = {o.name: o for o in first.situation.problem.obstacles}
    for obstacle in after.situation.problem.obstacles:
        expected = before[obstacle.name].poses_at(step + 1)[-1]
        assert obstacle.poses[0] == pytest.approx(expected, abs=1e-6)


def test_all_problems_of_an_index_are_on_one_side_of_the_split(samples):
    for sample in samples:
        assert is_validation(sample.situation.index) == (sample.situation.index % 20 == 0)
    assert len({sample.situation.index for sample in samples}) == 2


def test_later_needs_no_more_than_one_way(base, samples):
    way = samples[3].ways[:1]
    assert later(base, 3, way).problem.stamp > base.problem.stamp
