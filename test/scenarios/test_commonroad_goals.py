# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Goal states of CommonRoad files: what they ask for, and the way that leads there."""

import numpy as np
import pytest

from warmstart_planner.problem import KeepSpeed, goal_place
from warmstart_planner.scenarios import ScenarioError, load_scenario
from warmstart_planner.scenarios.commonroad.goal_routes import ASIDE, DEPTH
from warmstart_planner.scenarios.commonroad.goals import EXACT_HEADING, EXACT_SPEED

HALF = 2.0  # of a lane's width [m]


def points(line):
    return ''.join(f'<point><x>{x:.6f}</x><y>{y:.6f}</y></point>' for x, y in line)


def lane(id_, center, extra=''):
    """Lanelet about a centre line."""
    center = np.asarray(center, float)
    along = np.gradient(center, axis=0)
    normal = np.stack([-along[:, 1], along[:, 0]], axis=-1) / np.hypot(*along.T)[:, None]
    left, right = points(center + HALF * normal), points(center - HALF * normal)
    return (
        f'<lanelet id="{id_}"><leftBound>{left}</leftBound><rightBound>{right}</rightBound>'
        f'{extra}</lanelet>'
    )


def line(first, last, y=0.0):
    return [(x, y) for x in np.linspace(first, last, int(abs(last - first) / 5) + 1)]


def arc(begin, end, radius=30.0, middle=(0.0, 0.0)):
    angle = np.radians(np.linspace(begin, end, 30))
    return np.array(middle) + radius * np.stack([np.cos(angle), np.sin(angle)], axis=-1)


def links(after=(), before=(), left=None, right=None, way='same'):
    text = ''.join(f'<successor ref="{each}"/>' for each in after)
    text += ''.join(f'<predecessor ref="{each}"/>' for each in before)
    for side, each in (('Left', left), ('Right', right)):
        if each is not None:
            text += f'<adjacent{side} ref="{each}" drivingDir="{way}"/>'
    return text


# two lanes to the east of two lanelets each; the oncoming one 5 to the left of them
TWO_LANES = (
    lane(1, line(0, 100), links([2], left=3)),
    lane(2, line(100, 250), links((), [1], left=4)),
    lane(3, line(0, 100, 4.0), links([4], right=1)),
    lane(4, line(100, 250, 4.0), links((), [3], right=2)),
    lane(5, line(250, 0, 8.0)),
)
RING = tuple(
    lane(k, arc(90 * k, 90 * k + 90), links([(k + 1) % 4 + 0], [(k - 1) % 4])) for k in range(4)
)


def exact(tag, value):
    return f'<{tag}><exact>{value}</exact></{tag}>'


def interval(tag, low, high):
    return f'<{tag}><intervalStart>{low}</intervalStart><intervalEnd>{high}</intervalEnd></{tag}>'


def rectangle(x, y, length=6.0, width=2.0, turn=0.0):
    return (
        f'<rectangle><length>{length}</length><width>{width}</width><orientation>{turn}'
        f'</orientation><center><x>{x}</x><y>{y}</y></center></rectangle>'
    )


def circle(x, y, radius):
    return f'<circle><radius>{radius}</radius><center><x>{x}</x><y>{y}</y></center></circle>'


def polygon(*corners):
    return f'<polygon>{points(corners)}</polygon>'


def ref(id_):
    return f'<lanelet ref="{id_}"/>'


def goal(place='', time=(60, 100), **rest):
    text = f'<position>{place}</position>' if place else ''
    text += interval('time', *time)
    for tag, value in rest.items():
        text += interval(tag, *value) if isinstance(value, tuple) else exact(tag, value)
    return text


@pytest.fixture
def read(tmp_path):
    """Read a file with some goal states; the car at x = 30 unless told otherwise."""

    def from_goals(*goals, lanelets=TWO_LANES, pose=(30.0, 0.0, 0.0), step=0, yaw_rate=None):
        x, y, yaw = pose
        turning = '' if yaw_rate is None else exact('yawRate', yaw_rate)
        states = ''.join(f'<goalState>{each}</goalState>' for each in goals)
        text = (
            '<?xml version="1.0"?><commonRoad timeStepSize="0.1" commonRoadVersion="2020a" '
            f'benchmarkID="ZAM_Test-1_1" source="test">{"".join(lanelets)}'
            f'<planningProblem id="7"><initialState><position><point><x>{x}</x><y>{y}</y></point>'
            f'</position>{exact("orientation", yaw)}{exact("time", step)}{exact("velocity", 10)}'
            f'{turning}</initialState>{states}</planningProblem></commonRoad>'
        )
        path = tmp_path / 'trial.xml'
        path.write_text(text)
        return load_scenario(path)

    return from_goals


