# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""How a cycle of the planner went, and a step of the controller."""

from __future__ import annotations

from typing import TYPE_CHECKING

from warmstart_planner import msg
from warmstart_planner.nodes.messages.command import AnsweredStamps
from warmstart_planner.nodes.messages.fields import header
from warmstart_planner.nodes.messages.stamps import to_time
from warmstart_planner.problem import PlanResult

if TYPE_CHECKING:  # the planner tells of itself, and has no controller
    from warmstart_planner.mpc.controller import ControlOutput


def plan_status_message(result: PlanResult, stamp: float, total_time: float) -> msg.PlanStatus:
    """Return the message of how a planning cycle went, which took `total_time` as a whole [s]."""
    return msg.PlanStatus(
        header=header(stamp),
        problem_stamp=to_time(result.problem_stamp),
        rung=result.rung.value,
        status=result.solver_status.value,
        source=result.source,
        iterations=result.iterations,
        cost=float(result.cost),
        violation=float(result.violation),
        clearance_m=float(result.clearance),
        plan_time_ms=total_time * 1e3,
        solver_time_ms=result.solver_time * 1e3,
        verification_time_ms=result.verification_time * 1e3,
        proposal_time_ms=result.proposal_time * 1e3,
        candidates=result.candidates,
        message=result.message,
    )


def controller_status_message(
    output: ControlOutput, answered: AnsweredStamps, total_time: float, compensated_delay: float
) -> msg.ControllerStatus:
    """Return the message of how a step went, which took `total_time` as a whole [s]."""
    return msg.ControllerStatus(
        header=header(answered.stamp),
        rung=output.rung.value,
        status=output.reason or 'ok',
        start_source=output.start_source,
        iterations=output.iterations,
        solve_time_ms=output.solve_time * 1e3,
        step_time_ms=total_time * 1e3,
        kkt_residual=float(output.kkt_residual),
        lateral_error_m=float(output.lateral_error),
        longitudinal_error_m=float(output.longitudinal_error),
        heading_error_rad=float(output.heading_error),
        speed_error_mps=float(output.speed_error),
        compensated_delay_s=float(compensated_delay),
        reference_age_s=float(output.reference_age),
    )
