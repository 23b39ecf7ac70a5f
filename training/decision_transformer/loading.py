# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Models and weights out of checkpoints and out of folders of served models."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

from torch import Tensor

from training import checkpoint
from training.dataset.schema import read_card
from training.decision_transformer.network.transformer import DecisionTransformer, ModelSizes
from training.decision_transformer.onnx_weights import read_weights
from training.decision_transformer.settings import Configuration, dataset_folders
from warmstart_planner.learned.cards.model_card import CARD_FILE, ONNX_FILE, load_card
from warmstart_planner.vehicle import load_vehicle

CHECKPOINT_VERSION = 1


def read_checkpoint(path: Path) -> dict[str, Any]:
    """
    Return a checkpoint's content: numbers and weights only, no code.

    Raises:
        ValueError: it is missing, damaged or of another version.

    """
    return checkpoint.read_checkpoint(path, version=CHECKPOINT_VERSION)


def load_model(path: Path) -> DecisionTransformer:
    """
    Return the model of a checkpoint, or of the served model in a folder, ready for inference.

    Raises:
        ValueError: the checkpoint or the served model cannot be read.
        DatasetError: the card of the checkpoint's dataset, which says for which car it is, cannot
            be read.

    """
    if path.is_dir():
        return _served_model(path)
    state = read_checkpoint(path)
    configuration = Configuration(**state['configuration'])
    card = read_card(dataset_folders(configuration)[0])
    model = DecisionTransformer(configuration, load_vehicle(card.vehicle), card.horizon)
    model.load_state_dict(state['model'])
    return model.eval()


def _served_model(folder: Path) -> DecisionTransformer:
    card = load_card(folder / CARD_FILE)
    known = card.provenance.get('configuration', {})
    try:
        sizes = ModelSizes(**{field.name: known[field.name] for field in fields(ModelSizes)})
    except KeyError as error:
        raise ValueError(
            f'{folder / CARD_FILE}: provenance.configuration has no {error.args[0]}: '
            'expected the sizes of the network'
        ) from None
    model = DecisionTransformer(sizes, card.vehicle, card.horizon)
    model.load_state_dict(first_weights(folder, model))
    return model.eval()


def first_weights(path: Path, model: DecisionTransformer) -> dict[str, Tensor]:
    """
    Return the weights of a checkpoint, or of the served model in a folder.

    Raises:
        ValueError: there are none, or they are of a model of another size.

    """
    if path.is_dir():
        return read_weights(path / ONNX_FILE, model, 'model.')
    return load_model(path).state_dict()
