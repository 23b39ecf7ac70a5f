# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Candidates of a model file: checked, on the map, and marked where the problem is unfamiliar."""

from dataclasses import replace

import numpy as np
import pytest

from warmstart_planner.learned.cards.card_format import Range
from warmstart_planner.learned.cards.model_card import CARD_FILE, Defaults, load_card
from warmstart_planner.learned.session import load_model
from warmstart_planner.obstacles import box
from warmstart_planner.problem import Horizon
from warmstart_planner.proposals.decision_transformer import CONTROL_TOLERANCE, DecisionTransformer
from warmstart_planner.proposals.selection import ranked_by_merit
from warmstart_planner.scp.solver import ScpSolver
from warmstart_planner.transcription import transcribe
from warmstart_planner.vehicle import SPEED, load_vehicle, roll_out

CAR = load_vehicle()
RATES = [0.5, 1.0, 2.0, 4.0]  # of the model's candidates [m/s^2]
FAST = (20.0, 0.0, 0.0, 18.0, 0.0)  # the model's faults show at this speed


@pytest.fixture
def make_source(write_model, tmp_path):
    def make(relative_return=None, constraint_to_go=None, **model):
        return DecisionTransformer(
            load_model(write_model(tmp_path, **model)), relative_return, constraint_to_go
        )

    return make


def without(*candidates):
    return [rate for index, rate in enumerate(RATES) if index not in candidates]


def rates(proposals):
    return [-proposal.trajectory.controls[0, 0] for proposal in proposals]


# --- what is proposed ---


def test_each_candidate_is_a_proposal_that_says_where_it_comes_from(make_source, make_problem):
    source = make_source()
    proposals = source.propose(make_problem(stamp=7.5))
    assert {p.source for p in proposals} == {'decision_transformer'}
    assert {p.model_id for p in proposals} == {'braking'}
    assert {p.trajectory.stamp for p in proposals} == {7.5}
    np.testing.assert_allclose(rates(proposals), RATES, atol=1e-5)
    np.testing.assert_allclose([p.predicted_return for p in proposals], np.negative(RATES))
    np.testing.assert_allclose(
        [p.failure_probability for p in proposals], 1.0 / (1.0 + np.exp(RATES)), rtol=1e-5
    )
    np.testing.assert_allclose([p.uncertainty for p in proposals], 0.4, rtol=1e-6)
    assert all(p.inference_time == source.last.inference_time > 0.0 for p in proposals)
    assert (source.last.proposals, source.last.dropped) == (proposals, 0)


@pytest.mark.parametrize('pose', [(20, 0, 0), (-310.5, 4000.25, 2.5), (20, 0, -9 * np.pi)])
def test_wherever_the_car_is_its_ways_begin_there_and_are_what_it_would_do(
    make_source, make_problem, move_problem, pose
):
    problem = move_problem(make_problem(), *pose)
    for proposal in make_source().propose(problem):
        trajectory = proposal.trajectory
        np.testing.assert_array_equal(trajectory.states[0], problem.initial_state)
        states, _ = roll_out(problem.initial_state, trajectory.controls, 0.1, CAR)
        np.testing.assert_allclose(trajectory.states, states, atol=1e-3)
        assert trajectory.states[-1, SPEED] < problem.initial_state[SPEED]


def test_a_problem_that_is_transcribed_already_is_not_transcribed_again(
    make_source, make_problem, monkeypatch
):
    source, problem = make_source(), make_problem()
    wanted = source.propose(problem)
    numbers = transcribe(problem, source.model.card.margins)
    monkeypatch.setattr(
        'warmstart_planner.proposals.decision_transformer.transcribe',
        lambda *_: pytest.fail('transcribed again'),
    )
    for a, b in zip(source.propose_for(problem, numbers), wanted, strict=True):
        np.testing.assert_array_equal(a.trajectory.states, b.trajectory.states)


def test_the_planner_s_selection_takes_them_as_any_others(make_source, make_problem, scp_folder):
    solver = ScpSolver(CAR, Horizon())
    problem = make_problem(obstacles=(box('parked', np.array([60.0, 0, 0]), 4.5, 1.8),))
    judged = ranked_by_merit(solver, solver.bind(problem), make_source().propose(problem))
    assert len(judged) == 4
    # at 8 m/s it takes 32 m and 16 m to stop; braking at 0.5 m/s^2 ends in the parked car
    assert {-round(c.proposal.predicted_return, 3) for c in judged[:2]} == {1.0, 2.0}


# --- the knobs ---


def test_without_a_wish_the_card_s_defaults_are_asked_for(make_source, make_problem):
    source = make_source(defaults=Defaults(float(np.log(2.0)), 0.5))
    assert source.asked == Defaults(float(np.log(2.0)), 0.5)
    np.testing.assert_allclose(
        rates(source.propose(make_problem())), np.array(RATES) / 2, atol=1e-5
    )


def test_a_higher_return_asks_for_gentler_ways(make_source, make_problem):
    asked = [
        rates(make_source(relative_return=wish).propose(make_problem())) for wish in (-0.5, 0, 1)
    ]
    assert (np.diff(asked, axis=0) < 0.0).all()


@pytest.mark.parametrize(
    'wish',
    [{'relative_return': np.nan}, {'constraint_to_go': np.inf}, {'constraint_to_go': -0.1}],
)
def test_a_wish_that_is_none_is_refused_by_name(make_source, wish):
    with pytest.raises(ValueError, match=f'{next(iter(wish))} is .*: expected a number'):
        make_source(**wish)


# --- faults of a model ---


