# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The constants of an ONNX file are read without onnx."""

from pathlib import Path

import numpy as np
import pytest

from warmstart_planner.learned.cards.model_card import ONNX_FILE
from warmstart_planner.learned.transformer.onnx_weights import find_weight, initializers

MODEL = Path(__file__).parents[3] / 'models' / ONNX_FILE


def test_they_are_what_onnx_reads():
    onnx = pytest.importorskip('onnx', reason='onnx is not installed')
    graph = onnx.load(MODEL).graph
    wanted = {each.name: onnx.numpy_helper.to_array(each) for each in graph.initializer}
    wanted = {name: value for name, value in wanted.items() if value.dtype == np.float32}
    found = initializers(MODEL.read_bytes())
    assert found.keys() == wanted.keys()
    for name, value in wanted.items():
        np.testing.assert_array_equal(found[name], value)


@pytest.mark.parametrize('cut', [100, 5000, -7])
def test_a_part_of_a_file_is_refused(cut):
    with pytest.raises(ValueError, match='not an ONNX model'):
        initializers(MODEL.read_bytes()[:cut])


def test_a_weight_is_found_whatever_the_exporter_made_of_it():
    table = np.arange(6.0, dtype=np.float32).reshape(2, 3)
    kept, turned = {'a': table}, {'a.T': table.T}
    rows = {'a.0': table[0], 'a.1': table[1]}
    for numbers in (kept, turned, rows):
        np.testing.assert_array_equal(find_weight('a', numbers), table)
    assert find_weight('b', kept) is None
