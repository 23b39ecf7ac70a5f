# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
Models in use: an ONNX file is opened, compared with its card and its requirements, and tried.

The one place that imports onnxruntime. Where the compiled network is there for a model and answers
as onnxruntime does, it takes over.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
import onnxruntime
from numpy.typing import ArrayLike, NDArray

from warmstart_planner.generation.generated import SolverMissingError
from warmstart_planner.learned import CPU
from warmstart_planner.learned.cards.card_format import (
    Card,
    CardError,
    Golden,
    Shape,
    expect_vehicle,
    model_sha256,
    tensor_type,
)
from warmstart_planner.learned.cards.model_card import CARD_FILE, ModelCard, load_card
from warmstart_planner.learned.context import Context
from warmstart_planner.learned.transformer.compiled import CompiledTransformer, possible_heads
from warmstart_planner.objective import CostWeights
from warmstart_planner.problem import Horizon
from warmstart_planner.transcription import Margins
from warmstart_planner.vehicle import VehicleParameters

# Processors round differently, and a horizon adds up what they do: a model that was exchanged or
# damaged is off by far more. Relative to a number's size, and absolute for those below 1.
GOLDEN_TOLERANCE = 2e-3
# Of the compiled network, which sums in another order: blocks in a row blow rounding up where a
# way is sensitive. Another network differs by the size of its answers.
COMPILED_TOLERANCE = 0.05
WARM_UP_RUNS = 3  # after them the memory is allocated and the kernels are chosen
ORT_TYPES = {np.float32: 'tensor(float)', np.bool_: 'tensor(bool)'}
QUIET = 3  # severity from which onnxruntime logs: what matters is raised


@dataclass(frozen=True)
class ModelRequirements:
    """
    What a model is wanted for; None: as it is.

    Where a vehicle or a horizon is None here, the problems decide: a model answers those for its
    own only.
    """

    vehicle: VehicleParameters | None = None
    horizon: Horizon | None = None
    margins: Margins | None = None
    weights: CostWeights | None = None


@dataclass(frozen=True)
class ModelOutput:
    """
    What a model proposes for one problem, float32, in the problem's ego frame.

    `states` (K, N + 1, 5); `controls` (K, N, 2); `predicted_return` (K,), the negative cost
    of what refinement leads to, and `failure_probability` (K,) that it leads to no feasible plan;
    `log_probability` (K,); `unfamiliarity` grows with the distance from what it was trained on.
    """

    states: NDArray[np.float32]
    controls: NDArray[np.float32]
    predicted_return: NDArray[np.float32]
    failure_probability: NDArray[np.float32]
    log_probability: NDArray[np.float32]
    unfamiliarity: float


class InferenceError(RuntimeError):
    """The execution provider could not run a model that it had run before."""


class SelfTesting(Protocol):
    """A model that can be tested."""

    def self_test(self, golden: Golden) -> None:
        """Raise a CardError where it answers otherwise than the golden pair."""


AnyCard = TypeVar('AnyCard', bound=Card)
Model = TypeVar('Model', bound=SelfTesting)


