/* Copyright 2026 The warmstart_planner authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What planning reads of a problem, compiled: each file holds the maths of the Python module of its
 * name, which stays its reference. Written at generation: constants.h, the constants of those
 * modules, and layout.h, what is handed over: the structures of structures.py. SI units, map frame.
 */
#include <math.h>
#include <stdlib.h>

#include "constants.h"
#include "layout.h"

static inline double larger(double a, double b) {
    return a > b ? a : b;
}

static inline double smaller(double a, double b) {
    return a < b ? a : b;
}

static inline double limited(double value, double least, double most) {
    return value < least ? least : value > most ? most : value;
}

/* The i-th of so many numbers, evenly spaced. */
static double spaced(double first, double last, int count, int i) {
    return i == count - 1 ? last : first + i * ((last - first) / (count - 1));
}

#include "road.c"
#include "obstacles.c"
#include "targets.c"
#include "transcription.c"
#include "lattice.c"
#include "shifted.c"
