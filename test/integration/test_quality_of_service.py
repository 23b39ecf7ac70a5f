# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Topics have the quality of service that the table says, or that parameters say instead."""

import pytest

from warmstart_planner.processes.system import NODE_TOPICS

OF_ROS = ('/parameter_events', '/rosout', '/transition_event', '/clock')
REFERENCE = 'qos_overrides./controller/input/trajectory.subscription'


def make(name):
    from warmstart_planner.nodes.controller import ControllerNode
    from warmstart_planner.nodes.planner import PlannerNode
    from warmstart_planner.nodes.proposal import ProposalNode
    from warmstart_planner.nodes.simulator import SimulatorNode

    classes = (ProposalNode, PlannerNode, ControllerNode, SimulatorNode)
    return {each.__name__.removesuffix('Node').lower(): each for each in classes}[name]()


def words(profile):
    """Return a profile as the table tells it."""
    policies = (profile.reliability.name, profile.durability.name)
    texts = [name.lower().replace('_', ' ') for name in policies]
    return f'{", ".join(texts)}, {profile.depth}'


# --- what comes from outside ---


def best_effort():
    from rclpy.qos import QoSProfile, ReliabilityPolicy

    return QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)


def test_drivers_may_send_the_cars_state_and_obstacles_as_they_send_sensor_data(rig, solvers):
    from warmstart_planner import msg
    from warmstart_planner.nodes.messages import to_time

    node = rig.run(make('planner'))
    statuses = rig.collect(msg.PlanStatus, '/planner/output/status')
    state = rig.sender(msg.VehicleState, '/planner/input/state', best_effort())
    obstacles = rig.sender(msg.ObstacleArray, '/planner/input/obstacles', best_effort())

    def both_are_heard():
        header = msg.VehicleState().header
        header.stamp, header.frame_id = to_time(node.now()), 'map'
        obstacles(msg.ObstacleArray(header=header))
        state(msg.VehicleState(header=header, friction=1.0))
        return statuses[-1:] and statuses[-1].message == 'cannot plan: no road yet'

    rig.until(both_are_heard)


def test_who_offers_what_cannot_be_accepted_is_told(rig, solvers, capfd):
    from warmstart_planner import msg

    rig.run(make('controller'))
    rig.probe.create_publisher(msg.Trajectory, '/controller/input/trajectory', best_effort())
    heard = []

    def reported():
        heard.append(capfd.readouterr().err)
        return 'incompatible QoS' in ''.join(heard)

    rig.until(reported)
    assert 'input/trajectory' in ''.join(heard)
    assert 'RELIABILITY' in ''.join(heard)


# --- what parameters say ---


@pytest.mark.parametrize(
    'rig', [[f'{REFERENCE}.reliability:=best_effort', f'{REFERENCE}.depth:=4']], indirect=True
)
def test_parameters_change_a_topic_each_time_the_node_is_configured(rig, solvers):
    from warmstart_planner import msg
    from warmstart_planner.nodes import qos

    node = rig.add(make('controller'))
    for _ in range(2):
        node.trigger_configure()
        (found,) = (each for each in node.subscriptions if each.topic.endswith('trajectory'))
        assert words(found.qos_profile) == 'best effort, volatile, 4'
        rig.sender(msg.Trajectory, '/controller/input/trajectory', best_effort())
        node.trigger_activate()
        node.trigger_deactivate()
        node.trigger_cleanup()
    assert words(qos.NEWEST) == 'reliable, volatile, 1'


@pytest.mark.parametrize('rig', [[]], indirect=True)
def test_a_topics_quality_is_fixed_while_the_node_runs(rig, solvers):
    from rclpy.parameter import Parameter

    node = rig.run(make('controller'))
    (result,) = node.set_parameters([Parameter(f'{REFERENCE}.depth', value=4)])
    assert not result.successful
    assert 'read-only' in result.reason


@pytest.mark.parametrize(
    ('rig', 'said'),
    [
        ([f'{REFERENCE}.reliability:=sure'], "is 'sure': expected one of reliable, best_effort"),
        ([f'{REFERENCE}.history:=all'], "is 'all': expected one of keep_last, keep_all"),
        (
            [f'{REFERENCE}.durability:=ever'],
            "is 'ever': expected one of volatile, transient_local",
        ),
        ([f'{REFERENCE}.depth:=0'], 'is 0: expected a number in [1, 1000]'),
        ([f'{REFERENCE}.depth:=0.5'], "to '0.5' of type 'DOUBLE', expecting type 'INTEGER'"),
    ],
    indirect=['rig'],
)
def test_a_quality_that_cannot_be_leaves_the_node_unconfigured(rig, solvers, capfd, said):
    from rclpy.lifecycle import TransitionCallbackReturn

    assert rig.add(make('controller')).trigger_configure() == TransitionCallbackReturn.FAILURE
    (error,) = (line for line in capfd.readouterr().err.splitlines() if 'ERROR' in line)
    assert 'cannot configure' in error
    assert REFERENCE in error
    assert said in error


@pytest.mark.parametrize(
    'rig', [['qos_overrides./trajectroy.subscription.depth:=4']], indirect=True
)
def test_a_topic_that_is_misspelt_is_told(rig, solvers, capfd):
    rig.add(make('controller')).trigger_configure()
    assert (
        'parameter qos_overrides./trajectroy.subscription.depth is for no topic that the node '
        'has now'
    ) in capfd.readouterr().err


# --- the table ---


def own_names():
    """Return {(node, its name of a topic): topic of the system} of all nodes."""
    own = {
        (node, name.replace('~', f'/{node}')): topic
        for node, names in NODE_TOPICS.items()
        for name, topic in names.items()
    }
    markers = {
        (node, f'/{node}/debug/markers'): '~/debug/markers'
        for node in ('simulator', 'planner', 'controller')
    }
    everywhere = {(node, '/diagnostics'): '/diagnostics' for node in NODE_TOPICS}
    return own | markers | everywhere | {('simulator', name): name for name in ('/clock', '/tf')}


def ends(node):
    """Return (name that the node has for a topic, whether it sends, the end) of all its ends."""
    for sends, found in ((True, node.publishers), (False, node.subscriptions)):
        for end in found:
            if not end.topic_name.endswith(OF_ROS) or (sends and end.topic_name == '/clock'):
                yield end.topic_name, sends, end


@pytest.mark.parametrize('rig', [['roll_out_steps:=20', 'warm_start:=policy']], indirect=True)
def test_nodes_send_and_receive_the_topics_of_the_table_as_it_says(rig, solvers):
    from warmstart_planner.nodes.topics import RECORDED, TOPICS

    topics = {topic.name: topic for topic in TOPICS}
    names = own_names()
    found = set()
    for node in [rig.add(make(name)) for name in NODE_TOPICS]:
        node.trigger_configure()
        for own, sends, end in ends(node):
            topic = topics[names[node.get_name(), own]]
            received = RECORDED if node.get_name() == 'simulator' else topic.received
            expected = topic.sent if sends else received
            assert end.msg_type is topic.message, own
            assert words(end.qos_profile) == words(expected), own
            assert sends != own.startswith(f'/{node.get_name()}/input/'), own
            found.add((node.get_name(), own))
    # without tf2_msgs there are no transforms
    assert names.keys() - found <= {('simulator', '/tf')}
    assert topics.keys() == {*names.values()}
