# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The YAML format: what it can say, and what it answers to files that say something wrong."""

import copy

import numpy as np
import pytest
import yaml

from warmstart_planner.problem import KeepSpeed, PoseGoal, RegionGoal, StationGoal, StopBefore
from warmstart_planner.scenarios import ScenarioError, load_scenario, packaged_scenarios

BASE = {
    'description': 'A test.',
    'duration': 20.0,
    'road': {
        'speed_limit': 14.0,
        'segments': [{'length': 300.0, 'curvature': 0.0}],
        'left_width': 3.5,
        'right_width': [[0.0, 3.5], [100.0, 3.0]],
    },
    'start': {'station': 10.0, 'speed': 10.0},
    'goal': {'station': {'station': 200.0, 'speed': 10.0}},
    'traffic': [
        {
            'name': 'parked',
            'kind': 'car',
            'size': {'length': 4.5, 'width': 1.8},
            'motion': {'standing': {'station': 80.0, 'offset': -1.5}},
        }
    ],
}


PLAIN = """
description: A test.
duration: 20.0
road:
  speed_limit: 14.0
  segments: [{length: 300.0, curvature: 0.0}]
  left_width: 3.5
  right_width: 3.5
start: {station: 10.0, speed: 10.0}
goal: {keep_speed: {speed: 10.0}}
traffic: []
"""


def write(tmp_path, data, name='trial.yaml'):
    path = tmp_path / name
    path.write_text(data if isinstance(data, str) else yaml.safe_dump(data))
    return path


def changed(field, value):
    """Return the base with one field, given as a dotted path, set; None removes it."""
    data = copy.deepcopy(BASE)
    *parents, last = [int(part) if part.isdigit() else part for part in field.split('.')]
    place = data
    for part in parents:
        place = place[part]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return data


def test_file_says_road_start_goal_and_traffic(tmp_path):
    scenario = load_scenario(str(write(tmp_path, BASE)))
    assert scenario.name == 'trial'
    assert scenario.vehicle == 'commonroad_2'
    assert scenario.road.end == pytest.approx(300.0)
    assert scenario.road.at('right_width', 50.0) == pytest.approx(3.25)
    np.testing.assert_allclose(scenario.initial_state, [10.0, 0.0, 0.0, 10.0, 0.0])
    assert scenario.goal == StationGoal(200.0, 10.0)
    np.testing.assert_allclose(scenario.traffic[0].pose_at(3.0), [80.0, -1.5, 0.0])


def test_origin_moves_and_turns_all_of_it(tmp_path):
    data = changed('road.origin', {'x': 5.0, 'y': 7.0, 'heading': np.pi / 2})
    scenario = load_scenario(write(tmp_path, data))
    np.testing.assert_allclose(scenario.initial_state[:3], [5.0, 17.0, np.pi / 2])
    np.testing.assert_allclose(scenario.traffic[0].pose_at(0.0), [6.5, 87.0, np.pi / 2])


@pytest.mark.parametrize(
    ('goal', 'expected'),
    [
        ({'keep_speed': {'speed': 8.0}}, KeepSpeed(8.0)),
        ({'stop_before': {'station': 90.0, 'cruise_speed': 8.0}}, StopBefore(90.0, 8.0)),
        (
            {'region': {'stations': [80, 90], 'times': [8, 9], 'speeds': [2, 6], 'offset': 1}},
            RegionGoal(80.0, 90.0, 8.0, 9.0, 2.0, 6.0, 1.0),
        ),
        ({'region': {'stations': [80, 90], 'times': [8, 9]}}, RegionGoal(80.0, 90.0, 8.0, 9.0)),
        (
            {'region': {'stations': [80, 90], 'times': [8, 9], 'headings': [-0.5, 0.25]}},
            RegionGoal(80.0, 90.0, 8.0, 9.0, yaw=-0.125, yaw_tolerance=0.375),
        ),
        (
            {'pose': {'station': 90.0, 'offset': 1.0, 'heading': 0.1, 'speed': 0.0}},
            PoseGoal(90.0, 1.0, 0.1, 0.0, 90.0),
        ),
    ],
)
def test_every_goal_can_be_said(tmp_path, goal, expected):
    assert load_scenario(write(tmp_path, changed('goal', goal))).goal == expected


