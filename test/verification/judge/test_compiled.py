# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
The compiled judge against its reference, `verify`, on thousands of trajectories.

Both measure the same samples with the same bounds, so they agree to rounding. Where two decisions
of the reference hang on rounding alone they may part: which of several nearest samples is looked
at between its neighbours, and on which side of a tolerance a violation lies that is equal to it.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from random_problems import random_problem

from warmstart_planner.generation.generated import SolverMissingError
from warmstart_planner.obstacles import Obstacle, box, disc
from warmstart_planner.problem import Horizon, KeepSpeed, PlanningProblem, StopBefore, Trajectory
from warmstart_planner.proposals.cold_bundle import ColdBundle
from warmstart_planner.proposals.straight_line import StraightLine
from warmstart_planner.road import road_from_segments
from warmstart_planner.vehicle import PX, PY, SPEED, STEERING, YAW, load_vehicle, roll_out
from warmstart_planner.verification import DEFAULT_TOLERANCES, Tolerances, verify
from warmstart_planner.verification.judge import compiled
from warmstart_planner.verification.verdict import GROUPS

CAR = load_vehicle()
SEEDS = (1, 2, 3, 6)  # problems that are quickly drawn
BOUND = 1e-6  # of a difference [m, rad, m/s, m/s^2]
SHARE = 1e-9  # the same of values so large that rounding alone exceeds BOUND


drawn = cache(random_problem)


@pytest.fixture(scope='module', autouse=True)
def folder():
    """Return the folder of the compiled judge; a fresh clone compiles it here, once."""
    return compiled.generate()


def assert_agree(problem, trajectories, tolerances=DEFAULT_TOLERANCES):
    """Hold the compiled verdicts on some trajectories against the reference's."""
    judge = compiled.Judge(problem, tolerances)
    for trajectory in trajectories:
        expected = verify(problem, trajectory, tolerances)
        found = judge.verdict(trajectory)
        for name in (*GROUPS, 'clearance', 'speeding'):
            value, reference = getattr(found, name), getattr(expected, name)
            assert value == pytest.approx(reference, abs=BOUND, rel=SHARE), name
        if on_the_limit(expected, tolerances):
            continue
        assert found.feasible == expected.feasible
        assert found.violation == pytest.approx(expected.violation, abs=BOUND, rel=SHARE)
        np.testing.assert_allclose(
            found.constraint_to_go, expected.constraint_to_go, atol=100 * BOUND, rtol=SHARE
        )


def on_the_limit(verdict, tolerances):
    """Whether a violation is as good as equal to its tolerance, not merely none at all."""
    values = np.array([getattr(verdict, name) for name in GROUPS])
    names = ['position' if name == 'dynamics' else name for name in GROUPS]
    allowed = np.array([getattr(tolerances, name) for name in names])
    # an overlap just above 0 may be none
    grazes = abs(verdict.clearance) <= BOUND
    return grazes or bool(((values > 0.0) & (np.abs(values - allowed) <= BOUND)).any())


def candidates(problem):
    """Return rolled-out starts of a problem, good and bad ones."""
    proposals = [*StraightLine().propose(problem), *ColdBundle().propose(problem)]
    return [proposal.trajectory for proposal in proposals]


def with_noise(trajectory, rng, size):
    noise = rng.normal(size=trajectory.states.shape) * size
    return replace(trajectory, states=trajectory.states + noise)


def with_one_node_off(trajectory, rng):
    """Return the trajectory with one number of one node or control elsewhere."""
    states, controls = trajectory.states.copy(), trajectory.controls.copy()
    rows = states if rng.random() < 0.7 else controls
    index = tuple(rng.integers(rows.shape))
    rows[index] += rng.normal() * 10.0 ** rng.uniform(-4, 1)
    return replace(trajectory, states=states, controls=controls)


def cut_or_continued(trajectory, rng, most):
    """Return as much of a trajectory as chosen, continued with its last controls."""
    steps = int(rng.integers(1, most))
    last = len(trajectory.controls) - 1
    controls = trajectory.controls[np.minimum(np.arange(steps), last)]
    states, applied = roll_out(trajectory.states[0], controls, trajectory.dt, CAR)
    return Trajectory(trajectory.stamp, trajectory.dt, states, applied)


# --- random problems ---


@pytest.mark.parametrize('tier', ['easy', 'medium', 'hard'])
@pytest.mark.parametrize('seed', SEEDS)
def test_on_random_problems_both_find_the_same(tier, seed):
    problem, rng = drawn(tier, seed), np.random.default_rng(seed)
    plain = candidates(problem)
    assert_agree(problem, plain)
    assert_agree(problem, [with_one_node_off(each, rng) for each in 2 * plain])
    assert_agree(problem, [with_noise(each, rng, 10.0 ** rng.uniform(-4, 1)) for each in plain])


