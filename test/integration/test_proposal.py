# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The proposal node serves models, exchanges them while running, and does without them."""

import re
import shutil
import signal
import time
from pathlib import Path

import numpy as np
import pytest


class Bench:
    """A proposal node, a sender of problems and what is answered to them."""

    def __init__(self, rig, make_problem):
        from warmstart_planner import msg
        from warmstart_planner.nodes.proposal import ProposalNode

        self.rig = rig
        self.make_problem = make_problem
        self.node = rig.run(ProposalNode())
        self.answers = rig.collect(msg.Proposals, '/proposal/output/proposals')
        self.problem = rig.sender(msg.PlanningProblem, '/proposal/input/problem')
        rig.until(lambda: rig.probe.count_publishers('/proposal/output/proposals') > 0)
        rig.spin(0.2)

    def pose(self, stamp, speed=8.0, **rest):
        from warmstart_planner.nodes.messages import problem_message

        problem = self.make_problem((20.0, 0.0, 0.0, speed, 0.0), stamp=stamp, **rest)
        self.problem(problem_message(problem))
        return problem

    def ask(self, stamp, **rest):
        """Pose a problem and return the proposals that answer it."""
        from warmstart_planner.nodes.messages import proposals_from

        known = len(self.answers)
        self.pose(stamp, **rest)
        self.rig.until(lambda: len(self.answers) > known)
        return proposals_from(self.answers[-1])

    def set(self, **values):
        from rclpy.parameter import Parameter

        (result,) = self.node.set_parameters(
            [
                Parameter(name, value=str(v) if name == 'model_dir' else v)
                for name, v in values.items()
            ]
        )
        return result

    def diagnosis(self):
        """Return the model's diagnostics: message and figures."""
        finding = self.node._models['decision_transformer']()
        return finding.message, dict(finding.values)


@pytest.fixture
def models(write_model, tmp_path):
    """Folders of two good models of different names."""
    return {name: write_model(tmp_path / name, model_id=name) for name in ('first', 'second')}


@pytest.fixture
def bench(rig, make_problem, models):
    bench = Bench(rig, make_problem)
    assert bench.set(model_dir=models['first']).successful
    return bench


def names(proposals):
    return {each.model_id for each in proposals}


# --- answers ---


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
    rig, make_problem, models, capfd
):
    """Sources that know any car propose all the same."""
    bench = Bench(rig, make_problem)
    assert bench.set(sources='decision_transformer,straight_line').successful
    car = bench.node.settings.vehicle
    for stamp in (1.0, 1.1):
        (answer,) = bench.ask(stamp, vehicle=car)
        assert answer.source == 'straight_line'
    told = [line for line in capfd.readouterr().err.splitlines() if 'does not answer' in line]
    assert len(told) == 1
    message, _ = bench.diagnosis()
    for text in (told[0], message):
        assert "'commonroad_3-" in text
        assert "is for 'commonroad_2-" in text
    refused = bench.set(model_dir=models['first'])
    assert not refused.successful
    assert "model 'first' is for 'commonroad_2-" in refused.reason


@pytest.mark.parametrize('name', ['guided', 'shifted'])
def test_what_the_planner_asks_itself_is_not_served_beside_it(bench, name):
    result = bench.set(sources=f'decision_transformer,{name}')
    assert not result.successful
    assert f"sources has '{name}', which the planner asks itself" in result.reason
    assert len(bench.ask(1.0)) == 4


def test_a_source_that_is_not_compiled_is_refused(bench, policy_folder, tmp_path, monkeypatch):
    from warmstart_planner import generated
    from warmstart_planner.learned.observation import library as observation_library

    monkeypatch.setenv(generated.ENVIRONMENT_VARIABLE, str(tmp_path))
    observation_library.load.cache_clear()
    result = bench.set(sources='decision_transformer,iql_lstm')
    observation_library.load.cache_clear()
    assert not result.successful
    assert "source 'iql_lstm'" in result.reason
    assert 'is not generated' in result.reason
    assert len(bench.ask(1.0)) == 4


