# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Sources by their names: plain ones, and learned ones with the models of a folder."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

from warmstart_planner.learned import card
from warmstart_planner.learned.policy import LoadedPolicy, PolicyPurpose, load_policy
from warmstart_planner.learned.session import LoadedModel, Purpose, load_model
from warmstart_planner.objective import CostWeights
from warmstart_planner.problem import Horizon
from warmstart_planner.proposals.cold_bundle import ColdBundle
from warmstart_planner.proposals.decision_transformer import DecisionTransformer
from warmstart_planner.proposals.guided import Guided
from warmstart_planner.proposals.iql_lstm import IqlLstm
from warmstart_planner.proposals.source import ProposalSource
from warmstart_planner.proposals.straight_line import StraightLine
from warmstart_planner.proposals.zero_control import ZeroControl
from warmstart_planner.resources import share_folder
from warmstart_planner.transcription import Margins
from warmstart_planner.vehicle import VehicleParameters

PLAIN: dict[str, type[ProposalSource]] = {
    source.name: source for source in (ZeroControl, StraightLine, ColdBundle, Guided)
}
NAMES = (DecisionTransformer.name, IqlLstm.name, *PLAIN)
DEFAULT = (DecisionTransformer.name,)  # what answers beside the planner's own sources
SOURCES_HELP = (
    f'what proposes beside the planner, separated by commas, of {", ".join(NAMES)}; empty: '
    f'nothing; by default {", ".join(DEFAULT)}, where it knows the car'
)


def names_in(text: str) -> tuple[str, ...]:
    """
    Return the names of sources in a text, separated by commas.

    Raises:
        ValueError: there is no such source.

    """
    names = tuple(name.strip() for name in text.split(',') if name.strip())
    for name in names:
        if name not in NAMES:
            raise ValueError(f'sources has {name!r}: expected some of {", ".join(NAMES)}')
    return names


def load_sources(
    names: Sequence[str],
    vehicle: VehicleParameters,
    horizon: Horizon,
    folder: Path | None = None,
) -> tuple[ProposalSource, ...]:
    """
    Make sources, learned ones with the models of a folder.

    Args:
        names: as `names_in` returns them.
        vehicle: that they propose for.
        horizon: that they propose for.
        folder: of the models; None: the packaged ones.

    Raises:
        CardError: a model is missing, damaged or for something else.
        SolverMissingError: something that a source needs is not generated.

    """
    models = folder or share_folder() / 'models'
    made: list[ProposalSource] = []
    for name in names:
        if name == DecisionTransformer.name:
            made.append(DecisionTransformer(_transformer(models, vehicle.name, horizon)))
        elif name == IqlLstm.name:
            made.append(IqlLstm(_policy(models, vehicle.name, horizon.dt)))
        else:
            made.append(PLAIN[name]())
    return tuple(made)


def default_sources(vehicle: VehicleParameters, horizon: Horizon) -> tuple[ProposalSource, ...]:
    """Return what answers in the packaged stack: the learned source, where it knows the car."""
    known = card.load_card(share_folder() / 'models' / card.CARD_FILE)
    if (known.vehicle, known.horizon) != (vehicle.name, horizon):
        return ()
    return load_sources(DEFAULT, vehicle, horizon)


@cache
def _transformer(folder: Path, vehicle: str, horizon: Horizon) -> LoadedModel:
    return load_model(folder, Purpose(vehicle, horizon, Margins(), CostWeights()))


@cache
def _policy(folder: Path, vehicle: str, dt: float) -> LoadedPolicy:
    return load_policy(folder, PolicyPurpose(vehicle, dt, Margins()))
