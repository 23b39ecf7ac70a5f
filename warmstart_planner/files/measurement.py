# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The one form in which measurements are written: what was measured, on what, with what."""

from __future__ import annotations

import json
import math
import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

ACADOS_PACKAGES = ('acados', 'acados_template', 'comma-deps-acados')


def write_measurement(
    path: str | Path,
    seed: int,
    rows: Sequence[Mapping[str, Any]],
    about: Mapping[str, Any] | None = None,
) -> None:
    """
    Write rows as `{"machine", "versions", "commit", "seed", …, "rows"}`.

    Numbers that JSON has no word for (NaN, infinity) become null.

    Args:
        path: JSON file; missing folders are made.
        seed: from which the measured problems or noise come.
        rows: one mapping a row of the table.
        about: what else holds for all rows.

    Raises:
        OSError: the file cannot be written.

    """
    content = {
        **header(),
        'seed': int(seed),
        **(about or {}),
        'rows': [plain(row) for row in rows],
    }
    write_json(path, content)


def write_json(path: str | Path, content: Mapping[str, Any]) -> None:
    """
    Write a mapping as a JSON file, whole or not at all.

    Raises:
        OSError: the file cannot be written.

    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(f'{target.name}.{os.getpid()}.part')
    draft.write_text(
        json.dumps(plain(content), indent=2, allow_nan=False) + '\n', encoding='utf-8'
    )
    draft.replace(target)


def header() -> dict[str, Any]:
    """Return what a measurement ran on: machine, versions and commit."""
    return {'machine': machine(), 'versions': versions(), 'commit': commit()}


def machine() -> dict[str, Any]:
    """Return the processor, the number of cores this process may use, and the system."""
    return {
        'cpu': _processor(),
        'cores': len(os.sched_getaffinity(0))
        if hasattr(os, 'sched_getaffinity')
        else os.cpu_count(),
        'system': f'{platform.system()} {platform.release()}',
    }


def versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that decide about times and results."""
    found = {'python': platform.python_version()}
    for name in ('numpy', 'scipy', 'casadi', 'onnxruntime'):
        found[name] = _version(name)
    found['acados'] = next(
        (v for v in (_version(name) for name in ACADOS_PACKAGES) if v != 'absent'), 'absent'
    )
    return found


def commit() -> str:
    """Return the commit of the source tree, marked `-dirty` if it has changes; or `unknown`."""
    folder = Path(__file__).resolve().parent
    try:
        result = subprocess.run(
            ['git', 'describe', '--always', '--dirty', '--abbrev=12', '--exclude=*'],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return 'unknown'
    return result.stdout.strip() or 'unknown'


def plain(value: Any) -> Any:
    """Return a value as JSON has it: numpy's numbers as numbers, NaN and infinity as None."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if hasattr(value, 'tolist'):
        return plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _processor() -> str:
    try:
        for line in Path('/proc/cpuinfo').read_text(encoding='utf-8').splitlines():
            if line.startswith('model name'):
                return line.split(':', 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return 'absent'
