# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""The CommonRoad reader: who else is on the road, and how he moves."""

from pathlib import Path

import numpy as np
import pytest
from commonroad_document import (
    CAR,
    PARKED,
    at,
    circle,
    document,
    dynamic,
    exact,
    interval,
    moving_at,
    occupancy,
    phantom,
    points,
    polygon,
    rectangle,
    sets,
    trajectory,
)

SHARED = Path(__file__).resolve().parents[3] / 'shared' / 'scenarios'
SHARED_FILES = sorted(SHARED.glob('*.xml'))
MUST_DRIVE = ('USA_US101-8_1_T-1', 'C-DEU_B471-1_5_T-1', 'DEU_IV21-1_2_T-1')
needs_shared = pytest.mark.skipif(
    not SHARED_FILES, reason=f'{SHARED} is absent: no CommonRoad files to read'
)


def covered(participants, point, t=0.0):
    """Tell whether a point lies in a participant at a time."""
    for each in participants:
        pose = each.pose_at(t)
        if pose is None:
            continue
        c, s = np.cos(pose[2]), np.sin(pose[2])
        local = np.abs(np.array([[c, s], [-s, c]]) @ (np.asarray(point) - pose[:2]))
        length, width, radius = each.size_at(t)
        if np.hypot(*np.maximum(local - [length, width], 0.0)) <= radius + 1e-6:
            return True
    return False


