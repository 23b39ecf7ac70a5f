# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The planner node poses problems, takes proposals in time, and says what it lacks."""

import math
import re
import time

import numpy as np
import pytest

from warmstart_planner.problem import KeepSpeed, PoseGoal, Rung, StationGoal


@pytest.fixture
def bench(rig, solvers):
    return Bench(rig)


class Bench:
    """A car on an empty straight road, seen by a planner."""

    def __init__(self, rig):
        from geometry_msgs.msg import PoseStamped

        from warmstart_planner import msg
        from warmstart_planner.nodes.messages import goal_message, road_message
        from warmstart_planner.nodes.planner import PlannerNode
        from warmstart_planner.nodes.qos import EVENTS, LATCHED
        from warmstart_planner.road import road_from_segments

        self.rig = rig
        self.node = rig.run(PlannerNode())
        self.problems = rig.collect(msg.PlanningProblem, '/planner/output/problem')
        self.trajectories = rig.collect(msg.Trajectory, '/planner/output/trajectory')
        self.statuses = rig.collect(msg.PlanStatus, '/planner/output/status')
        self.state = rig.sender(msg.VehicleState, '/planner/input/state')
        self.obstacles = rig.sender(msg.ObstacleArray, '/planner/input/obstacles')
        self.goal_pose = rig.sender(PoseStamped, '/planner/input/goal_pose')
        self.proposals = rig.sender(msg.Proposals, '/planner/input/proposals', EVENTS)
        road = rig.sender(msg.Road, '/planner/input/road', LATCHED)
        road(road_message(road_from_segments([(900.0, 0.0, 0.0)], 3.0, 3.0, 10.0), 0.0))
        self.goal = rig.sender(msg.Goal, '/planner/input/goal', LATCHED)
        self.goal(goal_message(KeepSpeed(8.0), 0.0))
        rig.spin(0.1)
        self.begin = self.node.now()

    def send(self, state=None, obstacles=None, ahead=0.0, obstacles_ahead=0.0):
        from warmstart_planner.nodes.messages import (
            ObstacleEstimate,
            StateEstimate,
            obstacles_message,
            vehicle_state_message,
        )
        from warmstart_planner.obstacles import box

        now = self.node.now()
        parked = box('parked', np.array([[400.0, 2.0, 0.0]]), 4.0, 2.0)
        seen = obstacles_message(ObstacleEstimate(now + obstacles_ahead, 0.1, (parked,)))
        (obstacles or (lambda message: None))(seen)
        self.obstacles(seen)
        x = 20.0 + 8.0 * (now - self.begin)
        message = vehicle_state_message(
            StateEstimate(now + ahead, np.array([x, 0.0, 0.0, 8.0, 0.0]), 0.0, 1.0)
        )
        for field, value in (state or {}).items():
            setattr(message, field, value)
        self.state(message)

    def drive(self, seconds, **spoilt):
        """
        Send what a car sees, 20 times a second; return the statuses.

        On a slow machine that goes on until half of the cycles have had theirs.
        """
        self.statuses.clear()
        end = time.monotonic() + seconds
        least = int(seconds / (2 * self.node.settings.period))
        while time.monotonic() < end or len(self.statuses) < least:
            assert time.monotonic() < end + 20.0, 'the planner is silent'
            self.send(**spoilt)
            self.rig.spin(0.05)
        return list(self.statuses)


def test_a_plan_answers_each_problem_and_carries_its_stamp(bench):
    from warmstart_planner.nodes.messages import nanoseconds

    bench.drive(0.3)
    statuses = bench.drive(1.2)
    assert len(statuses) >= 6
    assert {(s.rung, s.violation) for s in statuses} == {(Rung.OPTIMISED.value, 0.0)}
    posed = {nanoseconds(p.header.stamp) for p in bench.problems}
    assert {nanoseconds(s.problem_stamp) for s in statuses} <= posed
    assert {nanoseconds(t.problem_stamp) for t in bench.trajectories} <= posed
    assert all(t.verified for t in bench.trajectories)


@pytest.mark.parametrize('rig', [['use_sim_time:=true']], indirect=True)
def test_a_planner_that_hears_nothing_more_does_not_go_on_telling_of_its_last_plan(rig, solvers):
    """Not even where the source of its time has died."""
    from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus

    from warmstart_planner.nodes.planner import PlannerNode

    node = rig.run(PlannerNode())
    node._rung.set(DiagnosticStatus.OK, 'optimised', rung='optimised')
    arrays = rig.collect(DiagnosticArray, '/diagnostics')
    rig.spin(3.5)
    rung = next(each for each in arrays[-1].status if each.name == 'planner: rung')
    assert rung.level == DiagnosticStatus.STALE
    assert rung.message.startswith('silent for')


