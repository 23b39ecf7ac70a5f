# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""What CommonRoad's reactive planner drives becomes a row as ours do, judged by the same rules."""

import json
from pathlib import Path

import numpy as np
import pytest
from commonroad_document import PARKED, interval

from warmstart_planner.evaluation import judge, peer
from warmstart_planner.evaluation.costs import WEIGHTS
from warmstart_planner.evaluation.judge import Judge
from warmstart_planner.evaluation.peer import drive_of, parsed, peer_drive, peer_scene
from warmstart_planner.evaluation.scenes import NotDrivenError
from warmstart_planner.scenarios import load_scenario
from warmstart_planner.simulation.monitor import Outcome

needs_peer = pytest.mark.skipif(not peer.is_installed(), reason='no .venv-peer: make peer')
NEAR = '<position><lanelet ref="10"/></position>' + interval('time', 8, 30)
DT = 0.1


def answer(ended='time_limit', steps=30, failed=(), **rest):
    """Return what the program says of a drive straight on at 10 m/s, the first centre at x 30."""
    states = [[30 - 1.4227 + k, 0.0, 0.0, 10.0, 0.0] for k in range(steps + 1)]
    content = {
        'ended': ended, 'message': '', 'states': states,
        'planned': [k not in failed for k in range(steps)], 'plan_ms': [40.0] * steps, **rest,
    }  # fmt: skip
    return json.dumps(content)


@pytest.fixture
def driven(write_document):
    """Return a function that has an answer judged on a made file."""

    def run(obstacles='', **parts):
        path = write_document(obstacles=obstacles, goal=NEAR)
        return drive_of(load_scenario(path), parsed(answer(**parts), path), DT)

    return run


class TestAnswer:
    def test_states_and_cycles_are_read(self):
        done = parsed(answer(steps=3, failed=[2]), Path('a.xml'))
        np.testing.assert_allclose(np.diff(done.states[:, 0]), 1.0)
        assert done.planned == (True, True, False)
        assert done.plan_ms == (40.0, 40.0, 40.0)

    @pytest.mark.parametrize(
        ('said', 'outcome', 'reason'),
        [
            ({'error': 'ValueError: no route'}, 'refused', 'a.xml: the peer cannot begin: Val'),
            ({**json.loads(answer('no_plan', 0))}, 'no_plan', 'no sample is feasible'),
            (
                {**json.loads(answer('no_plan', 0)), 'message': 'KeyError: 3'},
                'no_plan',
                'a.xml: no plan from the start: KeyError: 3',
            ),
        ],
    )
    def test_what_is_no_drive_says_why(self, said, outcome, reason):
        with pytest.raises(NotDrivenError, match=reason) as raised:
            parsed(json.dumps(said), Path('a.xml'))
        assert raised.value.outcome == outcome


class TestDrive:
    def test_a_drive_to_the_goal_is_safe_and_reaches_it(self, driven):
        done = driven('goal', steps=10)
        assert done.outcome is Outcome.GOAL
        assert done.goal_reached
        assert done.verdict.collisions == 0

    def test_our_verdict_counts_before_what_the_peer_says(self, driven):
        done = driven(PARKED, ended='no_plan', steps=40)
        assert done.outcome is Outcome.GOAL, 'the goal is before the parked car'
        close = PARKED.replace('<x>60</x>', '<x>36</x>')
        hit = driven(close, ended='no_plan', steps=20)
        assert hit.outcome is Outcome.COLLISION
        assert hit.verdict.collisions == 1

    def test_a_drive_that_nothing_else_ended_ends_as_the_peer_says(self, driven):
        done = driven(ended='no_plan', steps=5)
        assert done.outcome is Outcome.NO_PLAN
        assert not done.goal_reached

    def test_cycles_without_a_plan_go_on_with_the_previous_one(self, driven):
        record = driven(steps=6, failed=[4, 5]).record
        assert [plan.rung for plan in record.plans] == ['optimised'] * 4 + ['previous'] * 2
        assert [plan.feasible for plan in record.plans] == [True] * 4 + [False] * 2
        assert all(plan.seconds == pytest.approx(0.04) for plan in record.plans)


class TestRow:
    def test_a_file_that_is_not_commonroad_s_is_refused(self, road_files, tmp_path):
        row = peer_scene(road_files / 'ahead.yaml', tmp_path / 'ahead')
        assert row['outcome'] == 'refused'
        assert 'is no .xml' in row['message']

    def test_a_process_that_dies_breaks_off_one_drive(self, write_document, tmp_path, monkeypatch):
        monkeypatch.setattr(peer, 'PYTHON', Path('/bin/false'))
        path = write_document(obstacles='', goal=NEAR)
        row = peer_scene(path, tmp_path / 'driven')
        assert row['outcome'] == 'error'
        assert row['message'].startswith(f"{path}: the peer's process ended with status 1")


@needs_peer
class TestPeer:
    def test_it_drives_a_file_to_a_row_with_the_columns_of_ours(self, write_document, tmp_path):
        path = write_document(obstacles='', goal=NEAR)
        row = peer_scene(path, tmp_path / 'driven')
        assert (row['outcome'], row['message']) == ('goal', '')
        assert row['plans'] == row['plans_feasible'] == len(row['plan_ms']) == 8
        assert row['sources'] == {'reactive_planner': 8}
        assert row['costs'].keys() == WEIGHTS.keys()
        assert Path(row['driven_csv']).read_text().startswith('t,x,y,yaw,v,steering')
        assert (tmp_path / 'driven.png').is_file()
        if judge.is_installed():
            with Judge() as running:
                verdict = running.verdict(path, Path(row['solution']))
            assert verdict.passed, verdict.reasons

    def test_a_file_that_it_cannot_read_is_refused_with_its_reason(self, tmp_path):
        path = tmp_path / 'none.xml'
        with pytest.raises(NotDrivenError, match='the peer cannot begin: FileNotFoundError'):
            peer_drive(path)
