# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Drives as solution files; whether CommonRoad reads them so is in test_judge.py."""

import numpy as np
import pytest
from lxml import etree

from warmstart_planner.evaluation.benchmark import read_benchmark
from warmstart_planner.evaluation.solution import benchmark_id, write_solution


@pytest.fixture
def solved(write_document, drive_of, tmp_path):
    path = write_document(obstacles='')
    _, driven = drive_of(path, 2.0, steering=0.05)

    def solve(model):
        target = tmp_path / 'solutions' / 'one.xml'
        benchmark = read_benchmark(path)
        write_solution(target, benchmark, driven, 'commonroad_2', model, 'SM1', 1.5)
        return driven, etree.parse(str(target)).getroot()

    return solve


def column(root, tag):
    return np.array([float(each.text) for each in root.iter(tag)])


def test_a_kinematic_solution_has_the_driven_states(solved):
    driven, root = solved('KS')
    assert root.get('benchmark_id') == 'KS2:SM1:ZAM_Test-1_1:2020a'
    assert float(root.get('computation_time')) == 1.5
    (trajectory,) = root
    assert (trajectory.tag, trajectory.get('planningProblem')) == ('ksTrajectory', '7')
    assert {state.tag for state in trajectory} == {'ksState'}
    for tag, values in [
        ('x', driven.x), ('y', driven.y), ('orientation', driven.yaw),
        ('velocity', driven.speed), ('steeringAngle', driven.steering),
    ]:  # fmt: skip
        assert column(root, tag) == pytest.approx(values)
    assert column(root, 'time') == pytest.approx(np.arange(21))


def test_with_tyres_the_speed_is_that_of_the_centre_of_gravity(solved):
    driven, root = solved('ST')
    assert root[0].tag == 'stTrajectory'
    assert column(root, 'yawRate') == pytest.approx(driven.yaw_rate)
    assert column(root, 'velocity') * np.cos(column(root, 'slipAngle')) == pytest.approx(
        driven.speed
    )


@pytest.mark.parametrize('number', [1, 2, 3])
def test_vehicle_types_are_those_of_the_packaged_cars(number, write_document):
    benchmark = read_benchmark(write_document())
    name = benchmark_id(benchmark, f'commonroad_{number}', 'KS', 'WX1')
    assert name == f'KS{number}:WX1:ZAM_Test-1_1:2020a'


@pytest.mark.parametrize(
    ('vehicle', 'model', 'message'),
    [
        ('my_car.yaml', 'KS', "vehicle is 'my_car.yaml': expected one of commonroad_1"),
        ('commonroad_2', 'MB', "vehicle model is 'MB': expected KS or ST"),
    ],
)
def test_what_commonroad_does_not_know_is_refused(vehicle, model, message, write_document):
    with pytest.raises(ValueError, match=message):
        benchmark_id(read_benchmark(write_document()), vehicle, model, 'SM1')
