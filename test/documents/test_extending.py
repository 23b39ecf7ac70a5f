# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""What docs/extending.md shows is the examples' own text, which other tests run."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r'```(?:python|toml|diff)\n(.*?)```', re.DOTALL)
SUFFIXES = ('.py', '.toml', '.patch')
EXAMPLES = {
    'A source': 'braking_source',
    'A cost term': 'cost_term',
    'A kind of goal': 'goal_kind',
    'An experiment': 'experiment',
    'A token layout': 'token_layout',
}


def section(title):
    """Return a section of the document."""
    text = (ROOT / 'docs' / 'extending.md').read_text()
    return text.split(f'\n## {title}\n', 1)[1].split('\n## ', 1)[0]


@pytest.mark.parametrize(('title', 'example'), EXAMPLES.items())
def test_a_section_shows_its_example_as_it_is(title, example):
    folder = ROOT / 'examples' / example
    files = [path.read_text() for path in folder.rglob('*') if path.suffix in SUFFIXES]
    blocks = BLOCK.findall(section(title))
    assert blocks
    for block in blocks:
        assert any(block in text for text in files), block


def test_all_examples_are_named_and_tested():
    text = (ROOT / 'docs' / 'extending.md').read_text()
    for folder in (ROOT / 'examples').iterdir():
        assert f'(../examples/{folder.name})' in text
        assert (ROOT / 'test' / 'examples' / f'test_{folder.name}.py').is_file()