# --- diagnostics ---


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


# --- models ---


def test_a_model_is_exchanged_while_problems_are_answered(bench, models):
    assert names(bench.ask(1.0)) == {'first'}
    assert bench.set(model_dir=models['second']).successful
    assert names(bench.ask(1.1)) == {'second'}
    assert bench.set(model_dir=models['first']).successful
    assert names(bench.ask(1.2)) == {'first'}
    assert all(len(set(answer.model_id)) == 1 for answer in bench.answers)


def test_another_process_can_exchange_the_model_by_the_parameter_service(bench, models):
    from rcl_interfaces.msg import Parameter, ParameterType, ParameterValue
    from rcl_interfaces.srv import SetParameters

    client = bench.rig.probe.create_client(SetParameters, '/proposal/set_parameters')
    bench.rig.until(client.service_is_ready)

    def change(folder):
        value = ParameterValue(type=ParameterType.PARAMETER_STRING, string_value=str(folder))
        request = SetParameters.Request(parameters=[Parameter(name='model_dir', value=value)])
        answer = client.call_async(request)
        bench.rig.until(answer.done)
        return answer.result().results[0]

    assert change(models['second']).successful
    assert names(bench.ask(1.0)) == {'second'}
    refused = change(models['first'] / 'nowhere')
    assert not refused.successful
    assert 'expected an existing folder' in refused.reason
    assert names(bench.ask(1.1)) == {'second'}


def truncate(folder):
    file = folder / 'decision_transformer.onnx'
    file.write_bytes(file.read_bytes()[:-50])


def spoil_card(folder):
    card = '{"kind": "decision_transformer", "schema_version": 9}'
    (folder / 'decision_transformer.json').write_text(card)


def empty(folder):
    shutil.rmtree(folder)
    folder.mkdir()


@pytest.mark.parametrize(
    ('spoil', 'reason'),
    [
        (truncate, 'decision_transformer.onnx: sha256 is'),
        (spoil_card, 'decision_transformer.json: schema_version is 9: expected 3'),
        (empty, 'expected a folder with decision_transformer.json'),
        (shutil.rmtree, 'expected an existing folder'),
    ],
)
def test_a_bad_model_is_refused_with_the_reason_and_the_old_one_goes_on(
    bench, models, spoil, reason
):
    spoil(models['second'])
    result = bench.set(model_dir=models['second'])
    assert not result.successful
    assert reason in result.reason
    assert bench.node.get_parameter('model_dir').value == str(models['first'])
    assert names(bench.ask(1.0)) == {'first'}
    assert bench.set(time_limit=0.5).successful
    assert names(bench.ask(1.1)) == {'first'}


def test_a_model_made_with_other_margins_is_refused(bench, write_model, tmp_path):
    from warmstart_planner.transcription import Margins

    other = write_model(tmp_path / 'other', margins=Margins(obstacle=1.0))
    result = bench.set(model_dir=other)
    assert not result.successful
    assert 'margins is Margins(obstacle=1.0' in result.reason


def test_the_model_in_use_does_not_need_its_files_any_more(bench, models):
    shutil.rmtree(models['first'])
    assert names(bench.ask(1.0)) == {'first'}


# --- policies ---


class RollOutBench(Bench):
    """The same with a sender of states, and the roll-outs that are sent for them."""

    def __init__(self, rig, make_problem, folder, listens=True):
        from warmstart_planner import msg

        super().__init__(rig, make_problem)
        assert self.set(model_dir=folder).successful
        assert self.set(rollout_steps=20).successful
        self.roll_outs = []
        if listens:
            self.roll_outs = rig.collect(msg.RollOut, '/proposal/output/rollouts')
            rig.until(lambda: rig.probe.count_publishers('/proposal/output/rollouts') > 0)
        self.state = rig.sender(msg.VehicleState, '/proposal/input/state')
        rig.spin(0.2)

    def drive(self, stamp, speed=8.0):
        """Send a state, wait for what may come of it and return the car's state."""
        from warmstart_planner.nodes.messages import StateEstimate, vehicle_state_message

        car = np.array([20.4, 0.1, 0.0, speed, 0.0])
        self.state(vehicle_state_message(StateEstimate(stamp, car, 0.0, 1.0)))
        self.rig.spin(0.3)
        return car

    def finding(self, task):
        finding = getattr(self.node, task)()
        return finding.message, dict(finding.values)


