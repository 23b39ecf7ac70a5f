# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Generated solvers: what is not there, or not for this, is refused with what to do about it."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from warmstart_planner.commands import generate as program
from warmstart_planner.files.cost_weights import read_weights
from warmstart_planner.files.vehicle_file import vehicle_folder
from warmstart_planner.generation import compilation, generated
from warmstart_planner.generation.generated import (
    CARD,
    SolverMissingError,
    generate,
    require,
    solver_folder,
)
from warmstart_planner.objective import CostWeights
from warmstart_planner.problem import Horizon
from warmstart_planner.scp import library
from warmstart_planner.scp.solver import ScpSolver
from warmstart_planner.vehicle import load_vehicle

KEY = {'horizon': {'dt': 0.1, 'steps': 60}, 'sources': 'abc'}
REMEDY = r'run `.*(make solvers|warmstart_planner[. ]generate)'


@pytest.fixture(autouse=True)
def root(tmp_path, monkeypatch):
    monkeypatch.setenv(generated.ENVIRONMENT_VARIABLE, str(tmp_path))
    return tmp_path


def test_solvers_of_the_sources_are_below_build(monkeypatch):
    monkeypatch.delenv(generated.ENVIRONMENT_VARIABLE)
    sources = Path(generated.__file__).resolve().parents[2]
    assert generated.solver_root() == sources / 'build' / 'solvers'


def test_solvers_of_an_installed_package_are_below_ros_home(tmp_path, monkeypatch):
    monkeypatch.delenv(generated.ENVIRONMENT_VARIABLE)
    monkeypatch.setenv('ROS_HOME', str(tmp_path))
    installed = tmp_path / 'lib' / 'warmstart_planner' / 'generation' / 'generated.py'
    monkeypatch.setattr(generated, '__file__', str(installed))
    assert generated.solver_root() == tmp_path / 'warmstart_planner' / 'solvers'


def test_solvers_of_a_package_from_pip_are_in_the_user_s_cache(tmp_path, monkeypatch):
    monkeypatch.delenv(generated.ENVIRONMENT_VARIABLE)
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))
    installed = wheel_in(tmp_path, monkeypatch)
    assert generated.solver_root() == tmp_path / 'cache' / 'warmstart_planner' / 'solvers'
    monkeypatch.delenv('XDG_CACHE_HOME')
    monkeypatch.setenv('HOME', str(installed))
    assert generated.solver_root() == installed / '.cache' / 'warmstart_planner' / 'solvers'


def wheel_in(folder, monkeypatch):
    """Be a package that pip installed below a folder; return where packages are."""
    packages = folder / 'lib' / 'python3' / 'site-packages'
    (packages / 'warmstart_planner' / 'share').mkdir(parents=True)
    module = packages / 'warmstart_planner' / 'generation' / 'generated.py'
    monkeypatch.setattr(generated, '__file__', str(module))
    return packages


def build(folder):
    (folder / 'solver.so').write_bytes(b'machine code')
    (folder / 'source.c').write_text('int main;')
    return ['solver.so']


def test_what_was_generated_is_found_again():
    folder = generate('toy', KEY, build)
    assert require('toy', KEY) == folder == solver_folder('toy', KEY)
    assert (folder / 'solver.so').read_bytes() == b'machine code'
    assert json.loads((folder / CARD).read_text())['key'] == KEY


def test_what_is_current_is_not_built_again():
    generate('toy', KEY, build)
    generate('toy', KEY, lambda folder: pytest.fail('built again'))


def test_each_key_has_a_folder_of_its_own():
    assert solver_folder('toy', KEY) != solver_folder('toy', {**KEY, 'sources': 'abd'})


def test_a_missing_solver_names_the_command():
    with pytest.raises(SolverMissingError, match=f'toy.*not generated.*{REMEDY}'):
        require('toy', KEY)


