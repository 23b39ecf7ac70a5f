# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
Between messages and the core's value types; the only place that knows both.

Every `..._from` raises ValueError for what the message should not hold (NaN, wrong lengths,
another frame), naming the field; every `..._message` for what must not be sent. Yaw may come in
any turn, as in (-pi, pi]: along predictions, trajectories and roads it is unwrapped here.
"""

from __future__ import annotations

import array
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from builtin_interfaces.msg import Time
from geometry_msgs.msg import Point, Pose, PoseStamped, Quaternion
from nav_msgs.msg import Odometry, Path
from numpy.typing import ArrayLike, NDArray
from std_msgs.msg import Header

from warmstart_planner import msg
from warmstart_planner.checks import assert_never, finite_array, number, unwrapped
from warmstart_planner.obstacles import SIZES, Obstacle, sizes_of
from warmstart_planner.problem import (
    Goal,
    Horizon,
    KeepSpeed,
    PlanningProblem,
    PlanResult,
    PoseGoal,
    Proposal,
    Rung,
    StationGoal,
    StopBefore,
    Trajectory,
)
from warmstart_planner.road import Road
from warmstart_planner.vehicle import (
    ACCELERATION,
    CONTROL_SIZE,
    PX,
    PY,
    SPEED,
    STATE_SIZE,
    STEERING,
    STEERING_RATE,
    YAW,
    VehicleParameters,
)

if TYPE_CHECKING:  # the message code is used by nodes that have no controller
    from warmstart_planner.mpc.controller import ControlOutput

Message = TypeVar('Message', bound=Any)
Value = TypeVar('Value')

MAP = 'map'
BASE = 'base_link'  # at the rear axle
NANOSECONDS = 1_000_000_000
STEP_RANGE = (1e-3, 10.0)  # of predictions of obstacles [s]
LARGEST = 1e8  # of any number of a state or pose; what is larger was not measured [m, rad, m/s]
ROAD_FIELDS = {
    'station': 'station',
    'x': 'x',
    'y': 'y',
    'heading': 'heading',
    'curvature': 'curvature',
    'left_width': 'left_width',
    'right_width': 'right_width',
    'speed_limit': 'speed_limit_mps',
}


def to_time(seconds: float) -> Time:
    """Return a time message; raises ValueError for a time that is not finite or negative."""
    total = round(number('stamp', seconds, at_least=0.0) * NANOSECONDS)
    return Time(sec=total // NANOSECONDS, nanosec=total % NANOSECONDS)


def to_seconds(time: Time) -> float:
    """Return a time message in seconds."""
    return time.sec + time.nanosec / NANOSECONDS


def nanoseconds(time: Time) -> int:
    """Return a time message in whole nanoseconds, which compare exactly."""
    return time.sec * NANOSECONDS + time.nanosec


def header(stamp: float, frame: str = MAP) -> Header:
    """Return a header."""
    return Header(stamp=to_time(stamp), frame_id=frame)


def _check_frame(name: str, found: Header) -> None:
    if found.frame_id != MAP:
        raise ValueError(f'{name}.header.frame_id is {found.frame_id!r}: expected {MAP!r}')


def _flat(values: ArrayLike) -> array.array[float]:
    # rclpy takes an array.array as it is, but checks any other sequence number by number.
    return array.array('d', np.ascontiguousarray(values, dtype=np.float64).tobytes())


# --- vehicle ---


def of_vehicle(
    name: str, convert: Callable[[Message], Value], vehicle: VehicleParameters
) -> Callable[[Message], Value]:
    """
    Return a conversion that refuses what is about another car than the node's own.

    Args:
        name: of the message in errors.
        convert: the conversion of messages about any car.
        vehicle: the node's own.

    """

    def converted(message: Message) -> Value:
        _check_vehicle(name, message.vehicle, vehicle)
        return convert(message)

    return converted


def _check_vehicle(name: str, found: str, vehicle: VehicleParameters) -> None:
    """Refuse another car; sensors that do not say which car they are on say nothing."""
    if found and found != vehicle.label:
        raise ValueError(
            f'{name}.vehicle is {found!r}: expected {vehicle.label!r}, the car of this node; give '
            'all nodes the same parameter vehicle'
        )


# --- vehicle state -------------------------------------------------------------------------------


@dataclass(frozen=True)
class StateEstimate:
    """The measured state of the car: rear axle, map frame, shape (5,)."""

    stamp: float
    state: NDArray[np.float64]
    acceleration: float
    friction: float


def vehicle_state_message(
    estimate: StateEstimate, vehicle: VehicleParameters | None = None
) -> msg.VehicleState:
    """Return the message of a state, which says of which car it is where that is known."""
    x, y, yaw, speed, steering = (float(value) for value in estimate.state)
    return msg.VehicleState(
        header=header(estimate.stamp),
        x=x,
        y=y,
        yaw=yaw,
        longitudinal_velocity_mps=speed,
        front_wheel_angle_rad=steering,
        acceleration_mps2=float(estimate.acceleration),
        friction=float(estimate.friction),
        vehicle=vehicle.label if vehicle else '',
    )


def vehicle_state_from(message: msg.VehicleState) -> StateEstimate:
    """Return the state in a message."""
    _check_frame('state', message.header)
    values = {
        'x': message.x,
        'y': message.y,
        'yaw': message.yaw,
        'longitudinal_velocity_mps': message.longitudinal_velocity_mps,
        'front_wheel_angle_rad': message.front_wheel_angle_rad,
    }
    state = np.array(
        [number(f'state.{name}', value, -LARGEST, LARGEST) for name, value in values.items()]
    )
    state.flags.writeable = False
    return StateEstimate(
        stamp=to_seconds(message.header.stamp),
        state=state,
        acceleration=number('state.acceleration_mps2', message.acceleration_mps2),
        friction=number('state.friction', message.friction, at_least=0.05, at_most=2.0),
    )


def odometry_message(estimate: StateEstimate, wheelbase: float) -> Odometry:
    """Return the state as standard odometry: pose in the map, twist of base_link (REP-105)."""
    message = Odometry(header=header(estimate.stamp), child_frame_id=BASE)
    speed = float(estimate.state[SPEED])
    message.pose.pose = pose(*estimate.state[[PX, PY, YAW]])
    message.twist.twist.linear.x = speed
    message.twist.twist.angular.z = speed * math.tan(float(estimate.state[STEERING])) / wheelbase
    return message


def pose(x: float, y: float, yaw: float) -> Pose:
    """Return a pose in the plane."""
    return Pose(
        position=Point(x=float(x), y=float(y)),
        orientation=Quaternion(z=math.sin(float(yaw) / 2), w=math.cos(float(yaw) / 2)),
    )


# --- road ----------------------------------------------------------------------------------------


def road_message(road: Road, stamp: float) -> msg.Road:
    """Return the message of a road."""
    arrays = {theirs: _flat(getattr(road, ours)) for ours, theirs in ROAD_FIELDS.items()}
    return msg.Road(header=header(stamp), **arrays)


def road_from(message: msg.Road) -> Road:
    """Return the road in a message, whose heading may be in any turn at each place."""
    _check_frame('road', message.header)
    arrays = {ours: getattr(message, theirs) for ours, theirs in ROAD_FIELDS.items()}
    return Road(**arrays | {'heading': np.unwrap(arrays['heading'])})


# --- obstacles -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class ObstacleEstimate:
    """Perceived obstacles, or none: predicted poses start at `stamp` and are `dt` apart."""

    stamp: float
    dt: float
    obstacles: tuple[Obstacle, ...]


def obstacles_message(estimate: ObstacleEstimate) -> msg.ObstacleArray:
    """Return the message of obstacles; shorter predictions go on with their last velocity."""
    obstacles = estimate.obstacles
    steps = max((len(each.poses) for each in obstacles), default=1)
    poses = np.concatenate([each.poses_at(steps) for each in obstacles]) if obstacles else []
    sizes = sizes_of(obstacles, steps).reshape(-1, len(SIZES)).T
    return msg.ObstacleArray(
        header=header(estimate.stamp),
        dt=float(estimate.dt),
        steps=steps,
        ids=[each.name for each in obstacles],
        **{field: _flat(values) for field, values in zip(SIZES, sizes, strict=True)},
        poses=_flat(poses),
    )


def obstacles_from(message: msg.ObstacleArray) -> ObstacleEstimate:
    """Return the obstacles in a message; where it has none, its dt and steps mean nothing."""
    _check_frame('obstacles', message.header)
    count = len(message.ids)
    dt, steps = _prediction_grid(message) if count else (_any_step(message.dt), 0)
    if len(set(message.ids)) != count:
        raise ValueError(f'obstacles.ids are {list(message.ids)}: expected each once')
    poses = _shaped('obstacles.poses', message.poses, (count, steps, 3))
    number('obstacles.poses', max(poses.max(initial=0.0), -poses.min(initial=0.0)), 0.0, LARGEST)
    sizes = [_sizes(field, getattr(message, field), count, steps) for field in SIZES]
    obstacles = tuple(
        Obstacle(name, *rows) for name, *rows in zip(message.ids, poses, *sizes, strict=True)
    )
    return ObstacleEstimate(to_seconds(message.header.stamp), dt, obstacles)


def _sizes(
    field: str, values: ArrayLike, count: int, steps: int
) -> list[float] | NDArray[np.float64]:
    """Return one size of each obstacle, or all along the predictions, shape (count, steps)."""
    if len(values) == count:
        return list(values)
    if len(values) == count * steps:
        return np.reshape(values, (count, steps))
    raise ValueError(
        f'obstacles.{field} has {len(values)} entries: expected {count} or {count * steps}'
    )


def _prediction_grid(message: msg.ObstacleArray) -> tuple[float, int]:
    dt = number('obstacles.dt', message.dt, *STEP_RANGE)
    return dt, int(number('obstacles.steps', message.steps, at_least=1))


def _any_step(given: float) -> float:
    """Return a step where none is meant: the given one if it is one."""
    return given if STEP_RANGE[0] <= given <= STEP_RANGE[1] else Horizon().dt


def _shaped(name: str, values: ArrayLike, shape: tuple[int, ...]) -> NDArray[np.float64]:
    flat = np.asarray(values, dtype=float)
    if flat.size != math.prod(shape):
        raise ValueError(f'{name} has {flat.size} entries: expected {math.prod(shape)}')
    return finite_array(name, flat.reshape(shape), shape)


# --- goal ----------------------------------------------------------------------------------------


def goal_message(goal: Goal, stamp: float) -> msg.Goal:
    """Return the message of a goal."""
    message = msg.Goal(header=header(stamp))
    if isinstance(goal, KeepSpeed):
        message.type, message.speed_mps = msg.Goal.KEEP_SPEED, float(goal.speed)
    elif isinstance(goal, StationGoal):
        message.type, message.speed_mps = msg.Goal.STATION, float(goal.speed)
        message.station = float(goal.station)
    elif isinstance(goal, StopBefore):
        message.type, message.speed_mps = msg.Goal.STOP_BEFORE, float(goal.cruise_speed)
        message.station = float(goal.station)
    elif isinstance(goal, PoseGoal):
        message.type, message.speed_mps = msg.Goal.POSE, float(goal.speed)
        message.x, message.y, message.yaw = float(goal.x), float(goal.y), float(goal.yaw)
        message.station = float(goal.station or 0.0)
    else:
        assert_never(goal)
    return message


def goal_from(message: msg.Goal) -> Goal:
    """Return the goal in a message."""
    _check_frame('goal', message.header)
    speed = number('goal.speed_mps', message.speed_mps, at_least=0.0)
    if message.type == msg.Goal.KEEP_SPEED:
        return KeepSpeed(speed)
    if message.type == msg.Goal.STATION:
        return StationGoal(number('goal.station', message.station), speed)
    if message.type == msg.Goal.STOP_BEFORE:
        return StopBefore(number('goal.station', message.station), speed)
    if message.type == msg.Goal.POSE:
        x, y, yaw = (number(f'goal.{name}', getattr(message, name)) for name in ('x', 'y', 'yaw'))
        station = number('goal.station', message.station)
        return PoseGoal(x, y, yaw, speed, station or None)
    raise ValueError(f'goal.type is {message.type}: expected 0, 1, 2 or 3')


def goal_pose_from(message: PoseStamped) -> tuple[float, float, float]:
    """Return x, y, yaw of a pose that a user chose, such as by RViz' 2D Goal Pose."""
    _check_frame('goal_pose', message.header)
    x = number('goal_pose.position.x', message.pose.position.x)
    y = number('goal_pose.position.y', message.pose.position.y)
    turn = message.pose.orientation
    z = number('goal_pose.orientation.z', turn.z)
    w = number('goal_pose.orientation.w', turn.w)
    if math.hypot(z, w) < 0.5:
        raise ValueError(f'goal_pose.orientation has z {z}, w {w}: expected a turn about z')
    return x, y, 2 * math.atan2(z, w)