def centre_at(scenario):
    """Where the car's centre is when it is where the planner is sent."""
    return scenario.center(scenario.road.poses(*goal_place(scenario.goal, scenario.road)))[:2]


def drive(scenario, speed=10.0, offset=0.0, until=None):
    """Follow the road at a speed: times and states."""
    begin = scenario.start_station
    end = scenario.road.end if until is None else until
    stations = np.arange(begin, end, 0.1 * speed)
    columns = scenario.road.poses(stations, offset)
    states = np.column_stack([columns, np.full(len(stations), speed), 0.0 * stations])
    return np.arange(len(stations)) * 0.1, states


def missed(scenario, *driven):
    return scenario.arrival.missed(scenario.track(*driven))


class TestPlaces:
    @pytest.mark.parametrize(
        ('place', 'inside'),
        [
            (ref(2), [(175.0, 0.0), (101.0, 1.9)]),
            (rectangle(150, 0), [(150.0, 0.0), (152.9, 0.9)]),
            (rectangle(150, 0, 2.0, 6.0, np.pi / 2), [(152.9, 0.9)]),
            (circle(150, 0, 1.5), [(150.0, 1.4)]),
            (polygon((148, -1), (152, -1), (152, 1), (148, 1)), [(150.0, 0.0)]),
            (polygon((148, 1), (152, 1), (152, -1), (148, -1)), [(151.9, 0.9)]),
            (rectangle(120, 0) + circle(150, 0, 2.0), [(120.0, 0.0), (150.0, 1.0)]),
            (ref(2) + rectangle(60, 0), [(60.0, 0.0), (120.0, 0.0)]),
        ],
    )
    def test_the_centre_has_to_be_in_any_of_the_shapes(self, read, place, inside):
        (region,) = read(goal(place)).regions
        for point in inside:
            held = region.fulfilled(np.zeros(1), np.array([[*point, 0.0]]), np.zeros(1))
            assert held['place'][0]
        beyond = np.array([[20.0, 0.0, 0.0], [150.0, 5.0, 0.0]])
        assert not region.fulfilled(np.zeros(2), beyond, np.zeros(2))['place'].any()

    @pytest.mark.parametrize(
        'place',
        [
            ref(2),
            rectangle(150, 0),
            circle(150, 0, 1.5),
            polygon((148, -1), (152, -1), (150, 1.5)),
            ref(1) + rectangle(150, 0),
            rectangle(150, 0, 0.6, 3.9),
        ],
    )
    def test_who_drives_to_where_the_planner_is_sent_arrives(self, read, place):
        scenario = read(goal(place, (0, 900)))
        assert scenario.goal.offset == 0.0
        driven = drive(scenario, 2.0, until=scenario.goal.first + 0.5)
        assert missed(scenario, *driven) == ()
        (region,) = scenario.regions
        centre = np.array([[*centre_at(scenario), 0.0]])
        assert region.fulfilled(np.zeros(1), centre, np.zeros(1))['place'][0]

    def test_a_notch_of_a_polygon_is_no_place_to_be_sent_to(self, read):
        """The middle of the U lies in the oncoming lane, which no part of it is in."""
        around = polygon(
            (140, -1), (200, -1), (200, 16), (190, 16), (190, 1), (150, 1), (150, 16), (140, 16)
        )
        scenario = read(goal(around))
        assert centre_at(scenario)[1] == pytest.approx(0.0, abs=0.1)
        assert 140.0 < centre_at(scenario)[0] < 200.0

    def test_a_place_across_both_directions_is_reached_in_ours(self, read):
        scenario = read(goal(circle(150, 6.5, 3.5)))
        centre = centre_at(scenario)
        assert np.hypot(*(centre - [150.0, 6.5])) <= 3.5
        assert centre[1] < 6.0

    def test_a_place_that_is_smaller_than_the_lane_is_aimed_at_where_it_is(self, read):
        scenario = read(goal(circle(150, 1.0, 0.4)))
        assert scenario.goal.offset != 0.0
        assert np.hypot(*(centre_at(scenario) - [150.0, 1.0])) <= 0.45

    def test_a_place_in_the_lane_beside_is_driven_to_by_a_lane_change(self, read):
        scenario = read(goal(rectangle(200, 4)))
        assert scenario.goal.offset == 0.0
        assert centre_at(scenario) == pytest.approx([200.0, 4.0], abs=3.1)
        assert abs(scenario.road.project(scenario.initial_state[:2])[1]) < 0.1

    def test_a_lanelet_that_is_left_out_is_a_place_between_its_bounds(self, read):
        walk = line(100, 150, 12.0)
        unclear = (
            f'<lanelet id="6"><leftBound>{points([(x, 10.0) for x, _ in walk])}</leftBound>'
            f'<rightBound>{points(walk)}</rightBound></lanelet>'
        )
        (region,) = read(goal(ref(6) + ref(2)), lanelets=(*TWO_LANES, unclear)).regions
        for point, inside in (((102.0, 11.0), True), ((148.0, 11.9), True), ((99.0, 11.0), False)):
            held = region.fulfilled(np.zeros(1), np.array([[*point, 0.0]]), np.zeros(1))
            assert held['place'][0] == inside

    @pytest.mark.parametrize(
        ('place', 'words'),
        [
            (ref(99), 'goalState.position.lanelet is 99: expected the id of a lanelet'),
            ('<point><x>150</x><y>0</y></point>', 'position is a point: expected a region'),
            ('<blob/>', "position holds 'blob': expected"),
            (rectangle(150, 0) + '<blob/>', "position holds 'blob': expected"),
            (ref(2) + '<blob/>', "position holds 'blob': expected"),
            (circle(150, 0, 0), 'circle.radius is 0.0'),
            (rectangle(150, 0, -1), 'rectangle is -1.0'),
            (polygon((148, 0), (152, 0)), 'polygon has 2 points'),
            (polygon((148, 0), (150, 0), (152, 0)), 'polygon: place has 3 vertices on one line'),
            (circle('nan', 0, 1), 'is nan'),
        ],
    )
    def test_what_is_no_place_is_refused_by_name(self, read, place, words):
        with pytest.raises(ScenarioError, match=words):
            read(goal(place))


