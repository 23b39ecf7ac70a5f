# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""A car is one file: packaged ones are CommonRoad's, others say what they are or are refused."""

import json
import re
from dataclasses import fields

import pytest
import yaml

from warmstart_planner.files.schema import parse_checked
from warmstart_planner.files.vehicle_file import (
    SCHEMA_NAME,
    DynamicsParameters,
    TyreParameters,
    VehicleError,
    load_description,
    packaged_vehicles,
    vehicle_folder,
)
from warmstart_planner.vehicle import load_vehicle

PLAIN = {
    'wheel_base': 2.8,
    'wheel_tread': 1.6,
    'front_overhang': 0.9,
    'rear_overhang': 1.1,
    'left_overhang': 0.1,
    'right_overhang': 0.1,
    'max_steer_angle': 0.6,
    'max_steer_rate': 0.5,
    'max_speed': 40.0,
    'max_acceleration': 3.0,
    'max_deceleration': 7.0,
    'dynamics': {
        'mass': 1500.0,
        'yaw_inertia': 2500.0,
        'rear_axle_to_center_of_gravity': 1.4,
        'center_of_gravity_height': 0.6,
        'acceleration_limit': 10.0,
        'power_limit_speed': 7.0,
        'tyre': {'cornering_stiffness': 20.0, 'shape_factor': 1.4, 'curvature_factor': 0.0},
    },
}


def write(folder, data=PLAIN, name='mine.yaml'):
    path = folder / name
    path.write_text(data if isinstance(data, str) else yaml.safe_dump(data))
    return str(path)


def changed(field, value):
    data = json.loads(json.dumps(PLAIN))
    *parents, last = field.split('.')
    inner = data
    for parent in parents:
        inner = inner[parent]
    inner[last] = value
    return data


# --- what is packaged ---


@pytest.mark.parametrize('name', packaged_vehicles())
def test_packaged_cars_keep_to_the_schema(name):
    text = (vehicle_folder() / f'{name}.yaml').read_text()
    parse_checked(text, vehicle_folder() / SCHEMA_NAME)
    assert load_vehicle(name).name == name


@pytest.mark.parametrize('number', [1, 2, 3, 4])
def test_commonroads_cars_are_those_of_its_library(number):
    library = pytest.importorskip(
        'vehiclemodels.vehicle_parameters', reason='commonroad-vehicle-models is not installed'
    )
    theirs = library.setup_vehicle_parameters(vehicle_id=number)
    described = load_description(f'commonroad_{number}')
    assert described.parameters.numbers == pytest.approx(
        {
            'length': theirs.l,
            'width': theirs.w,
            'wheelbase': theirs.a + theirs.b,
            'rear_to_center': theirs.b,  # the reference point is the box's centre, too
            'steering_max': theirs.steering.max,
            'steering_rate_max': theirs.steering.v_max,
            'speed_max': theirs.longitudinal.v_max,
            'acceleration_max': 4.0,
            'deceleration_max': 8.0,
        },
        abs=1e-9,
    )
    if theirs.m is None:
        assert described.dynamics is None
        return
    expected = {
        'mass': theirs.m,
        'yaw_inertia': theirs.I_z,
        'rear_axle_to_center_of_gravity': theirs.b,
        'center_of_gravity_height': theirs.h_s,
        'acceleration_limit': theirs.longitudinal.a_max,
        'power_limit_speed': theirs.longitudinal.v_switch,
    }
    assert {key: getattr(described.dynamics, key) for key in expected} == pytest.approx(expected)
    tyre = TyreParameters(-theirs.tire.p_ky1, theirs.tire.p_cy1, theirs.tire.p_ey1)
    assert described.dynamics.tyre == tyre


def test_the_schema_has_what_the_simulated_car_reads():
    schema = json.loads((vehicle_folder() / SCHEMA_NAME).read_text())
    dynamics = schema['properties']['dynamics']
    assert set(dynamics['required']) == {each.name for each in fields(DynamicsParameters)}
    tyre = dynamics['properties']['tyre']
    assert set(tyre['required']) == {each.name for each in fields(TyreParameters)}
    every = [schema, dynamics, tyre]
    numbers = [field for each in every for field in each['properties'].values()]
    for field in (each for each in numbers if each['type'] == 'number'):
        assert {'minimum', 'exclusiveMinimum', 'maximum'} & field.keys()
        assert re.search(r'\[.+\]', field['description'])


# --- one's own ---


def test_the_box_is_made_of_wheels_and_overhangs(tmp_path):
    car = load_vehicle(write(tmp_path))
    assert car.length == pytest.approx(2.8 + 0.9 + 1.1)
    assert car.width == pytest.approx(1.6 + 0.1 + 0.1)
    assert car.front_reach == pytest.approx(2.8 + 0.9)
    assert car.rear_reach == pytest.approx(1.1)
    assert (car.acceleration_max, car.deceleration_max) == (3.0, 7.0)


