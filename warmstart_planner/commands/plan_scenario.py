# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
Plan once, from the start of a scenario, and draw the plan with all candidates.

Prints what became of each candidate. Exit status: 0 when the plan is feasible, 1 when it is not,
2 when nothing could be planned.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from warmstart_planner.api import Plan, Planner, plan, plot
from warmstart_planner.commands.completion import scenario_argument
from warmstart_planner.commands.generate import provide
from warmstart_planner.planning import Refined
from warmstart_planner.problem import Horizon
from warmstart_planner.proposals.registry import source_names
from warmstart_planner.scenarios import load_scenario
from warmstart_planner.simulation.report import text_table


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the scenario, what is written, and who proposes."""
    scenario_argument(parser)
    add = parser.add_argument
    add('--out', type=Path, help='PNG file; out/plan/ and the name by default')
    add('--vehicle', default='', help="car by name, or its file's path; empty: the scenario's")
    add('--deadline', type=float, default=float('inf'), help='for the plan [s]; none by default')
    names = ', '.join(('guided', *source_names()))
    add('--sources', help=f'who proposes, separated by commas, of {names}; guided and the learned '
        'model, where it knows the car, by default')  # fmt: skip


def run(options: argparse.Namespace) -> int:
    """Plan; return the exit status."""
    try:
        scenario = load_scenario(options.scenario, options.vehicle)
        out = options.out or Path('out', 'plan', f'{scenario.name}.png')
        provide(scenario.car, Horizon())
        planner = Planner(_names(options.sources), scenario.car)
        problem = scenario.problem_at(0.0, scenario.initial_state, station=scenario.start_station)
        planned = plan(problem, planner, deadline=options.deadline)
        plot(planned, out)
    except (ValueError, OSError, RuntimeError) as error:
        print(f'plan: {error}', file=sys.stderr)
        return 2
    print(table(planned))
    result = planned.result
    print(f'{result.rung.name.lower()} from {result.source or "nothing"}', result.message)
    print(out)
    return 0 if result.feasible else 1


def table(planned: Plan) -> str:
    """Return a line for each candidate, feasible ones first, the cheapest of them on top."""
    rows = [
        (
            each.proposal.source,
            f'{each.result.score.cost:.2f}',
            f'{each.verdict.violation:.2f}',
            str(each.result.iterations),
            each.result.status.value,
        )
        for each in sorted(planned.candidates, key=_order)
    ]
    return text_table(('source', 'cost', 'violation', 'iterations', 'ended'), rows)


def _order(candidate: Refined) -> tuple[float, float]:
    return candidate.verdict.violation, candidate.result.score.cost


def _names(text: str | None) -> list[str] | None:
    return None if text is None else [name.strip() for name in text.split(',') if name.strip()]
