# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""CasADi's interior-point solvers, IPOPT and fatrop, on the compiled programme."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import casadi as ca
import numpy as np

from training.experiments.solvers.nlp import Formulation, Programme, Task, compile_programme
from training.experiments.solvers.solving import Attempt, trajectory_of

ITERATIONS_MAX = 100  # twice as many take twice as long on failures and solve no more
TOLERANCE = 1e-3  # 1e-4 takes a tenth longer and changes no verdict
MU_START = 1e-1
SLACK_START = 0.03  # beyond a row's violation: on their bound, fatrop may find no way [m]

IPOPT = {
    'print_level': 0,
    'sb': 'yes',
    'linear_solver': 'mumps',
    'max_iter': ITERATIONS_MAX,
    'tol': TOLERANCE,
    'mu_init': MU_START,
}
FATROP = {
    'print_level': 0,
    'max_iter': ITERATIONS_MAX,
    'tolerance': TOLERANCE,
    'mu_init': MU_START,
}


class InteriorPoint:
    """One of CasADi's solvers, with a compiled programme for each number of obstacles."""

    def __init__(self, name: str, formulations: dict[int, Formulation]) -> None:
        """
        Load the programmes, compiling what is missing; keys are capacities.

        Args:
            name: 'ipopt' or 'fatrop'.
            formulations: by the number of obstacles.

        """
        make = {'ipopt': _ipopt, 'fatrop': _fatrop}[name]
        self.name = name
        self._programmes = {c: Programme(form) for c, form in formulations.items()}
        libraries = {c: compile_programme(form) for c, form in formulations.items()}
        self._rows = {c: ca.external('nlp_g', str(path)) for c, path in libraries.items()}
        self._solvers = {c: make(p, self._programmes[c]) for c, p in libraries.items()}

    def solve(self, task: Task) -> Attempt:
        """Solve; the time is the solver's own, without the conversion of numbers."""
        capacity = task.capacity()
        solver, programme = self._solvers[capacity], self._programmes[capacity]
        arguments = programme.arguments(task)
        # from slacks about the violations both solvers are faster than from slacks of 0
        rows = self._rows[capacity](arguments['x0'], arguments['p'])
        slacks = programme.slacks(np.asarray(rows).ravel()) + SLACK_START
        arguments['x0'] = programme.pack(task.states, task.controls, slacks)
        solution = solver(**arguments)
        stats = solver.stats()
        variables = np.asarray(solution['x']).ravel()
        states, controls = programme.unpack(variables, task.states[0])
        return Attempt(
            trajectory_of(task, states, controls),
            float(stats['t_wall_total']),
            int(stats['iter_count']),
            str(stats['return_status']),
        )


def _ipopt(library: Path, programme: Programme) -> Any:
    own = {
        'grad_f': ca.external('ipopt_grad_f', str(library)),
        'hess_lag': ca.external('ipopt_hess_l', str(library)),
    }
    options = {
        'calc_lam_p': False,
        'no_nlp_grad': True,
        'print_time': False,
        'record_time': True,
        'ipopt': IPOPT,
        **own,
    }
    return ca.nlpsol('ipopt', 'ipopt', str(library), options)


def _fatrop(library: Path, programme: Programme) -> Any:
    states, controls, rows = programme.stage_sizes
    options = {
        'calc_lam_p': False,
        'print_time': False,
        'record_time': True,
        'structure_detection': 'manual',
        'N': programme.steps,
        'nx': states,
        'nu': controls,
        'ng': rows,
        'fatrop': FATROP,
    }
    return ca.nlpsol('fatrop', 'fatrop', str(library), options)