def test_a_side_that_sticks_out_further_counts_for_both(tmp_path):
    assert load_vehicle(write(tmp_path, changed('left_overhang', 0.3))).width == 1.6 + 0.3 + 0.3


def test_a_car_without_dynamics_can_be_planned_for(tmp_path):
    data = {key: value for key, value in PLAIN.items() if key != 'dynamics'}
    described = load_description(write(tmp_path, data))
    assert described.dynamics is None
    assert described.parameters == load_vehicle(write(tmp_path))


def test_a_car_is_called_by_the_path_of_its_file_from_wherever_it_was_read(tmp_path, monkeypatch):
    path = write(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert load_vehicle('mine.yaml').name == path


def test_the_parameters_of_autowares_vehicle_info_may_be_copied_whole(tmp_path):
    more = {'wheel_radius': 0.39, 'wheel_width': 0.42, 'vehicle_height': 1.7}
    assert load_vehicle(write(tmp_path, PLAIN | more)) == load_vehicle(write(tmp_path))


def test_a_file_that_was_changed_is_another_car(tmp_path):
    before = load_vehicle(write(tmp_path))
    assert load_vehicle(write(tmp_path, changed('wheel_base', 3.0))) != before


def test_an_unknown_name_is_refused_with_the_known_ones():
    with pytest.raises(VehicleError, match=r"'tank': expected one of commonroad_1.* path of a"):
        load_vehicle('tank')


def test_a_missing_file_is_refused_by_name():
    with pytest.raises(VehicleError, match='/nowhere/car.yaml: cannot be read'):
        load_vehicle('/nowhere/car.yaml')


@pytest.mark.parametrize(
    ('field', 'value', 'reason'),
    [
        ('wheel_base', -2.0, 'wheel_base is -2.0: expected at least 0.1'),
        ('wheel_base', 'long', "wheel_base is 'long': expected type number"),
        ('wheel_base', None, 'wheel_base is None: expected type number'),
        ('wheel_base', float('nan'), 'wheel_base is nan: expected a finite number'),
        ('wheelbase', 2.0, 'wheelbase is unknown: expected one of description, wheel_base'),
        ('max_steer_angle', 35.0, 'max_steer_angle is 35.0: expected at most 1.3'),
        ('rear_overhang', 4.0, 'rear_overhang is 4.0: expected less than wheel_base and front_'),
        ('max_deceleration', 12.0, 'max_deceleration is 12.0: expected at most dynamics.accel'),
        ('dynamics.mass', 0.0, 'dynamics.mass is 0.0: expected at least 1'),
        ('dynamics.tyre', {}, 'dynamics.tyre.cornering_stiffness is missing: expected corner'),
        (
            'dynamics.rear_axle_to_center_of_gravity',
            2.9,
            'dynamics.rear_axle_to_center_of_gravity is 2.9: expected less than wheel_base',
        ),
    ],
)
def test_a_bad_value_is_one_clear_error(tmp_path, field, value, reason):
    path = write(tmp_path, changed(field, value))
    with pytest.raises(VehicleError) as caught:
        load_vehicle(path)
    assert str(caught.value).startswith(f'vehicle {path}: {reason}')


@pytest.mark.parametrize('name', [key for key in PLAIN if key != 'dynamics'])
def test_a_missing_value_is_named(tmp_path, name):
    data = {key: value for key, value in PLAIN.items() if key != name}
    with pytest.raises(VehicleError, match=f': {name} is missing'):
        load_vehicle(write(tmp_path, data))


@pytest.mark.parametrize('text', ['', '- 1', 'wheel_base: [', 'wheel_base: 1\nwheel_base: 2\n'])
def test_what_is_no_description_is_refused(tmp_path, text):
    with pytest.raises(VehicleError, match='mine.yaml: '):
        load_vehicle(write(tmp_path, text))


# --- in a scenario ---


SCENARIO = """\
description: An own car on a straight road.
duration: 20.0
road:
  speed_limit: 13.9
  segments:
    - {length: 300.0, curvature: 0.0}
  left_width: 3.5
  right_width: 3.5
start: {station: 10.0, speed: 10.0}
goal:
  keep_speed: {speed: 10.0}
vehicle: cars/mine.yaml
"""


def test_a_scenario_names_a_car_beside_it(tmp_path):
    from warmstart_planner.scenarios import load_scenario

    (tmp_path / 'cars').mkdir()
    own = write(tmp_path / 'cars')
    (tmp_path / 'straight.yaml').write_text(SCENARIO)
    scenario = load_scenario(tmp_path / 'straight.yaml')
    assert scenario.vehicle == own
    assert scenario.car == load_vehicle(own)


def test_any_scenario_can_be_driven_by_another_car(tmp_path):
    from warmstart_planner.scenarios import load_scenario

    own = write(tmp_path)
    scenario = load_scenario('cut_in', own)
    assert scenario.car == load_vehicle(own)
    assert load_scenario('cut_in').car == load_vehicle()