@pytest.mark.parametrize('seed', SEEDS[:2])
def test_trajectories_of_any_length_are_judged(seed):
    problem, rng = drawn('hard', seed), np.random.default_rng(seed)
    assert_agree(problem, [cut_or_continued(each, rng, 150) for each in candidates(problem)])


@pytest.mark.parametrize('seed', SEEDS[2:])
def test_it_does_not_matter_where_the_world_lies(move_problem, move_trajectory, seed):
    problem, rng = drawn('hard', seed), np.random.default_rng(seed)
    world = (*rng.uniform(-1e5, 1e5, 2), rng.uniform(-20.0, 20.0))
    moved = move_problem(problem, *world)
    assert_agree(moved, [move_trajectory(each, *world) for each in candidates(problem)])


@pytest.mark.parametrize('seed', range(40))
def test_shapes_that_change_along_their_prediction_are_the_same(random_case, seed):
    problem, trajectory = random_case(seed)
    rng = np.random.default_rng(seed)
    obstacles = [
        # some longer than the horizon, some shorter, some standing
        Obstacle(o.name, o.poses[:count], *rng.uniform(0.1, 2.0, (3, count)))
        if rng.random() < 0.7
        else o
        for o, count in zip(problem.obstacles, rng.integers(1, 42, 12), strict=True)
    ]
    changed = replace(problem, obstacles=tuple(obstacles))
    more = [cut_or_continued(trajectory, rng, 80), with_one_node_off(trajectory, rng)]
    assert_agree(changed, [trajectory, *more])


def test_a_predicted_yaw_may_jump_by_whole_turns(random_case):
    for seed in range(10):
        problem, trajectory = random_case(seed)
        turns = 6 * np.pi * np.random.default_rng(seed).integers(0, 2, 41)
        poses = [o.poses + turns[:, None] * [0.0, 0.0, 1.0] for o in problem.obstacles]
        turned = [replace(o, poses=p) for o, p in zip(problem.obstacles, poses, strict=True)]
        assert_agree(replace(problem, obstacles=tuple(turned)), [trajectory])


@pytest.mark.parametrize('seed', range(40))
def test_what_flies_by_between_two_samples_is_met_the_same(random_case, seed):
    problem, trajectory = random_case(seed)
    rng = np.random.default_rng(seed)
    times = np.arange(41) * 0.1
    obstacles = []
    for k in range(12):
        at = rng.uniform(0.5, 3.5)
        place = [np.interp(at, trajectory.times, trajectory.states[:, i]) for i in (PX, PY)]
        velocity = rng.normal(size=3) * [30.0, 30.0, 10.0 ** rng.uniform(-1, 1)]
        poses = [*(place + rng.normal(size=2)), 0.0] + (times - at)[:, None] * velocity
        size = rng.uniform(0.01, 0.5, 3) * [k % 2, k % 2, 1.0]
        obstacles.append(Obstacle(str(k), poses, *size))
    assert_agree(replace(problem, obstacles=tuple(obstacles)), [trajectory])
    for obstacle in obstacles:  # alone it is the nearest, and measured to the end
        assert_agree(replace(problem, obstacles=(obstacle,)), [trajectory])


@pytest.mark.parametrize('seed', range(20))
def test_goals_starts_outside_and_grip_are_the_same(random_case, seed):
    problem, trajectory = random_case(seed)
    rng = np.random.default_rng(seed)
    goals = [StopBefore(station, 8.0) for station in rng.uniform(0.0, 120.0, 3)]
    for goal in (KeepSpeed(5.0), *goals):
        start = problem.initial_state.copy()
        start[SPEED] += rng.choice([0.0, -12.0, 45.0])
        start[STEERING] += rng.choice([0.0, 1.2, -1.2, 0.3, -2.0])
        changed = replace(
            problem, goal=goal, initial_state=start, friction=float(rng.uniform(0.05, 1.2))
        )
        states, applied = roll_out(start, trajectory.controls, 0.1, CAR)
        assert_agree(changed, [trajectory, Trajectory(0.0, 0.1, states, applied)])


def test_other_tolerances_are_held(random_case):
    for seed in range(10):
        problem, trajectory = random_case(seed)
        values = np.random.default_rng(seed).uniform(0.0, 0.2, 11)
        assert_agree(problem, [trajectory], Tolerances(*values))


# --- roads ---


