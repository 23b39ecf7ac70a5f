# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0

import csv
import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from warmstart_planner.files.measurement import plain
from warmstart_planner.problem import Trajectory
from warmstart_planner.scenarios.scenario import TrafficParticipant
from warmstart_planner.simulation.closed_loop import drive
from warmstart_planner.simulation.configuration import SimulationConfiguration
from warmstart_planner.simulation.pictures.animation import MAX_BYTES, write_animation
from warmstart_planner.simulation.pictures.drive import draw_picture
from warmstart_planner.simulation.record import ControlRecord, DriveRecord, PlanRecord
from warmstart_planner.simulation.report import clearances, summary, summary_table, write_csv
from warmstart_planner.verification import drive_verdict

KEYS = {
    'goal_reached', 'collisions', 'min_clearance_m', 'tracking_rms_m', 'plan_ms_p50',
    'plan_ms_p99', 'control_ms_p50', 'control_ms_p99', 'scp_iterations_mean', 'driven_csv',
}  # fmt: skip


@pytest.fixture
def scenario(make_scenario):
    walking = np.linspace(0.0, 30.0, 31)
    path = np.column_stack([np.full(31, 60.0), 3.0 + 0 * walking, np.zeros(31)])
    return make_scenario(
        traffic=[
            TrafficParticipant('walker', 0.0, 0.0, 0.4, walking, path, 'pedestrian'),
            TrafficParticipant(
                'parked', 2.2, 0.9, 0.0, np.zeros(1), np.array([[80.0, -3.0, 0.1]]), 'truck'
            ),
        ]
    )


@pytest.fixture
def done(scenario, planner, controller, horizon):
    return drive(scenario, planner, controller, SimulationConfiguration(), horizon=horizon)


def straight_record(offset):
    """Ten metres along x at 10 m/s, beside a reference `offset` to its left."""
    times = np.linspace(0.0, 1.0, 11)
    states = np.column_stack(
        [10.0 * times, np.zeros(11), np.zeros(11), np.full(11, 10.0), np.zeros(11)]
    )
    reference = Trajectory(0.0, 0.1, states + [0, offset, 0, 0, 0], np.zeros((10, 2)))
    plans = [
        PlanRecord(0.1 * i, 0.1 * i, 0.01 * (i + 1), i, 'optimised', 'shifted', True, reference)
        for i in range(4)
    ]
    plans.append(replace(plans[-1], stamp=0.9, available=0.9, rung='none', reference=None))
    controls = [ControlRecord(0.05 * i, 0.002, 0.0, 0.0, 'optimised') for i in range(20)]
    return DriveRecord(times, states, tuple(plans), tuple(controls))


def test_the_summary_has_the_promised_keys_and_survives_json(done):
    figures = summary(done.record, done.verdict, done.missed, 'out/driven.csv')
    assert set(figures) >= KEYS
    assert figures['goal_reached'] is True
    assert figures['collisions'] == 0
    assert figures['driven_csv'] == 'out/driven.csv'
    assert json.loads(json.dumps(plain(figures), allow_nan=False)) == plain(figures)


def test_tracking_error_is_the_distance_from_the_reference_in_force(make_scenario):
    record = straight_record(offset=0.3)
    errors = record.tracking_errors()
    assert errors[:9] == pytest.approx(0.3)
    assert np.isnan(errors[9:]).all()
    verdict = drive_verdict(make_scenario(), record.times, record.states)
    assert summary(record, verdict, ())['tracking_rms_m'] == pytest.approx(0.3)


def test_figures_count_every_plan_and_step(make_scenario):
    record = straight_record(offset=0.0)
    verdict = drive_verdict(make_scenario(), record.times, record.states)
    figures = summary(record, verdict, ('place',))
    assert figures['scp_iterations_mean'] == pytest.approx((0 + 1 + 2 + 3 + 3) / 5)
    assert figures['plan_ms_p50'] == pytest.approx(30.0)
    assert figures['control_ms_p99'] == pytest.approx(2.0)
    assert figures['rungs_planner'] == {'optimised': 4, 'none': 1}
    assert figures['rungs_controller'] == {'optimised': 20}
    assert figures['distance_m'] == pytest.approx(10.0)


