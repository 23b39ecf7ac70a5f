# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""A source of another package that is at fault is named, with its package and what is wrong."""

import pickle

import pytest

from warmstart_planner.generation.generated import SolverMissingError
from warmstart_planner.learned.cards.card_format import NoModelError
from warmstart_planner.planning import Planner
from warmstart_planner.problem import Horizon
from warmstart_planner.proposals.registry import find, load_source, names_in, source_names
from warmstart_planner.proposals.source import ModelSource
from warmstart_planner.proposals.spec import LoadOptions, Origin, SourceError
from warmstart_planner.vehicle import load_vehicle

CAR = load_vehicle()
NAMED = "source 'mine' of mine-package"
IMPORTS = """
from dataclasses import replace
from warmstart_planner.generation.generated import SolverMissingError
from warmstart_planner.learned.cards.card_format import NoModelError
from warmstart_planner.problem import Trajectory
from warmstart_planner.proposals.source import Answer, ModelInfo
from warmstart_planner.proposals.spec import Origin, SourceSpec
from warmstart_planner.proposals.straight_line import StraightLine
"""
MINE = f"""{IMPORTS}
class Mine(StraightLine):
    name = 'mine'

    def propose(self, problem, previous=None):
        (proposal,) = super().propose(problem)
        return (replace(proposal, source='mine'),)

def load(options):
    return Mine()
"""
GOOD = MINE + "SPEC = SourceSpec('mine', load)\n"


def proposing(expression):
    """Return a package whose source proposes something, made from a good proposal `p`."""
    return f"""{MINE}
class Faulty(Mine):
    def propose(self, problem, previous=None):
        (p,) = super().propose(problem)
        way = p.trajectory
        return {expression}

SPEC = SourceSpec('mine', lambda options: Faulty())
"""


def test_a_good_one_is_asked_as_ours_are(install_source, make_problem):
    install_source(GOOD)
    assert source_names()[-1] == 'mine'
    assert names_in('mine') == ('mine',)
    (proposal,) = load_source('mine', LoadOptions(CAR, Horizon())).propose(make_problem())
    assert proposal.source == 'mine'


def test_nothing_is_imported_of_a_source_that_is_not_asked_for(install_source):
    install_source('raise SystemExit(9)')
    assert 'mine' in source_names()
    assert names_in('straight_line') == ('straight_line',)


@pytest.mark.parametrize(
    ('code', 'reported'),
    [
        ('import nowhere_to_be_found', 'cannot be imported: ModuleNotFoundError: No module named'),
        ('def', 'cannot be imported: SyntaxError'),
        ('1 / 0', 'cannot be imported: ZeroDivisionError'),
        ('', 'cannot be imported: AttributeError'),
        ('SPEC = 7', 'is 7: expected a SourceSpec'),
        (f'{MINE}SPEC = Mine', 'Mine.*expected a SourceSpec'),
        (f"{MINE}SPEC = SourceSpec('yours', load)", "its name is 'yours': expected 'mine'"),
        (f"{MINE}SPEC = SourceSpec('my own', load)", "ValueError: source.name is 'my own'"),
        (
            f"{MINE}SPEC = SourceSpec('mine', load, Origin.GUIDED)",
            'its origin is guided: expected one of cold, learned, outside',
        ),
    ],
)
def test_a_declaration_that_is_at_fault_is_refused_by_name(install_source, code, reported):
    install_source(code)
    with pytest.raises(SourceError, match=f'{NAMED}.*{reported}'):
        names_in('straight_line,mine')


@pytest.mark.parametrize(
    ('load', 'reported'),
    [
        ('lambda options: 1 / 0', 'cannot be loaded: ZeroDivisionError'),
        ('lambda: Mine()', 'cannot be loaded: TypeError'),
        ('lambda options: None', 'load returned None: expected a source'),
        ('lambda options: StraightLine()', "expected a source, with the name 'mine'"),
        ("load, diagnostics='model'", 'expected a ModelSource'),
    ],
)
def test_what_cannot_be_loaded_is_refused_by_name(install_source, load, reported):
    install_source(f"{MINE}SPEC = SourceSpec('mine', {load})")
    with pytest.raises(SourceError, match=f'{NAMED}.*{reported}'):
        load_source('mine', LoadOptions())


