# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Logs of drives: what each step earned, how drives end, and that a run goes on."""

from dataclasses import dataclass

import numpy as np
import pytest

from training.dataset.schema import DatasetError
from training.dataset.situations import FIRST_SEED
from training.iql_lstm.logs.driving_logs import (
    DRIVERS,
    DRIVES,
    FAILURE_PENALTY,
    FILE,
    STACK,
    assignment,
    drive_path,
    driven,
    episodes_of,
    main,
    make_drives,
)
from training.iql_lstm.logs.episodes import load_episodes
from training.iql_lstm.logs.plain_controller import PLAIN, PlainController
from training.iql_lstm.logs.plain_driver import PlainDriver
from warmstart_planner.problem import Horizon, Rung, StationGoal
from warmstart_planner.road import road_from_segments
from warmstart_planner.scenarios.scenario import Scenario, TrafficParticipant
from warmstart_planner.simulation.closed_loop import drive
from warmstart_planner.simulation.configuration import SimulationConfiguration
from warmstart_planner.simulation.monitor import Outcome
from warmstart_planner.vehicle import SPEED, load_vehicle

CAR = load_vehicle()
CALM = SimulationConfiguration()


@dataclass(frozen=True)
class Coasting:
    """A driver that does nothing."""

    acceleration: float = 0.0
    steering_angle: float = 0.0
    rung: Rung = Rung.OPTIMISED
    step_time: float = 0.0

    def reset(self):
        pass

    def step(self, *_):
        return self


def scenario(goal=90.0, traffic=(), curvature=0.0):
    return Scenario(
        name='test',
        description='a road for a test',
        road=road_from_segments([(30.0, 0.0, 0.0), (170.0, curvature, curvature)], 4.0, 4.0, 15.0),
        initial_state=np.array([10.0, 0.3, 0.0, 9.0, 0.0]),
        goal=StationGoal(goal, 9.0),
        traffic=traffic,
        duration=20.0,
    )


def driven_by(driver, given):
    planner = PlainDriver(PlainController(CAR))
    return drive(given, planner, driver or planner, CALM)


@pytest.fixture(scope='module')
def log(observer):
    """Return a drive to its goal and its episodes."""
    done = driven_by(None, scenario())
    return done, episodes_of(done, PLAIN, 7, observer)


@pytest.fixture(scope='module')
def crash(observer):
    """Return a drive into a parked car and its episodes."""
    parked = TrafficParticipant(
        'parked', 2.2, 0.9, 0.0, np.array([0.0]), np.array([[60.0, 0.3, 0.0]])
    )
    done = driven_by(Coasting(), scenario(traffic=(parked,)))
    return done, episodes_of(done, 'coasting', 3, observer)


class TestEpisodes:
    def test_a_drive_is_cut_into_pieces_that_follow_on_each_other(self, log):
        done, episodes = log
        steps = Horizon().steps
        assert episodes.lengths.sum() == int(done.record.times[-1] / 0.1 + 1e-6)
        assert (episodes.lengths[:-1] == steps).all()
        assert len(episodes) > 1
        assert np.array_equal(episodes.observations[0, steps], episodes.observations[1, 0])
        assert (episodes.group == 7).all()
        assert episodes.sources == (PLAIN,)

    def test_a_goal_is_a_time_out_that_costs_nothing(self, log):
        done, episodes = log
        assert done.outcome is Outcome.GOAL
        assert not episodes.terminal.any()
        assert episodes.rewards.min() > -5.0

    def test_actions_move_the_observed_speed_and_steering(self, log):
        _, episodes = log
        seen = episodes.observations[0, : episodes.lengths[0] + 1, :2].astype(float)
        assert np.diff(seen, axis=0) / 0.1 == pytest.approx(episodes.actions[0], abs=1e-3)

    def test_observations_are_of_the_true_states(self, log):
        done, episodes = log
        assert episodes.observations[0, :60, 0] == pytest.approx(
            done.record.states[:120:2, SPEED], abs=1e-5
        )

    def test_a_collision_ends_the_task_and_is_charged_once(self, crash):
        done, episodes = crash
        assert done.outcome is Outcome.COLLISION
        assert episodes.terminal.tolist() == [False] * (len(episodes) - 1) + [True]
        last = episodes.lengths[-1] - 1
        assert episodes.rewards[-1, last] < -FAILURE_PENALTY
        assert (episodes.rewards > -FAILURE_PENALTY).sum() == episodes.rewards.size - 1
        driven_steps = episodes.lengths.sum() * 0.1
        assert driven_steps == pytest.approx(done.verdict.first_collision, abs=0.1 + 1e-6)

    def test_leaving_the_road_ends_the_task_too(self, observer):
        done = driven_by(Coasting(), scenario(curvature=0.03))
        episodes = episodes_of(done, 'coasting', 0, observer)
        assert done.outcome is Outcome.OFF_ROAD
        assert episodes.terminal[-1]
        assert episodes.rewards.min() < -FAILURE_PENALTY

    def test_a_crash_is_never_cheaper_than_the_same_time_driven_well(self, log, crash):
        assert crash[1].returns(1.0).sum() < log[1].returns(1.0).sum() - FAILURE_PENALTY / 2