class TestValues:
    def test_an_exact_speed_or_heading_leaves_a_little_room(self, read):
        (region,) = read(goal(ref(2), velocity=8.0, orientation=0.5)).regions
        assert region.speed == (8.0 - EXACT_SPEED, 8.0 + EXACT_SPEED)
        assert region.heading == pytest.approx((0.5 - EXACT_HEADING, 0.5 + EXACT_HEADING))

    def test_intervals_are_kept(self, read):
        (region,) = read(goal(ref(2), (60, 80), velocity=(3, 7), orientation=(-0.4, 0.2))).regions
        assert region.speed == (3.0, 7.0)
        assert region.heading == (-0.4, 0.2)
        assert region.time == pytest.approx((6.0, 8.0))

    def test_an_orientation_that_ends_before_it_starts_leads_across_the_seam(self, read):
        (region,) = read(goal(ref(2), orientation=(3.0, -3.0))).regions
        assert region.heading == pytest.approx((3.0, 2 * np.pi - 3.0))
        centers = np.array([[150.0, 0.0, yaw] for yaw in (np.pi, -3.1, 0.0)])
        held = region.fulfilled(np.zeros(3), centers, np.zeros(3))['heading']
        np.testing.assert_array_equal(held, [True, True, False])

    @pytest.mark.parametrize('field', ['velocity', 'time'])
    def test_another_interval_that_ends_before_it_starts_is_refused(self, read, field):
        with pytest.raises(ScenarioError, match=r'expected an end that is not before its start'):
            read(goal(ref(2), **{field: (80, 70)}))

    def test_times_count_from_the_initial_state(self, read):
        (region,) = read(goal(ref(2), (60, 80)), step=20).regions
        assert region.time == pytest.approx((4.0, 6.0))

    @pytest.mark.parametrize('velocity', [0.0, (0.0, 0.1)])
    def test_a_goal_at_rest_is_a_stop(self, read, velocity):
        scenario = read(goal(rectangle(150, 0), (60, 400), velocity=velocity))
        assert scenario.goal.fastest <= 0.1
        times, states = drive(scenario, until=scenario.goal_station)
        assert missed(scenario, times, states) == ('speed',)
        stand = np.repeat(states[-1:] * [1, 1, 1, 0, 1], 60, axis=0)
        times = np.arange(len(states) + 60) * 0.1
        assert missed(scenario, times, np.concatenate([states, stand])) == ()

    def test_the_speed_that_is_asked_for_lies_in_the_interval(self, read):
        aimed_at = read(goal(ref(2), velocity=(3, 7))).goal
        assert (aimed_at.slowest, aimed_at.fastest) == (3.0, 7.0)
        assert read(goal(velocity=(3, 7))).goal == KeepSpeed(7.0)
        assert read(goal(velocity=(12, 15))).goal == KeepSpeed(12.0)
        assert read(goal()).goal == KeepSpeed(10.0)

    def test_a_heading_that_no_lane_leads_leaves_the_place_to_aim_at(self, read):
        scenario = read(goal(rectangle(150, 0), orientation=(2.0, 2.5)))
        assert centre_at(scenario) == pytest.approx([150.0, 0.0], abs=3.1)
        assert missed(scenario, *drive(scenario)) == ('heading',)

    def test_of_a_place_about_a_bend_the_part_that_leads_as_asked_is_aimed_at(self, read):
        bend = (
            lane(1, line(0, 100), links([2])),
            lane(2, arc(-90, 0, 30.0, (100.0, 30.0)), links([3], [1])),
            lane(3, [(130.0, y) for y in range(30, 130, 5)], links((), [2])),
        )
        everywhere = goal(ref(2) + ref(3), (0, 400), orientation=(1.4, 1.7))
        scenario = read(everywhere, lanelets=bend)
        heading = scenario.road.at('heading', [scenario.goal.first, scenario.goal.last])
        assert heading.min() > 1.25
        assert missed(scenario, *drive(scenario)) == ()

    @pytest.mark.parametrize('y', [0.0, 1.0, 3.0, 4.0])
    def test_a_place_beside_the_path_is_aimed_at_well_inside(self, read, y):
        scenario = read(goal(rectangle(150, y, 6.0, 3.0)))
        assert abs(centre_at(scenario)[1] - y) <= 1.5 - DEPTH + 0.05
        assert abs(scenario.goal.offset) <= DEPTH + ASIDE