@pytest.mark.parametrize(
    ('motion', 't', 'place'),
    [
        ({'standing': {'station': 60.0, 'offset': 1.0}}, 5.0, [60.0, 1.0]),
        ({'along_road': {'station': 60.0, 'offset': 1.0, 'speed': 4.0}}, 5.0, [80.0, 1.0]),
        (
            {
                'along_road': {
                    'station': 60.0,
                    'offset': 1.0,
                    'speed': 4.0,
                    'direction': 'against',
                    'changes': [{'time': 4.0, 'speed': 0.0}, {'time': 5.0, 'offset': -1.0}],
                }
            },
            6.0,
            [52.0, -1.0],
        ),
        (
            {
                'crossing': {
                    'from': {'station': 60.0, 'offset': -5.0},
                    'to': {'station': 60.0, 'offset': 5.0},
                    'speed': 2.0,
                    'start_time': 1.0,
                }
            },
            3.0,
            [60.0, -1.0],
        ),
        (
            {
                'waypoints': [
                    {'time': 0.0, 'x': 60.0, 'y': 0.0, 'yaw': 0.0},
                    {'time': 10.0, 'x': 70.0, 'y': 2.0, 'yaw': 0.0},
                ]
            },
            5.0,
            [65.0, 1.0],
        ),
    ],
)
def test_every_motion_can_be_said(tmp_path, motion, t, place):
    scenario = load_scenario(write(tmp_path, changed('traffic.0.motion', motion)))
    np.testing.assert_allclose(scenario.traffic[0].pose_at(t)[:2], place, atol=0.02)


@pytest.mark.parametrize(
    ('motion', 'speed'),
    [
        ({'standing': {'station': 60.0, 'offset': 1.0}}, 0.0),
        ({'along_road': {'station': 60.0, 'offset': 1.0, 'speed': 4.0}}, 4.0),
        ({'waypoints': [{'time': t, 'x': 60.0 - t, 'y': 0, 'yaw': 0} for t in (0, 2)]}, -1.0),
    ],
)
def test_every_motion_begins_with_the_speed_of_its_first_leg(tmp_path, motion, speed):
    scenario = load_scenario(write(tmp_path, changed('traffic.0.motion', motion)))
    assert scenario.traffic[0].start_speed == pytest.approx(speed, abs=0.01)


@pytest.mark.parametrize(
    ('field', 'value', 'words'),
    [
        ('road', None, 'road is missing'),
        ('goal.station.speed', None, 'goal.station.speed is missing'),
        ('duration', -1.0, 'duration is -1.0: expected more than 0'),
        ('duration', 0, 'duration is 0'),
        ('duration', float('nan'), 'duration is nan: expected a finite number'),
        ('duration', 'long', "duration is 'long': expected type number"),
        ('colour', 'red', 'colour is unknown: expected one of description'),
        (
            'vehicle',
            'hovercraft',
            "vehicle is 'hovercraft': expected one of commonroad_1",
        ),
        ('friction', 9.0, 'friction is 9.0'),
        ('road.segments', [], 'road.segments'),
        ('road.segments.0.length', -3.0, r'road.segments\[0\].length is -3.0'),
        ('road.segments.0.curvature', float('inf'), r'road.segments\[0\].curvature is inf'),
        ('road.left_width', -4.0, 'road width is'),
        ('road.right_width', [[10.0, 3.0], [5.0, 3.0]], 'road.right_width has stations'),
        ('start.speed', -1.0, 'start.speed is -1.0'),
        ('start.station', 999.0, 'start.station is 999.0: expected on the road'),
        ('start.offset', 6.0, 'start is at .* expected on the road'),
        ('start.station', 79.0, "start is at .* inside obstacle 'parked'"),
        ('goal', {'teleport': {}}, 'goal.teleport is unknown: expected one of keep_speed'),
        ('goal', {'station': {'station': 400.0, 'speed': 5.0}}, 'goal.station.station is 400.0'),
        ('goal', {'pose': {'station': 90.0, 'offset': 9.0, 'speed': 0.0}}, 'goal is at'),
        ('traffic.0.kind', 'spaceship', r'traffic\[0\].kind'),
        ('traffic.0.size', {'radius': 0.0}, r'traffic\[0\].size'),
        ('traffic.0.motion', {}, r'traffic\[0\].motion'),
        (
            'traffic.0.motion',
            {
                'along_road': {
                    'station': 60.0,
                    'offset': 0.0,
                    'speed': 1.0,
                    'changes': [{'time': 4.0, 'speed': 0.0}, {'time': 3.0, 'speed': 1.0}],
                }
            },
            "traffic 'parked'.motion.along_road.changes has times",
        ),
        ('traffic', [BASE['traffic'][0], BASE['traffic'][0]], "'parked' twice"),
    ],
)
def test_wrong_file_is_one_error_with_file_field_and_value(tmp_path, field, value, words):
    path = write(tmp_path, changed(field, value))
    with pytest.raises(ScenarioError, match=words) as caught:
        load_scenario(path)
    assert str(path) in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__cause__ is None


