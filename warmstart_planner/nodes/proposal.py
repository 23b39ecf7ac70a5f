# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Node `proposal`: answers problems with starts for the optimiser, states with roll-outs."""

from __future__ import annotations

from warmstart_planner.processes.interruption import end_quietly_on_ctrl_c

if __name__ == '__main__':
    end_quietly_on_ctrl_c(0)  # the imports take a second

import time
from collections.abc import Mapping
from functools import partial
from statistics import median

from diagnostic_msgs.msg import DiagnosticStatus

from warmstart_planner.learned.session import InferenceError
from warmstart_planner.mpc.policy_roll_outs import EnsembleRollOuts, PolicyRollOuts
from warmstart_planner.nodes import topics
from warmstart_planner.nodes.managed_node.diagnostics import (
    SILENCE,
    CountTask,
    DeadlineTask,
    Finding,
    StateTask,
    Task,
)
from warmstart_planner.nodes.managed_node.lifecycle import ManagedNode
from warmstart_planner.nodes.managed_node.process import run
from warmstart_planner.nodes.messages import (
    PolicyRollOut,
    StateEstimate,
    of_vehicle,
    problem_from,
    proposals_message,
    roll_out_message,
    vehicle_state_from,
)
from warmstart_planner.nodes.parameters.proposal import (
    DECLARATIONS,
    AskedSource,
    ProposalSettings,
    SourceCache,
)
from warmstart_planner.problem import PlanningProblem, Trajectory
from warmstart_planner.proposals import iql_lstm
from warmstart_planner.proposals.source import ModelInfo, ModelSource, ProposalSource
from warmstart_planner.proposals.spec import SourceError, SourceSpec

PROBLEM = '~/input/problem'
STATE = '~/input/state'
CLOCK_JUMP = 1.0  # a problem older by more is of a clock that was set back, not overtaken [s]


