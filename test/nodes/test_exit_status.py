# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The end of a node ends the whole system where nothing could drive any more."""

import pytest

from warmstart_planner.nodes.exit_status import BAD_START, GOOD, NOT_DRIVEN, failure

NODES = ('proposal', 'planner', 'controller', 'simulator')


@pytest.mark.parametrize('node', NODES)
def test_a_node_that_cannot_start_is_a_failure_that_names_it(node):
    assert node in failure(node, BAD_START)


@pytest.mark.parametrize('node', NODES)
def test_a_good_end_is_no_failure(node):
    assert failure(node, GOOD) is None


@pytest.mark.parametrize('status', [1, -9, -11])
def test_what_dies_later_may_come_back(status):
    for node in ('proposal', 'planner', 'controller'):
        assert failure(node, status) is None


def test_a_simulator_that_nobody_drove_or_that_died_is_a_failure():
    assert 'nothing was driven' in failure('simulator', NOT_DRIVEN)
    assert '-11' in failure('simulator', -11)
