# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Messages carry the core's values there and back, and nothing that is not a number."""

import array
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

pytest.importorskip('rclpy', reason='ROS 2 is not installed')
pytest.importorskip('warmstart_planner.msg', reason='messages are not built: `make setup`')

from geometry_msgs.msg import PoseStamped
from rclpy.serialization import deserialize_message, serialize_message

from warmstart_planner.alignment import aligned
from warmstart_planner.nodes import messages
from warmstart_planner.obstacles import Obstacle, box, disc
from warmstart_planner.problem import (
    Horizon,
    KeepSpeed,
    PlanningProblem,
    PoseGoal,
    Proposal,
    Rung,
    StationGoal,
    StopBefore,
    Trajectory,
)
from warmstart_planner.road import road_from_segments
from warmstart_planner.vehicle import load_vehicle

FINITE = st.floats(-1e6, 1e6)
ROAD = road_from_segments([(40.0, 0.0, 0.02), (60.0, 0.02, 0.0)], 3.0, 2.5, 12.0)
VEHICLE = load_vehicle()
GOALS = (
    KeepSpeed(8.0),
    StationGoal(30.0, 5.0),
    PoseGoal(1.0, 2.0, 0.3, 0.0),
    StopBefore(50.0, 9.0),
)


def over_the_wire(message):
    return deserialize_message(serialize_message(message), type(message))


def trajectory(steps=4, stamp=12.25):
    rng = np.random.default_rng(1)
    return Trajectory(stamp, 0.1, rng.normal(size=(steps + 1, 5)), rng.normal(size=(steps, 2)))


def problem(goal=GOALS[1]):
    obstacles = (
        box('parked', np.array([[30.0, 1.0, 0.1]]), 4.0, 1.8),
        disc('walker', np.array([[20.0, 3.0, 0.0], [20.1, 2.9, 0.0], [20.2, 2.8, 0.0]]), 0.4),
    )
    return PlanningProblem(
        stamp=3.5,
        initial_state=[5.0, 0.1, 0.02, 7.0, -0.05],
        road=ROAD,
        obstacles=obstacles,
        goal=goal,
        vehicle=VEHICLE,
        friction=0.8,
        horizon=Horizon(0.1, 20),
    )