@pytest.mark.parametrize('name', ['circle', 'cloverleaf', 'eight', 'hairpin'])
@pytest.mark.parametrize('seed', range(20))
def test_on_roads_that_meet_themselves_each_is_on_the_same_pass(loops, name, seed):
    road, rng = loops[name], np.random.default_rng(seed)
    begin = rng.uniform(-5.0, road.end + 5.0)
    speed, offset = rng.uniform(0.0, 15.0), rng.normal() * 2.0
    stations = begin + speed * Horizon().times * rng.choice([1.0, -1.0], p=[0.8, 0.2])
    steering = np.arctan(CAR.wheelbase * road.at('curvature', stations))
    states = np.column_stack([road.poses(stations, offset), np.full(61, speed), steering])
    known = begin if seed % 4 else None
    if name == 'eight' and known is None:
        return  # its passes lie on one another: which is nearer is a matter of rounding
    limits = np.where(road.station > road.end / 2, 3.0, 10.0)
    road = replace(road, left_width=road.left_width * rng.uniform(-0.3, 1.0), speed_limit=limits)
    problem = PlanningProblem(
        initial_state=states[0], road=road, goal=KeepSpeed(5.0), vehicle=CAR, station=known
    )
    trajectory = Trajectory(0.0, 0.1, states, np.zeros((60, 2)))
    assert_agree(problem, [trajectory, with_one_node_off(trajectory, rng)])


@pytest.mark.parametrize('begin', [-3.0, -1.0, 1.0, 196.0, 198.0, 203.0])
@pytest.mark.parametrize('speed', [0.0, 0.04, 0.06, 3.0])
def test_both_ends_of_the_road_are_the_same(driven, problem_of, begin, speed):
    start = np.array([begin, 0.0, 0.1, speed, 0.0])
    assert_agree(problem_of(start=start), [driven(start)])


@pytest.mark.parametrize('seed', range(20))
def test_roads_of_few_and_uneven_vertices_are_the_same(driven, problem_of, seed):
    rng = np.random.default_rng(seed)
    road = road_from_segments([(80.0, 0.0, 0.03), (90.0, 0.03, -0.05)], 2.0, 3.0, 9.0)
    inner = np.unique(rng.integers(1, len(road.x) - 1, rng.integers(1, 60)))
    kept = np.concatenate([[0], inner, [len(road.x) - 1]])
    road = replace(road, **{name: getattr(road, name)[kept] for name in vars(road)})
    start = np.array([*road.poses(rng.uniform(-5, 100), rng.normal()), rng.uniform(0, 15), 0.0])
    controls = rng.normal(size=(40, 2)) * [2.0, 0.3]
    assert_agree(problem_of(road, start=start), [driven(start, controls)])


@pytest.mark.parametrize('excess', [-1e-3, -2e-6, 0.0, 2e-6, 1e-3])
@pytest.mark.parametrize('turn', [0.0, 0.2, -0.7])
def test_a_corner_on_the_edge_is_on_the_same_side_of_it(driven, problem_of, excess, turn):
    width = CAR.length / 2 * np.abs(np.sin(turn)) + CAR.width / 2 * np.cos(turn)
    for limit in (0.0, DEFAULT_TOLERANCES.road):
        offset = 4.0 - width + limit + excess
        start = np.array([60.0, offset - CAR.rear_to_center * np.sin(turn), turn, 0.0, 0.0])
        problem = problem_of(start=start)
        assert verify(problem, driven(start)).road == pytest.approx(
            max(limit + excess, 0.0), abs=1e-9
        )
        assert_agree(problem, [driven(start)])


# --- touching ---


@pytest.mark.parametrize('gap', [-1e-3, -2e-6, -1e-9, 0.0, 1e-9, 2e-6, 1e-3])
def test_touching_is_the_limit_for_both(problem_of, driven, gap):
    half = np.array([CAR.length, CAR.width]) / 2
    centre = np.array([60.0 + CAR.rear_to_center, 0.0])
    corner = centre + half
    start = np.array([60.0, 0.0, 0.0, 0.0, 0.0])
    diagonal = np.array([1.0, 1.0]) / np.sqrt(2)
    touching = [
        box('beside', [*(centre + [0.3, half[1] + 0.9 + gap]), 0.0], 4.0, 1.8),
        box('ahead', [*(centre + [half[0] + 2.0 + gap, 0.1]), 0.0], 4.0, 1.8),
        box('corner', [*(corner + diagonal * (np.sqrt(2) + gap)), 0.0], 2.0, 2.0),
        box('tip', [*(centre + [0.0, half[1] + np.sqrt(2) + gap]), np.pi / 4], 2.0, 2.0),
        disc('stone', [*(corner + diagonal * (0.4 + gap)), 0.0], 0.4),
    ]
    for obstacle in touching:
        problem = problem_of(obstacles=[obstacle], start=start)
        clearance = verify(problem, driven(start)).clearance
        # overlapping corners are apart after a shorter way along a side
        assert gap - 1e-9 <= clearance <= (gap if gap >= 0.0 else gap / 2) + 1e-9
        assert_agree(problem, [driven(start)])


