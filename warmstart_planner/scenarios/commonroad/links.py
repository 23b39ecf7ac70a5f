# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Links between lanelets, completed by what touches and freed of what leads nowhere."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from warmstart_planner.scenarios.commonroad.notes import Notes
from warmstart_planner.scenarios.lanelets import Lanelet, distances

TOUCH = 0.1  # bounds or ends that are so near to one another touch [m]
LEAD_ON = np.radians(45.0)  # one that touches a lanelet's end within this turn follows it [rad]
LEAD_BACK = np.radians(135.0)  # no lanelet that turns by more than this follows another [rad]
LEAST_RING = 5.0  # a lanelet that follows itself is longer than this [m]
LARGEST_GAP = 2.0  # lanelets farther apart are not linked, whatever the file says [m]

Lanelets = dict[int, Lanelet]
Sides = tuple[NDArray[np.float64], NDArray[np.float64]]


def linked(lanelets: Mapping[int, Lanelet], left_out: Collection[int], notes: Notes) -> Lanelets:
    """
    Return lanelets with links that hold both ways and lead to what is there.

    Args:
        lanelets: all that are in the network, bounds repaired.
        left_out: ids of the file that are not in the network; links to them are dropped.
        notes: what is done.

    """
    found = {id_: _known_only(each, lanelets, left_out, notes) for id_, each in lanelets.items()}
    found = _both_ways(found)
    found = {id_: _leading_on(each, found, notes) for id_, each in found.items()}
    found = _without_lost(found)
    found = {id_: _beside(each, found, notes) for id_, each in found.items()}
    _link_touching(found, notes)
    _link_beside(found, notes)
    return found


def _known_only(
    lanelet: Lanelet, lanelets: Mapping[int, Lanelet], left_out: Collection[int], notes: Notes
) -> Lanelet:
    def known(id_: int, what: str) -> bool:
        if id_ not in lanelets and id_ not in left_out:
            notes.add(f'{what} {id_} is not in the file, ignored', lanelet.id)
        return id_ in lanelets

    sides = {
        name: side if side is not None and known(side[0], 'neighbour') else None
        for name, side in _sides(lanelet).items()
    }
    return replace(
        lanelet,
        successors=tuple(e for e in lanelet.successors if known(e, 'successor')),
        predecessors=tuple(e for e in lanelet.predecessors if known(e, 'predecessor')),
        **sides,
    )


def _sides(lanelet: Lanelet) -> dict[str, tuple[int, bool] | None]:
    return {name: getattr(lanelet, name) for name in ('left_neighbour', 'right_neighbour')}


def _both_ways(lanelets: Lanelets) -> Lanelets:
    """Let each link that one side names hold for both."""
    after = {id_: list(each.successors) for id_, each in lanelets.items()}
    before = {id_: list(each.predecessors) for id_, each in lanelets.items()}
    for id_, lanelet in lanelets.items():
        for other in lanelet.successors:
            before[other] += [id_] if id_ not in before[other] else []
        for other in lanelet.predecessors:
            after[other] += [id_] if id_ not in after[other] else []
    found = {
        id_: replace(each, successors=tuple(after[id_]), predecessors=tuple(before[id_]))
        for id_, each in lanelets.items()
    }
    for lanelet in lanelets.values():
        for name, side in _sides(lanelet).items():
            if side is not None:
                _answer(found, lanelet.id, name == 'left_neighbour', side)
    return found


def _answer(lanelets: Lanelets, id_: int, is_left: bool, side: tuple[int, bool]) -> None:
    """Name a lanelet as the neighbour of its neighbour, where that one names none."""
    other = lanelets[side[0]]
    name = 'left_neighbour' if is_left != side[1] else 'right_neighbour'
    if getattr(other, name) is None and id_ not in [e[0] for e in _sides(other).values() if e]:
        lanelets[other.id] = replace(other, **{name: (id_, side[1])})


def _leading_on(lanelet: Lanelet, lanelets: Lanelets, notes: Notes) -> Lanelet:
    def leads_on(id_: int) -> bool:
        other = lanelets[id_]
        gap = float(np.hypot(*(other.center[0] - lanelet.center[-1])))
        if gap > LARGEST_GAP + _half_width(lanelet.left[-1], lanelet.right[-1]):
            notes.add(f'successor {id_} begins {gap:.1f} m from its end, ignored', lanelet.id)
            return False
        if _turn(lanelet, other) > LEAD_BACK:
            notes.add(f'successor {id_} leads back, ignored', lanelet.id)
            return False
        return True

    return replace(lanelet, successors=tuple(e for e in lanelet.successors if leads_on(e)))


def _half_width(left: NDArray[np.float64], right: NDArray[np.float64]) -> float:
    return float(np.hypot(*(left - right))) / 2


