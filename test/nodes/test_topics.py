# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The table of topics: complete, each once, with messages that exist and profiles that fit."""

import pytest

pytest.importorskip('rclpy', reason='ROS 2 is not installed')

from rclpy.qos import QoSCompatibility, qos_check_compatible

from warmstart_planner.nodes.topics import RECORDED, TOPICS, TRANSFORMS
from warmstart_planner.processes.system import NODE_TOPICS, VEHICLE_TOPICS

BY_NAME = {topic.name: topic for topic in TOPICS}


def test_it_has_each_topic_of_the_system_once():
    system = {name for topics in NODE_TOPICS.values() for name in topics.values()}
    assert len(BY_NAME) == len(TOPICS)
    assert system | set(VEHICLE_TOPICS) <= BY_NAME.keys()


@pytest.mark.parametrize('topic', TOPICS, ids=lambda topic: topic.name)
def test_its_messages_are_there(topic):
    pytest.importorskip('warmstart_planner.msg', reason='messages are not built: `make setup`')
    if topic is TRANSFORMS:
        pytest.importorskip('tf2_msgs', reason='tf2_msgs is not installed')
    assert topic.message.__name__ == topic.type.rpartition('/')[2]


@pytest.mark.parametrize('topic', TOPICS, ids=lambda topic: topic.name)
def test_who_receives_accepts_what_is_sent(topic):
    for profile in (topic.received, RECORDED):
        compatible, reason = qos_check_compatible(topic.sent, profile)
        assert compatible != QoSCompatibility.ERROR, reason
