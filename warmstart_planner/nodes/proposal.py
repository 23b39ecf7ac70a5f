# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Node `proposal`: answers problems with starts for the optimiser, states with roll-outs."""

from __future__ import annotations

from warmstart_planner.interruption import end_quietly_on_ctrl_c

if __name__ == '__main__':
    end_quietly_on_ctrl_c(0)  # the imports take a second

import time
from collections.abc import Iterator
from statistics import median

from diagnostic_msgs.msg import DiagnosticStatus

from warmstart_planner import msg
from warmstart_planner.learned.session import InferenceError
from warmstart_planner.mpc.policy_roll_outs import PolicyRollOuts, Ways
from warmstart_planner.nodes.diagnostics import (
    SILENCE,
    CountTask,
    DeadlineTask,
    Finding,
    StateTask,
    Task,
)
from warmstart_planner.nodes.lifecycle import ManagedNode, run
from warmstart_planner.nodes.messages import (
    PolicyRollOut,
    StateEstimate,
    problem_from,
    proposals_message,
    roll_out_message,
    vehicle_state_from,
)
from warmstart_planner.nodes.proposal_parameters import (
    DECLARATIONS,
    Models,
    ProposalSettings,
)
from warmstart_planner.nodes.qos import EVENTS, NEWEST, SENSED
from warmstart_planner.problem import PlanningProblem, Trajectory
from warmstart_planner.proposals.by_name import PLAIN
from warmstart_planner.proposals.decision_transformer import DecisionTransformer
from warmstart_planner.proposals.iql_lstm import IqlLstm
from warmstart_planner.proposals.source import ProposalSource
from warmstart_planner.vehicle import load_vehicle

PROBLEM = '~/input/problem'
STATE = '~/input/state'
CLOCK_JUMP = 1.0  # a problem older by more is of a clock that was set back, not overtaken [s]


