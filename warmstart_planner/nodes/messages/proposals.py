# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Proposals of one source for a problem."""

from __future__ import annotations

import numpy as np

from warmstart_planner import msg
from warmstart_planner.checks import finite_array, number, unwrapped
from warmstart_planner.nodes.messages.fields import check_frame, flat, header, shaped
from warmstart_planner.nodes.messages.stamps import to_seconds
from warmstart_planner.problem import PlanningProblem, Proposal, Trajectory
from warmstart_planner.vehicle import CONTROL_SIZE, STATE_SIZE, YAW


def proposals_message(
    proposals: tuple[Proposal, ...], problem: PlanningProblem, inference_time: float
) -> msg.Proposals:
    """Return the message of all proposals of one source for a problem."""
    horizon = problem.horizon
    shape = (horizon.steps + 1, STATE_SIZE)
    for each in proposals:
        finite_array(f'proposal {each.source!r}', each.trajectory.states, shape)
    states = [each.trajectory.states for each in proposals]
    controls = [each.trajectory.controls for each in proposals]
    return msg.Proposals(
        header=header(problem.stamp),
        count=len(proposals),
        steps=horizon.steps,
        dt=float(horizon.dt),
        source=[each.source for each in proposals],
        model_id=[each.model_id for each in proposals],
        states=flat(states),
        controls=flat(controls),
        predicted_return=flat([each.predicted_return for each in proposals]),
        failure_probability=flat([each.failure_probability for each in proposals]),
        uncertainty=flat([each.uncertainty for each in proposals]),
        inference_time_ms=float(inference_time) * 1e3,
    )


def proposals_from(message: msg.Proposals) -> tuple[Proposal, ...]:
    """Return the proposals in a message; their trajectories carry the problem's stamp."""
    check_frame('proposals', message.header)
    count, steps = int(message.count), int(message.steps)
    dt = number('proposals.dt', message.dt, at_least=1e-3, at_most=1.0)
    estimates = ('predicted_return', 'failure_probability', 'uncertainty')
    for name in ('source', 'model_id', *estimates):
        if len(getattr(message, name)) != count:
            raise ValueError(
                f'proposals.{name} has {len(getattr(message, name))} entries: expected {count}'
            )
    failure = np.asarray(message.failure_probability)
    outside = failure[(failure < 0.0) | (failure > 1.0)]
    if len(outside):
        raise ValueError(
            f'proposals.failure_probability is {outside[0]}: expected a number from 0 to 1, or NaN'
        )
    states = shaped('proposals.states', message.states, (count, steps + 1, STATE_SIZE))
    controls = shaped('proposals.controls', message.controls, (count, steps, CONTROL_SIZE))
    stamp = to_seconds(message.header.stamp)
    inference = number('proposals.inference_time_ms', message.inference_time_ms, at_least=0.0)
    return tuple(
        Proposal(
            source=message.source[i],
            trajectory=Trajectory(stamp, dt, unwrapped(states[i], YAW), controls[i]),
            model_id=message.model_id[i],
            **{name: float(getattr(message, name)[i]) for name in estimates},
            inference_time=inference / 1e3,
        )
        for i in range(count)
    )
