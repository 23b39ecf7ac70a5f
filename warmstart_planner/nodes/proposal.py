# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Node `proposal`: answers each planning problem with starts for the optimiser."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

from diagnostic_msgs.msg import DiagnosticStatus

from warmstart_planner import msg
from warmstart_planner.learned.card import CARD_FILE
from warmstart_planner.learned.session import (
    CPU,
    InferenceError,
    LoadedModel,
    Purpose,
    check_provider,
    load_model,
)
from warmstart_planner.nodes.diagnostics import CountTask, DeadlineTask, Finding, StateTask
from warmstart_planner.nodes.lifecycle import ManagedNode, run
from warmstart_planner.nodes.messages import problem_from, proposals_message
from warmstart_planner.nodes.parameters import Parameter
from warmstart_planner.nodes.qos import EVENTS, NEWEST
from warmstart_planner.objective import CostWeights
from warmstart_planner.problem import PlanningProblem
from warmstart_planner.proposals.cold_bundle import ColdBundle
from warmstart_planner.proposals.decision_transformer import Answer, DecisionTransformer
from warmstart_planner.proposals.source import ProposalSource
from warmstart_planner.proposals.straight_line import StraightLine
from warmstart_planner.proposals.zero_control import ZeroControl
from warmstart_planner.resources import share_folder
from warmstart_planner.transcription import Margins

LEARNED = DecisionTransformer.name
PLAIN: dict[str, type[ProposalSource]] = {
    source.name: source for source in (ZeroControl, StraightLine, ColdBundle)
}
SOURCES = (LEARNED, *PLAIN)
CLOCK_JUMP = 1.0  # a problem older by more is of a clock that was set back, not overtaken [s]
DECLARATIONS = (
    Parameter(
        'sources', LEARNED, f'Sources that answer, separated by commas, of: {", ".join(SOURCES)}'
    ),
    Parameter('model_dir', '', 'Folder of the learned models; empty: the packaged ones'),
    Parameter('execution_provider', CPU, 'Part of onnxruntime that runs the models'),
    Parameter(
        'relative_return', 0.0,
        'r asks the model for exp(-r) times the cost that its card asks for', unit='1',
        low=-3.0, high=3.0,
    ),
    Parameter(
        'constraint_to_go', 0.0,
        'Sum of violations that the model may allow, beyond what its card asks for', unit='1',
        low=0.0, high=100.0,
    ),
    Parameter(
        'time_limit', 0.02, 'Answers that take longer are reported', unit='s', low=0.001, high=1.0
    ),
)  # fmt: skip


@dataclass(frozen=True)
class ProposalSettings:
    """
    Which sources answer, with which model, and how long that may take [s].

    `relative_return` and `constraint_to_go` come on top of what the model's card asks for.
    `model` is None where the folder has none.
    """

    sources: tuple[str, ...]
    model_dir: str
    execution_provider: str
    relative_return: float
    constraint_to_go: float
    time_limit: float
    model: LoadedModel | None = None

    @property
    def model_folder(self) -> Path:
        """Folder that the model comes from."""
        if self.model_dir:
            return Path(self.model_dir).expanduser().resolve()
        return share_folder() / 'models'


def settings_from(values: Mapping[str, Any]) -> ProposalSettings:
    """
    Build the settings from parameters, without a model.

    Raises:
        ValueError: an unknown source or execution provider, or a folder that does not exist.

    """
    names = tuple(name.strip() for name in values['sources'].split(',') if name.strip())
    for name in names:
        if name not in SOURCES:
            raise ValueError(f'sources has {name!r}: expected some of {", ".join(SOURCES)}')
    settings = ProposalSettings(
        sources=names,
        model_dir=values['model_dir'],
        execution_provider=values['execution_provider'],
        relative_return=values['relative_return'],
        constraint_to_go=values['constraint_to_go'],
        time_limit=values['time_limit'],
    )
    check_provider(settings.execution_provider)
    if settings.model_dir and not settings.model_folder.is_dir():
        raise ValueError(f'model_dir is {settings.model_dir!r}: expected an existing folder')
    return settings


class ModelShelf:
    """
    Models by folder and execution provider; one is handed out only after it passed its tests.

    A folder without a model is good enough at the start, when the node can do without; later it
    would take away the model in use, and is refused.
    """

    def __init__(self) -> None:
        self._models: dict[tuple[Path, str], LoadedModel] = {}
        self._empty: Path | None = None
        self._started = False

    def settings_from(self, values: Mapping[str, Any]) -> ProposalSettings:
        """
        Build the settings with their model.

        Raises:
            ValueError: as by the function of this name, or the model may not be used.

        """
        wanted = settings_from(values)
        model = self._take(wanted)
        self._started = True
        return replace(wanted, model=model)

    def _take(self, wanted: ProposalSettings) -> LoadedModel | None:
        folder = wanted.model_folder
        key = (folder, wanted.execution_provider)
        if key not in self._models and not (folder / CARD_FILE).exists():
            self._do_without(wanted)
            return None
        model = self._models.pop(key, None)
        if model is None:
            purpose = Purpose(margins=Margins(), weights=CostWeights())
            model = load_model(folder, purpose, wanted.execution_provider)
        # the one in use and the one that may take its place
        self._models = dict([*self._models.items(), (key, model)][-2:])
        return model

    def _do_without(self, wanted: ProposalSettings) -> None:
        folder = wanted.model_folder
        if not self._started:
            self._empty = folder
        if wanted.model_dir and folder != self._empty:
            raise ValueError(
                f'model_dir is {wanted.model_dir!r}: expected a folder with {CARD_FILE}'
            )


