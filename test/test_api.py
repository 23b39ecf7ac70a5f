# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""What `import warmstart_planner` offers: its names, how late they are imported, what they do."""

import ast
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import warmstart_planner as wp
from warmstart_planner.planning import planner as planning
from warmstart_planner.problem import Horizon, Rung
from warmstart_planner.simulation.closed_loop import Drive

ROOT = Path(__file__).resolve().parents[1]
HEAVY = {'numpy', 'scipy', 'casadi', 'matplotlib', 'onnxruntime', 'acados'}


def python(code, folder=ROOT):
    """Run code in a Python of its own; return what it prints."""
    done = subprocess.run(
        [sys.executable, '-c', code], cwd=folder, capture_output=True, text=True, check=True
    )
    return done.stdout


class SoftBraking:
    name = 'soft_braking'

    def propose(self, problem, previous=None):
        controls = np.tile([-1.0, 0.0], (problem.horizon.steps, 1))
        return [wp.Proposal(self.name, wp.rolled_out(problem, controls))]


class TestNames:
    def test_each_is_there_and_is_what_its_module_calls_so(self):
        for name in wp.__all__:
            assert getattr(wp, name).__name__ == name

    def test_completion_and_star_import_show_them_all(self):
        assert set(wp.__all__) <= set(dir(wp))
        assert python('from warmstart_planner import *; print(Road.__name__)').strip() == 'Road'

    def test_none_is_also_a_module_which_would_take_its_place_once_imported(self):
        assert [name for name in wp.__all__ if find_spec(f'warmstart_planner.{name}')] == []

    def test_another_name_is_an_error_that_says_so(self):
        with pytest.raises(AttributeError, match="'warmstart_planner' has no attribute 'Rode'"):
            wp.Rode  # noqa: B018

    def test_type_checkers_are_told_of_the_same_names_in_the_same_modules(self):
        tree = ast.parse((ROOT / 'warmstart_planner' / '__init__.py').read_text())
        reported = {
            alias.asname: node.module.removeprefix('warmstart_planner.')
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and node.module.startswith('warmstart_planner.')
            for alias in node.names
        }
        assert reported == wp._MODULES
        assert (ROOT / 'warmstart_planner' / 'py.typed').is_file()

    def test_importing_the_package_imports_nothing_that_takes_time(self):
        code = 'import sys, warmstart_planner; print(*sys.modules)'
        loaded = set(python(code).split())
        assert not loaded & HEAVY
        assert [name for name in loaded if name.startswith('warmstart_planner.')] == []

    def test_a_name_imports_no_more_than_it_needs(self):
        loaded = set(
            python('import sys, warmstart_planner as w; w.Road; print(*sys.modules)').split()
        )
        assert 'numpy' in loaded
        assert not loaded & (HEAVY - {'numpy'})


class TestPlanner:
    def test_sources_are_given_by_name_or_as_objects_and_no_others_are_asked(
        self, planner_solvers, make_problem
    ):
        planner = wp.Planner(sources=['straight_line', SoftBraking()])
        plan = wp.plan(make_problem(), planner)
        assert {each.proposal.source for each in plan.candidates} == {
            'straight_line', 'soft_braking',
        }  # fmt: skip
        assert (plan.result.rung, plan.result.feasible) == (Rung.OPTIMISED, True)

    def test_by_default_the_search_and_the_learned_model_are_asked(
        self, planner_solvers, make_problem
    ):
        plan = wp.plan(make_problem())
        assert {each.proposal.source for each in plan.candidates} == {
            'guided', 'decision_transformer',
        }  # fmt: skip

    def test_a_planner_is_one_for_a_cycle_too(self, planner_solvers, make_problem):
        planner = wp.Planner(sources=[SoftBraking()])
        assert isinstance(planner, planning.Planner)
        planner.plan(make_problem(), deadline=float('inf'))
        problem = make_problem((20.8, 0.0, 0.0, 8.0, 0.0), stamp=0.1)
        later = planner.plan(problem, deadline=float('inf'))
        assert later.candidates == 2, 'the plan in use takes part'

    @pytest.mark.parametrize('given', [3.0, None, {'name': 'dictionary'}])
    def test_what_is_no_source_is_refused(self, given):
        with pytest.raises(ValueError, match='sources has .*: expected a name, or an object with'):
            wp.Planner(sources=[given])

    def test_an_unknown_name_is_refused_with_the_known_ones(self):
        with pytest.raises(ValueError, match="'oracle': expected some of decision_transformer, "):
            wp.Planner(sources=['oracle'])


class TestPlan:
    def test_it_depends_on_nothing_that_was_planned_before(self, planner_solvers, make_problem):
        planner = wp.Planner(sources=['straight_line'])
        problem = make_problem((20.0, 0.5, 0.05, 8.0, 0.0))
        first = wp.plan(problem, planner)
        wp.plan(make_problem((20.0, -0.5, -0.05, 8.0, 0.0)), planner)
        again = wp.plan(problem, planner)
        np.testing.assert_array_equal(
            first.result.trajectory.states, again.result.trajectory.states
        )

    def test_it_says_on_which_rung_it_is_who_started_it_and_what_it_costs(
        self, planner_solvers, make_problem
    ):
        plan = wp.plan(make_problem(), wp.Planner(sources=['straight_line']))
        cost = f'{plan.result.cost:.2f}'
        assert str(plan) == f'optimised, started by straight_line: cost {cost}, 1 candidates'

    def test_a_problem_for_another_horizon_than_the_planner_s_is_refused(
        self, planner_solvers, make_problem
    ):
        with pytest.raises(ValueError, match='horizon'):
            wp.plan(make_problem(horizon=Horizon(steps=30)), wp.Planner(sources=['straight_line']))


class TestDriveAndPlot:
    @pytest.mark.slow
    def test_a_scenario_is_driven_by_its_name_and_drawn(self, planner_solvers, tmp_path):
        from warmstart_planner.mpc.settings import ControllerSettings
        from warmstart_planner.mpc.tracking.generate import generate

        generate(wp.load_vehicle(), ControllerSettings())
        drive = wp.drive('free_road', wp.Planner(sources=['straight_line']))
        assert isinstance(drive, Drive)
        assert drive.safe
        wp.plot(drive, tmp_path / 'drive.png')
        assert Image.open(tmp_path / 'drive.png').format == 'PNG'

    def test_what_can_not_be_drawn_is_refused(self, tmp_path):
        with pytest.raises(ValueError, match='what to plot is 3: expected what plan'):
            wp.plot(3, tmp_path / 'picture.png')


def test_the_lines_in_the_readme_run_and_draw_a_plan(planner_solvers, tmp_path):
    """Elsewhere than in the checkout, as a reader would run them."""
    text = (ROOT / 'README.md').read_text()
    lines = re.search(r'```python\n(import warmstart_planner.*?)```', text, re.DOTALL)[1]
    code = f'import sys; sys.path.insert(0, {str(ROOT)!r})\n{lines}'
    said = python(code, tmp_path)
    assert re.match(r'optimised, started by \w+: cost \d', said)
    assert len(lines.splitlines()) <= 10
    with Image.open(tmp_path / 'plan.png') as picture:
        colors = len(picture.convert('RGB').getcolors(picture.width * picture.height))
        assert picture.width > 1000
        assert colors > 100, 'a blank page'