def test_a_solver_for_another_processor_is_told_from_one_that_is_missing():
    generate('toy', {**KEY, 'target': 'x86-64-v4', 'flags': ['-march=x86-64-v4']}, build)
    here = {**KEY, 'target': 'x86-64-v3', 'flags': ['-march=x86-64-v3']}
    reported = r'not generated for this processor \(x86-64-v3\), only for x86-64-v4,.*' + REMEDY
    with pytest.raises(SolverMissingError, match=reported):
        require('toy', here)
    with pytest.raises(SolverMissingError, match=f'toy.* is not generated in .*{REMEDY}'):
        require('toy', {**here, 'sources': 'abd'})


def test_lanes_compiled_for_another_processor_are_refused_at_load(scp_folder, root, monkeypatch):
    """What has AVX-512 in it must not be met by a processor without: it is refused before."""
    (root / scp_folder.name).symlink_to(scp_folder)
    car = load_vehicle()
    monkeypatch.setattr(compilation, 'target', lambda: 'x86-64')
    with pytest.raises(SolverMissingError, match=r'for this processor \(x86-64\), only for'):
        library.load.__wrapped__(car, CostWeights(), Horizon())


# --- the command that is named ---


@pytest.fixture
def apart(tmp_path_factory, monkeypatch):
    """Be a package that lies in a prefix of its own, with no environment of `make setup`."""
    prefix = tmp_path_factory.mktemp('prefix')
    module = prefix / 'lib' / 'python3' / 'warmstart_planner' / 'generation' / 'generated.py'
    monkeypatch.setattr(generated, '__file__', str(module))
    monkeypatch.delenv('AMENT_PREFIX_PATH', raising=False)
    return prefix


def named(vehicle, horizon, weights):
    """Return the command that the error of the missing SCP loop names."""
    with pytest.raises(SolverMissingError) as caught:
        library.load.__wrapped__(load_vehicle(vehicle), weights, horizon)
    return shlex.split(re.search('`(.*)`', str(caught.value))[1])


@pytest.fixture
def own_files(tmp_path_factory):
    """Return a function that makes a path of what is to be one's own file."""
    folder = tmp_path_factory.mktemp('my own')
    text = (vehicle_folder() / 'commonroad_1.yaml').read_text()
    (folder / 'car.yaml').write_text(text.replace('wheel_tread: ', 'wheel_tread: 1.5  # '))
    (folder / 'weights.yaml').write_text('offset: 0.4\n')
    return lambda name: str(folder / name) if name.endswith('.yaml') else name


CASES = [
    ('commonroad_2', Horizon(), ''),
    ('commonroad_1', Horizon(), ''),
    ('commonroad_4', Horizon(dt=0.15, steps=40), ''),
    ('car.yaml', Horizon(), ''),
    ('car.yaml', Horizon(), 'weights.yaml'),
]


@pytest.mark.parametrize(('vehicle', 'horizon', 'weights'), CASES)
def test_the_named_command_generates_what_is_missing(
    apart, monkeypatch, own_files, vehicle, horizon, weights
):
    """Nothing is compiled here: the program says what it would generate."""
    asked = []
    monkeypatch.setattr(program, 'solvers', lambda *given: asked.append(given) or ())
    car = own_files(vehicle)
    cost = read_weights(own_files(weights)) if weights else CostWeights()
    python, option, module, *arguments = named(car, horizon, cost)
    assert [python, option, module] == ['python3', '-m', program.__name__]
    assert program.main(arguments) == 0
    assert asked == [(load_vehicle(car), cost, horizon)]


def test_where_the_package_is_installed_the_command_is_ros_own(apart, monkeypatch):
    installed = apart / 'lib' / 'warmstart_planner' / 'generate'
    installed.parent.mkdir(parents=True)
    installed.touch()
    monkeypatch.setenv('AMENT_PREFIX_PATH', f'/nowhere:{apart}')
    command = named('commonroad_1', Horizon(), CostWeights())
    assert command[:4] == ['ros2', 'run', 'warmstart_planner', 'generate']
    assert command[4:6] == ['--vehicle', 'commonroad_1']


def test_where_pip_installed_the_package_the_command_is_its_own(apart, monkeypatch):
    wheel_in(apart, monkeypatch)
    assert named('commonroad_1', Horizon(), CostWeights())[:2] == ['warmstart-planner', 'generate']


