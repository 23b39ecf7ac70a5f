# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""What the car can touch within the horizon matters; what only stands near does not."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from warmstart_planner.obstacles import box, disc
from warmstart_planner.problem import MAX_OBSTACLES, Horizon
from warmstart_planner.relevance import most_relevant, relevances
from warmstart_planner.road import road_from_polyline, road_from_segments
from warmstart_planner.scenarios.geometry import separation
from warmstart_planner.vehicle import load_vehicle

HORIZON = Horizon()
VEHICLE = load_vehicle()
LEFT, RIGHT = 5.25, 1.75
ROAD = road_from_segments([(600.0, 0.0, 0.0)], LEFT, RIGHT, 14.0)
HERE = 200.0


def car_state(speed=14.0, station=HERE, offset=0.0, road=ROAD):
    return np.array([*road.poses(station, offset), speed, 0.0])


def kept(obstacles, state=None, station=HERE, road=ROAD, **rest):
    state = car_state() if state is None else state
    found = most_relevant(obstacles, road, station, state, VEHICLE, 1.0, HORIZON, **rest)
    return [obstacle.name for obstacle in found]


def times(obstacles, state=None, station=HERE, road=ROAD, friction=1.0):
    state = car_state() if state is None else state
    found = relevances(obstacles, road, station, state, VEHICLE, friction, HORIZON)
    return {each.name: each.time for each in found}


def parked(name, station, offset=0.0, road=ROAD):
    return box(name, road.poses(station, offset), 4.5, 1.8)


def driving(name, station, offset, speed, road=ROAD):
    """Drive along the road, against it where the speed is negative."""
    poses = road.poses(station + speed * HORIZON.times, offset)
    poses[:, 2] += np.pi * (speed < 0.0)
    return box(name, poses, 4.5, 1.8)


def walking(name, station, offset, speed, start=0.0):
    path = offset + speed * np.maximum(HORIZON.times - start, 0.0)
    return disc(name, ROAD.poses(np.full(len(path), station), path), 0.3)


