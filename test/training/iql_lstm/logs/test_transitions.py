# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Answers and plain drives as episodes: the rewards are the objective's, nothing is added."""

import numpy as np
import pytest

from training.dataset.reading import KINDS, read_problems
from training.dataset.shards import PERTURBED_VARIANTS
from training.dataset.situations import base_situation, is_validation
from training.iql_lstm.logs.episodes import load_episodes
from training.iql_lstm.logs.transitions import (
    DATASET_FILE,
    DISTURBED,
    DISTURBED_FILE,
    HABITS,
    NOISE,
    OTHERS,
    PLAIN,
    PLAIN_FILE,
    VIOLATION_MOST,
    answered,
    between_samples,
    from_optimiser,
    from_plain_controller,
    from_problems,
    judged,
    main,
    rewards_of,
)
from warmstart_planner.learned.context import OBSTACLE_SAMPLES, context_of
from warmstart_planner.learned.observation.observer import OBSERVATION_SIZE, moving
from warmstart_planner.problem import Horizon
from warmstart_planner.transcription import Margins, transcribe
from warmstart_planner.vehicle import DEFAULT_VEHICLE, load_vehicle

DT = Horizon().dt
CAR = load_vehicle()


@pytest.fixture(scope='module')
def problems(dataset):
    return read_problems([dataset], validation=False)


@pytest.fixture(scope='module')
def episodes(problems, observer):
    return from_problems(problems, DT, CAR)


@pytest.fixture(scope='module')
def plain(observer):
    return from_plain_controller(259, Horizon(), DEFAULT_VEHICLE)


@pytest.fixture(scope='module')
def scene(dataset):
    return answered([dataset])[0]


@pytest.fixture(scope='module')
def disturbed(scene, observer, scp_folder):
    return from_optimiser(scene, Horizon(), DEFAULT_VEHICLE)


class TestRewards:
    def test_without_violations_they_sum_up_to_minus_the_cost_without_its_terminal_part(self):
        cost = np.array([[9.0, 5.0, 4.0, 1.5], [3.0, 3.0, 2.0, 0.0]])
        found = rewards_of(cost, np.zeros_like(cost), DT)
        assert found.sum(axis=1) == pytest.approx(-(cost[:, 0] - cost[:, -1]))

    def test_a_metre_of_violation_costs_the_exact_penalty_of_a_step(self):
        constraint = np.array([1.5, 0.5, 0.5, 0.5])
        found = rewards_of(np.zeros(4), constraint, DT)
        assert found == pytest.approx([-30.0, 0.0, 0.0])

    def test_a_step_is_charged_for_no_more_than_the_limit(self):
        found = rewards_of(np.zeros(3), np.array([1000.0, 1.0, 0.0]), DT)
        assert found == pytest.approx([-30.0 * VIOLATION_MOST, -30.0])

    def test_rounding_earns_nothing(self):
        cost = np.array([1.0, 1.0 + 1e-6, 1.0], dtype=np.float32)
        assert (rewards_of(cost, cost, DT) <= 0.0).all()


