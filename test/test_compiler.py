# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0

import pytest

from warmstart_planner import compiler


def test_source_that_does_not_compile_gives_the_words_of_the_compiler(tmp_path):
    source = tmp_path / 'broken.c'
    source.write_text('int f( { }\n')
    with pytest.raises(RuntimeError, match=r'failed on .*broken\.c:(.|\n)*error'):
        compiler.compile_library([source], tmp_path / 'broken.so')


def test_a_missing_compiler_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv('CC', 'no-such-compiler')
    with pytest.raises(RuntimeError, match="C compiler 'no-such-compiler'"):
        compiler.compile_library([tmp_path / 'a.c'], tmp_path / 'a.so')
