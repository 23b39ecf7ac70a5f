# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Real nodes over DDS: in this process beside a probe, or in processes of their own."""

import os
import signal
import subprocess
import sys
import time

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def pytest_collection_modifyitems(items):
    for item in items:
        if 'integration' in item.path.parts:
            item.add_marker(pytest.mark.integration)


@pytest.fixture(autouse=True)
def own_domain(monkeypatch):
    """Keep workers of pytest-xdist, and other runs on this machine, apart."""
    pytest.importorskip('rclpy', reason='ROS 2 is not installed')
    pytest.importorskip('warmstart_planner.msg', reason='messages are not built: `make setup`')
    if 'PYTEST_XDIST_WORKER' in os.environ or 'ROS_DOMAIN_ID' not in os.environ:
        monkeypatch.setenv('ROS_DOMAIN_ID', str(os.getpid() % 101 + 1))
    monkeypatch.setenv('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')


@pytest.fixture(scope='session')
def solvers(scp_folder):
    """All generated solvers with the packaged settings."""
    from warmstart_planner.mpc.settings import ControllerSettings
    from warmstart_planner.mpc.tracking.generate import generate
    from warmstart_planner.vehicle import load_vehicle

    generate(load_vehicle(), ControllerSettings())


class Rig:
    """Spins nodes under test and a probe that sends and collects messages."""

    def __init__(self):
        import rclpy
        from rclpy.executors import SingleThreadedExecutor

        self.executor = SingleThreadedExecutor()
        self.probe = rclpy.create_node('probe')
        self.executor.add_node(self.probe)
        self._nodes = [self.probe]

    def run(self, node):
        """Configure and activate a node and spin it from now on."""
        from rclpy.lifecycle import TransitionCallbackReturn

        self.add(node)
        assert node.trigger_configure() == TransitionCallbackReturn.SUCCESS
        assert node.trigger_activate() == TransitionCallbackReturn.SUCCESS
        return node

    def add(self, node):
        self.executor.add_node(node)
        self._nodes.append(node)
        return node

    def collect(self, kind, topic):
        from warmstart_planner.nodes.qos import EVENTS

        received = []
        self.probe.create_subscription(kind, topic, received.append, EVENTS)
        return received

    def sender(self, kind, topic, qos=None):
        from warmstart_planner.nodes.qos import NEWEST

        publisher = self.probe.create_publisher(kind, topic, qos or NEWEST)
        self.until(lambda: publisher.get_subscription_count() > 0)
        return publisher.publish

    def until(self, condition, seconds=10.0):
        """Spin until a condition holds; say so when it does not in time."""
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, 'not within the time allowed'
            self.executor.spin_once(timeout_sec=0.01)

    def await_state(self, name, label, seconds=30.0):
        """Wait until a node, in whatever process, says that it is in a lifecycle state."""
        from lifecycle_msgs.srv import GetState

        client = self.probe.create_client(GetState, f'/{name}/get_state')
        self.until(client.service_is_ready, seconds)

        answer, asked = None, 0.0

        def there():
            nonlocal answer, asked
            if answer is not None and answer.done():
                if answer.result().current_state.label == label:
                    return True
                answer = None
            # while both ends still find each other, an answer may be lost: it is asked for again
            if answer is None or time.monotonic() > asked + 1.0:
                answer, asked = client.call_async(GetState.Request()), time.monotonic()
            return False

        self.until(there, seconds)

    def spin(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.executor.spin_once(timeout_sec=0.01)

    def close(self):
        for node in self._nodes:
            node.destroy_node()


@pytest.fixture
def rig(request):
    """Start ROS, with parameters (name:=value) where a test gives them."""
    import rclpy

    given = [text for parameter in getattr(request, 'param', ()) for text in ('-p', parameter)]
    rclpy.init(args=['--ros-args', *given] if given else None)
    rig = Rig()
    yield rig
    rig.close()
    rclpy.try_shutdown()


@pytest.fixture
def start():
    """Start Python modules as processes; none of them outlives the test."""
    running = []

    def begin(*arguments, **environment):
        process = subprocess.Popen(
            [sys.executable, '-m', *arguments],
            cwd=ROOT,
            env={**os.environ, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        running.append(process)
        return process

    yield begin
    for process in running:
        if process.poll() is None:
            end(process)


def end(process):
    """Let a process end what it started itself, in sessions of their own; kill it if it hangs."""
    process.send_signal(signal.SIGTERM)
    try:
        process.communicate(timeout=30)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
