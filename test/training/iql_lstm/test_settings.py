# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""A configuration: that it can be trained."""

from dataclasses import replace

import pytest

pytest.importorskip('torch', reason='torch is not installed')


from training.iql_lstm.settings import Configuration


@pytest.mark.parametrize(
    ('field', 'value'),
    [
        ('hidden', 0),
        ('learn', 0),
        ('burn_in', -1),
        ('expectile', 1.0),
        ('discount', 1.5),
        ('learning_rate', -1.0),
        ('weight_limit', 0.0),
        ('extraction', 'magic'),
        ('temperature', float('nan')),
    ],
)
def test_a_configuration_that_cannot_be_trained_is_refused(field, value):
    with pytest.raises(ValueError, match=field):
        replace(Configuration(), **{field: value})
