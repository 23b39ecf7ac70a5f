# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The proposal node serves sources of other packages; one that is at fault takes nothing along."""

import os

import numpy as np
import pytest

FAULTY = """
from warmstart_planner.proposals.spec import SourceSpec

class Faulty:
    name = 'mine'

    def propose(self, problem, previous=None):
        raise KeyError('key')

SPEC = SourceSpec('mine', lambda options: Faulty())
"""


class Bench:
    """A proposal node, a sender of problems and what is answered to them."""

    def __init__(self, rig, make_problem):
        from warmstart_planner import msg
        from warmstart_planner.nodes.proposal import ProposalNode

        self.rig, self.make_problem = rig, make_problem
        self.node = rig.run(ProposalNode())
        self.answers = rig.collect(msg.Proposals, '/proposal/output/proposals')
        self.problem = rig.sender(msg.PlanningProblem, '/proposal/input/problem')
        rig.until(lambda: rig.probe.count_publishers('/proposal/output/proposals') > 0)
        rig.spin(0.2)

    def set(self, sources):
        from rclpy.parameter import Parameter

        return self.node.set_parameters([Parameter('sources', value=sources)])[0]

    def ask(self, stamp):
        """Pose a problem; return it and the proposals of the one source that answers it."""
        from warmstart_planner.nodes.messages import problem_message, proposals_from

        known = len(self.answers)
        problem = self.make_problem(stamp=stamp)
        self.problem(problem_message(problem))
        self.rig.until(lambda: len(self.answers) > known)
        return problem, proposals_from(self.answers[-1])


@pytest.fixture
def bench(rig, make_problem):
    return Bench(rig, make_problem)


def test_the_node_serves_what_the_source_proposes_in_process(bench, braking):
    from warmstart_planner.proposals.registry import load_source
    from warmstart_planner.proposals.spec import LoadOptions

    assert bench.set(braking).successful
    problem, answers = bench.ask(1.0)
    proposals = load_source(braking, LoadOptions()).propose(problem)
    assert len(answers) == len(proposals) == 3
    for served, own in zip(answers, proposals, strict=True):
        assert (served.source, served.model_id) == (own.source, own.model_id)
        np.testing.assert_array_equal(served.trajectory.states, own.trajectory.states)
        np.testing.assert_array_equal(served.trajectory.controls, own.trajectory.controls)


def test_a_source_that_cannot_be_had_is_refused_and_the_others_go_on(bench, install_source):
    assert bench.set('straight_line').successful
    install_source('import nowhere_to_be_found')
    result = bench.set('straight_line,mine')
    assert not result.successful
    assert "source 'mine' of mine-package" in result.reason
    assert 'cannot be imported: ModuleNotFoundError' in result.reason
    assert {each.source for each in bench.ask(1.0)[1]} == {'straight_line'}


def test_a_source_that_fails_is_told_of_and_the_others_answer(bench, install_source, capfd):
    install_source(FAULTY)
    assert bench.set('mine').successful
    assert bench.set('straight_line,mine').successful
    assert {each.source for each in bench.ask(1.0)[1]} == {'straight_line'}
    bench.rig.until(lambda: bench.node._failures().level == b'\x01')
    reported = "source 'mine' of mine-package failed: KeyError: 'key'"
    assert bench.node._failures().message == reported
    assert {each.source for each in bench.ask(1.1)[1]} == {'straight_line'}
    assert capfd.readouterr().err.count(reported) == 1


LEARNED = """
from dataclasses import replace
from warmstart_planner.learned.cards.card_format import NoModelError
from warmstart_planner.proposals.source import Answer, ModelInfo
from warmstart_planner.proposals.spec import Origin, SourceSpec
from warmstart_planner.proposals.straight_line import StraightLine

class Mine(StraightLine):
    name = 'mine'
    last = None

    def __init__(self, model_id):
        self.info = ModelInfo(model_id, {'boldness': 0.5})

    def propose(self, problem, previous=None):
        proposals = [replace(each, source='mine') for each in super().propose(problem)]
        self.last = Answer(tuple(proposals), 2, 1.5, 0.01)
        return proposals

def load(options):
    card = options.models / 'mine.json'
    if not card.exists():
        raise NoModelError(card)
    return Mine(card.read_text())

SPEC = SourceSpec('mine', load, Origin.LEARNED, diagnostics='my model')
"""


def test_a_learned_source_may_lack_its_model_at_first_and_is_diagnosed_when_it_has_one(
    bench, install_source, tmp_path, capfd
):
    from rclpy.parameter import Parameter

    install_source(LEARNED)
    for folder in ('first', 'second', 'third'):
        (tmp_path / folder).mkdir()
    (tmp_path / 'second' / 'mine.json').write_text('seven')

    def use(folder):
        return bench.node.set_parameters([Parameter('model_dir', value=str(tmp_path / folder))])[0]

    assert bench.set('straight_line').successful
    assert use('first').successful
    assert bench.set('straight_line,mine').successful
    assert f'no learned model in {tmp_path / "first"}: mine does not' in capfd.readouterr().err
    assert bench.node._models['mine']().message.startswith('no learned model in')
    assert use('second').successful
    assert bench.set('mine').successful
    bench.ask(1.0)
    finding = bench.node._models['mine']()
    assert (finding.message, finding.values['model_id']) == ('2 candidates dropped', 'seven')
    assert (finding.values['boldness'], finding.values['unfamiliar_total']) == ('0.500', '1')
    refused = use('third')
    assert not refused.successful
    assert 'expected a folder with mine.json' in refused.reason


@pytest.mark.parametrize('code', ['1 / 0', FAULTY.replace('Faulty()', '1 / 0')])
def test_a_source_at_fault_at_the_start_is_one_clear_line(start, install_source, code):
    path = os.pathsep.join([str(install_source(code)), os.environ.get('PYTHONPATH', '')])
    arguments = ['--ros-args', '-p', 'sources:=straight_line,mine']
    process = start('warmstart_planner.nodes.proposal', *arguments, PYTHONPATH=path)
    output, _ = process.communicate(timeout=30)
    assert process.returncode == 2
    (line,) = output.strip().splitlines()
    assert line.startswith("cannot start: source 'mine' of mine-package")
    assert line.endswith('ZeroDivisionError: division by zero')