# --- problem -------------------------------------------------------------------------------------


def problem_message(problem: PlanningProblem) -> msg.PlanningProblem:
    """Return the message of a planning problem."""
    obstacles = ObstacleEstimate(problem.stamp, problem.horizon.dt, problem.obstacles)
    return msg.PlanningProblem(
        header=header(problem.stamp),
        initial_state=problem.initial_state,
        station=problem.here,
        road=road_message(problem.road, problem.stamp),
        obstacles=obstacles_message(obstacles),
        goal=goal_message(problem.goal, problem.stamp),
        friction=float(problem.friction),
        vehicle=problem.vehicle.label,
        dt=float(problem.horizon.dt),
        steps=problem.horizon.steps,
    )


def problem_from(message: msg.PlanningProblem, vehicle: VehicleParameters) -> PlanningProblem:
    """Return the planning problem in a message, which has to be one for a car."""
    _check_frame('problem', message.header)
    _check_vehicle('problem', message.vehicle, vehicle)
    return PlanningProblem(
        stamp=to_seconds(message.header.stamp),
        initial_state=message.initial_state,
        road=road_from(message.road),
        obstacles=obstacles_from(message.obstacles).obstacles,
        goal=goal_from(message.goal),
        vehicle=vehicle,
        friction=message.friction,
        horizon=Horizon(message.dt, message.steps),
        station=message.station,
    )