@pytest.mark.parametrize('text', ['', '[1, 2]', 'a: [1', 'key: !!python/object:os.system {}'])
def test_file_that_is_no_scenario_is_one_error(tmp_path, text):
    with pytest.raises(ScenarioError, match=r'trial\.yaml'):
        load_scenario(write(tmp_path, text))


@pytest.mark.parametrize(
    ('old', 'new', 'said'),
    [
        ('\ntraffic:', '\ntraffic: []\ntraffic:', 'traffic is given twice, again in line'),
        ('length: 300.0', 'length: 300.0, length: 3.0', r'road.segments\[0\].length is given tw'),
        ('duration: 20.0', 'duration: 2_0', "duration is '2_0': expected type number"),
        ('duration: 20.0', 'duration: 1:30', "duration is '1:30': expected type number"),
        (
            'duration: 20.0',
            'duration: 20.0\nmust_stop: yes',
            "must_stop is 'yes': expected type b",
        ),
        ('duration: 20.0', 'duration: 1e999', 'duration is inf: expected at most'),
        ('duration: 20.0', f'duration: {10**400}', 'duration is 1000.*expected a whole number'),
        ('duration: 20.0', 'duration: 20.0\n7: 8', '7 is a key in line 4: expected a text'),
    ],
)
def test_what_readers_of_yaml_disagree_about_is_one_error(tmp_path, old, new, said):
    assert load_scenario(write(tmp_path, PLAIN)).duration == 20.0
    assert old in PLAIN
    path = write(tmp_path, PLAIN.replace(old, new, 1))
    with pytest.raises(ScenarioError, match=said) as caught:
        load_scenario(path)
    assert str(path) in str(caught.value)


def test_numbers_may_be_written_in_any_way_of_yaml_1_2(tmp_path):
    text = yaml.safe_dump(BASE)
    for old, new in (('20.0', '2e1'), ('14.0', '1.4e+1'), ('300.0', '300.'), ('-1.5', '-.15e1')):
        assert old in text
        text = text.replace(old, new)
    said = load_scenario(write(tmp_path, text, 'said.yaml'))
    plain = load_scenario(write(tmp_path, BASE, 'plain.yaml'))
    assert said.duration == plain.duration
    np.testing.assert_array_equal(said.road.speed_limit, plain.road.speed_limit)
    np.testing.assert_array_equal(said.road.station, plain.road.station)
    np.testing.assert_array_equal(said.traffic[0].poses, plain.traffic[0].poses)


def test_binary_file_is_one_error(tmp_path):
    path = tmp_path / 'trial.yaml'
    path.write_bytes(b'\xff\xfe\x00\x80')
    with pytest.raises(ScenarioError, match='is not YAML'):
        load_scenario(path)


def test_missing_file_is_one_error(tmp_path):
    with pytest.raises(ScenarioError, match=r'absent\.yaml: cannot be read'):
        load_scenario(tmp_path / 'absent.yaml')


def test_unknown_name_is_answered_with_the_known_ones():
    with pytest.raises(ScenarioError, match='freeroad.*expected.*free_road'):
        load_scenario('freeroad')
    assert 'free_road' in packaged_scenarios()
