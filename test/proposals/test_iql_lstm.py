# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Roll-outs of a policy file: checked, on the map, and marked where the problem is unfamiliar."""

import numpy as np
import pytest

from warmstart_planner.learned.cards.card_format import Range
from warmstart_planner.learned.observation.observer import OBSERVATION_FIELDS, OBSERVATION_SIZE
from warmstart_planner.learned.policy import load_policy
from warmstart_planner.obstacles import box
from warmstart_planner.problem import Horizon
from warmstart_planner.proposals.iql_lstm import IqlLstm
from warmstart_planner.proposals.selection import ranked_by_merit
from warmstart_planner.scp.solver import ScpSolver
from warmstart_planner.transcription import Margins, transcribe
from warmstart_planner.vehicle import SPEED, load_vehicle, roll_out

pytestmark = pytest.mark.usefixtures('observer')

CAR = load_vehicle()
RATES = [-1.0, -0.25, 0.0, 0.5]  # of the policy's members [m/s^2]
FAST = (20.0, 0.0, 0.0, 18.0, 0.0)  # the policy's faults show at this speed


@pytest.fixture
def make_source(write_policy, tmp_path):
    return lambda **policy: IqlLstm(load_policy(write_policy(tmp_path, **policy)))


def rates(proposals):
    return [proposal.trajectory.controls[0, 0] for proposal in proposals]


# --- what is proposed ---


def test_each_member_and_their_mean_are_proposals_that_say_where_they_come_from(
    make_source, make_problem
):
    source = make_source()
    proposals = source.propose(make_problem(stamp=7.5))
    assert {p.source for p in proposals} == {'iql_lstm'}
    assert {p.model_id for p in proposals} == {'steady'}
    assert {p.trajectory.stamp for p in proposals} == {7.5}
    np.testing.assert_allclose(rates(proposals), [*RATES, np.mean(RATES)], atol=1e-6)
    assert np.isnan([p.predicted_return for p in proposals]).all()
    assert all(p.inference_time == source.last.inference_time > 0.0 for p in proposals)
    assert (source.last.proposals, source.last.dropped) == (proposals, 0)


@pytest.mark.parametrize('pose', [(20, 0, 0), (-310.5, 4000.25, 2.5), (20, 0, -9 * np.pi)])
def test_wherever_the_car_is_its_ways_begin_there_and_are_what_it_would_do(
    make_source, make_problem, move_problem, pose
):
    problem = move_problem(make_problem((20, 0.3, 0.1, 8, 0.05)), *pose)
    proposals = make_source().propose(problem)
    assert len(proposals) == 5
    for proposal in proposals:
        trajectory = proposal.trajectory
        np.testing.assert_array_equal(trajectory.states[0], problem.initial_state)
        states, applied = roll_out(problem.initial_state, trajectory.controls, 0.1, CAR)
        np.testing.assert_allclose(trajectory.states, states, atol=1e-6)
        np.testing.assert_allclose(trajectory.controls, applied, atol=1e-9)


def test_each_problem_is_a_beginning(make_source, make_problem):
    source = make_source()
    first, second = (source.propose(make_problem()) for _ in range(2))
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a.trajectory.controls, b.trajectory.controls)


@pytest.mark.parametrize('steps', [1, 30, 80])
def test_any_number_of_steps_is_rolled_out(make_source, make_problem, steps):
    proposals = make_source().propose(make_problem(horizon=Horizon(0.1, steps)))
    assert {p.trajectory.states.shape for p in proposals} == {(steps + 1, 5)}


def test_a_problem_that_is_transcribed_already_is_not_transcribed_again(
    make_source, make_problem, monkeypatch
):
    source, problem = make_source(), make_problem()
    wanted = source.propose(problem)
    numbers = transcribe(problem, source.policy.card.margins)
    monkeypatch.setattr(
        'warmstart_planner.proposals.iql_lstm.transcribe',
        lambda *_: pytest.fail('transcribed again'),
    )
    for a, b in zip(source.propose_for(problem, numbers), wanted, strict=True):
        np.testing.assert_array_equal(a.trajectory.states, b.trajectory.states)


def test_the_planner_s_selection_takes_them_as_any_others(make_source, make_problem, scp_folder):
    solver = ScpSolver(CAR, Horizon())
    problem = make_problem(obstacles=(box('parked', np.array([60.0, 0, 0]), 4.5, 1.8),))
    judged = ranked_by_merit(solver, solver.bind(problem), make_source().propose(problem))
    assert len(judged) == 5
    # the one that brakes is least deep in the parked car
    assert rates([judged[0].proposal]) == pytest.approx([-1.0], abs=1e-6)


