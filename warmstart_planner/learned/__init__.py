# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""What learned models read, the files they come in, and how they are run."""

CPU = 'CPUExecutionProvider'  # the part of onnxruntime that runs everywhere
