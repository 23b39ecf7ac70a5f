# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""A policy is a source, and rolls out from each state of the car."""

import numpy as np


def test_a_policy_is_a_source_among_the_others(bench, policy_folder, observer):
    assert bench.set(sources='iql_lstm').successful
    proposals = bench.ask(1.0)
    assert [(p.source, p.model_id) for p in proposals] == [('iql_lstm', 'steady')] * 5
    assert bench.set(sources='iql_lstm,decision_transformer').successful
    bench.pose(2.0)
    bench.rig.until(lambda: len(bench.answers) == 3)
    assert {name for each in bench.answers[1:] for name in each.model_id} == {'steady', 'first'}


def test_each_state_is_answered_with_roll_outs_in_the_newest_problem(roll_out_bench):
    from warmstart_planner.nodes.messages import roll_out_from

    roll_out_bench.ask(3.0)
    cars = [roll_out_bench.drive(stamp) for stamp in (3.0, 3.05)]
    assert len(roll_out_bench.roll_outs) == 2
    for message, car, stamp in zip(roll_out_bench.roll_outs, cars, (3.0, 3.05), strict=True):
        found = roll_out_from(message)
        assert (found.problem_stamp, found.model_id) == (3.0, 'steady')
        assert found.disagreement > 0.0
        assert found.inference_time > 0.0
        assert len(found.ways) == 5
        for way in found.ways:
            assert (way.stamp, way.dt, len(way.controls)) == (stamp, 0.1, 20)
            np.testing.assert_array_equal(way.states[0], car)
    message, figures = roll_out_bench.finding('_roll_out_state')
    assert message == '5 ways sent'


def test_what_is_rolled_out_is_what_the_controller_takes_for_a_start(roll_out_bench):
    from warmstart_planner.mpc.warm_starts import ReceivedStart
    from warmstart_planner.nodes.messages import roll_out_from
    from warmstart_planner.vehicle import load_vehicle

    roll_out_bench.ask(3.0)
    roll_out_bench.drive(3.05)
    (message,) = roll_out_bench.roll_outs
    ReceivedStart('policy', load_vehicle(), 0.25).receive(roll_out_from(message).ways)


def test_nothing_is_rolled_out_where_nobody_listens(unheard_bench):
    unheard_bench.ask(3.0)
    unheard_bench.drive(3.05)
    figures = unheard_bench.node._models['iql_lstm']().values
    assert figures['answers_total'] == '0'


def test_roll_outs_end_and_begin_as_they_are_asked_for(roll_out_bench):
    bench = roll_out_bench
    assert bench.set(roll_out_steps=0).successful
    bench.rig.until(lambda: bench.rig.probe.count_subscribers('/proposal/input/state') == 0)
    assert bench.set(roll_out_steps=7).successful
    bench.rig.until(lambda: bench.rig.probe.count_subscribers('/proposal/input/state') == 1)
    bench.rig.spin(0.3)
    bench.ask(1.0)
    bench.drive(1.05)
    assert [message.steps for message in bench.roll_outs] == [7]


def test_without_a_fresh_problem_there_is_no_roll_out(roll_out_bench):
    roll_out_bench.drive(1.0)
    roll_out_bench.ask(1.0)
    roll_out_bench.drive(9.0)
    assert roll_out_bench.roll_outs == []
    message, _ = roll_out_bench.finding('_roll_out_state')
    assert message.startswith('none: no problem that is fresh')


def test_a_policy_that_answers_with_what_is_not_a_number_is_not_heard_of(roll_out_bench):
    bench = roll_out_bench
    assert bench.set(sources='iql_lstm,straight_line').successful
    (answer,) = bench.ask(1.0, speed=22.0)
    assert answer.source == 'straight_line'
    bench.drive(1.05, speed=22.0)
    assert bench.roll_outs == []
    assert bench.node._models['iql_lstm']().message == '4 candidates dropped'
    bench.drive(1.1, speed=8.0)
    assert len(bench.roll_outs) == 1


def test_a_bad_policy_is_refused_and_the_old_one_goes_on(
    roll_out_bench, write_model, write_policy, tmp_path
):
    bench = roll_out_bench
    bad = write_policy(write_model(tmp_path / 'bad', model_id='third'))
    file = bad / 'iql_lstm.onnx'
    file.write_bytes(file.read_bytes()[:-20])
    result = bench.set(model_dir=bad)
    assert not result.successful
    assert 'iql_lstm.onnx: sha256 is' in result.reason
    file.unlink()
    (bad / 'iql_lstm.json').unlink()
    result = bench.set(model_dir=bad)
    assert 'expected a folder with iql_lstm.json' in result.reason
    assert {each.model_id for each in bench.ask(1.0)} == {'first'}
    bench.drive(1.05)
    assert [message.model_id for message in bench.roll_outs] == ['steady']


def test_without_a_policy_the_node_says_so_and_goes_on(bench):
    assert bench.set(roll_out_steps=20).successful
    assert 'no learned model in' in bench.node._models['iql_lstm']().message
    assert {each.model_id for each in bench.ask(1.0)} == {'first'}
