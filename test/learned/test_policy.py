# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Policies are opened only if all agrees, and rolled out only as far as a car could go."""

import json
from dataclasses import replace

import numpy as np
import pytest

from warmstart_planner.learned.cards.card_format import CardError, Golden, model_sha256, write_card
from warmstart_planner.learned.cards.policy_card import CARD_FILE, ONNX_FILE, load_policy_card
from warmstart_planner.learned.observation.observer import OBSERVATION_SIZE, moving
from warmstart_planner.learned.policy import (
    Memory,
    PolicyError,
    PolicyRequirements,
    attempt,
    disagreement,
    load_policy,
    roll_out,
)
from warmstart_planner.learned.session import GOLDEN_TOLERANCE
from warmstart_planner.obstacles import box
from warmstart_planner.transcription import Margins, transcribe
from warmstart_planner.vehicle import SPEED, load_vehicle
from warmstart_planner.vehicle import roll_out as drive

CAR = load_vehicle()
DT, STEPS = 0.1, 60
RATES, GROWTH = np.array([-1.0, -0.25, 0.0, 0.5]), 0.02  # of the policy's members [m/s^2]


@pytest.fixture
def folder(write_policy, tmp_path):
    return write_policy(tmp_path)


@pytest.fixture
def place(make_problem):
    """Return what `roll_out` needs besides policy and observer, at a speed."""

    def at(speed=8.0):
        parked = box('parked', np.array([60.0, 0, 0]), 4.5, 1.8)
        numbers = transcribe(make_problem((20, 0, 0, speed, 0), obstacles=(parked,)), Margins())
        return {
            'initial_state': numbers.initial_state,
            'road': numbers.road,
            'obstacles': moving(numbers.obstacles, DT),
            'steps': STEPS,
            'dt': DT,
        }

    return at


def change_card(folder, **changes):
    path = folder / CARD_FILE
    write_card(path, replace(load_policy_card(path), **changes))


def replace_model(folder, content):
    """Put other bytes in the policy's place, with a card that expects them."""
    (folder / ONNX_FILE).write_bytes(content)
    change_card(folder, sha256=model_sha256(content))


# --- inference ---


def test_each_member_acts_and_remembers(folder):
    policy = load_policy(folder)
    memory = policy.start()
    assert memory.hidden.shape == memory.cell.shape == (4, policy.card.hidden_size)
    seen = np.zeros((4, OBSERVATION_SIZE), np.float32)
    for step in range(5):
        actions, memory = policy.act(seen, memory)
        assert actions.dtype == memory.hidden.dtype == memory.cell.dtype == np.float32
        np.testing.assert_allclose(actions[:, 0], RATES + GROWTH * step, atol=1e-6)
        np.testing.assert_array_equal(memory.hidden, step + 1)
        np.testing.assert_array_equal(memory.cell, -step - 1)


def test_what_the_graph_cannot_take_is_a_policy_error(folder):
    policy = load_policy(folder)
    with pytest.raises(PolicyError, match="policy 'steady': .*observation"):
        policy.act(np.zeros((4, 3), np.float32), policy.start())


# --- rolling out ---


def test_a_roll_out_is_what_the_car_does_with_the_members_actions(folder, observer, place):
    answer = roll_out(load_policy(folder), observer, **place())
    asked = np.zeros((4, STEPS, 2))
    asked[..., 0] = RATES[:, None] + GROWTH * np.arange(STEPS)
    states, applied = drive(place()['initial_state'], asked, DT, CAR)
    np.testing.assert_allclose(answer.controls, applied, atol=1e-5)
    np.testing.assert_allclose(answer.states, states, atol=1e-3)
    assert answer.sound.all()
    np.testing.assert_array_equal(answer.memory.hidden, 1.0)


def test_acting_step_by_step_is_acting(folder):
    policy = load_policy(folder)
    seen = np.zeros((4, OBSERVATION_SIZE), np.float32)
    memory = policy.act(seen, policy.start())[1]
    for _ in range(2):  # the second time on the same buffers
        with policy.inference(memory) as inference:
            for speed in (3.0, 20.0, 5.0):
                seen[:, 0] = inference.observations[:, 0] = speed
                wanted, memory = policy.act(seen, memory)
                np.testing.assert_array_equal(inference.step(), wanted)
                np.testing.assert_array_equal(inference.memory.hidden, memory.hidden)
                np.testing.assert_array_equal(inference.memory.cell, memory.cell)


def test_members_that_are_lent_are_nobody_else_s(folder):
    policy = load_policy(folder)
    with policy.inference() as one, policy.inference() as other:
        assert one is not other
        other.observations[:] = 1.0
        one.step()
        np.testing.assert_array_equal(other.memory.hidden, 0.0)
    with pytest.raises(ZeroDivisionError), policy.inference() as again:
        assert again in (one, other)
        raise ZeroDivisionError
    with policy.inference() as after:
        assert after is again
        np.testing.assert_array_equal(after.memory.hidden, 0.0)


