# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""What all four nodes share: lifecycle, bad input, clocks."""

from __future__ import annotations

import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, TypeVar

import rclpy
from rclpy.clock import Clock, ClockType, JumpThreshold, TimeJump
from rclpy.duration import Duration
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.lifecycle.publisher import LifecyclePublisher
from rclpy.qos import QoSProfile
from rclpy.subscription import Subscription
from rclpy.timer import Timer

from warmstart_planner.generation.generated import SolverMissingError
from warmstart_planner.nodes import topics
from warmstart_planner.nodes.managed_node.diagnostics import CountTask, Diagnostics, LifecycleTask
from warmstart_planner.nodes.messages import NANOSECONDS
from warmstart_planner.nodes.parameters.declaration import Parameter
from warmstart_planner.nodes.parameters.files import (
    Listener,
    parameter_files,
    system_parameters,
    unused_overrides,
    useless_parameters,
)
from warmstart_planner.nodes.parameters.validation import Parameters
from warmstart_planner.nodes.qos import check_overrides, connect
from warmstart_planner.nodes.topics import Topic
from warmstart_planner.processes.exit_status import GOOD

REPEAT = 5.0  # the same complaint is repeated after this long [s]
# Time that goes back by more than this begins anew [s]. One source's times come in their order, so
# any step back is of a new one, and what is kept of the old one would make its states look old.
BACKWARD = 1e-3
AUTOSTART = Parameter(
    'autostart',
    False,
    'Configure and activate without being told to by a lifecycle manager',
    read_only=True,
)
NICENESS = Parameter(
    'niceness',
    0,
    'How readily the process lets others go first, so that short cycles need not wait for long '
    'ones where processors are few',
    unit='1',
    low=0,
    high=19,
    read_only=True,
)
Value = TypeVar('Value')
Settings = TypeVar('Settings')


