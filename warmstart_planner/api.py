# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
What `import warmstart_planner` offers to plan, drive and draw with, in one process, without ROS.

By default calls take the time that they need, so that the same call returns the same; the nodes
have 0.05 s for a plan.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from warmstart_planner import planning
from warmstart_planner.mpc.controller import Controller, ControllerSettings
from warmstart_planner.planning import PlannerSettings, Refined
from warmstart_planner.planning.with_proposals import planner_with
from warmstart_planner.problem import Horizon, PlanningProblem, PlanResult
from warmstart_planner.proposals import guided
from warmstart_planner.proposals.registry import default_sources, load_source
from warmstart_planner.proposals.source import ProposalSource
from warmstart_planner.proposals.spec import LoadOptions
from warmstart_planner.scenarios import Scenario, load_scenario
from warmstart_planner.simulation import closed_loop
from warmstart_planner.simulation.configuration import (
    SimulationConfiguration,
    default_configuration_path,
    read_configuration,
)
from warmstart_planner.vehicle import VehicleParameters, load_vehicle

FOR_EVER = float('inf')


class Planner(planning.Planner):
    """
    A planner that asks sources for the very problem that it plans for.

    Args:
        sources: by name, or objects with a `name` and a method `propose`; they are all that is
            asked, besides the plan in use. None: the guided search and the learned model, where
            it knows the car.
        vehicle: the car; the default one if None.
        horizon: of the plans; the default one if None.
        settings: the default ones if None.

    Raises:
        CardError: a model is missing, damaged or for something else.
        SolverMissingError: something is not generated for this vehicle and horizon.
        SourceError: a source of another package cannot be loaded.
        ValueError: there is no source of a name, or an object is none.

    """

    def __init__(
        self,
        sources: Sequence[str | ProposalSource] | None = None,
        vehicle: VehicleParameters | None = None,
        horizon: Horizon | None = None,
        settings: PlannerSettings | None = None,
    ) -> None:
        """Load sources, and what is compiled."""
        settings = settings or PlannerSettings()
        car, grid = vehicle or load_vehicle(), horizon or Horizon()
        options = LoadOptions(car, grid, settings.margins)
        if sources is None:
            asked = (load_source(guided.SPEC.name, options), *default_sources(car, grid))
        else:
            asked = tuple(_source(each, options) for each in sources)
        super().__init__(car, grid, settings, asked)


@dataclass(frozen=True)
class Plan:
    """A problem, what was planned for it, and all candidates as refinement left them."""

    problem: PlanningProblem
    result: PlanResult
    candidates: tuple[Refined, ...]

    def __str__(self) -> str:
        """Say on which rung the plan is, who proposed its start, and what it costs."""
        rung, result = self.result.rung.name.lower(), self.result
        start = f', started by {result.source}' if result.source else ''
        return f'{rung}{start}: cost {result.cost:.2f}, {result.candidates} candidates'


def plan(
    problem: PlanningProblem, planner: Planner | None = None, *, deadline: float = FOR_EVER
) -> Plan:
    """
    Plan once, as if nothing had been planned before.

    Args:
        problem: what to plan.
        planner: which is reset; a default one for the problem's car and horizon if None.
        deadline: for the plan [s].

    Raises:
        InferenceError: a model could not be run.
        SolverMissingError: something is not generated for this vehicle and horizon.
        ValueError: the problem is for another vehicle or horizon than the planner's or a source's.

    """
    planner = planner or Planner(vehicle=problem.vehicle, horizon=problem.horizon)
    planner.reset()
    result = planner.plan(problem, deadline=deadline)
    return Plan(problem, result, planner.last_refined)


def drive(
    scenario: Scenario | str | Path,
    planner: closed_loop.Planner | None = None,
    *,
    configuration: SimulationConfiguration | None = None,
    deadline: float = FOR_EVER,
) -> closed_loop.Drive:
    """
    Drive a scenario in closed loop: simulator, planner and controller in one process.

    Args:
        scenario: itself, a packaged one's name, or the path of a YAML or CommonRoad file.
        planner: which is reset; what the packaged stack has if None.
        configuration: of the simulated world; `config/simulation.yaml` if None.
        deadline: for each plan [s].

    Raises:
        CardError: a model is missing, damaged or for something else.
        ScenarioError: there is no such scenario, or it cannot be read or driven.
        SolverMissingError: something is not generated for the scenario's vehicle.

    """
    if not isinstance(scenario, Scenario):
        scenario = load_scenario(scenario)
    return closed_loop.drive(
        scenario,
        planner or planner_with(None, scenario.car, deadline),
        Controller(ControllerSettings(), scenario.car),
        configuration or read_configuration(default_configuration_path()),
        deadline=deadline,
    )


def plot(what: Plan | closed_loop.Drive, path: str | Path) -> None:
    """
    Draw a plan with all its candidates, or a drive, into a PNG file.

    Raises:
        OSError: the file cannot be written.
        ValueError: it is neither.

    """
    # neither planning nor driving needs matplotlib
    if isinstance(what, Plan):
        from warmstart_planner.simulation.pictures.plan import draw_plan

        draw_plan(path, what.problem, what.result, what.candidates)
    elif isinstance(what, closed_loop.Drive):
        from warmstart_planner.simulation.pictures.drive import draw_picture

        draw_picture(path, what.scenario, what.record)
    else:
        raise ValueError(f'what to plot is {what!r}: expected what plan() or drive() returns')


def _source(given: str | ProposalSource, options: LoadOptions) -> ProposalSource:
    if isinstance(given, str):
        return load_source(given, options)
    if not isinstance(getattr(given, 'name', None), str) or not callable(
        getattr(given, 'propose', None)
    ):
        raise ValueError(
            f'sources has {given!r}: expected a name, or an object with a name and propose()'
        )
    return given
