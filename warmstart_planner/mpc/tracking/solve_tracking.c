// Copyright 2026 The warmstart_planner authors
// SPDX-License-Identifier: Apache-2.0
//
// One call from Python solves one tracking problem: start, parameters and initial state come in,
// solution and status go out, all in one flat buffer. Setting them stage by stage over ctypes
// would take longer than the solve.
//
// Buffer: iterations_max, tolerance, time_limit, reset | x0 | parameters | states | controls |
// results. States and controls hold the start on entry and the solution on return. The sizes come
// from the generated solver; solver.py mirrors the order.

#define _POSIX_C_SOURCE 199309L  // clock_gettime

#include "custom_update_function.h"

#include <math.h>
#include <time.h>

#include "acados_c/ocp_nlp_interface.h"

enum { ITERATIONS_MAX, TOLERANCE, TIME_LIMIT, RESET, HEADER };
enum { STATUS, QP_STATUS, ITERATIONS, CHANGE, RESIDUAL, SOLVE_TIME, RESULTS };
enum { STATUS_NOT_FINITE = 100, STATUS_TIME_LIMIT = 101, STATUS_ITERATION_LIMIT = 2 };

static double monotonic_time(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double) now.tv_sec + 1e-9 * (double) now.tv_nsec;
}

int custom_update_init_function(SOLVER(_solver_capsule) *capsule)
{
    (void) capsule;
    return 0;
}

int custom_update_terminate_function(SOLVER(_solver_capsule) *capsule)
{
    (void) capsule;
    return 0;
}

static void enter_problem(SOLVER(_solver_capsule) *capsule, double *x0, double *parameters,
                          double *states, double *controls)
{
    ocp_nlp_config *config = SOLVER(_acados_get_nlp_config)(capsule);
    ocp_nlp_dims *dims = SOLVER(_acados_get_nlp_dims)(capsule);
    ocp_nlp_in *in = SOLVER(_acados_get_nlp_in)(capsule);
    ocp_nlp_out *out = SOLVER(_acados_get_nlp_out)(capsule);

    for (int k = 0; k <= STAGES; k++)
    {
        SOLVER(_acados_update_params)(capsule, k, parameters + k * PARAMETERS, PARAMETERS);
        ocp_nlp_out_set(config, dims, OUT_ARGUMENTS(in, out), k, "x", states + k * STATES);
        if (k < STAGES)
            ocp_nlp_out_set(config, dims, OUT_ARGUMENTS(in, out), k, "u", controls + k * CONTROLS);
    }
    ocp_nlp_constraints_model_set(config, dims, IN_ARGUMENTS(in, out), 0, "lbx", x0);
    ocp_nlp_constraints_model_set(config, dims, IN_ARGUMENTS(in, out), 0, "ubx", x0);
}

// Copies a field of one stage over `have` and returns the largest change; NaN where not finite.
static double take(SOLVER(_solver_capsule) *capsule, int stage, const char *field, double *have,
                   int size)
{
    double value[STATES + CONTROLS];
    double change = 0.0;
    ocp_nlp_out_get(SOLVER(_acados_get_nlp_config)(capsule), SOLVER(_acados_get_nlp_dims)(capsule),
                    SOLVER(_acados_get_nlp_out)(capsule), stage, field, value);
    for (int i = 0; i < size; i++)
    {
        if (!isfinite(value[i]))
            return NAN;
        change = fmax(change, fabs(value[i] - have[i]));
        have[i] = value[i];
    }
    return change;
}

static double take_solution(SOLVER(_solver_capsule) *capsule, double *states, double *controls)
{
    double change = 0.0;
    for (int k = 0; k <= STAGES; k++)
    {
        double moved = take(capsule, k, "x", states + k * STATES, STATES);
        double steered =
            k < STAGES ? take(capsule, k, "u", controls + k * CONTROLS, CONTROLS) : 0.0;
        if (isnan(moved) || isnan(steered))
            return NAN;
        change = fmax(change, fmax(moved, steered));
    }
    return change;
}

static double largest_residual(SOLVER(_solver_capsule) *capsule)
{
    static const char *const names[] = {"res_stat", "res_eq", "res_ineq", "res_comp"};
    ocp_nlp_config *config = SOLVER(_acados_get_nlp_config)(capsule);
    ocp_nlp_solver *solver = SOLVER(_acados_get_nlp_solver)(capsule);
    double largest = 0.0;

    (void) config;
    ocp_nlp_eval_residuals(solver, SOLVER(_acados_get_nlp_in)(capsule),
                           SOLVER(_acados_get_nlp_out)(capsule));
    for (int i = 0; i < 4; i++)
    {
        double value = 0.0;
        ocp_nlp_get(GET_ARGUMENTS(config, solver), names[i], &value);
        largest = fmax(largest, value);
    }
    return largest;
}

// Iterates until the KKT residual is below the tolerance, a limit is reached, or a QP fails.
static int iterate(SOLVER(_solver_capsule) *capsule, const double *limits, double *states,
                   double *controls, double *results, double start)
{
    const int most = (int) limits[ITERATIONS_MAX];
    results[RESIDUAL] = NAN;
    for (int iteration = 1; iteration <= most; iteration++)
    {
        int status = SOLVER(_acados_solve)(capsule);
        int qp_status = 0;
        ocp_nlp_get(GET_ARGUMENTS(SOLVER(_acados_get_nlp_config)(capsule),
                                  SOLVER(_acados_get_nlp_solver)(capsule)),
                    "qp_status", &qp_status);
        results[ITERATIONS] = iteration;
        results[QP_STATUS] = qp_status;
        if (status != 0)
            return status;
        results[CHANGE] = take_solution(capsule, states, controls);
        if (isnan(results[CHANGE]))
            return STATUS_NOT_FINITE;
        results[RESIDUAL] = largest_residual(capsule);
        if (most == 1 || results[RESIDUAL] < limits[TOLERANCE])
            return 0;
        if (monotonic_time() - start > limits[TIME_LIMIT])
            return STATUS_TIME_LIMIT;
    }
    return STATUS_ITERATION_LIMIT;
}

int custom_update_function(SOLVER(_solver_capsule) *capsule, double *data, int data_len)
{
    const double start = monotonic_time();
    double *x0 = data + HEADER;
    double *parameters = x0 + STATES;
    double *states = parameters + (STAGES + 1) * PARAMETERS;
    double *controls = states + (STAGES + 1) * STATES;
    double *results = controls + STAGES * CONTROLS;

    if (data_len != (int) (results + RESULTS - data))
        return 1;
    if (data[RESET] != 0.0)
        SOLVER(_acados_reset)(capsule, 1);
    enter_problem(capsule, x0, parameters, states, controls);
    results[STATUS] = iterate(capsule, data, states, controls, results, start);
    results[SOLVE_TIME] = monotonic_time() - start;
    return 0;
}
