# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
Export an ensemble of trained policies to one ONNX model with its card: `make export-policy`.

The graph is one step of all members at once: each layer is one convolution over a single place,
of which each member is a group. onnxruntime makes that, bias and activation one operation, and it
is their number that most of a step's time goes by. What it tells when their roll-outs drive apart
is measured on validation problems.
"""

from __future__ import annotations

import io
import sys
import tempfile
import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from training.command_line import at_least, run
from training.dataset.scenes import drawn
from training.dataset.situations import SPLIT_STRIDE
from training.iql_lstm.disagreement import LEAST_THRESHOLD, calibrated, realised
from training.iql_lstm.networks import OBSERVATION_LIMIT, Actor
from training.iql_lstm.trained import load_trained, read_checkpoint
from warmstart_planner.files.measurement import commit, versions
from warmstart_planner.generation.generated import SolverMissingError
from warmstart_planner.learned.cards.card_format import (
    Golden,
    Range,
    model_sha256,
    write_card,
)
from warmstart_planner.learned.cards.policy_card import (
    CARD_FILE,
    ONNX_FILE,
    PolicyCard,
    input_shapes,
    output_shapes,
)
from warmstart_planner.learned.observation.fields import OBSERVATION_SIZE
from warmstart_planner.problem import Horizon, PlanningProblem
from warmstart_planner.transcription import Margins
from warmstart_planner.vehicle import DEFAULT_VEHICLE, VehicleParameters, load_vehicle

OPSET = 18


class Ensemble(nn.Module):
    """
    One step of M policies of equal sizes, each with an observation and a memory of its own.

    Args:
        actors: the members.

    Raises:
        ValueError: there are none, or they differ in sizes, bounds or suggestions.

    """

    def __init__(self, actors: Sequence[Actor]) -> None:
        super().__init__()
        _check_alike(actors)
        states = [actor.state_dict() for actor in actors]

        def stacked(name: str) -> Tensor:
            return torch.stack([state[name] for state in states])

        recurrent = [stacked(f'encoder.lstm.weight_{part}_l0') for part in ('ih', 'hh')]
        biases = [stacked(f'encoder.lstm.bias_{part}_l0') for part in ('ih', 'hh')]
        mean, spread = stacked('encoder.statistics')[:, :2].unbind(dim=1)
        # the normalisation is a part of the first layer
        first = stacked('encoder.linear.weight') / spread[:, None]
        offset = stacked('encoder.linear.bias') - (first @ mean[:, :, None])[:, :, 0]
        layers = {
            'first': (first, offset),
            'gate': tuple(map(_gates_in_turn, (torch.cat(recurrent, dim=2), sum(biases)))),
            'inner': (stacked('head.0.weight'), stacked('head.0.bias')),
            'last': (stacked('head.2.weight'), stacked('head.2.bias')),
        }
        tensors = {
            'least': mean - OBSERVATION_LIMIT * spread,
            'most': mean + OBSERVATION_LIMIT * spread,
            'low': states[0]['bounds'][0],
            'high': states[0]['bounds'][1],
            'suggestion_weights': states[0]['suggestion_weights'] * _half(states[0]['bounds']),
            'suggestion_offset': states[0]['bounds'].mean(dim=0)
            + states[0]['suggestion_offset'] * _half(states[0]['bounds']),
        }
        for name, (weights, bias) in layers.items():
            tensors[f'{name}_weights'] = weights.flatten(0, 1)[:, :, None].contiguous()
            tensors[f'{name}_biases'] = bias.flatten().contiguous()
        for name, value in tensors.items():
            self.register_buffer(name, value)

    def forward(
        self, observation: Tensor, hidden: Tensor, cell: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return actions (M, 2) in their units and the memory after observations (M, O)."""
        members, width = hidden.shape
        bounded = torch.minimum(torch.maximum(observation, self.least), self.most)
        seen = torch.relu(self._layer('first', bounded, members)).reshape(members, -1)
        given = torch.cat([seen, hidden], dim=1)
        gates = self._layer('gate', given, members).reshape(members, -1)
        shares, new = gates.split([3 * width, width], dim=1)
        opened, kept, shown = torch.sigmoid(shares).split(width, dim=1)
        cell = kept * cell + opened * torch.tanh(new)
        hidden = shown * torch.tanh(cell)
        features = torch.cat([seen, hidden], dim=1)
        inner = torch.relu(self._layer('inner', features, members))
        mean = torch.tanh(self._layer('last', inner, members)).reshape(members, -1)
        correction = _half(torch.stack([self.low, self.high])) * mean + self.suggestion_offset
        action = torch.addmm(correction, observation, self.suggestion_weights)
        action = torch.minimum(torch.maximum(action, self.low), self.high)
        return action, hidden, cell

    def _layer(self, name: str, values: Tensor, members: int) -> Tensor:
        """Return what each member's layer makes of its part of the values, in a row."""
        weights, biases = (getattr(self, f'{name}_{part}') for part in ('weights', 'biases'))
        return functional.conv1d(values.reshape(1, -1, 1), weights, biases, groups=members)


