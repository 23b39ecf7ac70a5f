# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The lanes' source: what is written, and that another structure is refused."""

import casadi as ca
import pytest

from warmstart_planner.objective import CostWeights
from warmstart_planner.problem import Horizon
from warmstart_planner.scp import functions, templates
from warmstart_planner.scp.templates import write_templates
from warmstart_planner.vehicle import load_vehicle

pytestmark = pytest.mark.filterwarnings('ignore::FutureWarning:casadi')


def write(folder, horizon=None):
    write_templates(load_vehicle(), CostWeights(), horizon or Horizon(), folder)
    return (folder / 'functions.hpp').read_text()


def test_horizon_and_constant_entries_of_the_dynamics_are_written_down(tmp_path):
    header = write(tmp_path, Horizon(dt=0.15, steps=40))
    assert 'STEPS = 40;' in header
    assert 'TIME_STEP = 0.15;' in header
    # speed and steering are what they were plus dt times the controls
    assert 'out[3] = z[3] + R(0.15) * y[0];' in header
    assert 'out[4] = z[4] + R(0.15) * y[1];' in header


@pytest.mark.parametrize(
    ('name', 'index', 'place', 'reported'),
    [
        ('stage_model', 6, (0, 3), r'S of the stage cost has an entry at \(0, 3\)'),
        ('stage_model', 7, (0, 1), r'R of the stage cost has an entry at \(0, 1\)'),
        ('stage_model', 10, (2, 3), r'C of the stage has an entry at \(2, 3\)'),
        ('stage_model', 11, (4, 1), r'D of the stage has an entry at \(4, 1\)'),
        ('terminal_model', 4, (4, 4), r'C of the end has an entry at \(4, 4\)'),
        ('obstacle_model', 1, (3, 0), r'gradient of obstacles has an entry at \(3, 0\)'),
    ],
)
def test_a_structure_that_the_lanes_are_not_coded_for_is_refused(
    tmp_path, monkeypatch, name, index, place, reported
):
    def changed(*given):
        result = []
        for function in functions.casadi_functions(*given):
            if function.name() == name:
                inputs = [ca.SX.sym('i', *function.size_in(i)) for i in range(function.n_in())]
                outputs = list(function(*inputs))
                outputs[index][place] = inputs[0][0]
                function = ca.Function(name, inputs, outputs)
            result.append(function)
        return result

    monkeypatch.setattr(templates, 'casadi_functions', changed)
    with pytest.raises(RuntimeError, match=reported):
        write(tmp_path)