@pytest.mark.parametrize('error', [np.nan, np.inf, -np.inf, 5.0])
def test_a_way_that_is_no_number_or_starts_elsewhere_is_dropped_and_counted(
    make_source, make_problem, error
):
    source = make_source(states_error=[0, error, 0, 0])
    assert len(source.propose(make_problem())) == 4
    assert source.last.dropped == 0
    proposals = source.propose(make_problem(FAST))
    np.testing.assert_allclose(rates(proposals), without(1), atol=1e-5)
    assert source.last.dropped == 1


@pytest.mark.parametrize('wrong', [np.nan, -0.1, 1.1])
def test_what_is_no_probability_of_failure_drops_its_way(make_source, make_problem, wrong):
    source = make_source()
    run = source.model.run

    def spoilt(*inputs):
        output = run(*inputs)
        failure = output.failure_probability.copy()
        failure[1] = wrong
        return replace(output, failure_probability=failure)

    source.model.run = spoilt
    np.testing.assert_allclose(rates(source.propose(make_problem())), without(1), atol=1e-5)
    assert source.last.dropped == 1


@pytest.mark.parametrize('error', [np.nan, 8.0, -8.0])
def test_controls_that_no_car_has_drop_their_way(make_source, make_problem, error):
    source = make_source(controls_error=[0, 0, error, error])
    np.testing.assert_allclose(rates(source.propose(make_problem(FAST))), without(2, 3), atol=1e-5)
    assert source.last.dropped == 2


def test_rounding_beyond_a_limit_is_cut_off(make_source, make_problem):
    over = CONTROL_TOLERANCE / 2
    source = make_source(controls_error=[0, 0, 0, 4.0 - CAR.deceleration_max - over])
    proposals = source.propose(make_problem(FAST))
    assert source.last.dropped == 0
    assert proposals[3].trajectory.controls.min() == -CAR.deceleration_max


def test_with_nothing_left_nothing_is_proposed(make_source, make_problem):
    source = make_source(states_error=[np.nan] * 4)
    assert source.propose(make_problem(FAST)) == ()
    assert source.last.dropped == 4


def test_problems_for_another_car_or_horizon_are_refused(make_source, make_problem):
    source = make_source()
    with pytest.raises(ValueError, match="problem.vehicle is 'commonroad_3-.*': model 'braking'"):
        source.propose(make_problem(vehicle=load_vehicle('commonroad_3')))
    with pytest.raises(ValueError, match='problem.horizon is .*steps=40'):
        source.propose(make_problem(horizon=Horizon(0.1, 40)))


# --- unfamiliar problems ---


def test_a_score_above_the_threshold_marks_the_problem(make_source, make_problem):
    source = make_source(unfamiliarity_threshold=1.0)
    source.propose(make_problem((20, 0, 0, 9.0, 0)))
    assert source.last.uncertainty == pytest.approx(0.9)
    (first, *_) = source.propose(make_problem((20, 0, 0, 12.0, 0)))
    assert first.uncertainty == source.last.uncertainty == pytest.approx(1.2)


def outside(part, index, low, high, known):
    """Return the training range with one value's bounds replaced."""
    bounds = getattr(known, part)
    lower, upper = np.array(bounds.low), np.array(bounds.high)
    lower[index], upper[index] = low, high
    return replace(known, **{part: Range(lower, upper)})


@pytest.mark.parametrize(
    ('part', 'index'), [('state', 3), ('road', 0), ('road', 170), ('obstacles', 4)]
)
def test_a_value_outside_the_training_range_marks_the_problem(
    write_model, make_problem, tmp_path, part, index
):
    """The values are a speed of 8 m/s, the grip, a speed's slope and half a length of 2.25 m."""
    known = load_card(write_model(tmp_path) / CARD_FILE).training_range
    problem = make_problem(obstacles=(box('parked', np.array([60.0, 2.0, 0]), 4.5, 1.8),))
    found = []
    for low, high in ((-20.0, 20.0), (20.0, 40.0), (-40.0, -20.0)):
        known_here = outside(part, index, low, high, known)
        source = DecisionTransformer(load_model(write_model(tmp_path, training_range=known_here)))
        source.propose(problem)
        found.append(source.last.uncertainty)
    assert found[0] == pytest.approx(0.4)
    assert found[1] > 1.0
    assert found[2] > 1.0


@pytest.mark.parametrize(('greatest', 'familiar'), [(7.5, True), (6.0, False)])
def test_just_outside_the_training_range_is_still_familiar(
    write_model, make_problem, tmp_path, greatest, familiar
):
    known = load_card(write_model(tmp_path) / CARD_FILE).training_range
    known = outside('state', SPEED, 0.0, greatest, known)
    source = DecisionTransformer(load_model(write_model(tmp_path, training_range=known)))
    source.propose(make_problem())
    assert (source.last.uncertainty <= 1.0) == familiar


def test_places_without_an_obstacle_are_in_no_range(write_model, make_problem, tmp_path):
    known = load_card(write_model(tmp_path) / CARD_FILE).training_range
    known = outside('obstacles', 4, 1.0, 3.0, known)
    source = DecisionTransformer(load_model(write_model(tmp_path, training_range=known)))
    source.propose(make_problem())
    assert source.last.uncertainty < 1.0


def test_a_score_far_above_the_threshold_stays_what_it_is(write_model, make_problem, tmp_path):
    known = load_card(write_model(tmp_path) / CARD_FILE).training_range
    folder = write_model(
        tmp_path,
        training_range=outside('state', SPEED, 0.0, 1.0, known),
        unfamiliarity_threshold=0.1,
    )
    source = DecisionTransformer(load_model(folder))
    source.propose(make_problem())
    assert source.last.uncertainty == pytest.approx(8.0)
