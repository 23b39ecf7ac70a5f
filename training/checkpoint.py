# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Checkpoints and logs of trainings: what is kept of them, and how it is read again."""

from __future__ import annotations

import csv
from collections.abc import Collection, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import torch


def save_checkpoint(path: Path, content: Mapping[str, Any]) -> None:
    """
    Write a checkpoint; whoever reads meanwhile sees the old one or the new one, whole.

    Raises:
        OSError: it cannot be written.

    """
    draft = path.with_suffix('.part')
    torch.save(dict(content), draft)
    draft.replace(path)


def read_checkpoint(path: Path, **expected: Any) -> dict[str, Any]:
    """
    Return a checkpoint's content: numbers and weights only, no code.

    Args:
        path: of the checkpoint.
        expected: entries, such as its version, with the value that each has to have.

    Raises:
        ValueError: it is missing or damaged, or an entry has another value.

    """
    try:
        state = torch.load(path, map_location='cpu', weights_only=True)
        found = {name: state[name] for name in expected}
    except FileNotFoundError:
        raise ValueError(f'{path} is missing: expected a checkpoint; train first') from None
    except Exception as error:
        raise ValueError(f'{path} is no readable checkpoint: {error}') from None
    for name, value in expected.items():
        if found[name] != value:
            raise ValueError(f'{path}: {name} is {found[name]!r}: expected {value!r}')
    return state


def require_same(path: Path, known: Any, wanted: Any, may_change: Collection[str]) -> None:
    """
    Refuse to go on with a checkpoint of another configuration.

    Args:
        path: of the checkpoint.
        known: its configuration, a dataclass.
        wanted: the configuration that a training has.
        may_change: names of fields that may differ.

    Raises:
        ValueError: the configurations differ in another field.

    """
    names = [
        field.name
        for field in fields(wanted)
        if field.name not in may_change
        and getattr(known, field.name) != getattr(wanted, field.name)
    ]
    if names:
        raise ValueError(
            f'{path} is of another configuration, in {", ".join(names)}: expected the same, '
            'or another folder `out`'
        )


def log_epoch(folder: Path, epoch: int, seconds: float, values: Mapping[str, float]) -> None:
    """Add an epoch's values to `log.csv` and to TensorBoard's files of a folder."""
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(str(folder / 'tensorboard')) as writer:
        for name, value in values.items():
            writer.add_scalar(name, value, epoch)
    path = folder / 'log.csv'
    new = not path.exists()
    with path.open('a', newline='', encoding='utf-8') as stream:
        table = csv.writer(stream)
        if new:
            table.writerow(['epoch', 'seconds', *values])
        table.writerow([epoch, f'{seconds:.0f}', *(f'{value:.5f}' for value in values.values())])
