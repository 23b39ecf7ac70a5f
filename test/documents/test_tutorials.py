# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The tutorials: their commands are typed and their programs are run, in an empty folder."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / 'docs' / 'tutorials'
BLOCK = re.compile(r'^```(\w*)\n(.*?)^```$', re.DOTALL | re.MULTILINE)
NEEDS = {'training': 'torch'}
RECORDED = ROOT.parent / 'shared' / 'scenarios'


@pytest.mark.slow
@pytest.mark.parametrize('path', sorted(FOLDER.glob('*.md')), ids=lambda path: path.stem)
def test_a_tutorial_works(path, tmp_path, make, python, planner_solvers):
    if path.stem in NEEDS:
        pytest.importorskip(NEEDS[path.stem], reason=f'{NEEDS[path.stem]} is not installed')
    text = path.read_text(encoding='utf-8')
    if '../shared' in text:
        if not RECORDED.is_dir():
            pytest.skip(f'no recorded scenarios in {RECORDED}')
        text = text.replace('../shared/scenarios', str(RECORDED))
    blocks = BLOCK.findall(text)
    for language, block in blocks:
        for command in () if language else block.splitlines():
            make(command, tmp_path)
    program = tmp_path / 'program.py'
    program.write_text('\n'.join(block for language, block in blocks if language == 'python'))
    python(tmp_path, str(program))
    assert list(tmp_path.glob('*.png'))


def test_all_tutorials_are_in_the_site_s_navigation():
    navigation = (ROOT / 'mkdocs.yml').read_text(encoding='utf-8')
    for path in FOLDER.glob('*.md'):
        assert f'tutorials/{path.name}' in navigation