def _turn(lanelet: Lanelet, other: Lanelet) -> float:
    turn = other.heading_at(other.center[0]) - lanelet.heading_at(lanelet.center[-1])
    return float(np.abs((turn + np.pi) % (2 * np.pi) - np.pi))


def _without_lost(lanelets: Lanelets) -> Lanelets:
    """Keep as predecessors what has the lanelet as a successor."""
    return {
        id_: replace(
            each,
            predecessors=tuple(e for e in each.predecessors if id_ in lanelets[e].successors),
        )
        for id_, each in lanelets.items()
    }


def _beside(lanelet: Lanelet, lanelets: Lanelets, notes: Notes) -> Lanelet:
    """Keep the neighbours that lie beside a lanelet, with the direction that they lead in."""
    sides = _sides(lanelet)
    middle = lanelet.center[len(lanelet.center) // 2]
    way = lanelet.heading_at(middle)
    for name, side in sides.items():
        if side is None:
            continue
        other = lanelets[side[0]]
        bounds = np.concatenate([lanelet.left, lanelet.right])
        outline = np.concatenate([other.polygon, other.polygon[:1]])
        gap = float(distances(bounds, outline).min())
        along = float(np.cos(other.heading_at(middle) - way))
        if gap > LARGEST_GAP:
            notes.add(f'neighbour {side[0]} lies {gap:.1f} m beside it, ignored', lanelet.id)
            sides[name] = None
        elif side[1] != (along > 0.0) and abs(along) > np.cos(LEAD_ON):
            word = 'same' if along > 0.0 else 'opposite'
            notes.add(f'neighbour {side[0]} leads the {word} way, taken so', lanelet.id)
            sides[name] = (side[0], along > 0.0)
    return replace(lanelet, **sides)


def _link_touching(lanelets: Lanelets, notes: Notes) -> None:
    """Link lanelets for cars of which one begins where the other one ends."""
    roads = [each for each in lanelets.values() if each.for_cars]
    if not roads:
        return
    begins, ends = _ends(roads)
    gap = np.maximum(
        *(
            np.hypot(*(e[:, None] - b[None]).transpose(2, 0, 1))
            for b, e in zip(begins, ends, strict=True)
        )
    )
    for i, j in np.argwhere(gap <= TOUCH):
        here, there = lanelets[roads[i].id], lanelets[roads[j].id]
        if there.id in here.successors or _turn(here, there) > LEAD_ON:
            continue
        if i == j and here.length < LEAST_RING:
            continue
        notes.add('the second begins where the first ends, linked', f'{here.id} and {there.id}')
        lanelets[here.id] = replace(here, successors=(*here.successors, there.id))
        there = lanelets[there.id]
        lanelets[there.id] = replace(there, predecessors=(*there.predecessors, here.id))


def _ends(roads: list[Lanelet]) -> tuple[Sides, Sides]:
    """Return the first and the last points of left and right bounds, shape (N, 2) each."""
    first, last = (
        tuple(np.array([getattr(each, name)[k] for each in roads]) for name in ('left', 'right'))
        for k in (0, -1)
    )
    return first, last


def _link_beside(lanelets: Lanelets, notes: Notes) -> None:
    """Make neighbours of lanelets for cars that share a bound over their whole length."""
    roads = [each for each in lanelets.values() if each.for_cars]
    if not roads:
        return
    first, last = _ends(roads)
    for mine, theirs, same in ((0, 1, True), (1, 0, True), (0, 0, False), (1, 1, False)):
        begin, end = (first, last) if same else (last, first)
        gap = np.maximum(
            np.hypot(*(first[mine][:, None] - begin[theirs][None]).transpose(2, 0, 1)),
            np.hypot(*(last[mine][:, None] - end[theirs][None]).transpose(2, 0, 1)),
        )
        names = ('left', 'right')
        for i, j in np.argwhere(gap <= TOUCH):
            if i != j and _same_line(
                getattr(roads[i], names[mine]), getattr(roads[j], names[theirs])
            ):
                _make_neighbour(lanelets, roads[i].id, names[mine], (roads[j].id, same), notes)


def _same_line(one: NDArray[np.float64], other: NDArray[np.float64]) -> bool:
    return max(distances(one, other).max(), distances(other, one).max()) <= TOUCH


def _make_neighbour(
    lanelets: Lanelets, id_: int, side: str, neighbour: tuple[int, bool], notes: Notes
) -> None:
    lanelet = lanelets[id_]
    name = f'{side}_neighbour'
    if getattr(lanelet, name) is not None or neighbour[0] in [
        each[0] for each in _sides(lanelet).values() if each is not None
    ]:
        return
    way = 'same' if neighbour[1] else 'opposite'
    notes.add(
        f'the second lies beside the first on its {side} and leads the {way} way, taken as '
        'neighbours',
        f'{id_} and {neighbour[0]}',
    )
    lanelets[id_] = replace(lanelet, **{name: neighbour})
