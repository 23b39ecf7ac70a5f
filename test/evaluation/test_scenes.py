# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""What becomes of a scenario file is a row, and files beside each other."""

import logging
from dataclasses import replace
from pathlib import Path

import pytest
from commonroad_document import interval

from warmstart_planner.evaluation import scenes
from warmstart_planner.evaluation.costs import WEIGHTS
from warmstart_planner.evaluation.scenes import Setup, drive_scene, files_in, names_of
from warmstart_planner.simulation.configuration import (
    default_configuration_path,
    read_configuration,
)

NEAR = '<position><lanelet ref="10"/></position>' + interval('time', 8, 30)


@pytest.fixture(scope='session')
def setup():
    return Setup(read_configuration(default_configuration_path()), deadline=float('inf'))


@pytest.fixture
def kinematic(setup):
    plant = replace(setup.configuration.plant, model='kinematic')
    return replace(setup, configuration=replace(setup.configuration, plant=plant))


@pytest.fixture
def row_of(setup, tmp_path):
    def drive(path, how=setup):
        return drive_scene(path, how, tmp_path / 'driven' / 'one')

    return drive


class TestRow:
    def test_a_refused_file_is_a_row_with_the_reason(self, road_files, row_of):
        row = row_of(road_files / 'behind.yml')
        assert (row['file'], row['scenario'], row['outcome']) == (
            'behind.yml', 'behind', 'refused',
        )  # fmt: skip
        assert 'behind the car' in row['message']
        assert not row['goal_reached']
        assert (row['driven_csv'], row['solution'], row['costs']) == ('', '', {})

    def test_a_driven_file_is_a_row_with_its_figures(self, road_files, row_of):
        row = row_of(road_files / 'ahead.yaml')
        assert (row['scenario'], row['outcome'], row['missed']) == ('ahead', 'goal', [])
        assert row['goal_reached']
        assert row['speed_limit_mps'] == 9.0
        assert row['distance_m'] == pytest.approx(11.0, abs=1.5)
        assert sum(row['rungs_planner'].values()) == row['plans'] == len(row['plan_ms']) > 0
        assert Path(row['driven_csv']).read_text().startswith('t,x,y,yaw,v,steering')

    def test_refused_and_driven_rows_have_the_columns_of_the_table(self, road_files, row_of):
        refused, driven = (row_of(road_files / name) for name in ('behind.yml', 'ahead.yaml'))
        assert refused.keys() <= driven.keys()

    @pytest.mark.parametrize(('how', 'model'), [('setup', 'ST2'), ('kinematic', 'KS2')])
    def test_a_benchmark_has_costs_and_a_solution_of_the_driven_model(
        self, how, model, write_document, row_of, request
    ):
        row = row_of(write_document(obstacles='', goal=NEAR), request.getfixturevalue(how))
        assert row['costs'].keys() == WEIGHTS.keys()
        assert f'"{model}:SM1:ZAM_Test-1_1:2020a"' in Path(row['solution']).read_text()

    def test_what_is_to_be_drawn_is_drawn(self, write_document, row_of, setup, tmp_path):
        drawings = ('picture', 'animation')
        row_of(write_document(obstacles='', goal=NEAR), replace(setup, drawings=drawings))
        assert (tmp_path / 'driven' / 'one.png').read_bytes().startswith(b'\x89PNG')
        assert (tmp_path / 'driven' / 'one.gif').read_bytes().startswith(b'GIF')

    def test_what_the_reader_warns_of_is_in_the_row_once(self, tmp_path, row_of):
        path = tmp_path / 'odd.xml'
        path.write_text(
            '<commonRoad commonRoadVersion="2020a" timeStepSize="0.1"><windmill/></commonRoad>'
        )
        assert row_of(path)['warnings'] == ['elements are not read: windmill']
        assert logging.getLogger('warmstart_planner').handlers == []

    def test_a_defect_breaks_off_one_drive_and_says_so(self, road_files, row_of, monkeypatch):
        def break_down(*_):
            raise ZeroDivisionError('by nothing')

        monkeypatch.setattr(scenes, 'write_csv', break_down)
        row = row_of(road_files / 'ahead.yaml')
        assert row['outcome'] == 'error'
        assert row['message'] == 'ZeroDivisionError: by nothing'
        assert not row['goal_reached']


class TestFiles:
    def test_scenarios_are_found_in_order_and_nothing_else(self, road_files):
        assert [path.name for path in files_in(road_files)] == ['ahead.yaml', 'behind.yml']

    def test_files_that_share_a_stem_keep_their_suffixes(self):
        files = [Path('a.xml'), Path('a.yaml'), Path('b.xml')]
        assert list(names_of(files).values()) == ['a.xml', 'a.yaml', 'b']
