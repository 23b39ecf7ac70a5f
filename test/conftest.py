# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Settings that all tests share, and builders of small planning problems."""

import shutil
import subprocess
import sys
from dataclasses import replace
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from known_models import write_braking_model, write_steady_policy

from warmstart_planner.objective import CostWeights
from warmstart_planner.problem import Horizon, KeepSpeed, PlanningProblem, PoseGoal, Trajectory
from warmstart_planner.proposals.straight_line import StraightLine
from warmstart_planner.road import road_from_segments
from warmstart_planner.vehicle import load_vehicle

# A deadline per example would measure how busy the machine is; a fixed choice of examples makes a
# failure on one machine a failure on all. `brief` calls everything, but not often: to try other
# versions of the libraries.
settings.register_profile('repeatable', deadline=None, derandomize=True)
settings.register_profile('brief', settings.get_profile('repeatable'), max_examples=5)
settings.load_profile('repeatable')

ROOT = Path(__file__).resolve().parents[1]
MIRROR = np.array([1.0, -1.0, -1.0, 1.0, -1.0])


@pytest.fixture(scope='session')
def scp_folder():
    """Folder of the compiled SCP; a fresh clone generates it here, once."""
    from warmstart_planner.scp import library

    return library.generate(load_vehicle(), CostWeights(), Horizon())


@pytest.fixture(scope='session')
def guided_folder():
    """Folder of the compiled search of the guided starts; a fresh clone compiles it, once."""
    from warmstart_planner.proposals.guided import library as guided_library

    return guided_library.generate()


@pytest.fixture(scope='session')
def planner_solvers(scp_folder, guided_folder):
    """Folders of all that a planner needs compiled; a fresh clone generates it here, once."""
    from warmstart_planner.verification.judge import compiled

    return scp_folder, guided_folder, compiled.generate()


@pytest.fixture(scope='session')
def observer():
    """Return what the default car sees; a fresh clone compiles its library here, once."""
    from warmstart_planner.learned.observation import library as observation_library
    from warmstart_planner.learned.observation.observer import Observer

    observation_library.generate(load_vehicle())
    return Observer(load_vehicle())


@pytest.fixture(scope='session')
def braking_folder(tmp_path_factory):
    """Folder that the example package of a source is installed in, as a user would install it."""
    for tool, least in (('pip', 21), ('setuptools', 64)):  # older ones read no pyproject.toml
        found = [each.version for each in metadata.distributions(name=tool)]
        if not found or int(found[0].split('.')[0]) < least:
            pytest.skip(f'{tool} is {found}: expected {least} or later')
    folder = tmp_path_factory.mktemp('braking')
    # a copy: building leaves files beside the sources
    shutil.copytree(ROOT / 'examples' / 'braking_source', folder / 'source')
    options = ['--quiet', '--no-deps', '--no-build-isolation', '--no-index']
    subprocess.run(
        [sys.executable, '-m', 'pip', 'install', *options, '--target', 'site', './source'],
        cwd=folder,
        check=True,
    )
    return folder / 'site'


@pytest.fixture
def braking(braking_folder, monkeypatch):
    """Put the example package on the path; return the name of its source."""
    monkeypatch.syspath_prepend(str(braking_folder))
    return 'braking'


@pytest.fixture
def install_source(tmp_path_factory, monkeypatch):
    """Install packages that declare a source, whatever their code is; return their folders."""

    def install(code, name='mine', package='mine-package', attribute='SPEC'):
        folder = tmp_path_factory.mktemp('outside')
        module = f'module_in_{folder.name}'  # none that an earlier test has imported
        (folder / f'{module}.py').write_text(code)
        about = folder / f'{package.replace("-", "_")}-1.0.dist-info'
        about.mkdir()
        (about / 'METADATA').write_text(f'Metadata-Version: 2.1\nName: {package}\nVersion: 1\n')
        points = f'[warmstart_planner.sources]\n{name} = {module}:{attribute}\n'
        (about / 'entry_points.txt').write_text(points)
        monkeypatch.syspath_prepend(str(folder))
        return folder

    return install


@pytest.fixture(scope='session')
def make_problem():
    """Build a problem: a straight road of 300 m, the car at station 20, unless told otherwise."""

    def make(start=(20.0, 0.0, 0.0, 8.0, 0.0), road=None, **rest):
        given = {'goal': KeepSpeed(8.0), **rest}
        road = road or road_from_segments([(300.0, 0.0, 0.0)], 3.5, 3.5, 15.0)
        return PlanningProblem(initial_state=np.array(start, dtype=float), road=road, **given)

    return make


