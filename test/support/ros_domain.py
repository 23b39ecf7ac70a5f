# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""ROS domains for processes of tests that run side by side."""

import fcntl
import os
import random
from pathlib import Path

_locks = []  # held until the process ends


def reserve_domain():
    """Reserve a ROS domain and be in it; the locks are those of scripts/run."""
    folder = Path(f'/tmp/warmstart_planner_domains_{os.getuid()}')
    folder.mkdir(exist_ok=True)
    for domain in random.sample(range(1, 102), 101):
        lock = (folder / str(domain)).open('w')
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            continue
        _locks.append(lock)
        os.environ['ROS_DOMAIN_ID'] = str(domain)
        return
    raise RuntimeError(f'all ROS domains from 1 to 101 are taken ({folder})')
