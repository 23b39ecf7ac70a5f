# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""What a file says of its benchmark."""

import pytest
from commonroad_document import GOAL, exact, interval

from warmstart_planner.evaluation.benchmark import Benchmark, BenchmarkError, read_benchmark


def test_a_file_names_its_benchmark_and_first_problem(write_document):
    found = read_benchmark(write_document(version='2018b'))
    assert found == Benchmark('ZAM_Test-1_1', '2018b', 7, 0.1, 0, None)


@pytest.mark.parametrize(
    ('velocity', 'desired'), [(interval('velocity', 5.0, 9.0), 5.0), (exact('velocity', 7.0), 7.0)]
)
def test_the_desired_speed_is_the_least_that_a_goal_asks_for(velocity, desired, write_document):
    assert read_benchmark(write_document(goal=GOAL + velocity)).desired_speed == desired


def test_what_is_no_benchmark_is_one_clear_error(tmp_path, write_document):
    path = write_document()
    path.write_text(path.read_text().replace('benchmarkID', 'name'))
    with pytest.raises(BenchmarkError, match=r"ZAM_Test-1_1\.xml: is no CommonRoad .*'benchmarkI"):
        read_benchmark(path)
    with pytest.raises(BenchmarkError, match='nowhere'):
        read_benchmark(tmp_path / 'nowhere.xml')
