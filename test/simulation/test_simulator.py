# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0

from dataclasses import replace

import numpy as np
import pytest

from warmstart_planner.obstacles import Obstacle
from warmstart_planner.scenarios.scenario import TrafficParticipant
from warmstart_planner.simulation.configuration import (
    ActuatorConfiguration,
    EgoNoiseConfiguration,
    ImpulseConfiguration,
    ObstacleNoiseConfiguration,
    PlantConfiguration,
    SimulationConfiguration,
    TransportConfiguration,
    WindConfiguration,
)
from warmstart_planner.simulation.disturbances import CUT, CorrelatedNoise, Wind
from warmstart_planner.simulation.predictions import PREDICTIONS
from warmstart_planner.simulation.sensors import disturbed
from warmstart_planner.simulation.simulator import Command, Simulator

NOISY = SimulationConfiguration(
    seed=5,
    wind=WindConfiguration(speed=4.0, direction=1.5, gust=2.0),
    ego_noise=EgoNoiseConfiguration(0.1, 0.01, 0.2, 0.005, 0.3),
    obstacle_noise=ObstacleNoiseConfiguration(0.2, 0.02, 0.1, 0.5),
    transport=TransportConfiguration(0.02, 0.1, 0.1, 0.05),
)


@pytest.fixture
def leader():
    times = np.linspace(0.0, 20.0, 201)
    poses = np.column_stack([40.0 + 8.0 * times, np.full(201, 1.0), np.zeros(201)])
    return TrafficParticipant('leader', 2.2, 0.9, 0.0, times, poses, 'car')


def run(simulator, ticks=100):
    seen = []
    for k in range(ticks):
        seen.append(simulator.observe())
        simulator.apply(Command(simulator.time, 1.0 * np.sin(k), 0.02 * np.cos(k)))
        simulator.advance(0.05)
    return seen, simulator.true_state


def test_the_configuration_chooses_what_moves_the_car(make_scenario, horizon):
    def end(model):
        configuration = replace(NOISY, plant=PlantConfiguration(model=model))
        return run(Simulator(make_scenario(), configuration, horizon))[1]

    assert end('tyres')[1] > end('kinematic')[1] + 0.05  # the wind blows to the left


def test_the_same_seed_gives_the_same_world_bit_for_bit(make_scenario, horizon, leader):
    scenario = make_scenario(traffic=[leader])
    one, state = run(Simulator(scenario, NOISY, horizon))
    other, again = run(Simulator(scenario, NOISY, horizon))
    assert (state == again).all()
    for a, b in zip(one, other, strict=True):
        assert (a is None) == (b is None)
        if a is not None:
            assert a.stamp == b.stamp
            assert (a.state == b.state).all()
            assert all(
                (p.poses == q.poses).all() for p, q in zip(a.obstacles, b.obstacles, strict=True)
            )


def test_another_seed_gives_another_world(make_scenario, horizon):
    _, one = run(Simulator(make_scenario(), NOISY, horizon))
    _, other = run(Simulator(make_scenario(), replace(NOISY, seed=6), horizon))
    assert (one != other).any()


def test_one_noise_does_not_change_another(make_scenario, horizon, leader):
    scenario = make_scenario(traffic=[leader])
    calm = replace(NOISY, wind=WindConfiguration(), ego_noise=EgoNoiseConfiguration())
    with_all, _ = run(Simulator(scenario, NOISY, horizon), 1)
    without, _ = run(Simulator(scenario, calm, horizon), 1)
    assert (with_all[0].obstacles[0].poses == without[0].obstacles[0].poses).all()


def test_without_noise_the_observation_is_the_truth(make_scenario, horizon, leader):
    simulator = Simulator(make_scenario(traffic=[leader]), SimulationConfiguration(), horizon)
    simulator.advance(1.0)
    seen = simulator.observe()
    assert seen.stamp == simulator.time == 1.0
    assert (seen.state == simulator.true_state).all()
    (obstacle,) = seen.obstacles
    assert obstacle.poses == pytest.approx(leader.obstacle_at(1.0, horizon).poses)


def test_a_command_acts_after_the_actuator_delay(make_scenario, horizon):
    delays = []
    for delay in (0.0, 0.1):
        actuators = ActuatorConfiguration(steering_lag=0.01, delay=delay)
        configuration = SimulationConfiguration(actuators=actuators)
        simulator = Simulator(make_scenario(), configuration, horizon)
        simulator.apply(Command(0.0, 0.0, 0.1))
        while simulator.true_state[4] <= 0.0:
            simulator.advance(0.005)
        delays.append(simulator.time)
    assert delays == pytest.approx([0.005, 0.105])


