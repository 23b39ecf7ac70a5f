# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""What documents name exists, and what a user can call or set is named in a document."""

import importlib.util
import json
import re
from pathlib import Path

import pytest

from warmstart_planner.commands.command_line import COMMANDS
from warmstart_planner.processes.launch_arguments import ARGUMENTS
from warmstart_planner.processes.system import NODE_TOPICS, VEHICLE_TOPICS

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [
    ROOT / 'README.md',
    ROOT / 'CONTRIBUTING.md',
    ROOT / 'config' / 'scenarios' / 'README.md',
    *sorted((ROOT / 'docs').rglob('*.md')),
]
TEXT = {path: path.read_text(encoding='utf-8') for path in DOCUMENTS}
RUN = re.compile(r'(make [a-z-]+|warmstart-planner [a-z]+)((?:(?!make |warmstart-planner ).)*)')
MAKEFILE = (ROOT / 'Makefile').read_text(encoding='utf-8')


def code_in(text):
    """Return what a text has in code blocks and between backticks."""
    blocks = re.findall(r'^```.*?\n(.*?)^```', text, re.M | re.S)
    return [
        *blocks,
        *re.findall(r'`([^`\n]+)`', re.sub(r'^```.*?^```', '', text, flags=re.M | re.S)),
    ]


CODE = {path: code_in(text) for path, text in TEXT.items()}


def tables_of(text, heading):
    """Return the rows, as cells, of each table whose first heading is this."""
    found = re.findall(rf'^\| {re.escape(heading)} \|.*\n\|[-|]+\n((?:\|.*\n)+)', text, re.M)
    return [
        [cell.strip() for cell in row.strip('|').split(' | ')]
        for t in found
        for row in t.splitlines()
    ]


def names_in(cell):
    return re.findall(r'`([^`]+)`', cell)


