# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Sources by name: what is asked for is made, or refused with what there is."""

import pytest

from warmstart_planner.learned.card_format import CardError
from warmstart_planner.problem import Horizon
from warmstart_planner.proposals.by_name import NAMES, default_sources, load_sources, names_in
from warmstart_planner.vehicle import load_vehicle

CAR = load_vehicle()


@pytest.mark.parametrize('name', [name for name in NAMES if name != 'iql_lstm'])
def test_each_source_answers_to_its_name(planner_solvers, name, make_problem):
    (source,) = load_sources([name], CAR, Horizon())
    assert source.name == name
    assert {proposal.source for proposal in source.propose(make_problem())} == {name}


def test_names_are_separated_by_commas():
    assert names_in('guided, zero_control') == ('guided', 'zero_control')
    assert names_in('') == names_in(' , ') == ()


def test_an_unknown_name_is_refused_with_those_that_there_are():
    with pytest.raises(ValueError, match="sources has 'magic': expected some of decision_tr"):
        names_in('guided,magic')


def test_a_folder_without_the_model_is_refused(tmp_path):
    with pytest.raises(CardError, match=str(tmp_path)):
        load_sources(['decision_transformer'], CAR, Horizon(), tmp_path)


def test_by_default_the_learned_source_answers_where_it_knows_car_and_horizon():
    assert [source.name for source in default_sources(CAR, Horizon())] == ['decision_transformer']
    assert default_sources(load_vehicle('commonroad_3'), Horizon()) == ()
    assert default_sources(CAR, Horizon(0.1, 40)) == ()
