# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""A configuration: that it can be trained."""

from dataclasses import replace

import pytest

pytest.importorskip('torch', reason='torch is not installed')


from training.decision_transformer.settings import Configuration


@pytest.mark.parametrize(
    ('field', 'value'),
    [
        ('width', 33),
        ('batch', 0),
        ('learning_rate', -1.0),
        ('answers', 1),
        ('epochs', 0),
        ('allowed_share', 1.5),
        ('dearer_share', -0.1),
        ('dearer_share', 1.5),
        ('dearer_share', float('nan')),
    ],
)
def test_a_configuration_that_cannot_be_trained_is_refused(field, value):
    with pytest.raises(ValueError, match=field):
        replace(Configuration(), **{field: value})
