# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Node `controller`: answers each state of the car with a command that tracks the reference."""

from __future__ import annotations

from warmstart_planner.processes.interruption import end_quietly_on_ctrl_c

if __name__ == '__main__':
    end_quietly_on_ctrl_c(0)  # the imports take a second

import math
import time

from diagnostic_msgs.msg import DiagnosticStatus
from visualization_msgs.msg import MarkerArray

from warmstart_planner.alignment import aligned
from warmstart_planner.mpc.controller import Controller, ControlOutput
from warmstart_planner.mpc.settings import StartChoice
from warmstart_planner.mpc.warm_starts import ReceivedStart
from warmstart_planner.nodes import topics
from warmstart_planner.nodes.managed_node.diagnostics import (
    SILENCE,
    DeadlineTask,
    Finding,
    RateTask,
    StateTask,
    Task,
)
from warmstart_planner.nodes.managed_node.lifecycle import ManagedNode
from warmstart_planner.nodes.managed_node.process import run
from warmstart_planner.nodes.markers import Scene
from warmstart_planner.nodes.messages import (
    AnsweredStamps,
    ObstacleEstimate,
    PolicyRollOut,
    Reference,
    StateEstimate,
    command_message,
    controller_status_message,
    obstacles_from,
    of_vehicle,
    path_message,
    reference_from,
    road_from,
    roll_out_from,
    to_time,
    vehicle_state_from,
)
from warmstart_planner.nodes.parameters.controller import (
    DECLARATIONS,
    ControllerNodeSettings,
    settings_from,
)
from warmstart_planner.obstacles import Obstacle
from warmstart_planner.problem import Horizon, Rung, Trajectory
from warmstart_planner.road import Road

STATE = '~/input/state'
OBSTACLES = '~/input/obstacles'
REFERENCE = '~/input/trajectory'
ROLL_OUTS = '~/input/roll_outs'
OVERDUE = 1.5  # periods after which a command is sent although no state has come
POLICY = 'policy'  # name of the starts that roll-outs become
RUNG_LEVELS = {
    Rung.OPTIMISED: DiagnosticStatus.OK,
    Rung.RELAXED: DiagnosticStatus.WARN,
    Rung.PREVIOUS: DiagnosticStatus.WARN,
    Rung.BRAKING: DiagnosticStatus.ERROR,
    Rung.NONE: DiagnosticStatus.ERROR,
}


class StartTask(Task):
    """Diagnostics of where the solver starts, and of the roll-outs that come in for it."""

    name = 'warm start'

    def __init__(self) -> None:
        self._choice = StartChoice.SHIFTED
        self._starts: dict[str, int] = {}
        self._taken = self._stale = self._seen = 0

    def use(self, choice: StartChoice) -> None:
        """Take note of the choice from now on."""
        self._choice = choice

    def record(self, source: str) -> None:
        """Count a step by the source of its start, '' where nothing was solved."""
        if source:
            self._starts[source] = self._starts.get(source, 0) + 1

    def take(self) -> None:
        """Count a roll-out that may be a start."""
        self._taken += 1

    def drop(self) -> None:
        """Count a roll-out that came too late."""
        self._stale += 1

    def __call__(self) -> Finding:
        """Warn where roll-outs are wanted and none has come since the last look."""
        new, self._seen = self._taken - self._seen, self._taken
        values = {
            'warm_start': self._choice.value,
            'roll_outs_total': str(self._taken),
            'stale_roll_outs_total': str(self._stale),
            **{f'starts_{name}_total': str(count) for name, count in self._starts.items()},
        }
        if self._choice is not StartChoice.SHIFTED and not new:
            return Finding(DiagnosticStatus.WARN, 'no fresh roll-outs', values)
        return Finding(DiagnosticStatus.OK, self._choice.value, values)


