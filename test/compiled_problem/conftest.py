# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The compiled library of problems, there or not."""

import pytest

from warmstart_planner.compiled_problem import library


@pytest.fixture(scope='package', autouse=True)
def compiled():
    library.generate()
    library.load.cache_clear()


@pytest.fixture
def nothing_compiled(monkeypatch, tmp_path):
    """No solver is generated, and none has been looked for."""
    monkeypatch.setenv('WARMSTART_PLANNER_SOLVERS', str(tmp_path))
    library.load.cache_clear()
    yield
    library.load.cache_clear()
