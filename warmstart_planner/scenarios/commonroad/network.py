# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Lanelets and what signs say of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from lxml import etree
from numpy.typing import NDArray

from warmstart_planner.scenarios.commonroad.elements import child, id_of, point_of, refs_of
from warmstart_planner.scenarios.commonroad.links import linked
from warmstart_planner.scenarios.commonroad.notes import Notes
from warmstart_planner.scenarios.commonroad.repair import oriented, repaired_bounds
from warmstart_planner.scenarios.commonroad.signs import SpeedSigns
from warmstart_planner.scenarios.commonroad.usage import (
    CAR_USERS,
    default_speed,
    is_unknown,
    types_of,
    use_instead,
    users_of,
)
from warmstart_planner.scenarios.lanelets import Lanelet, LeftOut, Network
from warmstart_planner.scenarios.scenario import ScenarioError

_BOUNDS = ('leftBound', 'rightBound')


@dataclass(frozen=True)
class _Surroundings:
    """What a lanelet is read with: the file's signs, whether it has urban roads, and notes."""

    signs: SpeedSigns
    urban: bool
    notes: Notes


def read_network(root: etree._Element) -> Network:
    """
    Read all lanelets, repair what is plainly meant, and leave out those that cannot be repaired.

    What is repaired, ignored or left out is logged by lanelet, a line for each kind.

    Raises:
        ScenarioError: the file has no lanelet, an id is no integer or given twice, or none of the
            lanelets can be used.

    """
    notes = Notes()
    around = _Surroundings(SpeedSigns(root), _is_urban(root), notes)
    lanelets: dict[int, Lanelet] = {}
    left_out: dict[int, LeftOut] = {}
    for element in root.findall('lanelet'):
        id_ = id_of(element, 'id', 'lanelet')
        if id_ in lanelets or id_ in left_out:
            raise ScenarioError(f'lanelet id is {id_} twice: expected each id once')
        try:
            lanelets[id_] = _lanelet(id_, element, around)
        except ScenarioError as error:
            left_out[id_] = _left_out(id_, element, str(error))
    oriented_lanelets, undecided = oriented(lanelets, notes)
    for id_, reason in undecided.items():
        each = lanelets[id_]
        left_out[id_] = LeftOut(reason, each.polygon, each.predecessors, each.successors)
    for id_, each in left_out.items():
        notes.add(f'left out: {each}', id_)
    left_out = {id_: _with_links(id_, each, lanelets) for id_, each in left_out.items()}
    found = linked(oriented_lanelets, left_out, notes)
    notes.report()
    around.signs.report()
    if not found:
        reasons = '; '.join(f'lanelet {id_}: {each}' for id_, each in left_out.items())
        raise ScenarioError(
            f'lanelet: the file has none{" to drive on: " * bool(reasons)}{reasons}, expected at '
            'least one'
        )
    return Network(found, left_out)


def _is_urban(root: etree._Element) -> bool:
    if root.find('scenarioTags/urban') is not None or 'urban' in (root.get('tags') or '').split():
        return True
    return any('urban' in types_of(each) for each in root.findall('lanelet'))


def _lanelet(id_: int, element: etree._Element, around: _Surroundings) -> Lanelet:
    where = f'lanelet {id_}'
    bounds = [_bound(child(element, tag, where), where) for tag in _BOUNDS]
    left, right = repaired_bounds(*bounds, id_, around.notes)
    kind = use_instead(element)
    _note_use(id_, element, around.notes)
    return Lanelet(
        id=id_,
        left=left,
        right=right,
        successors=refs_of(element, 'successor', where),
        predecessors=refs_of(element, 'predecessor', where),
        left_neighbour=_neighbour(element, 'adjacentLeft', where),
        right_neighbour=_neighbour(element, 'adjacentRight', where),
        speed_limit=_speed_limit(id_, element, around),
        for_cars=kind is None,
        kind=kind or '',
    )


def _speed_limit(id_: int, element: etree._Element, around: _Surroundings) -> float:
    limits = []
    for ref in refs_of(element, 'trafficSignRef', f'lanelet {id_}'):
        if ref not in around.signs.known:
            around.notes.add(f'traffic sign {ref} is not in the file, ignored', id_)
        if ref in around.signs.limits:
            limits.append(around.signs.limits[ref])
    for each in element.findall('speedLimit'):
        limit = around.signs.element_limit(each)
        limits += [] if limit is None else [limit]
    return min(limits) if limits else default_speed(types_of(element), around.urban)


def _note_use(id_: int, element: etree._Element, notes: Notes) -> None:
    for type_ in types_of(element):
        if is_unknown(type_):
            word = 'a road for cars' if use_instead(element) is None else 'no road for cars'
            notes.add(f'its type {type_!r} is unknown, taken as {word}', id_)
    if users_of(element, 'userBidirectional') & CAR_USERS:
        notes.add('may be driven both ways, taken as leading the way it is drawn', id_)


def _left_out(id_: int, element: etree._Element, reason: str) -> LeftOut:
    where = f'lanelet {id_}'
    points = [np.empty((0, 2))]
    # there along the left bound and back along the right one
    for tag, step in zip(_BOUNDS, (1, -1), strict=True):
        for bound in element.findall(tag):
            try:
                points.append(_bound(bound, where)[::step])
            except ScenarioError:
                continue
    return LeftOut(
        reason.removeprefix(f'{where}.'),
        np.concatenate(points),
        refs_of(element, 'predecessor', where),
        refs_of(element, 'successor', where),
    )


def _with_links(id_: int, left_out: LeftOut, lanelets: Mapping[int, Lanelet]) -> LeftOut:
    """Add the links to a lanelet left out that only the other side names."""
    before = {e.id for e in lanelets.values() if id_ in e.successors}
    after = {e.id for e in lanelets.values() if id_ in e.predecessors}
    return replace(
        left_out,
        preceding=tuple(sorted(before | set(left_out.preceding))),
        following=tuple(sorted(after | set(left_out.following))),
    )


def _bound(element: etree._Element, where: str) -> NDArray[np.float64]:
    points = [point_of(point, f'{where}.{element.tag}') for point in element.findall('point')]
    return np.array(points).reshape(-1, 2)


def _neighbour(element: etree._Element, tag: str, where: str) -> tuple[int, bool] | None:
    found = element.find(tag)
    if found is None:
        return None
    return id_of(found, 'ref', f'{where}.{tag}'), found.get('drivingDir') == 'same'
