# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Distances of boxes against sampled outlines, symmetries and hand-made cases."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from warmstart_planner.verification import box_distance, shapes

SIZES = st.tuples(st.floats(0.2, 3.0), st.floats(0.2, 3.0))


def sampled_distance(x, y, yaw, half, other_half, radius):
    """Distance by sampling both outlines; for boxes that do not overlap."""

    def outline(size, count=200):
        along = np.linspace(-1, 1, count)
        one = np.ones(count)
        unit = [(along, one), (along, -one), (one, along), (-one, along)]
        return np.concatenate([np.stack(side, axis=1) for side in unit]) * size

    turn = np.array([[np.cos(yaw), -np.sin(yaw)], [np.sin(yaw), np.cos(yaw)]])
    other = outline(np.array(other_half)) @ turn.T + [x, y]
    here = outline(np.array(half))
    gaps = np.sqrt(((here[:, None] - other[None]) ** 2).sum(axis=-1))
    return gaps.min() - radius


def distance_of(x, y, yaw, half, other_half, radius=0.0):
    relative = np.array([[x], [y]])
    return float(box_distance(relative, np.array([yaw]), half, other_half, radius)[0])


@settings(max_examples=60)
@given(st.floats(-9, 9), st.floats(-9, 9), st.floats(-7, 7), SIZES, SIZES, st.floats(0, 1))
def test_the_distance_of_boxes_agrees_with_sampled_outlines(x, y, yaw, half, other, radius):
    found = distance_of(x, y, yaw, half, other, radius)
    if found + radius > 0.0:
        assert found == pytest.approx(sampled_distance(x, y, yaw, half, other, radius), abs=0.04)
    else:
        # they overlap: some point of one is in the other
        grid = np.stack(np.meshgrid(*[np.linspace(-1, 1, 81)] * 2), axis=-1).reshape(-1, 2)
        turn = np.array([[np.cos(yaw), -np.sin(yaw)], [np.sin(yaw), np.cos(yaw)]])
        points = grid * other @ turn.T + [x, y]
        depth = (np.array(half) - np.abs(points)).min(axis=1)
        assert depth.max() > -0.06


@given(st.floats(-9, 9), st.floats(-9, 9), st.floats(-7, 7), SIZES, SIZES)
def test_the_distance_does_not_depend_on_who_asks(x, y, yaw, half, other):
    cos, sin = np.cos(yaw), np.sin(yaw)
    back = -(cos * x + sin * y), -(cos * y - sin * x)
    assert distance_of(*back, -yaw, other, half) == pytest.approx(
        distance_of(x, y, yaw, half, other), abs=1e-9
    )


@given(st.floats(-5, 5), st.floats(-5, 5), st.floats(-7, 7), SIZES, SIZES)
def test_moving_apart_by_the_depth_separates(x, y, yaw, half, other):
    """The depth is the shortest way out: along the best of many directions, and no less."""
    depth = -distance_of(x, y, yaw, half, other)
    if depth <= 1e-6:
        return
    directions = np.linspace(0.0, 2 * np.pi, 721)
    shifted = np.array([[x], [y]]) + (depth + 0.02) * np.stack(
        [np.cos(directions), np.sin(directions)]
    )
    yaws = np.full(len(directions), yaw)
    assert box_distance(shifted, yaws, half, other).max() >= 0.0
    shifted = np.array([[x], [y]]) + 0.98 * depth * np.stack(
        [np.cos(directions), np.sin(directions)]
    )
    assert box_distance(shifted, yaws, half, other).max() < 0.0


def test_distances_known_by_hand():
    half = (2.0, 1.0)
    assert distance_of(5.0, 0.0, 0.0, half, (1.0, 1.0)) == pytest.approx(2.0)
    assert distance_of(6.0, 5.0, 0.0, half, (1.0, 1.0)) == pytest.approx(np.hypot(3, 3))
    assert distance_of(5.0, 0.0, np.pi / 4, half, (1.0, 1.0)) == pytest.approx(3 - np.sqrt(2))
    assert distance_of(5.0, 5.0, 0.3, half, (0.0, 0.0), 1.0) == pytest.approx(4.0)
    assert distance_of(2.5, 0.0, 0.0, half, (1.0, 1.0)) == pytest.approx(-0.5)
    assert distance_of(0.0, 0.0, 0.0, half, (0.0, 0.0), 0.5) == pytest.approx(-1.5)


def test_numbers_are_only_taken_apart_where_they_lie_in_order(monkeypatch):
    """Numpy before 1.23 takes complex numbers apart only where they are C-contiguous."""
    parts, in_order = shapes._parts, []

    def watched(points):
        in_order.append(points.flags.c_contiguous)
        return parts(points)

    monkeypatch.setattr(shapes, '_parts', watched)
    relative = np.arange(12.0).reshape(6, 2).T
    box_distance(relative, np.zeros(12)[::2], (2.0, 1.0), (np.ones(6), 0.5))
    assert in_order and all(in_order)