@given(st.integers(0, 4 * 10**9 * 10**9 // 2))
def test_a_stamp_survives_to_a_microsecond(total):
    message = messages.to_time(total / messages.NANOSECONDS)
    assert messages.to_seconds(message) == pytest.approx(total / 1e9, abs=1e-6)
    assert 0 <= message.nanosec < messages.NANOSECONDS


@pytest.mark.parametrize('stamp', [math.nan, math.inf, -1.0])
def test_a_stamp_that_is_no_time_is_refused(stamp):
    with pytest.raises(ValueError, match='stamp'):
        messages.to_time(stamp)


@given(arrays(float, 5, elements=FINITE), FINITE, st.floats(0.05, 2.0))
def test_a_state_survives(state, acceleration, friction):
    sent = messages.StateEstimate(2.5, state, acceleration, friction)
    message = over_the_wire(messages.vehicle_state_message(sent))
    received = messages.vehicle_state_from(message)
    np.testing.assert_array_equal(received.state, state)
    assert (received.stamp, received.acceleration) == (2.5, acceleration)
    assert received.friction == friction


@pytest.mark.parametrize(
    'field',
    ['x', 'y', 'yaw', 'longitudinal_velocity_mps', 'front_wheel_angle_rad', 'acceleration_mps2'],
)
@pytest.mark.parametrize('value', [math.nan, math.inf])
def test_a_state_that_is_not_finite_is_refused_by_name(field, value):
    message = messages.vehicle_state_message(messages.StateEstimate(0.0, np.zeros(5), 0.0, 1.0))
    setattr(message, field, value)
    with pytest.raises(ValueError, match=f'state.{field} is {value}'):
        messages.vehicle_state_from(message)


@pytest.mark.parametrize('field', ['x', 'y', 'yaw', 'longitudinal_velocity_mps'])
@pytest.mark.parametrize('value', [1e300, -1e9])
def test_a_state_beyond_all_measure_is_refused_by_name(field, value):
    message = messages.vehicle_state_message(messages.StateEstimate(0.0, np.zeros(5), 0.0, 1.0))
    setattr(message, field, value)
    with pytest.raises(ValueError, match=f'state.{field} is .*expected a number in'):
        messages.vehicle_state_from(message)


def test_a_state_in_another_frame_is_refused():
    message = messages.vehicle_state_message(messages.StateEstimate(0.0, np.zeros(5), 0.0, 1.0))
    message.header.frame_id = 'odom'
    with pytest.raises(ValueError, match="frame_id is 'odom'"):
        messages.vehicle_state_from(message)


def test_odometry_turns_left_with_the_wheels_to_the_left():
    estimate = messages.StateEstimate(1.0, np.array([1.0, 2.0, np.pi / 2, 5.0, 0.2]), 0.0, 1.0)
    message = messages.odometry_message(estimate, wheelbase=2.5)
    assert (message.header.frame_id, message.child_frame_id) == ('map', 'base_link')
    turn = message.pose.pose.orientation
    assert 2 * math.atan2(turn.z, turn.w) == pytest.approx(np.pi / 2)
    assert message.twist.twist.linear.x == 5.0
    assert message.twist.twist.angular.z == pytest.approx(5.0 * math.tan(0.2) / 2.5)


def test_a_road_survives():
    received = messages.road_from(over_the_wire(messages.road_message(ROAD, 1.0)))
    for name in messages.ROAD_FIELDS:
        np.testing.assert_array_equal(getattr(received, name), getattr(ROAD, name))


@pytest.mark.parametrize('field', list(messages.ROAD_FIELDS.values()))
def test_a_road_with_a_hole_is_refused(field):
    message = messages.road_message(ROAD, 1.0)
    getattr(message, field)[3] = math.nan
    with pytest.raises(ValueError, match=r'road\..* is nan at \(3,\)'):
        messages.road_from(message)


@given(
    st.lists(
        st.tuples(
            arrays(float, (3, 3), elements=FINITE), st.floats(0.1, 9.0), st.floats(0.0, 9.0)
        ),
        max_size=4,
    )
)
def test_obstacles_survive(shapes):
    sent = tuple(
        Obstacle(f'o{i}', poses, half, half, radius)
        for i, (poses, half, radius) in enumerate(shapes)
    )
    message = messages.obstacles_message(messages.ObstacleEstimate(4.0, 0.2, sent))
    received = messages.obstacles_from(over_the_wire(message))
    assert (received.stamp, received.dt) == (4.0, 0.2)
    assert [o.name for o in received.obstacles] == [o.name for o in sent]
    for ours, theirs in zip(sent, received.obstacles, strict=True):
        np.testing.assert_array_equal(theirs.poses, ours.poses)
        assert (theirs.half_length, theirs.radius) == (ours.half_length, ours.radius)


def test_shapes_that_change_survive_beside_those_that_do_not():
    poses = np.arange(9.0).reshape(3, 3)
    sent = (
        Obstacle('set', poses, [1.0, 2.0, 3.0], 0.5, [0.0, 0.0, 0.2]),
        Obstacle('car', poses[:1], 2.0, 0.9),
    )
    message = messages.obstacles_message(messages.ObstacleEstimate(4.0, 0.2, sent))
    assert list(message.half_length) == [1.0, 2.0, 3.0, 2.0, 2.0, 2.0]
    received = messages.obstacles_from(over_the_wire(message)).obstacles
    for ours, theirs in zip(sent, received, strict=True):
        assert theirs.varies == ours.varies
        np.testing.assert_array_equal(theirs.sizes_at(4), ours.sizes_at(4))


def test_a_shape_that_never_changes_takes_one_entry():
    message = messages.obstacles_message(messages.ObstacleEstimate(0.0, 0.1, problem().obstacles))
    assert message.steps > 1
    assert len(message.half_length) == len(message.half_width) == len(message.radius) == 2


@pytest.mark.parametrize(('dt', 'steps'), [(0.0, 0), (0.1, 0), (0.0, 1), (math.nan, 7)])
def test_a_list_without_obstacles_is_an_empty_world_whatever_its_grid(dt, steps):
    message = messages.obstacles_message(messages.ObstacleEstimate(5.0, 0.1, ()))
    message.dt, message.steps = dt, steps
    found = messages.obstacles_from(over_the_wire(message))
    assert (found.stamp, found.obstacles) == (5.0, ())
    assert aligned(found.obstacles, 0.3, found.dt, Horizon()) == ()


@pytest.mark.parametrize('field', ['half_length', 'half_width', 'radius', 'poses'])
def test_a_list_without_names_but_with_numbers_is_no_empty_world(field):
    message = messages.obstacles_message(messages.ObstacleEstimate(5.0, 0.1, ()))
    getattr(message, field).extend([1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match=f'obstacles.{field} has 3 entries: expected 0'):
        messages.obstacles_from(message)


def wrapped(angle):
    return (np.asarray(angle) + np.pi) % (2 * np.pi) - np.pi


def in_one_turn(yaw):
    """Unwrapped: no step is longer than half a turn."""
    return (np.abs(np.diff(yaw)) < np.pi).all()


HEADING_WEST = np.pi + 0.3 * np.sin(np.arange(9.0))


def test_yaw_from_outside_is_unwrapped_on_receipt():
    """Perception and planners elsewhere publish it in (-pi, pi]."""
    poses = np.stack([-np.arange(9.0), np.zeros(9), HEADING_WEST], axis=-1)
    sent = messages.obstacles_message(
        messages.ObstacleEstimate(1.0, 0.1, (box('lorry', poses, 12.0, 2.5),))
    )
    sent.poses = array.array('d', np.column_stack([poses[:, :2], wrapped(HEADING_WEST)]).ravel())
    assert in_one_turn(messages.obstacles_from(sent).obstacles[0].poses[:, 2])

    states = np.zeros((9, 5))
    states[:, 2] = HEADING_WEST
    driven = Trajectory(1.0, 0.1, states, np.zeros((8, 2)))
    reference = messages.Reference(1.0, driven, Rung.OPTIMISED, 'test', True)
    sent = messages.trajectory_message(reference, VEHICLE)
    sent.yaw = array.array('d', wrapped(HEADING_WEST))
    assert in_one_turn(messages.reference_from(sent).trajectory.states[:, 2])

    proposed = messages.proposals_message(
        (Proposal('test', driven),),
        PlanningProblem(
            stamp=1.0,
            initial_state=np.zeros(5),
            road=ROAD,
            goal=GOALS[0],
            horizon=Horizon(0.1, 8),
        ),
        0.0,
    )
    states[:, 2] = wrapped(HEADING_WEST)
    proposed.states = array.array('d', states.ravel())
    assert in_one_turn(messages.proposals_from(proposed)[0].trajectory.states[:, 2])

    ways = messages.roll_out_message(messages.PolicyRollOut((driven,), 1.0, 'test', 0.0, 0.0))
    ways.states = proposed.states
    assert in_one_turn(messages.roll_out_from(ways).ways[0].states[:, 2])


def test_a_road_whose_heading_passes_half_a_turn_leads_on():
    road = road_from_segments([(40.0, 0.02, 0.02)], 3.0, 3.0, 12.0, (0.0, 0.0, 3.0))
    sent = messages.road_message(road, 1.0)
    sent.heading = array.array('d', wrapped(road.heading))
    assert not in_one_turn(sent.heading)
    np.testing.assert_allclose(messages.road_from(sent).heading, road.heading)


def test_predictions_of_different_lengths_go_on_as_they_would_have():
    mine = problem().obstacles
    message = messages.obstacles_message(messages.ObstacleEstimate(0.0, 0.1, mine))
    for ours, theirs in zip(mine, messages.obstacles_from(message).obstacles, strict=True):
        np.testing.assert_allclose(theirs.poses_at(30), ours.poses_at(30))


@pytest.mark.parametrize(
    ('spoil', 'reason'),
    [
        (lambda m: m.poses.__setitem__(1, math.nan), r'obstacles.poses is nan at \(0, 0, 1\)'),
        (lambda m: m.poses.__setitem__(3, -1e300), r'obstacles.poses is 1e\+300: expected'),
        (lambda m: m.poses.pop(), 'obstacles.poses has 17 entries: expected 18'),
        (lambda m: m.radius.pop(), 'obstacles.radius has 1 entries: expected 2 or 6'),
        (lambda m: setattr(m, 'dt', 0.0), 'obstacles.dt is 0.0'),
        (lambda m: setattr(m, 'ids', ['a', 'a']), 'expected each once'),
        (lambda m: m.half_length.__setitem__(0, -1.0), 'half_length is -1.0'),
    ],
)
def test_spoilt_obstacles_are_refused_by_name(spoil, reason):
    estimate = messages.ObstacleEstimate(0.0, 0.1, problem().obstacles)
    message = messages.obstacles_message(estimate)
    spoil(message)
    with pytest.raises(ValueError, match=reason):
        messages.obstacles_from(message)


@pytest.mark.parametrize('goal', GOALS)
def test_each_kind_of_goal_survives(goal):
    assert messages.goal_from(over_the_wire(messages.goal_message(goal, 1.0))) == goal


@pytest.mark.parametrize('goal', GOALS)
def test_a_goal_that_is_not_finite_is_refused(goal):
    message = messages.goal_message(goal, 1.0)
    message.speed_mps = math.nan
    with pytest.raises(ValueError, match='goal.speed_mps is nan'):
        messages.goal_from(message)


def test_an_unknown_kind_of_goal_is_refused():
    message = messages.goal_message(GOALS[0], 1.0)
    message.type = 9
    with pytest.raises(ValueError, match='goal.type is 9'):
        messages.goal_from(message)


@given(st.floats(-3.1, 3.1), FINITE, FINITE)
def test_a_goal_from_rviz_keeps_its_place_and_heading(yaw, x, y):
    message = PoseStamped(pose=messages.pose(x, y, yaw))
    message.header.frame_id = 'map'
    assert messages.goal_pose_from(message) == pytest.approx((x, y, yaw))


@pytest.mark.parametrize(('z', 'w'), [(0.0, 0.0), (math.nan, 1.0)])
def test_a_goal_without_a_heading_is_refused(z, w):
    message = PoseStamped()
    message.header.frame_id = 'map'
    message.pose.orientation.z, message.pose.orientation.w = z, w
    with pytest.raises(ValueError, match='goal_pose.orientation'):
        messages.goal_pose_from(message)


@pytest.mark.parametrize('goal', GOALS)
def test_a_problem_survives(goal):
    sent = problem(goal)
    received = messages.problem_from(over_the_wire(messages.problem_message(sent)), VEHICLE)
    np.testing.assert_array_equal(received.initial_state, sent.initial_state)
    assert received.stamp == sent.stamp
    assert (received.goal, received.vehicle) == (sent.goal, sent.vehicle)
    assert (received.friction, received.horizon) == (sent.friction, sent.horizon)
    assert [o.name for o in received.obstacles] == ['parked', 'walker']
    np.testing.assert_array_equal(received.road.x, sent.road.x)


OTHER = load_vehicle('commonroad_3')
BOTH = "vehicle is 'commonroad_3-.*': expected 'commonroad_2-.*', the car of this node"


def test_a_problem_of_another_car_is_refused_with_both_cars():
    message = messages.problem_message(replace(problem(), vehicle=OTHER))
    with pytest.raises(ValueError, match=f'problem.{BOTH}'):
        messages.problem_from(message, VEHICLE)


def test_a_state_of_another_car_is_refused_with_both_cars():
    estimate = messages.StateEstimate(1.0, np.zeros(5), 0.0, 1.0)
    convert = messages.of_vehicle('state', messages.vehicle_state_from, VEHICLE)
    assert convert(messages.vehicle_state_message(estimate, VEHICLE)).friction == 1.0
    with pytest.raises(ValueError, match=f'state.{BOTH}'):
        convert(messages.vehicle_state_message(estimate, OTHER))


def test_a_state_that_does_not_say_of_which_car_it_is_is_taken():
    """A real car's sensors may not know what it is called."""
    estimate = messages.StateEstimate(1.0, np.zeros(5), 0.0, 1.0)
    convert = messages.of_vehicle('state', messages.vehicle_state_from, VEHICLE)
    assert convert(messages.vehicle_state_message(estimate)).stamp == 1.0


def test_a_reference_of_another_car_is_refused_with_both_cars():
    nothing = messages.Reference(1.0, None, Rung.NONE, '', False)
    convert = messages.of_vehicle('trajectory', messages.reference_from, VEHICLE)
    assert convert(messages.trajectory_message(nothing, VEHICLE)).rung is Rung.NONE
    with pytest.raises(ValueError, match=f'trajectory.{BOTH}'):
        convert(messages.trajectory_message(nothing, OTHER))


def test_proposals_survive_with_what_their_source_says_of_them():
    posed = problem()
    first = Proposal('iql_lstm', trajectory(20, posed.stamp), 'v1', -3.5, 0.5, 0.25)
    second = Proposal('zero_control', trajectory(20, posed.stamp))
    message = messages.proposals_message((first, second), posed, 0.004)
    received = messages.proposals_from(over_the_wire(message))
    assert [p.source for p in received] == ['iql_lstm', 'zero_control']
    assert (received[0].model_id, received[0].predicted_return) == ('v1', -3.5)
    assert (received[0].failure_probability, received[0].uncertainty) == (0.5, 0.25)
    for name in ('predicted_return', 'failure_probability', 'uncertainty'):
        assert math.isnan(getattr(received[1], name))
    assert received[0].trajectory.stamp == posed.stamp
    assert received[0].inference_time == pytest.approx(0.004)
    np.testing.assert_array_equal(received[1].trajectory.states, second.trajectory.states)
    np.testing.assert_array_equal(received[1].trajectory.controls, second.trajectory.controls)


@pytest.mark.parametrize(
    ('spoil', 'reason'),
    [
        (lambda m: m.states.__setitem__(7, math.nan), 'proposals.states is nan'),
        (lambda m: m.controls.pop(), 'proposals.controls has 39 entries: expected 40'),
        (lambda m: m.failure_probability.__setitem__(0, 1.5), 'failure_probability is 1.5: exp'),
        (lambda m: m.failure_probability.__setitem__(0, -math.inf), 'failure_probability is -inf'),
        (lambda m: m.failure_probability.pop(), 'failure_probability has 0 entries: expected 1'),
        (lambda m: setattr(m, 'count', 3), 'proposals.source has 1 entries: expected 3'),
    ],
)
def test_spoilt_proposals_are_refused(spoil, reason):
    posed = problem()
    sent = (Proposal('straight_line', trajectory(20, posed.stamp)),)
    message = messages.proposals_message(sent, posed, 0.0)
    spoil(message)
    with pytest.raises(ValueError, match=reason):
        messages.proposals_from(message)


def test_a_proposal_on_another_grid_is_not_sent():
    posed = problem()
    with pytest.raises(ValueError, match='shape'):
        messages.proposals_message((Proposal('shifted', trajectory(7)),), posed, 0.0)


def policy_roll_out(count=3):
    ways = tuple(trajectory(stamp=12.25) for _ in range(count))
    return messages.PolicyRollOut(ways, 12.2, 'steady', 0.75, 0.0021)


def test_a_roll_out_survives():
    sent = policy_roll_out()
    message = messages.roll_out_message(sent)
    received = messages.roll_out_from(over_the_wire(message))
    assert message.header.stamp == messages.to_time(12.25)
    assert (received.problem_stamp, received.model_id) == (12.2, 'steady')
    assert received.disagreement == 0.75
    assert received.inference_time == pytest.approx(0.0021)
    for ours, theirs in zip(sent.ways, received.ways, strict=True):
        assert (theirs.stamp, theirs.dt) == (ours.stamp, ours.dt)
        np.testing.assert_array_equal(theirs.states, ours.states)
        np.testing.assert_array_equal(theirs.controls, ours.controls)


@pytest.mark.parametrize(
    ('spoil', 'reason'),
    [
        (lambda m: m.states.__setitem__(7, math.nan), 'roll_out.states is nan'),
        (lambda m: m.controls.__setitem__(0, math.inf), 'roll_out.controls is inf'),
        (lambda m: m.states.pop(), 'roll_out.states has 74 entries: expected 75'),
        (lambda m: m.controls.pop(), 'roll_out.controls has 23 entries: expected 24'),
        (lambda m: setattr(m, 'count', 0), 'roll_out.count is 0.0'),
        (lambda m: setattr(m, 'count', 2), 'roll_out.states has 75 entries: expected 50'),
        (lambda m: setattr(m, 'steps', 0), 'roll_out.steps is 0.0'),
        (lambda m: setattr(m, 'dt', 0.0), 'roll_out.dt is 0.0'),
        (lambda m: setattr(m, 'disagreement_m', math.nan), 'roll_out.disagreement_m is nan'),
        (lambda m: setattr(m.header, 'frame_id', 'odom'), "roll_out.header.frame_id is 'odom'"),
    ],
)
def test_spoilt_roll_outs_are_refused(spoil, reason):
    message = messages.roll_out_message(policy_roll_out())
    spoil(message)
    with pytest.raises(ValueError, match=reason):
        messages.roll_out_from(message)


@pytest.mark.parametrize('rung', [Rung.OPTIMISED, Rung.PREVIOUS, Rung.BRAKING])
def test_a_reference_survives_on_every_rung(rung):
    sent = messages.Reference(12.0, trajectory(), rung, 'shifted', True)
    received = messages.reference_from(over_the_wire(messages.trajectory_message(sent, VEHICLE)))
    assert (received.rung, received.source, received.verified) == (rung, 'shifted', True)
    assert received.problem_stamp == 12.0
    assert (received.trajectory.stamp, received.trajectory.dt) == (12.25, 0.1)
    np.testing.assert_array_equal(received.trajectory.states, sent.trajectory.states)
    np.testing.assert_array_equal(received.trajectory.controls, sent.trajectory.controls)


def test_no_reference_is_an_empty_message():
    sent = messages.Reference(12.0, None, Rung.NONE, '', False)
    message = messages.trajectory_message(sent, VEHICLE)
    assert len(message.x) == 0
    assert messages.reference_from(message).trajectory is None


@pytest.mark.parametrize('field', ['x', 'yaw', 'longitudinal_velocity_mps', 'acceleration_mps2'])
def test_a_reference_that_is_not_finite_is_refused(field):
    sent = messages.Reference(12.0, trajectory(), Rung.OPTIMISED, 'shifted', True)
    message = messages.trajectory_message(sent, VEHICLE)
    getattr(message, field)[2] = math.nan
    with pytest.raises(ValueError, match=rf'trajectory.{field} is nan at \(2,\)'):
        messages.reference_from(message)


def test_a_path_shows_the_poses_of_the_trajectory():
    shown = trajectory()
    message = messages.path_message(shown)
    points = [(p.pose.position.x, p.pose.position.y) for p in message.poses]
    np.testing.assert_allclose(points, shown.states[:, :2])
    stamps = [messages.to_seconds(p.header.stamp) for p in message.poses]
    np.testing.assert_allclose(stamps, shown.times)


@pytest.mark.parametrize('field', ['acceleration_mps2', 'front_wheel_angle_rad'])
def test_a_command_that_is_not_finite_never_reaches_an_actuator(field):
    from warmstart_planner.msg import Command

    message = Command()
    setattr(message, field, math.nan)
    with pytest.raises(ValueError, match=f'command.{field} is nan'):
        messages.command_from(message)