@pytest.mark.parametrize(('vehicle', 'horizon', 'weights'), CASES)
def test_make_is_named_in_its_own_environment_and_passes_all_on(
    monkeypatch, own_files, vehicle, horizon, weights
):
    sources = Path(generated.__file__).resolve().parents[2]
    monkeypatch.setattr(sys, 'prefix', str(sources / '.venv'))
    car, cost_file = own_files(vehicle), own_files(weights)
    cost = read_weights(cost_file) if weights else CostWeights()
    command = named(car, horizon, cost)
    assert command[:2] == ['make', 'solvers']
    # whoever runs the tests may be a make itself
    outside = {name: value for name, value in os.environ.items() if not name.startswith('MAKE')}
    done = subprocess.run(
        [command[0], '--dry-run', *command[1:]],
        cwd=sources,
        env=outside,
        capture_output=True,
        text=True,
    )
    *_, said = done.stdout.replace('\\\n', ' ').strip().splitlines()
    _, arguments = said.split(f'-m {program.__name__}')
    wanted = {
        'vehicle': car,
        'weights': cost_file,
        'dt': horizon.dt,
        'steps': horizon.steps,
    }
    given = vars(program.options_from(shlex.split(arguments)))
    assert given == wanted


@pytest.mark.parametrize('text', ['', '{"schema": 1', '[]', '"card"', 'null', '\x00\xff'])
def test_a_corrupt_card_names_the_command(text):
    folder = generate('toy', KEY, build)
    (folder / CARD).write_bytes(text.encode('latin-1'))
    with pytest.raises(SolverMissingError, match=REMEDY):
        require('toy', KEY)


@pytest.mark.parametrize(
    ('field', 'value'),
    [('schema', 99), ('name', 'other'), ('key', {'horizon': 0}), ('files', 'solver.so')],
)
def test_a_card_for_something_else_names_the_command(field, value):
    folder = generate('toy', KEY, build)
    card = json.loads((folder / CARD).read_text())
    (folder / CARD).write_text(json.dumps({**card, field: value}))
    with pytest.raises(SolverMissingError, match=f'{field}.*{REMEDY}'):
        require('toy', KEY)


@pytest.mark.parametrize('spoil', [lambda p: p.write_bytes(b'other code'), lambda p: p.unlink()])
def test_a_changed_or_missing_library_names_the_command(spoil):
    folder = generate('toy', KEY, build)
    spoil(folder / 'solver.so')
    with pytest.raises(SolverMissingError, match=f'solver.so.*{REMEDY}'):
        require('toy', KEY)


def test_a_broken_folder_is_replaced():
    folder = generate('toy', KEY, build)
    (folder / CARD).write_text('{')
    (folder / 'solver.so').write_bytes(b'broken')
    generate('toy', KEY, build)
    assert (folder / 'solver.so').read_bytes() == b'machine code'


def test_a_build_that_fails_leaves_nothing_behind(root):
    def failing(folder):
        build(folder)
        raise RuntimeError('no compiler')

    with pytest.raises(RuntimeError, match='no compiler'):
        generate('toy', KEY, failing)
    assert list(root.iterdir()) == []


RACE = """
import sys, time
from pathlib import Path
from warmstart_planner.generation.generated import generate
def build(folder):
    (folder / 'solver.so').write_bytes(b'machine code')
    Path(sys.argv[1], f'ready-{sys.argv[2]}').touch()
    while len(list(Path(sys.argv[1]).glob('ready-*'))) < 2:
        time.sleep(0.01)
    return ['solver.so']
print(generate('toy', {'a': 1}, build))
"""


