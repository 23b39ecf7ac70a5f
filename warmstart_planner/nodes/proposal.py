# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Node `proposal`: answers each planning problem with starts for the optimiser."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from diagnostic_msgs.msg import DiagnosticStatus

from warmstart_planner import msg
from warmstart_planner.nodes.diagnostics import DeadlineTask, StateTask
from warmstart_planner.nodes.lifecycle import ManagedNode, run
from warmstart_planner.nodes.messages import problem_from, proposals_message
from warmstart_planner.nodes.parameters import Parameter
from warmstart_planner.nodes.qos import EVENTS, NEWEST
from warmstart_planner.problem import PlanningProblem
from warmstart_planner.proposals.cold_bundle import ColdBundle
from warmstart_planner.proposals.source import ProposalSource
from warmstart_planner.proposals.straight_line import StraightLine
from warmstart_planner.proposals.zero_control import ZeroControl

SOURCES: dict[str, type[ProposalSource]] = {
    source.name: source for source in (ZeroControl, StraightLine, ColdBundle)
}
DECLARATIONS = (
    Parameter(
        'sources',
        'zero_control,straight_line',
        f'Sources that answer, separated by commas, of: {", ".join(SOURCES)}',
    ),
    Parameter('model_dir', '', 'Folder of the learned models; empty: none', read_only=True),
    Parameter(
        'time_limit', 0.02, 'Answers that take longer are reported', unit='s', low=0.001, high=1.0
    ),
)


@dataclass(frozen=True)
class ProposalSettings:
    """Which sources answer, and how long that may take [s]."""

    sources: tuple[str, ...]
    time_limit: float


def settings_from(values: Mapping[str, Any]) -> ProposalSettings:
    """Build the settings from parameters; raises ValueError for an unknown source."""
    names = tuple(name.strip() for name in values['sources'].split(',') if name.strip())
    for name in names:
        if name not in SOURCES:
            raise ValueError(f'sources has {name!r}: expected some of {", ".join(SOURCES)}')
    return ProposalSettings(names, values['time_limit'])


class ProposalNode(ManagedNode[ProposalSettings]):
    """Serves the sources; learned ones have the same interface."""

    def __init__(self) -> None:
        super().__init__('proposal', DECLARATIONS, settings_from)

    def configure(self) -> None:
        """Load the sources."""
        self._deadlines = DeadlineTask('answer time', self.settings.time_limit)
        self._failures = StateTask('sources')
        self.diagnostics.add(self._deadlines)
        self.diagnostics.add(self._failures)
        self._proposals = self.send(msg.Proposals, '~/output/proposals', EVENTS)
        self.receive(msg.PlanningProblem, '~/input/problem', problem_from, self._answer, NEWEST)
        self.apply(self.settings)

    def apply(self, settings: ProposalSettings) -> None:
        """Take over the choice of sources."""
        self._sources = tuple(SOURCES[name]() for name in settings.sources)
        self._deadlines.limit = settings.time_limit

    def _answer(self, problem: PlanningProblem) -> None:
        if not self.active:
            return
        begin = time.perf_counter()
        for source in self._sources:
            self._propose(source, problem)
        self._deadlines.record(time.perf_counter() - begin)

    def _propose(self, source: ProposalSource, problem: PlanningProblem) -> None:
        begin = time.perf_counter()
        try:
            proposals = tuple(source.propose(problem, None))
            message = proposals_message(proposals, problem, time.perf_counter() - begin)
        except ValueError as error:
            text = f'source {source.name!r} failed: {error}'
            self._failures.set(DiagnosticStatus.WARN, text)
            self.warn(f'source {source.name}', text)
            return
        self._failures.set(DiagnosticStatus.OK, f'{source.name} answered {len(proposals)}')
        if proposals:
            self._proposals.publish(message)


def main() -> int:
    """Run the node."""
    return run(ProposalNode)


if __name__ == '__main__':
    raise SystemExit(main())
