# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Node `simulator`: the car, the road and the traffic, in place of the vehicle."""

from __future__ import annotations

from warmstart_planner.processes.interruption import end_quietly_on_ctrl_c

if __name__ == '__main__':
    end_quietly_on_ctrl_c(0)  # the imports take a second

import time
from dataclasses import replace
from functools import partial
from pathlib import Path as FilePath
from typing import Any

from diagnostic_msgs.msg import DiagnosticStatus, KeyValue
from rosgraph_msgs.msg import Clock as ClockMessage
from visualization_msgs.msg import MarkerArray

from warmstart_planner import msg
from warmstart_planner.alignment import Schedule
from warmstart_planner.nodes import topics
from warmstart_planner.nodes.managed_node.diagnostics import CountTask, StateTask
from warmstart_planner.nodes.managed_node.lifecycle import ManagedNode
from warmstart_planner.nodes.managed_node.process import run
from warmstart_planner.nodes.markers import Scene
from warmstart_planner.nodes.messages import (
    ObstacleEstimate,
    ReceivedCommand,
    Reference,
    StateEstimate,
    command_from,
    goal_message,
    obstacles_message,
    odometry_message,
    of_vehicle,
    reference_from,
    road_message,
    to_time,
    vehicle_state_message,
)
from warmstart_planner.nodes.parameters.simulator import (
    DECLARATIONS,
    LOCKSTEP,
    SimulatorSettings,
    settings_from,
)
from warmstart_planner.nodes.simulation.drive_clock import DriveClock
from warmstart_planner.nodes.simulation.pacing import SAME_TIME, Lockstep, Pacer, RealTime
from warmstart_planner.nodes.simulation.recorder import Recorder, RungReport
from warmstart_planner.nodes.simulation.transforms import TransformPublisher
from warmstart_planner.problem import PoseGoal, RegionGoal
from warmstart_planner.processes.exit_status import GOOD, MISSED, NOT_DRIVEN
from warmstart_planner.scenarios import Scenario, load_scenario
from warmstart_planner.simulation.configuration import (
    SimulationConfiguration,
    default_configuration_path,
    read_configuration,
)
from warmstart_planner.simulation.emergency_stop import EmergencyStop
from warmstart_planner.simulation.monitor import DriveMonitor, Outcome
from warmstart_planner.simulation.record import DriveRecord
from warmstart_planner.simulation.record_file import write_record
from warmstart_planner.simulation.simulator import Command, Observation, Simulator
from warmstart_planner.vehicle import SPEED

# Drives begin at this simulated time: ROS takes a time of 0 for no time at all. It is a multiple
# of every period, so that all nodes count their cycles alike.
CLOCK_EPOCH = 100.0
FIRST_STATE_PERIOD = 0.1  # between attempts to get the first answer [s]
PROGRESS_PERIOD = 1.0  # between lines that tell where the drive is [s]
SILENCE = 0.5  # of planner or controller, after which its last rung is old [s]
RECORD_FILE = 'drive.npz'


