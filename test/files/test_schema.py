# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The schemas of files that people write; what they say of bad ones is tested with each format."""

import json

import jsonschema
import pytest

from warmstart_planner.files import schema
from warmstart_planner.files.resources import share_folder

SCHEMAS = sorted((share_folder() / 'config').rglob('*.schema.json'))


def test_there_are_schemas_of_scenarios_cars_and_weights():
    assert {path.name.split('.')[0] for path in SCHEMAS} == {'scenario', 'vehicle', 'weights'}


@pytest.mark.parametrize('path', SCHEMAS, ids=lambda path: path.name)
def test_a_schema_is_written_in_the_draft_that_it_is_read_by(path):
    """And that is 7, the newest one that the jsonschema of Ubuntu 22.04 (3.2) knows."""
    content = json.loads(path.read_text())
    assert jsonschema.validators.validator_for(content) is jsonschema.Draft7Validator
    assert isinstance(schema._validator(path), jsonschema.Draft7Validator)
    jsonschema.Draft7Validator.check_schema(content)
