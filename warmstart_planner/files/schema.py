# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""YAML files that people write, held to a JSON schema, with one clear error for what is wrong."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np

from warmstart_planner.checks import shown
from warmstart_planner.files.strict_yaml import parse


def parse_checked(text: str, schema: Path) -> Any:
    """
    Return what a YAML text says, where it is what a schema asks for.

    Args:
        text: by the core schema of YAML 1.2, each key once (`strict_yaml`).
        schema: file of the JSON schema, draft 7.

    Raises:
        ValueError: it is no YAML, breaks the schema or holds a number that is not finite; the
            message names the field, its value and what was expected.

    """
    data = parse(text)
    error = jsonschema.exceptions.best_match(_validator(schema).iter_errors(data))
    if error is not None:
        raise ValueError(_message(_field(error), error))
    _check_finite(data, '')
    return data


@cache
def _validator(schema: Path) -> jsonschema.Draft7Validator:
    # the newest draft that the jsonschema of Ubuntu 22.04 knows
    return jsonschema.Draft7Validator(json.loads(schema.read_text(encoding='utf-8')))


def _field(error: jsonschema.ValidationError) -> str:
    return ''.join(
        f'[{part}]' if isinstance(part, int) else f'.{part}' for part in error.absolute_path
    ).lstrip('.')


def _message(field: str, error: jsonschema.ValidationError) -> str:
    """Say in the words of a person what the schema objects to."""
    rule, wanted, value = error.validator, error.validator_value, error.instance
    if rule == 'required':
        missing = next(name for name in wanted if name not in value)
        return f'{field}.{missing} is missing: expected {", ".join(wanted)}'.lstrip('.')
    if rule == 'additionalProperties':
        known = error.schema['properties']
        extra = next(name for name in value if name not in known)
        return f'{field}.{extra} is unknown: expected one of {", ".join(known)}'.lstrip('.')
    words = _EXPECTED.get(rule)
    expected = error.message[:200] if words is None else words.format(wanted)
    if rule == 'oneOf':
        expected = error.schema.get('description', error.message[:200])
    return f'{field or "the file"} is {shown(value)}: expected {expected}'


_EXPECTED = {
    'type': 'type {}',
    'enum': 'one of {}',
    'minimum': 'at least {}',
    'maximum': 'at most {}',
    'exclusiveMinimum': 'more than {}',
    'minItems': 'at least {} entries',
    'maxItems': 'at most {} entries',
    'minLength': 'at least {} characters',
    'minProperties': 'at least {} fields',
    'maxProperties': 'at most {} fields',
}


def _check_finite(data: Any, field: str) -> None:
    """Refuse NaN and infinity, which YAML can write and the schema lets pass."""
    if isinstance(data, dict):
        for key, value in data.items():
            _check_finite(value, f'{field}.{key}'.lstrip('.'))
    elif isinstance(data, list):
        for index, value in enumerate(data):
            _check_finite(value, f'{field}[{index}]')
    elif isinstance(data, float) and not np.isfinite(data):
        raise ValueError(f'{field} is {data}: expected a finite number')