def test_without_a_command_the_car_keeps_speed_and_steering(make_scenario, horizon):
    simulator = Simulator(make_scenario(), SimulationConfiguration(), horizon)
    simulator.advance(2.0)
    assert simulator.true_state == pytest.approx([30.0, 0.0, 0.0, 10.0, 0.0], abs=1e-6)


def test_time_does_not_depend_on_how_it_is_divided(make_scenario, horizon):
    whole = Simulator(make_scenario(), NOISY, horizon)
    parts = Simulator(make_scenario(), NOISY, horizon)
    whole.advance(1.0)
    for _ in range(300):
        parts.advance(1.0 / 300)
    assert parts.time == whole.time
    assert (parts.true_state == whole.true_state).all()


def test_an_impulse_strikes_at_its_time(make_scenario, horizon):
    impulse = ImpulseConfiguration(time=1.0, lateral_speed=1.0)
    simulator = Simulator(make_scenario(), SimulationConfiguration(impulses=(impulse,)), horizon)
    simulator.advance(1.0)
    assert simulator.true_state[1] == 0.0
    simulator.advance(0.1)
    assert simulator.true_state[1] > 0.01


def test_all_observations_can_be_lost_or_late(make_scenario, horizon):
    lost = SimulationConfiguration(transport=TransportConfiguration(loss_probability=1.0))
    assert Simulator(make_scenario(), lost, horizon).observe() is None
    late = SimulationConfiguration(
        transport=TransportConfiguration(delay=0.02, late_probability=1.0, late_delay=0.1)
    )
    simulator = Simulator(make_scenario(), late, horizon)
    simulator.advance(1.0)
    seen = simulator.observe()
    assert seen.stamp == pytest.approx(0.88)
    assert seen.state[0] == pytest.approx(10.0 + 0.88 * 10.0)


def test_messages_are_lost_as_often_as_configured(make_scenario, horizon):
    configuration = SimulationConfiguration(transport=TransportConfiguration(loss_probability=0.2))
    simulator = Simulator(make_scenario(), configuration, horizon)
    lost = sum(simulator.observe() is None for _ in range(2000))
    assert lost / 2000 == pytest.approx(0.2, abs=0.03)


def test_ego_noise_has_the_configured_deviation_and_no_bias(make_scenario, horizon):
    noise = EgoNoiseConfiguration(0.1, 0.01, 0.2, 0.005)
    simulator = Simulator(make_scenario(), SimulationConfiguration(ego_noise=noise), horizon)
    errors = np.array([simulator.observe().state - simulator.true_state for _ in range(4000)])
    deviation = np.array([0.1, 0.1, 0.01, 0.2, 0.005])
    assert errors.std(axis=0) == pytest.approx(deviation, rel=0.06)
    assert (np.abs(errors.mean(axis=0)) < 0.06 * deviation).all()
    assert (np.abs(errors) <= CUT * deviation + 1e-12).all()


def test_a_standing_car_is_measured_as_standing(make_scenario, horizon):
    noise = EgoNoiseConfiguration(speed=1.0)
    scenario = make_scenario(speed=0.0)
    simulator = Simulator(scenario, SimulationConfiguration(ego_noise=noise), horizon)
    assert all(simulator.observe().state[3] == 0.0 for _ in range(20))


def test_correlated_noise_decays_with_its_time_constant():
    noise = CorrelatedNoise(1.0, 0.5, np.random.default_rng(1))
    values = np.array([float(noise.sample(0.1)) for _ in range(40000)])
    lagged = np.corrcoef(values[:-5], values[5:])[0, 1]
    assert lagged == pytest.approx(np.exp(-1.0), abs=0.04)
    assert values.std() == pytest.approx(1.0, abs=0.04)


def test_wind_from_the_side_pushes_to_where_it_blows():
    for direction, sign in ((np.pi / 2, 1.0), (-np.pi / 2, -1.0)):
        configuration = WindConfiguration(speed=8.0, direction=direction)
        load = Wind(configuration, 4.5, np.random.default_rng(0)).load(0.0, 15.0, 0.01)
        assert np.sign(load.force) == sign == np.sign(load.moment)
    tail = WindConfiguration(speed=8.0, direction=0.0)
    assert Wind(tail, 4.5, np.random.default_rng(0)).load(0.0, 15.0, 0.01).force == 0.0


def test_a_perceived_prediction_is_shifted_turned_and_stretched():
    poses = np.column_stack([np.arange(11.0), np.zeros(11), np.zeros(11)])
    seen = disturbed(Obstacle('a', poses, 1.0, 0.5), np.array([0.3, -0.2, np.pi / 2, 0.1]))
    assert seen.poses[0] == pytest.approx([0.3, -0.2, np.pi / 2])
    assert seen.poses[-1] == pytest.approx([0.3, 10.8, np.pi / 2])


