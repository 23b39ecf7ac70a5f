# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Generation on real Dask clusters: resumable, repeatable, and no worker is needed twice."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from distributed import Client, KilledWorker, LocalCluster

from training.dataset import generate as program
from training.dataset.generate import GENERATOR, generate, main
from training.dataset.schema import CARD, DRAFT, DatasetError, read_shard, shard_path
from training.dataset.shards import GenerationCount, make_shard
from warmstart_planner.scenarios import generator

ROOT = Path(__file__).resolve().parents[3]
FIRST = 259


def arguments_of(card, folder):
    return [
        *('--out', str(folder), '--first', str(card.first), '--problems', str(card.problems)),
        *('--variants', str(card.variants), '--shard-size', str(card.shard_size)),
    ]


def run_program(arguments, **options):
    return subprocess.run(
        [sys.executable, '-m', 'training.dataset.generate', *arguments],
        cwd=ROOT,
        env={**os.environ, 'PYTHONPATH': str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        **options,
    )


@pytest.fixture(scope='module')
def cluster():
    with LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=':0'
    ) as cluster:
        yield cluster


@pytest.fixture(scope='module')
def client(cluster, scp_folder):
    with Client(cluster) as client:
        yield client


class TestResult:
    def test_a_cluster_makes_the_same_bytes_as_this_process(
        self, client, small_card, small_dataset, shard_bytes, tmp_path
    ):
        made = generate(tmp_path, small_card, client)
        assert shard_bytes(tmp_path, small_card) == shard_bytes(small_dataset, small_card)
        assert (tmp_path / CARD).read_bytes() == (small_dataset / CARD).read_bytes()
        assert made.problems == 8
        assert made.rate > 0.0

    def test_the_card_counts_what_the_shards_hold(self, small_dataset, small_card):
        counts = json.loads((small_dataset / CARD).read_text())['counts']
        rows = [
            row
            for shard in range(small_card.shards)
            for row in read_shard(shard_path(small_dataset, shard)).to_pylist()
        ]
        assert counts['solved'] + counts.get('unsolved', 0) == len(rows)
        assert counts['tier medium'] == len(rows)
        assert counts['kind base'] == 2
        assert counts['kind perturbed'] == 4
        assert counts['answer best'] == counts['solved']

    def test_a_problem_that_cannot_be_drawn_stays_on_record(
        self, small_card, scp_folder, monkeypatch, tmp_path
    ):
        monkeypatch.setattr(generator, 'DRAWS', 0)
        made = make_shard(str(tmp_path), small_card, 0)
        (row,) = read_shard(shard_path(tmp_path, 0)).to_pylist()
        assert (made.solved, made.unsolved) == (0, 1)
        assert (row['index'], row['variant'], row['tier']) == (FIRST, 0, 'medium')
        assert 'no draw of 0 left a way through' in row['reason']
        assert row['answers'] == row['state'] == row['states'] == []

    def test_counts_add_up(self):
        total = GenerationCount(5, 4, 1, 2.0) + GenerationCount(5, 5, 0, 2.0)
        assert (total.planned, total.problems, total.rate) == (10, 10, 2.5)
        assert GenerationCount().rate == 0.0


