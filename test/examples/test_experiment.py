# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""A new experiment has a command line, a target, its place among the layers, and measures."""

import importlib.util
import json
import subprocess
import sys

import pytest

for name in ('tyro', 'rich', 'tqdm'):
    pytest.importorskip(name, reason=f'{name} is not installed: requirements/development.txt')

MODULE = 'training.experiments.guesses.guesses'


@pytest.fixture(scope='module')
def tree(changed_tree):
    return changed_tree('experiment')


def test_its_help_shows_what_it_is_for_and_every_option(tree):
    shown = tree.python('-m', MODULE, '--help')
    for word in ('How often a car may simply go on', '--n', 'problems a tier', '--out'):
        assert word in shown


def test_what_cannot_be_used_is_one_line(tree):
    command = [sys.executable, '-m', MODULE, '--n', '0']
    done = subprocess.run(
        command, cwd=tree.folder, env=tree.environment, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (2, 'guesses: --n is 0: expected at least 1\n')


def test_it_measures_and_says_on_what(tree):
    said = tree.python('-m', MODULE, '--n', '1', '--out', 'found.json')
    written = json.loads((tree.folder / 'found.json').read_text())
    assert [row['tier'] for row in written['rows']] == ['easy', 'medium', 'hard']
    assert all(row['feasible_rate'] <= row['collision_free_rate'] for row in written['rows'])
    assert {'machine', 'versions', 'commit', 'seed'} <= written.keys()
    assert 'without collision' in said


def test_make_has_a_target_with_a_line_of_help(tree):
    assert f'-m {MODULE} --n ' in tree.run('make', '--dry-run', 'guesses', 'N=3')
    assert 'make guesses' in tree.run('make', 'help')


@pytest.mark.skipif(
    importlib.util.find_spec('importlinter') is None, reason='import-linter is not installed'
)
def test_it_has_its_place_among_the_layers(tree):
    call = (
        'from importlinter.cli import lint_imports; raise SystemExit(lint_imports(no_logo=True))'
    )
    assert 'broken' in tree.python('-c', call)
