# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""What docs/extending.md shows is the examples' own text, which other tests run."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r'```(?:python|toml)\n(.*?)```', re.DOTALL)


def section(title):
    """Return a section of the document."""
    text = (ROOT / 'docs' / 'extending.md').read_text()
    return text.split(f'\n## {title}\n', 1)[1].split('\n## ', 1)[0]


@pytest.mark.parametrize(('title', 'example'), [('A source', 'braking_source')])
def test_a_section_shows_its_example_as_it_is(title, example):
    folder = ROOT / 'examples' / example
    files = [path.read_text() for path in folder.iterdir() if path.is_file()]
    blocks = BLOCK.findall(section(title))
    assert blocks
    for block in blocks:
        assert any(block in text for text in files), block
