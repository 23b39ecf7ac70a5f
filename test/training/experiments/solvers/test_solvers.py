# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The compared solvers solve one problem: they agree where it has one minimum."""

import pytest

from training.experiments.solvers.acados_sqp import AcadosSqp
from training.experiments.solvers.interior_point import InteriorPoint
from training.experiments.solvers.scp import Scp
from warmstart_planner.obstacles import box
from warmstart_planner.problem import KeepSpeed, StopBefore
from warmstart_planner.road import road_from_segments
from warmstart_planner.verification import verify

pytestmark = pytest.mark.slow  # the first run compiles


@pytest.fixture(scope='module')
def solvers(formulation, judge):
    forms = {formulation.obstacles: formulation}
    return (
        Scp(judge),
        AcadosSqp(forms),
        InteriorPoint('fatrop', forms),
        InteriorPoint('ipopt', forms),
    )


def road(width):
    return road_from_segments([(60.0, 0.0, 0.0), (240.0, 0.0, 0.02)], width, width, 15.0)


PROBLEMS = {
    'free road': {'road': road(3.5), 'goal': KeepSpeed(11.0)},
    # narrower than the car with its margin: every node pays for the road rows
    'too narrow': {'road': road(0.95), 'goal': KeepSpeed(8.0)},
    # the stop row, which counts once at the end, cannot be met
    'too late to stop': {'road': road(3.5), 'goal': StopBefore(25.0, 8.0)},
    # the car creeps within the margin of a wall: every node pays for the obstacle's row
    'wall': {
        'start': (20.0, 0.0, 0.0, 0.3, 0.0),
        'road': road(3.5),
        'goal': KeepSpeed(1.0),
        'obstacles': (box('wall', [[24.3, 0.0, 0.0]], 1.0, 7.0),),
    },
}
PARKED = {'road': road(3.5), 'obstacles': (box('parked', [[50.0, -1.6, 0.05]], 4.5, 1.8),)}


START = {'start': (20.0, 0.2, 0.0, 8.0, 0.0)}


@pytest.mark.parametrize('name', PROBLEMS)
def test_all_solvers_find_the_same_minimum(name, solvers, make_problem, task_of, judge):
    task = task_of(make_problem(**START | PROBLEMS[name]))
    attempts = {solver.name: solver.solve(task) for solver in solvers}
    merits = {
        solver: judge.score(task.bound, attempt.trajectory).merit
        for solver, attempt in attempts.items()
    }
    assert merits == pytest.approx(dict.fromkeys(merits, min(merits.values())), rel=0.002)
    assert all(a.seconds > 0.0 and a.iterations > 0 for a in attempts.values())


def test_solutions_are_the_verifiers_trajectories(solvers, make_problem, task_of):
    problem = make_problem(**PARKED)
    task = task_of(problem)
    for solver in solvers:
        assert verify(problem, solver.solve(task).trajectory).feasible, solver.name


def test_a_second_solve_is_not_disturbed_by_the_first(solvers, make_problem, task_of, judge):
    first = task_of(make_problem(**PROBLEMS['free road']))
    other = task_of(make_problem(**PROBLEMS['too narrow']))
    for solver in solvers:
        alone = judge.score(first.bound, solver.solve(first).trajectory).merit
        solver.solve(other)
        again = judge.score(first.bound, solver.solve(first).trajectory).merit
        assert again == pytest.approx(alone, rel=1e-6), solver.name