# --- proposals -----------------------------------------------------------------------------------


def proposals_message(
    proposals: tuple[Proposal, ...], problem: PlanningProblem, inference_time: float
) -> msg.Proposals:
    """Return the message of all proposals of one source for a problem."""
    horizon = problem.horizon
    shape = (horizon.steps + 1, STATE_SIZE)
    for each in proposals:
        finite_array(f'proposal {each.source!r}', each.trajectory.states, shape)
    states = [each.trajectory.states for each in proposals]
    controls = [each.trajectory.controls for each in proposals]
    return msg.Proposals(
        header=header(problem.stamp),
        count=len(proposals),
        steps=horizon.steps,
        dt=float(horizon.dt),
        source=[each.source for each in proposals],
        model_id=[each.model_id for each in proposals],
        states=_flat(states),
        controls=_flat(controls),
        predicted_return=_flat([each.predicted_return for each in proposals]),
        failure_probability=_flat([each.failure_probability for each in proposals]),
        uncertainty=_flat([each.uncertainty for each in proposals]),
        inference_time_ms=float(inference_time) * 1e3,
    )


def proposals_from(message: msg.Proposals) -> tuple[Proposal, ...]:
    """Return the proposals in a message; their trajectories carry the problem's stamp."""
    _check_frame('proposals', message.header)
    count, steps = int(message.count), int(message.steps)
    dt = number('proposals.dt', message.dt, at_least=1e-3, at_most=1.0)
    told = ('predicted_return', 'failure_probability', 'uncertainty')
    for name in ('source', 'model_id', *told):
        if len(getattr(message, name)) != count:
            raise ValueError(
                f'proposals.{name} has {len(getattr(message, name))} entries: expected {count}'
            )
    failure = np.asarray(message.failure_probability)
    outside = failure[(failure < 0.0) | (failure > 1.0)]
    if len(outside):
        raise ValueError(
            f'proposals.failure_probability is {outside[0]}: expected a number from 0 to 1, or NaN'
        )
    states = _shaped('proposals.states', message.states, (count, steps + 1, STATE_SIZE))
    controls = _shaped('proposals.controls', message.controls, (count, steps, CONTROL_SIZE))
    stamp = to_seconds(message.header.stamp)
    inference = number('proposals.inference_time_ms', message.inference_time_ms, at_least=0.0)
    return tuple(
        Proposal(
            source=message.source[i],
            trajectory=Trajectory(stamp, dt, unwrapped(states[i], YAW), controls[i]),
            model_id=message.model_id[i],
            **{name: float(getattr(message, name)[i]) for name in told},
            inference_time=inference / 1e3,
        )
        for i in range(count)
    )