def test_each_cycle_is_told_at_the_level_debug_and_at_no_other(bench, capfd):
    from rclpy.logging import LoggingSeverity

    bench.drive(0.4)
    assert 'iterations' not in capfd.readouterr().err
    bench.node.get_logger().set_level(LoggingSeverity.DEBUG)
    bench.drive(0.6)
    reported = re.findall(
        r'DEBUG.*planner.*: optimised, start .* iterations', capfd.readouterr().err
    )
    assert len(reported) >= 3


def test_a_state_shown_again_is_answered_again_with_the_same_plan(bench):
    """Whoever joined too late for the first answer gets it."""
    from warmstart_planner.nodes.messages import StateEstimate, vehicle_state_message

    bench.drive(0.3)
    bench.drive(0.15, state={'yaw': math.nan})
    estimate = StateEstimate(bench.node.now(), np.array([20.0, 0, 0, 8.0, 0]), 0.0, 1.0)
    bench.trajectories.clear()
    bench.send(state={'yaw': math.nan})
    for _ in range(3):
        bench.state(vehicle_state_message(estimate))
        bench.rig.spin(0.1)
    assert len(bench.trajectories) == 3
    assert all(each == bench.trajectories[0] for each in bench.trajectories)


def test_a_cycle_waits_for_proposals_only_where_none_are_known(bench):
    """The first may be worth a moment; later on those of the cycle before do, moved on."""
    from warmstart_planner.nodes.messages import problem_from, proposals_message
    from warmstart_planner.problem import Proposal
    from warmstart_planner.proposals.straight_line import StraightLine

    assert bench.node._is_to_wait()
    bench.drive(0.6)
    posed = problem_from(bench.problems[-1], bench.node.settings.vehicle)
    trajectory = StraightLine().propose(posed)[0].trajectory
    bench.proposals(proposals_message((Proposal('iql_lstm', trajectory),), posed, 0.001))
    bench.rig.until(lambda: bench.node._buffer.newest())
    assert not bench.node._is_to_wait()
    bench.drive(0.6)
    assert bench.node._is_to_wait()


def test_proposals_are_used_if_they_answer_in_time_and_counted_if_they_do_not(bench, monkeypatch):
    from warmstart_planner.nodes.messages import problem_from, proposals_message
    from warmstart_planner.problem import Proposal
    from warmstart_planner.proposals.straight_line import StraightLine

    bench.drive(0.6)
    used = []
    finish = bench.node._planner.finish

    def watched(prepared, learned):
        used.extend(each.source for each in learned)
        return finish(prepared, learned)

    monkeypatch.setattr(bench.node._planner, 'finish', watched)
    old = problem_from(bench.problems[0], bench.node.settings.vehicle)
    trajectory = StraightLine().propose(old)[0].trajectory
    bench.proposals(proposals_message((Proposal('iql_lstm', trajectory),), old, 0.001))
    late = bench.drive(0.5)
    assert bench.node._late.total('late proposals') == 1
    assert all(s.rung == Rung.OPTIMISED.value for s in late)
    assert used == []

    new = problem_from(bench.problems[-1], bench.node.settings.vehicle)
    trajectory = StraightLine().propose(new)[0].trajectory
    bench.proposals(proposals_message((Proposal('iql_lstm', trajectory),), new, 0.001))
    bench.drive(0.5)
    assert 'iql_lstm' in used


@pytest.mark.parametrize(
    ('spoilt', 'reason', 'topic'),
    [
        ({'state': {'yaw': math.nan}}, 'no valid car state', '~/input/state'),
        (
            {'obstacles': lambda m: m.poses.__setitem__(0, math.nan)},
            'the obstacles are',
            '~/input/obstacles',
        ),
    ],
)
def test_an_input_that_is_not_a_number_stops_planning_until_it_is_one(
    bench, spoilt, reason, topic
):
    assert bench.drive(0.6)[-1].rung == Rung.OPTIMISED.value
    statuses = bench.drive(1.5, **spoilt)
    assert statuses[-1].rung == Rung.NONE.value
    assert reason in statuses[-1].message
    assert bench.node.rejected.total(topic) > 5
    bench.trajectories.clear()
    bench.drive(0.3, **spoilt)
    assert bench.trajectories == []
    assert bench.drive(0.6)[-1].rung == Rung.OPTIMISED.value


