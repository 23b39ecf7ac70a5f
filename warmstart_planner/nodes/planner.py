# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Node `planner`: poses a problem each cycle and publishes the reference that answers it."""

from __future__ import annotations

from warmstart_planner.processes.interruption import end_quietly_on_ctrl_c

if __name__ == '__main__':
    end_quietly_on_ctrl_c(0)  # the imports take a second

import time
from dataclasses import dataclass

from diagnostic_msgs.msg import DiagnosticStatus
from visualization_msgs.msg import MarkerArray

from warmstart_planner import msg
from warmstart_planner.alignment import Schedule, aligned, check_goal, pose_goal
from warmstart_planner.nodes import topics
from warmstart_planner.nodes.managed_node.diagnostics import (
    SILENCE,
    CountTask,
    DeadlineTask,
    RateTask,
    StateTask,
)
from warmstart_planner.nodes.managed_node.lifecycle import ManagedNode
from warmstart_planner.nodes.managed_node.process import run
from warmstart_planner.nodes.markers import Scene
from warmstart_planner.nodes.messages import (
    ObstacleEstimate,
    StateEstimate,
    goal_from,
    goal_pose_from,
    obstacles_from,
    of_vehicle,
    path_message,
    plan_status_message,
    problem_message,
    proposals_from,
    reference_of,
    road_from,
    to_time,
    trajectory_message,
    vehicle_state_from,
)
from warmstart_planner.nodes.parameters.planner import (
    DECLARATIONS,
    PlannerNodeSettings,
    settings_from,
)
from warmstart_planner.obstacles import Obstacle
from warmstart_planner.planning import Planner, PlanningCycle
from warmstart_planner.problem import (
    MAX_OBSTACLES,
    Goal,
    PlanningProblem,
    PlanResult,
    Proposal,
    Rung,
)
from warmstart_planner.relevance import most_relevant
from warmstart_planner.road import Road, StationTracker

RUNG_LEVELS = {
    Rung.OPTIMISED: DiagnosticStatus.OK,
    Rung.RELAXED: DiagnosticStatus.WARN,
    Rung.PREVIOUS: DiagnosticStatus.WARN,
    Rung.BRAKING: DiagnosticStatus.ERROR,
    Rung.NONE: DiagnosticStatus.ERROR,
}
SAME_TIME = 1e-6  # stamps that differ by less are one [s]


@dataclass
class Inputs:
    """The newest of each input, None where there is none yet."""

    state: StateEstimate | None = None
    obstacles: ObstacleEstimate | None = None
    road: Road | None = None
    goal: Goal | None = None


@dataclass(frozen=True)
class Cycle:
    """A problem that was posed and is waiting for proposals; `begin` is of perf_counter [s]."""

    problem: PlanningProblem
    prepared: PlanningCycle
    begin: float


@dataclass(frozen=True)
class Answer:
    """What the problem of a stamp was answered with."""

    stamp: float
    reference: msg.Trajectory
    status: msg.PlanStatus


class ProposalBuffer:
    """Proposals that came in, as long as they answer this problem or the one before."""

    def __init__(self, late: CountTask) -> None:
        self._late = late
        self._stamps: list[float] = []
        self._proposals: list[Proposal] = []

    def begin_problem(self, stamp: float) -> None:
        """Start a new problem; answers to the one before the last are dropped."""
        self._stamps = [*self._stamps[-1:], stamp]
        self._proposals = [p for p in self._proposals if self._answers(p)]

    def put(self, proposals: tuple[Proposal, ...]) -> None:
        """Take proposals in; late ones are counted and dropped."""
        for proposal in proposals:
            if self._answers(proposal):
                self._proposals.append(proposal)
            else:
                self._late.count('late proposals')

    def newest(self) -> tuple[Proposal, ...]:
        """Return, of each source, the proposals for the newest problem that it answered."""
        stamps: dict[str, float] = {}
        for each in self._proposals:
            stamps[each.source] = max(stamps.get(each.source, 0.0), each.trajectory.stamp)
        return tuple(
            each
            for each in self._proposals
            if abs(each.trajectory.stamp - stamps[each.source]) < SAME_TIME
        )

    def _answers(self, proposal: Proposal) -> bool:
        return any(abs(proposal.trajectory.stamp - stamp) < SAME_TIME for stamp in self._stamps)