def test_at_each_step_the_members_see_where_they_are_then(write_policy, tmp_path, observer, place):
    """The fault shows them: it begins at the step at which a member is first that fast."""
    errors = np.full((4, 2), [0.0, 0.1])
    policy = load_policy(write_policy(tmp_path, error=errors, fault_speed=9.0))
    answer = roll_out(policy, observer, **place())
    fast = answer.states[:, :-1, SPEED] > 9.0
    assert fast.any() and not fast.all()
    np.testing.assert_allclose(answer.controls[..., 1], np.where(fast, 0.1, 0.0), atol=1e-6)


def test_a_memory_is_gone_on_from(folder, observer, place):
    policy = load_policy(folder)
    first = roll_out(policy, observer, **place())
    second = roll_out(policy, observer, **place(), memory=first.memory)
    np.testing.assert_allclose(
        second.controls[:, 0, 0], first.controls[:, 0, 0] + GROWTH, atol=1e-6
    )
    np.testing.assert_array_equal(second.memory.hidden, 2.0)


def test_obstacles_may_be_known_for_longer_than_the_roll_out(folder, observer, place):
    policy = load_policy(folder)
    whole = roll_out(policy, observer, **place())
    short = roll_out(policy, observer, **place() | {'steps': 30})
    np.testing.assert_array_equal(short.states, whole.states[:, :31])
    np.testing.assert_array_equal(short.controls, whole.controls[:, :30])


def test_members_disagree_by_how_far_they_are_apart():
    states = np.zeros((4, 11, 5))
    states[:, :, 1] = np.array([[-1.0], [1.0], [-1.0], [1.0]])
    states[:, :, 2:] = np.random.default_rng(0).normal(size=(4, 11, 3))
    assert disagreement(states) == pytest.approx(1.0)
    assert disagreement(3.0 * states) == pytest.approx(3.0)
    assert disagreement(states[:1]) == disagreement(states[:0]) == 0.0


# --- faults ---


@pytest.mark.parametrize('error', [np.nan, np.inf, -np.inf, 30.0, -30.0])
@pytest.mark.parametrize('control', [0, 1])
def test_what_no_car_could_do_is_an_error(write_policy, tmp_path, observer, place, error, control):
    errors = np.zeros((4, 2))
    errors[2, control] = error
    policy = load_policy(write_policy(tmp_path, error=errors))
    roll_out(policy, observer, **place())
    with pytest.raises(PolicyError, match=r"policy 'steady': members \[2\] answered controls"):
        roll_out(policy, observer, **place(18.0))
    answer = attempt(policy, observer, **place(18.0))
    assert answer.sound.tolist() == [True, True, False, True]
    assert np.isfinite(answer.states[answer.sound]).all()
    assert np.isfinite(answer.disagreement)


def test_a_fault_late_in_the_roll_out_is_found(write_policy, tmp_path, observer, place):
    policy = load_policy(write_policy(tmp_path, error=np.full((4, 2), np.nan), fault_speed=11.0))
    sound = attempt(policy, observer, **place()).sound
    assert sound.tolist() == [True, True, False, False]


def test_with_no_sound_member_nobody_disagrees(write_policy, tmp_path, observer, place):
    policy = load_policy(write_policy(tmp_path, error=np.full((4, 2), np.nan)))
    answer = attempt(policy, observer, **place(18.0))
    assert (answer.sound.any(), answer.disagreement) == (False, 0.0)


def test_a_start_outside_the_bounds_is_rolled_out_too(folder, observer, place):
    answer = roll_out(load_policy(folder), observer, **place(CAR.speed_max + 2.0) | {'steps': 5})
    speeds = answer.states[..., SPEED]
    assert (np.diff(speeds) <= 0.0).all()
    np.testing.assert_allclose(speeds[2:, -1], CAR.speed_max)


@pytest.mark.parametrize(
    ('name', 'value', 'reason'),
    [
        ('dt', 0.05, "dt is 0.05: policy 'steady' is for 0.1"),
        ('steps', 0, 'steps is 0: expected at least 1'),
        ('steps', 61, 'obstacles has 61 nodes: expected at least 62'),
        ('initial_state', np.full(5, np.nan), 'states is nan'),
        ('initial_state', np.zeros(4), 'states has shape'),
        ('road', np.zeros(3), 'road has shape'),
        ('obstacles', np.zeros((1, 61, 7)), 'obstacles has shape'),
    ],
)
def test_an_input_that_does_not_fit_is_refused_by_name(
    folder, observer, place, name, value, reason
):
    with pytest.raises(ValueError, match=reason):
        roll_out(load_policy(folder), observer, **place() | {name: value})


