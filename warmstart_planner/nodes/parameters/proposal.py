# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Parameters of the node `proposal`, and the sources that they name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from warmstart_planner.generation.generated import SolverMissingError
from warmstart_planner.learned import CPU
from warmstart_planner.learned.cards.card_format import NoModelError, VehicleUnknownError
from warmstart_planner.learned.observation.observer import Observer
from warmstart_planner.learned.policy import LoadedPolicy
from warmstart_planner.learned.session import check_provider
from warmstart_planner.nodes.parameters.declaration import Parameter
from warmstart_planner.proposals.iql_lstm import IqlLstm, loaded_policy
from warmstart_planner.proposals.registry import DEFAULT, find, names_in, source_names
from warmstart_planner.proposals.source import ProposalSource
from warmstart_planner.proposals.spec import LoadOptions, SourceSpec, packaged_models
from warmstart_planner.supervision import SupervisionLimits
from warmstart_planner.vehicle import DEFAULT_VEHICLE, VehicleParameters, load_vehicle

DECLARATIONS = (
    Parameter(
        'vehicle', DEFAULT_VEHICLE, "Car to propose for: packaged name, or its file's path",
        read_only=True,
    ),
    Parameter(
        'sources', ','.join(DEFAULT),
        f'Sources that answer, separated by commas, of: {", ".join(source_names())}',
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
        'roll_out_steps', 0,
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
Loaded = TypeVar('Loaded')


@dataclass(frozen=True)
class AskedSource:
    """A source that is asked for; `source` is None where it has no model for the vehicle."""

    spec: SourceSpec
    source: ProposalSource | None


@dataclass(frozen=True)
class ProposalSettings:
    """
    Which sources answer, how they are loaded, how long an answer may take and clocks may differ.

    `model_dir` is the folder as it was given, '' for the packaged one. Times are in s. `asked`
    holds the sources by the names in `sources`; `policy` is what rolls out, None where that is not
    asked for, or there is none for the vehicle. `reasons` tells, by source, why it has no model.
    """

    vehicle: VehicleParameters
    sources: tuple[str, ...]
    model_dir: str
    options: LoadOptions
    roll_out_steps: int
    clock_skew_max: float
    time_limit: float
    asked: tuple[AskedSource, ...] = ()
    policy: LoadedPolicy | None = None
    reasons: Mapping[str, str] = field(default_factory=dict)


def settings_from(values: Mapping[str, Any]) -> ProposalSettings:
    """
    Build the settings from parameters, with no source loaded.

    Raises:
        SourceError: a source of another package is at fault.
        ValueError: an unknown source or execution provider, or a folder that does not exist.

    """
    names = names_in(values['sources'])
    folder = values['model_dir']
    vehicle = load_vehicle(values['vehicle'])
    settings = ProposalSettings(
        vehicle=vehicle,
        sources=names,
        model_dir=folder,
        options=LoadOptions(
            vehicle=vehicle,
            models=Path(folder).expanduser().resolve() if folder else packaged_models(),
            execution_provider=values['execution_provider'],
            relative_return=values['relative_return'],
            constraint_to_go=values['constraint_to_go'],
        ),
        roll_out_steps=values['roll_out_steps'],
        clock_skew_max=values['clock_skew_max'],
        time_limit=values['time_limit'],
    )
    check_provider(settings.options.execution_provider)
    if folder and not settings.options.models.is_dir():
        raise ValueError(f'model_dir is {folder!r}: expected an existing folder')
    return settings


class SourceCache:
    """
    All that the node's settings can name; handed out only after it passed its tests.

    A folder without a source's model is good enough at first, when the node can do without; later
    it would take away the model in use, and is refused.
    """

    def __init__(self) -> None:
        self._kept: dict[str, dict[LoadOptions, ProposalSource]] = {}
        # where a source was first looked for, if its model was missing there
        self._empty: dict[str, Path | None] = {}
        self._reasons: dict[str, str] = {}  # why a source has no model

    def settings_from(self, values: Mapping[str, Any]) -> ProposalSettings:
        """
        Build the settings with the sources that they ask for.

        Raises:
            ValueError: as by the function of this name, or a source or model may not be used.

        """
        wanted = settings_from(values)
        specs = [find(name) for name in wanted.sources]
        asked = tuple(AskedSource(spec, self._source(spec, wanted)) for spec in specs)
        policy = self._policy(wanted) if wanted.roll_out_steps > 0 else None
        return replace(wanted, asked=asked, policy=policy, reasons=dict(self._reasons))

    def _source(self, spec: SourceSpec, wanted: ProposalSettings) -> ProposalSource | None:
        kept, options = self._kept.get(spec.name, {}), wanted.options
        source = kept.get(options) or self._take(spec.name, spec.load, wanted)
        if source is not None:
            others = {key: value for key, value in kept.items() if key != options}
            # the one in use and the one that may take its place
            self._kept[spec.name] = dict([*others.items(), (options, source)][-2:])
        return source

    def _policy(self, wanted: ProposalSettings) -> LoadedPolicy | None:
        policy = self._take(IqlLstm.name, loaded_policy, wanted)
        if policy is not None:
            try:
                Observer(policy.card.vehicle)  # what it sees is compiled
            except SolverMissingError as error:
                raise ValueError(f'policy {policy.card.model_id!r}: {error}') from None
        return policy

    def _take(
        self, name: str, load: Callable[[LoadOptions], Loaded], wanted: ProposalSettings
    ) -> Loaded | None:
        """Return what is loaded, None where it has no model for the vehicle and needs none."""
        options = wanted.options
        try:
            loaded = load(options)
        except (NoModelError, VehicleUnknownError) as error:
            known = self._empty.setdefault(name, options.models)
            if wanted.model_dir and options.models != known:
                raise ValueError(f'model_dir is {wanted.model_dir!r}: {_wish(error)}') from None
            self._reasons[name] = _reason(error, options)
            return None
        except SolverMissingError as error:
            raise ValueError(f'source {name!r}: {error}') from None
        self._empty.setdefault(name, None)
        return loaded


def _wish(error: NoModelError | VehicleUnknownError) -> str:
    """Say what a folder lacks that is to take the place of the one in use."""
    if isinstance(error, NoModelError):
        return f'expected a folder with {error.card_file.name}'
    return str(error)


def _reason(error: NoModelError | VehicleUnknownError, options: LoadOptions) -> str:
    """Say why a source has no model."""
    if isinstance(error, NoModelError):
        return f'no learned model in {options.models}'
    return str(error)
