# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Bounds of lanelets, repaired where it is plain how, and refused where it is not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from warmstart_planner.scenarios.commonroad.notes import Notes
from warmstart_planner.scenarios.lanelets import Lanelet, distances
from warmstart_planner.scenarios.scenario import ScenarioError

REPEATED = 1e-3  # vertices closer than this are one [m]
SAMPLES = 33  # of bounds that are compared
PLAINLY = 0.9  # bounds run against one another if turning one brings them this much nearer
WOBBLE = 0.5  # a loop of a bound that is smaller than this is no crossing [m^2]
LEAST_LOOP = 15.0  # a ramp that leads over itself is longer than this [m]
LARGEST_FOLD = 0.25  # share of a lanelet's area that may be folded over
FOLD_OF_RAMP = 0.02  # and of one that leads over itself
TURN_BACK = -0.7  # cosine of a turn at one vertex by which a centre line turns back
SHORT_BACK = 1.0  # a centre line that turns back by less than this wobbles [m]
END_REACH = 3.0  # an end lies at another lanelet's if it is this near to it [m]
END_CONTRAST = 0.5  # and nearer than the other end by this much [m]

Bound = NDArray[np.float64]


def repaired_bounds(left: Bound, right: Bound, id_: int, notes: Notes) -> tuple[Bound, Bound]:
    """
    Return bounds that are vertex by vertex beside one another, without repeated vertices.

    Args:
        left: left bound, shape (P, 2) [m].
        right: right bound, shape (Q, 2) [m].
        id_: the lanelet's id, for notes.
        notes: what is repaired.

    Raises:
        ScenarioError: the bounds enclose no lane; the message completes "lanelet 7: ...".

    """
    for name, bound in (('left', left), ('right', right)):
        if len(bound) < 2 or np.hypot(*(bound - bound[:1]).T).max() < REPEATED:
            raise ScenarioError(f'its {name} bound has fewer than 2 distinct points')
    if _against(left, right):
        left, right = _turned_one(left, right, id_, notes)
    if len(left) != len(right):
        notes.add('left and right points are not equally many, paired along the bounds', id_)
        left, right = _paired(left, right)
    repeated = _repeated(left, right)
    if repeated.any():
        notes.add('repeated vertices are dropped', id_)
        left, right = left[~repeated], right[~repeated]
    left, right = _without_wobble(left, right, id_, notes)
    center = (left + right) / 2
    if np.hypot(*np.diff(center, axis=0).T).sum() < REPEATED:
        raise ScenarioError('its centre line has no length')
    if np.hypot(*(left - right).T).max() < REPEATED:
        raise ScenarioError('its bounds are the same line')
    _check_crossings(left, right)
    return left, right


def _repeated(left: Bound, right: Bound) -> NDArray[np.bool_]:
    """Tell which vertices lie, on both sides, where the one before is."""
    kept = [0]
    for i in range(1, len(left)):
        moved = max(np.hypot(*(left[i] - left[kept[-1]])), np.hypot(*(right[i] - right[kept[-1]])))
        if moved >= REPEATED:
            kept.append(i)
    repeated = np.ones(len(left), bool)
    repeated[kept] = False
    return repeated


def _without_wobble(left: Bound, right: Bound, id_: int, notes: Notes) -> tuple[Bound, Bound]:
    """Drop vertices at which the centre line turns back for a short way."""
    while len(left) > 2:
        step = np.diff((left + right) / 2, axis=0)
        length = np.hypot(*step.T)
        dot = (step[1:] * step[:-1]).sum(axis=1)
        back = np.flatnonzero(dot < TURN_BACK * length[1:] * length[:-1] - 1e-9)
        if not len(back):
            break
        i = back[0]
        if min(length[i], length[i + 1]) > SHORT_BACK:
            raise ScenarioError('its centre line turns back')
        notes.add('vertices at which it turns back for less than a metre are dropped', id_)
        # the vertex between the two segments, but for the lanelet's ends, which others touch
        left, right = np.delete(left, i + 1, axis=0), np.delete(right, i + 1, axis=0)
    return left, right


def arc_of(line: Bound) -> NDArray[np.float64]:
    """Length of a polyline up to each vertex, shape (P,) [m]."""
    return np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(line, axis=0).T))])


def _at_shares(line: Bound, shares: NDArray[np.float64]) -> Bound:
    arc = arc_of(line)
    return np.stack([np.interp(shares * arc[-1], arc, line[:, i]) for i in (0, 1)], axis=-1)