# --- roll-outs -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class PolicyRollOut:
    """
    Where the members of a policy would drive from a state of the car.

    `ways` are the members', then their mean's, all with one stamp, that of the state, one step
    and one length; `problem_stamp` [s] is that of the problem that they see, `disagreement` the
    members' [m], `inference_time` that of all together [s].
    """

    ways: tuple[Trajectory, ...]
    problem_stamp: float
    model_id: str
    disagreement: float
    inference_time: float


def roll_out_message(roll_out: PolicyRollOut) -> msg.RollOut:
    """Return the message of a roll-out."""
    ways = roll_out.ways
    return msg.RollOut(
        header=header(ways[0].stamp),
        problem_stamp=to_time(roll_out.problem_stamp),
        model_id=roll_out.model_id,
        count=len(ways),
        steps=len(ways[0].controls),
        dt=float(ways[0].dt),
        states=_flat([way.states for way in ways]),
        controls=_flat([way.controls for way in ways]),
        disagreement_m=float(roll_out.disagreement),
        inference_time_ms=float(roll_out.inference_time) * 1e3,
    )


def roll_out_from(message: msg.RollOut) -> PolicyRollOut:
    """Return the roll-out in a message."""
    _check_frame('roll_out', message.header)
    count = int(number('roll_out.count', message.count, at_least=1))
    steps = int(number('roll_out.steps', message.steps, at_least=1))
    dt = number('roll_out.dt', message.dt, at_least=1e-3, at_most=1.0)
    states = _shaped('roll_out.states', message.states, (count, steps + 1, STATE_SIZE))
    controls = _shaped('roll_out.controls', message.controls, (count, steps, CONTROL_SIZE))
    stamp = to_seconds(message.header.stamp)
    inference = number('roll_out.inference_time_ms', message.inference_time_ms, at_least=0.0)
    return PolicyRollOut(
        ways=tuple(
            Trajectory(stamp, dt, unwrapped(states[i], YAW), controls[i]) for i in range(count)
        ),
        problem_stamp=to_seconds(message.problem_stamp),
        model_id=message.model_id,
        disagreement=number('roll_out.disagreement_m', message.disagreement_m, at_least=0.0),
        inference_time=inference / 1e3,
    )


