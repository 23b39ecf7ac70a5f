# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Drives against the true traffic, made by hand."""

from dataclasses import replace

import numpy as np
import pytest

from warmstart_planner.problem import KeepSpeed
from warmstart_planner.road import road_from_segments
from warmstart_planner.scenarios.scenario import Scenario, TrafficParticipant
from warmstart_planner.vehicle import PX, load_vehicle
from warmstart_planner.verification import drive_verdict
from warmstart_planner.verification.area import SEAM

CAR = load_vehicle()
STRAIGHT = road_from_segments([(200.0, 0.0, 0.0)], 4.0, 4.0, 20.0)
START = np.array([20.0, 0.0, 0.0, 10.0, 0.0])
DRIVE_TIMES = np.arange(81) * 0.05
DRIVE = np.stack([START + [10.0 * t, 0, 0, 0, 0] for t in DRIVE_TIMES])


def scenario_of(*traffic, **changes):
    values = {
        'name': 'test',
        'description': '',
        'road': STRAIGHT,
        'initial_state': START,
        'goal': KeepSpeed(10.0),
        'traffic': traffic,
        'duration': 10.0,
        'must_stop': False,
    }
    return Scenario(**(values | changes))


def participant(name, times, poses, length=4.0, width=1.8):
    times, poses = np.asarray(times, dtype=float), np.asarray(poses, dtype=float)
    return TrafficParticipant(name, length / 2, width / 2, 0.0, times, poses, 'car')


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
    assert verdict.off_corridor == verdict.off_road
    assert verdict.min_clearance == np.inf


OURS = np.array([[0.0, -4.0], [200.0, -4.0], [200.0, 4.0], [0.0, 4.0]])
OPPOSITE = OURS + [0.0, 8.0]


@pytest.mark.parametrize('aside', [0.0, 5.0, 8.0, 12.0, -2.0, -5.0])
def test_all_that_is_road_and_the_corridor_are_told_apart(aside):
    verdict = drive_verdict(
        scenario_of(area=(OURS, OPPOSITE)), DRIVE_TIMES, DRIVE + [0.0, aside, 0.0, 0.0, 0.0]
    )
    left, right = aside + CAR.width / 2, CAR.width / 2 - aside
    corridor = max(left - 4.0, right - 4.0, 0.0)
    road = max(left - 12.0 - SEAM, right - 4.0 - SEAM, 0.0)
    assert verdict.off_corridor == pytest.approx(corridor, abs=1e-6)
    assert verdict.off_road == pytest.approx(road, abs=1e-6)


@pytest.mark.parametrize(('speed', 'over'), [(10.0, 0.0), (20.0, 0.0), (23.0, 3.0)])
def test_speed_beyond_the_limit_is_told(speed, over):
    states = DRIVE * [1, 1, 1, 0, 1] + [0, 0, 0, speed, 0]
    assert drive_verdict(scenario_of(), DRIVE_TIMES, states).speeding == pytest.approx(over)


def test_a_drive_round_a_lap_stays_on_its_pass():
    lap = 2 * np.pi * 20.0
    circle = road_from_segments([(1.5 * lap, 0.05, 0.05)], 3.0, 3.0, 10.0)
    second = circle.station > 1.1 * lap
    limited = replace(
        circle,
        left_width=np.where(second, 0.5, 3.0),
        speed_limit=np.where(second, 4.0, 10.0),
    )
    times = np.arange(0.0, 35.0, 0.05)
    stations = 10.0 + 5.0 * times
    states = np.column_stack([circle.poses(stations), np.full(len(times), 5.0), 0.0 * times])
    here = scenario_of(road=limited, initial_state=states[0])
    before = stations < 1.05 * lap
    verdict = drive_verdict(here, times[before], states[before])
    assert verdict.off_corridor == 0.0 and verdict.speeding == 0.0
    verdict = drive_verdict(here, times, states)
    assert verdict.off_corridor == pytest.approx(CAR.width / 2 - 0.5, abs=0.2)
    assert verdict.speeding == pytest.approx(1.0)
    late = stations > 1.15 * lap
    begin = float(stations[late][0])
    verdict = drive_verdict(here, times[late], states[late], begin)
    assert verdict.off_corridor == pytest.approx(CAR.width / 2 - 0.5, abs=0.2)


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


def test_a_shape_is_judged_at_the_size_of_its_time():
    # from y = 6 it grows at 2 m/s to both sides and meets the car's flank on the way past
    times, poses = np.array([0.0, 4.0]), [[40.0, 6.0, 0.0]] * 2
    reached = 6.0 - CAR.width / 2
    small = TrafficParticipant('set', 20.0, [0.5, 0.95 * reached], 0.0, times, poses)
    grown = TrafficParticipant('set', 20.0, [0.5, 1.05 * reached], 0.0, times, poses)
    early = TrafficParticipant('set', 20.0, [1.05 * reached, 0.5], 0.0, times, poses)
    verdict = drive_verdict(scenario_of(small), DRIVE_TIMES, DRIVE)
    assert verdict.collisions == 0
    assert verdict.min_clearance == pytest.approx(0.05 * reached, abs=1e-9)
    late = drive_verdict(scenario_of(grown), DRIVE_TIMES, DRIVE)
    meeting = 4.0 * (reached - 0.5) / (1.05 * reached - 0.5)
    assert late.first_collision == pytest.approx(meeting, abs=0.03)
    with pytest.raises(ValueError, match='inside obstacle'):
        scenario_of(early)
