# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""What a source declares of itself: name, origin, how it is loaded and how it is diagnosed."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from warmstart_planner.files.resources import share_folder
from warmstart_planner.learned import CPU
from warmstart_planner.problem import Horizon
from warmstart_planner.proposals.source import ProposalSource
from warmstart_planner.transcription import Margins
from warmstart_planner.vehicle import VehicleParameters

NAME = re.compile(r'[a-z][a-z0-9_]*')


class Origin(Enum):
    """
    What proposals are made from.

    MEMORY: the plan in use. COLD: the road's geometry alone. GUIDED: a search through the problem.
    LEARNED: a trained model. OUTSIDE: whatever another package makes them from.
    """

    MEMORY = 'memory'
    COLD = 'cold'
    GUIDED = 'guided'
    LEARNED = 'learned'
    OUTSIDE = 'outside'

    def __str__(self) -> str:
        return self.value


# What the planner asks in its own cycle. From beside it the same would come a cycle later, and
# its refinement would be paid twice.
PLANNERS_OWN = frozenset({Origin.MEMORY, Origin.GUIDED})


class SourceError(ValueError):
    """A source of another package is not what a source has to be; says which one."""


def packaged_models() -> Path:
    """Return the folder of the models that come with this package."""
    return share_folder() / 'models'


@dataclass(frozen=True)
class LoadOptions:
    """
    What a source is loaded for, and from where.

    `vehicle` and `horizon` are those of the problems; None: the problems will say, and a source
    raises ValueError for those that it cannot answer. `margins` are what plans keep free. `models`
    is the folder of learned models, `execution_provider` the part of onnxruntime that runs them.
    `relative_return` and `constraint_to_go` are asked of a model beyond what its card asks for.
    """

    vehicle: VehicleParameters | None = None
    horizon: Horizon | None = None
    margins: Margins = field(default_factory=Margins)
    models: Path = field(default_factory=packaged_models)
    execution_provider: str = CPU
    relative_return: float = 0.0
    constraint_to_go: float = 0.0


def _always(options: LoadOptions) -> bool:
    return True


@dataclass(frozen=True)
class SourceSpec:
    """
    A source's declaration.

    Attributes:
        name: what users write and proposals carry: small letters, digits and underscores.
        load: makes the source. It may be called again whenever an option changes, while the
            source that it made before is in use.
        origin: what its proposals are made from.
        fits: tells, before anything is loaded, whether it can answer for vehicle and horizon.
        diagnostics: name of the task that tells of its model in the diagnostics of the node
            `proposal`; what `load` makes is a `ModelSource` then. Empty: it has no task.

    Raises:
        ValueError: a field is not what it has to be.

    """

    name: str
    load: Callable[[LoadOptions], ProposalSource]
    origin: Origin = Origin.OUTSIDE
    fits: Callable[[LoadOptions], bool] = _always
    diagnostics: str = ''

    def __post_init__(self) -> None:
        """Refuse what cannot be asked for, or not be loaded."""
        if not isinstance(self.name, str) or not NAME.fullmatch(self.name):
            raise ValueError(
                f'source.name is {self.name!r}: expected small letters, digits and underscores'
            )
        if not isinstance(self.origin, Origin):
            raise ValueError(f'source.origin is {self.origin!r}: expected an Origin')
        if not callable(self.load):
            raise ValueError(f'source.load is {self.load!r}: expected a function of LoadOptions')
