# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Episodes in a mirror are those of the mirrored scene."""

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip('torch', reason='torch is not installed')

from training.iql_lstm.logs.episodes import join
from training.iql_lstm.logs.mirror import mirrored
from training.iql_lstm.logs.transitions import from_plain_controller
from warmstart_planner.learned.observation.observer import OBSERVATION_FIELDS, moving
from warmstart_planner.obstacles import box
from warmstart_planner.problem import Horizon
from warmstart_planner.road import road_from_segments
from warmstart_planner.transcription import Margins, transcribe
from warmstart_planner.vehicle import DEFAULT_VEHICLE, load_vehicle, roll_out

CAR, DT = load_vehicle(), Horizon().dt
BEND = road_from_segments([(30.0, 0.0, 0.02), (60.0, 0.02, -0.03), (200.0, -0.03, 0)], 4, 3, 14)


@pytest.fixture(scope='module')
def episodes(observer):
    return from_plain_controller(259, Horizon(), DEFAULT_VEHICLE)


def test_they_are_what_is_seen_and_done_in_the_mirrored_scene(
    observer, episodes, make_problem, mirror_problem
):
    parked = box('parked', np.tile(BEND.poses(60.0, 1.3), (61, 1)), 4.5, 1.8)
    problem = make_problem((20, 0.4, 0.05, 9, 0.02), road=BEND, obstacles=(parked,))
    controls = np.random.default_rng(2).normal(0, 1, (1, 60, 2)) * [1.0, 0.1]

    def driven(problem, controls):
        numbers = transcribe(problem, Margins())
        states, applied = roll_out(numbers.initial_state, controls, DT, CAR)
        seen = observer.observe_along(states, numbers.road, moving(numbers.obstacles, DT))
        one = episodes.take(np.array([0]))
        return replace(one, observations=seen, actions=applied.astype(np.float32))

    found = mirrored(driven(problem, controls))
    wanted = driven(mirror_problem(problem), controls * [1.0, -1.0])
    assert found.observations == pytest.approx(wanted.observations, rel=1e-4, abs=1e-3)
    assert found.actions == pytest.approx(wanted.actions, abs=1e-6)


def test_two_mirrors_change_nothing_and_one_leaves_what_was_earned(episodes):
    once = mirrored(episodes)
    twice = mirrored(once)
    assert np.array_equal(twice.observations, episodes.observations)
    assert np.array_equal(twice.actions, episodes.actions)
    assert np.array_equal(once.rewards, episodes.rewards)
    assert np.array_equal(once.group, episodes.group)
    assert len(join([episodes, once])) == 2 * len(episodes)


def test_a_car_that_sees_no_side_is_refused(episodes):
    fewer = replace(
        episodes,
        observations=episodes.observations[..., :-1],
        action_suggested=np.array([], np.int64),
    )
    with pytest.raises(ValueError, match=f'numbers: expected {len(OBSERVATION_FIELDS)}'):
        mirrored(fewer)


def test_a_car_that_steers_faster_to_one_side_is_refused(episodes):
    lame = replace(episodes, action_high=episodes.action_high + np.float32([0.0, 0.1]))
    with pytest.raises(ValueError, match='steering rate: expected'):
        mirrored(lame)