@pytest.fixture(scope='session')
def loops():
    """
    Return roads that come by the same places more than once, by name.

    `circle`: 1.3 laps; `cloverleaf`: a ramp that crosses the road it left; `eight`: two loops,
    after which it lies on its own beginning; `hairpin`: back beside itself.
    """
    radius = 20.0
    bend = 1.5 * np.pi * radius
    left, right = (bend, 1 / radius, 1 / radius), (bend, -1 / radius, -1 / radius)
    straight = (60.0, 0.0, 0.0)
    segments = {
        'circle': [(1.3 * 2 * np.pi * 30.0, 1 / 30.0, 1 / 30.0)],
        'cloverleaf': [straight, left, straight],
        'eight': [straight, left, (2 * radius, 0.0, 0.0), right, straight],
        'hairpin': [straight, (np.pi * 6.0, 1 / 6.0, 1 / 6.0), straight],
    }
    return {name: road_from_segments(each, 3.0, 3.0, 10.0) for name, each in segments.items()}


@pytest.fixture(scope='session')
def straight_line():
    """Return the straight-line start of a problem."""
    return lambda problem: StraightLine().propose(problem)[0].trajectory


@pytest.fixture(scope='session')
def move_problem():
    """Put a problem elsewhere in the map: turn the world by yaw about 0, then shift it."""

    def moved(problem, x, y, yaw):
        place = rigid_motion(x, y, yaw)
        road = problem.road
        pose = place(np.stack([road.x, road.y, road.heading], axis=-1))
        goal = problem.goal
        if isinstance(goal, PoseGoal):
            goal = PoseGoal(*place(np.array([goal.x, goal.y, goal.yaw])), goal.speed, goal.station)
        return replace(
            problem,
            initial_state=place(problem.initial_state),
            road=replace(road, x=pose[:, 0], y=pose[:, 1], heading=pose[:, 2]),
            obstacles=tuple(replace(o, poses=place(o.poses)) for o in problem.obstacles),
            goal=goal,
        )

    return moved


@pytest.fixture(scope='session')
def move_trajectory():
    """Put a trajectory elsewhere, as `move_problem` does."""

    def moved(trajectory, x, y, yaw):
        return replace(trajectory, states=rigid_motion(x, y, yaw)(trajectory.states))

    return moved


@pytest.fixture(scope='session')
def mirror_problem():
    """Mirror a problem at the x axis: left becomes right."""

    def mirrored(problem):
        road = problem.road
        return replace(
            problem,
            initial_state=MIRROR * problem.initial_state,
            road=replace(
                road,
                y=-road.y,
                heading=-road.heading,
                curvature=-road.curvature,
                left_width=road.right_width,
                right_width=road.left_width,
            ),
            obstacles=tuple(replace(o, poses=MIRROR[:3] * o.poses) for o in problem.obstacles),
        )

    return mirrored


@pytest.fixture(scope='session')
def mirror_trajectory():
    """Mirror a trajectory at the x axis."""

    def mirrored(trajectory):
        controls = trajectory.controls * [1.0, -1.0]
        return Trajectory(trajectory.stamp, trajectory.dt, MIRROR * trajectory.states, controls)

    return mirrored


def rigid_motion(x, y, yaw):
    """Return the motion as a function of arrays that start with x, y, yaw."""

    def place(poses):
        c, s = np.cos(yaw), np.sin(yaw)
        result = np.array(poses, dtype=float)
        result[..., 0] = x + c * poses[..., 0] - s * poses[..., 1]
        result[..., 1] = y + s * poses[..., 0] + c * poses[..., 1]
        result[..., 2] = poses[..., 2] + yaw
        return result

    return place


@pytest.fixture(scope='session')
def write_model():
    """Return `write_braking_model`, where onnx is installed."""
    pytest.importorskip('onnx', reason='onnx is not installed: requirements/training.txt')
    return write_braking_model


@pytest.fixture(scope='session')
def write_policy():
    """Return `write_steady_policy`, where onnx is installed."""
    pytest.importorskip('onnx', reason='onnx is not installed: requirements/training.txt')
    return write_steady_policy