BESIDE = -RIGHT - 1.2  # centre of a car that stands beside the road, a hand's breadth off it [m]
CROWDS = {
    'beside the road': [(HERE + 4.0 * i, BESIDE) for i in range(24)],
    'on both sides': [(HERE + 5.0 * (i // 2), (BESIDE, LEFT + 1.2)[i % 2]) for i in range(30)],
    'behind the car': [(HERE - 8.0 - 5.0 * i, 0.0) for i in range(20)],
    'behind in the other lane': [(HERE - 8.0 - 5.0 * i, 3.5) for i in range(20)],
    'off the road abreast': [(HERE + i, 9.0 + i) for i in range(20)],
    'in the lane beside': [(HERE + 5.0 * i - 4.0, 3.9) for i in range(30)],
}


@pytest.mark.parametrize('crowd', CROWDS)
@pytest.mark.parametrize('speed', [0.0, 3.0, 14.0, 30.0])
@pytest.mark.parametrize('ahead', [25.0, 60.0])
def test_what_stands_ahead_in_the_lane_comes_before_any_crowd(crowd, speed, ahead):
    others = [parked(f'other {i}', *place) for i, place in enumerate(CROWDS[crowd])]
    names = kept([*others, parked('in the way', HERE + ahead)], car_state(speed))
    assert names[0] == 'in the way'
    assert len(names) == MAX_OBSTACLES


@pytest.mark.parametrize(
    'one',
    [
        driving('one', HERE - 60.0, 0.0, 33.0),
        driving('one', HERE + 180.0, 3.5, -20.0),
        driving('one', HERE + 180.0, 0.0, -20.0),
        walking('one', HERE + 35.0, 9.0, -1.6),
        walking('one', HERE + 50.0, -9.0, 1.6, start=1.0),
        driving('one', HERE - 30.0, 3.5, 20.0),
        parked('one', HERE + 70.0, 3.5),
    ],
    ids=['fast from behind', 'oncoming', 'oncoming in our lane', 'crossing from the left',
         'crossing later', 'overtaking', 'in the other lane'],
)  # fmt: skip
def test_whatever_the_car_can_touch_comes_before_a_crowd_that_it_cannot(one):
    crowd = [
        parked(f'{kind} {i}', *place)
        for kind in ('beside the road', 'behind the car', 'off the road abreast')
        for i, place in enumerate(CROWDS[kind])
    ]
    assert kept([*crowd, one])[0] == 'one'


def test_of_what_can_be_touched_the_first_to_be_reached_comes_first():
    cars = [parked(f'{x}', HERE + x, 3.0) for x in range(12, 92, 5)]
    assert kept(cars[::-1]) == [f'{x}' for x in range(12, 72, 5)]


def test_a_lorry_counts_by_its_side_not_its_centre():
    cars = [parked(f'{i}', HERE + 30.0 + 0.1 * i, 3.5) for i in range(MAX_OBSTACLES)]
    lorry = box('lorry', ROAD.poses(HERE + 34.0, 3.5), 18.0, 2.5)
    assert 'lorry' in kept([*cars, lorry])


def test_a_wall_across_the_road_counts_where_its_centre_is_off_it():
    wall = box('wall', ROAD.poses(HERE + 40.0, 12.0) + [0.0, 0.0, np.pi / 2], 20.0, 0.4)
    along = box('along', ROAD.poses(HERE + 40.0, 12.0), 20.0, 0.4)
    found = times([wall, along])
    assert np.isfinite(found['wall']) and np.isinf(found['along'])


def test_what_is_too_far_from_where_the_car_can_be_is_left_out_where_that_is_asked_for():
    obstacles = [
        parked('near', HERE + 50.0),
        parked('far', HERE + 350.0),
        parked('aside', HERE, 60),
    ]
    assert kept(obstacles, farthest=25.0) == ['near']
    assert kept(obstacles) == ['near', 'aside', 'far']


def test_on_ice_the_car_can_be_in_fewer_places():
    behind = driving('behind', HERE - 60.0, 0.0, 20.0)
    assert np.isfinite(times([behind])['behind'])
    assert np.isinf(times([behind], friction=0.1)['behind'])


anything = st.builds(
    lambda kind, x, y, v: kind(x, y, v),
    st.sampled_from(
        [
            lambda x, y, v: parked('', HERE + x, y),
            lambda x, y, v: driving('', HERE + x, y, v),
            lambda x, y, v: walking('', HERE + x, y, v / 10.0),
        ]
    ),
    st.floats(-100.0, 200.0),
    st.floats(-12.0, 12.0),
    st.floats(-30.0, 30.0),
)


def named(obstacles, prefix):
    return [
        box(f'{prefix} {i}', o.poses, 2 * o.half_length + 0.1, 2 * o.half_width + 0.1)
        for i, o in enumerate(obstacles)
    ]


@given(st.lists(anything, max_size=30), st.randoms(), st.floats(0.0, 30.0))
def test_the_order_in_which_obstacles_are_given_makes_no_difference(some, random, speed):
    obstacles = named(some, 'obstacle')
    shuffled = obstacles.copy()
    random.shuffle(shuffled)
    assert kept(shuffled, car_state(speed)) == kept(obstacles, car_state(speed))


@given(st.lists(anything, max_size=MAX_OBSTACLES), st.lists(anything, max_size=30))
def test_what_does_not_matter_never_takes_the_place_of_what_does(some, others):
    able, unable = named(some, 'able'), named(others, 'unable')
    able = [o for o in able if np.isfinite(times([o])[o.name])]
    unable = [o for o in unable if np.isinf(times([o])[o.name])]
    assert {o.name for o in able} <= set(kept([*unable, *able]))
    assert kept([*unable, *able])[: len(able)] == kept(able)


@given(
    st.floats(0.0, 25.0),
    st.floats(-VEHICLE.deceleration_max, VEHICLE.acceleration_max),
    st.floats(-80.0, 150.0),
    st.floats(-8.0, 8.0),
    st.floats(-30.0, 30.0),
    st.floats(-6.0, 6.0),
    st.floats(-3.0, 3.0),
)
def test_whatever_a_drive_along_the_road_touches_was_told_in_time(
    speed, acceleration, x, y, along, aside, yaw
):
    t = HORIZON.times
    until = np.minimum(t, speed / -acceleration) if acceleration < 0.0 else t
    travelled = speed * until + acceleration * until**2 / 2
    poses = np.stack([HERE + x + along * t, y + aside * t, np.full(len(t), yaw)], axis=-1)
    one = box('one', poses, 4.5, 1.8)
    reported = times([one], car_state(speed))['one']
    size = (VEHICLE.length / 2, VEHICLE.width / 2)
    for k in range(len(t)):
        own = [HERE + travelled[k] + VEHICLE.rear_to_center, 0.0, 0.0]
        if separation(own, size, poses[k], (2.25, 0.9)) < -1e-6:
            assert reported <= t[k] + 1e-9
            return


@given(st.floats(-np.pi, np.pi), st.floats(-500.0, 500.0), st.lists(anything, max_size=20))
def test_where_on_the_map_it_happens_makes_no_difference(turn, x, some):
    origin = (x, -x, turn)
    moved_road = road_from_segments([(600.0, 0.0, 0.0)], LEFT, RIGHT, 14.0, origin)
    cosine, sine = np.cos(turn), np.sin(turn)
    there, here = [], named(some, 'obstacle')
    for o in here:
        px, py = o.poses[:, 0], o.poses[:, 1]
        poses = np.stack(
            [x + cosine * px - sine * py, -x + sine * px + cosine * py, o.poses[:, 2] + turn], -1
        )
        there.append(box(o.name, poses, 2 * o.half_length, 2 * o.half_width))
    moved = times(there, car_state(road=moved_road), road=moved_road)
    for name, time in times(here).items():
        # what touches by rounding alone may not do so elsewhere
        assert moved[name] == pytest.approx(time, abs=0.31) or np.isinf([moved[name], time]).any()


def test_a_part_of_the_road_that_comes_back_beside_the_car_is_far_ahead_of_it():
    """A hairpin of 300 m: the other leg is 12 m away, and half a minute later."""
    leg = np.linspace(0.0, 300.0, 151)
    bend = np.linspace(-np.pi / 2, np.pi / 2, 21)[1:-1]
    points = np.concatenate(
        [
            np.column_stack([leg, np.zeros(151)]),
            np.column_stack([300.0 + 6.0 * np.cos(bend), 6.0 + 6.0 * np.sin(bend)]),
            np.column_stack([leg[::-1], np.full(151, 12.0)]),
        ]
    )
    width = np.full(len(points), 1.75)
    road = road_from_polyline(points, width, width, 14.0)
    state = np.array([20.0, 0.0, 0.0, 10.0, 0.0])
    found = times(
        [
            box('ahead', [60.0, 0.0, 0.0], 4.5, 1.8),
            box('other leg', [60.0, 12.0, np.pi], 4.5, 1.8),
        ],
        state,
        20.0,
        road,
    )
    assert np.isfinite(found['ahead']) and np.isinf(found['other leg'])


def test_where_the_road_meets_itself_the_station_says_which_part_counts():
    """A lap: the road ends where it begins, and the car at its end does not see the beginning."""
    around = 2 * np.pi * 60.0
    road = road_from_segments([(around, 1 / 60.0, 1 / 60.0)], 1.75, 1.75, 14.0)
    one = box('one', road.poses(30.0), 4.5, 1.8)
    behind = box('behind', road.poses(around - 30.0), 4.5, 1.8)
    found = times([one, behind], car_state(8.0, 5.0, road=road), 5.0, road)
    assert np.isfinite(found['one']) and np.isinf(found['behind'])
