# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
Tensors that numpy's element-wise functions accept.

The objective is written with these functions, which numpy's arrays and CasADi's symbols answer.
With `Elementwise` torch's tensors answer them too, so that a network is trained against the one
objective and not against a copy of it.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.lib.mixins import NDArrayOperatorsMixin
from torch import Tensor

FUNCTIONS: dict[np.ufunc, Callable[..., Tensor]] = {
    np.add: operator.add,
    np.subtract: operator.sub,
    np.multiply: operator.mul,
    np.true_divide: operator.truediv,
    np.power: operator.pow,
    np.negative: operator.neg,
    np.fabs: torch.abs,
    np.fmax: torch.maximum,
    np.sqrt: torch.sqrt,
    np.cos: torch.cos,
    np.sin: torch.sin,
    np.tan: torch.tan,
}


class Elementwise(NDArrayOperatorsMixin):
    """A tensor in a formula of numpy's element-wise functions; `tensor` is the result."""

    def __init__(self, tensor: Tensor) -> None:
        self.tensor = tensor

    def __array_ufunc__(self, function: np.ufunc, method: str, *inputs: Any) -> Any:
        """Apply torch's function of the same meaning."""
        if method != '__call__' or function not in FUNCTIONS:
            return NotImplemented
        return Elementwise(FUNCTIONS[function](*map(_plain, inputs)))


def columns(tensor: Tensor) -> list[Elementwise]:
    """Return the last axis of a tensor as a list, as states and controls are indexed."""
    return [Elementwise(column) for column in tensor.unbind(dim=-1)]


def _plain(value: Any) -> Tensor | float:
    return value.tensor if isinstance(value, Elementwise) else float(value)