class TestTraffic:
    def test_trajectory_of_both_formats_is_read_alike(self, read):
        states = ''.join(f'<state>{at(60 + k, 4, k)}</state>' for k in range(1, 5))
        body = f'{CAR}<initialState>{at(60, 4, 0)}</initialState><trajectory>{states}</trajectory>'
        new = f'<dynamicObstacle id="1"><type>truck</type>{body}</dynamicObstacle>'
        old = f'<obstacle id="1"><role>dynamic</role><type>truck</type>{body}</obstacle>'
        for text in (document(obstacles=new), document(obstacles=old, version='2018b')):
            (truck,) = read(text).traffic
            assert truck.kind == 'truck'
            assert (truck.half_length, truck.half_width, truck.radius) == (2.5, 1.0, 0.0)
            np.testing.assert_allclose(truck.pose_at(0.25), [62.5, 4.0, 0.0])
            assert truck.pose_at(0.5) is None

    def test_intervals_become_their_middle(self, read):
        state = at(60, 4, 0).replace(exact('orientation', 0.0), interval('orientation', 0.1, 0.3))
        text = PARKED.replace(at(60, 0, 0), state)
        (parked,) = read(document(obstacles=text)).traffic
        assert parked.poses[0, 2] == pytest.approx(0.2)

    def test_what_a_state_leaves_open_makes_the_shape_larger(self, read):
        state = at(60, 4, 0).replace(exact('orientation', 0.0), interval('orientation', 0.1, 0.3))
        text = PARKED.replace(at(60, 0, 0), state)
        (turned,) = read(document(obstacles=text)).traffic
        c, s = np.cos(0.1), np.sin(0.1)
        sizes = [2.5 * c + 1.0 * s, 1.0 * c + 2.5 * s, 0.0]
        np.testing.assert_allclose(turned.size_at(0.0), sizes)
        region = '<circle><radius>0.7</radius><center><x>60</x><y>4</y></center></circle>'
        text = PARKED.replace('<point><x>60</x><y>0</y></point>', region)
        (somewhere,) = read(document(obstacles=text)).traffic
        np.testing.assert_allclose(somewhere.size_at(0.0), [2.5, 1.0, 0.7])
        region = (
            '<rectangle><length>2</length><width>1</width><orientation>1.5707963267948966'
            '</orientation><center><x>60</x><y>4</y></center></rectangle>'
        )
        text = PARKED.replace('<point><x>60</x><y>0</y></point>', region)
        (somewhere,) = read(document(obstacles=text)).traffic
        np.testing.assert_allclose(somewhere.size_at(0.0), [3.0, 2.0, 0.0])

    def test_circle_and_polygon_and_shifted_rectangle(self, read):
        circle = '<circle><radius>0.6</radius></circle>'
        polygon = f'<polygon>{points((-1, 3), 0)}{points((3, -1), 2)}</polygon>'
        shifted = (
            '<rectangle><length>4</length><width>2</width><orientation>0.5</orientation>'
            '<center><x>1</x><y>0</y></center></rectangle>'
        )
        obstacles = ''.join(
            f'<staticObstacle id="{i}"><type>unknown</type><shape>{shape}</shape>'
            f'<initialState>{at(60 + 20 * i, 0, 0, np.pi / 2)}</initialState></staticObstacle>'
            for i, shape in enumerate((circle, polygon, shifted))
        )
        disc, area, moved = read(document(obstacles=obstacles)).traffic
        assert (disc.half_length, disc.half_width, disc.radius) == (0.0, 0.0, 0.6)
        assert sorted((area.half_length, area.half_width)) == pytest.approx([1.0, 2.0])
        np.testing.assert_allclose(area.poses[0, :2], [79.0, 1.0], atol=1e-9)
        np.testing.assert_allclose(moved.poses[0], [100.0, 1.0, np.pi / 2 + 0.5], atol=1e-9)

    def test_occupancy_set_becomes_a_motion(self, read):
        areas = ''.join(
            '<occupancy><shape><rectangle><length>6</length><width>2</width>'
            f'<center><x>{60 + k}</x><y>4</y></center></rectangle></shape>'
            f'{interval("time", k, k)}</occupancy>'
            for k in range(1, 4)
        )
        text = (
            f'<dynamicObstacle id="1"><type>car</type>{CAR}<initialState>{at(60, 4, 0)}'
            f'</initialState><occupancySet>{areas}</occupancySet></dynamicObstacle>'
        )
        (car,) = read(document(obstacles=text)).traffic
        np.testing.assert_allclose(car.size_at(0.2), [3.0, 1.0, 0.0])
        np.testing.assert_allclose(car.pose_at(0.2)[:2], [62.0, 4.0])

    def test_times_count_from_the_problems_start(self, read):
        states = ''.join(f'<state>{at(60 + k, 4, k)}</state>' for k in range(1, 30))
        text = (
            f'<dynamicObstacle id="1"><type>car</type>{CAR}<initialState>{at(60, 4, 0)}'
            f'</initialState><trajectory>{states}</trajectory></dynamicObstacle>'
        )
        start = at(30, 0, 10) + exact('velocity', 10)
        scenario = read(document(obstacles=text, start=start))
        np.testing.assert_allclose(scenario.traffic[0].pose_at(0.0)[:2], [70.0, 4.0])
        assert scenario.duration == pytest.approx(9.0)


