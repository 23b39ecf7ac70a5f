/* Copyright 2026 The warmstart_planner authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * HPIPM on one QP as qp_window.cpp shows it: every row with a slack of its own.
 */
#include <stdlib.h>
#include <string.h>

#include <blasfeo_common.h>
#include <hpipm_d_ocp_qp.h>
#include <hpipm_d_ocp_qp_dim.h>
#include <hpipm_d_ocp_qp_ipm.h>
#include <hpipm_d_ocp_qp_sol.h>

enum { NX = 5, NU = 2, ROWS = 17, ROW = 2 + NX + NU };

typedef struct {
    double A[NX * NX], B[NX * NU], Q[NX * NX], q[NX], R[NU], r[NU], row[ROWS * ROW], z[NX], y[NU];
} node_t;

static void *room(size_t size) { return aligned_alloc(64, (size + 127) / 64 * 64); }

/* Column-major copy of a row-major matrix. */
static void turn(const double *from, int rows, int columns, double *to) {
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < columns; j++) to[i + rows * j] = from[i * columns + j];
}

static void fill(const node_t *n, int k, int last, const double *lower, const double *upper,
                 double linear, double quadratic, struct d_ocp_qp *qp) {
    double A[NX * NX], B[NX * NU], R[NU * NU] = {n->R[0], 0, 0, n->R[1]}, zeros[NX] = {0};
    double C[ROWS * NX], D[ROWS * NU], level[ROWS], none[ROWS] = {0}, l1[ROWS], l2[ROWS];
    double low[NX], high[NX];
    int rows = 0, bounded = 0, index[NX], slack[ROWS], all_u[NU] = {0, 1};
    const double *own[ROWS];
    for (int i = 0; i < ROWS; i++)
        if (n->row[i * ROW + 1] > 0.5) own[rows++] = n->row + i * ROW;
    for (int i = 0; k > 0 && i < NX; i++) {
        if (lower[i] < -1e20) continue;
        low[bounded] = lower[i];
        high[bounded] = upper[i];
        index[bounded++] = i;
    }
    for (int i = 0; i < rows; i++) {
        level[i] = -own[i][0];
        l1[i] = linear;
        l2[i] = quadratic;
        slack[i] = bounded + (last ? 0 : NU) + i;
        for (int j = 0; j < NX; j++) C[i + rows * j] = own[i][2 + j];
        for (int j = 0; j < NU; j++) D[i + rows * j] = own[i][2 + NX + j];
    }
    turn(n->A, NX, NX, A);
    turn(n->B, NX, NU, B);
    if (!last) {
        if (k > 0) d_ocp_qp_set_A(k, A, qp);
        d_ocp_qp_set_B(k, B, qp);
        d_ocp_qp_set_b(k, zeros, qp);
        d_ocp_qp_set_R(k, R, qp);
        d_ocp_qp_set_r(k, (double *)n->r, qp);
        d_ocp_qp_set_idxbu(k, all_u, qp);
        d_ocp_qp_set_lbu(k, (double *)lower + NX, qp);
        d_ocp_qp_set_ubu(k, (double *)upper + NX, qp);
        d_ocp_qp_set_D(k, D, qp);
    }
    if (k > 0) {
        d_ocp_qp_set_Q(k, (double *)n->Q, qp);
        d_ocp_qp_set_q(k, (double *)n->q, qp);
        d_ocp_qp_set_idxbx(k, index, qp);
        d_ocp_qp_set_lbx(k, low, qp);
        d_ocp_qp_set_ubx(k, high, qp);
        d_ocp_qp_set_C(k, C, qp);
    }
    d_ocp_qp_set_lg(k, level, qp);
    d_ocp_qp_set_ug_mask(k, none, qp);
    d_ocp_qp_set_idxs(k, slack, qp);
    d_ocp_qp_set_zl(k, l1, qp);
    d_ocp_qp_set_zu(k, l1, qp);
    d_ocp_qp_set_Zl(k, l2, qp);
    d_ocp_qp_set_Zu(k, l2, qp);
    d_ocp_qp_set_lls(k, none, qp);
    d_ocp_qp_set_lus(k, none, qp);
}