class SimulatorNode(ManagedNode[SimulatorSettings]):
    """
    Publishes what the vehicle's sensors would and follows commands as the vehicle would.

    The drive stands still until planner and controller have answered its state. Then it runs with
    the wall's time, or in lockstep with the answers. While the node is not active it stands still,
    and goes on where it was.
    """

    def __init__(self) -> None:
        super().__init__('simulator', DECLARATIONS, settings_from)

    # --- lifecycle ---

    def configure(self) -> None:
        """Load scenario and configuration, and connect."""
        settings = self.settings
        self._scenario = load_scenario(settings.scenario, settings.vehicle)
        self._simulator = Simulator(self._scenario, self._configuration(), settings.horizon)
        self._emergency_stop = EmergencyStop(self._scenario.car, self._scenario.friction)
        self._monitor = DriveMonitor(self._scenario)
        self._drive_clock = DriveClock(CLOCK_EPOCH)
        self._recorder = Recorder(self._drive_clock)
        self._recorder.add_state(0.0, self._simulator.true_state)
        self._begun = False
        self._ended = False
        self._shown = 0.0  # newest time of the drive that a published state had [s]
        self._run = StateTask('run')
        self._faults = CountTask('time')
        self.diagnostics.add(self._run)
        self.diagnostics.add(self._faults)
        self._connect()
        pacer = Lockstep if settings.mode == LOCKSTEP else RealTime
        self._pacer: Pacer = pacer(self)
        self._first_state_timer = self.every_steady(FIRST_STATE_PERIOD, self._repeat_first_state)
        self._pacer_timer = self.every_steady(self._pacer.period, self._update_pacer)
        self._progress_timer = self.every_steady(PROGRESS_PERIOD, self._log_while_driving)

    def _configuration(self) -> SimulationConfiguration:
        settings = self.settings
        path = settings.configuration or default_configuration_path()
        configuration = read_configuration(path)
        if settings.seed >= 0:
            return replace(configuration, seed=settings.seed)
        return configuration

    def _connect(self) -> None:
        self._clock_out = self.send(topics.CLOCK, topics.CLOCK.name)
        self._state_out = self.send(topics.VEHICLE_STATE, '~/output/state')
        self._odometry_out = self.send(topics.ODOMETRY, '~/output/odometry')
        self._obstacles_out = self.send(topics.OBSTACLES, '~/output/obstacles')
        self._road_out = self.send(topics.ROAD, '~/output/road')
        self._goal_out = self.send(topics.GOAL, '~/output/goal')
        self._result_out = self.send(topics.RESULT, '~/output/result')
        self._markers_out = self.send_markers()
        self._transforms = TransformPublisher(self)
        take = partial(self.receive, qos=topics.RECORDED)
        take(topics.COMMAND, '~/input/command', command_from, self._take_command)
        own_reference = of_vehicle('trajectory', reference_from, self._scenario.car)
        take(topics.TRAJECTORY, '~/input/trajectory', own_reference, self._take_reference)
        take(topics.PLAN_STATUS, '~/input/plan_status', _same, self._take_plan_status)
        take(topics.CONTROL_STATUS, '~/input/control_status', _same, self._take_control_status)

    def start(self) -> None:
        """Show the scene and wait for an answer, at the drive's begin or where it stood still."""
        self._waiting_since = self._now_in_ros() if self._begun else float('-inf')
        self._schedule = Schedule(self.settings.plan_period)
        self._first: Observation | None = None
        self._first_shown = 0.0
        self._driving = False
        self._over = self._ended
        self._commanded = self._simulator.time
        self._asked = time.monotonic()
        self._follow_wall()
        self.publish_clock()
        self._road_out.publish(road_message(self._scenario.road, self.epoch))
        self._publish_goal()
        if not self._ended:
            self._run.set(DiagnosticStatus.OK, 'waiting for a command')

    def _follow_wall(self) -> None:
        """Without a clock of its own the drive takes the wall's: what it is now, it is now."""
        if not self.settings.publish_clock:
            self._drive_clock.go_on(self._simulator.time, self.now())
            if isinstance(self._scenario.goal, RegionGoal):
                self._publish_goal()

    def _publish_goal(self) -> None:
        goal = self._scenario.goal
        if isinstance(goal, RegionGoal):
            goal = goal.later(self.epoch)
        self._goal_out.publish(goal_message(goal, self.epoch))

    def _now_in_ros(self) -> float:
        return self._drive_clock.ros_time(self._simulator.time)

    # --- what pacers use ---

    @property
    def epoch(self) -> float:
        """ROS time less the time of the drive [s]."""
        return self._drive_clock.epoch

    @property
    def time(self) -> float:
        """Time of the drive [s]."""
        return self._simulator.time

    @property
    def driving(self) -> bool:
        """Whether the drive has begun and is not over."""
        return self.active and self._driving and not self._over

    def publish_clock(self) -> None:
        """Tell the simulated time."""
        if self.settings.publish_clock:
            stamp = to_time(self._now_in_ros())
            self._clock_out.publish(ClockMessage(clock=stamp))

    def hold(self, seconds: float) -> None:
        """Stay behind the wall's time: stamps of what follows are of the wall's."""
        if not self.settings.publish_clock:
            now = self._simulator.time
            self._drive_clock.go_on(now, self._now_in_ros() + seconds)

    def advance_to(self, t: float) -> None:
        """Let the world go on until a time; without commands the vehicle brakes."""
        if self._simulator.time - self._commanded > self.settings.command_timeout:
            self._brake()
        self._simulator.advance(max(t - self._simulator.time, 0.0))

    def observe(self) -> Observation | None:
        """End a period: judge the drive, then publish what the sensors see, if anything."""
        state = self._simulator.true_state
        self._recorder.add_state(self._simulator.time, state)
        outcome = self._monitor.update(self._simulator.time, state)
        if outcome is not None:
            self._finish(outcome)
            return None
        self.show(self._markers_out, self._scene)
        observation = self._simulator.observe()
        if observation is not None:
            self._publish(observation)
        return observation

    def apply(self, command: ReceivedCommand) -> None:
        """Send a command to the actuators."""
        now = self._simulator.time
        self._commanded = now
        self._emergency_stop.release()
        self._simulator.apply(Command(now, command.acceleration, command.steering_angle))

    def report_fault(self, kind: str, text: str) -> None:
        """Count and report something that should not happen to time."""
        self._faults.count(kind)
        self.warn(kind, text)

    def has_plan(self, stamp: float) -> bool:
        """Tell whether a problem of a stamp of the drive is answered."""
        return self._recorder.has_plan(self.epoch + stamp)

    def plan_due(self, stamp: float) -> bool:
        """Tell whether the planner plans from a state of a stamp of the drive."""
        due = self._schedule.due(self.epoch + stamp)
        if due:
            self._schedule.done(self.epoch + stamp)
        return due

    # --- inputs ---

    def _take_command(self, command: ReceivedCommand) -> None:
        if not self.active or self._over:
            return
        if self._driving:
            self._recorder.add_command(command)
            self._pacer.take_command(command)
        elif self._answers_what_is_shown(command):
            self._begin(command)

    def _answers_what_is_shown(self, command: ReceivedCommand) -> bool:
        answered = command.answered
        shown = self._first is not None and answered.state_stamp > self._first_shown - SAME_TIME
        return shown and answered.problem_stamp > 0.0

    def _take_reference(self, reference: Reference) -> None:
        if self.active and not self._over:
            if reference.trajectory is not None:
                self._emergency_stop.take_reference(reference.trajectory)
            self._recorder.add_reference(reference, self._simulator.time)
            self._pacer.take_plan()

    def _take_plan_status(self, status: msg.PlanStatus) -> None:
        if self.active and not self._over:
            self._recorder.add_plan_status(status)
            self._pacer.take_plan()

    def _take_control_status(self, status: msg.ControllerStatus) -> None:
        if self.active and not self._over:
            self._recorder.add_control_status(status)

    # --- the drive ---

    def _repeat_first_state(self) -> None:
        """Show the state again and again until a command answers it."""
        if self._driving or self._over:
            return
        waited = time.monotonic() - self._asked
        if waited > self.settings.start_timeout:
            self._give_up(waited)
            return
        self._follow_wall()
        self.publish_clock()
        if self._first is None:
            self._first = self._observe_anew()
            self._first_shown = self.epoch + self._first.stamp
        self._publish(self._first)

    def _observe_anew(self) -> Observation:
        """Return an observation that arrives, and that no newer one has overtaken."""
        while True:
            observation = self._simulator.observe()
            if observation is not None and observation.stamp > self._shown - SAME_TIME:
                return observation

    def _give_up(self, waited: float) -> None:
        missing = 'plan' if self._recorder.newest_plan() is None else 'command'
        text = f'no {missing} within {waited:.0f} s: nothing can be driven'
        self.get_logger().error(text)
        self._run.set(DiagnosticStatus.ERROR, text)
        self._over = True
        if self.settings.exit_when_done:
            self.finish(NOT_DRIVEN)

    def _begin(self, command: ReceivedCommand) -> None:
        # before the clock starts: a first line takes rclpy up to some tenths of a second
        again = f' again, from {self.time:.1f} s on' if self._begun else ''
        self.get_logger().info(f'driving {self._scenario.name}{again}')
        self._run.set(DiagnosticStatus.OK, 'driving')
        self._begun = True
        self._follow_wall()
        self._driving = True
        self._recorder.begin(self._waiting_since, command.answered.problem_stamp)
        self._recorder.add_command(command)
        self.plan_due(self._first.stamp)
        self.apply(command)
        self._pacer.begin()

    def _update_pacer(self) -> None:
        if self._driving and not self._over:
            self._pacer.update()

    def _brake(self) -> None:
        now = self._simulator.time
        wanted = self._emergency_stop.actuation(self._now_in_ros(), self._simulator.true_state)
        self._simulator.apply(Command(now, wanted.acceleration, wanted.steering_angle))
        self.report_fault('no commands', f'no command for {now - self._commanded:.2f} s: braking')

    def _publish(self, observation: Observation) -> None:
        self._shown = max(self._shown, observation.stamp)
        stamp = self.epoch + observation.stamp
        state = StateEstimate(
            stamp, observation.state, observation.acceleration, self._scenario.friction
        )
        obstacles = ObstacleEstimate(stamp, self.settings.horizon.dt, observation.obstacles)
        # The state comes last: it is what the others are waiting for.
        self._obstacles_out.publish(obstacles_message(obstacles))
        self._state_out.publish(vehicle_state_message(state, self._scenario.car))
        odometry = odometry_message(state, self._scenario.car.wheelbase)
        self._odometry_out.publish(odometry)
        self._transforms.publish(odometry)

    def _finish(self, outcome: Outcome) -> None:
        self._over = self._ended = True
        record = self._recorder.record()
        missed = self._scenario.arrival.missed(self._scenario.track(record.times, record.states))
        file = self._write_record(record, outcome)
        good = outcome is Outcome.GOAL
        level = DiagnosticStatus.OK if good else DiagnosticStatus.ERROR
        self._run.set(level, outcome.value)
        self._log_progress()
        lacking = f', goal missed: {", ".join(missed)}' if missed else ''
        self.get_logger().info(f'drive over: {outcome.value}{lacking}')
        self._result_out.publish(
            DiagnosticStatus(
                level=level,
                name='drive',
                message=outcome.value,
                values=[
                    KeyValue(key='scenario', value=self._scenario.name),
                    KeyValue(key='missed', value=' '.join(missed)),
                    KeyValue(key='duration', value=f'{self._simulator.time:.2f}'),
                    KeyValue(key='record', value=file),
                ],
            )
        )
        if self.settings.exit_when_done:
            self.finish(GOOD if good else MISSED)

    def _write_record(self, record: DriveRecord, outcome: Outcome) -> str:
        if not self.settings.record:
            return ''
        # drives side by side differ in their namespaces
        folder = FilePath(self.settings.record) / self.get_namespace().strip('/')
        file = folder / RECORD_FILE
        try:
            write_record(file, record, outcome.value)
        except OSError as error:
            self.get_logger().error(f'cannot write the record: {error}')
            return ''
        return str(file)

    # --- display ---

    def _log_while_driving(self) -> None:
        if self._driving and not self._over:
            self._log_progress()

    def _log_progress(self) -> None:
        state = self._simulator.true_state
        left = remaining_distance(self._scenario, self._monitor.station)
        plan = self._newest_rung(self._recorder.newest_plan())
        control = self._newest_rung(self._recorder.newest_command())
        self.get_logger().info(
            f't {self._simulator.time:5.1f} s, {state[SPEED]:5.2f} m/s, '
            f'{left:6.1f} m to go, '
            f'planner {plan}, controller {control}'
        )

    def _newest_rung(self, newest: RungReport | None) -> str:
        """Return what was last said, unless that is old."""
        if newest is None:
            return '-'
        silence = self._simulator.time - newest.stamp
        if silence > max(SILENCE, 3 * self.settings.plan_period):
            return f'silent for {silence:.1f} s'
        return newest.rung

    def _scene(self) -> MarkerArray:
        stamp = to_time(self._now_in_ros())
        scene = Scene(stamp, 2 * self.settings.period)
        scene.car(self._simulator.true_state, self._scenario.car)
        scene.driven(self._recorder.path[::4])
        if isinstance(self._scenario.goal, PoseGoal):
            goal = self._scenario.goal
            scene.goal((goal.x, goal.y, goal.yaw))
        return scene.message()


def remaining_distance(scenario: Scenario, station: float) -> float:
    """Distance along the road from a station to the goal or to the road's end [m]."""
    return min(scenario.goal_station, scenario.road.end) - station


def _same(message: Any) -> Any:
    return message


def main() -> int:
    """Run the node."""
    return run('simulator', SimulatorNode, DECLARATIONS)


if __name__ == '__main__':
    raise SystemExit(main())
