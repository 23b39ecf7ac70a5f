# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Nonlinear model predictive control that tracks a time-parameterised reference."""

from warmstart_planner.mpc.controller import Controller, ControlOutput
from warmstart_planner.mpc.settings import ControllerSettings, Mode, TrackingWeights

__all__ = ['ControlOutput', 'Controller', 'ControllerSettings', 'Mode', 'TrackingWeights']