# --- plan ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Reference:
    """What the controller tracks, and where it comes from; no trajectory on rung NONE."""

    problem_stamp: float
    trajectory: Trajectory | None
    rung: Rung
    source: str
    verified: bool


def reference_of(result: PlanResult) -> Reference:
    """Return the reference in a plan."""
    return Reference(
        result.problem_stamp, result.trajectory, result.rung, result.source, result.feasible
    )


def trajectory_message(reference: Reference, vehicle: VehicleParameters) -> msg.Trajectory:
    """Return the message of a reference."""
    trajectory = reference.trajectory
    stamp = reference.problem_stamp if trajectory is None else trajectory.stamp
    message = msg.Trajectory(
        header=header(stamp),
        problem_stamp=to_time(reference.problem_stamp),
        rung=reference.rung.value,
        source=reference.source,
        verified=bool(reference.verified),
        vehicle=vehicle.label,
    )
    if trajectory is not None:
        _fill(message, trajectory, vehicle)
    return message


def _fill(message: msg.Trajectory, trajectory: Trajectory, vehicle: VehicleParameters) -> None:
    states = trajectory.states
    controls = np.concatenate([trajectory.controls, np.zeros((1, CONTROL_SIZE))])
    message.dt = float(trajectory.dt)
    message.time_from_start = _flat(np.arange(len(states)) * trajectory.dt)
    message.x = _flat(states[:, PX])
    message.y = _flat(states[:, PY])
    message.yaw = _flat(states[:, YAW])
    message.longitudinal_velocity_mps = _flat(states[:, SPEED])
    message.front_wheel_angle_rad = _flat(states[:, STEERING])
    message.acceleration_mps2 = _flat(controls[:, ACCELERATION])
    message.steering_rate_rps = _flat(controls[:, STEERING_RATE])
    turn = states[:, SPEED] * np.tan(states[:, STEERING]) / vehicle.wheelbase
    message.heading_rate_rps = _flat(turn)


def reference_from(message: msg.Trajectory) -> Reference:
    """Return the reference in a message."""
    _check_frame('trajectory', message.header)
    rung = _rung('trajectory', message.rung)
    return Reference(
        problem_stamp=to_seconds(message.problem_stamp),
        trajectory=None if rung is Rung.NONE else _trajectory(message),
        rung=rung,
        source=message.source,
        verified=message.verified,
    )


def _rung(name: str, value: int) -> Rung:
    if value > max(rung.value for rung in Rung):
        raise ValueError(
            f'{name}.rung is {value}: expected 0 to {max(each.value for each in Rung)}'
        )
    return Rung(value)


