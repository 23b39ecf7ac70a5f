# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The end of a node ends the whole system where nothing could drive any more."""

import pytest

from warmstart_planner.processes.exit_status import BAD_START, GOOD, MISSED, NOT_DRIVEN, end_of_all

NODES = ('proposal', 'planner', 'controller', 'simulator')
DEATHS = (1, -9, -11)


@pytest.mark.parametrize('respawn', [True, False])
@pytest.mark.parametrize('node', NODES)
def test_a_node_that_cannot_start_is_a_failure_that_names_it(node, respawn):
    end = end_of_all(node, BAD_START, respawn)
    assert end.failed
    assert node in end.reason


@pytest.mark.parametrize('respawn', [True, False])
@pytest.mark.parametrize('status', [GOOD, *DEATHS])
def test_what_ends_later_comes_back_by_itself_or_by_hand(status, respawn):
    for node in ('proposal', 'planner', 'controller'):
        assert end_of_all(node, status, respawn) is None


def test_all_ends_with_the_drive_and_a_drive_without_its_goal_is_a_failure():
    assert not end_of_all('simulator', GOOD, True).failed
    assert end_of_all('simulator', MISSED, True).failed
    assert 'nothing was driven' in end_of_all('simulator', NOT_DRIVEN, True).reason


@pytest.mark.parametrize('status', DEATHS)
def test_a_simulator_that_dies_comes_back_or_is_a_failure(status):
    assert end_of_all('simulator', status, True) is None
    assert str(status) in end_of_all('simulator', status, False).reason
