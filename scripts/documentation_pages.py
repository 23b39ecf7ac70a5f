# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
Pages of the documentation that are made from the repository: mkdocs runs this.

The front page is README.md. Reference pages come from the code: topics from their table,
parameters from the declarations of the nodes, arguments from those of the launch files, the API
from the docstrings.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import mkdocs_gen_files
from rclpy.qos import QoSProfile

from warmstart_planner.files.resources import share_folder
from warmstart_planner.nodes.parameters import controller, planner, proposal, simulator
from warmstart_planner.nodes.parameters.declaration import Parameter
from warmstart_planner.nodes.topics import (
    CLOCK,
    DIAGNOSTICS,
    MARKERS,
    RECORDED,
    TOPICS,
    TRANSFORMS,
    Topic,
)
from warmstart_planner.processes.launch_arguments import ARGUMENTS, LaunchArgument
from warmstart_planner.processes.system import NODE_TOPICS

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


def table(headings: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return rows of cells as a table."""
    headings = list(headings)
    lines = [headings, ['---'] * len(headings), *rows]
    return '\n'.join(f'| {" | ".join(cells)} |' for cells in lines)


def parameter_row(each: Parameter) -> list[str]:
    """Return a parameter as a row."""
    unit = f' {each.unit}' if each.unit not in ('', '1') else ''
    bounds = ', '.join(each.choices)
    if each.low is not None or each.high is not None:
        low, high = ('' if end is None else f'{end:g}' for end in (each.low, each.high))
        bounds = f'{low} to {high}{unit}'
    fixed = ' Fixed once the node runs.' * each.read_only
    return [f'`{each.name}`', f'`{each.default!r}`{unit}', bounds, f'{each.description}.{fixed}']


def parameters_page() -> str:
    """Return the page of all nodes' parameters."""
    parts = ['# Parameters of the nodes']
    for name, module in NODES.items():
        rows = (parameter_row(each) for each in module.DECLARATIONS)
        parts += [f'## {name}', table(('parameter', 'default', 'range', 'meaning'), rows)]
    return '\n\n'.join(parts) + '\n'


def quality(profile: QoSProfile) -> str:
    """Return reliability, durability and depth of a profile."""
    policies = (profile.reliability.name, profile.durability.name)
    texts = [name.lower().replace('_', ' ') for name in policies]
    return f'{", ".join(texts)}, {profile.depth}'


def nodes_at(topic: Topic, end: str) -> list[str]:
    """Return the nodes that publish (`output`) or receive (`input`) a topic."""
    if topic in (CLOCK, TRANSFORMS):
        return ['simulator'] if end == 'output' else []
    if topic in (MARKERS, DIAGNOSTICS):
        silent = ['proposal'] if topic is MARKERS else []
        return [name for name in NODES if name not in silent] if end == 'output' else []
    return [
        node
        for node, topics in NODE_TOPICS.items()
        if any(own.startswith(f'~/{end}/') and name == topic.name for own, name in topics.items())
    ]


def topic_row(topic: Topic) -> list[str]:
    """Return a topic as a row."""
    listeners: dict[str, list[str]] = {}
    for node in nodes_at(topic, 'input'):
        profile = RECORDED if node == 'simulator' else topic.received
        listeners.setdefault(quality(profile), []).append(node)
    senders = nodes_at(topic, 'output')
    return [
        f'`{topic.name}`',
        f'`{topic.type}`',
        f'{", ".join(senders)}: {quality(topic.sent)}' if senders else '',
        '; '.join(f'{", ".join(names)}: {words}' for words, names in listeners.items()),
        topic.meaning,
    ]


def topics_page() -> str:
    """Return the page of the system's topics."""
    return '\n\n'.join(
        [
            '# Topics',
            'Names are relative to the namespace; a simulation takes `/clock` and `/tf` into it, '
            'too. Quality of service is reliability, durability and depth of the history; '
            '[ROS 2](../ros.md#quality-of-service) says how parameters change it.',
            table(
                ('topic', 'type', 'published by', 'received by', 'meaning'), map(topic_row, TOPICS)
            ),
        ]
    )


def argument_row(each: LaunchArgument) -> list[str]:
    """Return a launch argument as a row."""
    default = each.default.replace(f'{share_folder()}/', '')
    choices = ', '.join(f'`{choice}`' for choice in each.choices if choice)
    return [f'`{each.name}`', f'`{default}`' if default else '', choices, each.description]


def launch_page() -> str:
    """Return the page of the launch files' arguments."""
    parts = ['# Launch arguments']
    for name, arguments in ARGUMENTS.items():
        parts += [
            f'## {name}.launch.py',
            table(('argument', 'default', 'one of', 'meaning'), map(argument_row, arguments)),
        ]
    return '\n\n'.join(parts) + '\n'


def packages() -> dict[str, list[str]]:
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
    for package, modules in packages().items():
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
write('reference/topics.md', topics_page())
write('reference/parameters.md', parameters_page())
write('reference/launch.md', launch_page())
write_reference()