class TestProblems:
    def test_every_answer_is_an_episode_of_its_own_kind_and_scene(self, problems, episodes):
        there = problems.kind >= 0
        assert len(episodes) == there.sum()
        assert (episodes.source == problems.kind[there]).all()
        assert set(episodes.group) == set(problems.index)
        assert episodes.sources == KINDS
        assert not episodes.terminal.any()
        assert (episodes.lengths == problems.controls.shape[2]).all()

    def test_returns_of_feasible_answers_are_their_stage_costs(self, problems, episodes):
        there = problems.kind >= 0
        cost = problems.cost_to_go[there]
        feasible = problems.feasible[there]
        wanted = -(cost[:, 0] - cost[:, -1])
        assert feasible.any()
        assert episodes.returns(1.0)[feasible] == pytest.approx(wanted[feasible], rel=1e-3)

    def test_actions_are_the_controls_within_the_cars_bounds(self, problems, episodes):
        controls = problems.controls[problems.kind >= 0]
        assert episodes.actions == pytest.approx(controls, abs=1e-5)
        assert (episodes.actions <= episodes.action_high).all()

    def test_the_first_observation_is_what_serving_sees(self, problems, episodes, observer):
        row = int(np.argmax(problems.variant == 0))
        problem = base_situation(int(problems.index[row]), Horizon()).problem
        numbers = transcribe(problem, Margins())
        (served,) = observer.observe(
            numbers.initial_state[None], numbers.road, moving(numbers.obstacles, DT)[:, 0]
        )
        first = int((problems.kind[:row] >= 0).sum())
        # velocities of the logged one are those between samples a second apart
        assert episodes.observations[first, 0] == pytest.approx(served, abs=0.5)
        still = [i for i, name in enumerate(served) if abs(name) < 1e3][:32]
        assert episodes.observations[first, 0, still] == pytest.approx(
            served[still], rel=1e-3, abs=1e-3
        )

    def test_only_wanted_kinds_are_taken(self, problems, episodes):
        best = from_problems(problems, DT, CAR, ['best'])
        assert len(best) == len(problems)
        assert (best.source == KINDS.index('best')).all()
        assert np.array_equal(
            best.observations, episodes.observations[episodes.source == KINDS.index('best')]
        )

    def test_an_unknown_kind_is_refused(self, problems):
        with pytest.raises(ValueError, match=r"kinds has 'good': expected some of best"):
            from_problems(problems, DT, CAR, ['good'])

    def test_obstacles_between_samples_lie_on_the_way_between_them(self):
        problem = base_situation(259, Horizon()).problem
        numbers = transcribe(problem, Margins())
        context = context_of(numbers)
        found = between_samples(context.obstacles[context.present], 61)
        at = np.round(np.linspace(0, 60, OBSTACLE_SAMPLES)).astype(int)
        assert found[:, at] == pytest.approx(numbers.obstacles[:, at], abs=1e-4)
        assert np.hypot(found[..., 2], found[..., 3]) == pytest.approx(1.0)
        assert np.abs(found[..., :2] - numbers.obstacles[..., :2]).max() < 1.0
        assert found[..., 4:] == pytest.approx(numbers.obstacles[..., 4:], abs=1e-4)


class TestPlainController:
    def test_drives_are_whole_episodes_of_the_scene(self, plain):
        starts = 1 + PERTURBED_VARIANTS
        assert plain.observations.shape == (starts * (len(NOISE) + HABITS), 61, OBSERVATION_SIZE)
        assert plain.sources == (PLAIN, OTHERS)
        assert (plain.source == 1).sum() == starts * HABITS
        assert (plain.group == 259).all()
        assert not plain.terminal.any()
        assert (plain.rewards <= 0.0).all()

    def test_drivers_of_other_habits_do_otherwise_from_the_same_starts(self, plain):
        start, actions = plain.observations[: len(NOISE) + HABITS, 0], plain.actions[:, 0]
        assert (start == start[0]).all()
        others = actions[len(NOISE) : len(NOISE) + HABITS]
        assert len(np.unique(others, axis=0)) == HABITS

    def test_the_same_scene_gives_the_same_episodes(self, plain):
        again = from_plain_controller(259, Horizon(), DEFAULT_VEHICLE)
        assert np.array_equal(again.actions, plain.actions)
        assert np.array_equal(again.rewards, plain.rewards)

    def test_what_is_judged_is_what_the_dataset_says(self, problems):
        row = int(np.argmax(problems.variant == 0))
        problem = base_situation(int(problems.index[row]), Horizon()).problem
        count = int((problems.kind[row] >= 0).sum())
        cost, verdicts = judged(
            problem,
            problems.states[row, :count].astype(float),
            problems.controls[row, :count].astype(float),
        )
        assert cost == pytest.approx(problems.cost_to_go[row, :count], rel=1e-2, abs=1e-2)
        constraint = [verdict.constraint_to_go for verdict in verdicts]
        wanted = problems.constraint_to_go[row, :count]
        assert np.array(constraint) == pytest.approx(wanted, rel=1e-2, abs=0.1)

    def test_a_scene_that_cannot_be_drawn_is_left_out(self, monkeypatch):
        from warmstart_planner.scenarios import generator

        monkeypatch.setattr(generator, 'DRAWS', 0)
        assert from_plain_controller(259, Horizon(), DEFAULT_VEHICLE) is None


