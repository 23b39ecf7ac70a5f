# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""A training step on a GPU, replayed as one CUDA graph."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

WARM_UP = 3  # steps outside the graph, as `torch.cuda.graph` wants them

Tensors = Mapping[str, Tensor]


class ReplayedStep:
    """
    A step over batches of one shape, its kernels launched all at once.

    The Decision Transformer's step is 13,000 small kernels: to launch them one by one takes three
    times as long as to run them.

    Args:
        step: what to do with tensors, by name, that lie on the GPU; it may not wait for results.
        example: tensors of the shapes to come; the step is done with them a few times.

    """

    def __init__(self, step: Callable[[Tensors], dict[str, Tensor]], example: Tensors) -> None:
        self.given = {name: value.clone() for name, value in example.items()}
        beside = torch.cuda.Stream()
        beside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(beside):
            for _ in range(WARM_UP):
                step(self.given)
        torch.cuda.current_stream().wait_stream(beside)
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph):
            self.answer: dict[str, Any] = step(self.given)

    def __call__(self, tensors: Tensors) -> dict[str, Tensor]:
        """Do the step; the answer's tensors are overwritten by the next."""
        for name, value in tensors.items():
            self.given[name].copy_(value)
        self.graph.replay()
        return self.answer
