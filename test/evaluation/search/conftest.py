# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""A small scene, read from a file as all others are."""

import pytest
from commonroad_document import whole_document

from warmstart_planner.evaluation.search.motion import published
from warmstart_planner.evaluation.search.task import task_of
from warmstart_planner.files.vehicle_file import load_description
from warmstart_planner.scenarios import load_scenario


@pytest.fixture(scope='session')
def scene(tmp_path_factory):
    """Return a function that reads a document of the given parts."""

    def read(**parts):
        path = tmp_path_factory.mktemp('scene') / 'ZAM_Test-1_1.xml'
        path.write_text(whole_document(**parts))
        return load_scenario(path)

    return read


@pytest.fixture
def task(scene):
    """Return a function that reads a document: its task, the widest limits, its scenario."""

    def read(**parts):
        scenario = scene(**parts)
        limits = published(load_description(scenario.vehicle))
        return task_of(scenario, limits), limits, scenario

    return read
