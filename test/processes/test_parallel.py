# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0

import io
import math
import operator
import os
import sys

import pytest

from warmstart_planner.commands.drive_all import main as drive_all
from warmstart_planner.processes.parallel import THREAD_VARIABLES, in_parallel, show_progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_every_job_yields_its_result_whatever_the_order():
    results = in_parallel(math.isqrt, [(n * n,) for n in range(20)], workers=2)
    assert sorted(results) == list(range(20))


def test_a_job_may_have_several_arguments():
    assert list(in_parallel(operator.sub, [(7, 4)], workers=1)) == [3]


def test_without_jobs_there_are_no_results():
    assert list(in_parallel(math.isqrt, [], workers=2)) == []


def test_jobs_run_in_other_processes():
    assert os.getpid() not in in_parallel(os.getpid, [()] * 4, workers=2)


def test_what_a_job_raises_is_raised_here():
    with pytest.raises(ValueError, match='nonnegative'):
        list(in_parallel(math.isqrt, [(4,), (-1,)], workers=1))


def test_numerical_libraries_of_a_worker_use_one_thread_and_ours_what_they_did(monkeypatch):
    monkeypatch.setenv(THREAD_VARIABLES[0], '5')
    monkeypatch.delenv(THREAD_VARIABLES[1], raising=False)
    seen = list(in_parallel(os.getenv, [(name,) for name in THREAD_VARIABLES], workers=1))
    assert seen == ['1'] * len(THREAD_VARIABLES)
    assert os.environ[THREAD_VARIABLES[0]] == '5'
    assert THREAD_VARIABLES[1] not in os.environ


def test_environment_is_restored_where_results_are_no_longer_asked_for(monkeypatch):
    monkeypatch.delenv(THREAD_VARIABLES[0], raising=False)
    results = in_parallel(math.isqrt, [(n,) for n in range(5)], workers=1)
    next(results)
    results.close()
    assert THREAD_VARIABLES[0] not in os.environ


class TestProgress:
    def test_the_bar_grows_and_its_line_ends_with_the_last_job(self, monkeypatch):
        terminal = Terminal()
        monkeypatch.setattr(sys, 'stderr', terminal)
        for done in (1, 2):
            show_progress(done, 2, 'drives')
        half, whole = terminal.getvalue().split('\r')[1:]
        assert half.count('#') == half.count('.') > 0
        assert '.' not in whole
        assert '2/2 drives' in whole
        assert not half.endswith('\n') and whole.endswith('\n')

    def test_nothing_is_drawn_where_there_is_no_terminal(self, capsys):
        show_progress(1, 2, 'drives')
        assert capsys.readouterr().err == ''


@pytest.mark.parametrize('value', ['0', '-1', '1.5'])
def test_a_number_of_processes_is_one_or_more(value, capsys):
    with pytest.raises(SystemExit):
        drive_all(['--workers', value])
    assert '--workers' in capsys.readouterr().err