def _paired(left: Bound, right: Bound) -> tuple[Bound, Bound]:
    """Give both bounds vertices at the shares of length at which either has one."""
    shares = np.concatenate([arc / arc[-1] for arc in (arc_of(left), arc_of(right))])
    shares = np.unique(np.round(shares, 9))
    return _at_shares(left, shares), _at_shares(right, shares)


def _against(left: Bound, right: Bound) -> bool:
    """Tell whether bounds run in opposite directions."""
    shares = np.linspace(0.0, 1.0, SAMPLES)
    ours, theirs = _at_shares(left, shares), _at_shares(right, shares)
    along = np.hypot(*(ours - theirs).T).mean()
    return bool(np.hypot(*(ours - theirs[::-1]).T).mean() < PLAINLY * along)


def _turned_one(left: Bound, right: Bound, id_: int, notes: Notes) -> tuple[Bound, Bound]:
    """Turn the one bound whose turning puts the left bound on the left."""
    if signed_area(left[::-1], right) < 0.0:
        notes.add('the left bound runs backwards, turned', id_)
        return left[::-1], right
    notes.add('the right bound runs backwards, turned', id_)
    return left, right[::-1]


def signed_area(left: Bound, right: Bound) -> float:
    """Area between bounds, negative where the left one is on the left [m^2]."""
    x, y = (np.concatenate([left, right[::-1]]) - left[0]).T
    return float((x * np.roll(y, -1) - y * np.roll(x, -1)).sum() / 2)


def _check_crossings(left: Bound, right: Bound) -> None:
    folded = _folded_share(left, right)
    if folded > LARGEST_FOLD:
        raise ScenarioError('its bounds fold back or cross')
    for words, one, other in (
        ('left bound crosses itself', left, left),
        ('right bound crosses itself', right, right),
        ('bounds cross', left, right),
    ):
        for gap in _crossing_gaps(one, other):
            if gap < LEAST_LOOP or folded > FOLD_OF_RAMP:
                raise ScenarioError(f'its {words}')


def _folded_share(left: Bound, right: Bound) -> float:
    """Share of the triangles between bounds, by area, that lie against the others."""
    first = _triangles(left[:-1], left[1:], right[1:])
    area = np.concatenate([first, _triangles(left[:-1], right[1:], right[:-1])])
    forward = area[area > 0.0].sum()
    total = np.abs(area).sum()
    return float(min(forward, total - forward) / max(total, 1e-9))


def _triangles(a: Bound, b: Bound, c: Bound) -> NDArray[np.float64]:
    return _cross(b - a, c - a) / 2


def _cross(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    return a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]


def _crossing_gaps(one: Bound, other: Bound) -> list[float]:
    """Return how far apart along the bounds the two places of each crossing are [m]."""
    a, b = one[:-1, None], one[1:, None]
    c, d = other[None, :-1], other[None, 1:]
    cross = (_cross(b - a, c - a) * _cross(b - a, d - a) < -1e-9) & (
        _cross(d - c, a - c) * _cross(d - c, b - c) < -1e-9
    )
    arcs = arc_of(one), arc_of(other)
    scale = max(arc[-1] for arc in arcs)
    gaps = []
    for i, j in np.argwhere(cross):
        if one is other and (j <= i or _loop_area(one[i + 1 : j + 1]) < WOBBLE):
            continue
        shares = [arc[index] / arc[-1] for arc, index in zip(arcs, (i, j), strict=True)]
        gaps.append(scale * abs(float(shares[0] - shares[1])))
    return gaps


def _loop_area(points: Bound) -> float:
    x, y = (points - points[0]).T
    return abs(float((x * np.roll(y, -1) - y * np.roll(x, -1)).sum() / 2))


def swapped(lanelet: Lanelet) -> bool:
    """Tell whether a lanelet's left bound lies on its right."""
    return signed_area(lanelet.left, lanelet.right) > 0.0


def reversed_lanelet(lanelet: Lanelet) -> Lanelet:
    """Return a lanelet whose left bound is on the left, led the opposite way."""
    return replace(lanelet, left=lanelet.right[::-1], right=lanelet.left[::-1])