# --- faults of a policy ---


@pytest.mark.parametrize('error', [np.nan, np.inf, -np.inf, 30.0, -30.0])
@pytest.mark.parametrize('control', [0, 1])
def test_a_member_that_is_not_sound_is_dropped_and_counted(
    make_source, make_problem, error, control
):
    errors = np.zeros((4, 2))
    errors[1, control] = error
    source = make_source(error=errors)
    assert len(source.propose(make_problem())) == 5
    assert (source.last.dropped, source.last.uncertainty < 1.0) == (0, True)
    others = RATES[:1] + RATES[2:]
    proposals = source.propose(make_problem(FAST))
    np.testing.assert_allclose(rates(proposals), [*others, np.mean(others)], atol=1e-6)
    assert source.last.dropped == 1
    assert source.last.uncertainty > 1.0


def test_one_that_is_left_has_no_mean(make_source, make_problem):
    errors = np.full((4, 2), np.nan)
    errors[3] = 0.0
    source = make_source(error=errors)
    np.testing.assert_allclose(rates(source.propose(make_problem(FAST))), [0.5], atol=1e-6)
    assert source.last.dropped == 3


def test_with_nothing_left_nothing_is_proposed(make_source, make_problem):
    source = make_source(error=np.full((4, 2), np.nan))
    assert source.propose(make_problem(FAST)) == ()
    assert source.last.dropped == 4
    assert source.last.uncertainty > 1.0


def test_problems_for_another_car_or_step_are_refused(make_source, make_problem):
    source = make_source()
    with pytest.raises(ValueError, match="problem.vehicle is 'commonroad_3-.*': model 'steady'"):
        source.propose(make_problem(vehicle=load_vehicle('commonroad_3')))
    with pytest.raises(ValueError, match="problem.horizon.dt is 0.2: policy 'steady' is for 0.1"):
        source.propose(make_problem(horizon=Horizon(0.2, 30)))


def test_the_card_s_margins_are_what_the_policy_sees(write_policy, make_problem, tmp_path):
    """A wider margin narrows the road that is seen: outside the range that is known."""
    left = OBSERVATION_FIELDS.index('road_0_left')
    low = np.full(OBSERVATION_SIZE, -1e3)
    high = np.full(OBSERVATION_SIZE, 1e3)
    low[left], high[left] = 3.0, 4.0
    known = Range(low, high)
    for margin, familiar in ((0.1, True), (1.5, False)):
        folder = write_policy(tmp_path, training_range=known, margins=Margins(road=margin))
        source = IqlLstm(load_policy(folder))
        source.propose(make_problem())
        assert (source.last.uncertainty < 1.0) == familiar


# --- unfamiliar problems ---


def test_a_disagreement_above_the_threshold_marks_the_problem(make_source, make_problem):
    found = {}
    for threshold in (20.0, 2.0):
        source = make_source(disagreement_threshold=threshold)
        proposals = source.propose(make_problem())
        assert {p.uncertainty for p in proposals} == {source.last.uncertainty}
        found[threshold] = source.last.uncertainty
    assert found[20.0] < 1.0 < found[2.0]
    assert found[2.0] == pytest.approx(10.0 * found[20.0])


@pytest.mark.parametrize(('low', 'high', 'familiar'), [(0, 20, 1), (10, 20, 0), (0, 6, 0)])
def test_a_start_outside_the_training_range_marks_the_problem(
    make_source, make_problem, low, high, familiar
):
    lower, upper = np.full(OBSERVATION_SIZE, -1e3), np.full(OBSERVATION_SIZE, 1e3)
    at = OBSERVATION_FIELDS.index('speed')
    lower[at], upper[at] = low, high
    source = make_source(training_range=Range(lower, upper))
    source.propose(make_problem((20.0, 0.0, 0.0, 8.0, 0.0)))
    assert (source.last.uncertainty < 1.0) == familiar


def test_a_roll_out_never_leaves_the_car_s_limits(make_source, make_problem):
    for proposal in make_source().propose(make_problem((20, 0, 0, 0.5, 0))):
        trajectory = proposal.trajectory
        assert (trajectory.states[:, SPEED] >= -1e-9).all()
        assert (trajectory.controls >= CAR.control_lower).all()
        assert (trajectory.controls <= CAR.control_upper).all()