@pytest.mark.parametrize('depth', [-1e-3, -2e-6, 2e-6, 1e-4, 1e-3, 1e-2])
def test_a_corner_clipped_between_two_samples_is_seen_by_both(problem_of, driven, depth):
    start = np.array([20.0, 0.0, 0.0, 10.0, 0.0])
    times = np.arange(41) * 0.1
    half = np.array([CAR.length, CAR.width]) / 2
    across, outward = np.array([1.0, -1.0]) / np.sqrt(2), np.array([1.0, 1.0]) / np.sqrt(2)
    centre = np.stack([start[PX] + 10.0 * times + CAR.rear_to_center, np.zeros(41)], axis=1)
    for at in (1.0, 1.01, 1.05, 1.0999):
        path = half + outward * (0.1 - depth) + across * (20.0 * (times - at))[:, None]
        poses = np.concatenate([centre + path, np.zeros((41, 1))], axis=1)
        assert_agree(problem_of(obstacles=[disc('stone', poses, 0.1)]), [driven(start)])


# --- whatever comes ---


@pytest.mark.parametrize('size', [1e2, 1e4])
def test_nonsense_is_nonsense_to_both(random_case, size):
    for seed in range(20):
        problem, trajectory = random_case(seed)
        rng = np.random.default_rng(seed)
        assert_agree(problem, [with_noise(trajectory, rng, size)])


@pytest.mark.parametrize('size', [1e9, 1e100, 1e300])
def test_nothing_so_large_passes(random_case, size):
    for seed in range(20):
        problem, trajectory = random_case(seed)
        verdict = compiled.Judge(problem).verdict(
            with_noise(trajectory, np.random.default_rng(seed), size)
        )
        assert not verdict.feasible and verdict.violation > 0.0
        assert not np.isnan([getattr(verdict, name) for name in GROUPS]).any()
        assert not np.isnan(verdict.constraint_to_go).any()


@pytest.mark.parametrize('value', [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize('node', [0, 7, 40])
@pytest.mark.parametrize('index', [PX, PY, YAW, SPEED, STEERING])
def test_what_is_no_number_is_no_reason_to_pass(problem_of, driven, value, node, index):
    problem, trajectory = problem_of(obstacles=[disc('stone', [60.0, 3.0, 0.0], 0.5)]), driven()
    states = trajectory.states.copy()
    states[node, index] = value
    object.__setattr__(trajectory, 'states', states)  # past the checks of a trajectory
    verdict = compiled.Judge(problem).verdict(trajectory)
    assert not verdict.feasible and verdict.violation == np.inf


@pytest.mark.parametrize('value', [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize('index', [(0, 0), (39, 0), (0, 1), (39, 1)])
def test_controls_that_are_no_numbers_do_not_pass(problem_of, driven, value, index):
    trajectory = driven()
    controls = trajectory.controls.copy()
    controls[index] = value
    object.__setattr__(trajectory, 'controls', controls)
    verdict = compiled.Judge(problem_of()).verdict(trajectory)
    assert not verdict.feasible and verdict.violation == np.inf


# --- how it is called ---


def test_rows_may_lie_in_memory_in_any_order(random_case):
    problem, trajectory = random_case(3)
    turned = replace(trajectory, states=np.asfortranarray(trajectory.states))
    assert not turned.states.flags.c_contiguous
    assert_agree(problem, [turned])


def test_one_judge_serves_several_threads(random_case):
    problem, trajectory = random_case(3)
    rng = np.random.default_rng(3)
    many = [cut_or_continued(trajectory, rng, 120) for _ in range(60)]
    expected = [compiled.Judge(problem).verdict(each) for each in many]
    judge = compiled.Judge(problem)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(judge.verdict, many))
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one.constraint_to_go, other.constraint_to_go)
        assert one.clearance == other.clearance


@pytest.mark.parametrize(
    ('change', 'said'),
    [
        ({'dt': 0.2}, 'trajectory.dt is 0.2: expected 0.1'),
        ({'stamp': 1.0}, 'trajectory.stamp is 1.0: expected 0.0'),
        ({'states': np.zeros((1, 5)), 'controls': np.zeros((0, 2))}, 'trajectory.states has 1'),
    ],
)
def test_a_trajectory_on_another_grid_is_refused(problem_of, driven, change, said):
    with pytest.raises(ValueError, match=said):
        compiled.Judge(problem_of()).verdict(replace(driven(), **change))


def test_a_judge_that_is_not_generated_says_what_to_run(problem_of, tmp_path, monkeypatch):
    monkeypatch.setenv('WARMSTART_PLANNER_SOLVERS', str(tmp_path))
    compiled.load.cache_clear()
    try:
        with pytest.raises(SolverMissingError, match="'judge' is not generated.* run `"):
            compiled.Judge(problem_of())
    finally:
        compiled.load.cache_clear()
