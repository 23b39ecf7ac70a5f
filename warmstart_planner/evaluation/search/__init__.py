# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
Is there a solution at all? A search that is wider than the planner's, for scenes it missed.

It knows the whole scene in advance and takes minutes: it says what a drive could have done, not
what a planner can do in time. What it finds is a drive that the judge can check. Where it finds
none, that is shown to be impossible only if `bounds` says why.
"""
