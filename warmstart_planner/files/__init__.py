# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""Files that users write, read strictly: YAML, schemas, cars, weights; where packaged ones are."""
