# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The lanes' convex QP: its linearisation against CasADi, its solution against HPIPM."""

import ctypes
from pathlib import Path

import numpy as np
import pytest
from random_problems import random_problem

from warmstart_planner.generation import acados, compilation
from warmstart_planner.objective import CostWeights
from warmstart_planner.problem import Horizon
from warmstart_planner.proposals.cold_bundle import ColdBundle
from warmstart_planner.scp import library
from warmstart_planner.scp.functions import casadi_functions
from warmstart_planner.scp.settings import ScpSettings
from warmstart_planner.scp.solver import ScpSolver, localised
from warmstart_planner.transcription import control_bounds
from warmstart_planner.vehicle import load_vehicle

pytestmark = pytest.mark.filterwarnings('ignore::FutureWarning:casadi')

CAR, HORIZON, WEIGHTS = load_vehicle(), Horizon(), CostWeights()
STEPS, DT = HORIZON.steps, HORIZON.dt
SCALE = np.array(ScpSettings.state_scale + ScpSettings.control_scale)
ROWS, PLACE = 17, slice(0, 3)
NODE = np.dtype(
    [
        ('A', float, (5, 5)),
        ('B', float, (5, 2)),
        ('Q', float, (5, 5)),
        ('q', float, 5),
        ('R', float, 2),
        ('r', float, 2),
        ('row', float, (ROWS, 9)),  # value, whether it is there, gradient by state and control
        ('z', float, 5),
        ('y', float, 2),
    ]
)
ANSWER = np.dtype(
    [(n, float) for n in ('model', 'size', 'multiplier', 'iterations', 'complementarity', 'gap')]
)
KINDS = {'wide': 0, 'single': 1}
WORKING = {'complementarity': 2e-4, 'gap': 3e-3, 'limit': 50}
# Below 3e-9 the weights of active rows are so large that the recursion's rounding takes over.
TIGHT = {'complementarity': 1e-8, 'gap': 1e-9, 'limit': 100}


@pytest.fixture(scope='module')
def solver(scp_folder):
    return ScpSolver(CAR, HORIZON)


@pytest.fixture(scope='module')
def window(scp_folder, tmp_path_factory):
    """Solve the QPs about trajectories: nodes (K, N + 1) and answers (K,)."""
    output = tmp_path_factory.mktemp('window') / 'window.so'
    solver_library = str(scp_folder / library.LIBRARY)
    compilation.compile_library(
        compilation.CPP,
        [Path(__file__).with_name('qp_window.cpp')],
        output,
        [*library.include_options(scp_folder), solver_library, f'-Wl,-rpath,{scp_folder}'],
    )
    loaded = ctypes.CDLL(str(output))

    def solve(kind, bounds, trajectories, radius=1.0, penalty=WEIGHTS.violation, **settings):
        chosen = WORKING | settings
        question = np.array(
            [radius, penalty, WEIGHTS.violation_square]
            + [chosen[name] for name in ('complementarity', 'gap', 'limit')]
            + SCALE.tolist()
        )
        width = loaded.width(KINDS[kind])
        nodes = np.zeros((len(bounds), STEPS + 1), NODE)
        answers = np.zeros(len(bounds), ANSWER)
        states, controls = localised(bounds, trajectories)
        for first in range(0, len(bounds), width):
            group = slice(first, first + width)
            pointers = (ctypes.POINTER(library.ProblemStructure) * len(bounds[group]))(
                *(ctypes.pointer(bound.structure) for bound in bounds[group])
            )
            loaded.solve_qp(
                KINDS[kind],
                pointers,
                library.pointer(question),
                len(bounds[group]),
                library.pointer(np.ascontiguousarray(states[group])),
                library.pointer(np.ascontiguousarray(controls[group])),
                library.pointer(nodes[group]),
                library.pointer(answers[group]),
            )
        return nodes, answers

    return solve


