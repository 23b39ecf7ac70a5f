# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""An own car by one file: what docs/vehicles.md tells to type is typed, and the car drives."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from warmstart_planner import generate, generated
from warmstart_planner.cost_weights import read_weights
from warmstart_planner.vehicle import load_vehicle
from warmstart_planner.vehicle_file import load_description

ROOT = Path(__file__).resolve().parents[1]
TEXT = (ROOT / 'docs' / 'vehicles.md').read_text(encoding='utf-8')
FILES = ('my_car.yaml', 'my_weights.yaml')
BLOCKS = re.findall(r'^( *)```(\w*)\n(.*?)^ *```$', TEXT, re.DOTALL | re.MULTILINE)
COMMANDS = [
    line.split('#')[0].strip()
    for _, language, block in BLOCKS
    if not language
    for line in block.splitlines()
]
SOLVERS, WITH_WEIGHTS = (line for line in COMMANDS if line.startswith('make solvers'))
DRIVE_ALL = next(line for line in COMMANDS if line.startswith('make drive-all'))
DEMO, DEMO_WITH_WEIGHTS = (line for line in COMMANDS if line.startswith('make demo'))


def write_files(folder):
    """Write the files that the document shows to a folder."""
    shown = [(len(indent), block) for indent, language, block in BLOCKS if language == 'yaml']
    for name, (indent, block) in zip(FILES, shown, strict=True):
        lines = [line[indent:] for line in block.splitlines()]
        (folder / name).write_text('\n'.join(lines) + '\n')
    return folder


def run(command, folder, *more):
    """Run what a make target runs, in a folder with solvers of its own; return the lines said."""
    # whoever runs the tests may be a make itself
    outside = {name: value for name, value in os.environ.items() if not name.startswith('MAKE')}
    said = subprocess.run(
        [*shlex.split(command), '--dry-run'], cwd=ROOT, env=outside, capture_output=True, text=True
    ).stdout
    *_, last = said.replace('\\\n', ' ').strip().splitlines()
    _, arguments = last.split(' -m warmstart_planner.')
    module, *given = shlex.split(arguments)
    done = subprocess.run(
        [sys.executable, '-m', f'warmstart_planner.{module}', *given, *more],
        cwd=folder,
        env={
            **outside,
            generated.ENVIRONMENT_VARIABLE: str(folder / 'solvers'),
            'PYTHONPATH': os.pathsep.join([str(ROOT), outside.get('PYTHONPATH', '')]),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """Folder with the document's files, and the solvers of its car."""
    folder = write_files(tmp_path_factory.mktemp('own'))
    run(SOLVERS, folder)
    return folder


def test_the_document_shows_a_car_that_can_be_simulated_and_weights(tmp_path):
    write_files(tmp_path)
    assert load_description(str(tmp_path / FILES[0])).dynamics is not None
    read_weights(tmp_path / FILES[1])


def test_what_ros2_run_is_told_is_what_make_is_told():
    (typed,) = [line for line in COMMANDS if line.startswith('ros2 run')]
    ros2, run_, package, program, *given = shlex.split(typed)
    assert [ros2, run_, package, program] == ['ros2', 'run', generated.PACKAGE, generated.PROGRAM]
    assert generate.options_from(given).vehicle == FILES[0]


@pytest.mark.slow
def test_an_own_car_drives_a_packaged_scenario_without_ros(folder):
    said = run(DRIVE_ALL, folder)
    (row,) = json.loads((folder / 'out' / 'drive-all.json').read_text())['rows']
    assert (row['goal_rate'], row['collisions']) == (1.0, 0)
    # what is packaged was trained for another car
    assert said.count('driving without the model') == 1


@pytest.mark.slow
def test_an_own_car_has_plans_that_keep_to_its_own_limits(folder, monkeypatch):
    from warmstart_planner.planning import Planner
    from warmstart_planner.scenarios import load_scenario

    monkeypatch.setenv(generated.ENVIRONMENT_VARIABLE, str(folder / 'solvers'))
    car = load_vehicle(str(folder / FILES[0]))
    scenario = load_scenario('parked_cars_slalom', car.name)
    problem = scenario.problem_at(0.0, scenario.initial_state)
    result = Planner(car).plan(problem, deadline=5.0)
    assert result.feasible
    assert (result.trajectory.controls <= car.control_upper + 1e-6).all()
    assert (result.trajectory.controls >= car.control_lower - 1e-6).all()


@pytest.mark.slow
def test_own_weights_make_another_solver_and_another_plan(folder, monkeypatch):
    from dataclasses import replace

    from warmstart_planner.generated import SolverMissingError
    from warmstart_planner.planning import Planner, PlannerSettings
    from warmstart_planner.scenarios import load_scenario

    monkeypatch.setenv(generated.ENVIRONMENT_VARIABLE, str(folder / 'solvers'))
    car = load_vehicle(str(folder / FILES[0]))
    settings = replace(PlannerSettings(), weights=read_weights(folder / FILES[1]))
    with pytest.raises(SolverMissingError, match=rf'(WEIGHTS=|--weights )\S*{FILES[1]}'):
        Planner(car, settings=settings)
    run(WITH_WEIGHTS, folder)
    scenario = load_scenario('parked_cars_slalom', car.name)
    problem = scenario.problem_at(0.0, scenario.initial_state)
    usual, other = (Planner(car, settings=s).plan(problem, deadline=5.0) for s in (None, settings))
    assert usual.feasible and other.feasible
    assert abs(usual.trajectory.states - other.trajectory.states).max() > 1e-3


@pytest.mark.slow
@pytest.mark.integration
@pytest.mark.parametrize('command', [DEMO, DEMO_WITH_WEIGHTS])
def test_an_own_car_drives_the_demo(folder, command):
    pytest.importorskip('warmstart_planner.msg', reason='messages are not built: `make setup`')
    if command == DEMO_WITH_WEIGHTS:
        run(WITH_WEIGHTS, folder)
    said = run(command, folder, '--mode', 'lockstep')
    assert 'drive over: goal' in said
    told = [line for line in said.splitlines() if 'does not answer' in line]
    assert len(told) == 1
    assert 'my_car-' in told[0]
