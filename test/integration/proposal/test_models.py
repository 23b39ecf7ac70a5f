# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Models are exchanged while the node runs, refused when bad, and done without."""

import shutil
import signal
from pathlib import Path

import pytest


def names(proposals):
    return {each.model_id for each in proposals}


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


def test_without_a_model_the_node_says_so_once_and_serves_the_others(rig, start, tmp_path):
    arguments = ['autostart:=true', 'sources:=decision_transformer,straight_line']
    given = [text for each in (*arguments, f'model_dir:={tmp_path}') for text in ('-p', each)]
    process = start('warmstart_planner.nodes.proposal', '--ros-args', *given)
    rig.await_state('proposal', 'active')
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
def test_a_node_without_a_model_answers_with_what_it_has_until_it_gets_one(bare_bench, models):
    assert {p.source for p in bare_bench.ask(1.0)} == {'straight_line'}
    assert 'no learned model in' in bare_bench.diagnosis()[0]
    assert bare_bench.set(time_limit=0.5).successful
    assert bare_bench.set(model_dir=models['second']).successful
    bare_bench.ask(2.0)
    bare_bench.rig.until(lambda: len(bare_bench.answers) == 3)
    assert {name for a in bare_bench.answers for name in a.model_id} == {'', 'second'}


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