class ControllerNode(ManagedNode[ControllerNodeSettings]):
    """
    Sends a command for each state, and where no state comes, one each period all the same.

    A command is never repeated: what receives commands must brake by itself when none come, as
    the simulator does.
    """

    def __init__(self) -> None:
        super().__init__('controller', DECLARATIONS, settings_from)

    # --- lifecycle ---

    def configure(self) -> None:
        """Load the solver and connect."""
        settings = self.settings
        self._road: Road | None = None
        self._controller: Controller | None = None
        self._make_diagnostics(settings)
        self._connect()
        self.apply(settings)
        self.every(settings.controller.period, self._look_after_state)

    def _make_diagnostics(self, settings: ControllerNodeSettings) -> None:
        period = settings.controller.period
        self._rate = RateTask('rate', 1.0 / period, self.now)
        self._deadlines = DeadlineTask('step time', period)
        self._rung = StateTask('rung', SILENCE)
        self._solver = StateTask('solver', SILENCE)
        self._warm_start = StartTask()
        for task in (self._rate, self._deadlines, self._rung, self._solver, self._warm_start):
            self.diagnostics.add(task)

    def _connect(self) -> None:
        self._command_out = self.send(topics.COMMAND, '~/output/command')
        self._status_out = self.send(topics.CONTROL_STATUS, '~/output/status')
        self._prediction_out = self.send(topics.PREDICTION, '~/output/prediction')
        self._markers_out = self.send_markers()
        take = self.receive
        take(topics.OBSTACLES, OBSTACLES, obstacles_from, self._take_obstacles)
        car = self.settings.vehicle
        own_reference = of_vehicle('trajectory', reference_from, car)
        take(topics.TRAJECTORY, REFERENCE, own_reference, self._take_reference)
        take(topics.ROAD, '~/input/road', road_from, self._take_road)
        # a state last: rclpy takes what has come in this order, and the answer uses all of it
        own_state = of_vehicle('state', vehicle_state_from, car)
        take(topics.VEHICLE_STATE, STATE, own_state, self._take_state)

    def start(self) -> None:
        """Forget what is old; the road stays."""
        self._controller.reset()
        self._state: StateEstimate | None = None
        self._obstacles: ObstacleEstimate | None = None
        self._reference: Reference | None = None
        self._last_step = time.monotonic()
        self._last_step_stamp = self.now()

    def apply(self, settings: ControllerNodeSettings) -> None:
        """Take over changed settings; a controller of their own goes on where the last one was."""
        before = self._controller
        self._received = ReceivedStart(POLICY, settings.vehicle, settings.roll_out_age_max)
        self._controller = Controller(
            settings.controller, settings.vehicle, starts=(self._received,)
        )
        if before is not None:
            self._controller.take_over(before)
        self._warm_start.use(settings.controller.warm_start)
        # who listens makes the proposal node roll out
        self.receive_where(
            settings.takes_roll_outs,
            topics.ROLL_OUTS,
            ROLL_OUTS,
            roll_out_from,
            self._take_roll_out,
        )

    # --- inputs ---

    @property
    def _skew_max(self) -> float:
        return self.settings.controller.supervision.clock_skew_max

    def _take_state(self, estimate: StateEstimate) -> None:
        if not self.active:
            return
        if self.rejects_early(STATE, 'the car state is', estimate.stamp, self._skew_max):
            return
        newest = self._state
        if newest is not None and newest.stamp - 1.0 < estimate.stamp < newest.stamp:
            return  # overtaken by a newer one
        self._state = estimate
        self._step()

    def _take_obstacles(self, estimate: ObstacleEstimate) -> None:
        if not self.rejects_early(OBSTACLES, 'the obstacles are', estimate.stamp, self._skew_max):
            self._obstacles = estimate

    def _take_road(self, road: Road) -> None:
        self._road = road

    def _take_reference(self, reference: Reference) -> None:
        # Rung NONE brings no trajectory; the ladder knows how old the last one is.
        trajectory = reference.trajectory
        if trajectory is None:
            return
        if not self.rejects_early(REFERENCE, 'the reference is', trajectory.stamp, self._skew_max):
            self._reference = reference

    def _take_roll_out(self, roll_out: PolicyRollOut) -> None:
        if self.now() - roll_out.ways[0].stamp > self.settings.roll_out_age_max:
            self._warm_start.drop()
            return
        try:
            self._received.receive(roll_out.ways)
        except ValueError as error:
            self.reject(ROLL_OUTS, error)
            return
        self._warm_start.take()

    # --- the step ---

    def _look_after_state(self) -> None:
        # A simulated clock that is slow or stands still makes no state late, and one that jumps
        # does not either: a step is overdue where both clocks say so.
        silence = min(time.monotonic() - self._last_step, self.now() - self._last_step_stamp)
        if silence > OVERDUE * self.settings.controller.period:
            self._step()

    def _step(self) -> None:
        self._last_step = time.monotonic()
        self._last_step_stamp = self.now()
        if self._state is None or self._road is None:
            missing = 'car state' if self._state is None else 'road'
            self._rung.set(DiagnosticStatus.ERROR, f'no {missing} yet', rung='none')
            self.info('missing input', f'waiting: no {missing} yet')
            return
        self._rate.tick()
        self._send(self._state, self._road)

    def _send(self, estimate: StateEstimate, road: Road) -> None:
        begin = time.perf_counter()
        # The state may overtake the message that tells the time.
        now = max(self.now(), estimate.stamp)
        reference = self._reference
        output = self._controller.step(
            now,
            estimate.state,
            estimate.stamp,
            reference.trajectory if reference else None,
            road,
            self._obstacles_at(estimate.stamp),
            estimate.friction,
        )
        answered = AnsweredStamps(
            now, estimate.stamp, reference.problem_stamp if reference else 0.0
        )
        if not self._sound(output):
            return
        self._command_out.publish(command_message(output, answered))
        total = time.perf_counter() - begin
        delay = now - estimate.stamp + self.settings.controller.actuator_delay
        self._status_out.publish(controller_status_message(output, answered, total, delay))
        self._report(output, total)
        if output.prediction is not None:
            prediction = output.prediction
            self.show(self._prediction_out, lambda: path_message(prediction))
            self.show(self._markers_out, lambda: self._scene(now, prediction))

    def _sound(self, output: ControlOutput) -> bool:
        """Tell whether a command may reach the actuators: the last gate, never to be needed."""
        values = (output.acceleration, output.steering_angle, output.steering_rate)
        if all(math.isfinite(value) for value in values):
            return True
        self.error('command', f'command withheld, it is not finite: {values}')
        return False

    def _obstacles_at(self, stamp: float) -> tuple[Obstacle, ...]:
        seen = self._obstacles
        if seen is None:
            return ()
        settings = self.settings.controller
        steps = math.ceil((settings.duration + 1.0) / settings.obstacle_dt)
        horizon = Horizon(settings.obstacle_dt, steps)
        return aligned(seen.obstacles, stamp - seen.stamp, seen.dt, horizon)

    # --- reports ---

    def _report(self, output: ControlOutput, total: float) -> None:
        self._deadlines.record(total)
        self._warm_start.record(output.start_source)
        rung, level = output.rung, RUNG_LEVELS[output.rung]
        text = output.reason or rung.name.lower()
        self._rung.set(level, text, rung=rung.name.lower())
        self._solver.set(
            DiagnosticStatus.OK if output.prediction is not None else DiagnosticStatus.WARN,
            output.status,
            iterations=output.iterations,
            residual=f'{output.kkt_residual:.2e}',
        )
        self.get_logger().debug(
            f'{rung.name.lower()}: {output.acceleration:.2f} m/s^2, '
            f'{output.steering_angle:.3f} rad, {output.iterations} iterations, '
            f'{total * 1e3:.1f} ms'
        )
        if self._reference is None:
            self.info('missing input', 'waiting: no reference yet')
        elif rung is not Rung.OPTIMISED:
            self.warn(f'rung {rung.name}', f'{rung.name.lower()}: {output.reason}')

    def _scene(self, now: float, prediction: Trajectory) -> MarkerArray:
        scene = Scene(to_time(now), 2 * self.settings.controller.period)
        scene.prediction(prediction)
        return scene.message()


def main() -> int:
    """Run the node."""
    return run('controller', ControllerNode, DECLARATIONS)


if __name__ == '__main__':
    raise SystemExit(main())
