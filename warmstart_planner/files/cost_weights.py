# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Weights of the planning cost as files: `config/weights.schema.json` defines the format."""

from __future__ import annotations

from pathlib import Path

from warmstart_planner.files.resources import share_folder
from warmstart_planner.files.structured import structured
from warmstart_planner.objective import CostWeights

SCHEMA_NAME = 'weights.schema.json'
UNKNOWN = 'FILE'

_files: dict[CostWeights, str] = {}


class WeightsError(ValueError):
    """Weights that cannot be read or used; names the file, the field and its value."""


def read_weights(path: str | Path) -> CostWeights:
    """
    Read weights from a YAML file; those that it leaves out keep their defaults.

    Raises:
        WeightsError: it cannot be read, or is not as the schema has it; the message names the
            file, the field, its value and what was expected.

    """
    from warmstart_planner.files.schema import parse_checked

    file = Path(path).expanduser().resolve()
    try:
        data = parse_checked(file.read_text(encoding='utf-8'), schema_path())
    except OSError as error:
        raise WeightsError(f'weights {file}: cannot be read ({error.strerror})') from None
    except ValueError as error:
        raise WeightsError(f'weights {file}: {error}') from None
    weights = structured(CostWeights, data)
    _files[weights] = str(file)
    return weights


def schema_path() -> Path:
    """Return the file of the schema."""
    return share_folder() / 'config' / SCHEMA_NAME


def file_of(weights: CostWeights) -> str:
    """Return the file that said these weights, '' for the default ones, FILE for none."""
    return '' if weights == CostWeights() else _files.get(weights, UNKNOWN)