class TestSets:
    def test_each_time_has_its_own_set_even_where_the_last_holds_the_start(self, read):
        areas = [
            occupancy(rectangle(60 + k / 2, 0, 4 + 2 * k, 2), exact('time', k))
            for k in range(1, 40)
        ]
        (car,) = read(document(obstacles=dynamic(sets(*areas), at(60, 0, 0)))).traffic
        for t in (0.1, 1.25, 3.9):
            np.testing.assert_allclose(car.size_at(t), [2 + 10 * t, 1.0, 0.0])
            np.testing.assert_allclose(car.pose_at(t), [60 + 5 * t, 0.0, 0.0])

    @pytest.mark.parametrize('heading', [0.0, np.pi / 2, np.pi, -2.0, 0.8])
    @pytest.mark.parametrize('first', range(4))
    def test_a_set_lies_along_its_way_wherever_its_polygon_begins(self, read, heading, first):
        c, s = np.cos(heading), np.sin(heading)
        corners = np.array([[2.2, -0.9], [2.2, 0.9], [-2.2, 0.9], [-2.2, -0.9]]) @ [
            [c, s],
            [-s, c],
        ]
        areas = [
            occupancy(
                polygon(np.roll(corners, first * k, axis=0) + [60 + k * c, 4 + k * s]),
                exact('time', k),
            )
            for k in range(9)
        ]
        (seen,) = read(document(obstacles=phantom(*areas))).traffic
        assert not seen.varies
        assert (seen.half_length, seen.half_width) == pytest.approx((2.2, 0.9))
        np.testing.assert_allclose(np.cos(seen.poses[:, 2] - heading), 1.0, atol=1e-9)

    def test_a_set_keeps_the_heading_of_the_body(self, read):
        lying = [
            occupancy(rectangle(60 + k, 4, 2.0, 5.0, np.pi / 2), exact('time', k))
            for k in range(1, 9)
        ]
        (car,) = read(document(obstacles=dynamic(sets(*lying)))).traffic
        assert not car.varies and car.half_length == pytest.approx(2.5)
        np.testing.assert_allclose(car.poses[:, 2], 0.0, atol=1e-12)

    def test_circles_are_discs_that_grow(self, read):
        areas = [occupancy(circle(60, 4, 1 + k / 10), exact('time', k)) for k in range(11)]
        (seen,) = read(document(obstacles=phantom(*areas))).traffic
        np.testing.assert_allclose(seen.size_at(0.5), [0.0, 0.0, 1.5])

    def test_an_interval_holds_from_its_start_to_its_end(self, read):
        areas = (
            occupancy(rectangle(60, 4, 4, 2), interval('time', 2, 10)),
            occupancy(rectangle(70, 4, 8, 2), interval('time', 10, 20)),
        )
        (seen,) = read(document(obstacles=phantom(*areas))).traffic
        assert seen.pose_at(0.19) is None and seen.pose_at(2.01) is None
        for t, x, half in ((0.2, 60, 2), (0.6, 60, 2), (0.99, 60, 2), (1.01, 70, 4), (2.0, 70, 4)):
            np.testing.assert_allclose(seen.pose_at(t), [x, 4, 0], atol=1e-9)
            np.testing.assert_allclose(seen.size_at(t), [half, 1, 0], atol=1e-9)
        for x in (58, 74):
            assert covered([seen], (x, 4), 1.0)

    def test_shapes_far_apart_leave_room_between_them(self, read):
        both = rectangle(60, 0) + rectangle(90, 8)
        areas = [occupancy(both, exact('time', k)) for k in range(9)]
        parts = read(document(obstacles=phantom(*areas))).traffic
        assert len({each.name for each in parts}) == len(parts) == 2
        assert covered(parts, (60, 0), 0.4) and covered(parts, (90, 8), 0.4)
        assert not covered(parts, (75, 4), 0.4)

    def test_shapes_that_touch_are_one(self, read):
        both = rectangle(60, 4) + rectangle(64, 4)
        areas = [occupancy(both, exact('time', k)) for k in range(9)]
        (seen,) = read(document(obstacles=phantom(*areas))).traffic
        assert (seen.half_length, seen.half_width) == pytest.approx((4.0, 1.0))

    def test_a_phantom_is_traffic(self, read):
        areas = [occupancy(rectangle(90, 0), exact('time', k)) for k in range(5, 60)]
        scenario = read(document(obstacles=phantom(*areas)))
        (seen,) = scenario.traffic
        assert seen.pose_at(0.4) is None
        np.testing.assert_allclose(seen.pose_at(3.0), [90, 0, 0])
        assert scenario.problem_at(3.0, scenario.initial_state).obstacles

    def test_a_phantom_that_is_nowhere_is_named(self, read, caplog):
        assert read(document(obstacles='<phantomObstacle id="6"/>')).traffic == ()
        assert 'phantomObstacle 6' in caplog.text