class ModelTask(Task):
    """Diagnostics of a learned model: which one, how fast, how much of it is of use."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._model_id = ''
        self._asked: dict[str, str] = {}
        self._times: list[float] = []
        self._answers = self._unfamiliar = self._dropped = self._reported = 0

    def use(self, model_id: str, **asked: float) -> None:
        """Take note of the model that answers from now on, '' for none, and what it is asked."""
        self._model_id = model_id
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
            return Finding(DiagnosticStatus.WARN, 'no model')
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
    Serves the sources; learned ones have the same interface.

    Where it is told to and somebody subscribes, it also rolls the policy out from each state of
    the car, in the newest problem.
    """

    def __init__(self) -> None:
        # it tests a model while the one in use goes on; the settings carry it over as a whole
        super().__init__('proposal', DECLARATIONS, Models().settings_from)

    # --- lifecycle ---

    def configure(self) -> None:
        """Load the sources."""
        self._deadlines = DeadlineTask('answer time', self.settings.time_limit)
        self._failures = StateTask('sources', SILENCE)
        self._overtaken = CountTask('problems')
        self._learned = {
            DecisionTransformer.name: ModelTask('model'),
            IqlLstm.name: ModelTask('policy'),
        }
        self._roll_out_state = StateTask('roll-outs')
        for task in (self._deadlines, self._failures, self._overtaken, self._roll_out_state):
            self.diagnostics.add(task)
        self._told: dict[str, str] = {}
        self._sources: tuple[ProposalSource, ...] = ()
        self._proposals = self.send(msg.Proposals, '~/output/proposals', EVENTS)
        self._roll_outs_out = self.send(msg.RollOut, '~/output/rollouts', NEWEST)
        self.receive(msg.PlanningProblem, PROBLEM, problem_from, self._answer, NEWEST)
        self.apply(self.settings)

    def apply(self, settings: ProposalSettings) -> None:
        """Take over the choice of sources, and the models with their wishes."""
        self._sources = tuple(_sources(settings))
        self._deadlines.limit = settings.time_limit
        if settings.needs_model:
            self._tell_transformer(settings)
        if settings.needs_policy:
            policy = settings.policy
            self._tell_model(IqlLstm.name, policy.card.model_id if policy else '', settings)
        self._roll_outs = _roll_outs(settings)
        self._roll_out_state.set(
            DiagnosticStatus.OK, 'off' if self._roll_outs is None else 'nothing yet'
        )
        self.receive_where(
            self._roll_outs is not None,
            msg.VehicleState,
            STATE,
            vehicle_state_from,
            self._roll_out,
            SENSED,
        )

    def start(self) -> None:
        """Forget which problem was the newest, and what the policy saw."""
        self._newest = float('-inf')
        if self._roll_outs is not None:
            self._roll_outs.forget()

    def _tell_transformer(self, settings: ProposalSettings) -> None:
        asked = [s.asked for s in self._sources if isinstance(s, DecisionTransformer)]
        self._tell_model(
            DecisionTransformer.name,
            settings.model.card.model_id if settings.model else '',
            settings,
            **vars(asked[0]) if asked else {},
        )
        if settings.model is not None and settings.model.compiled is None:
            self.tell(
                'model', 'onnxruntime runs the model, several times as slow as compiled code would'
            )

    def _tell_model(
        self, name: str, model_id: str, settings: ProposalSettings, **asked: float
    ) -> None:
        """Say which model answers, or that there is none, where that is new."""
        task = self._learned[name]
        task.use(model_id, **asked)
        self.diagnostics.add(task)
        if model_id == self._told.get(name):
            return
        self._told[name] = model_id
        if model_id:
            self.get_logger().info(f'model {model_id!r} answers')
        else:
            self.get_logger().warning(
                f'no learned model in {settings.model_folder}: {name} does not answer'
            )

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
        self._pose(problem)
        begin = time.perf_counter()
        for source in self._sources:
            self._propose(source, problem)
        elapsed = time.perf_counter() - begin
        self._deadlines.record(elapsed)
        self.get_logger().debug(f'{problem.stamp:.2f} s: answered in {elapsed * 1e3:.1f} ms')

    def _propose(self, source: ProposalSource, problem: PlanningProblem) -> None:
        begin = time.perf_counter()
        try:
            proposals = tuple(source.propose(problem, None))
            message = proposals_message(proposals, problem, time.perf_counter() - begin)
        except (ValueError, InferenceError) as error:
            text = f'source {source.name!r} failed: {error}'
            self._failures.set(DiagnosticStatus.WARN, text)
            self.warn(f'source {source.name}', text)
            return
        if isinstance(source, (DecisionTransformer, IqlLstm)) and source.last is not None:
            last = source.last
            task = self._learned[source.name]
            task.record(last.inference_time, last.uncertainty > 1.0, last.dropped)
        self._failures.set(DiagnosticStatus.OK, f'{source.name} answered {len(proposals)}')
        if proposals:
            self._proposals.publish(message)

    # --- roll-outs ---

    def _pose(self, problem: PlanningProblem) -> None:
        """Let the roll-outs go on in a problem."""
        if self._roll_outs is None:
            return
        try:
            self._roll_outs.pose(problem)
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
                estimate.stamp, estimate.state, self.settings.rollout_steps
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

    def _publish_roll_out(self, ways: Ways, stamp: float, elapsed: float) -> None:
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
        self._learned[IqlLstm.name].record(elapsed, unfamiliar, ways.dropped)
        self._roll_out_state.set(DiagnosticStatus.OK, f'{len(answer.ways)} ways sent')

    def _fail_roll_out(self, reason: str) -> None:
        self._roll_out_state.set(DiagnosticStatus.WARN, f'none: {reason}')
        self.tell('roll-out', f'no roll-out: {reason}')


def _sources(settings: ProposalSettings) -> Iterator[ProposalSource]:
    """Make the sources that were asked for; without their model learned ones are left out."""
    for name in settings.sources:
        if name in PLAIN:
            yield PLAIN[name]()
        elif name == IqlLstm.name and settings.policy is not None:
            yield IqlLstm(settings.policy)
        elif name == DecisionTransformer.name and settings.model is not None:
            asked = settings.model.card.defaults
            yield DecisionTransformer(
                settings.model,
                asked.relative_return + settings.relative_return,
                asked.constraint_to_go + settings.constraint_to_go,
            )


def _roll_outs(settings: ProposalSettings) -> PolicyRollOuts | None:
    """Return what rolls the policy out for the controller, where that is asked for."""
    policy = settings.policy
    if policy is None or settings.rollout_steps == 0:
        return None
    return PolicyRollOuts(policy, load_vehicle(policy.card.vehicle), policy.card.dt)


def main() -> int:
    """Run the node."""
    return run(ProposalNode)


if __name__ == '__main__':
    raise SystemExit(main())