class TestAssignment:
    def test_it_depends_on_the_number_alone(self):
        assert assignment(5, CALM) == assignment(5, CALM)
        assert assignment(5, CALM).configuration != assignment(7, CALM).configuration

    def test_drivers_take_turns_and_seeds_are_trainings(self):
        given = [assignment(number, CALM) for number in range(12)]
        assert [each.driver for each in given] == [*DRIVERS] * 6
        assert all(each.noise == 0.0 for each in given if each.driver == STACK)
        assert len({each.noise for each in given if each.driver == PLAIN}) == 3
        assert all(each.seed >= FIRST_SEED for each in given)


class TestRuns:
    @pytest.fixture
    def folder(self, log, tmp_path):
        """Folder with the files of two drives."""
        for number in range(2):
            log[1].save(drive_path(tmp_path, number))
        return tmp_path

    def test_drives_that_are_there_are_not_driven_again(self, folder, log):
        before = {path: path.stat().st_mtime_ns for path in (folder / DRIVES).iterdir()}
        episodes = make_drives(folder, 2, CALM, 1)
        assert len(episodes) == 2 * len(log[1])
        assert len(load_episodes(folder / FILE)) == len(episodes)
        assert {path: path.stat().st_mtime_ns for path in before} == before

    def test_a_damaged_drive_is_named(self, folder, capsys):
        drive_path(folder, 1).write_bytes(b'PK')
        with pytest.raises(DatasetError, match=r'drive-v2-000001.npz is no readable file'):
            make_drives(folder, 2, CALM, 1)
        assert main(['--out', str(folder), '--drives', '2']) == 2
        assert capsys.readouterr().err.startswith('driving-logs: ')

    @pytest.mark.parametrize(
        ('change', 'message'),
        [
            (['--drives', '0'], '--drives is 0: expected at least 1'),
            (['--workers', '0'], '--workers is 0: expected at least 1'),
            (['--configuration', 'nowhere.yaml'], 'nowhere.yaml'),
        ],
    )
    def test_bad_arguments_are_one_line(self, tmp_path, capsys, change, message):
        assert main(['--out', str(tmp_path), *change]) == 2
        assert message in capsys.readouterr().err

    @pytest.mark.slow
    def test_a_missing_drive_is_made_and_is_what_this_process_would_make(
        self, folder, log, scp_folder, observer
    ):
        for number in range(2, 5):
            log[1].save(drive_path(folder, number))
        make_drives(folder, 6, CALM, 1)
        given = assignment(5, CALM)
        here = episodes_of(driven(given), given.driver, 5, observer)
        there = load_episodes(drive_path(folder, 5))
        assert np.array_equal(there.actions, here.actions)
        assert np.array_equal(there.rewards, here.rewards)
