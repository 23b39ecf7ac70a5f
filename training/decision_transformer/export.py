# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
Export a trained Decision Transformer to ONNX with its card: `make export-model`.

One call of the graph answers one problem: the loop over the horizon is unrolled, all candidates
go through it side by side, and the problem is encoded once. The graph also says how unfamiliar
the problem is: the distance of what the encoder makes of it from the training problems. How far
the model is of use is found out afterwards (`trials.py`).
"""

from __future__ import annotations

import io
import sys
import warnings
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from training.command_line import run
from training.dataset.reading import Problems, read_problems
from training.dataset.schema import read_card
from training.decision_transformer.loading import load_model, read_checkpoint
from training.decision_transformer.network.road_frame import RoadFrame
from training.decision_transformer.network.transformer import DecisionTransformer
from training.decision_transformer.onnx_weights import read_weights, with_named_weights
from training.decision_transformer.outcome_head import (
    HEAD_FILE,
    Contexts,
    OutcomeHead,
    load_head,
    propose,
)
from training.decision_transformer.ranges import range_of
from training.decision_transformer.settings import Configuration, dataset_folders
from warmstart_planner.files.measurement import commit, versions
from warmstart_planner.learned.cards.card_format import Golden, file_sha256, write_card
from warmstart_planner.learned.cards.model_card import (
    CARD_FILE,
    ONNX_FILE,
    Defaults,
    ModelCard,
    input_shapes,
    load_card,
    output_shapes,
)
from warmstart_planner.objective import ANCHORS, GRIP, CostWeights
from warmstart_planner.transcription import Margins
from warmstart_planner.vehicle import load_vehicle

OPSET = 18
FAMILIAR_SHARE = 0.99  # of validation problems that count as familiar
SHRINKAGE = 0.05  # of the covariance towards the unit matrix, in standardised features


class Familiarity(nn.Module):
    """
    Mahalanobis distance of a problem from those of training, per root of the dimension.

    The features are the encoder's view of the car, the mean of its views of road and obstacles,
    and a few plain numbers, so that it sees what the encoder has learned to overlook.
    """

    def __init__(self, mean: Tensor, whitening: Tensor) -> None:
        super().__init__()
        self.register_buffer('mean', mean)
        self.register_buffer('whitening', whitening)

    def forward(self, features: Tensor) -> Tensor:
        """Return the distance of features (B, F), shape (B,); about 1 for training problems."""
        white = (features - self.mean) @ self.whitening
        return torch.sqrt((white * white).mean(dim=1))


def fit_familiarity(features: np.ndarray) -> Familiarity:
    """Fit the distance to features (P, F) of training problems."""
    mean, scale = features.mean(axis=0), features.std(axis=0) + 1e-6
    standard = (features - mean) / scale
    covariance = standard.T @ standard / len(standard)
    covariance = (1 - SHRINKAGE) * covariance + SHRINKAGE * np.eye(len(mean))
    values, vectors = np.linalg.eigh(covariance)
    whitening = (vectors / np.sqrt(values)) / scale[:, None]
    return Familiarity(torch.tensor(mean).float(), torch.tensor(whitening).float())


def familiarity_features(
    context: Tensor,
    mask: Tensor,
    state: Tensor,
    frame: RoadFrame,
    obstacles: Tensor,
    present: Tensor,
) -> Tensor:
    """Return the features of problems, shape (B, F)."""
    tokens = context.reshape(*mask.shape[::3], -1)
    there = present.to(tokens.dtype)[..., None]
    seen = (tokens[:, 1 + ANCHORS :] * there).sum(dim=1)
    number = there.sum(dim=1)
    bend = frame.field('curvature').abs()
    moved = (obstacles[:, :, 1, :2] - obstacles[:, :, 0, :2]).abs().sum(dim=-1)
    numbers = [
        state[:, 3:],
        frame.scalars[:, GRIP : GRIP + 1],
        bend.amax(dim=1, keepdim=True),
        bend.mean(dim=1, keepdim=True),
        frame.field('speed'),
        frame.field('left'),
        frame.field('right'),
        (frame.field('left') + frame.field('right')).amin(dim=1, keepdim=True),
        number,
        moved.amax(dim=1, keepdim=True),
    ]
    return torch.cat(
        [
            tokens[:, 0],
            tokens[:, 1 : 1 + ANCHORS].mean(dim=1),
            seen / torch.clamp(number, min=1.0),
            *numbers,
        ],
        dim=1,
    )


@dataclass(frozen=True)
class Answer:
    """What the served model returns, in the order of the card's outputs."""

    states: Tensor
    controls: Tensor
    predicted_return: Tensor
    failure_probability: Tensor
    log_probability: Tensor
    unfamiliarity: Tensor