class LoadedModel:
    """
    A model that passed its tests; `run` may be called from any thread.

    `compiled` answers in the session's place; None: the session does.
    """

    def __init__(
        self,
        card: ModelCard,
        session: onnxruntime.InferenceSession,
        compiled: CompiledTransformer | None = None,
    ) -> None:
        """Keep the session; `load_model` makes and tests it."""
        self.card = card
        self.compiled = compiled
        self._session = session
        self._names = list(card.outputs)

    def run(
        self,
        context: Context,
        relative_return: ArrayLike = 0.0,
        constraint_to_go: ArrayLike = 0.0,
    ) -> ModelOutput:
        """
        Propose K candidates.

        Args:
            context: the problem as the model sees it.
            relative_return: r asks for a cost of exp(-r) times the one that the model predicts;
                for all candidates or of shape (K,).
            constraint_to_go: sum of the verifier's violations that is allowed; likewise.

        Raises:
            InferenceError: the execution provider failed.

        """
        count = self.card.candidates
        return self._propose(
            {
                'state': context.state,
                'road': context.road,
                'obstacles': context.obstacles,
                'present': context.present,
                'relative_return': np.full(count, relative_return, np.float32),
                'constraint_to_go': np.full(count, constraint_to_go, np.float32),
            }
        )

    def _propose(self, inputs: Mapping[str, NDArray[Any]]) -> ModelOutput:
        if self.compiled and self.compiled.takes(inputs):
            outputs = self.compiled.run(inputs)
        else:
            outputs = self.by_graph(inputs)
        return ModelOutput(**outputs | {'unfamiliarity': float(outputs['unfamiliarity'])})

    def by_graph(self, inputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[np.float32]]:
        """
        Return what onnxruntime makes of the graph's inputs: the card's outputs by name.

        Raises:
            InferenceError: the execution provider failed.

        """
        try:
            values = self._session.run(self._names, dict(inputs))
        except Exception as error:  # onnxruntime's errors have no base class of their own
            raise InferenceError(f'model {self.card.model_id!r}: {error}') from None
        return dict(zip(self._names, values, strict=True))

    def without_compiled(self) -> LoadedModel:
        """Return the model served by onnxruntime."""
        return LoadedModel(self.card, self._session)

    def compile(self, content: bytes) -> LoadedModel:
        """
        Return the model served by the compiled network, or as it is.

        It stays as it is where nothing is generated for its car and cost, where it is another
        network, and where the compiled one answers otherwise than onnxruntime.

        Args:
            content: of the model's file.

        """
        # the weights do not tell how many heads share an attention; the answers do
        for heads in possible_heads(content):
            try:
                compiled = CompiledTransformer(self.card, content, heads)
            except (SolverMissingError, ValueError):
                return self
            if self._agrees(compiled):
                return LoadedModel(self.card, self._session, compiled)
        return self

    def _agrees(self, compiled: CompiledTransformer) -> bool:
        """Whether the compiled network answers as the graph does, whatever it is asked for."""
        asked = dict(self.card.golden.inputs)
        alone = {'present': np.zeros_like(asked['present'])}
        alone['obstacles'] = np.zeros_like(asked['obstacles'])
        wishes = {n: asked[n] + np.float32(0.5) for n in ('relative_return', 'constraint_to_go')}
        try:
            for inputs in (asked, asked | alone, asked | wishes):
                wanted = Golden(inputs, self.by_graph(inputs))
                compare(compiled.run(inputs), wanted, COMPILED_TOLERANCE)
        except CardError:
            return False
        return True

    def self_test(self, golden: Golden) -> None:
        """
        Compare what the model answers now with what it answered when it was exported.

        Raises:
            CardError: they differ by more than GOLDEN_TOLERANCE.
            InferenceError: the execution provider failed.

        """
        output = self._propose(golden.inputs)
        compare({name: getattr(output, name) for name in golden.outputs}, golden)


def compare(
    found: Mapping[str, ArrayLike], golden: Golden, tolerance: float = GOLDEN_TOLERANCE
) -> None:
    """
    Compare outputs by name with a golden pair's.

    Args:
        found: outputs by name.
        golden: what they are to be.
        tolerance: relative, or of numbers below 1.

    Raises:
        CardError: they differ by more.

    """
    for name, wanted in golden.outputs.items():
        values = np.asarray(found[name])
        if values.shape != wanted.shape:
            raise CardError(f'{name} has shape {values.shape}: expected {wanted.shape}')
        error = np.abs(values - wanted) / np.maximum(np.abs(wanted), 1.0)
        worst = float(np.max(np.nan_to_num(error, nan=np.inf)))
        if worst > tolerance:
            raise CardError(
                f'{name} is off its golden value by {worst:.2g} of it: '
                f'expected at most {tolerance}'
            )