@pytest.mark.parametrize('path', DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(path):
    links = [link.split('#')[0] for link in re.findall(r'\]\(([^)\s]+)\)', TEXT[path])]
    local = [link for link in links if link and '://' not in link]
    assert [link for link in local if not (path.parent / link).exists()] == []


def test_commands_in_documents_are_there():
    targets = set(re.findall(r'^([a-z][a-z-]*):', MAKEFILE, re.M))
    used = {
        (path.name, target)
        for path, parts in CODE.items()
        for part in parts
        for target in re.findall(r'\bmake ([a-z][a-z-]+)', part)
    }
    assert len(used) > 20
    assert sorted(name for name in used if name[1] not in targets) == []


def test_every_command_that_help_shows_is_in_a_document():
    shown = set(re.findall(r'^([a-z-]+):.*## ', MAKEFILE, re.M))
    everything = '\n'.join(part for parts in CODE.values() for part in parts)
    assert (
        sorted(target for target in shown if not re.search(rf'\bmake {target}\b', everything))
        == []
    )


def test_the_installed_program_s_commands_are_those_of_the_readme():
    shown = re.findall(r'^\| `warmstart-planner (\w+)', TEXT[ROOT / 'README.md'], re.M)
    assert sorted(shown) == sorted(COMMANDS)
    used = {
        command
        for parts in CODE.values()
        for part in parts
        for command in re.findall(r'\bwarmstart-planner ([a-z]+)', part)
    }
    assert used <= set(COMMANDS)


def options_of_programs():
    """Return, by what Python is to run, the options that documents give to it."""
    programs = {
        f'make {name}': f'-m {module}'
        for name, lines in re.findall(r'^([a-z-]+):.*((?:\n\t.*)+)', MAKEFILE, re.M)
        for module in re.findall(r'-m ((?:training|warmstart_planner)[\w.]*)', lines)
    }
    programs |= {f'warmstart-planner {name}': f'-m warmstart_planner {name}' for name in COMMANDS}
    found = {}
    for parts in CODE.values():
        for command, given in RUN.findall('\n'.join(parts)):
            if command in programs:
                options = found.setdefault(programs[command], set())
                options.update(re.findall(r'(?<![\w-])--[a-z][a-z-]*', given))
    return {program: options for program, options in found.items() if options}


# one after the other in one process: most of a program's start is the import of PyTorch
HELP = """
import contextlib, io, json, runpy, sys

found = {}
for program in json.loads(sys.argv[1]):
    module, *given = program.split()
    sys.argv = [module, *given, '--help']
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.suppress(SystemExit):
        runpy.run_module(module, run_name='__main__', alter_sys=True)
    found[program] = said.getvalue()
print(json.dumps(found))
"""


@pytest.fixture(scope='module')
def help_of(python, tmp_path_factory):
    """Return what each program says of its options; those of training only with PyTorch."""
    programs = [program.removeprefix('-m ') for program in options_of_programs()]
    if importlib.util.find_spec('torch') is None:
        programs = [program for program in programs if not program.startswith('training')]
    said = python(
        tmp_path_factory.mktemp('help'), '-W', 'ignore', '-c', HELP, json.dumps(programs)
    )
    return json.loads(said.splitlines()[-1])


@pytest.mark.slow
@pytest.mark.parametrize(('program', 'options'), options_of_programs().items())
def test_options_in_documents_are_there(program, options, help_of):
    if 'training' in program:
        pytest.importorskip('torch', reason='torch is not installed')
    known = help_of[program.removeprefix('-m ')]
    assert sorted(each for each in options if not re.search(rf'{each}\b(?!-)', known)) == []


def test_modules_and_files_in_documents_are_there():
    named = {
        (path.name, name)
        for path, parts in CODE.items()
        for part in parts
        for name in re.findall(r'-m ((?:training|warmstart_planner)[\w.]*)', part)
    }
    missing = [
        (document, module)
        for document, module in sorted(named)
        if not (ROOT / f'{module.replace(".", "/")}.py').exists()
        and not (ROOT / module.replace('.', '/')).is_dir()
    ]
    assert missing == []


def test_files_that_the_guide_to_extending_names_are_there():
    text = TEXT[ROOT / 'docs' / 'extending.md']
    named = [name for row in tables_of(text, 'file') for name in names_in(row[0])]
    paths = [name for name in named if '/' in name and not name.startswith('lanes')]
    assert len(paths) > 10
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_the_readme_s_topics_are_what_a_vehicle_sends_to_the_nodes_and_takes_from_them():
    rows = tables_of(TEXT[ROOT / 'README.md'], 'topic')
    told = {name: row[-1].split(':')[0] for row in rows for name in names_in(row[0])}
    ends = {
        (topic, own.split('/')[1])
        for node in ('planner', 'controller')
        for own, topic in NODE_TOPICS[node].items()
        if topic in VEHICLE_TOPICS
    }
    assert len(told) == 5
    for topic, who in told.items():
        assert (topic, 'output' if who == 'you follow' else 'input') in ends


def test_the_readme_s_topics_have_the_types_of_the_table_of_topics():
    pytest.importorskip('rclpy')
    from warmstart_planner.nodes.topics import TOPICS

    types = {f'`{topic.name}`': f'`{topic.type}`' for topic in TOPICS}
    rows = tables_of(TEXT[ROOT / 'README.md'], 'topic')
    assert rows
    for name, kind, *_ in rows:
        assert types[name] == kind, name


def test_topics_and_parameters_that_documents_speak_of_are_there():
    pytest.importorskip('rclpy')
    from warmstart_planner.nodes.parameters import controller, planner, proposal, simulator
    from warmstart_planner.nodes.topics import TOPICS

    everything = '\n'.join(TEXT.values())
    topics = re.findall(r'topics? `/?(\w+)`|ros2 topic echo /(\w+)', everything)
    spoken = {name for pair in topics for name in pair if name}
    assert len(spoken) > 1
    assert spoken <= {topic.name.strip('/') for topic in TOPICS}
    modules = (controller, planner, proposal, simulator)
    declared = {each.name for module in modules for each in module.DECLARATIONS}
    spoken = set(re.findall(r'parameters? `([\w.]+)', everything))
    assert len(spoken) > 2
    assert spoken <= declared


def test_launch_arguments_in_documents_are_there_in_that_launch_file():
    used = [
        (path.name, name, file)
        for path, parts in CODE.items()
        for part in parts
        for file, given in re.findall(r'(\w+)\.launch\.py((?: +\w+:=\S+)+)', part)
        for name in re.findall(r'(\w+):=', given)
    ]
    assert len(used) >= 5
    known = {file: {each.name for each in arguments} for file, arguments in ARGUMENTS.items()}
    assert [use for use in used if use[1] not in known[use[2]]] == []


def test_the_readme_s_parameters_have_these_defaults():
    pytest.importorskip('rclpy')
    from warmstart_planner.nodes.parameters import controller, planner, proposal, simulator

    modules = {
        'planner': planner,
        'proposal': proposal,
        'controller': controller,
        'simulator': simulator,
    }
    defaults = {
        (node, each.name): each.default
        for node, module in modules.items()
        for each in module.DECLARATIONS
    }
    rows = tables_of(TEXT[ROOT / 'README.md'], 'parameter (node)')
    assert len(rows) > 4
    for name_cell, default_cell, *_ in rows:
        nodes = re.search(r'\(([\w, ]+)\)$', name_cell).group(1).split(', ')
        reported = re.findall(r'-?\d+(?:\.\d+)?', default_cell) if '`' not in default_cell else []
        for place, name in enumerate(names_in(name_cell)):
            for node in nodes:
                assert (node, name) in defaults, f'{node} has no parameter {name}'
                if reported:
                    default = float(reported[place if len(reported) > 1 else 0])
                    assert defaults[node, name] == pytest.approx(default), name
                elif names_in(default_cell):
                    assert defaults[node, name] == names_in(default_cell)[0] or '/' in default_cell
