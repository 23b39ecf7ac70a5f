# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The folder of a drive: figures, picture and driven path."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from warmstart_planner.files.measurement import header, write_json
from warmstart_planner.scenarios.scenario import Scenario
from warmstart_planner.simulation.pictures.drive import draw_picture
from warmstart_planner.simulation.record import DriveRecord
from warmstart_planner.simulation.report import summary, write_csv
from warmstart_planner.verification import drive_verdict


def files_in(folder: Path) -> tuple[Path, Path, Path]:
    """Return the paths of `summary.json`, `driven.csv` and `drive.png`."""
    return folder / 'summary.json', folder / 'driven.csv', folder / 'drive.png'


def write_folder(
    folder: Path,
    scenario: Scenario,
    record: DriveRecord,
    outcome: str,
    more: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """
    Write what `files_in` names, and return the figures of the drive.

    Args:
        folder: made where it is missing.
        scenario: that was driven.
        record: of the drive.
        outcome: how it ended, by the name of an `Outcome`.
        more: figures, beside those of `summary`.

    Raises:
        OSError: a file cannot be written.

    """
    figures_file, path_file, picture_file = files_in(folder)
    verdict = drive_verdict(scenario, record.times, record.states)
    missed = scenario.arrival.missed(scenario.track(record.times, record.states))
    figures = {**summary(record, verdict, missed, path_file), **(more or {})}
    write_csv(path_file, record, scenario.car)
    about = {'scenario': scenario.name, 'outcome': outcome, **header()}
    write_json(figures_file, {**figures, **about})
    draw_picture(picture_file, scenario, record)
    return figures
