# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Decision Transformer: a learned model's ways, checked and put on the map."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from warmstart_planner.learned.cards.card_format import expect_vehicle
from warmstart_planner.learned.cards.model_card import (
    CARD_FILE,
    Defaults,
    TrainingRange,
    load_card,
)
from warmstart_planner.learned.context import Context, context_of
from warmstart_planner.learned.session import (
    LoadedModel,
    ModelOutput,
    ModelRequirements,
    load_model,
)
from warmstart_planner.objective import CostWeights
from warmstart_planner.problem import PlanningProblem, Proposal, Trajectory, trajectories
from warmstart_planner.proposals.source import Answer, ModelInfo
from warmstart_planner.proposals.spec import LoadOptions, Origin, SourceSpec
from warmstart_planner.transcription import Transcription, transcribe
from warmstart_planner.vehicle import VehicleParameters

OUTSIDE = 1.001  # uncertainty of what is just unfamiliar
CONTROL_TOLERANCE = 1e-2  # beyond the car's limits: rounding [m/s^2, rad/s]
START_TOLERANCE = 1e-2  # between the problem's state and a candidate's first [m, rad, m/s]
NOT_COMPILED = 'onnxruntime runs the model, several times as slow as compiled code would'


class DecisionTransformer:
    """
    The candidates of a loaded model; `last` keeps what came of the newest problem.

    Args:
        model: as `learned.session.load_model` returns it.
        relative_return: r asks for exp(-r) times the cost that the model predicts for its own
            way; None: as the model's card says.
        constraint_to_go: sum of the verifier's violations that is allowed from now on; None: as
            the card says.

    Raises:
        ValueError: a number that no model can be asked for.

    """

    name = 'decision_transformer'

    def __init__(
        self,
        model: LoadedModel,
        relative_return: float | None = None,
        constraint_to_go: float | None = None,
    ) -> None:
        self.model = model
        defaults = model.card.defaults
        self.asked = Defaults(
            defaults.relative_return if relative_return is None else relative_return,
            defaults.constraint_to_go if constraint_to_go is None else constraint_to_go,
        )
        self.last: Answer | None = None
        self.info = ModelInfo(
            model.card.model_id, vars(self.asked), '' if model.compiled else NOT_COMPILED
        )
        self._familiar = _Familiar(model.card.training_range)

    def propose(
        self, problem: PlanningProblem, previous: Trajectory | None = None
    ) -> Sequence[Proposal]:
        """
        Return the model's candidates, map frame; those that no car could follow are left out.

        Raises:
            ValueError: the problem is for another car or horizon than the model's.
            InferenceError: the execution provider failed.

        """
        self._check(problem)
        return self.propose_for(problem, transcribe(problem, self.model.card.margins))

    def propose_for(
        self, problem: PlanningProblem, numbers: Transcription
    ) -> tuple[Proposal, ...]:
        """Do the same for a problem that is transcribed already, with the model's margins."""
        self._check(problem)
        self.last = self._answer(problem, numbers)
        return self.last.proposals

    def _check(self, problem: PlanningProblem) -> None:
        card = self.model.card
        expect_vehicle('problem.vehicle', problem.vehicle, card)
        if problem.horizon != card.horizon:
            raise ValueError(
                f'problem.horizon is {problem.horizon!r}: model {card.model_id!r} is for '
                f'{card.horizon!r}'
            )

    def _answer(self, problem: PlanningProblem, numbers: Transcription) -> Answer:
        context = context_of(numbers)
        begin = time.perf_counter()
        output = self.model.run(context, self.asked.relative_return, self.asked.constraint_to_go)
        elapsed = time.perf_counter() - begin
        uncertainty = self._uncertainty(context, output.unfamiliarity)
        good = np.flatnonzero(_sound(output, context, problem.vehicle))
        states = numbers.frame.globalise(output.states[good])
        states[:, 0] = problem.initial_state
        vehicle = problem.vehicle
        controls = np.clip(output.controls[good], vehicle.control_lower, vehicle.control_upper)
        model_id = self.model.card.model_id
        proposals = tuple(
            Proposal(self.name, trajectory, model_id, *estimates, uncertainty, elapsed)
            for trajectory, *estimates in zip(
                trajectories(problem.stamp, problem.horizon.dt, states, controls),
                output.predicted_return[good].tolist(),
                output.failure_probability[good].tolist(),
                strict=True,
            )
        )
        return Answer(proposals, self.model.card.candidates - len(good), uncertainty, elapsed)

    def _uncertainty(self, context: Context, unfamiliarity: float) -> float:
        """Return the score in thresholds: above 1 also where an input leaves the range."""
        score = unfamiliarity / self.model.card.unfamiliarity_threshold
        if np.isfinite(score) and self._familiar(context):
            return score
        return float(np.fmax(score, OUTSIDE))  # a score that is not a number too


def _load(options: LoadOptions) -> DecisionTransformer:
    requirements = ModelRequirements(
        options.vehicle, options.horizon, options.margins, CostWeights()
    )
    model = _model(options.models, requirements, options.execution_provider)
    usual = model.card.defaults
    return DecisionTransformer(
        model,
        usual.relative_return + options.relative_return,
        usual.constraint_to_go + options.constraint_to_go,
    )


@lru_cache(maxsize=2)  # the one in use, and the one that may take its place
def _model(folder: Path, requirements: ModelRequirements, provider: str) -> LoadedModel:
    return load_model(folder, requirements, provider)


def _fits(options: LoadOptions) -> bool:
    known = load_card(options.models / CARD_FILE)
    car, horizon = options.vehicle, options.horizon
    return (car is None or car == known.vehicle) and horizon in (None, known.horizon)


SPEC = SourceSpec(DecisionTransformer.name, _load, Origin.LEARNED, _fits, diagnostics='model')


class _Familiar:
    """Whether a context lies within the training range, and a margin around it."""

    def __init__(self, known: TrainingRange) -> None:
        self._state, self._road, self._obstacles = (
            each.widened() for each in (known.state, known.road, known.obstacles)
        )

    def __call__(self, context: Context) -> bool:
        return (
            self._state.holds(context.state)
            and self._road.holds(context.road)
            and self._obstacles.holds(context.obstacles[context.present])
        )


def _sound(output: ModelOutput, context: Context, vehicle: VehicleParameters) -> NDArray[np.bool_]:
    """Whether each candidate is sound: its numbers, its start and its controls; shape (K,)."""
    lower = vehicle.control_lower - CONTROL_TOLERANCE
    upper = vehicle.control_upper + CONTROL_TOLERANCE
    # what is not a number is in no order: it fails these comparisons
    within = ((lower <= output.controls) & (output.controls <= upper)).all(axis=(1, 2))
    starts = (np.abs(output.states[:, 0] - context.state) <= START_TOLERANCE).all(axis=1)
    finite = np.isfinite(output.states).all(axis=(1, 2)) & np.isfinite(output.predicted_return)
    probable = (output.failure_probability >= 0.0) & (output.failure_probability <= 1.0)
    return within & starts & finite & probable
