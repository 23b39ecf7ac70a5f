# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The generated solver behind its flat buffer."""

import numpy as np
import pytest

from warmstart_planner.generation import generated
from warmstart_planner.mpc.tracking.generate import generate
from warmstart_planner.mpc.tracking.parameters import StageParameters
from warmstart_planner.mpc.tracking.solver import NAME, TrackingSolver, library_name, solver_key
from warmstart_planner.road import road_from_segments
from warmstart_planner.transcription import Frame
from warmstart_planner.vehicle import step

ROAD = road_from_segments([(500.0, 0.0, 0.0)], 4.0, 4.0, 30.0)
INITIAL = np.array([0.0, 0.0, 0.0, 9.0, 0.02])


@pytest.fixture
def solve(settings, vehicle):
    """Return a function that solves one problem, a lane half a metre to the left."""
    states = np.zeros((settings.steps + 1, 5))
    states[:, 0] = np.arange(settings.steps + 1)
    states[:, 1], states[:, 3] = 0.5, 10.0
    controls = np.zeros((settings.steps + 1, 2))
    frame = Frame(0.0, 0.0, 0.0)
    parameters = StageParameters(settings, vehicle).pack(
        states, controls, frame, ROAD, 0.0, (), 1.0
    )

    def solved(solver, iterations_max=1, spoiled=False, time_limit=9.0):
        start = np.full_like(states, np.nan) if spoiled else states
        return solver.solve(
            INITIAL, parameters, start, controls[:-1], iterations_max, 1e-6, time_limit
        )

    return solved


def test_a_solution_starts_at_the_car_and_obeys_the_model(solve, settings, vehicle):
    solution = solve(TrackingSolver(settings, vehicle), iterations_max=50)
    assert solution.status == 'solved'
    assert solution.residual < 1e-6
    np.testing.assert_allclose(solution.states[0], INITIAL, atol=1e-6)
    following = step(solution.states[:-1].T, solution.controls.T, settings.dt, vehicle.wheelbase)
    np.testing.assert_allclose(np.stack(following, -1), solution.states[1:], atol=1e-5)


def test_iterations_continue_until_the_residual_is_small(solve, settings, vehicle):
    solver = TrackingSolver(settings, vehicle)
    once = solve(solver)
    converged = solve(solver, iterations_max=50)
    assert once.iterations == 1 < converged.iterations
    assert converged.residual < 1e-6 < once.residual
    assert solve(solver, iterations_max=2).status == 'iteration_limit'
    assert solve(solver, iterations_max=50, time_limit=0.0).status == 'time_limit'


def test_a_failed_solve_says_so_and_leaves_nothing_behind(solve, settings, vehicle):
    solver = TrackingSolver(settings, vehicle)
    before = solve(solver)
    failed = solve(solver, spoiled=True)
    after = solve(solver)
    assert before.usable and not failed.usable
    np.testing.assert_allclose(after.controls, before.controls, atol=1e-9)


def test_two_solvers_do_not_share_memory(solve, settings, vehicle):
    one, other = TrackingSolver(settings, vehicle), TrackingSolver(settings, vehicle)
    before = solve(one)
    solve(other, spoiled=True)
    np.testing.assert_allclose(solve(one).controls, before.controls, atol=1e-9)


def test_generating_again_changes_nothing(settings, vehicle):
    folder = generate(vehicle, settings)
    before = (folder / library_name()).stat().st_mtime_ns
    assert generate(vehicle, settings) == folder
    assert (folder / library_name()).stat().st_mtime_ns == before


def test_a_changed_library_is_refused(settings, vehicle, tmp_path, monkeypatch):
    original = generate(vehicle, settings)
    monkeypatch.setenv('WARMSTART_PLANNER_SOLVERS', str(tmp_path))
    copy = generated.solver_folder(NAME, solver_key(vehicle, settings))
    copy.mkdir()
    for name in ('card.json', library_name()):
        (copy / name).write_bytes((original / name).read_bytes())
    TrackingSolver(settings, vehicle)
    # a new file: writing into one that is loaded would take the process down
    (copy / library_name()).unlink()
    (copy / library_name()).write_bytes(b'something else')
    with pytest.raises(generated.SolverMissingError, match='missing or changed'):
        TrackingSolver(settings, vehicle)
