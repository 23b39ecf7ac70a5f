# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Sources under a clock: who usually comes late is not asked, but gets another chance."""

import time

import pytest

from warmstart_planner.planning.sources import TimedSource
from warmstart_planner.problem import Horizon
from warmstart_planner.proposals.straight_line import StraightLine


class Slow(StraightLine):
    """A straight line that takes its time."""

    def __init__(self, seconds):
        self.seconds = seconds
        self.asked = 0

    def propose(self, problem, previous=None):
        self.asked += 1
        time.sleep(self.seconds)
        return super().propose(problem, previous)


@pytest.fixture
def problem(make_problem):
    return make_problem(horizon=Horizon())


def within(seconds):
    return time.perf_counter() + seconds


def test_a_source_that_is_not_known_yet_is_asked(problem):
    source = TimedSource(Slow(0.02))
    assert len(source.propose_until(problem, within(0.0))) == 1


def test_a_source_that_is_usually_in_time_is_asked_each_time(problem):
    slow = Slow(0.001)
    source = TimedSource(slow)
    for _ in range(5):
        assert source.propose_until(problem, within(1.0))
    assert slow.asked == 5


def test_a_source_that_would_be_late_is_left_out(problem):
    slow = Slow(0.05)
    source = TimedSource(slow)
    source.propose_until(problem, within(1.0))
    assert source.propose_until(problem, within(0.01)) == ()
    assert slow.asked == 1
    assert source.propose_until(problem, within(1.0))


def test_one_slow_moment_does_not_keep_a_source_out_for_ever(problem):
    slow = Slow(0.05)
    source = TimedSource(slow)
    source.propose_until(problem, within(1.0))
    slow.seconds = 0.0
    answers = [len(source.propose_until(problem, within(0.01))) for _ in range(120)]
    assert answers[0] == 0
    assert answers[-1] == 1
