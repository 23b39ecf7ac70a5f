# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Options become flags; what cannot be used is one line."""

import re
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import pytest

from training.command_line import OptionError, at_least, parsed, run

pytest.importorskip('torch', reason='torch is not installed')

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = sorted(set(re.findall(r'-m (training\.[\w.]+)', (ROOT / 'Makefile').read_text())))


@dataclass(frozen=True)
class Options:
    """What this test asks for."""

    n: int = 3  # things
    shard_size: int = 10  # things a shard
    folder: Path | None = None  # where things lie
    names: tuple[str, ...] = ('one', 'two')  # of things
    resume: bool = False  # go on

    def __post_init__(self) -> None:
        at_least(self, n=1, shard_size=1)


def parse(*arguments):
    return parsed(Options, 'program', 'Do things.', arguments)


def test_what_is_not_said_keeps_its_default():
    assert parse() == Options()


def test_each_field_is_a_flag():
    given = parse('--shard-size', '4', '--folder', 'a', '--names', 'b', 'c', '--resume')
    assert given == Options(3, 4, Path('a'), ('b', 'c'), True)


def test_a_default_of_the_program_comes_before_the_class_s():
    base = Options(n=7, resume=True)
    given = parsed(Options, 'program', '', ['--shard-size', '2'], base)
    assert given == Options(7, 2, resume=True)


def test_help_shows_every_comment_and_what_the_program_is_for(capsys):
    with pytest.raises(SystemExit) as stopped:
        parse('--help')
    assert stopped.value.code == 0
    shown = capsys.readouterr().out
    for word in ('Do things.', 'things a shard', 'where things lie', 'go on'):
        assert word in shown


@pytest.mark.parametrize('arguments', [['--absurd'], ['--n', 'many'], ['--n']])
def test_what_is_no_option_stops_the_program(arguments, capsys):
    with pytest.raises(SystemExit) as stopped:
        parse(*arguments)
    assert stopped.value.code == 2
    assert arguments[0] in capsys.readouterr().err


def test_a_value_below_its_least_is_named_by_its_flag():
    with pytest.raises(OptionError, match='^--shard-size is 0: expected at least 1$'):
        parse('--shard-size', '0')


def test_an_option_without_a_value_has_no_least():
    at_least(Options(), folder=1)


class TestRun:
    def work(self, options):
        if options.n == 5:
            raise ValueError('n is 5: expected a better one')
        return {4: 1, 6: None}.get(options.n)

    def run(self, *arguments):
        return run(self.work, Options, 'program', 'Do things.', arguments)

    @pytest.mark.parametrize(('n', 'status'), [(3, 0), (6, 0), (4, 1)])
    def test_the_status_is_that_of_the_work(self, n, status):
        assert self.run('--n', str(n)) == status

    @pytest.mark.parametrize(
        ('n', 'line'),
        [
            (0, 'program: --n is 0: expected at least 1\n'),
            (5, 'program: n is 5: expected a better one\n'),
        ],
    )
    def test_what_is_refused_is_one_line(self, capsys, n, line):
        assert self.run('--n', str(n)) == 2
        assert capsys.readouterr().err == line

    def test_what_is_no_refusal_is_an_error_of_the_program(self):
        def fail(options):
            raise KeyError('lost')

        with pytest.raises(KeyError):
            run(fail, Options, 'program', '', [])


@pytest.mark.parametrize('name', PROGRAMS)
def test_the_programs_of_the_makefile_document_every_option(name, capsys, monkeypatch):
    monkeypatch.setenv('COLUMNS', '400')
    with pytest.raises(SystemExit) as stopped:
        import_module(name).main(['--help'])
    assert stopped.value.code == 0
    options = re.findall(r'--[\w-]+ [^(]*\(default', capsys.readouterr().out)
    assert options
    # after the flag and its kind come words
    bare = [each for each in options if re.fullmatch(r'--[\w-]+ [^ ]+\s+\(default', each)]
    assert bare == []
