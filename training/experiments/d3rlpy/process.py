# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
d3rlpy in an environment and a process of its own.

d3rlpy pins a gymnasium that is older than ours. Its environment has what
requirements/validation.txt lists, and behind that all of ours, PyTorch above all: one copy of it
on the disk, and both implementations compute with the same.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import sysconfig
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
ENVIRONMENT = ROOT / '.venv-d3rlpy'
PYTHON = ENVIRONMENT / 'bin' / 'python'
REQUIREMENTS = ROOT / 'requirements' / 'validation.txt'
STAMP = ENVIRONMENT / '.stamp'
JOB_FILE, REPORT_FILE = 'job.json', 'report.json'


class ProcessError(Exception):
    """The environment cannot be made, or the training in it failed."""


@dataclass(frozen=True)
class Job:
    """What d3rlpy is to train: on what, how often and how; named as in our configuration."""

    episodes: str  # file of Episodes
    seeds: tuple[int, ...]
    updates: int
    transitions: int  # of a batch
    hidden: int  # width of two layers
    discount: float
    expectile: float
    temperature: float  # inverse, of advantages in units of their spread
    weight_limit: float
    target_rate: float
    learning_rate: float
    least_rate: float  # at the end of the cosine
    gradient_limit: float


def is_ready() -> bool:
    """Say whether the environment is there, with the requirements of today."""
    return STAMP.exists() and STAMP.read_text() == _digest() and PYTHON.exists()


def make_ready() -> None:
    """
    Make the environment unless it is there.

    Raises:
        ProcessError: it could not be made; the text has the reason.

    """
    if is_ready():
        return
    print(f'making {ENVIRONMENT.name} for d3rlpy', flush=True)
    _run([sys.executable, '-m', 'venv', '--clear', str(ENVIRONMENT)])
    # Without their dependencies: pip must not fetch a PyTorch of its own.
    _run([str(PYTHON), '-m', 'pip', 'install', '-q', '--no-deps', '-r', str(REQUIREMENTS)])
    base = {'base': str(ENVIRONMENT), 'platbase': str(ENVIRONMENT)}
    ours = sysconfig.get_path('purelib')
    (Path(sysconfig.get_path('purelib', vars=base)) / 'ours.pth').write_text(f'{ours}\n')
    _run([str(PYTHON), '-c', 'import d3rlpy'])
    STAMP.write_text(_digest())


def train(job: Job, folder: Path) -> str:
    """
    Train what the job asks for; policies lie in the folder as `{algorithm}_{seed}.pt` after it.

    Returns:
        d3rlpy's version.

    Raises:
        ProcessError: it failed; the text has the reason.

    """
    path = folder / JOB_FILE
    path.write_text(json.dumps(asdict(job)))
    _run([str(PYTHON), '-m', 'training.experiments.d3rlpy.iql', str(path)], quiet=False)
    return json.loads((folder / REPORT_FILE).read_text())['version']


def _digest() -> str:
    content = REQUIREMENTS.read_bytes() + sysconfig.get_path('purelib').encode()
    return hashlib.sha256(content).hexdigest()


def _run(command: list[str], *, quiet: bool = True) -> None:
    """Run a command in the project's root; errors are shown only where it fails."""
    output = subprocess.PIPE if quiet else None
    result = subprocess.run(
        command, cwd=ROOT, stdout=output, stderr=subprocess.PIPE, text=True, check=False
    )
    if result.returncode != 0:
        lines = (result.stdout or '') + result.stderr
        raise ProcessError(f'{" ".join(command[:4])} failed:\n{lines.strip()}')