class ManagedNode(LifecycleNode, Generic[Settings]):
    """
    A lifecycle node that is a thin shell about something of the core.

    A node fills in `configure`, `start`, `stop` and `apply`. What `configure` raises as ValueError
    or SolverMissingError is logged as one line, and the node stays unconfigured. Publishers,
    subscriptions and timers that `configure` makes through the methods below are gone after
    clean-up.

    Args:
        name: of the node.
        declarations: its parameters.
        build: makes its settings from their values.

    Raises:
        ValueError: the node was started with a bad parameter.

    """

    def __init__(
        self,
        name: str,
        declarations: Sequence[Parameter],
        build: Callable[[Mapping[str, Any]], Settings],
    ) -> None:
        super().__init__(name)
        self.parameters: Parameters[Settings] = Parameters(
            self, (AUTOSTART, NICENESS, *declarations), build, self._apply
        )
        self.add_on_set_parameters_callback(check_overrides)
        self.steady = Clock(clock_type=ClockType.STEADY_TIME)
        self.rejected = CountTask('input')
        self.diagnostics = Diagnostics(self, self.lifecycle_state)
        self.diagnostics.add(LifecycleTask(self.lifecycle_state))
        self.diagnostics.add(self.rejected)
        self.active = False
        self.exit_status = GOOD
        self._configured = False
        self._entities: list[tuple[Callable[[Any], Any], Any]] = []
        self._listened: dict[str, Subscription] = {}
        self._last_logged: dict[str, float] = {}
        self._watch_time()
        self._warn_of_useless_parameters(useless_parameters)

    def _watch_time(self) -> None:
        """Take note where simulated time goes back: its source, a simulator, began anew."""
        backward = JumpThreshold(
            min_forward=None, min_backward=Duration(seconds=-BACKWARD), on_clock_change=False
        )
        self._time_jumps = self.get_clock().create_jump_callback(
            backward, post_callback=self._begin_anew
        )

    def _begin_anew(self, jump: TimeJump) -> None:
        if not self.active:
            return
        back = -jump.delta.nanoseconds / NANOSECONDS
        self.get_logger().info(f'time went back by {back:.1f} s: beginning anew')
        self.stop()
        self.diagnostics.restart()
        self.start()

    def _warn_of_useless_parameters(self, find: Callable[..., list[str]]) -> None:
        listener = Listener(
            self.get_fully_qualified_name(),
            self.get_parameters_by_prefix(''),
            system_parameters,
        )
        # of rclpy only this says what was given without being declared
        overrides = getattr(self, '_parameter_overrides', {})
        for text in find(parameter_files(sys.argv), overrides, listener):
            self.get_logger().warning(text)

    # --- what a node fills in ---

    def configure(self) -> None:
        """Build the core's object, publishers, subscriptions and timers."""

    def start(self) -> None:
        """Begin to work; what came in before is old."""

    def stop(self) -> None:
        """Stop working."""

    def apply(self, settings: Settings) -> None:
        """Take over settings that were changed after `configure`."""

    # --- for its use ---

    @property
    def settings(self) -> Settings:
        """The settings in force."""
        return self.parameters.settings

    def lifecycle_state(self) -> str:
        """Return the label of the lifecycle state, such as 'inactive'."""
        label: str = self._state_machine.current_state[1]
        return label

    def now(self) -> float:
        """Time of the node's clock, simulated where that is asked for [s]."""
        return self.get_clock().now().nanoseconds / NANOSECONDS

    def is_early(self, stamp: float, skew_max: float) -> bool:
        """Tell whether a stamp is further in the future than clocks may differ [s]."""
        return stamp - self.now() > skew_max

    def check_stamp(self, what: str, stamp: float, skew_max: float) -> None:
        """
        Refuse what is from the future.

        Args:
            what: carries the stamp, as in 'the car state is'.
            stamp: its time [s].
            skew_max: how far clocks may differ [s].

        Raises:
            ValueError: the stamp is further in the future.

        """
        if self.is_early(stamp, skew_max):
            raise ValueError(
                f'{what} {stamp - self.now():.1f} s from the future: expected at most {skew_max} s'
            )

    def rejects_early(self, topic: str, what: str, stamp: float, skew_max: float) -> bool:
        """Reject what `check_stamp` refuses; kept, it would make all that follows look old."""
        try:
            self.check_stamp(what, stamp, skew_max)
        except ValueError as error:
            self.reject(topic, error)
            return True
        return False

    def receive(
        self,
        topic: Topic,
        own: str,
        convert: Callable[[Any], Value],
        use: Callable[[Value], None],
        qos: QoSProfile | None = None,
    ) -> None:
        """
        Subscribe to a topic; a message that cannot be converted counts as not received.

        Args:
            topic: of the system.
            own: what the node calls it.
            convert: to the core's type; raises ValueError for a bad message.
            use: what to do with a good one.
            qos: profile; the topic's `received` if None.

        """

        def take(message: Any) -> None:
            try:
                value = convert(message)
            except ValueError as error:
                self.reject(own, error)
                return
            use(value)

        subscription = connect(
            self.create_subscription, topic.message, own, take, profile=qos or topic.received
        )
        self._entities.append((self.destroy_subscription, subscription))
        self._listened[own] = subscription

    def receive_where(
        self,
        wanted: bool,
        topic: Topic,
        own: str,
        convert: Callable[[Any], Value],
        use: Callable[[Value], None],
    ) -> None:
        """Subscribe as `receive` does where that is wanted, and to the topic no longer if not."""
        if wanted and own not in self._listened:
            self.receive(topic, own, convert, use)
        elif not wanted and own in self._listened:
            subscription = self._listened.pop(own)
            self._entities.remove((self.destroy_subscription, subscription))
            self.destroy_subscription(subscription)

    def send(self, topic: Topic, own: str) -> LifecyclePublisher:
        """Return a publisher that is silent while the node is not active."""
        publisher = connect(
            self.create_lifecycle_publisher, topic.message, own, profile=topic.sent
        )
        self._entities.append((self.destroy_lifecycle_publisher, publisher))
        return publisher

    def send_markers(self) -> LifecyclePublisher:
        """Return the publisher of the node's markers."""
        return self.send(topics.MARKERS, topics.MARKERS.name)

    def show(self, publisher: LifecyclePublisher, make: Callable[[], Any]) -> None:
        """Publish what is only for display, and only while someone looks."""
        if publisher.get_subscription_count() > 0:
            publisher.publish(make())

    def every(self, period: float, call: Callable[[], None]) -> Timer:
        """Call something each period of the node's clock, while the node is active."""
        return self._timer(period, lambda: call() if self.active else None, self.get_clock())

    def every_steady(self, period: float, call: Callable[[], None]) -> Timer:
        """Call something each period of steady time, while the node is active."""
        return self._timer(period, lambda: call() if self.active else None, self.steady)

    def once_steady(self, delay: float, call: Callable[[], None]) -> Timer:
        """Return a timer that calls something a delay of steady time after each `reset()`."""

        def expire() -> None:
            timer.cancel()
            if self.active:
                call()

        timer = self._timer(delay, expire, self.steady)
        timer.cancel()
        return timer

    def _timer(self, period: float, call: Callable[[], None], clock: Clock) -> Timer:
        timer = self.create_timer(period, call, clock=clock)
        self._entities.append((self.destroy_timer, timer))
        return timer

    def reject(self, topic: str, reason: object) -> None:
        """Count a bad input and say so, but not at every message."""
        self.rejected.count(topic)
        self.error(f'input {topic}', f'{self.resolve_topic_name(topic)} rejected: {reason}')

    def error(self, subject: str, text: str) -> None:
        """Log an error, but at most every REPEAT seconds for the same subject."""
        if self._due(subject):
            self.get_logger().error(text)

    def warn(self, subject: str, text: str) -> None:
        """Log a warning, but at most every REPEAT seconds for the same subject."""
        if self._due(subject):
            self.get_logger().warning(text)

    def info(self, subject: str, text: str) -> None:
        """Log for information, but at most every REPEAT seconds for the same subject."""
        if self._due(subject):
            self.get_logger().info(text)

    def _due(self, subject: str) -> bool:
        now = time.monotonic()
        if now - self._last_logged.get(subject, -REPEAT) < REPEAT:
            return False
        self._last_logged[subject] = now
        return True

    def finish(self, status: int) -> None:
        """End the process with an exit status."""
        self.exit_status = status
        rclpy.try_shutdown()

    # --- lifecycle ---

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Configure; a failure leaves the node unconfigured, with one line that says why."""
        return self._transition('configure', self._configure, super().on_configure, state)

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Activate the publishers, then begin to work."""
        return self._transition('activate', _nothing, self._activate, state)

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stop working, then silence the publishers."""
        return self._transition('deactivate', self._stop, super().on_deactivate, state)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Give back what `configure` built."""
        return self._transition('clean up', self._release, super().on_cleanup, state)

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stop from any state."""
        return self._transition('shut down', self._end, super().on_shutdown, state)

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stop after an error; the node can be configured again."""
        return self._transition('recover', self._end, _succeed, state)

    def _transition(
        self,
        name: str,
        work: Callable[[], bool | None],
        then: Callable[[LifecycleState], TransitionCallbackReturn],
        state: LifecycleState,
    ) -> TransitionCallbackReturn:
        """
        Go through a transition; rclpy itself says nothing of an exception in one.

        Args:
            name: of the transition, as in 'cannot configure'.
            work: the first half; what it returns as False makes the transition fail.
            then: the second half.
            state: before.

        """
        try:
            if work() is False:
                return TransitionCallbackReturn.FAILURE
            return then(state)
        except Exception:
            if rclpy.ok():  # not just a process that was told to end meanwhile
                self.get_logger().error(f'cannot {name}:\n{traceback.format_exc().rstrip()}')
            return TransitionCallbackReturn.ERROR

    def _configure(self) -> bool:
        try:
            self.configure()
        except (ValueError, SolverMissingError, OSError) as error:
            if rclpy.ok():
                self.get_logger().error(f'cannot configure: {error}')
            self._release()
            return False
        self._warn_of_useless_parameters(unused_overrides)
        self._configured = True
        return True

    def _activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        result = super().on_activate(state)
        self.active = True
        self.diagnostics.restart()
        self.start()
        return result

    def _end(self) -> None:
        try:
            self._stop()
        finally:
            self._release()

    def _stop(self) -> None:
        active, self.active = self.active, False
        if active:
            self.stop()

    def _release(self) -> None:
        self._configured = False
        for destroy, entity in reversed(self._entities):
            destroy(entity)
        self._entities.clear()
        self._listened.clear()

    def _apply(self, settings: Settings) -> None:
        if self._configured:
            self.apply(settings)


def _nothing() -> None:
    pass


def _succeed(state: LifecycleState) -> TransitionCallbackReturn:
    return TransitionCallbackReturn.SUCCESS