def test_a_perceived_shape_changes_as_the_true_one():
    poses = np.column_stack([np.arange(4.0), np.zeros(4), np.zeros(4)])
    grown = Obstacle('a', poses, [1.0, 2.0, 3.0, 4.0], 0.5)
    seen = disturbed(grown, np.full(4, 0.1))
    np.testing.assert_array_equal(seen.sizes_at(8), grown.sizes_at(8))


@pytest.fixture
def braking():
    times = np.linspace(0.0, 10.0, 101)
    poses = np.column_stack([80.0 - 0.5 * (10.0 - times) ** 2, np.ones(101), np.zeros(101)])
    return TrafficParticipant('braking', 2.0, 0.9, 0.0, times, poses, 'car')


@pytest.mark.parametrize(
    ('prediction', 'brakes'),
    [('ground_truth', True), ('constant_velocity', False), ('lane_following', False)],
)
def test_the_configuration_chooses_what_is_known_of_the_future(
    make_scenario, horizon, braking, prediction, brakes
):
    configuration = SimulationConfiguration(prediction=prediction)
    simulator = Simulator(make_scenario(traffic=[braking]), configuration, horizon)
    simulator.advance(1.0)
    (seen,) = simulator.observe().obstacles
    assert seen.poses[0] == pytest.approx(braking.pose_at(1.0))
    steps = np.diff(seen.poses[:, 0])
    assert (steps[-1] < 0.8 * steps[0]) == brakes


def test_traffic_matters_by_its_prediction_not_by_what_it_will_do(make_scenario, horizon):
    """What turns off the road later on is a prospective obstacle, as long as nobody knows."""
    times = np.linspace(0.0, 10.0, 101)
    turning = np.column_stack([np.full(101, 40.0), 60.0 - 10.0 * times, np.full(101, -np.pi / 2)])
    turning[21:, 1] = turning[20, 1]
    other = TrafficParticipant('other', 2.0, 0.9, 0.0, times, turning, 'car')

    def seen(prediction):
        configuration = SimulationConfiguration(prediction=prediction)
        simulator = Simulator(make_scenario(traffic=[other]), configuration, horizon)
        simulator.advance(1.0)
        return [obstacle.name for obstacle in simulator.observe().obstacles]

    assert seen('ground_truth') == []
    assert seen('constant_velocity') == ['other']


@pytest.mark.parametrize('prediction', PREDICTIONS)
def test_who_walks_or_cycles_is_perceived_as_one_to_be_given_room(
    make_scenario, horizon, leader, prediction
):
    traffic = [replace(leader, name=kind, kind=kind) for kind in ('car', 'bicycle', 'pedestrian')]
    configuration = replace(NOISY, prediction=prediction, transport=TransportConfiguration())
    simulator = Simulator(make_scenario(traffic=traffic), configuration, horizon)
    seen = {each.name: each.clearance for each in simulator.observe().obstacles}
    assert seen['car'] == 0.0
    assert seen['bicycle'] == seen['pedestrian'] >= 1.0


@pytest.mark.parametrize('prediction', PREDICTIONS)
def test_noise_disturbs_every_prediction_alike(make_scenario, horizon, leader, prediction):
    noise = ObstacleNoiseConfiguration(position=0.2, speed=0.1)
    scenario = make_scenario(traffic=[leader])

    def seen(**configured):
        configuration = SimulationConfiguration(seed=1, prediction=prediction, **configured)
        simulator = Simulator(scenario, configuration, horizon)
        simulator.advance(1.0)
        return simulator.observe().obstacles[0].poses

    true, noisy = seen(), seen(obstacle_noise=noise)
    stretched = np.diff(noisy[:, 0]) / np.diff(true[:, 0])
    assert stretched == pytest.approx(stretched[0])
    assert not np.allclose(noisy[0], true[0], atol=1e-3)


@pytest.mark.parametrize('value', [float('nan'), float('inf'), None])
def test_a_command_that_is_not_finite_is_refused(value):
    with pytest.raises(ValueError, match=r'command\.acceleration'):
        Command(0.0, value, 0.0)
    with pytest.raises(ValueError, match=r'command\.steering_angle'):
        Command(0.0, 0.0, value)


def test_time_does_not_run_backwards(make_scenario, horizon):
    with pytest.raises(ValueError, match='duration'):
        Simulator(make_scenario(), SimulationConfiguration(), horizon).advance(-0.1)
