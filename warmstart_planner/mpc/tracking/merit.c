// Copyright 2026 The warmstart_planner authors
// SPDX-License-Identifier: Apache-2.0
//
// Merits of several starts of one problem in one call. functions.c is what CasADi generates from
// the formulation; sizes.h holds its sizes.

#include "functions.c"
#include "sizes.h"

void merits(int count, const double *states, const double *controls, const double *parameters,
            double *result)
{
    double work[WORK_SIZE];
    int integers[WORK_SIZE];
    for (int i = 0; i < count; i++)
    {
        const double *arguments[WORK_SIZE] = {states + i * STATES, controls + i * CONTROLS,
                                              parameters};
        double *results[WORK_SIZE] = {result + i};
        merit(arguments, results, integers, work, 0);
    }
}
