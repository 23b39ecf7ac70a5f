# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Diagnostics find what is too slow, too late or wrong, and forget it when it is over."""

from types import SimpleNamespace

import pytest

pytest.importorskip('rclpy', reason='ROS 2 is not installed')

from diagnostic_msgs.msg import DiagnosticStatus

from warmstart_planner.nodes.managed_node.diagnostics import (
    CountTask,
    DeadlineTask,
    Diagnostics,
    LifecycleTask,
    RateTask,
    StateTask,
)

OK, WARN, ERROR = DiagnosticStatus.OK, DiagnosticStatus.WARN, DiagnosticStatus.ERROR
STALE = DiagnosticStatus.STALE


class Watch:
    def __init__(self):
        self.time = 0.0

    def __call__(self):
        return self.time


@pytest.mark.parametrize(('ticks', 'level'), [(10, OK), (9, OK), (5, WARN), (0, ERROR)])
def test_a_rate_is_judged_against_the_expected_one(ticks, level):
    watch = Watch()
    task = RateTask('rate', 10.0, watch)
    task()
    for _ in range(ticks):
        task.tick()
    watch.time = 1.0
    assert task().level == level


def test_a_rate_is_not_judged_while_simulated_time_stands_still():
    task = RateTask('rate', 10.0, Watch())
    task()
    assert task().level == OK


def test_missed_deadlines_are_told_once_and_counted_for_ever():
    task = DeadlineTask('work', 0.05)
    for duration in (0.01, 0.06, 0.2):
        task.record(duration)
    found = task()
    assert found.level == WARN
    assert found.values['missed'] == '2 of 3'
    assert found.values['worst_ms'] == '200.0'
    later = task()
    assert later.level == OK
    assert later.values['missed_total'] == '2'


def test_new_rejections_warn_until_they_are_told():
    task = CountTask('input')
    task.count('state')
    task.count('state')
    assert task().level == WARN
    again = task()
    assert again.level == OK
    assert again.values == {'state': '2'}
    assert task.total('state') == 2


def test_the_newest_state_is_told():
    task = StateTask('rung')
    task.set(ERROR, 'braking', rung='braking')
    assert (task().level, task().message) == (ERROR, 'braking')


def test_all_tasks_travel_in_one_message_under_the_nodes_name(ros_node):
    import rclpy
    from diagnostic_msgs.msg import DiagnosticArray

    received = []
    ros_node.create_subscription(DiagnosticArray, '/diagnostics', received.append, 10)
    diagnostics = Diagnostics(ros_node)
    diagnostics.add(CountTask('input'))
    diagnostics.add(StateTask('rung'))
    diagnostics.add(StateTask('rung'))
    for _ in range(100):
        rclpy.spin_once(ros_node, timeout_sec=0.1)
        if received:
            break
    assert [s.name for s in received[0].status] == ['tested: input', 'tested: rung']


def test_the_diagnostics_of_a_node_in_a_namespace_carry_it(ros_node):
    import rclpy

    sent = []
    node = rclpy.create_node('tested', namespace='fleet/car1')
    diagnostics = Diagnostics(node)
    diagnostics._publisher = SimpleNamespace(publish=sent.append)
    diagnostics.add(StateTask('rung'))
    diagnostics.publish()
    node.destroy_node()
    assert [each.name for each in sent[0].status] == ['fleet/car1/tested: rung']


# --- silence, and the lifecycle ---


def test_what_was_found_long_ago_is_told_as_silence():
    watch = Watch()
    task = StateTask('rung', silence=2.0, now=watch)
    task.set(OK, 'optimised', rung='optimised')
    watch.time = 1.5
    assert (task().level, task().message) == (OK, 'optimised')
    watch.time = 5.0
    assert task().level == STALE
    assert task().message == 'silent for 5 s, before: optimised'
    assert task().values == {}
    task.set(OK, 'optimised')
    assert task().level == OK


def test_what_holds_until_it_is_replaced_never_falls_silent():
    watch = Watch()
    task = StateTask('run', now=watch)
    task.set(OK, 'driving')
    watch.time = 1e6
    task.restart()
    assert (task().level, task().message) == (OK, 'driving')


def test_a_node_that_begins_to_work_again_tells_nothing_of_before():
    watch = Watch()
    rate, rung = RateTask('rate', 10.0, watch), StateTask('rung', 2.0, watch)
    deadline = DeadlineTask('work', 0.05)
    rate()
    rung.set(ERROR, 'braking')
    deadline.record(0.3)
    watch.time = 60.0
    for task in (rate, rung, deadline):
        task.restart()
    assert {task().level for task in (rate, rung, deadline)} == {OK}


@pytest.mark.parametrize('state', ['unconfigured', 'inactive', 'finalized'])
def test_of_a_node_that_is_not_active_only_its_state_and_what_lasts_is_told(ros_node, state):
    sent = []
    diagnostics = Diagnostics(ros_node, lambda: state)
    diagnostics._publisher = SimpleNamespace(publish=sent.append)
    rung, count = StateTask('rung'), CountTask('input')
    rung.set(OK, 'optimised', rung='optimised')
    count.count('state')
    for task in (LifecycleTask(lambda: state), rung, count):
        diagnostics.add(task)
    diagnostics.publish()
    reported = {each.name.split(': ')[1]: each for each in sent[0].status}
    assert (reported['lifecycle'].level, reported['lifecycle'].message) == (WARN, state)
    assert (reported['rung'].level, reported['rung'].message) == (STALE, state)
    assert [(each.key, each.value) for each in reported['rung'].values] == [('lifecycle', state)]
    assert (reported['input'].level, reported['input'].message) == (WARN, '1 new')