def oriented(
    lanelets: Mapping[int, Lanelet], notes: Notes
) -> tuple[dict[int, Lanelet], dict[int, str]]:
    """
    Put every left bound on the left, and lead each lanelet the way that its links say.

    Returns:
        The lanelets, and of those whose bounds are swapped, but whose links do not tell which way
        they lead, why they are left out.

    """
    found = dict(lanelets)
    links = _links(lanelets)
    votes = {id_: _link_votes(each, links[id_], lanelets) for id_, each in lanelets.items()}
    undecided: dict[int, str] = {}
    for id_, lanelet in lanelets.items():
        if not swapped(lanelet):
            continue
        way = votes[id_] or _adjacency_votes(lanelet, lanelets)
        if way == 0:
            undecided[id_] = (
                'its left bound lies on its right, and nothing that it touches tells which way '
                'it leads'
            )
            del found[id_]
        elif way > 0:
            notes.add('left and right bound are swapped, exchanged', id_)
            found[id_] = replace(lanelet, left=lanelet.right, right=lanelet.left)
        else:
            notes.add('drawn against its direction, turned', id_)
            found[id_] = replace(lanelet, left=lanelet.left[::-1], right=lanelet.right[::-1])
    against = {id_ for id_ in found if votes[id_] < 0 and not swapped(lanelets[id_])}
    for id_ in _to_turn(against, links):
        notes.add('drawn against its direction, turned', id_)
        found[id_] = reversed_lanelet(found[id_])
    return found, undecided


def _to_turn(against: set[int], links: Mapping[int, Mapping[int, bool]]) -> list[int]:
    """
    Return those of the lanelets drawn against their links that hang together with sound ones.

    Where all that hang together disagree with their links, the links are what is wrong.
    """
    turned: set[int] = set()
    queue = [id_ for id_ in against if not set(links[id_]) <= against]
    while queue:
        here = queue.pop()
        turned.add(here)
        queue += [each for each in links[here] if each in against and each not in turned]
    return sorted(turned)


def _links(lanelets: Mapping[int, Lanelet]) -> dict[int, dict[int, bool]]:
    """Return for each lanelet those linked with it, and whether they come after it."""
    links: dict[int, dict[int, bool]] = {id_: {} for id_ in lanelets}
    for lanelet in lanelets.values():
        for others, after in ((lanelet.successors, True), (lanelet.predecessors, False)):
            for id_ in set(others) & set(lanelets) - {lanelet.id}:
                links[lanelet.id][id_] = after
                links[id_].setdefault(lanelet.id, not after)
    return links


def _link_votes(
    lanelet: Lanelet, links: Mapping[int, bool], lanelets: Mapping[int, Lanelet]
) -> int:
    """
    Compare the way a lanelet is drawn with what its links touch.

    Returns:
        Positive where its end touches what follows or its beginning what comes before, negative
        where it is the other way round, 0 where that decides nothing.

    """
    forward = backward = 0
    for id_, after in links.items():
        ends = lanelets[id_].center[[0, -1]]
        begin, end = (float(np.hypot(*(ends - lanelet.center[i]).T).min()) for i in (0, -1))
        if min(begin, end) > END_REACH or abs(begin - end) < END_CONTRAST:
            continue
        if (end < begin) == after:
            forward += 1
        else:
            backward += 1
    if forward and backward:
        return 0 if swapped(lanelet) else 1
    return forward - backward


def _adjacency_votes(lanelet: Lanelet, lanelets: Mapping[int, Lanelet]) -> int:
    """
    Compare the way a lanelet with swapped bounds is drawn with its declared neighbours.

    Positive where exchanging the bounds fits to them, negative where turning both does.
    """
    votes = 0
    middle = len(lanelet.center) // 2
    way = lanelet.heading_at(lanelet.center[middle])
    for id_, is_left, same in _declared_neighbours(lanelet, lanelets):
        other = lanelets[id_]
        if swapped(other):
            continue
        outline = np.concatenate([other.polygon, other.polygon[:1]])
        gap = [distances(each, outline).mean() for each in (lanelet.left, lanelet.right)]
        # the file's left bound lies on the right: a left neighbour beside it is on the right
        votes += 1 if (gap[1] < gap[0]) == is_left else -1
        along = np.cos(other.heading_at(lanelet.center[middle]) - way)
        votes += 1 if (along > 0.0) == same else -1
    return votes


def _declared_neighbours(
    lanelet: Lanelet, lanelets: Mapping[int, Lanelet]
) -> list[tuple[int, bool, bool]]:
    """Return for each neighbour: id, whether it is the left one, whether it leads the same way."""
    found = [
        (side[0], is_left, side[1])
        for side, is_left in ((lanelet.left_neighbour, True), (lanelet.right_neighbour, False))
        if side is not None and side[0] in lanelets
    ]
    known = {each[0] for each in found}
    for other in lanelets.values():
        for side, is_left in ((other.left_neighbour, True), (other.right_neighbour, False)):
            if side is not None and side[0] == lanelet.id and other.id not in known:
                # beside one that leads the same way it is on the other side
                found.append((other.id, is_left != side[1], side[1]))
    return found