class TestMotion:
    def test_without_prediction_it_goes_on_with_its_velocity(self, read):
        state = at(60, 4, 0, 0.3) + exact('velocity', 12)
        scenario = read(document(obstacles=dynamic(state=state)))
        (car,) = scenario.traffic
        for t in (0.0, 3.7, scenario.duration):
            way = 12 * t * np.array([np.cos(0.3), np.sin(0.3)])
            np.testing.assert_allclose(car.pose_at(t), [60 + way[0], 4 + way[1], 0.3])
        seen = car.obstacle_at(9.95, scenario.problem_at(0.0, scenario.initial_state).horizon)
        assert np.hypot(*np.diff(seen.poses_at(20)[:, :2], axis=0).T) == pytest.approx(1.2)

    def test_without_prediction_an_uncertain_velocity_spreads_it(self, read):
        state = at(60, 4, 0) + interval('velocity', 8, 12)
        (car,) = read(document(obstacles=dynamic(state=state))).traffic
        np.testing.assert_allclose(car.pose_at(2.0), [80, 4, 0])
        np.testing.assert_allclose(car.size_at(2.0), [2.5 + 4, 1, 0])

    @pytest.mark.parametrize('state', [at(60, 4, 0), at(60, 4, 0) + exact('velocity', 0)])
    def test_without_velocity_it_stands(self, read, state):
        scenario = read(document(obstacles=dynamic(state=state)))
        for t in (0.0, scenario.duration):
            np.testing.assert_allclose(scenario.traffic[0].pose_at(t), [60, 4, 0])

    @pytest.mark.parametrize(
        ('velocity', 'speed'),
        [(exact('velocity', 7), 7), (interval('velocity', 6, 10), 8), ('', 0)],
    )
    def test_it_starts_with_the_speed_of_its_initial_state(self, read, velocity, speed):
        later = trajectory(*(moving_at(60 + k, 4, k, 10) for k in range(1, 9)))
        (car,) = read(document(obstacles=dynamic(later, at(60, 4, 0) + velocity))).traffic
        assert car.start_speed == speed

    def test_it_is_there_from_its_first_time_on(self, read):
        late = dynamic(state=at(60, 4, 30) + exact('velocity', 5))
        (car,) = read(document(obstacles=late)).traffic
        assert car.pose_at(2.9) is None
        np.testing.assert_allclose(car.pose_at(4.0), [65, 4, 0])

    @pytest.mark.parametrize('heading', [0.0, 1.2, -2.5, np.pi])
    @pytest.mark.parametrize('velocities', [True, False])
    def test_heading_comes_from_velocity_or_way(self, read, heading, velocities):
        c, s = np.cos(heading), np.sin(heading)
        states = [
            moving_at(60 + k * c, 4 + k * s, k, *((10 * c, 10 * s) if velocities else (10,)))
            for k in range(1, 20)
        ]
        text = dynamic(trajectory(*states), at(60, 4, 0, heading))
        (car,) = read(document(obstacles=text)).traffic
        np.testing.assert_allclose(np.cos(car.poses[:, 2] - heading), 1.0, atol=1e-9)

    def test_heading_is_held_while_standing(self, read):
        first = [moving_at(60, 4 + k, k, 0, 10) for k in range(1, 6)]
        then = [moving_at(60, 9, k, 0, 0) for k in range(6, 12)]
        (car,) = read(document(obstacles=dynamic(trajectory(*first, *then), at(60, 4, 0)))).traffic
        np.testing.assert_allclose(car.poses[1:, 2], np.pi / 2)
        still = [moving_at(60, 4, k, 0, 0) for k in range(1, 6)]
        (car,) = read(document(obstacles=dynamic(trajectory(*still), at(60, 4, 0, 0.4)))).traffic
        np.testing.assert_allclose(car.poses[:, 2], 0.4)

    @pytest.mark.parametrize('first', range(4))
    def test_a_body_lies_along_its_heading_wherever_its_polygon_begins(self, read, first):
        corners = np.array([[3.4, -0.9], [3.4, 0.9], [-1.0, 0.9], [-1.0, -0.9]])
        shape = f'<shape>{polygon(np.roll(corners, first, axis=0))}</shape>'
        states = [at(60 + k, 4, k) for k in range(1, 5)]
        (car,) = read(document(obstacles=dynamic(trajectory(*states), shape=shape))).traffic
        assert (car.half_length, car.half_width) == pytest.approx((2.2, 0.9))
        np.testing.assert_allclose(car.pose_at(0.3), [64.2, 4, 0], atol=1e-9)

    def test_a_short_gap_is_interpolated(self, read):
        states = [at(60 + k, 4, k) for k in (1, 2, 3, 13, 14)]
        (car,) = read(document(obstacles=dynamic(trajectory(*states)))).traffic
        np.testing.assert_allclose(car.pose_at(0.8), [68, 4, 0])

    def test_over_a_long_gap_it_is_gone(self, read):
        states = [at(60 + k, 4, k) for k in (1, 2, 3, 14, 15, 40)]
        visits = read(document(obstacles=dynamic(trajectory(*states)))).traffic
        assert len({each.name for each in visits}) == len(visits) == 3
        there = {
            t: [v.pose_at(t) for v in visits if v.pose_at(t) is not None]
            for t in (0.2, 0.5, 1.2, 1.45, 2.0, 4.0, 5.0)
        }
        assert [len(each) for each in there.values()] == [1, 0, 0, 1, 0, 1, 0]
        np.testing.assert_allclose(there[1.45][0], [74.5, 4, 0])
        np.testing.assert_allclose(there[4.0][0], [100, 4, 0])


