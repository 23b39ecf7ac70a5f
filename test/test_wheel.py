# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The package as pip installs it: what is in it, and that it drives from any folder."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from importlib import metadata
from pathlib import Path

import pytest
from PIL import Image

from warmstart_planner.commands.generate import provide
from warmstart_planner.generation import generated
from warmstart_planner.problem import Horizon
from warmstart_planner.scenarios import packaged_scenarios
from warmstart_planner.vehicle import load_vehicle

ROOT = Path(__file__).resolve().parents[1]
CODE = ROOT / 'warmstart_planner'
SHARED = ('config', 'models')
PIP = [sys.executable, '-m', 'pip', '--quiet', '--disable-pip-version-check']

pytestmark = pytest.mark.slow


@pytest.fixture(scope='module')
def wheel(tmp_path_factory):
    """Return a wheel of the sources, built in a copy: building leaves files beside them."""
    for tool, least in (('pip', 21), ('setuptools', 71)):  # older ones need `wheel`, too
        found = [each.version for each in metadata.distributions(name=tool)]
        if not found or int(found[0].split('.')[0]) < least:
            pytest.skip(f'{tool} is {found}: expected {least} or later')
    folder = tmp_path_factory.mktemp('wheel')
    sources = folder / 'sources'
    for name in (CODE.name, 'training', *SHARED):
        ignored = shutil.ignore_patterns('__pycache__')
        shutil.copytree(ROOT / name, sources / name, ignore=ignored)
    for name in ('setup.py', 'pyproject.toml', 'CHANGELOG.rst', 'LICENSE', 'README.md'):
        shutil.copy(ROOT / name, sources)
    options = ['--no-deps', '--no-build-isolation', '--no-index', '--wheel-dir', str(folder)]
    subprocess.run([*PIP, 'wheel', *options, '.'], cwd=sources, check=True)
    return next(folder.glob('*.whl'))


@pytest.fixture(scope='module')
def site(wheel, tmp_path_factory):
    """Return a folder that the wheel is installed in."""
    folder = tmp_path_factory.mktemp('site')
    options = ['--no-deps', '--no-index', '--no-compile', '--target', str(folder)]
    subprocess.run([*PIP, 'install', *options, str(wheel)], check=True)
    return folder


@pytest.fixture
def run(site, tmp_path):
    """Return a function that runs the installed program, in an empty folder, without ROS."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(('ROS', 'RMW', 'AMENT', 'WARMSTART'))
    }
    environment = {**inherited, 'PYTHONPATH': str(site), 'XDG_CACHE_HOME': str(tmp_path / 'cache')}

    def call(*arguments, **more):
        return subprocess.run(
            [sys.executable, str(site / 'bin' / 'warmstart-planner'), *arguments],
            cwd=tmp_path,
            env={**environment, **more},
            capture_output=True,
            text=True,
        )

    return call


class TestContent:
    @pytest.fixture
    def names(self, wheel):
        return set(zipfile.ZipFile(wheel).namelist())

    def test_it_has_one_top_level_name(self, names):
        assert {name.split('/')[0] for name in names if '.dist-info/' not in name} == {CODE.name}

    def test_it_has_all_that_the_core_is_made_of_and_no_nodes(self, names):
        """Python, and what is compiled when solvers are generated."""
        files = {
            str(path.relative_to(ROOT))
            for path in CODE.rglob('*')
            if path.is_file() and '__pycache__' not in path.parts
        }
        nodes = {name for name in files if name.startswith('warmstart_planner/nodes/')}
        assert nodes
        assert files - nodes <= names
        assert not nodes & names

    def test_it_has_all_of_config_and_models(self, names):
        files = {
            f'warmstart_planner/share/{path.relative_to(ROOT)}'
            for folder in SHARED
            for path in (ROOT / folder).rglob('*')
            if path.is_file()
        }
        assert len(files) > 15
        assert files <= names

    def test_training_is_an_extra(self, wheel):
        archive = zipfile.ZipFile(wheel)
        (about,) = [name for name in archive.namelist() if name.endswith('/METADATA')]
        text = archive.read(about).decode()
        assert 'Provides-Extra: training' in text
        assert 'Requires-Dist: torch>=2.6; extra == "training"' in text


class TestInstalled:
    def test_it_finds_its_own_files_and_not_those_of_the_checkout(self, site):
        script = (
            'from warmstart_planner.files.resources import share_folder as f; '
            'from warmstart_planner.scenarios import packaged_scenarios as p; print(f(), *p())'
        )
        done = subprocess.run(
            [sys.executable, '-c', script],
            cwd=site.parent,
            env={**os.environ, 'PYTHONPATH': str(site)},
            capture_output=True,
            text=True,
            check=True,
        )
        folder, *names = done.stdout.split()
        assert Path(folder) == site / 'warmstart_planner' / 'share'
        assert names == [*packaged_scenarios()]

    def test_it_drives_from_any_folder(self, run, tmp_path):
        """The solvers are those of the checkout: they are named by what they are made from."""
        provide(load_vehicle(), Horizon())
        solvers = {generated.ENVIRONMENT_VARIABLE: str(generated.solver_root())}
        done = run('drive', 'cut_in', **solvers)
        assert (done.returncode, done.stderr) == (0, '')
        out = tmp_path / 'out' / 'drive' / 'cut_in'
        figures = json.loads((out / 'summary.json').read_text())
        assert (figures['outcome'], figures['collisions']) == ('goal', 0)
        assert 'decision_transformer' in figures['sources']
        assert Image.open(out / 'drive.png').format == 'PNG'

    def test_the_demo_says_that_it_needs_ros(self, run):
        done = run('demo')
        assert (done.returncode, done.stdout) == (2, '')
        assert 'and the demo runs ROS 2 nodes' in done.stderr

    def test_the_doctor_names_the_command_that_generates_what_is_missing(self, run):
        done = run('doctor')
        assert done.returncode == 1
        assert 'run `warmstart-planner generate --vehicle commonroad_2' in done.stdout

    def test_solvers_are_generated_on_first_use_and_that_is_said(self, run, tmp_path):
        """Without a compiler none are: one line says what will be done, another why it is not."""
        done = run('plan', 'free_road', CC='no-such-compiler', CXX='no-such-compiler')
        assert done.returncode == 2
        first, second = done.stderr.splitlines()
        cache = tmp_path / 'cache' / 'warmstart_planner' / 'solvers'
        assert first.startswith('generating scp, tracking, ')
        assert f'for commonroad_2, once, into {cache}: ' in first
        assert second.startswith('plan: C++ compiler')