class TestStarts:
    def test_the_wheels_stand_as_the_car_turns(self, read):
        scenario = read(goal(rectangle(150, 0)), yaw_rate=0.2)
        speed, steering = scenario.initial_state[3:]
        turning = speed * np.tan(steering) / scenario.car.wheelbase
        assert turning == pytest.approx(0.2)
        assert read(goal(rectangle(150, 0))).initial_state[4] == 0.0

    def test_wheels_turn_no_farther_than_they_can(self, read):
        scenario = read(goal(rectangle(150, 0)), yaw_rate=-50.0)
        assert scenario.initial_state[4] == -scenario.car.steering_max


class TestSeveral:
    def test_any_one_is_enough(self, read):
        scenario = read(goal(rectangle(60, 0), (0, 10)), goal(rectangle(150, 0), (0, 200)))
        assert len(scenario.regions) == 2
        assert missed(scenario, *drive(scenario)) == ()
        assert scenario.duration == pytest.approx(20.0)

    def test_the_one_that_a_way_leads_to_is_aimed_at(self, read):
        scenario = read(goal(ref(5)), goal(rectangle(150, 0)))
        assert centre_at(scenario) == pytest.approx([150.0, 0.0], abs=3.1)

    def test_one_whose_lane_leads_the_way_asked_for_comes_first(self, read):
        away = lane(6, [(100, 0), (110, 2), (118, 8), (120, 20), (120, 60)], links((), [1]))
        lanelets = (TWO_LANES[0].replace('<successor ref="2"/>', links([2, 6])), *TWO_LANES[1:])
        north = goal(ref(2) + ref(6), orientation=(1.2, 1.8))
        scenario = read(north, lanelets=(*lanelets, away))
        assert centre_at(scenario)[1] > 0.3 or scenario.road.poses(scenario.road.end)[1] > 40.0

    def test_one_whose_time_is_over_is_not_aimed_at(self, read):
        over, later = goal(rectangle(60, 0), (5, 20)), goal(rectangle(150, 0), (60, 200))
        scenario = read(over, later, step=30)
        assert centre_at(scenario) == pytest.approx([150.0, 0.0], abs=3.1)
        assert len(scenario.regions) == 1

    @pytest.mark.parametrize(
        ('state', 'words'),
        [
            (goal(ref(2), (0, 0)), r'goalState.time ends 0.0 s after the start: expected later'),
            (goal(ref(2), velocity=(-5, -1)), r'goalState.velocity ends at -1.0: expected 0 or'),
        ],
    )
    def test_what_no_drive_can_fulfil_is_refused(self, read, state, words):
        with pytest.raises(ScenarioError, match=words):
            read(state)
        with pytest.raises(ScenarioError, match=words.replace('goalState', 'goalState 1')):
            read(state, state)
        read(state, goal(ref(2)))

    def test_a_time_that_is_over_when_the_drive_starts_is_refused(self, read):
        with pytest.raises(ScenarioError, match='time ends -1.0 s after the start'):
            read(goal(ref(2), (0, 20)), step=30)