def _gates_in_turn(values: Tensor) -> Tensor:
    """Order the LSTM's gates: in, forget, out, new; the first three are answered in one call."""
    opened, kept, new, shown = values.chunk(4, dim=1)
    return torch.cat([opened, kept, shown, new], dim=1)


def _half(bounds: Tensor) -> Tensor:
    low, high = bounds
    return 0.5 * (high - low)


def _check_alike(actors: Sequence[Actor]) -> None:
    if not actors:
        raise ValueError('members is empty: expected at least one')
    first = actors[0].state_dict()
    wanted = {name: value.shape for name, value in first.items()}
    shared = [name for name in first if name == 'bounds' or name.startswith('suggestion_')]
    for member, actor in enumerate(actors):
        own = actor.state_dict()
        same_sizes = {name: value.shape for name, value in own.items()} == wanted
        if not same_sizes or not all(torch.equal(own[name], first[name]) for name in shared):
            raise ValueError(
                f'member {member} has other sizes, bounds or suggestions: expected those of 0'
            )


def onnx_bytes(ensemble: Ensemble, inputs: dict[str, np.ndarray]) -> bytes:
    """Return the ensemble as ONNX."""
    members, hidden_size = inputs['hidden'].shape
    stream = io.BytesIO()
    with torch.no_grad(), warnings.catch_warnings():
        # the exporter by tracing keeps the graph small and is said to go some day
        warnings.simplefilter('ignore')
        torch.onnx.export(
            ensemble.eval(),
            tuple(torch.from_numpy(value) for value in inputs.values()),
            stream,
            input_names=list(inputs),
            output_names=list(output_shapes(members, hidden_size)),
            opset_version=OPSET,
            dynamo=False,
        )
    return stream.getvalue()


def golden_inputs(actors: Sequence[Actor]) -> dict[str, np.ndarray]:
    """Return inputs such as those of training, the same for the same members."""
    rng = np.random.default_rng(0)
    shapes = input_shapes(len(actors), actors[0].encoder.hidden)
    inputs = {name: rng.uniform(-0.5, 0.5, shape) for name, shape in shapes.items()}
    mean, spread = (
        np.stack([actor.encoder.statistics[row].numpy() for actor in actors]) for row in (0, 1)
    )
    inputs['observation'] = mean + spread * inputs['observation']
    return {name: value.astype(np.float32) for name, value in inputs.items()}


def training_range(actors: Sequence[Actor]) -> Range:
    """Return the box about the observations that any member was trained on."""
    low, high = (
        np.stack([actor.encoder.statistics[row].numpy() for actor in actors]) for row in (2, 3)
    )
    return Range(low.min(axis=0).astype(float), high.max(axis=0).astype(float))


def validation_scenes(count: int, horizon: Horizon) -> list[PlanningProblem]:
    """Return scenes of the validation side, the first `count` that the generator finds."""
    indices = range(0, 10 * count * SPLIT_STRIDE, SPLIT_STRIDE)
    return [scene.problem for scene in islice(drawn(indices, horizon), count)]


def member_files(folder: Path) -> list[Path]:
    """
    Return the members' checkpoints of an ensemble's training, in their order.

    Raises:
        ValueError: there is no member.

    """
    members = sorted(int(each.name) for each in folder.glob('[0-9]*') if each.name.isdigit())
    if not members:
        raise ValueError(f'{folder} holds no member: expected folders 0, 1, ...; train first')
    return [folder / str(member) / 'best.pt' for member in members]