def load_model(
    folder: Path | str, requirements: ModelRequirements | None = None, provider: str = CPU
) -> LoadedModel:
    """
    Open a folder's Decision Transformer, test it and warm it up.

    Args:
        folder: holds the card and the ONNX file that it names.
        requirements: what the model has to be for.
        provider: onnxruntime's execution provider, on one thread; any but the processor's keeps
            the compiled network out.

    Raises:
        CardError: the model is missing, damaged, not what its card says, or for something else;
            the message names the file, the field, its value and what was expected.

    """
    path = Path(folder) / CARD_FILE
    card = load_card(path)
    model = open_model(path, card, requirements or ModelRequirements(), LoadedModel, provider)
    return model.compile(_content(path.parent / card.onnx, card)) if provider == CPU else model


def open_model(
    path: Path,
    card: AnyCard,
    requirements: object,
    build: Callable[[AnyCard, onnxruntime.InferenceSession], Model],
    provider: str,
) -> Model:
    """
    Open the model of a card, test it and warm it up.

    Args:
        path: of the card.
        card: what is written there.
        requirements: a dataclass of what the card's fields have to be; None: as they are.
        build: makes the model from card and session.
        provider: onnxruntime's execution provider, on one thread.

    Raises:
        CardError: as `load_model` says.

    """
    try:
        _check_requirements(card, requirements)
    except CardError as error:
        raise type(error)(f'{path}: {error}') from None
    file = path.parent / card.onnx
    try:
        session = _session(_content(file, card), provider)
        _check_tensors('inputs', session.get_inputs(), card.inputs)
        _check_tensors('outputs', session.get_outputs(), card.outputs)
        model = build(card, session)
        for _ in range(1 + WARM_UP_RUNS):
            model.self_test(card.golden)
    except (CardError, InferenceError) as error:
        raise CardError(f'{file}: {error}') from None
    return model


def check_provider(provider: str) -> None:
    """
    Refuse an execution provider that this onnxruntime does not have.

    Raises:
        CardError: with those that it has.

    """
    available = onnxruntime.get_available_providers()
    if provider not in available:
        raise CardError(
            f'execution_provider is {provider!r}: expected one of {", ".join(available)}'
        )


def _check_requirements(card: Card, requirements: object) -> None:
    for name, wanted in vars(requirements).items():
        found = getattr(card, name)
        if isinstance(wanted, VehicleParameters):
            expect_vehicle(name, wanted, card)
        elif wanted is not None and found != wanted:
            raise CardError(f'{name} is {found!r}: expected {wanted!r}')


def _content(file: Path, card: Card) -> bytes:
    """Return the bytes of the model that the card was written for."""
    try:
        content = file.read_bytes()
    except OSError as error:
        raise CardError(f'expected a readable model: {error.strerror}') from None
    found = model_sha256(content)
    if found != card.sha256:
        raise CardError(f'sha256 is {found}: the card expects {card.sha256}')
    return content


def _session(content: bytes, provider: str) -> onnxruntime.InferenceSession:
    check_provider(provider)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.add_session_config_entry('session.intra_op.allow_spinning', '0')
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.log_severity_level = QUIET
    try:
        return onnxruntime.InferenceSession(content, options, [provider])
    except Exception as error:  # onnxruntime's errors have no base class of their own
        raise CardError(f'expected an ONNX model that {provider} runs: {error}') from None


def _check_tensors(name: str, nodes: list[Any], shapes: Mapping[str, Shape]) -> None:
    """Compare a side of the graph with the card; a size that the graph leaves open is no error."""
    found = {node.name: node for node in nodes}
    if found.keys() != shapes.keys():
        raise CardError(f'the graph has {name} {sorted(found)}: expected {sorted(shapes)}')
    for key, shape in shapes.items():
        node, wanted = found[key], ORT_TYPES[tensor_type(key)]
        if node.type != wanted:
            raise CardError(f'{name}.{key} of the graph is {node.type}: expected {wanted}')
        same = len(node.shape) == len(shape) and all(
            have == want
            for have, want in zip(node.shape, shape, strict=True)
            if isinstance(have, int)
        )
        if not same:
            raise CardError(f'{name}.{key} of the graph is {node.shape}: expected {list(shape)}')