class ModelTask(Task):
    """Diagnostics of a source's model: which one, how fast, how much of it is of use."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._model_id = self._reason = ''
        self._asked: dict[str, str] = {}
        self._times: list[float] = []
        self._answers = self._unfamiliar = self._dropped = self._reported = 0

    def use(self, model_id: str, asked: Mapping[str, float], reason: str) -> None:
        """Take note of the model that answers from now on and what it is asked, or why none."""
        self._model_id = model_id
        self._reason = reason
        self._asked = {name: f'{value:.3f}' for name, value in asked.items()}

    def record(self, inference_time: float, unfamiliar: bool, dropped: int) -> None:
        """Add what came of one problem or state."""
        self._times.append(inference_time)
        self._answers += 1
        self._unfamiliar += unfamiliar
        self._dropped += dropped

    def __call__(self) -> Finding:
        """Warn where there is no model, and of candidates dropped since the last look."""
        times, self._times = self._times or [0.0], []
        dropped, self._reported = self._dropped - self._reported, self._dropped
        if not self._model_id:
            return Finding(DiagnosticStatus.WARN, self._reason or 'no model')
        values = {
            'model_id': self._model_id,
            **self._asked,
            'inference_ms_p50': f'{median(times) * 1e3:.2f}',
            'inference_ms_max': f'{max(times) * 1e3:.2f}',
            'answers_total': str(self._answers),
            'unfamiliar_total': str(self._unfamiliar),
            'dropped_candidates_total': str(self._dropped),
        }
        if dropped:
            return Finding(DiagnosticStatus.WARN, f'{dropped} candidates dropped', values)
        return Finding(DiagnosticStatus.OK, 'in use', values)


class ProposalNode(ManagedNode[ProposalSettings]):
    """
    Serves the sources that are asked for, all by the same interface.

    Where it is told to and somebody subscribes, it also rolls the policy out from each state of
    the car, in the newest problem.
    """

    def __init__(self) -> None:
        # it tests a source while the one in use goes on; the settings carry it over as a whole
        super().__init__('proposal', DECLARATIONS, SourceCache().settings_from)

    # --- lifecycle ---

    def configure(self) -> None:
        """Load the sources."""
        self._deadlines = DeadlineTask('answer time', self.settings.time_limit)
        self._failures = StateTask('sources', SILENCE)
        self._overtaken = CountTask('problems')
        self._models: dict[str, ModelTask] = {}  # by source
        self._roll_out_state = StateTask('roll-outs')
        for task in (self._deadlines, self._failures, self._overtaken, self._roll_out_state):
            self.diagnostics.add(task)
        self._announced: dict[str, str] = {}
        self._asked: tuple[AskedSource, ...] = ()
        self._proposals = self.send(topics.PROPOSALS, '~/output/proposals')
        self._roll_outs_out = self.send(topics.ROLL_OUTS, '~/output/roll_outs')
        to_problem = partial(problem_from, vehicle=self.settings.vehicle)
        self.receive(topics.PROBLEM, PROBLEM, to_problem, self._answer)
        self.apply(self.settings)

    def apply(self, settings: ProposalSettings) -> None:
        """Take over the choice of sources, and the models with their wishes."""
        self._asked = settings.asked
        self._deadlines.limit = settings.time_limit
        for asked in settings.asked:
            if asked.spec.diagnostics or asked.source is None:
                self._tell_model(asked.spec, _info_of(asked.source), settings)
        if settings.roll_out_steps > 0:
            policy = settings.policy
            info = ModelInfo(policy.card.model_id) if policy else None
            self._tell_model(iql_lstm.SPEC, info, settings)
        self._roll_outs = _roll_outs(settings)
        self._roll_out_state.set(
            DiagnosticStatus.OK, 'off' if self._roll_outs is None else 'nothing yet'
        )
        self.receive_where(
            self._roll_outs is not None,
            topics.VEHICLE_STATE,
            STATE,
            of_vehicle('state', vehicle_state_from, settings.vehicle),
            self._roll_out,
        )

    def start(self) -> None:
        """Forget which problem was the newest, and what the policy saw."""
        self._newest = float('-inf')
        if self._roll_outs is not None:
            self._roll_outs.forget()

    def _tell_model(
        self, spec: SourceSpec, info: ModelInfo | None, settings: ProposalSettings
    ) -> None:
        """Say which model answers, or why none does, where that is new."""
        info = info or ModelInfo('')
        reason = settings.reasons.get(spec.name, '')
        if spec.diagnostics:
            task = self._models.setdefault(spec.name, ModelTask(spec.diagnostics))
            task.use(info.model_id, info.asked, reason)
            self.diagnostics.add(task)
        if info.remark:
            self.info(spec.diagnostics, info.remark)
        if info.model_id == self._announced.get(spec.name):
            return
        self._announced[spec.name] = info.model_id
        if info.model_id:
            self.get_logger().info(f'model {info.model_id!r} answers')
        else:
            self.get_logger().warning(f'{reason}: {spec.name} does not answer')

    # --- problems ---

    def _answer(self, problem: PlanningProblem) -> None:
        skew_max = self.settings.clock_skew_max
        if not self.active or self.rejects_early(
            PROBLEM, 'the problem is', problem.stamp, skew_max
        ):
            return
        if self._newest - CLOCK_JUMP < problem.stamp < self._newest:
            self._overtaken.count('overtaken')
            return
        self._newest = problem.stamp
        self._set_problem(problem)
        begin = time.perf_counter()
        for asked in self._asked:
            if asked.source is not None:
                self._propose(asked.spec, asked.source, problem)
        elapsed = time.perf_counter() - begin
        self._deadlines.record(elapsed)
        self.get_logger().debug(f'{problem.stamp:.2f} s: answered in {elapsed * 1e3:.1f} ms')

    def _propose(self, spec: SourceSpec, source: ProposalSource, problem: PlanningProblem) -> None:
        begin = time.perf_counter()
        try:
            proposals = tuple(source.propose(problem, None))
            message = proposals_message(proposals, problem, time.perf_counter() - begin)
        except (ValueError, InferenceError) as error:
            named = isinstance(error, SourceError)
            text = str(error) if named else f'source {source.name!r} failed: {error}'
            self._failures.set(DiagnosticStatus.WARN, text)
            self.warn(f'source {source.name}', text)
            return
        if isinstance(source, ModelSource) and source.last is not None:
            last = source.last
            self._models[spec.name].record(
                last.inference_time, last.uncertainty > 1.0, last.dropped
            )
        self._failures.set(DiagnosticStatus.OK, f'{source.name} answered {len(proposals)}')
        if proposals:
            self._proposals.publish(message)

    # --- roll-outs ---

    def _set_problem(self, problem: PlanningProblem) -> None:
        """Let the roll-outs go on in a problem."""
        if self._roll_outs is None:
            return
        try:
            self._roll_outs.set_problem(problem)
        except ValueError as error:
            self._fail_roll_out(str(error))

    def _roll_out(self, estimate: StateEstimate) -> None:
        """Answer a state, where somebody wants it."""
        listeners = self._roll_outs_out.get_subscription_count()
        if not self.active or self._roll_outs is None or not listeners:
            return
        skew_max = self.settings.clock_skew_max
        if self.rejects_early(STATE, 'the car state is', estimate.stamp, skew_max):
            return
        begin = time.perf_counter()
        try:
            ways = self._roll_outs.roll_out(
                estimate.stamp, estimate.state, self.settings.roll_out_steps
            )
        except (ValueError, InferenceError) as error:
            self._fail_roll_out(str(error))
            return
        elapsed = time.perf_counter() - begin
        self._deadlines.record(elapsed)
        if ways is None:
            self._fail_roll_out('no problem that is fresh, or no member that is sound')
            return
        self._publish_roll_out(ways, estimate.stamp, elapsed)

    def _publish_roll_out(self, ways: EnsembleRollOuts, stamp: float, elapsed: float) -> None:
        card = self.settings.policy.card
        answer = PolicyRollOut(
            ways=tuple(
                Trajectory(stamp, card.dt, *each)
                for each in zip(ways.states, ways.controls, strict=True)
            ),
            problem_stamp=ways.problem_stamp,
            model_id=card.model_id,
            disagreement=ways.disagreement,
            inference_time=elapsed,
        )
        self._roll_outs_out.publish(roll_out_message(answer))
        unfamiliar = ways.disagreement > card.disagreement_threshold
        self._models[iql_lstm.SPEC.name].record(elapsed, unfamiliar, ways.dropped)
        self._roll_out_state.set(DiagnosticStatus.OK, f'{len(answer.ways)} ways sent')

    def _fail_roll_out(self, reason: str) -> None:
        self._roll_out_state.set(DiagnosticStatus.WARN, f'none: {reason}')
        self.info('roll-out', f'no roll-out: {reason}')


def _info_of(source: ProposalSource | None) -> ModelInfo | None:
    return source.info if isinstance(source, ModelSource) else None


def _roll_outs(settings: ProposalSettings) -> PolicyRollOuts | None:
    """Return what rolls the policy out for the controller, where that is asked for."""
    policy = settings.policy
    if policy is None or settings.roll_out_steps == 0:
        return None
    return PolicyRollOuts(policy, settings.vehicle, policy.card.dt)


def main() -> int:
    """Run the node."""
    return run('proposal', ProposalNode, DECLARATIONS)


if __name__ == '__main__':
    raise SystemExit(main())