def test_another_car_s_observer_is_refused(write_policy, tmp_path, observer, place):
    policy = load_policy(write_policy(tmp_path, vehicle=load_vehicle('commonroad_3')))
    with pytest.raises(ValueError, match="'commonroad_2-.*': model 'steady' is for 'commonroad_3"):
        roll_out(policy, observer, **place())


def test_a_memory_of_another_policy_is_refused(folder, observer, place):
    other = Memory(np.zeros((2, 3), np.float32), np.zeros((2, 3), np.float32))
    with pytest.raises(ValueError, match=r'hidden has shape \(2, 3\): expected \(4, 3\)'):
        roll_out(load_policy(folder), observer, **place(), memory=other)


# --- opening ---


def test_a_policy_that_is_what_is_wanted_is_opened(folder):
    assert (
        load_policy(folder, PolicyRequirements(load_vehicle(), 0.1, Margins())).card.members == 4
    )


@pytest.mark.parametrize(
    'wanted',
    [
        {'vehicle': load_vehicle('commonroad_3')},
        {'dt': 0.2},
        {'margins': Margins(obstacle=0.5)},
    ],
)
def test_a_policy_for_something_else_is_refused(folder, wanted):
    name = next(iter(wanted))
    with pytest.raises(CardError, match=f'{CARD_FILE}: {name} is .*: (expected|model .* is for) '):
        load_policy(folder, PolicyRequirements(**wanted))


def test_a_folder_without_a_card_is_refused(tmp_path):
    with pytest.raises(CardError, match=f'{CARD_FILE}: expected a readable model card'):
        load_policy(tmp_path)


def test_a_card_without_its_policy_is_refused(folder):
    (folder / ONNX_FILE).unlink()
    with pytest.raises(CardError, match=f'{ONNX_FILE}: expected a readable model'):
        load_policy(folder)


def test_one_changed_byte_is_found(folder):
    content = bytearray((folder / ONNX_FILE).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / ONNX_FILE).write_bytes(content)
    with pytest.raises(CardError, match=f'{ONNX_FILE}: sha256 is .*: the card expects'):
        load_policy(folder)


@pytest.mark.parametrize('left', [0.0, 0.5, 0.99])
def test_a_truncated_policy_is_refused_even_if_its_card_expects_it(folder, left):
    content = (folder / ONNX_FILE).read_bytes()
    replace_model(folder, content[: int(left * len(content))])
    with pytest.raises(CardError, match=f'{ONNX_FILE}: expected an ONNX model'):
        load_policy(folder)


def test_an_execution_provider_that_is_not_there_is_refused(folder):
    with pytest.raises(CardError, match="'MagicProvider': expected one of .*CPUExecution"):
        load_policy(folder, provider='MagicProvider')


def test_a_card_of_another_version_is_refused(folder):
    content = json.loads((folder / CARD_FILE).read_text())
    (folder / CARD_FILE).write_text(json.dumps(content | {'observation_version': 1}))
    with pytest.raises(CardError, match=f'{CARD_FILE}: observation_version is 1: expected 2'):
        load_policy(folder)


def rename(graph):
    graph.input[1].name = 'memory'
    graph.node[1].input[0] = graph.node[6].input[0] = 'memory'


def widen(graph):
    for cell in (graph.input[2], graph.output[2]):
        cell.type.tensor_type.shape.dim[1].dim_value = 4


@pytest.mark.parametrize(
    ('edit', 'reason'),
    [
        (rename, 'the graph has inputs .*memory.*: expected .*hidden'),
        (widen, r'inputs.cell of the graph is \[4, 4\]: expected \[4, 3\]'),
    ],
)
def test_a_graph_that_is_not_as_its_card_says_is_refused(folder, edit, reason):
    import onnx

    model = onnx.load(folder / ONNX_FILE)
    edit(model.graph)
    replace_model(folder, model.SerializeToString())
    with pytest.raises(CardError, match=f'{ONNX_FILE}: {reason}'):
        load_policy(folder)


@pytest.mark.parametrize('name', ['action', 'hidden_out', 'cell_out'])
def test_a_policy_that_answers_otherwise_than_when_it_was_exported_is_refused(folder, name):
    golden = load_policy_card(folder / CARD_FILE).golden
    off = np.array(golden.outputs[name])
    off[-1, -1] += 10 * GOLDEN_TOLERANCE * max(1.0, abs(off[-1, -1]))
    change_card(folder, golden=Golden(golden.inputs, {**golden.outputs, name: off}))
    with pytest.raises(CardError, match=f'{ONNX_FILE}: {name} is off its golden value by'):
        load_policy(folder)


def test_a_policy_that_answers_its_golden_input_with_no_number_is_refused(write_policy, tmp_path):
    sound = load_policy_card(write_policy(tmp_path / 'sound') / CARD_FILE).golden
    with pytest.raises(CardError, match='action is off its golden value by inf'):
        load_policy(
            write_policy(
                tmp_path / 'bad', error=np.full((4, 2), np.nan), fault_speed=-9.0, golden=sound
            )
        )
