# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
Drive all scenario files of a folder in closed loop without ROS, such as CommonRoad's.

Writes of each the driven path, a picture and, of CommonRoad's, a solution, and a table as JSON. A
file that cannot be read is a row as well: its outcome is `refused`, with the reason. Rows that are
done are kept in a journal and not driven again. Where `make judge` has installed CommonRoad's own
checker, it judges all solutions. Exit status: 0 when all drives came to an end, whatever it was,
1 when one broke off with an error, 2 when nothing could be started.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TypeVar

from warmstart_planner.evaluation.judge import JudgeError, is_installed, verdicts
from warmstart_planner.evaluation.scenes import (
    BROKEN_OFF,
    Row,
    Setup,
    drive_scenes,
    files_in,
    names_of,
)
from warmstart_planner.evaluation.table import (
    differences,
    reasons,
    summary_lines,
    summary_of,
    sums,
    table,
)
from warmstart_planner.generation.generated import SolverMissingError
from warmstart_planner.journal import Journal
from warmstart_planner.measurement import commit, write_measurement
from warmstart_planner.processes.parallel import positive, show_progress
from warmstart_planner.proposals.registry import names_in, sources_help
from warmstart_planner.simulation.configuration import (
    MODELS,
    SimulationConfiguration,
    default_configuration_path,
    read_configuration,
)
from warmstart_planner.simulation.predictions import PREDICTIONS

Item = TypeVar('Item')


@dataclass(frozen=True)
class KeptRow:
    """A row as the journal keeps it, with the hash of its file's content."""

    file: str
    digest: str
    row: Row

    @property
    def key(self) -> str:
        """Name of the file."""
        return self.file


def driven_rows(
    names: Mapping[Path, str],
    setup: Setup,
    folder: Path,
    workers: int,
    journal: Journal[KeptRow],
) -> list[Row]:
    """
    Return the rows of files in their order, of those that the journal has as they are there.

    Progress and what the reader warned of go to standard error. Drives that broke off are not
    kept: they are tried again next time.

    Args:
        names: of the files, as `drive_scenes` takes them.
        setup: how they are driven.
        folder: for what is written.
        workers: processes.
        journal: of the rows that are done.

    Raises:
        SolverMissingError: the solvers have to be generated first.
        OSError: a file cannot be written.

    """
    digests = {path.name: _digest(path) for path in names}
    rows = {
        name: journal.records[name].row
        for name, digest in digests.items()
        if name in journal.records and journal.records[name].digest == digest
    }
    if rows:
        print(f'{len(rows)} of {len(names)} files are driven already', file=sys.stderr)
    todo = {path: name for path, name in names.items() if path.name not in rows}
    for row in with_progress(drive_scenes(todo, setup, folder, workers), len(todo), 'drives'):
        rows[row['file']] = row
        if row['outcome'] != BROKEN_OFF:
            journal.add(KeptRow(row['file'], digests[row['file']], row))
        for warning in row['warnings']:
            print(f'{row["file"]}: {warning}', file=sys.stderr)
    return [rows[path.name] for path in names]


def judged_rows(
    files: Sequence[Path], rows: Sequence[Row], workers: int, journal: Journal[KeptRow]
) -> list[Row]:
    """
    Return rows with the judge's verdict on their solutions, under `judge`.

    Args:
        files: of the rows.
        rows: in the same order.
        workers: judges side by side.
        journal: that has the rows, and is to have the verdicts.

    Raises:
        JudgeError: the judge's process ended.

    """
    by_file = {path: row for path, row in zip(files, rows, strict=True)}
    cases = [
        (path, Path(row['solution']))
        for path, row in by_file.items()
        if row['solution'] and not row.get('judge')
    ]
    for (path, _), verdict in with_progress(verdicts(cases, workers), len(cases), 'judged'):
        by_file[path] = {**by_file[path], 'judge': asdict(verdict)}
        kept = journal.records[path.name]
        journal.add(replace(kept, row=by_file[path]))
    return list(by_file.values())


def with_progress(items: Iterable[Item], total: int, what: str) -> Iterator[Item]:
    """Pass items on, and show how many of a total there have been."""
    for done, item in enumerate(items, start=1):
        yield item
        show_progress(done, total, what)


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


def json_path(text: str) -> Path:
    """Return an option's text as the path of a JSON file; argparse reports any other."""
    if Path(text).suffix != '.json':
        raise argparse.ArgumentTypeError(f'is {text!r}: expected a .json file')
    return Path(text)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(prog='commonroad', description=(__doc__ or '').strip())
    add_arguments(parser)
    return run(parser.parse_args(arguments))


def run(options: argparse.Namespace) -> int:
    """Drive the files; return the exit status."""
    folder = options.out.with_suffix('')
    try:
        if folder.resolve() == options.folder.resolve():
            raise ValueError(f'out is {str(options.out)!r}: expected another name than the folder')
        setup = _setup(options)
        names = names_of(files_in(options.folder)[: options.n])
        about = {**asdict(setup), 'folder': str(options.folder.resolve()), 'commit': commit()}
        journal = Journal(
            folder / 'journal.jsonl', lambda kept: KeptRow(**kept), about, not options.anew
        )
        rows = driven_rows(names, setup, folder, options.workers, journal)
        if is_installed():
            rows = judged_rows(list(names), rows, options.workers, journal)
        found = summary_of(rows)
        write_measurement(options.out, setup.configuration.seed, rows, {'summary': found})
    except (ValueError, OSError, SolverMissingError, JudgeError) as error:
        print(f'commonroad: {error}', file=sys.stderr)
        return 2
    for text in (table(rows), reasons(rows), differences(rows), sums(rows), summary_lines(found)):
        print(text, end='\n' if text else '')
    print(f'written to {options.out} and {folder}/')
    return 1 if any(row['outcome'] == BROKEN_OFF for row in rows) else 0


def _setup(options: argparse.Namespace) -> Setup:
    configuration = read_configuration(options.configuration or default_configuration_path())
    return Setup(
        _changed(configuration, options.seed, options.model, options.prediction),
        options.deadline,
        None if options.sources is None else tuple(names_in(options.sources)),
        options.vehicle,
        ('picture', 'animation') if options.animations else ('picture',),
    )


def _changed(
    configuration: SimulationConfiguration,
    seed: int | None,
    model: str | None,
    prediction: str | None,
) -> SimulationConfiguration:
    if seed is not None:
        configuration = replace(configuration, seed=seed)
    if model is not None:
        configuration = replace(configuration, plant=replace(configuration.plant, model=model))
    if prediction is not None:
        configuration = replace(configuration, prediction=prediction)
    return configuration


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the folder, what is written, and how the files are driven."""
    add = parser.add_argument
    add('--folder', type=Path, required=True, help='with .xml or .yaml scenarios')
    add('--out', type=json_path, default=Path('out/commonroad.json'))
    add('--workers', type=positive, default=2, help='processes')
    add('--seed', type=int, help="of all noise; the configuration's by default")
    add('--n', type=positive, help='only the first so many files')
    add('--anew', action='store_true', help='drive also what is driven already')
    add('--animations', action='store_true', help='of each drive, as GIF')
    add('--model', choices=MODELS, help="what moves the car; the configuration's by default")
    add('--prediction', choices=PREDICTIONS, help="of traffic; the configuration's by default")
    add('--configuration', help='YAML file; config/simulation.yaml by default')
    add('--deadline', type=float, default=0.05, help='for one plan [s]; inf is reproducible')
    add('--sources', help=sources_help())
    add('--vehicle', default='', help="car by name, or its file's path; empty: the scenarios'")


if __name__ == '__main__':
    sys.exit(main())
