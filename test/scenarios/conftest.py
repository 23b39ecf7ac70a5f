# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""CommonRoad files from their text."""

import pytest

from warmstart_planner.scenarios import load_scenario


@pytest.fixture
def read(tmp_path):
    def from_text(text):
        path = tmp_path / 'trial.xml'
        path.write_text(text)
        return load_scenario(path)

    return from_text
