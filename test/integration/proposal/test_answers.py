# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Each problem is answered, by sources that fit it; bad ones are refused."""

import re

import numpy as np
import pytest


def test_each_problem_is_answered_with_the_model_s_candidates(bench):
    problem = bench.pose(3.0)
    bench.rig.until(lambda: bench.answers)
    from warmstart_planner.nodes.messages import proposals_from

    (answer,) = bench.answers
    proposals = proposals_from(answer)
    assert {(p.source, p.model_id) for p in proposals} == {('decision_transformer', 'first')}
    assert len(proposals) == 4
    assert answer.inference_time_ms > 0.0
    for each in proposals:
        assert each.trajectory.stamp == 3.0
        np.testing.assert_allclose(each.trajectory.states[0], problem.initial_state)
        assert each.uncertainty == pytest.approx(0.4)


def test_each_answer_is_told_at_the_level_debug(bench, capfd):
    from rclpy.logging import LoggingSeverity

    bench.node.get_logger().set_level(LoggingSeverity.DEBUG)
    bench.ask(3.0)
    assert re.search(r'DEBUG.*proposal.*3.00 s: answered in', capfd.readouterr().err)


def test_the_wishes_come_on_top_of_the_card_s(bench):
    before = bench.ask(1.0)
    assert bench.set(relative_return=float(np.log(2.0))).successful
    after = bench.ask(2.0)
    for a, b in zip(before, after, strict=True):
        assert b.predicted_return == pytest.approx(a.predicted_return / 2)
    assert bench.set(constraint_to_go=1.5).successful
    _, figures = bench.diagnosis()
    assert (figures['relative_return'], figures['constraint_to_go']) == ('0.693', '1.500')


@pytest.mark.parametrize(
    ('wrong', 'reason'),
    [
        ({'relative_return': 50.0}, 'relative_return out of range'),
        ({'constraint_to_go': -1.0}, 'constraint_to_go out of range'),
        ({'relative_return': float('nan')}, 'relative_return'),
        ({'execution_provider': 'Magic'}, "execution_provider is 'Magic': expected one of"),
        ({'sources': 'decision_transformer,oracle'}, "sources has 'oracle'"),
    ],
)
def test_a_wish_that_is_none_is_refused(bench, wrong, reason):
    result = bench.set(**wrong)
    assert not result.successful
    assert reason in result.reason
    assert len(bench.ask(1.0)) == 4


def test_a_problem_that_a_newer_one_has_overtaken_is_not_answered(bench):
    bench.ask(5.0)
    bench.pose(4.9)
    bench.rig.until(lambda: bench.node._overtaken.total('overtaken') == 1)
    assert [p.trajectory.stamp for p in bench.ask(5.1)] == [5.1] * 4
    assert len(bench.answers) == 2


def test_a_problem_from_the_future_is_refused_and_makes_no_other_old(bench):
    now = bench.node.now()
    bench.pose(now + 0.8)
    bench.rig.until(lambda: bench.node.rejected.total('~/input/problem') == 1)
    assert [p.trajectory.stamp for p in bench.ask(now)] == pytest.approx([now] * 4)
    assert len(bench.answers) == 1
    assert len(bench.ask(now + 0.3)) == 4


def test_a_problem_shown_again_and_one_after_a_new_start_of_the_clock_are_answered(bench):
    assert len(bench.ask(50.0)) == len(bench.ask(50.0)) == len(bench.ask(0.1)) == 4


def test_of_problems_that_wait_only_the_newest_is_answered(bench):
    for stamp in (1.0, 1.1, 1.2):
        bench.pose(stamp)
    bench.rig.spin(0.5)
    assert [a.header.stamp.nanosec for a in bench.answers][-1] == 200_000_000
    assert len(bench.answers) <= 2


def test_a_problem_for_another_car_is_refused_with_both_cars(bench, capfd):
    from warmstart_planner.vehicle import load_vehicle

    bench.pose(1.0, vehicle=load_vehicle('commonroad_3'))
    bench.rig.until(lambda: bench.node.rejected.total('~/input/problem') == 1)
    error = capfd.readouterr().err
    assert "problem.vehicle is 'commonroad_3-" in error
    assert "expected 'commonroad_2-" in error
    assert bench.answers == []


@pytest.mark.parametrize('rig', [['vehicle:=commonroad_3']], indirect=True)
def test_a_model_for_another_car_does_not_answer_and_is_told_once_and_in_the_diagnostics(
    capfd,  # first: the node may tell of it as it starts
    bare_bench,
    models,
):
    """Sources that know any car propose all the same."""
    assert bare_bench.set(sources='decision_transformer,straight_line').successful
    car = bare_bench.node.settings.vehicle
    for stamp in (1.0, 1.1):
        (answer,) = bare_bench.ask(stamp, vehicle=car)
        assert answer.source == 'straight_line'
    reported = [line for line in capfd.readouterr().err.splitlines() if 'does not answer' in line]
    assert len(reported) == 1
    message, _ = bare_bench.diagnosis()
    for text in (reported[0], message):
        assert "'commonroad_3-" in text
        assert "is for 'commonroad_2-" in text
    refused = bare_bench.set(model_dir=models['first'])
    assert not refused.successful
    assert "model 'first' is for 'commonroad_2-" in refused.reason


@pytest.mark.parametrize('name', ['guided', 'shifted'])
def test_what_the_planner_asks_itself_is_not_served_beside_it(bench, name):
    result = bench.set(sources=f'decision_transformer,{name}')
    assert not result.successful
    assert f"sources has '{name}', which the planner asks itself" in result.reason
    assert len(bench.ask(1.0)) == 4


def test_a_source_that_is_not_compiled_is_refused(bench, policy_folder, tmp_path, monkeypatch):
    from warmstart_planner.generation import generated
    from warmstart_planner.learned.observation import library as observation_library

    monkeypatch.setenv(generated.ENVIRONMENT_VARIABLE, str(tmp_path))
    observation_library.load.cache_clear()
    result = bench.set(sources='decision_transformer,iql_lstm')
    observation_library.load.cache_clear()
    assert not result.successful
    assert "source 'iql_lstm'" in result.reason
    assert 'is not generated' in result.reason
    assert len(bench.ask(1.0)) == 4


def test_diagnostics_tell_of_the_model_and_its_answers(bench, write_model, tmp_path):
    faulty = write_model(tmp_path / 'faulty', model_id='faulty', states_error=[0, np.nan, 0, 9.0])
    assert bench.set(model_dir=faulty).successful
    bench.ask(1.0)
    message, figures = bench.diagnosis()
    assert message == 'in use'
    assert (figures['model_id'], figures['dropped_candidates_total']) == ('faulty', '0')
    assert 0.0 < float(figures['inference_ms_p50']) <= float(figures['inference_ms_max'])
    assert len(bench.ask(2.0, speed=22.0)) == 2
    message, figures = bench.diagnosis()
    assert message == '2 candidates dropped'
    assert (figures['answers_total'], figures['unfamiliar_total']) == ('2', '1')
    assert bench.diagnosis()[0] == 'in use'
