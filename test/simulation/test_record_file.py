# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""A drive's record comes back from its file as it was, or says that it cannot."""

import numpy as np
import pytest

from warmstart_planner.problem import Trajectory
from warmstart_planner.simulation.record import ControlRecord, DriveRecord, PlanRecord
from warmstart_planner.simulation.record_file import read_record, write_record


def reference(steps, stamp):
    rng = np.random.default_rng(steps)
    return Trajectory(stamp, 0.1, rng.normal(size=(steps + 1, 5)), rng.normal(size=(steps, 2)))


def plan(stamp, trajectory):
    return PlanRecord(stamp, stamp + 0.05, 0.021, 3, 'optimised', 'shifted', True, trajectory)


@pytest.fixture
def record():
    return DriveRecord(
        times=np.arange(4) * 0.05,
        states=np.random.default_rng(0).normal(size=(4, 5)),
        plans=(plan(0.0, reference(6, 0.0)), plan(0.1, None), plan(0.2, reference(3, 0.2))),
        controls=(ControlRecord(0.0, 0.002, -1.0, 0.1, 'braking'),),
    )


def test_a_record_survives(tmp_path, record):
    path = tmp_path / 'new' / 'drive.npz'
    write_record(path, record, 'goal')
    again, outcome = read_record(path)
    assert outcome == 'goal'
    np.testing.assert_array_equal(again.times, record.times)
    np.testing.assert_array_equal(again.states, record.states)
    assert again.controls == record.controls
    for ours, theirs in zip(record.plans, again.plans, strict=True):
        assert (theirs.stamp, theirs.rung, theirs.feasible) == (ours.stamp, ours.rung, True)
        assert (theirs.reference is None) == (ours.reference is None)
        if ours.reference is not None:
            assert theirs.reference.stamp == ours.reference.stamp
            np.testing.assert_array_equal(theirs.reference.states, ours.reference.states)
            np.testing.assert_array_equal(theirs.reference.controls, ours.reference.controls)


def test_a_drive_without_plans_survives(tmp_path, record):
    empty = DriveRecord(record.times, record.states, (), ())
    write_record(tmp_path / 'drive.npz', empty, 'time_limit')
    again, outcome = read_record(tmp_path / 'drive.npz')
    assert (again.plans, again.controls, outcome) == ((), (), 'time_limit')


@pytest.mark.parametrize('spoil', ['missing', 'empty', 'text', 'cut', 'other', 'pickle'])
def test_a_file_that_is_no_record_is_refused_by_name(tmp_path, record, spoil):
    path = tmp_path / 'drive.npz'
    write_record(path, record, 'goal')
    whole = path.read_bytes()
    if spoil == 'missing':
        path.unlink()
    elif spoil == 'empty':
        path.write_bytes(b'')
    elif spoil == 'text':
        path.write_text('not a record')
    elif spoil == 'cut':
        path.write_bytes(whole[: len(whole) // 2])
    elif spoil == 'other':
        np.savez(path, something=np.zeros(3))
    else:
        np.savez(path, outcome=np.array([{}], dtype=object))
    with pytest.raises(ValueError, match=r'drive record .*drive.npz cannot be read'):
        read_record(path)