class TestResume:
    def test_only_what_is_missing_is_made(
        self, client, copy_of_dataset, small_card, small_dataset, shard_bytes
    ):
        kept, lost = (shard_path(copy_of_dataset, shard) for shard in (0, 1))
        lost.unlink()
        before = kept.stat()
        made = generate(copy_of_dataset, small_card, client)
        assert made.problems == 4
        assert (kept.stat().st_mtime_ns, kept.stat().st_ino) == (before.st_mtime_ns, before.st_ino)
        assert shard_bytes(copy_of_dataset, small_card) == shard_bytes(small_dataset, small_card)

    def test_nothing_is_made_where_nothing_is_missing(self, client, copy_of_dataset, small_card):
        assert generate(copy_of_dataset, small_card, client).problems == 0

    def test_a_draft_is_no_shard_and_is_removed(
        self, client, copy_of_dataset, small_card, small_dataset, shard_bytes
    ):
        shard = shard_path(copy_of_dataset, 1)
        draft = shard.with_name(f'{shard.stem}.lost.1{DRAFT}')
        shard.rename(draft)
        generate(copy_of_dataset, small_card, client)
        assert shard_bytes(copy_of_dataset, small_card) == shard_bytes(small_dataset, small_card)
        assert not draft.exists()

    def test_a_dataset_grows(self, client, copy_of_dataset, small_card, shard_bytes):
        before = shard_bytes(copy_of_dataset, small_card)
        larger = replace(small_card, problems=3)
        made = generate(copy_of_dataset, larger, client)
        assert made.planned == 4
        assert shard_bytes(copy_of_dataset, larger)[:2] == before
        assert json.loads((copy_of_dataset / CARD).read_text())['problems'] == 3

    @pytest.mark.parametrize(
        ('change', 'message'),
        [
            ({'variants': 1}, 'variants is 3, not 1'),
            ({'first': 7}, f'first is {FIRST}, not 7'),
            ({'vehicle': 'other'}, "vehicle is 'commonroad_2', not 'other'"),
            ({'dt': 0.2, 'steps': 30}, 'dt is 0.1, not 0.2, steps is 60, not 30'),
            ({'generator': 'x 2'}, f"generator is '{GENERATOR}', not 'x 2'"),
            ({'problems': 1}, 'problems is 2, more than 1'),
        ],
    )
    def test_another_dataset_in_the_folder_is_refused_with_the_field(
        self, client, copy_of_dataset, small_card, change, message
    ):
        before = {file: file.read_bytes() for file in copy_of_dataset.iterdir()}
        with pytest.raises(DatasetError, match=message):
            generate(copy_of_dataset, replace(small_card, **change), client)
        assert {file: file.read_bytes() for file in copy_of_dataset.iterdir()} == before

    def test_a_last_shard_that_is_not_full_keeps_a_dataset_from_growing(
        self, client, tmp_path, small_card
    ):
        card = replace(small_card, problems=3, shard_size=2)
        program.write_card(tmp_path, card, {})
        with pytest.raises(DatasetError, match='problems is 3, which leaves the last shard of 2'):
            generate(tmp_path, replace(card, problems=4), client)

    def test_a_damaged_shard_is_found_at_the_end(self, client, copy_of_dataset, small_card):
        shard_path(copy_of_dataset, 1).write_bytes(b'PAR1')
        with pytest.raises(DatasetError, match='shard-000001.parquet is no readable shard'):
            generate(copy_of_dataset, small_card, client)


class TestMemory:
    def test_only_a_few_tasks_a_worker_are_with_the_scheduler(
        self, client, small_card, tmp_path, monkeypatch
    ):
        """What a task does is left out: forty shards would take too long."""
        monkeypatch.setattr(program, 'make_shard', lambda *_: GenerationCount(planned=1, solved=1))
        held = []
        for made in program._run(client, tmp_path, small_card, list(range(40))):
            assert made.problems == 1
            held.append(len(client.futures))
        assert len(held) == 40
        assert max(held) <= program.AHEAD * sum(client.nthreads().values())


@pytest.mark.slow
class TestLostWorkers:
    @pytest.fixture
    def client(self, scp_folder):
        """Connect to a cluster of its own, which does not have to be whole afterwards."""
        with (
            LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=':0') as cluster,
            Client(cluster) as client,
        ):
            yield client

    def test_a_killed_worker_loses_nothing(
        self, client, small_card, small_dataset, shard_bytes, tmp_path
    ):
        pids = client.run(os.getpid)
        result = []
        run = threading.Thread(
            target=lambda: result.append(generate(tmp_path, small_card, client)), daemon=True
        )
        run.start()
        victim = wait_for(lambda: next((a for a, t in client.processing().items() if t), None))
        time.sleep(0.2)  # into the task
        os.kill(pids[victim], signal.SIGKILL)
        run.join(timeout=120)
        assert result, 'generation did not end'
        assert result[0].problems == 8
        assert shard_bytes(tmp_path, small_card) == shard_bytes(small_dataset, small_card)
        assert list(tmp_path.glob(f'*{DRAFT}')) == []
        assert pids[victim] not in client.run(os.getpid).values()

    def test_a_task_that_kills_every_worker_ends_the_run(
        self, client, small_card, tmp_path, monkeypatch
    ):
        monkeypatch.setattr(program, 'make_shard', lambda *_: os._exit(1))
        with pytest.raises(KilledWorker):
            generate(tmp_path, small_card, client)