@pytest.mark.parametrize(
    ('spoilt', 'reason'),
    [
        ({'ahead': 0.7}, r'the car state is 0\.7 s from the future: expected at most 0\.5 s'),
        ({'ahead': 90.0}, r'the car state is 90\.0 s from the future'),
        ({'obstacles_ahead': 0.8}, r'the obstacles are 0\.[78] s from the future'),
        ({'obstacles_ahead': -0.9}, r'the obstacles are 0\.9\d s older than the car state'),
        (
            {'ahead': -0.2, 'obstacles_ahead': 0.4},
            r'the obstacles are 0\.[56]\d s newer than the car',
        ),
    ],
)
def test_stamps_that_do_not_fit_the_clock_or_each_other_stop_planning_until_they_do(
    bench, spoilt, reason
):
    assert bench.drive(0.6)[-1].rung == Rung.OPTIMISED.value
    statuses = bench.drive(0.6, **spoilt)
    assert statuses[-1].rung == Rung.NONE.value
    assert re.search(reason, statuses[-1].message)
    assert bench.drive(0.6)[-1].rung == Rung.OPTIMISED.value


def test_clocks_that_differ_a_little_are_believed(bench):
    assert bench.drive(0.8, ahead=0.3, obstacles_ahead=0.3)[-1].rung == Rung.OPTIMISED.value


def test_one_state_from_the_future_does_not_make_those_that_follow_old(bench):
    bench.drive(0.4)
    bench.send(ahead=0.9)
    bench.rig.spin(0.05)
    assert [s.rung for s in bench.drive(0.6)][-3:] == [Rung.OPTIMISED.value] * 3


def test_an_empty_list_of_obstacles_is_an_empty_road(bench):
    """What a tracker that sees nothing publishes: frame and stamp, and nothing else."""

    def emptied(message):
        bare = type(message)(header=message.header)
        for field in bare.get_fields_and_field_types():
            setattr(message, field, getattr(bare, field))

    statuses = bench.drive(0.8, obstacles=emptied)
    assert statuses[-1].rung == Rung.OPTIMISED.value
    assert bench.problems[-1].obstacles.ids == []


def test_obstacles_that_came_before_the_state_are_in_its_problem(bench):
    def renamed(message):
        message.ids = ['new']

    bench.drive(0.5)
    bench.rig.spin(0.1)
    bench.problems.clear()
    bench.send(obstacles=renamed)
    time.sleep(0.05)  # both wait, as they do while the planner plans
    bench.rig.until(lambda: bench.problems)
    assert bench.problems[0].obstacles.ids == ['new']


def test_of_many_obstacles_the_one_in_the_way_is_in_the_problem(bench):
    from warmstart_planner.nodes.messages import ObstacleEstimate, obstacles_message
    from warmstart_planner.obstacles import box

    def crowded(message):
        beside = [
            box(f'beside {i}', np.array([[10.0 + 3.0 * i, -4.2, 0.0]]), 2.5, 1.8)
            for i in range(40)
        ]
        ahead = box('ahead', np.array([[95.0, 0.0, 0.0]]), 4.5, 1.8)
        now = bench.node.now()
        many = obstacles_message(ObstacleEstimate(now, 0.1, (*beside, ahead)))
        for field in many.get_fields_and_field_types():
            setattr(message, field, getattr(many, field))

    bench.drive(0.5, obstacles=crowded)
    assert bench.problems[-1].obstacles.ids[0] == 'ahead'
    assert len(bench.problems[-1].obstacles.ids) == 12


def test_a_setting_that_changes_on_the_way_does_not_drop_the_plan_in_use(bench):
    from rclpy.parameter import Parameter

    bench.drive(0.6)
    in_use = bench.node._planner._memory.in_use
    assert in_use is not None
    assert bench.node.set_parameters([Parameter('keep_bonus', value=0.2)])[0].successful
    assert bench.node._planner.settings.keep_bonus == 0.2
    assert bench.node._planner._memory.in_use is in_use
    assert bench.drive(0.4)[-1].rung == Rung.OPTIMISED.value


def test_the_node_plans_what_the_planner_plans_without_ros(bench):
    """The same problems in the same order, time set aside, with the same sources."""
    from rclpy.parameter import Parameter

    from warmstart_planner.nodes.messages import problem_from, reference_from
    from warmstart_planner.planning import Planner

    patient = {'deadline': bench.node.settings.period, 'proposing_share': 1.0}
    for name, value in patient.items():
        assert bench.node.set_parameters([Parameter(name, value=value)])[0].successful
    bench.node._planner.reset()
    bench.problems.clear()
    bench.trajectories.clear()
    bench.drive(1.3)
    references = map(reference_from, bench.trajectories)
    planned = {each.problem_stamp: each.trajectory for each in references}
    settings = bench.node.settings
    planner = Planner(settings.vehicle, settings.horizon, settings.planner)
    compared = 0
    for message in bench.problems:
        problem = problem_from(message, settings.vehicle)
        result = planner.plan(problem, deadline=20.0)
        trajectory = planned.get(problem.stamp)
        if trajectory is None:  # of the last one the answer may not be here yet
            continue
        np.testing.assert_array_equal(trajectory.states, result.trajectory.states)
        np.testing.assert_array_equal(trajectory.controls, result.trajectory.controls)
        compared += 1
    assert compared >= 10