def test_a_drive_without_plans_still_has_a_summary_and_a_table(make_scenario):
    record = replace(straight_record(0.0), plans=(), controls=())
    verdict = drive_verdict(make_scenario(), record.times, record.states)
    figures = summary(record, verdict, ('place',))
    assert plain(figures)['plan_ms_p50'] is None
    assert 'goal reached' in summary_table(figures)


def test_the_table_says_what_went_wrong(done):
    figures = summary(done.record, done.verdict, ('speed', 'time'))
    figures['collisions'] = 2
    lines = dict(line.split('  ', 1) for line in summary_table(figures).splitlines()[2:])
    assert lines['goal reached'].strip() == 'NO, missed: speed, time'
    assert lines['collisions'].strip() == '2'


def test_the_csv_has_the_vehicle_centre_from_time_zero(tmp_path, done, scenario):
    path = tmp_path / 'deep' / 'driven.csv'
    write_csv(path, replace(done.record, times=done.record.times + 5.0), scenario.car)
    with open(path, newline='') as stream:
        rows = list(csv.DictReader(stream))
    assert list(rows[0]) == ['t', 'x', 'y', 'yaw', 'v', 'steering']
    first = {name: float(value) for name, value in rows[0].items()}
    start = scenario.center(scenario.initial_state)
    assert [first['t'], first['x'], first['y']] == pytest.approx([0.0, *start[:2]], abs=1e-5)
    assert len(rows) == len(done.record.times)


def test_yaw_in_the_csv_does_not_jump(tmp_path, scenario):
    record = straight_record(0.0)
    states = record.states.copy()
    states[:, 2] = (np.linspace(3.0, 3.5, 11) + np.pi) % (2 * np.pi) - np.pi
    write_csv(tmp_path / 'a.csv', replace(record, states=states), scenario.car)
    with open(tmp_path / 'a.csv', newline='') as stream:
        yaw = [float(row['yaw']) for row in csv.DictReader(stream)]
    assert np.abs(np.diff(yaw)).max() < 0.1


def test_the_clearance_over_time_has_the_verifiers_minimum(done, scenario):
    over_time = clearances(scenario, done.record)
    assert over_time.shape == done.record.times.shape
    assert over_time.min() == pytest.approx(done.verdict.min_clearance, abs=0.05)


def test_picture_and_animation_can_be_opened(tmp_path, done, scenario):
    draw_picture(tmp_path / 'drive.png', scenario, done.record)
    write_animation(tmp_path / 'drive.gif', scenario, done.record)
    with Image.open(tmp_path / 'drive.png') as picture:
        assert picture.width > 1000
        assert len(picture.convert('RGB').getcolors(1_000_000)) > 100
    with Image.open(tmp_path / 'drive.gif') as animation:
        duration = done.record.times[-1]
        assert animation.n_frames == pytest.approx(duration / 0.1, abs=3)
        assert animation.info['duration'] == 100
    assert (tmp_path / 'drive.gif').stat().st_size < MAX_BYTES


def test_a_drive_that_stands_still_can_be_drawn(tmp_path, scenario):
    record = straight_record(0.0)
    states = np.tile(scenario.initial_state, (11, 1)) * [1, 1, 1, 0, 0]
    standing = replace(record, states=states, plans=(), controls=())
    draw_picture(tmp_path / 'drive.png', scenario, standing)
    write_animation(tmp_path / 'drive.gif', scenario, standing)
    assert (tmp_path / 'drive.gif').stat().st_size > 0


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        ({'times': np.zeros(11)}, r'drive\.times'),
        ({'times': np.zeros(1)}, r'drive\.times'),
        ({'states': np.zeros((3, 5))}, r'drive\.states has shape'),
        ({'states': np.full((11, 5), np.nan)}, r'drive\.states is nan'),
    ],
)
def test_a_record_that_is_not_one_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        replace(straight_record(0.0), **change)
