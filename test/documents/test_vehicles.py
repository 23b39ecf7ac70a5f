# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""An own car by one file: what docs/vehicles.md tells to type is typed, and the car drives."""

import json
import re
import shlex
from pathlib import Path

import pytest

from warmstart_planner.commands import generate
from warmstart_planner.files.cost_weights import read_weights
from warmstart_planner.files.vehicle_file import load_description
from warmstart_planner.generation import generated
from warmstart_planner.vehicle import load_vehicle

ROOT = Path(__file__).resolve().parents[2]
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


@pytest.fixture(scope='module')
def folder(tmp_path_factory, make):
    """Folder with the document's files; its car's solvers stay with the checkout's, as any."""
    folder = write_files(tmp_path_factory.mktemp('own'))
    make(SOLVERS, folder)
    return folder


@pytest.fixture(scope='module')
def run(folder, make):
    """Return a function that runs what a make target runs in that folder."""

    def run(command, *more):
        return make(command, folder, *more)

    return run


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
def test_an_own_car_drives_a_packaged_scenario_without_ros(folder, run):
    said = run(DRIVE_ALL)
    (row,) = json.loads((folder / 'out' / 'drive-all.json').read_text())['rows']
    assert (row['goal_rate'], row['collisions']) == (1.0, 0)
    # what is packaged was trained for another car
    assert said.count('driving without the model') == 1


@pytest.mark.slow
def test_an_own_car_has_plans_that_keep_to_its_own_limits(folder):
    from warmstart_planner.planning import Planner
    from warmstart_planner.scenarios import load_scenario

    car = load_vehicle(str(folder / FILES[0]))
    scenario = load_scenario('parked_cars_slalom', car.name)
    problem = scenario.problem_at(0.0, scenario.initial_state)
    result = Planner(car).plan(problem, deadline=5.0)
    assert result.feasible
    assert (result.trajectory.controls <= car.control_upper + 1e-6).all()
    assert (result.trajectory.controls >= car.control_lower - 1e-6).all()


@pytest.mark.slow
def test_own_weights_make_another_solver_and_another_plan(folder, run, tmp_path, monkeypatch):
    from dataclasses import replace

    from warmstart_planner.generation.generated import SolverMissingError
    from warmstart_planner.planning import Planner, PlannerSettings
    from warmstart_planner.scenarios import load_scenario

    car = load_vehicle(str(folder / FILES[0]))
    settings = replace(PlannerSettings(), weights=read_weights(folder / FILES[1]))
    with monkeypatch.context() as nothing_generated:
        nothing_generated.setenv(generated.ENVIRONMENT_VARIABLE, str(tmp_path))
        with pytest.raises(SolverMissingError, match=rf'(WEIGHTS=|--weights )\S*{FILES[1]}'):
            Planner(car, settings=settings)
    run(WITH_WEIGHTS)
    scenario = load_scenario('parked_cars_slalom', car.name)
    problem = scenario.problem_at(0.0, scenario.initial_state)
    usual, other = (Planner(car, settings=s).plan(problem, deadline=5.0) for s in (None, settings))
    assert usual.feasible and other.feasible
    assert abs(usual.trajectory.states - other.trajectory.states).max() > 1e-3


@pytest.mark.slow
@pytest.mark.integration
@pytest.mark.parametrize('command', [DEMO, DEMO_WITH_WEIGHTS])
def test_an_own_car_drives_the_demo(run, command):
    pytest.importorskip('warmstart_planner.msg', reason='messages are not built: `make setup`')
    if command == DEMO_WITH_WEIGHTS:
        run(WITH_WEIGHTS)
    said = run(command, '--mode', 'lockstep')
    assert 'drive over: goal' in said
    reported = [line for line in said.splitlines() if 'does not answer' in line]
    assert len(reported) == 1
    assert 'my_car-' in reported[0]