@pytest.fixture(scope='module')
def cases(solver):
    """Bound problems and a driven trajectory each: eight problems, four ways through each."""
    bounds, trajectories = [], []
    for seed in range(4):
        for tier in ('medium', 'hard'):
            bound = solver.bind(random_problem(tier, seed, HORIZON))
            guesses = [p.trajectory for p in ColdBundle().propose(bound.problem)]
            chosen = guesses[:: len(guesses) // 4][:4]
            bounds += [bound] * len(chosen)
            trajectories += solver.roll_out_all(bound, chosen)
    return bounds, trajectories


def limits(bound, x, u, k, radius):
    """Lower and upper bounds of a node's deviations from state and control."""
    box = radius * SCALE
    lower = np.maximum(bound.numbers.state_lower[k] - x, -box[:5])
    upper = np.minimum(bound.numbers.state_upper[k] - x, box[:5])
    narrow = upper - lower < 2e-3  # the bound wins where the region does not reach it
    middle = np.where(
        upper < -box[:5], upper, np.where(lower > box[:5], lower, (lower + upper) / 2)
    )
    lower, upper = (np.where(narrow, middle + e, b) for e, b in ((-1e-3, lower), (1e-3, upper)))
    if k % 4:
        lower[PLACE], upper[PLACE] = -np.inf, np.inf
    least, most = control_bounds(CAR)
    return (
        np.append(lower, np.clip(least - u, -box[5:], 0.0)),
        np.append(upper, np.clip(most - u, 0.0, box[5:])),
    )


@pytest.fixture(scope='module')
def by_hpipm(tmp_path_factory):
    """Solve one lane's QP by HPIPM: its nodes with HPIPM's step."""
    output = tmp_path_factory.mktemp('hpipm') / 'hpipm.so'
    acados.compile_library([Path(__file__).with_name('hpipm.c')], output)
    acados.preload_libraries()
    loaded = ctypes.CDLL(str(output))
    loaded.solve_by_hpipm.argtypes = [
        ctypes.c_int,
        *[library.DOUBLES] * 3,
        *[ctypes.c_double] * 3,
    ]

    def solve(nodes, bound, trajectory, radius=1.0, penalty=WEIGHTS.violation, tolerance=1e-8):
        x, u = bound.localise(trajectory)
        lower, upper = (np.zeros((STEPS + 1, 7)) for _ in range(2))
        for k in range(STEPS + 1):
            inputs = u[k] if k < STEPS else np.zeros(2)
            lower[k], upper[k] = limits(bound, x[k], inputs, k, radius)
        answer = nodes.copy()
        status = loaded.solve_by_hpipm(
            STEPS,
            *(library.pointer(array) for array in (answer, lower, upper)),
            DT * penalty,
            DT * WEIGHTS.violation_square,
            tolerance,
        )
        assert status in (0, 2)  # solved, or steps as small as rounding
        return answer

    return solve


def objective_of(nodes, penalty=WEIGHTS.violation):
    """Return the convex model at the step that is in the nodes."""
    z, y = nodes['z'], nodes['y'][:-1]
    stages = nodes[:-1]
    value = np.einsum('ki,ki->', nodes['q'], z) + np.einsum('ki,ki->', stages['r'], y)
    value += np.einsum('ki,kij,kj->', z, nodes['Q'], z) / 2
    value += np.einsum('ki,ki,ki->', y, stages['R'], y) / 2
    steps = np.concatenate([z, nodes['y']], axis=1)
    rows = nodes['row'][..., 0] + np.einsum('krj,kj->kr', nodes['row'][..., 2:], steps)
    over = np.maximum(-rows, 0.0) * nodes['row'][..., 1]
    return value + DT * (penalty * over + WEIGHTS.violation_square / 2 * over**2).sum()


@pytest.mark.parametrize('radius', [0.2, 1.0, 4.0])
def test_run_tightly_the_lane_of_double_finds_hpipm_s_solution(window, by_hpipm, cases, radius):
    bounds, trajectories = (part[::2] for part in cases)
    lanes, answers = window('single', bounds, trajectories, radius, **TIGHT)
    for nodes, answer, *case in zip(lanes, answers, bounds, trajectories, strict=True):
        exact = by_hpipm(nodes, *case, radius)
        wanted = objective_of(exact)
        assert objective_of(nodes) == pytest.approx(wanted, rel=1e-6, abs=1e-5)
        assert answer['model'] == pytest.approx(wanted, rel=1e-6, abs=1e-5)
        np.testing.assert_allclose(nodes['z'] / SCALE[:5], exact['z'] / SCALE[:5], atol=0.02)


@pytest.mark.parametrize('radius', [0.2, 1.0, 4.0])
@pytest.mark.parametrize('kind', KINDS)
def test_at_working_tolerance_every_lane_is_as_good_as_a_step_needs(
    window, by_hpipm, cases, kind, radius
):
    bounds, trajectories = cases
    lanes, answers = window(kind, bounds, trajectories, radius)
    gaps = []
    for nodes, *case in zip(lanes, bounds, trajectories, strict=True):
        wanted = objective_of(by_hpipm(nodes, *case, radius))
        gaps.append((objective_of(nodes) - wanted) / (1.0 + abs(wanted)))
    # starts that hit something and may hardly move have QPs that are hard to solve
    assert (answers['iterations'] < WORKING['limit']).mean() > 0.9
    assert np.median(gaps) < 1e-3
    assert np.quantile(gaps, 0.9) < 1e-2


@pytest.mark.parametrize('kind', KINDS)
def test_the_step_is_within_its_bounds_and_obeys_the_dynamics(window, cases, kind):
    bounds, trajectories = (part[::4] for part in cases)
    lanes, answers = window(kind, bounds, trajectories, 1.0)
    for nodes, answer, bound, trajectory in zip(lanes, answers, bounds, trajectories, strict=True):
        x, u = bound.localise(trajectory)
        z, y = nodes['z'], nodes['y'][:-1]
        following = np.einsum('kij,kj->ki', nodes['A'][:-1], z[:-1])
        following += np.einsum('kij,kj->ki', nodes['B'][:-1], y)
        np.testing.assert_allclose(z[1:], following, atol=0.02 * SCALE[:5].max())
        for k in range(1, STEPS):
            lower, upper = limits(bound, x[k], u[k], k, 1.0)
            step = np.concatenate([z[k], y[k]])
            assert (step >= lower - 1e-5).all()
            assert (step <= upper + 1e-5).all()
        sizes = np.abs(np.concatenate([z / SCALE[:5], nodes['y'] / SCALE[5:]], axis=1))
        assert answer['size'] == pytest.approx(sizes.max(), rel=1e-5)


def test_the_linearisation_is_casadi_s(window, solver, cases):
    bounds, trajectories = (part[::8] for part in cases)
    functions = {f.name(): f for f in casadi_functions(CAR, WEIGHTS, DT)}
    for kind, tolerance in (('single', 1e-9), ('wide', 2e-4)):
        lanes, _ = window(kind, bounds, trajectories)
        for nodes, bound, trajectory in zip(lanes, bounds, trajectories, strict=True):
            x, u = bound.localise(trajectory)
            road = bound.numbers.road
            for k in (0, 1, 17, STEPS - 1):
                model = functions['stage_model'](x[k], u[k], road)
                _, _, rows, A, B, Q, _, R, q, r, C, D = (np.array(each) for each in model)
                own = nodes[k]
                wanted = {'A': A, 'B': B, 'Q': Q, 'q': q.ravel(), 'R': np.diag(R), 'r': r.ravel()}
                for name, value in wanted.items():
                    close(own[name], value, tolerance)
                grip = np.concatenate([[rows[4, 0], 1.0], C[4], D[4]])
                close(own['row'][-1], grip, tolerance)
                if k > 0:
                    close(own['row'][:4, 0], rows[:4, 0], tolerance)
                    close(own['row'][:4, 2:7], C[:4], tolerance)
            _, rows, Q, q, C = (
                np.array(each) for each in functions['terminal_model'](x[-1], road)
            )
            end = nodes[-1]
            close(end['Q'], Q, tolerance)
            close(end['q'], q.ravel(), tolerance)
            close(end['row'][-1, :7], np.concatenate([[rows[4, 0], 1.0], C[4]]), tolerance)


def close(value, wanted, tolerance):
    np.testing.assert_allclose(
        value, wanted, rtol=tolerance, atol=tolerance * np.abs(wanted).max()
    )


def test_a_row_of_an_obstacle_is_an_inner_approximation_of_being_apart(window, cases):
    """Where the row's half-plane holds at the current place, car and obstacle are apart there."""
    bounds, trajectories = cases
    lanes, _ = window('single', bounds, trajectories)
    functions = {f.name(): f for f in casadi_functions(CAR, WEIGHTS, DT)}
    obstacle_value = functions['obstacle_value']
    seen, reach = 0, 2 * SCALE[0]
    for nodes, bound, trajectory in zip(lanes[::4], bounds[::4], trajectories[::4], strict=True):
        x, _ = bound.localise(trajectory)
        for k in range(1, STEPS + 1, 7):
            numbers = [float(obstacle_value(x[k], o[k])) for o in bound.numbers.obstacles]
            values = [row[0] for row in nodes[k]['row'][4:-1] if row[1] > 0.5]
            near = [number for number in numbers if number <= reach]
            # circles about the shapes decide too: across a corner they are farther apart
            assert len(values) <= len(near)
            if len(values) == len(near):
                assert (np.array(values) <= np.array(near) + 0.05).all()
                seen += len(values)
    assert seen > 20