static int count_rows(const node_t *n) {
    int rows = 0;
    for (int i = 0; i < ROWS; i++) rows += n->row[i * ROW + 1] > 0.5;
    return rows;
}

static int count_bounds(const double *lower) {
    int bounds = 0;
    for (int i = 0; i < NX; i++) bounds += lower[i] > -1e20;
    return bounds;
}

/* Bounds are (steps + 1) x (NX + NU), -inf where there is none. The solution replaces z and y of
 * the nodes. Returns HPIPM's status. */
int solve_by_hpipm(int steps, node_t *nodes, const double *lower, const double *upper,
                   double linear, double quadratic, double tolerance) {
    struct d_ocp_qp_dim dim;
    struct d_ocp_qp qp;
    struct d_ocp_qp_sol sol;
    struct d_ocp_qp_ipm_arg arg;
    struct d_ocp_qp_ipm_ws ws;
    void *memory[5];
    int limit = 200, status;
    d_ocp_qp_dim_create(steps, &dim, memory[0] = room(d_ocp_qp_dim_memsize(steps)));
    for (int k = 0; k <= steps; k++) {
        int rows = count_rows(nodes + k);
        d_ocp_qp_dim_set_nx(k, k > 0 ? NX : 0, &dim);
        d_ocp_qp_dim_set_nu(k, k < steps ? NU : 0, &dim);
        d_ocp_qp_dim_set_nbx(k, k > 0 ? count_bounds(lower + k * (NX + NU)) : 0, &dim);
        d_ocp_qp_dim_set_nbu(k, k < steps ? NU : 0, &dim);
        d_ocp_qp_dim_set_ng(k, rows, &dim);
        d_ocp_qp_dim_set_nsbx(k, 0, &dim);
        d_ocp_qp_dim_set_nsbu(k, 0, &dim);
        d_ocp_qp_dim_set_nsg(k, rows, &dim);
    }
    d_ocp_qp_create(&dim, &qp, memory[1] = room(d_ocp_qp_memsize(&dim)));
    d_ocp_qp_sol_create(&dim, &sol, memory[2] = room(d_ocp_qp_sol_memsize(&dim)));
    d_ocp_qp_ipm_arg_create(&dim, &arg, memory[3] = room(d_ocp_qp_ipm_arg_memsize(&dim)));
    d_ocp_qp_ipm_arg_set_default(ROBUST, &arg);
    d_ocp_qp_ipm_arg_set_iter_max(&limit, &arg);
    d_ocp_qp_ipm_arg_set_tol_stat(&tolerance, &arg);
    d_ocp_qp_ipm_arg_set_tol_eq(&tolerance, &arg);
    d_ocp_qp_ipm_arg_set_tol_ineq(&tolerance, &arg);
    d_ocp_qp_ipm_arg_set_tol_comp(&tolerance, &arg);
    d_ocp_qp_ipm_ws_create(&dim, &arg, &ws, memory[4] = room(d_ocp_qp_ipm_ws_memsize(&dim, &arg)));
    for (int k = 0; k <= steps; k++)
        fill(nodes + k, k, k == steps, lower + k * (NX + NU), upper + k * (NX + NU), linear,
             quadratic, &qp);
    d_ocp_qp_ipm_solve(&qp, &sol, &arg, &ws);
    d_ocp_qp_ipm_get_status(&ws, &status);
    for (int k = 0; k <= steps; k++) {
        if (k > 0) d_ocp_qp_sol_get_x(k, &sol, nodes[k].z);
        else memset(nodes[k].z, 0, sizeof nodes[k].z);
        if (k < steps) d_ocp_qp_sol_get_u(k, &sol, nodes[k].y);
    }
    for (int i = 0; i < 5; i++) free(memory[i]);
    return status;
}