class TestStanding:
    L_SHAPE = ((70, 10), (90, 10), (90, 12), (72, 12), (72, 40), (70, 40))

    def environment(self, shape, kind='building'):
        return (
            f'<environmentObstacle id="8"><type>{kind}</type><shape>{shape}</shape>'
            '</environmentObstacle>'
        )

    def test_an_environment_obstacle_stands_where_its_shape_is(self, read):
        (wall,) = read(document(obstacles=self.environment(rectangle(80, 12, 10, 2, 0.4)))).traffic
        np.testing.assert_allclose(wall.pose_at(5.0), [80, 12, 0.4])
        assert (wall.half_length, wall.half_width, wall.kind) == (5.0, 1.0, 'static')

    @pytest.mark.parametrize('turn', [1, -1])
    def test_a_building_takes_the_room_that_it_has_and_no_more(self, read, turn):
        building = polygon(self.L_SHAPE[::turn])
        parts = read(document(obstacles=self.environment(building))).traffic
        for point in ((71, 11), (89.9, 11.9), (71, 39), (70, 10), (72, 40)):
            assert covered(parts, point)
        for point in ((80, 20), (73, 13), (89, 13), (69.5, 20)):
            assert not covered(parts, point)

    def test_a_wall_along_a_bend_leaves_the_bend_free(self, read):
        angles = np.linspace(0.0, np.pi / 2, 15)
        arc = np.stack([np.cos(angles), np.sin(angles)], axis=-1)
        corners = np.concatenate([40 * arc, 41 * arc[::-1]]) + [60, 20]
        parts = read(document(obstacles=self.environment(polygon(corners)))).traffic
        assert len(parts) <= 16
        for angle in np.linspace(0.01, np.pi / 2 - 0.01, 40):
            way = np.array([np.cos(angle), np.sin(angle)])
            assert covered(parts, 40.5 * way + [60, 20])
            assert not covered(parts, 38.8 * way + [60, 20])

    def test_a_polygon_of_a_static_obstacle_is_turned_with_it(self, read):
        corners = np.array(self.L_SHAPE) - [70, 10]
        text = (
            f'<staticObstacle id="2"><type>building</type><shape>{polygon(corners)}</shape>'
            f'<initialState>{at(80, 10, 0, np.pi / 2)}</initialState></staticObstacle>'
        )
        parts = read(document(obstacles=text)).traffic
        assert covered(parts, (79, 29)) and covered(parts, (51, 11))
        assert not covered(parts, (70, 20))

    def test_static_obstacles_of_the_older_format_stand(self, read):
        old = PARKED.replace('staticObstacle', 'obstacle').replace(
            '<type>', '<role>static</role><type>'
        )
        (parked,) = read(document(obstacles=old, version='2018b')).traffic
        np.testing.assert_allclose(parked.pose_at(1e3), [60, 0, 0])