class TestOptimiser:
    def test_scenes_come_with_the_best_answers_to_what_can_be_drawn_again(self, dataset, problems):
        scenes = answered([dataset])
        assert [scene.index for scene in scenes] == sorted({scene.index for scene in scenes})
        row = int(np.argmax(problems.variant == 0))
        (scene,) = (each for each in scenes if each.index == problems.index[row])
        states, controls = scene.best[0]
        assert np.array_equal(states, problems.states[row, 0])
        assert np.array_equal(controls, problems.controls[row, 0])
        assert max(variant for each in scenes for variant in each.best) == 2

    def test_each_known_answer_begins_a_drive_of_the_scene(self, scene, disturbed):
        assert len(disturbed) == len(scene.best)
        assert disturbed.sources == (DISTURBED,)
        assert (disturbed.group == scene.index).all()
        assert (disturbed.rewards <= 0.0).all()

    def test_drives_begin_where_the_answers_do(self, scene, disturbed, problems, observer):
        row = int(np.argmax((problems.index == scene.index) & (problems.variant == 0)))
        first = int((problems.kind[:row] >= 0).sum())
        answers = from_problems(problems, DT, CAR)
        speed, steering = 0, 1
        for field in (speed, steering):
            assert disturbed.observations[0, 0, field] == pytest.approx(
                answers.observations[first, 0, field], abs=1e-5
            )
        assert disturbed.actions[0, 0] == pytest.approx(answers.actions[first, 0], abs=1e-3)

    def test_a_scene_that_cannot_be_drawn_is_left_out(self, scene, monkeypatch):
        from warmstart_planner.scenarios import generator

        monkeypatch.setattr(generator, 'DRAWS', 0)
        assert from_optimiser(scene, Horizon(), DEFAULT_VEHICLE) is None


class TestProgram:
    def test_the_files_hold_both_sides_of_the_split(self, dataset, observer, tmp_path, capsys):
        arguments = ['--dataset', str(dataset), '--out', str(tmp_path), '--plain', '2']
        assert main([*arguments, '--disturbed', '1', '--workers', '1']) == 0
        answers = load_episodes(tmp_path / DATASET_FILE)
        assert {is_validation(group) for group in answers.group.tolist()} == {False, True}
        plain = load_episodes(tmp_path / PLAIN_FILE)
        assert len(plain) == 2 * (1 + PERTURBED_VARIANTS) * (len(NOISE) + HABITS)
        assert len(set(load_episodes(tmp_path / DISTURBED_FILE).group)) == 1
        printed = capsys.readouterr().out
        assert PLAIN in printed
        assert DISTURBED in printed
        assert 'best' in printed

    @pytest.mark.parametrize(
        ('change', 'message'),
        [
            (['--dataset', 'nowhere'], 'expected the folder of a dataset'),
            (['--kinds', 'good'], "kinds has 'good'"),
            (['--plain', '0'], '--plain is 0: expected at least 1'),
            (['--disturbed', '0'], '--disturbed is 0: expected at least 1'),
        ],
    )
    def test_bad_arguments_are_one_line(
        self, dataset, observer, tmp_path, capsys, change, message
    ):
        arguments = ['--dataset', str(dataset), '--out', str(tmp_path), *change]
        assert main(arguments) == 2
        error = capsys.readouterr().err
        assert error.startswith('transitions: ')
        assert message in error
