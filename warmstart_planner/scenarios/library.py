# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Find scenarios by name or path."""

from __future__ import annotations

from pathlib import Path

from warmstart_planner.scenarios.scenario import Scenario, ScenarioError
from warmstart_planner.scenarios.yaml_format import read_yaml, scenario_folder


def packaged_scenarios() -> tuple[str, ...]:
    """Return the names of the packaged scenarios, sorted."""
    return tuple(sorted(path.stem for path in scenario_folder().glob('*.yaml')))


def load_scenario(name_or_path: str | Path, vehicle: str = '') -> Scenario:
    """
    Load a packaged scenario by name, a YAML file, or a CommonRoad XML file, by its path.

    Args:
        name_or_path: of the scenario.
        vehicle: name or path of the car that drives it; empty: the scenario's own.

    Raises:
        ScenarioError: no such scenario, or it cannot be read or driven; the message names the
            file, the field, the value and what was expected.

    """
    given = str(name_or_path)
    path = Path(given)
    if path.suffix == '.xml':
        from warmstart_planner.scenarios.commonroad import read_commonroad

        return read_commonroad(path, vehicle)
    if path.suffix not in ('.yaml', '.yml'):
        path = scenario_folder() / f'{given}.yaml'
        if given not in packaged_scenarios():
            raise ScenarioError(
                f'scenario is {given!r}: expected a path to a .yaml or .xml file or one of '
                f'{", ".join(packaged_scenarios())}'
            )
    return read_yaml(path, vehicle)
