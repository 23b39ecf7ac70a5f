# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Parameters of the node `proposal`, and the models that they name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Generic, TypeVar

from warmstart_planner.generated import SolverMissingError
from warmstart_planner.learned import card, policy_card
from warmstart_planner.learned.observation import Observer
from warmstart_planner.learned.policy import LoadedPolicy, PolicyPurpose, load_policy
from warmstart_planner.learned.session import (
    CPU,
    LoadedModel,
    Purpose,
    check_provider,
    load_model,
)
from warmstart_planner.nodes.parameters import Parameter
from warmstart_planner.objective import CostWeights
from warmstart_planner.proposals import guided_library
from warmstart_planner.proposals.by_name import DEFAULT, NAMES, names_in
from warmstart_planner.proposals.decision_transformer import DecisionTransformer
from warmstart_planner.proposals.guided import Guided
from warmstart_planner.proposals.iql_lstm import IqlLstm
from warmstart_planner.resources import share_folder
from warmstart_planner.supervision import SupervisionLimits
from warmstart_planner.transcription import Margins
from warmstart_planner.vehicle import load_vehicle

DECLARATIONS = (
    Parameter(
        'sources', ','.join(DEFAULT),
        f'Sources that answer, separated by commas, of: {", ".join(NAMES)}',
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
        'rollout_steps', 0,
        "Steps of the policy's roll-outs from each state of the car, for who subscribes to them; "
        '0: none', unit='1', low=0, high=200,
    ),
    Parameter(
        'clock_skew_max', SupervisionLimits().clock_skew_max,
        'A stamp further in the future is not believed', unit='s', low=0.0, high=10.0,
    ),
    Parameter(
        'time_limit', 0.02, 'Answers and roll-outs that take longer are reported', unit='s',
        low=0.001, high=1.0,
    ),
)  # fmt: skip
Model = TypeVar('Model')


@dataclass(frozen=True)
class ProposalSettings:
    """
    Which sources answer, with which models, how long that may take and clocks may differ [s].

    `relative_return` and `constraint_to_go` come on top of what the model's card asks for.
    `model` and `policy` are None where they are not asked for, or the folder has none.
    """

    sources: tuple[str, ...]
    model_dir: str
    execution_provider: str
    relative_return: float
    constraint_to_go: float
    rollout_steps: int
    clock_skew_max: float
    time_limit: float
    model: LoadedModel | None = None
    policy: LoadedPolicy | None = None

    @property
    def model_folder(self) -> Path:
        """Folder that the models come from."""
        if self.model_dir:
            return Path(self.model_dir).expanduser().resolve()
        return share_folder() / 'models'

    @property
    def needs_model(self) -> bool:
        """Whether a Decision Transformer is asked for."""
        return DecisionTransformer.name in self.sources

    @property
    def needs_policy(self) -> bool:
        """Whether a policy is asked for."""
        return IqlLstm.name in self.sources or self.rollout_steps > 0


def settings_from(values: Mapping[str, Any]) -> ProposalSettings:
    """
    Build the settings from parameters, without models.

    Raises:
        ValueError: an unknown source or execution provider, a folder that does not exist, or a
            source that is not compiled.

    """
    names = names_in(values['sources'])
    if Guided.name in names:
        _check_guided()
    settings = ProposalSettings(
        sources=names,
        model_dir=values['model_dir'],
        execution_provider=values['execution_provider'],
        relative_return=values['relative_return'],
        constraint_to_go=values['constraint_to_go'],
        rollout_steps=values['rollout_steps'],
        clock_skew_max=values['clock_skew_max'],
        time_limit=values['time_limit'],
    )
    check_provider(settings.execution_provider)
    if settings.model_dir and not settings.model_folder.is_dir():
        raise ValueError(f'model_dir is {settings.model_dir!r}: expected an existing folder')
    return settings


def _check_guided() -> None:
    try:
        guided_library.load()
    except SolverMissingError as error:
        raise ValueError(f'sources has {Guided.name!r}: {error}') from None


class Models:
    """All that the node's settings can name; handed out only after it passed its tests."""

    def __init__(self) -> None:
        self._transformers = ModelShelf(card.CARD_FILE, _load_transformer)
        self._policies = ModelShelf(policy_card.CARD_FILE, _load_policy)

    def settings_from(self, values: Mapping[str, Any]) -> ProposalSettings:
        """
        Build the settings with the models that they ask for.

        Raises:
            ValueError: as by the function of this name, or a model may not be used.

        """
        wanted = settings_from(values)
        return replace(
            wanted,
            model=self._transformers.take(wanted) if wanted.needs_model else None,
            policy=self._policies.take(wanted) if wanted.needs_policy else None,
        )


class ModelShelf(Generic[Model]):
    """
    Models of one kind by folder and execution provider.

    A folder without a model is good enough at first, when the node can do without; later it
    would take away the model in use, and is refused.

    Args:
        card_file: name of the kind's cards.
        load: opens and tests the model of a folder for an execution provider.

    """

    def __init__(self, card_file: str, load: Callable[[Path, str], Model]) -> None:
        self._card_file = card_file
        self._load = load
        self._models: dict[tuple[Path, str], Model] = {}
        self._empty: Path | None = None
        self._started = False

    def take(self, wanted: ProposalSettings) -> Model | None:
        """
        Return the model, None where there is none and need not be one.

        Raises:
            ValueError: it may not be used.

        """
        model = self._take(wanted)
        self._started = True
        return model

    def _take(self, wanted: ProposalSettings) -> Model | None:
        folder = wanted.model_folder
        key = (folder, wanted.execution_provider)
        if key not in self._models and not (folder / self._card_file).exists():
            self._do_without(wanted)
            return None
        model = self._models.pop(key, None)
        if model is None:
            model = self._load(folder, wanted.execution_provider)
        # the one in use and the one that may take its place
        self._models = dict([*self._models.items(), (key, model)][-2:])
        return model

    def _do_without(self, wanted: ProposalSettings) -> None:
        folder = wanted.model_folder
        if not self._started:
            self._empty = folder
        if wanted.model_dir and folder != self._empty:
            raise ValueError(
                f'model_dir is {wanted.model_dir!r}: expected a folder with {self._card_file}'
            )


def _load_transformer(folder: Path, provider: str) -> LoadedModel:
    return load_model(folder, Purpose(margins=Margins(), weights=CostWeights()), provider)


def _load_policy(folder: Path, provider: str) -> LoadedPolicy:
    policy = load_policy(folder, PolicyPurpose(margins=Margins()), provider)
    try:
        Observer(load_vehicle(policy.card.vehicle))  # what it sees is compiled, for its car
    except SolverMissingError as error:
        raise ValueError(f'policy {policy.card.model_id!r}: {error}') from None
    return policy