class ModelTask:
    """Diagnostics of the learned model: which one, how fast, how much of it is of use."""

    name = 'model'

    def __init__(self) -> None:
        self._source: DecisionTransformer | None = None
        self._times: list[float] = []
        self._answers = self._unfamiliar = self._dropped = self._reported = 0

    def use(self, source: DecisionTransformer | None) -> None:
        """Take note of the source that answers from now on."""
        self._source = source

    def record(self, answer: Answer) -> None:
        """Add what came of one problem."""
        self._times.append(answer.inference_time)
        self._answers += 1
        self._unfamiliar += answer.uncertainty > 1.0
        self._dropped += answer.dropped

    def __call__(self) -> Finding:
        """Warn where there is no model, and of candidates dropped since the last look."""
        times, self._times = self._times or [0.0], []
        dropped, self._reported = self._dropped - self._reported, self._dropped
        if self._source is None:
            return Finding(DiagnosticStatus.WARN, 'no model')
        card, asked = self._source.model.card, self._source.asked
        values = {
            'model_id': card.model_id,
            'relative_return': f'{asked.relative_return:.3f}',
            'constraint_to_go': f'{asked.constraint_to_go:.3f}',
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
    """Serves the sources; learned ones have the same interface."""

    def __init__(self) -> None:
        # it tests a model while the one in use goes on; the settings carry it over as a whole
        super().__init__('proposal', DECLARATIONS, ModelShelf().settings_from)

    def configure(self) -> None:
        """Load the sources."""
        self._deadlines = DeadlineTask('answer time', self.settings.time_limit)
        self._failures = StateTask('sources')
        self._overtaken = CountTask('problems')
        self._model = ModelTask()
        for task in (self._deadlines, self._failures, self._overtaken):
            self.diagnostics.add(task)
        self._told: str | None = None
        self._sources: tuple[ProposalSource, ...] = ()
        self._proposals = self.send(msg.Proposals, '~/output/proposals', EVENTS)
        self.receive(msg.PlanningProblem, '~/input/problem', problem_from, self._answer, NEWEST)
        self.apply(self.settings)

    def apply(self, settings: ProposalSettings) -> None:
        """Take over the choice of sources, and the model with its wishes."""
        sources = tuple(_sources(settings))
        learned = [source for source in sources if isinstance(source, DecisionTransformer)]
        if LEARNED in settings.sources:
            self.diagnostics.add(self._model)
            self._model.use(learned[0] if learned else None)
            self._tell_model(settings)
        self._sources = sources
        self._deadlines.limit = settings.time_limit

    def start(self) -> None:
        """Forget which problem was the newest."""
        self._newest = float('-inf')

    def _tell_model(self, settings: ProposalSettings) -> None:
        """Say which model answers, or that there is none, where that is new."""
        model_id = settings.model.card.model_id if settings.model else ''
        if model_id == self._told:
            return
        self._told = model_id
        if model_id:
            self.get_logger().info(f'model {model_id!r} answers')
        else:
            self.get_logger().warning(
                f'no learned model in {settings.model_folder}: {LEARNED} does not answer'
            )

    def _answer(self, problem: PlanningProblem) -> None:
        if not self.active:
            return
        if self._newest - CLOCK_JUMP < problem.stamp < self._newest:
            self._overtaken.count('overtaken')
            return
        self._newest = problem.stamp
        begin = time.perf_counter()
        for source in self._sources:
            self._propose(source, problem)
        self._deadlines.record(time.perf_counter() - begin)

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
        if isinstance(source, DecisionTransformer) and source.last is not None:
            self._model.record(source.last)
        self._failures.set(DiagnosticStatus.OK, f'{source.name} answered {len(proposals)}')
        if proposals:
            self._proposals.publish(message)


def _sources(settings: ProposalSettings) -> Iterator[ProposalSource]:
    """Make the sources that were asked for; without a model the learned one is left out."""
    for name in settings.sources:
        if name in PLAIN:
            yield PLAIN[name]()
        elif settings.model is not None:
            asked = settings.model.card.defaults
            yield DecisionTransformer(
                settings.model,
                asked.relative_return + settings.relative_return,
                asked.constraint_to_go + settings.constraint_to_go,
            )


def main() -> int:
    """Run the node."""
    return run(ProposalNode)


if __name__ == '__main__':
    raise SystemExit(main())