class Served(nn.Module):
    """The model as it is served: one problem without a batch axis, all candidates."""

    def __init__(
        self, model: DecisionTransformer, head: OutcomeHead, familiarity: Familiarity
    ) -> None:
        super().__init__()
        self.model, self.head, self.familiarity = model, head, familiarity

    def forward(
        self,
        state: Tensor,
        road: Tensor,
        obstacles: Tensor,
        present: Tensor,
        relative_return: Tensor,
        constraint_to_go: Tensor,
    ) -> tuple[Tensor, ...]:
        """Return the fields of `Answer`; shapes as in `card.output_shapes`."""
        state, road, obstacles, present = (
            each[None] for each in (state, road, obstacles, present)
        )
        seen = propose(
            self.model, state, road, obstacles, present, relative_return, constraint_to_go
        )
        drive = seen.drive
        first = state.expand(drive.states.shape[0], 1, -1)
        strange = familiarity_features(
            seen.context, seen.mask, state, seen.frame, obstacles, present
        )
        return (
            torch.cat([first, drive.states], dim=1),
            drive.controls,
            *self.head.predict(seen.features),
            seen.modes.choice[0],
            self.familiarity(strange)[0],
        )


def make_served(model: DecisionTransformer, head: OutcomeHead, train: Problems) -> Served:
    """Return the served model, its sense of the familiar fitted to training problems."""
    return Served(model, head, fit_familiarity(_features(model, train)))


def unfamiliarity(served: Served, problems: Problems | Contexts) -> np.ndarray:
    """Return how unfamiliar problems are, shape (P,)."""
    features = torch.tensor(_features(served.model, problems)).float()
    with torch.no_grad():
        return served.familiarity(features).numpy()


@torch.no_grad()
def _features(model: DecisionTransformer, problems: Problems | Contexts) -> np.ndarray:
    parts = []
    for start in range(0, len(problems), 256):
        part = problems.take(np.arange(start, min(start + 256, len(problems))))
        state, road, *others = _tensors(part)
        frame = RoadFrame(road)
        context, mask = model.encode(state, frame, *others)
        parts.append(familiarity_features(context, mask, state, frame, *others).numpy())
    return np.concatenate(parts).astype(float)


def _tensors(problems: Problems | Contexts) -> tuple[Tensor, ...]:
    names = ('state', 'road', 'obstacles', 'present')
    return tuple(torch.from_numpy(getattr(problems, name)) for name in names)


def inputs_of(
    problems: Problems, row: int, candidates: int, relative_return: float, constraint_to_go: float
) -> dict[str, np.ndarray]:
    """Return the served model's inputs for one of some problems."""
    inputs = {
        name: getattr(problems, name)[row] for name in ('state', 'road', 'obstacles', 'present')
    }
    inputs['relative_return'] = np.full(candidates, relative_return, dtype=np.float32)
    inputs['constraint_to_go'] = np.full(candidates, constraint_to_go, dtype=np.float32)
    return inputs


def onnx_bytes(served: Served, inputs: Mapping[str, np.ndarray]) -> bytes:
    """Return the served model as ONNX."""
    stream = io.BytesIO()
    with torch.no_grad(), warnings.catch_warnings():
        # the exporter by tracing keeps the graph small and is said to go some day
        warnings.simplefilter('ignore')
        torch.onnx.export(
            served.eval(),
            _in_order(served, inputs),
            stream,
            input_names=list(input_shapes(served.model.sizes.candidates)),
            output_names=list(Answer.__dataclass_fields__),
            opset_version=OPSET,
            dynamo=False,
        )
    return with_named_weights(stream.getvalue(), served)


def _in_order(served: Served, inputs: Mapping[str, np.ndarray]) -> tuple[Tensor, ...]:
    names = input_shapes(served.model.sizes.candidates)
    return tuple(torch.from_numpy(np.asarray(inputs[name])) for name in names)