def test_two_processes_that_generate_at_once_leave_one_good_folder(root, tmp_path_factory):
    meeting = tmp_path_factory.mktemp('meeting')
    runs = [
        subprocess.Popen(
            [sys.executable, '-c', RACE, str(meeting), name],
            cwd=generated.__file__.rsplit('/', 2)[0],
            stdout=subprocess.PIPE,
            text=True,
        )
        for name in 'ab'
    ]
    printed = [run.communicate(timeout=30)[0].strip() for run in runs]
    assert [run.returncode for run in runs] == [0, 0]
    folder = require('toy', {'a': 1})
    assert printed == [str(folder)] * 2
    assert list(root.iterdir()) == [folder]


# --- all of them ---


def test_what_is_missing_is_told_once_and_made(monkeypatch, capsys):
    made = []

    def toy(name):
        def make():
            made.append(name)
            return generate(name, KEY, build)

        return program.Solver(name, KEY, {}, make)

    toys = toy('toy'), toy('other')
    generate('toy', KEY, build)
    monkeypatch.setattr(program, 'solvers', lambda *given: toys)
    program.provide(load_vehicle(), Horizon())
    assert made == ['other']
    (reported,) = capsys.readouterr().err.splitlines()
    assert reported.startswith('generating other for commonroad_2, once, into ')
    program.provide(load_vehicle(), Horizon())
    assert (made, capsys.readouterr().err) == (['other'], '')


def test_a_missing_compiler_is_one_line(monkeypatch, capsys):
    monkeypatch.setenv('CC', 'no-such-compiler')
    monkeypatch.setenv('CXX', 'no-such-compiler')
    assert program.main([]) == 1
    (reported,) = capsys.readouterr().err.splitlines()
    assert "compiler 'no-such-compiler' is not installed" in reported


# --- the real one ---


def test_a_solver_that_was_not_generated_is_refused_before_anything_drives():
    # the loaded library is kept for the process; weights that nobody uses are not in there
    weights = CostWeights(speed=0.123)
    with pytest.raises(SolverMissingError, match=f'scp.*{REMEDY}'):
        ScpSolver(load_vehicle(), Horizon(), weights)


@pytest.mark.parametrize(
    ('vehicle', 'weights', 'horizon'),
    [
        ('commonroad_1', CostWeights(), Horizon()),
        ('commonroad_2', CostWeights(offset=0.31), Horizon()),
        ('commonroad_2', CostWeights(), Horizon(steps=61)),
    ],
)
def test_vehicle_cost_and_horizon_each_make_another_solver(vehicle, weights, horizon):
    usual = library.key(load_vehicle(), CostWeights(), Horizon())
    assert library.key(load_vehicle(vehicle), weights, horizon) != usual


def test_cars_of_two_files_share_a_solver_only_where_they_are_the_same(tmp_path):
    text = (vehicle_folder() / 'commonroad_1.yaml').read_text()
    (tmp_path / 'copy.yaml').write_text(text)
    (tmp_path / 'other').mkdir()
    (tmp_path / 'other' / 'copy.yaml').write_text(text.replace('max_speed: 45.8', 'max_speed: 40'))
    (tmp_path / 'heavier.yaml').write_text(text.replace('mass: 12', 'mass: 22'))
    folders = {
        name: solver_folder(
            'scp', library.key(load_vehicle(str(tmp_path / name)), CostWeights(), Horizon())
        )
        for name in ('copy.yaml', 'other/copy.yaml', 'heavier.yaml')
    }
    packaged = library.key(load_vehicle('commonroad_1'), CostWeights(), Horizon())
    assert folders['copy.yaml'] == solver_folder('scp', packaged)
    assert folders['other/copy.yaml'] != folders['copy.yaml']
    # what only the simulated car is makes no other solver
    assert folders['heavier.yaml'] == folders['copy.yaml']


@pytest.mark.parametrize(
    ('option', 'content', 'reason'),
    [
        ('--vehicle', 'rubber: 1\n', 'rubber is unknown: expected one of'),
        ('--weights', 'offset: -1\n', 'offset is -1: expected at least 0'),
    ],
)
def test_a_bad_file_is_one_clear_error_of_generate(tmp_path, capsys, option, content, reason):
    path = tmp_path / 'mine.yaml'
    path.write_text(content)
    assert program.main([option, str(path)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert str(path) in line
    assert reason in line
