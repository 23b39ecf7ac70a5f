# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
import json

import pytest
from commonroad_document import interval, rectangle, whole_document

from warmstart_planner.commands.search_missed import main
from warmstart_planner.evaluation.judge import CHECKS, is_installed

AHEAD = f'<position>{rectangle(50, 0, 10, 4)}</position>'
NAMES = ('missed', 'too_far', 'passed')


def row(name, failed):
    checks = {check: check not in failed for check in CHECKS}
    return {
        'file': f'{name}.xml',
        'scenario': name,
        'missed': ['place'] if failed else [],
        'judge': {'checks': checks, 'reasons': {}, 'costs': {}, 'error': ''},
    }


@pytest.fixture
def folder(tmp_path):
    """Three scenes and the rows of drives, which missed the first two."""
    late = AHEAD + interval('time', 15, 25)
    goals = dict(zip(NAMES, (late, AHEAD + interval('time', 1, 2), late), strict=True))
    (tmp_path / 'scenes').mkdir()
    for name, goal in goals.items():
        document = whole_document(goal=goal, obstacles='')
        (tmp_path / 'scenes' / f'{name}.xml').write_text(document)
    rows = [row('missed', ['goal']), row('too_far', ['goal']), row('passed', [])]
    (tmp_path / 'driven.json').write_text(json.dumps({'rows': rows}))
    return tmp_path


def run(folder, *more):
    given = ['--folder', folder / 'scenes', '--driven', folder / 'driven.json']
    given += ['--out', folder / 'found.json', '--widths', 200, '--workers', 1, *more]
    return main([str(each) for each in given])


@pytest.mark.skipif(not is_installed(), reason='no .venv-judge: make judge')
def test_what_drives_missed_is_searched_and_what_is_found_is_judged(folder, capsys):
    assert run(folder) == 0
    table = capsys.readouterr().out
    found = json.loads((folder / 'found.json').read_text())
    rows = {each['scenario']: each for each in found['rows']}
    assert set(rows) == {'missed', 'too_far'}
    assert rows['missed']['found']
    assert all(rows['missed']['judge']['checks'].values())
    assert (folder / 'driven' / 'missed.search.solution.xml').exists()
    assert not rows['too_far']['found']
    assert 'full acceleration' in rows['too_far']['impossible']
    assert 'found, passed' in table
    assert 'impossible' in table


@pytest.mark.skipif(not is_installed(), reason='no .venv-judge: make judge')
@pytest.mark.parametrize('content', ['{}', 'no json', '{"rows": [{"file": "a.xml"}]}'])
def test_rows_that_say_nothing_of_a_judge_are_an_error(content, folder, capsys):
    (folder / 'driven.json').write_text(content)
    assert run(folder) == 2
    assert 'driven.json' in capsys.readouterr().err