def pose(x, y, yaw=0.0):
    from geometry_msgs.msg import PoseStamped

    from warmstart_planner.nodes import messages

    message = PoseStamped(pose=messages.pose(x, y, yaw))
    message.header.frame_id = 'map'
    return message


def goals(bench):
    from warmstart_planner.nodes.messages import goal_from

    return [goal_from(problem.goal) for problem in bench.problems]


def test_a_goal_pose_on_the_road_is_planned_for(bench):
    bench.drive(0.3)
    bench.goal_pose(pose(90.0, 1.0))
    assert bench.drive(0.6)[-1].rung == Rung.OPTIMISED.value
    assert goals(bench)[-1] == PoseGoal(90.0, 1.0, 0.0, 0.0, 90.0)


@pytest.mark.parametrize('wrong', [(90.0, 50.0), (90.0, math.nan), (-5.0, 0.0), (90.0, 0.0, 3.0)])
def test_a_goal_pose_that_cannot_be_driven_to_leaves_the_goal(bench, wrong):
    bench.drive(0.3)
    bench.goal_pose(pose(*wrong))
    assert bench.drive(0.5)[-1].rung == Rung.OPTIMISED.value
    assert goals(bench)[-1] == KeepSpeed(8.0)
    assert bench.node.rejected.total('~/input/goal_pose') == 1


@pytest.mark.parametrize('station', [5.0, 1200.0], ids=['behind the car', 'beyond the road'])
def test_a_goal_that_cannot_be_driven_to_leaves_the_one_before(bench, station):
    from warmstart_planner.nodes.messages import goal_message

    bench.drive(0.3)
    bench.goal(goal_message(StationGoal(station, 8.0), 0.0))
    assert bench.drive(0.5)[-1].rung == Rung.OPTIMISED.value
    assert goals(bench)[-1] == KeepSpeed(8.0)
    assert bench.node.rejected.total('~/input/goal') == 1


def test_without_a_road_the_planner_says_so(rig, solvers):
    from warmstart_planner import msg
    from warmstart_planner.nodes.messages import StateEstimate, vehicle_state_message
    from warmstart_planner.nodes.planner import PlannerNode

    node = rig.run(PlannerNode())
    statuses = rig.collect(msg.PlanStatus, '/planner/output/status')
    state = rig.sender(msg.VehicleState, '/planner/input/state')
    rig.spin(0.2)
    state(vehicle_state_message(StateEstimate(node.now(), np.zeros(5), 0.0, 1.0)))
    rig.until(lambda: any('yet' in s.message for s in statuses))
    assert all(s.rung == Rung.NONE.value for s in statuses)


def test_markers_cost_nothing_until_someone_looks(bench):
    from visualization_msgs.msg import MarkerArray

    bench.drive(0.3)
    shown = bench.rig.collect(MarkerArray, '/planner/debug/markers')
    bench.drive(0.8)
    names = {marker.ns for marker in shown[-1].markers}
    assert {'road', 'obstacles', 'reference', 'proposals/shifted'} <= names


def test_a_changed_setting_takes_effect_while_driving_and_a_bad_one_does_not(bench):
    from rclpy.parameter import Parameter

    bench.drive(0.3)
    margin = Parameter('margins.obstacle', value=0.6)
    assert bench.node.set_parameters([margin])[0].successful
    assert bench.drive(0.5)[-1].rung == Rung.OPTIMISED.value
    assert bench.node.settings.planner.margins.obstacle == 0.6
    bad = bench.node.set_parameters([Parameter('proposal_wait', value=0.9)])[0]
    assert not bad.successful
    assert 'expected at most deadline' in bad.reason


def test_a_state_of_another_car_is_refused_with_both_cars(bench, capfd):
    from warmstart_planner.vehicle import load_vehicle

    bench.send(state={'vehicle': load_vehicle('commonroad_3').label})
    bench.rig.until(lambda: bench.node.rejected.total('~/input/state') == 1)
    error = capfd.readouterr().err
    assert "state.vehicle is 'commonroad_3-" in error
    assert "expected 'commonroad_2-" in error
    # a driver that does not say of which car it is, and the simulator, which does
    for name in ('', bench.node.settings.vehicle.label):
        statuses = bench.drive(0.4, state={'vehicle': name})
        assert statuses[-1].rung == Rung.OPTIMISED.value