@pytest.mark.slow
class TestProgram:
    def test_a_scheduler_elsewhere_is_used_by_its_address(
        self, scheduler, worker, small_card, small_dataset, shard_bytes, tmp_path
    ):
        done = run_program([*arguments_of(small_card, tmp_path), '--scheduler', scheduler])
        assert done.returncode == 0, done.stderr
        assert '8 problems, 0 unsolved' in done.stdout
        assert 'a second and core' in done.stdout
        assert shard_bytes(tmp_path, small_card) == shard_bytes(small_dataset, small_card)

    def test_a_scheduler_without_workers_is_named(
        self, scheduler, small_card, tmp_path, monkeypatch, capsys
    ):
        monkeypatch.setattr(program, 'WAIT_FOR_WORKERS', 0.5)
        assert main([*arguments_of(small_card, tmp_path), '--scheduler', scheduler]) == 2
        assert f'scheduler {scheduler} has no worker' in capsys.readouterr().err

    def test_a_worker_without_this_package_is_refused(
        self, scheduler, stranger, small_card, tmp_path, capsys
    ):
        assert main([*arguments_of(small_card, tmp_path / 'out'), '--scheduler', scheduler]) == 2
        assert f'a worker of {scheduler} lacks this package' in capsys.readouterr().err

    def test_a_cluster_on_this_machine_is_the_default(
        self, copy_of_dataset, small_card, small_dataset, shard_bytes
    ):
        shard_path(copy_of_dataset, 0).unlink()
        done = run_program([*arguments_of(small_card, copy_of_dataset), '--workers', '1'])
        assert done.returncode == 0, done.stderr
        assert '4 problems, 0 unsolved' in done.stdout
        assert shard_bytes(copy_of_dataset, small_card) == shard_bytes(small_dataset, small_card)

    def test_a_full_disk_is_one_line_and_leaves_no_half_shard(
        self, small_card, scp_folder, tmp_path
    ):
        limit = 'ulimit -f 8; exec "$@"'  # blocks of 1 KiB that a file may have
        done = subprocess.run(
            [
                *('bash', '-c', limit, 'bash', sys.executable, '-m', 'training.dataset.generate'),
                *arguments_of(small_card, tmp_path / 'out'),
                *('--workers', '1'),
            ],
            cwd=ROOT,
            env={**os.environ, 'PYTHONPATH': str(ROOT), 'TMPDIR': str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 2
        assert 'File too large' in done.stderr
        assert 'Traceback' not in done.stderr
        assert [line for line in done.stderr.splitlines() if line.startswith('generate: ')]
        assert [file.name for file in (tmp_path / 'out').iterdir()] == [CARD]

    @pytest.mark.parametrize(
        ('change', 'message'),
        [
            (['--problems', '0'], 'card.problems is 0'),
            (['--first', '-3'], 'card.first is -3'),
            (['--workers', '0'], '--workers is 0: expected at least 1'),
            (['--out', '{file}/dataset'], 'Not a directory'),
            (['--scheduler', 'nowhere'], 'nowhere'),
        ],
    )
    def test_bad_arguments_are_one_line(self, scp_folder, tmp_path, capsys, change, message):
        file = tmp_path / 'file'
        file.touch()
        common = ['--out', str(tmp_path / 'out'), '--problems', '1']
        assert main(common + [part.format(file=file) for part in change]) == 2
        error = capsys.readouterr().err
        assert error.startswith('generate: ')
        assert message in error

    @pytest.fixture
    def scheduler(self, tmp_path):
        """Start the address of a scheduler process of its own."""
        file = tmp_path / 'scheduler.json'
        command = ['--port', '0', '--no-dashboard', '--scheduler-file', str(file)]
        with process('dask_scheduler', '--host', '127.0.0.1', *command):
            yield wait_for(lambda: address_in(file))

    @pytest.fixture
    def worker(self, scheduler, tmp_path):
        """Start a worker process that knows the package by its path alone."""
        with process('dask_worker', scheduler, *worker_options(tmp_path)):
            yield

    @pytest.fixture
    def stranger(self, scheduler, tmp_path):
        """Start a worker process that does not know the package."""
        with process('dask_worker', scheduler, *worker_options(tmp_path), path=''):
            yield


def worker_options(folder):
    return [
        *('--nworkers', '1', '--nthreads', '1', '--no-dashboard'),
        *('--local-directory', str(folder)),
    ]


class process:  # noqa: N801
    """A Dask program in a process group of its own, ended with all its children."""

    def __init__(self, name, *arguments, path=str(ROOT)):
        self.command = [sys.executable, '-m', f'distributed.cli.{name}', *arguments]
        self.path = path

    def __enter__(self):
        self.process = subprocess.Popen(
            self.command,
            cwd='/',
            env={**os.environ, 'PYTHONPATH': self.path},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        return self.process

    def __exit__(self, *_):
        os.killpg(self.process.pid, signal.SIGTERM)
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


def address_in(file):
    """Return the address that a scheduler has written; None while it is still writing."""
    try:
        return json.loads(file.read_text())['address']
    except (OSError, json.JSONDecodeError):
        return None


def wait_for(condition, seconds=60.0):
    """Return what a condition gives as soon as that is true."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError(f'{condition} not met in {seconds} s')
