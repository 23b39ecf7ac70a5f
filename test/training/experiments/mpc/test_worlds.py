# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Worlds in which starts are compared: reproducible, and what happens in them is known."""

import numpy as np
import pytest

from training.experiments.mpc.worlds import (
    EVENTS,
    GOAL,
    JUMP_DURATION,
    OBSTACLE,
    PUSH,
    Event,
    EventfulPlanner,
    after,
    make_world,
)
from warmstart_planner.problem import KeepSpeed
from warmstart_planner.simulation.configuration import SimulationConfiguration

BASE = SimulationConfiguration()


@pytest.fixture(scope='module')
def worlds():
    return [make_world(index, 3, BASE) for index in range(8)]


def test_a_world_comes_again_from_its_index_and_seed(worlds):
    again = make_world(1, 3, BASE)
    assert again.configuration == worlds[1].configuration
    assert again.events == worlds[1].events
    assert make_world(1, 4, BASE).configuration != again.configuration


def test_packaged_and_random_worlds_take_turns(worlds):
    tiers = [world.family.split('/')[0] for world in worlds]
    assert tiers[::2] == ['packaged'] * 4
    assert set(tiers[1::2]) == {'easy', 'medium', 'hard'}
    assert len({world.family for world in worlds[::2]}) == 4


def test_every_push_is_an_event(worlds):
    for world in worlds:
        (push,) = world.configuration.impulses
        assert Event(PUSH, push.time) in world.events


def test_an_obstacle_that_appears_is_not_there_before(worlds):
    late = [world for world in worlds if any(e.kind == OBSTACLE for e in world.events)]
    assert late
    for world in late:
        (time,) = (e.time for e in world.events if e.kind == OBSTACLE)
        counts = [
            sum(each.pose_at(t) is not None for each in world.scenario.traffic)
            for t in (time - 0.01, time + 0.01)
        ]
        assert counts[1] == counts[0] + 1


def test_steps_just_after_an_event_are_known_by_its_kind():
    events = (Event(GOAL, 1.0), Event(GOAL, 2.0), Event(PUSH, 2.2))
    found = {time: set(after(events, time, 0.5)) for time in (0.9, 1.0, 1.49, 1.51, 2.3)}
    assert found == {0.9: set(), 1.0: {GOAL}, 1.49: {GOAL}, 1.51: set(), 2.3: {GOAL, PUSH}}
    assert set(EVENTS) >= {GOAL, PUSH}


def test_the_goal_jumps_and_comes_back(worlds, make_problem):
    class Planner:
        def __init__(self):
            self.goals = []

        def reset(self):
            self.goals.clear()

        def plan(self, problem, *, deadline):
            self.goals.append(problem.goal)

    class Listener:
        def __init__(self):
            self.goals = []

        def set_problem(self, problem):
            self.goals.append(problem.goal)

    planner, listener = Planner(), Listener()
    eventful = EventfulPlanner(planner, worlds[0], (listener,))
    jump = min(e.time for e in worlds[0].events if e.kind == GOAL)
    goal = KeepSpeed(9.0)
    times = jump + np.array([-0.1, 0.0, 0.5 * JUMP_DURATION, JUMP_DURATION])
    for time, speed in zip(times, [9.0, 8.0, 6.0, 5.0], strict=True):
        problem = make_problem(start=(20.0, 0.0, 0.0, speed, 0.0), goal=goal, stamp=time)
        eventful.plan(problem, deadline=1.0)
    slow = KeepSpeed(0.6 * 8.0)
    assert planner.goals == listener.goals == [goal, slow, slow, goal]
    assert [problem.goal for problem in eventful.problems] == planner.goals
