# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""A small CommonRoad file, whole or part by part."""

# Two lanes to the east, of two lanelets each (10, 11 on the right; 20, 21 on their left), and the
# oncoming lane 30 to the left of those; every lane is 4 m wide, the right lane's middle is y = 0.


def points(xs, y):
    return ''.join(f'<point><x>{x}</x><y>{y}</y></point>' for x in xs)


def lanelet(id_, xs, y, extra):
    turn = 1 if xs[-1] > xs[0] else -1
    left, right = points(xs, y + 2 * turn), points(xs, y - 2 * turn)
    return (
        f'<lanelet id="{id_}"><leftBound>{left}</leftBound><rightBound>{right}</rightBound>'
        f'{extra}</lanelet>'
    )


def same(tag, ref):
    return f'<{tag} ref="{ref}" drivingDir="same"/>'


FIRST, SECOND = (0, 25, 50, 75, 100), (100, 150, 200)
LANELETS = (
    lanelet(10, FIRST, 0, '<successor ref="11"/>' + same('adjacentLeft', 20)),
    lanelet(11, SECOND, 0, '<predecessor ref="10"/>' + same('adjacentLeft', 21)),
    lanelet(
        20,
        FIRST,
        4,
        '<successor ref="21"/>'
        + same('adjacentRight', 10)
        + '<adjacentLeft ref="30" drivingDir="opposite"/><speedLimit>15.5</speedLimit>',
    ),
    lanelet(21, SECOND, 4, '<predecessor ref="20"/>' + same('adjacentRight', 11)),
    lanelet(30, FIRST[::-1], 8, '<adjacentLeft ref="20" drivingDir="opposite"/>'),
)
CAR = '<shape><rectangle><length>5</length><width>2</width></rectangle></shape>'


def exact(tag, value):
    return f'<{tag}><exact>{value}</exact></{tag}>'


def interval(tag, low, high):
    return f'<{tag}><intervalStart>{low}</intervalStart><intervalEnd>{high}</intervalEnd></{tag}>'


def at(x, y, time, turn=0.0):
    place = f'<position><point><x>{x}</x><y>{y}</y></point></position>'
    return place + exact('orientation', turn) + exact('time', time)


PARKED = (
    f'<staticObstacle id="1"><type>parkedVehicle</type>{CAR}'
    f'<initialState>{at(60, 0, 0)}</initialState></staticObstacle>'
)
START = at(30, 0, 0) + exact('velocity', 10)
GOAL = '<position><lanelet ref="11"/></position>' + interval('time', 60, 100)


def document(obstacles=PARKED, start=START, goal=GOAL, lanelets=LANELETS, version='2020a'):
    return (
        f'<?xml version="1.0"?><commonRoad timeStepSize="0.1" commonRoadVersion="{version}" '
        f'benchmarkID="ZAM_Test-1_1" source="test">{"".join(lanelets)}{obstacles}'
        f'<planningProblem id="7"><initialState>{start}</initialState>'
        f'<goalState>{goal}</goalState></planningProblem></commonRoad>'
    )


# what commonroad-io does not read a file without
HEAD = ' author="a" affiliation="b" date="2026-01-01">'
PLACE = (
    '<location><geoNameId>1</geoNameId><gpsLatitude>0</gpsLatitude>'
    '<gpsLongitude>0</gpsLongitude></location><scenarioTags><urban/></scenarioTags>'
)


def whole_document(**parts):
    """Return a document that commonroad-io reads as well."""
    return document(**parts).replace('source="test">', f'source="test"{HEAD}{PLACE}')


def occupancy(shape, time):
    return f'<occupancy><shape>{shape}</shape>{time}</occupancy>'


def rectangle(x, y, length=4.0, width=2.0, turn=0.0):
    return (
        f'<rectangle><length>{length}</length><width>{width}</width><orientation>{turn}'
        f'</orientation><center><x>{x}</x><y>{y}</y></center></rectangle>'
    )


def polygon(corners):
    return (
        f'<polygon>{"".join(f"<point><x>{x}</x><y>{y}</y></point>" for x, y in corners)}</polygon>'
    )


def circle(x, y, radius):
    return f'<circle><radius>{radius}</radius><center><x>{x}</x><y>{y}</y></center></circle>'


def dynamic(prediction='', state=None, shape=CAR, kind='car'):
    state = at(60, 4, 0) + exact('velocity', 10) if state is None else state
    return (
        f'<dynamicObstacle id="1"><type>{kind}</type>{shape}<initialState>{state}</initialState>'
        f'{prediction}</dynamicObstacle>'
    )


def sets(*occupancies):
    return f'<occupancySet>{"".join(occupancies)}</occupancySet>'


def phantom(*occupancies):
    return f'<phantomObstacle id="6">{sets(*occupancies)}</phantomObstacle>'


def trajectory(*states):
    return f'<trajectory>{"".join(f"<state>{state}</state>" for state in states)}</trajectory>'


def moving_at(x, y, time, *velocity):
    place = f'<position><point><x>{x}</x><y>{y}</y></point></position>{exact("time", time)}'
    tags = ('velocity', 'velocityY')
    return place + ''.join(exact(t, v) for t, v in zip(tags, velocity, strict=False))