def export(
    files: Sequence[Path],
    out: Path,
    vehicle: VehicleParameters,
    scenes: Sequence[PlanningProblem],
    dt: float,
) -> PolicyCard:
    """
    Write model and card to a folder, when they have passed the tests of serving.

    Args:
        files: the members' checkpoints.
        out: folder for both files.
        vehicle: the car that the members learned to drive.
        scenes: of the validation side, on whose horizon it is measured what disagreement tells.
        dt: step of the policies [s].

    Raises:
        ValueError: a checkpoint cannot be read, the members differ in sizes, or they are not for
            this car or for the observations that are served.
        CardError: the model does not do what its card says.
        SolverMissingError: the library of the observations is not generated.

    """
    if not scenes:
        raise ValueError('scenes is empty: expected at least one')
    actors = [load_trained(file).actor for file in files]
    ensemble = Ensemble(actors)
    _check_use(actors[0], vehicle)
    inputs = golden_inputs(actors)
    with torch.no_grad():
        answers = ensemble(*(torch.from_numpy(value) for value in inputs.values()))
    shape = inputs['hidden'].shape
    content = onnx_bytes(ensemble, inputs)
    digest = model_sha256(content)
    card = PolicyCard(
        model_id=f'iql_lstm-{digest[:8]}',
        onnx=ONNX_FILE,
        sha256=digest,
        vehicle=vehicle,
        dt=dt,
        margins=Margins(),
        members=shape[0],
        hidden_size=shape[1],
        training_range=training_range(actors),
        disagreement_threshold=LEAST_THRESHOLD,
        golden=Golden(
            inputs,
            {
                name: answer.numpy()
                for name, answer in zip(output_shapes(*shape), answers, strict=True)
            },
        ),
        provenance=_provenance(actors, files),
    )
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix='.export-', dir=out) as draft:
        (Path(draft) / ONNX_FILE).write_bytes(content)
        write_card(Path(draft) / CARD_FILE, card)
        calibration = calibrated(realised(Path(draft), scenes))
        card = replace(
            card,
            disagreement_threshold=calibration.threshold,
            provenance={**card.provenance, 'disagreement': asdict(calibration)},
        )
        (Path(draft) / ONNX_FILE).replace(out / ONNX_FILE)
    write_card(out / CARD_FILE, card)
    return card


def _check_use(actor: Actor, vehicle: VehicleParameters) -> None:
    found = actor.encoder.statistics.shape[1]
    if found != OBSERVATION_SIZE:
        raise ValueError(f'members have observations of {found}: expected {OBSERVATION_SIZE}')
    bounds = np.stack([vehicle.control_lower, vehicle.control_upper])
    if not np.allclose(actor.bounds, bounds, rtol=1e-5):
        raise ValueError(
            f'members have actions within {actor.bounds.tolist()}: {vehicle.name} has '
            f'{bounds.tolist()}'
        )


def _provenance(actors: Sequence[Actor], files: Sequence[Path]) -> dict[str, Any]:
    states = [read_checkpoint(file) for file in files]
    return {
        'commit': commit(),
        'versions': {**versions(), 'torch': torch.__version__},
        'parameters': sum(parameter.numel() for parameter in actors[0].parameters()),
        'members': [
            {
                'configuration': state['configuration'],
                'episodes_sha256': state['episodes'],
                'epoch': state['best_epoch'],
                'validation_score': state['score'],
                'training_seconds': state['elapsed'],
            }
            for state in states
        ],
    }


@dataclass(frozen=True)
class Options:
    """What is exported, for which car, and on what its disagreement is measured."""

    checkpoints: Path = Path('out/iql_lstm')  # folder of the members
    out: Path = Path('models')  # folder for model and card
    vehicle: str = DEFAULT_VEHICLE  # by name
    scenes: int = 200  # of the validation side

    def __post_init__(self) -> None:
        """Check the numbers."""
        at_least(self, scenes=1)


def main(arguments: list[str] | None = None) -> int:
    """Export; return the exit status."""
    refusals = (ValueError, OSError, SolverMissingError)
    return run(_export, Options, 'export-policy', __doc__, arguments, refusals)


def _export(options: Options) -> None:
    files, horizon = member_files(options.checkpoints), Horizon()
    vehicle = load_vehicle(options.vehicle)
    scenes = validation_scenes(options.scenes, horizon)
    card = export(files, options.out, vehicle, scenes, horizon.dt)
    size = (options.out / ONNX_FILE).stat().st_size / 1e3
    calibration = card.provenance['disagreement']
    print(
        f'disagreement tells failed roll-outs with an AUROC of {calibration["auroc"]:.2f}; '
        f'{calibration["failure_rate"]:.0%} fail, '
        f'above the threshold {calibration["failure_rate_above"]:.0%}'
    )
    print(
        f'{card.model_id}: {card.members} members, threshold of disagreement '
        f'{card.disagreement_threshold:.2f} m, {options.out / ONNX_FILE}, {size:.0f} kB, and '
        f'{CARD_FILE}'
    )


if __name__ == '__main__':
    sys.exit(main())