class PlannerNode(ManagedNode[PlannerNodeSettings]):
    """
    Plans once a period, when the car's state for it has come.

    A cycle takes the newest of all inputs, plans with the proposals for the problem before, and
    publishes its own problem for those of the next cycle; where there are none yet it publishes
    first and gives them a moment. It plans in what is left of the deadline. Without what it needs
    for a problem it says so in its status and hands out nothing: the controller's ladder knows how
    old its reference is.
    """

    def __init__(self) -> None:
        super().__init__('planner', DECLARATIONS, settings_from)

    # --- lifecycle ---

    def configure(self) -> None:
        """Load the solver and connect."""
        settings = self.settings
        self._planner = Planner(settings.vehicle, settings.horizon, settings.planner)
        self._built_with = settings.planner
        self._inputs = Inputs()
        self._tracker = StationTracker()
        self._good_goal: Goal | None = None
        self._cycle: Cycle | None = None
        self._make_diagnostics(settings)
        self._connect()
        self._wait = self.once_steady(max(settings.proposal_wait, 1e-3), self._close_cycle)
        self.every(settings.period, self._look_after_state)

    def _make_diagnostics(self, settings: PlannerNodeSettings) -> None:
        self._rate = RateTask('rate', 1.0 / settings.period, self.now)
        self._deadlines = DeadlineTask('planning time', settings.deadline)
        self._rung = StateTask('rung', SILENCE)
        self._solver = StateTask('solver', SILENCE)
        self._late = CountTask('proposals')
        for task in (self._rate, self._deadlines, self._rung, self._solver, self._late):
            self.diagnostics.add(task)

    def _connect(self) -> None:
        self._problem_out = self.send(topics.PROBLEM, '~/output/problem')
        self._trajectory_out = self.send(topics.TRAJECTORY, '~/output/trajectory')
        self._status_out = self.send(topics.PLAN_STATUS, '~/output/status')
        self._path_out = self.send(topics.PATH, '~/output/path')
        self._markers_out = self.send_markers()
        take = self.receive
        take(topics.OBSTACLES, '~/input/obstacles', obstacles_from, self._take_obstacles)
        take(topics.ROAD, '~/input/road', road_from, self._take_road)
        take(topics.GOAL, '~/input/goal', goal_from, self._take_goal)
        take(topics.GOAL_POSE, '~/input/goal_pose', goal_pose_from, self._take_goal_pose)
        take(topics.PROPOSALS, '~/input/proposals', proposals_from, self._take_proposals)
        # a state last: rclpy takes what has come in this order, and the answer uses all of it
        own_state = of_vehicle('state', vehicle_state_from, self.settings.vehicle)
        take(topics.VEHICLE_STATE, '~/input/state', own_state, self._take_state)

    def start(self) -> None:
        """Forget what is old; road and goal stay."""
        self._planner.reset()
        self._inputs.state = self._inputs.obstacles = None
        self._buffer = ProposalBuffer(self._late)
        self._schedule = Schedule(self.settings.period)
        self._cycle = None
        self._answer: Answer | None = None
        self._last_state = time.monotonic()

    def stop(self) -> None:
        """Drop the cycle that waits for proposals."""
        self._cycle = None
        self._wait.cancel()

    def apply(self, settings: PlannerNodeSettings) -> None:
        """Take over changed settings; a planner of their own goes on with the plan in use."""
        self._deadlines.limit = settings.deadline
        self._wait.timer_period_ns = int(max(settings.proposal_wait, 1e-3) * 1e9)
        if settings.planner != self._built_with:
            # proposals that are on their way belong to the planner that prepared their problem
            self._wait.cancel()
            self._close_cycle()
            before = self._planner
            self._planner = Planner(settings.vehicle, settings.horizon, settings.planner)
            self._planner.take_over(before)
            self._built_with = settings.planner

    # --- inputs ---

    def _take_state(self, estimate: StateEstimate) -> None:
        newest = self._inputs.state
        if newest is not None and self._overtakes(newest.stamp, estimate.stamp):
            return
        self._inputs.state = estimate
        self._last_state = time.monotonic()
        if self.active and newest is not None and estimate.stamp == newest.stamp:
            self._repeat_answer(estimate.stamp)
        if self.active and self._cycle is None and self._schedule.due(estimate.stamp):
            self._open_cycle()

    def _overtakes(self, newest: float, stamp: float) -> bool:
        """Whether the newest stamp is newer, of the same clock, and to be believed."""
        return newest - 1.0 < stamp < newest and not self.is_early(
            newest, self.settings.clock_skew_max
        )

    def _take_obstacles(self, estimate: ObstacleEstimate) -> None:
        self._inputs.obstacles = estimate

    def _take_road(self, road: Road) -> None:
        self._inputs.road = road

    def _take_goal(self, goal: Goal) -> None:
        self._inputs.goal = goal

    def _take_goal_pose(self, pose: tuple[float, float, float]) -> None:
        inputs = self._inputs
        try:
            if inputs.road is None or inputs.state is None:
                raise ValueError('there is no road or no state yet')
            inputs.goal = pose_goal(
                pose,
                self.settings.goal_pose_speed,
                inputs.road,
                inputs.state.state,
                self._tracker.update(inputs.road, inputs.state.state),
                self.settings.vehicle,
            )
        except ValueError as error:
            self.rejected.count('~/input/goal_pose')
            self.get_logger().warning(f'goal kept as it is: {error}')
            return
        self.get_logger().info(f'new goal: {inputs.goal}')

    def _take_proposals(self, proposals: tuple[Proposal, ...]) -> None:
        if not self.active:
            return
        self._buffer.put(proposals)
        if self._cycle is not None:
            self._wait.cancel()
            self._close_cycle()

    # --- the cycle ---

    def _look_after_state(self) -> None:
        # A simulated clock that is slow or stands still makes no state late, and one that jumps
        # does not either: a state is missing where both clocks say so.
        silence = time.monotonic() - self._last_state
        if self._inputs.state is not None:
            silence = min(silence, self.now() - self._inputs.state.stamp)
        if self._cycle is None and silence > max(self.settings.state_age_max, 0.1):
            self._report_missing(f'no valid car state for {silence:.1f} s', self.now())

    def _open_cycle(self) -> None:
        begin = time.perf_counter()
        try:
            problem = self._pose_problem()
        except ValueError as error:
            self._report_missing(str(error), self._inputs.state.stamp)
            return
        self._schedule.done(problem.stamp)
        self._rate.tick()
        self._buffer.begin_problem(problem.stamp)
        if self._is_to_wait():
            self._problem_out.publish(problem_message(problem))
            # the own candidates, while others are on their way
            self._prepare(problem, begin)
            self._wait.reset()
        else:
            self._prepare(problem, begin)
            self._close_cycle()
            # proposals for it are for the next cycle: they need no processor before the plan
            self._problem_out.publish(problem_message(problem))

    def _prepare(self, problem: PlanningProblem, begin: float) -> None:
        left = self.settings.deadline - (time.perf_counter() - begin)
        self._cycle = Cycle(problem, self._planner.prepare(problem, max(left, 1e-3)), begin)

    def _is_to_wait(self) -> bool:
        """Whether proposals get a moment: those of the cycle before do as well, moved on."""
        if self.settings.proposal_wait <= 0.0 or self._buffer.newest():
            return False
        return self.count_publishers('~/input/proposals') > 0

    def _pose_problem(self) -> PlanningProblem:
        """Return the problem of now; raises ValueError naming what is missing or too old."""
        inputs, settings = self._inputs, self.settings
        for name, value in vars(inputs).items():
            if value is None:
                raise ValueError(f'no {name} yet')
        state, obstacles = inputs.state, inputs.obstacles
        self.check_stamp('the car state is', state.stamp, settings.clock_skew_max)
        age = self.now() - state.stamp
        if age > settings.state_age_max:
            raise ValueError(f'the car state is {age:.2f} s old')
        age = self._obstacle_age(state, obstacles)
        station = self._tracker.update(inputs.road, state.state)
        self._check_goal(station)
        there = aligned(obstacles.obstacles, age, obstacles.dt, settings.horizon)
        return PlanningProblem(
            stamp=state.stamp,
            initial_state=state.state,
            road=inputs.road,
            obstacles=self._relevant(there, inputs.road, state, station),
            goal=inputs.goal,
            vehicle=settings.vehicle,
            friction=state.friction,
            horizon=settings.horizon,
            station=station,
        )

    def _check_goal(self, station: float) -> None:
        """
        Keep to the goal before where a new one cannot be driven to.

        Raises:
            ValueError: there is none before; says why this one is refused.

        """
        inputs = self._inputs
        if inputs.goal is self._good_goal:
            return
        try:
            check_goal(inputs.goal, inputs.road, station, self.settings.vehicle)
        except ValueError as error:
            self.rejected.count('~/input/goal')
            inputs.goal = self._good_goal
            if inputs.goal is None:
                raise
            self.get_logger().warning(f'goal kept as it is: {error}')
        self._good_goal = inputs.goal

    def _obstacle_age(self, state: StateEstimate, obstacles: ObstacleEstimate) -> float:
        """Return how much older than the state obstacles are [s]; ValueError for too much."""
        self.check_stamp('the obstacles are', obstacles.stamp, self.settings.clock_skew_max)
        age, most = state.stamp - obstacles.stamp, self.settings.obstacle_age_max
        if abs(age) > most:
            order = 'older' if age > 0.0 else 'newer'
            raise ValueError(
                f'the obstacles are {abs(age):.2f} s {order} than the car state: expected at '
                f'most {most} s'
            )
        return age

    def _relevant(
        self, obstacles: tuple[Obstacle, ...], road: Road, estimate: StateEstimate, station: float
    ) -> tuple[Obstacle, ...]:
        if len(obstacles) <= MAX_OBSTACLES:
            return obstacles
        settings = self.settings
        return most_relevant(
            obstacles,
            road,
            station,
            estimate.state,
            settings.vehicle,
            estimate.friction,
            settings.horizon,
        )

    def _close_cycle(self) -> None:
        cycle, self._cycle = self._cycle, None
        if cycle is None:
            return
        result = self._planner.finish(cycle.prepared, self._buffer.newest())
        self._hand_over(cycle, result)

    def _hand_over(self, cycle: Cycle, result: PlanResult) -> None:
        reference = trajectory_message(reference_of(result), self.settings.vehicle)
        self._trajectory_out.publish(reference)
        # From problem to reference, waiting and conversion too.
        total = time.perf_counter() - cycle.begin
        status = plan_status_message(result, self.now(), total)
        self._status_out.publish(status)
        self._answer = Answer(cycle.problem.stamp, reference, status)
        self._report(result, total)
        if result.trajectory is not None:
            trajectory = result.trajectory
            self.show(self._path_out, lambda: path_message(trajectory))
        self.show(self._markers_out, lambda: self._scene(cycle.problem, result))

    def _repeat_answer(self, stamp: float) -> None:
        """Tell the answer again to who shows a state again: it did not hear it the first time."""
        if self._answer is not None and self._answer.stamp == stamp:
            self._trajectory_out.publish(self._answer.reference)
            self._status_out.publish(self._answer.status)

    # --- reports ---

    def _report(self, result: PlanResult, total: float) -> None:
        self._deadlines.record(total)
        rung, level = result.rung, RUNG_LEVELS[result.rung]
        self._rung.set(level, result.message or rung.name.lower(), rung=rung.name.lower())
        self._solver.set(
            DiagnosticStatus.OK if result.feasible else DiagnosticStatus.WARN,
            result.solver_status.value,
            iterations=result.iterations,
            source=result.source,
            violation=f'{result.violation:.3f}',
        )
        self.get_logger().debug(
            f'{result.problem_stamp:.2f} s: {rung.name.lower()}, start {result.source!r} of '
            f'{result.candidates}, {result.iterations} iterations, {total * 1e3:.1f} ms'
        )
        if rung is not Rung.OPTIMISED:
            self.warn(f'rung {rung.name}', f'{rung.name.lower()}: {result.message}')

    def _report_missing(self, text: str, stamp: float) -> None:
        result = PlanResult(stamp, Rung.NONE, message=f'cannot plan: {text}')
        self._status_out.publish(plan_status_message(result, self.now(), 0.0))
        self._rung.set(DiagnosticStatus.ERROR, result.message, rung='none')
        # Before the first plan nothing is lost yet.
        say = self.info if self._answer is None else self.warn
        say('missing input', result.message)

    def _scene(self, problem: PlanningProblem, result: PlanResult) -> MarkerArray:
        scene = Scene(to_time(problem.stamp), 2 * self.settings.period)
        scene.road(problem.road)
        scene.obstacles(problem.obstacles)
        scene.proposals([each.proposal for each in self._planner.last_refined])
        if result.trajectory is not None:
            scene.reference(result.trajectory, result.rung)
        return scene.message()


def main() -> int:
    """Run the node."""
    return run('planner', PlannerNode, DECLARATIONS)


if __name__ == '__main__':
    raise SystemExit(main())