@pytest.fixture
def policy_folder(write_policy, models):
    """Return a folder with a model and a policy that fails where the car is faster than 15 m/s."""
    return write_policy(models['first'], error=np.full((4, 2), np.nan))


@pytest.fixture
def roll_out_bench(rig, make_problem, policy_folder, observer):
    return RollOutBench(rig, make_problem, policy_folder)


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


def test_nothing_is_rolled_out_where_nobody_listens(rig, make_problem, policy_folder, observer):
    bench = RollOutBench(rig, make_problem, policy_folder, listens=False)
    bench.ask(3.0)
    bench.drive(3.05)
    figures = bench.node._models['iql_lstm']().values
    assert figures['answers_total'] == '0'


def test_roll_outs_end_and_begin_as_they_are_asked_for(roll_out_bench):
    bench = roll_out_bench
    assert bench.set(rollout_steps=0).successful
    bench.rig.until(lambda: bench.rig.probe.count_subscribers('/proposal/input/state') == 0)
    assert bench.set(rollout_steps=7).successful
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
    assert names(bench.ask(1.0)) == {'first'}
    bench.drive(1.05)
    assert [message.model_id for message in bench.roll_outs] == ['steady']


def test_without_a_policy_the_node_says_so_and_goes_on(bench):
    assert bench.set(rollout_steps=20).successful
    assert 'no learned model in' in bench.node._models['iql_lstm']().message
    assert names(bench.ask(1.0)) == {'first'}


# --- no model ---


def test_without_a_model_the_node_says_so_once_and_serves_the_other_sources(start, tmp_path):
    arguments = ['autostart:=true', 'sources:=decision_transformer,straight_line']
    given = [text for each in (*arguments, f'model_dir:={tmp_path}') for text in ('-p', each)]
    process = start('warmstart_planner.nodes.proposal', '--ros-args', *given)
    time.sleep(4.0)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=10)
    assert process.returncode == 0
    assert output.count('no learned model in') == 1
    assert str(tmp_path) in output


@pytest.mark.parametrize(
    'rig',
    [['sources:=decision_transformer,straight_line', f'model_dir:={Path(__file__).parent}']],
    indirect=True,
)
def test_a_node_without_a_model_answers_with_what_it_has_until_it_gets_one(
    rig, make_problem, models
):
    bench = Bench(rig, make_problem)
    assert {p.source for p in bench.ask(1.0)} == {'straight_line'}
    assert 'no learned model in' in bench.diagnosis()[0]
    assert bench.set(time_limit=0.5).successful
    assert bench.set(model_dir=models['second']).successful
    bench.ask(2.0)
    bench.rig.until(lambda: len(bench.answers) == 3)
    assert {name for a in bench.answers for name in a.model_id} == {'', 'second'}


@pytest.mark.parametrize(
    ('spoil', 'reason'),
    [(truncate, 'sha256 is'), (shutil.rmtree, 'expected an existing folder')],
)
def test_a_bad_model_at_the_start_is_one_clear_line(start, models, spoil, reason):
    spoil(models['first'])
    process = start(
        'warmstart_planner.nodes.proposal',
        *['--ros-args', '-p', f'model_dir:={models["first"]}'],
    )
    output, _ = process.communicate(timeout=20)
    assert process.returncode == 2
    assert len(output.strip().splitlines()) == 1
    assert reason in output