class TestUnreachable:
    @pytest.mark.parametrize(
        ('place', 'words'),
        [
            (ref(5), r'in lanelet 5: no successors or lane changes lead from lanelet 1 to 5'),
            (rectangle(150, 8), r'\(150.0, 8.0\) in lanelet 5: no successors'),
            (rectangle(150, 40), r'its place at \(150.0, 40.0\) is on no lanelet for cars'),
            (rectangle(10, 0), r'in lanelet 1 is behind the car, and no way leads round to it'),
            (circle(10, 4, 1.5), r'in lanelet 3 is behind the car, and no way leads round'),
            (rectangle(10, 0) + ref(5), r'lanelet 5: no successors.*; .* is behind the car, and'),
        ],
    )
    def test_a_goal_that_no_way_leads_to_is_refused_with_lanelets_and_reason(
        self, read, place, words
    ):
        with pytest.raises(ScenarioError, match=f'goal cannot be reached: .*{words}'):
            read(goal(place))

    def test_a_lanelet_that_is_no_road_for_cars_is_named(self, read):
        walk = lane(2, line(100, 250), links((), [1]) + '<laneletType>sidewalk</laneletType>')
        with pytest.raises(ScenarioError, match='lanelet 2 is a sidewalk'):
            read(goal(ref(2)), lanelets=(TWO_LANES[0], walk))

    def test_of_a_place_that_reaches_ahead_of_the_car_the_part_ahead_is_aimed_at(self, read):
        scenario = read(goal(rectangle(30, 0, 40.0), (0, 100)))
        assert 30.0 < centre_at(scenario)[0] < 50.0
        assert scenario.goal_station > scenario.start_station


class TestRing:
    @pytest.mark.parametrize('degrees', [40, 10])
    def test_a_goal_behind_the_car_is_one_lap_ahead(self, read, degrees):
        """The car at 60 degrees of a ring, the goal behind it in the same lanelet."""
        x, y = arc(60, 60.1)[0]
        place = arc(degrees, degrees + 0.1)[0]
        scenario = read(
            goal(circle(*place, 1.5), (0, 600)),
            lanelets=RING,
            pose=(x, y, np.radians(60) + np.pi / 2),
        )
        ahead = np.radians(360 + degrees - 60) * 30.0
        distance = scenario.goal_station - scenario.start_station
        assert distance == pytest.approx(ahead, abs=3.0)
        assert np.hypot(*(centre_at(scenario) - place)) <= 1.6
        at_once = scenario.track([0.0], scenario.initial_state[None])
        assert scenario.arrival.missed(at_once) == ('place',)
        assert missed(scenario, *drive(scenario, until=scenario.goal.last)) == ()

    @pytest.mark.parametrize('degrees', [75, 135, 300])
    def test_a_goal_ahead_is_reached_on_the_first_lap(self, read, degrees):
        x, y = arc(60, 60.1)[0]
        place = arc(degrees, degrees + 0.1)[0]
        scenario = read(
            goal(circle(*place, 1.5), (0, 600)),
            lanelets=RING,
            pose=(x, y, np.radians(60) + np.pi / 2),
        )
        ahead = np.radians(degrees - 60) * 30.0
        distance = scenario.goal_station - scenario.start_station
        assert distance == pytest.approx(ahead, abs=3.0)
