# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
Sources of other packages: found by their entry points, and checked whatever they do.

Nothing of a package is imported before one of its sources is asked for. Whatever goes wrong in one
is a SourceError that names the source and its package.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import cache, partial
from importlib.metadata import EntryPoint, entry_points
from numbers import Real

from warmstart_planner.generation.generated import SolverMissingError
from warmstart_planner.learned.cards.card_format import NoModelError, VehicleUnknownError
from warmstart_planner.problem import PlanningProblem, Proposal, Trajectory
from warmstart_planner.proposals.source import Answer, ModelInfo, ModelSource, ProposalSource
from warmstart_planner.proposals.spec import (
    PLANNERS_OWN,
    LoadOptions,
    Origin,
    SourceError,
    SourceSpec,
)

GROUP = 'warmstart_planner.sources'
ESTIMATES = ('predicted_return', 'failure_probability', 'uncertainty', 'inference_time')
SAME_TIME = 1e-6  # stamps and steps that differ by less are one [s]


def outside_entries() -> tuple[EntryPoint, ...]:
    """Return the entry points of all installed packages, by name; their names may repeat."""
    return _entries(tuple(sys.path))


@cache
def _entries(path: tuple[str, ...]) -> tuple[EntryPoint, ...]:
    # every package's metadata is read for it: once for a search path
    return tuple(sorted(entry_points(group=GROUP), key=lambda entry: entry.name))


def package_of(entry: EntryPoint) -> str:
    """Return the name of the package that has an entry point."""
    return entry.dist.name if entry.dist else entry.module


def outside_spec(entry: EntryPoint) -> SourceSpec:
    """
    Import what an entry point names.

    Returns:
        Its declaration, whose `load` returns a source that is checked at each answer.

    Raises:
        SourceError: it cannot be imported, or is no declaration of a source of that name.

    """
    source = f'source {entry.name!r} of {package_of(entry)}'
    try:
        spec = entry.load()
    except Exception as error:
        raise SourceError(
            f'{source}: {entry.value} cannot be imported: {_with_type(error)}'
        ) from error
    if not isinstance(spec, SourceSpec):
        raise SourceError(f'{source}: {entry.value} is {spec!r}: expected a SourceSpec')
    if spec.name != entry.name:
        raise SourceError(f'{source}: its name is {spec.name!r}: expected {entry.name!r}')
    if spec.origin in PLANNERS_OWN:
        others = ', '.join(str(each) for each in Origin if each not in PLANNERS_OWN)
        raise SourceError(f'{source}: its origin is {spec.origin}: expected one of {others}')
    return replace(spec, load=partial(_load, source, spec))


def _load(name: str, spec: SourceSpec, options: LoadOptions) -> CheckedSource:
    try:
        source = spec.load(options)
    except (NoModelError, VehicleUnknownError, SolverMissingError):
        raise  # these tell what to do, and are no fault
    except Exception as error:
        raise SourceError(f'{name} cannot be loaded: {_with_type(error)}') from error
    if getattr(source, 'name', None) != spec.name or not hasattr(source, 'propose'):
        raise SourceError(
            f'{name}: load returned {source!r}: expected a source, with the name {spec.name!r} '
            'and a method propose'
        )
    if not spec.diagnostics:
        return CheckedSource(name, source)
    if not isinstance(source, ModelSource) or not isinstance(source.info, ModelInfo):
        raise SourceError(f'{name}: load returned {source!r}: expected a ModelSource')
    return CheckedModelSource(name, source)


class CheckedSource:
    """
    A source of another package; its answers are checked.

    Args:
        described: source and package, for messages.
        source: as its package made it.

    """

    def __init__(self, described: str, source: ProposalSource) -> None:
        self.name = source.name
        self._described, self._source = described, source

    def propose(
        self, problem: PlanningProblem, previous: Trajectory | None = None
    ) -> Sequence[Proposal]:
        """
        Return what the source proposes.

        Raises:
            SourceError: it failed, or what it proposes is not for the problem.

        """
        try:
            proposals = tuple(self._source.propose(problem, previous))
        except Exception as error:
            raise SourceError(f'{self._described} failed: {_with_type(error)}') from error
        for proposal in proposals:
            fault = _fault(self.name, proposal, problem)
            if fault:
                raise SourceError(f'{self._described} failed: {fault}')
        return proposals


class CheckedModelSource(CheckedSource):
    """The same of a source that tells of its model."""

    def __init__(self, described: str, source: ModelSource) -> None:
        super().__init__(described, source)
        self.info = source.info
        self.last: Answer | None = None

    def propose(
        self, problem: PlanningProblem, previous: Trajectory | None = None
    ) -> Sequence[Proposal]:
        """
        Return what the source proposes.

        Raises:
            SourceError: as of any source, or it does not tell of its answer.

        """
        proposals = super().propose(problem, previous)
        last = self._source.last
        if last is not None and not isinstance(last, Answer):
            raise SourceError(f'{self._described} failed: last is {last!r}: expected an Answer')
        self.last = last
        return proposals


def _fault(name: str, proposal: object, problem: PlanningProblem) -> str:
    """Say what is wrong with a proposal; nothing where it is good."""
    if not isinstance(proposal, Proposal):
        return f'it proposed {proposal!r}: expected a Proposal'
    if proposal.source != name:
        return f'proposal.source is {proposal.source!r}: expected {name!r}'
    trajectory, horizon = proposal.trajectory, problem.horizon
    if not isinstance(trajectory, Trajectory):
        return f'proposal.trajectory is {trajectory!r}: expected a Trajectory'
    for field, found, wanted, tolerance in (
        ('stamp', trajectory.stamp, problem.stamp, SAME_TIME),
        ('dt', trajectory.dt, horizon.dt, SAME_TIME),
        ('controls', len(trajectory.controls), horizon.steps, 0),
    ):
        if abs(found - wanted) > tolerance:
            return f"proposal.trajectory.{field} is {found}: expected the problem's {wanted}"
    for field in ESTIMATES:
        value = getattr(proposal, field)
        if not isinstance(value, Real):
            return f'proposal.{field} is {value!r}: expected a number'
    if not isinstance(proposal.model_id, str):
        return f'proposal.model_id is {proposal.model_id!r}: expected a text'
    return ''


def _with_type(error: Exception) -> str:
    return f'{type(error).__name__}: {error}'
