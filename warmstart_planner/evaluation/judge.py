# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
CommonRoad's own drivability checker as a judge of solutions, in an environment of its own.

`make judge` makes the environment, in a checkout of the project; `scripts/commonroad_judge.py` is
what runs in it.
"""

from __future__ import annotations

import json
import queue
import subprocess
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = ROOT / 'scripts' / 'commonroad_judge.py'
PYTHON = ROOT / '.venv-judge' / 'bin' / 'python'
CHECKS = ('start', 'collision_free', 'on_road', 'goal', 'drivable')


@dataclass(frozen=True)
class Verdict:
    """
    What the checker says of a solution.

    `checks` has each of CHECKS, `reasons` says why one failed, and `costs` has the partial costs
    that the checker found, by their letters. `error` says why there is no verdict.
    """

    checks: dict[str, bool] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    costs: dict[str, float] = field(default_factory=dict)
    error: str = ''

    @property
    def passed(self) -> bool:
        """Whether every check passed."""
        return bool(self.checks) and all(self.checks.values())


class JudgeError(RuntimeError):
    """The judge's process ended; the message is the last that it said."""


class Judge:
    """
    A running judge, which loads its packages once.

    Args:
        python: interpreter of its environment.

    """

    def __init__(self, python: Path = PYTHON) -> None:
        self._process = subprocess.Popen(
            [str(python), str(PROGRAM)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # its packages warn, and tell of leaks when they end
            text=True,
        )

    def __enter__(self) -> Judge:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the process."""
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait()

    def verdict(self, scenario: Path, solution: Path) -> Verdict:
        """
        Judge a solution of a scenario file.

        Raises:
            JudgeError: the judge's process ended.

        """
        asked = {'scenario': str(scenario.resolve()), 'solution': str(solution.resolve())}
        try:
            self._process.stdin.write(json.dumps(asked) + '\n')
            self._process.stdin.flush()
            answer = self._process.stdout.readline()
        except BrokenPipeError:
            answer = ''
        if not answer:
            raise JudgeError(
                f'the judge ended with status {self._process.wait()} at {solution}: '
                'expected a verdict; make judge makes its environment anew'
            )
        return Verdict(**json.loads(answer))


def is_installed() -> bool:
    """Whether there is an environment to judge in."""
    return PYTHON.exists() and PROGRAM.exists()


def verdicts(
    cases: Sequence[tuple[Path, Path]], workers: int
) -> Iterator[tuple[tuple[Path, Path], Verdict]]:
    """
    Yield the verdict on each scenario and its solution, as they are found.

    Args:
        cases: scenario file and solution file of each.
        workers: judges side by side.

    Raises:
        JudgeError: a judge's process ended.

    """
    todo: queue.SimpleQueue[tuple[Path, Path]] = queue.SimpleQueue()
    done: queue.SimpleQueue[tuple[tuple[Path, Path], Verdict] | Exception] = queue.SimpleQueue()
    for case in cases:
        todo.put(case)

    def work() -> None:
        with Judge() as judge:
            while not todo.empty():
                try:
                    case = todo.get_nowait()
                    done.put((case, judge.verdict(*case)))
                except queue.Empty:
                    return
                except Exception as error:
                    done.put(error)
                    return

    for _ in range(min(workers, len(cases))):
        threading.Thread(target=work, daemon=True).start()
    for _ in cases:
        found = done.get()
        if isinstance(found, Exception):
            raise found
        yield found
