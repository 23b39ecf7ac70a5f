# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Sources by name: what is asked for is made, or refused with what there is."""

import pytest

from warmstart_planner.files.vehicle_file import vehicle_folder
from warmstart_planner.learned.cards.card_format import CardError
from warmstart_planner.problem import Horizon
from warmstart_planner.proposals.registry import (
    BUILT_IN,
    default_sources,
    find,
    load_source,
    load_sources,
    names_in,
    source_names,
)
from warmstart_planner.proposals.spec import PLANNERS_OWN, LoadOptions, SourceSpec
from warmstart_planner.vehicle import load_vehicle

CAR = load_vehicle()


@pytest.mark.parametrize('name', [name for name in source_names() if name != 'iql_lstm'])
def test_each_source_answers_to_its_name(planner_solvers, name, make_problem):
    (source,) = load_sources([name], LoadOptions(CAR, Horizon()))
    assert source.name == name
    assert {proposal.source for proposal in source.propose(make_problem())} == {name}


def test_names_are_separated_by_commas():
    assert names_in('straight_line, zero_control') == ('straight_line', 'zero_control')
    assert names_in('') == names_in(' , ') == ()


def test_an_unknown_name_is_refused_with_those_that_there_are():
    with pytest.raises(ValueError, match="sources has 'magic': expected some of decision_tr"):
        names_in('straight_line,magic')


def test_a_folder_without_the_model_is_refused(tmp_path):
    with pytest.raises(CardError, match=str(tmp_path)):
        load_source('decision_transformer', LoadOptions(CAR, Horizon(), models=tmp_path))


def test_by_default_the_learned_source_answers_where_it_knows_car_and_horizon():
    assert [source.name for source in default_sources(CAR, Horizon())] == ['decision_transformer']
    assert default_sources(load_vehicle('commonroad_3'), Horizon()) == ()
    assert default_sources(CAR, Horizon(0.1, 40)) == ()


def test_each_of_our_sources_is_declared_once_and_says_what_its_proposals_are_made_from():
    origins = {spec.name: str(spec.origin) for spec in BUILT_IN}
    assert len(origins) == len(BUILT_IN)
    assert origins == {
        'decision_transformer': 'learned',
        'iql_lstm': 'learned',
        'zero_control': 'cold',
        'straight_line': 'cold',
        'multi_start': 'cold',
        'guided': 'guided',
        'shifted': 'memory',
    }


def test_what_the_planner_asks_itself_is_loaded_for_it_but_not_asked_beside_it(planner_solvers):
    own = [spec.name for spec in BUILT_IN if spec.origin in PLANNERS_OWN]
    assert not set(own) & set(source_names())
    for name in own:
        assert load_source(name, LoadOptions()).name == name
        with pytest.raises(ValueError, match=f"sources has '{name}', which the planner asks itse"):
            names_in(f'straight_line,{name}')


def test_learned_sources_tell_before_they_are_loaded_what_they_fit(write_policy, tmp_path):
    other = load_vehicle('commonroad_3')
    fits = find('decision_transformer').fits
    assert fits(LoadOptions()) and fits(LoadOptions(CAR, Horizon()))
    assert not fits(LoadOptions(other)) and not fits(LoadOptions(CAR, Horizon(0.1, 40)))
    fits, folder = find('iql_lstm').fits, write_policy(tmp_path)
    for horizon in (None, Horizon(), Horizon(0.1, 40)):  # a policy goes on as long as it is asked
        assert fits(LoadOptions(CAR, horizon, models=folder))
    assert not fits(LoadOptions(other, models=folder))
    assert not fits(LoadOptions(CAR, Horizon(0.2, 30), models=folder))


def test_a_wish_comes_on_top_of_the_card_s(write_model, tmp_path):
    folder = write_model(tmp_path)
    usual, more = (
        load_source('decision_transformer', LoadOptions(models=folder, relative_return=wish))
        for wish in (0.0, 0.5)
    )
    assert more.asked.relative_return == usual.asked.relative_return + 0.5
    assert more.model is usual.model


@pytest.mark.parametrize(
    ('wrong', 'reported'),
    [
        ({'name': 'two words'}, "source.name is 'two words': expected small letters"),
        ({'name': ''}, "source.name is ''"),
        ({'name': 7}, 'source.name is 7'),
        ({'origin': 'cold'}, "source.origin is 'cold': expected an Origin"),
        ({'load': None}, 'source.load is None: expected a function'),
    ],
)
def test_a_declaration_that_is_none_is_refused(wrong, reported):
    with pytest.raises(ValueError, match=reported):
        SourceSpec(**{'name': 'mine', 'load': LoadOptions, **wrong})


def test_a_car_that_the_model_does_not_know_is_told_once(tmp_path, caplog):
    own = tmp_path / 'mine.yaml'
    text = (vehicle_folder() / 'commonroad_2.yaml').read_text()
    own.write_text(text.replace('max_speed: 50.8', 'max_speed: 20.8'))
    for _ in range(3):
        assert default_sources(load_vehicle(str(own)), Horizon()) == ()
    (line,) = [record.getMessage() for record in caplog.records]
    assert 'driving without the model of decision_transformer' in line
    assert 'mine-' in line


def test_a_copy_of_the_models_car_is_the_models_car(tmp_path):
    own = tmp_path / 'mine.yaml'
    own.write_text((vehicle_folder() / 'commonroad_2.yaml').read_text())
    assert len(default_sources(load_vehicle(str(own)), Horizon())) == 1
