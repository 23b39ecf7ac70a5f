# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0

import json

import pytest

from warmstart_planner.commands.drive_all import Result, main, row, table
from warmstart_planner.simulation.monitor import Outcome


def result(**changes):
    values = {
        'scenario': 'free_road', 'seed': 0, 'outcome': 'goal', 'goal_reached': True, 'missed': (),
        'collisions': 0, 'min_clearance': 1.5, 'off_road': 0.0, 'tracking_rms': 0.1,
        'duration': 10.0, 'plan_seconds': (0.01, 0.02, 0.03), 'control_seconds': (0.001,),
        'iterations': (2, 4, 6), 'planner_rungs': ('optimised', 'optimised', 'previous'),
        'controller_rungs': ('optimised',),
    }  # fmt: skip
    return Result(**{**values, **changes})


def test_a_row_holds_rates_and_worst_cases_over_all_seeds():
    found = row(
        'free_road',
        [
            result(),
            result(
                seed=1,
                outcome='collision',
                goal_reached=False,
                collisions=2,
                min_clearance=-0.2,
                off_road=0.7,
            ),  # fmt: skip
        ],
    )
    assert found['n'] == 2
    assert found['goal_rate'] == 0.5
    assert found['collisions'] == 2
    assert found['failed_seeds'] == [1]
    assert found['min_clearance_m'] == -0.2
    assert found['off_road_m'] == 0.7
    assert found['plan_ms_p50'] == pytest.approx(20.0)
    assert found['scp_iterations_mean'] == pytest.approx(4.0)
    assert found['rungs_planner'] == {'optimised': 4, 'previous': 2}


def test_the_table_has_a_line_for_each_scenario():
    lines = table([row('free_road', [result()]), row('cut_in', [result()])]).splitlines()
    assert [line.split()[0] for line in lines[2:]] == ['free_road', 'cut_in']


@pytest.mark.parametrize('outcome', [each for each in Outcome if each is not Outcome.GOAL])
def test_any_end_but_the_goal_is_a_failed_drive(outcome):
    assert result().passed
    assert not result(outcome=outcome.value).passed


def test_an_unknown_scenario_is_one_clear_error(capsys, tmp_path):
    out = tmp_path / 'drive-all.json'
    assert main(['--scenarios', 'nowhere', '--out', str(out)]) == 2
    assert "scenario is 'nowhere'" in capsys.readouterr().err
    assert not out.exists()


def test_a_missing_configuration_is_one_clear_error(capsys):
    assert main(['--configuration', '/nowhere.yaml']) == 2
    assert '/nowhere.yaml' in capsys.readouterr().err


@pytest.mark.parametrize('value', ['0', '-3', 'many'])
def test_numbers_of_seeds_are_positive(value, capsys):
    with pytest.raises(SystemExit):
        main(['--seeds', value])
    assert '--seeds' in capsys.readouterr().err


@pytest.mark.slow
def test_a_short_run_drives_with_the_real_planner_and_controller(tmp_path):
    out = tmp_path / 'drive-all.json'
    arguments = ['--scenarios', 'parked_cars_slalom', '--seeds', '1', '--workers', '1']
    arguments += ['--prediction', 'constant_velocity']
    assert main([*arguments, '--out', str(out)]) == 0
    (found,) = json.loads(out.read_text())['rows']
    assert found['goal_rate'] == 1.0
    assert found['collisions'] == 0