def export(checkpoint: Path, out: Path, defaults: Defaults) -> ModelCard:
    """
    Write model and card to a folder, whole or not at all.

    Args:
        checkpoint: of the training; its dataset must still be there, and what
            `training.decision_transformer.outcomes` writes beside it.
        out: folder for both files.
        defaults: what the model is asked for by default.

    Raises:
        ValueError: the checkpoint or its dataset cannot be read.

    """
    model, state = load_model(checkpoint), read_checkpoint(checkpoint)
    configuration = Configuration(**state['configuration'])
    folders = dataset_folders(configuration)
    train, validation = (read_problems(folders, side) for side in (False, True))
    head = load_head(checkpoint.with_name(HEAD_FILE), model)
    served = make_served(model, head, train)
    familiar = float(np.quantile(unfamiliarity(served, validation), FAMILIAR_SHARE))
    candidates, card = configuration.candidates, read_card(folders[0])
    inputs = inputs_of(
        validation, 0, candidates, defaults.relative_return, defaults.constraint_to_go
    )
    out.mkdir(parents=True, exist_ok=True)
    model_card = ModelCard(
        **_drafted(served, inputs, out),
        vehicle=load_vehicle(card.vehicle),
        horizon=card.horizon,
        margins=Margins(),
        weights=CostWeights(),
        candidates=candidates,
        inputs=input_shapes(candidates),
        outputs=output_shapes(candidates, card.horizon),
        training_range=range_of(train),
        unfamiliarity_threshold=familiar,
        defaults=defaults,
        provenance=_provenance(model, state, folders, (len(train), len(validation))),
    )
    _put(out, model_card)
    return model_card


def replace_head(folder: Path, head: OutcomeHead) -> ModelCard:
    """
    Give a served model another head, whole or not at all; all else stays as it is.

    Raises:
        ValueError: the folder holds no sound model.

    """
    card, model = load_card(folder / CARD_FILE), load_model(folder)
    known = (card.golden.inputs[field.name][None] for field in fields(Contexts))
    width = _features(model, Contexts(*known)).shape[1]
    familiarity = Familiarity(torch.zeros(width), torch.zeros(width, width))
    familiarity.load_state_dict(read_weights(folder / ONNX_FILE, familiarity, 'familiarity.'))
    served = Served(model, head, familiarity)
    card = replace(card, **_drafted(served, card.golden.inputs, folder))
    _put(folder, card)
    return card


def _drafted(served: Served, inputs: Mapping[str, np.ndarray], out: Path) -> dict[str, Any]:
    """Write the graph's draft; return what a card says of it and of its answers to the inputs."""
    draft = _draft(out)
    draft.write_bytes(onnx_bytes(served, inputs))
    with torch.no_grad():
        answers = served(*_in_order(served, inputs))
    names = Answer.__dataclass_fields__
    outputs = {name: answer.numpy() for name, answer in zip(names, answers, strict=True)}
    sha256 = file_sha256(draft)
    return {
        'model_id': f'decision_transformer-{sha256[:8]}',
        'onnx': ONNX_FILE,
        'sha256': sha256,
        'golden': Golden(inputs, outputs),
    }


def _put(out: Path, card: ModelCard) -> None:
    """Put the draft and its card in their places."""
    _draft(out).replace(out / ONNX_FILE)
    write_card(out / CARD_FILE, card)


def _draft(out: Path) -> Path:
    return out / f'{ONNX_FILE}.part'


def _provenance(
    model: DecisionTransformer, state: dict[str, Any], folders: list[Path], sizes: tuple[int, int]
) -> dict[str, Any]:
    return {
        'commit': commit(),
        'versions': {**versions(), 'torch': torch.__version__},
        'configuration': asdict(Configuration(**state['configuration'])),
        'parameters': sum(parameter.numel() for parameter in model.parameters()),
        'epoch': state['best_epoch'],
        'training_seconds': state['elapsed'],
        'validation_loss': state['best'],
        'problems': {'training': sizes[0], 'validation': sizes[1]},
        'datasets': [asdict(read_card(folder)) for folder in folders],
    }


@dataclass(frozen=True)
class Options:
    """What is exported, and how it is asked when nobody asks otherwise."""

    checkpoint: Path = Path('out/decision_transformer/best.pt')  # of the model
    out: Path = Path('models')  # folder for model and card
    relative_return: float = 0.0  # default of the served model
    constraint_to_go: float = 0.0  # default of the served model


def main(arguments: list[str] | None = None) -> int:
    """Export; return the exit status."""
    return run(_export, Options, 'export', __doc__, arguments)


def _export(options: Options) -> None:
    defaults = Defaults(options.relative_return, options.constraint_to_go)
    card = export(options.checkpoint, options.out, defaults)
    size = (options.out / ONNX_FILE).stat().st_size / 1e6
    print(f'{card.model_id}: {options.out / ONNX_FILE}, {size:.1f} MB, and {CARD_FILE}')


if __name__ == '__main__':
    sys.exit(main())
