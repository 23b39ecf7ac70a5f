# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
All sources by their names: this package's own, and those that other packages declare.

The one place that lists this package's own. They are found here and not by entry points of ours,
because a checkout and a ROS install have no metadata of a Python package.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import cache

from warmstart_planner.problem import Horizon
from warmstart_planner.proposals import (
    cold_bundle,
    decision_transformer,
    guided,
    iql_lstm,
    shifted,
    straight_line,
    zero_control,
)
from warmstart_planner.proposals.outside import outside_entries, outside_spec, package_of
from warmstart_planner.proposals.source import ProposalSource
from warmstart_planner.proposals.spec import PLANNERS_OWN, LoadOptions, SourceError, SourceSpec
from warmstart_planner.vehicle import VehicleParameters

BUILT_IN = (
    decision_transformer.SPEC,
    iql_lstm.SPEC,
    zero_control.SPEC,
    straight_line.SPEC,
    cold_bundle.SPEC,
    guided.SPEC,
    shifted.SPEC,
)
DEFAULT = (decision_transformer.SPEC.name,)  # what answers beside the planner's own sources

_log = logging.getLogger(__name__)


def source_names() -> tuple[str, ...]:
    """Return the names of all sources that can be asked beside the planner."""
    ours = [spec.name for spec in BUILT_IN if spec.origin not in PLANNERS_OWN]
    return tuple(dict.fromkeys([*ours, *(entry.name for entry in outside_entries())]))


def find(name: str) -> SourceSpec:
    """
    Return a source's declaration.

    Raises:
        SourceError: a package declares it and is at fault, or several do.
        ValueError: there is no such source.

    """
    ours = [spec for spec in BUILT_IN if spec.name == name]
    theirs = [entry for entry in outside_entries() if entry.name == name]
    if len(ours) + len(theirs) > 1:
        packages = [*('warmstart_planner' for _ in ours), *map(package_of, theirs)]
        raise SourceError(f'source {name!r} is declared by {" and ".join(packages)}: expected one')
    if theirs:
        return outside_spec(theirs[0])
    if not ours:
        raise ValueError(f'sources has {name!r}: expected some of {", ".join(source_names())}')
    return ours[0]


def names_in(text: str) -> tuple[str, ...]:
    """
    Return the names in a text, separated by commas, of sources that are asked beside the planner.

    Raises:
        SourceError: a package declares one and is at fault, or several do.
        ValueError: there is no such source, or the planner has it itself.

    """
    names = tuple(name.strip() for name in text.split(',') if name.strip())
    for name in names:
        origin = find(name).origin
        if origin in PLANNERS_OWN:
            raise ValueError(
                f'sources has {name!r}, which the planner asks itself: expected some of '
                f'{", ".join(source_names())}'
            )
    return names


def sources_help() -> str:
    """Return what a command says of its option for the sources beside the planner."""
    return (
        f'what proposes beside the planner, separated by commas, of {", ".join(source_names())}; '
        f'empty: nothing; by default {", ".join(DEFAULT)}, where it knows the car'
    )


def load_source(name: str, options: LoadOptions) -> ProposalSource:
    """
    Make a source.

    Raises:
        CardError: its model is missing, damaged or for something else.
        SolverMissingError: something that it needs is not generated.
        SourceError: a package declares it and is at fault, or several do.
        ValueError: there is no such source.

    """
    return find(name).load(options)


def load_sources(names: Sequence[str], options: LoadOptions) -> tuple[ProposalSource, ...]:
    """Make sources; raises what `load_source` does."""
    return tuple(load_source(name, options) for name in names)


def default_sources(vehicle: VehicleParameters, horizon: Horizon) -> tuple[ProposalSource, ...]:
    """Return what answers in the packaged stack: the learned source, where it knows the car."""
    options = LoadOptions(vehicle, horizon)
    known = [name for name in DEFAULT if find(name).fits(options)]
    for name in DEFAULT:
        if name not in known:
            _tell_unknown(name, vehicle, horizon)
    return load_sources(known, options)


@cache
def _tell_unknown(name: str, vehicle: VehicleParameters, horizon: Horizon) -> None:
    """Warn, once, that a source does not answer in the packaged stack."""
    _log.warning(
        'driving without the model of %s: it is for another car or horizon than %s and %s',
        *(name, vehicle.label, horizon),
    )
