# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
Pages of the documentation that are made from the repository: mkdocs runs this.

The front page is README.md; parameters come from the declarations of the nodes, the reference of
the API from the docstrings.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import mkdocs_gen_files

from warmstart_planner.nodes.parameters import controller, planner, proposal, simulator
from warmstart_planner.nodes.parameters.declaration import Parameter

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = 'warmstart_planner'
NODES = {
    'planner': planner,
    'proposal': proposal,
    'controller': controller,
    'simulator': simulator,
}
# Where files of the repository are on the site.
PLACES = {
    'docs/': '',
    'CONTRIBUTING.md': 'contributing.md',
    'config/scenarios/README.md': 'reference/scenarios.md',
}


def write(page: str, text: str) -> None:
    """Add a page to the site."""
    with mkdocs_gen_files.open(page, 'w') as file:
        file.write(text)


def on_site(text: str) -> str:
    """Return a text of the repository's root with its links as the site has them."""
    for place, page in PLACES.items():
        text = re.sub(rf'\]\({place}', f']({page}', text)
    return text


def parameter_table(parameters: Iterable[Parameter]) -> str:
    """Return parameters as a table."""
    lines = ['| parameter | default | range | |', '|---|---|---|---|']
    for each in parameters:
        unit = f' {each.unit}' if each.unit not in ('', '1') else ''
        bounds = ', '.join(each.choices)
        if each.low is not None or each.high is not None:
            low, high = ('' if end is None else f'{end:g}' for end in (each.low, each.high))
            bounds = f'{low} to {high}{unit}'
        default = f'`{each.default!r}`{unit}'
        fixed = ' Fixed once the node runs.' * each.read_only
        lines.append(f'| `{each.name}` | {default} | {bounds} | {each.description}.{fixed} |')
    return '\n'.join(lines)


def parameters_page() -> str:
    """Return the page of all nodes' parameters."""
    parts = ['# Parameters of the nodes']
    for name, module in NODES.items():
        parts += [f'## {name}', parameter_table(module.DECLARATIONS)]
    return '\n\n'.join(parts) + '\n'


def rooms() -> dict[str, list[str]]:
    """Return the modules of each package with its own name; those of the root first."""
    found: dict[str, list[str]] = {}
    for path in sorted((ROOT / PACKAGE).rglob('*.py')):
        parts = path.relative_to(ROOT).with_suffix('').parts
        if parts[-1] == '__init__':
            continue
        found.setdefault('.'.join(parts[:-1]), []).append('.'.join(parts))
    return found


def write_reference() -> None:
    """Write a page for each package of the API, and one that lists them."""
    index = [
        '# API',
        '',
        'By package; what a name begins with an underscore for is not listed.',
        '',
    ]
    for package, modules in rooms().items():
        page = f'{package}.md'
        text = [
            f'# {package}',
            *(f'::: {module}\n    options: {{heading_level: 2}}' for module in modules),
        ]
        write(f'reference/api/{page}', '\n\n'.join(text) + '\n')
        names = ', '.join(f'`{module.rpartition(".")[2]}`' for module in modules)
        index.append(f'- [`{package}`]({page}): {names}')
    write('reference/api/index.md', '\n'.join(index) + '\n')


write('index.md', on_site((ROOT / 'README.md').read_text(encoding='utf-8')))
write('contributing.md', (ROOT / 'CONTRIBUTING.md').read_text(encoding='utf-8'))
write(
    'reference/scenarios.md',
    (ROOT / 'config' / 'scenarios' / 'README.md').read_text(encoding='utf-8'),
)
write('reference/parameters.md', parameters_page())
write_reference()