@pytest.mark.parametrize('error', [NoModelError, SolverMissingError])
def test_what_is_missing_is_told_as_of_our_own_sources(install_source, error):
    code = f"def load(options):\n    raise {error.__name__}('this.json')\n"
    install_source(f"{IMPORTS}{code}SPEC = SourceSpec('mine', load)")
    with pytest.raises(error, match='this.json'):
        load_source('mine', LoadOptions())


FAULTS = [
    ('1 / 0', 'ZeroDivisionError'),
    ('None', 'TypeError'),
    ('[way]', 'it proposed Trajectory.*expected a Proposal'),
    ("[replace(p, source='yours')]", "proposal.source is 'yours': expected 'mine'"),
    ('[replace(p, trajectory=None)]', 'proposal.trajectory is None: expected a Trajectory'),
    (
        '[replace(p, trajectory=Trajectory(0.0, 0.1, way.states[:9], way.controls[:8]))]',
        "proposal.trajectory.controls is 8: expected the problem's 60",
    ),
    (
        '[replace(p, trajectory=replace(way, dt=0.2))]',
        "proposal.trajectory.dt is 0.2: expected the problem's 0.1",
    ),
    (
        '[p, replace(p, trajectory=replace(way, stamp=1.5))]',
        "proposal.trajectory.stamp is 1.5: expected the problem's 0.0",
    ),
    ('[replace(p, trajectory=replace(way, states=way.states[:, :4]))]', 'trajectory.states'),
    ('[replace(p, uncertainty=None)]', 'proposal.uncertainty is None: expected a number'),
    ('[replace(p, model_id=3)]', 'proposal.model_id is 3: expected a text'),
]


@pytest.mark.parametrize(('expression', 'reported'), FAULTS)
def test_an_answer_that_is_at_fault_is_refused_by_name(
    install_source, make_problem, expression, reported
):
    install_source(proposing(expression))
    with pytest.raises(SourceError, match=f'(?s){NAMED} failed: .*{reported}'):
        load_source('mine', LoadOptions()).propose(make_problem())


def test_a_planner_says_which_of_its_sources_failed(planner_solvers, install_source, make_problem):
    install_source(proposing("{}['key']"))
    planner = Planner(CAR, sources=[load_source('mine', LoadOptions())])
    with pytest.raises(SourceError, match=f"{NAMED} failed: KeyError: 'key'"):
        planner.plan(make_problem(), deadline=1.0)


@pytest.mark.parametrize('names', [('mine', 'mine'), ('straight_line',)])
def test_a_name_that_several_declare_is_refused_with_who_does(install_source, names):
    for number, name in enumerate(names):
        install_source(GOOD, name, f'package-{number}')
    with pytest.raises(SourceError, match=f"source '{names[0]}' is declared by .* and package-"):
        names_in(names[0])
    assert names_in('zero_control') == ('zero_control',)


MODEL = f"""{MINE}
class Learned(Mine):
    info = ModelInfo('mine-7', {{'boldness': 0.5}})
    last = None

    def propose(self, problem, previous=None):
        proposals = super().propose(problem)
        self.last = LAST
        return proposals

SPEC = SourceSpec('mine', lambda options: Learned(), Origin.LEARNED, diagnostics='my model')
"""


def test_a_learned_one_tells_of_its_model_and_its_answers(install_source, make_problem):
    install_source(MODEL.replace('LAST', 'Answer(proposals, 2, 1.5, 0.01)'))
    spec = find('mine')
    assert (spec.origin, spec.diagnostics) == (Origin.LEARNED, 'my model')
    source = spec.load(LoadOptions())
    assert isinstance(source, ModelSource)
    assert (source.info.model_id, source.last) == ('mine-7', None)
    proposals = source.propose(make_problem())
    assert (source.last.proposals, source.last.dropped) == (proposals, 2)


def test_a_learned_one_that_tells_nothing_of_its_answer_is_refused(install_source, make_problem):
    install_source(MODEL.replace('LAST', '3.0'))
    with pytest.raises(SourceError, match=f'{NAMED} failed: last is 3.0: expected an Answer'):
        load_source('mine', LoadOptions()).propose(make_problem())


def test_errors_come_whole_from_other_processes():
    for error in (NoModelError('/models/card.json'), SourceError('source of mine')):
        again = pickle.loads(pickle.dumps(error))
        assert (type(again), str(again)) == (type(error), str(error))
