# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""A folder with a file to drive, one to refuse, and things that are no scenarios."""

ROAD = """
description: a short drive straight ahead
duration: 8.0
road:
  speed_limit: 9.0
  segments: [{length: 80.0, curvature: 0.0}]
  left_width: 2.2
  right_width: 2.2
start: {station: 5.0, speed: 7.0}
goal: {station: {station: 16.0, speed: 7.0}}
"""
BEHIND = ROAD.replace('station: 16.0', 'station: 1.0')


def write_road_files(folder):
    """Write the files into a folder that is made, and return it."""
    (folder / 'more.yaml').mkdir(parents=True)
    (folder / 'ahead.yaml').write_text(ROAD)
    (folder / 'behind.yml').write_text(BEHIND)
    (folder / 'expected.yaml').write_text('ahead.yaml: {goal: true}\n')
    (folder / 'notes.txt').write_text('no scenario\n')
    return folder