def _trajectory(message: msg.Trajectory) -> Trajectory:
    length = len(message.x)
    if length < 2:
        raise ValueError(f'trajectory.x has {length} entries: expected at least 2')
    names = ('x', 'y', 'yaw', 'longitudinal_velocity_mps', 'front_wheel_angle_rad')
    states = _columns(message, names, length)
    controls = _columns(message, ('acceleration_mps2', 'steering_rate_rps'), length)
    dt = number('trajectory.dt', message.dt, at_least=1e-3, at_most=1.0)
    stamp = to_seconds(message.header.stamp)
    return Trajectory(stamp, dt, unwrapped(states, YAW), controls[:-1])


def _columns(message: msg.Trajectory, names: tuple[str, ...], length: int) -> NDArray[np.float64]:
    columns = [
        finite_array(f'trajectory.{name}', getattr(message, name), (length,)) for name in names
    ]
    return np.stack(columns, axis=-1)


def path_message(trajectory: Trajectory) -> Path:
    """Return the standard message of a trajectory's path."""
    message = Path(header=header(trajectory.stamp))
    message.poses = [
        PoseStamped(header=header(time), pose=pose(x, y, yaw))
        for time, (x, y, yaw) in zip(
            trajectory.times.tolist(), trajectory.states[:, :3].tolist(), strict=True
        )
    ]
    return message


def plan_status_message(result: PlanResult, stamp: float, total_time: float) -> msg.PlanStatus:
    """Return the message of how a planning cycle went, which took `total_time` as a whole [s]."""
    return msg.PlanStatus(
        header=header(stamp),
        problem_stamp=to_time(result.problem_stamp),
        rung=result.rung.value,
        status=result.solver_status.value,
        source=result.source,
        iterations=result.iterations,
        cost=float(result.cost),
        violation=float(result.violation),
        clearance_m=float(result.clearance),
        plan_time_ms=total_time * 1e3,
        solver_time_ms=result.solver_time * 1e3,
        verification_time_ms=result.verification_time * 1e3,
        proposal_time_ms=result.proposal_time * 1e3,
        candidates=result.candidates,
        message=result.message,
    )


# --- command -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Answered:
    """When a command was given, the stamp of its state, and of its reference's problem [s]."""

    stamp: float
    state_stamp: float
    problem_stamp: float


def command_message(output: ControlOutput, answered: Answered) -> msg.Command:
    """Return the message of a command; raises ValueError for one that is not finite."""
    return msg.Command(
        header=header(answered.stamp),
        problem_stamp=to_time(answered.problem_stamp),
        state_stamp=to_time(answered.state_stamp),
        acceleration_mps2=number('command.acceleration', output.acceleration),
        front_wheel_angle_rad=number('command.steering_angle', output.steering_angle),
        steering_rate_rps=number('command.steering_rate', output.steering_rate),
        rung=output.rung.value,
        status=output.reason or 'ok',
    )


@dataclass(frozen=True)
class ReceivedCommand:
    """A command [m/s^2, rad], when it was given, what it answers, and the ladder's rung."""

    answered: Answered
    acceleration: float
    steering_angle: float
    rung: Rung


def command_from(message: msg.Command) -> ReceivedCommand:
    """Return the command in a message."""
    return ReceivedCommand(
        answered=Answered(
            to_seconds(message.header.stamp),
            to_seconds(message.state_stamp),
            to_seconds(message.problem_stamp),
        ),
        acceleration=number('command.acceleration_mps2', message.acceleration_mps2),
        steering_angle=number('command.front_wheel_angle_rad', message.front_wheel_angle_rad),
        rung=_rung('command', message.rung),
    )


def controller_status_message(
    output: ControlOutput, answered: Answered, total_time: float, compensated_delay: float
) -> msg.ControllerStatus:
    """Return the message of how a step went, which took `total_time` as a whole [s]."""
    return msg.ControllerStatus(
        header=header(answered.stamp),
        rung=output.rung.value,
        status=output.reason or 'ok',
        start_source=output.start_source,
        iterations=output.iterations,
        solve_time_ms=output.solve_time * 1e3,
        step_time_ms=total_time * 1e3,
        kkt_residual=float(output.kkt_residual),
        lateral_error_m=float(output.lateral_error),
        longitudinal_error_m=float(output.longitudinal_error),
        heading_error_rad=float(output.heading_error),
        speed_error_mps=float(output.speed_error),
        compensated_delay_s=float(compensated_delay),
        reference_age_s=float(output.reference_age),
    )
