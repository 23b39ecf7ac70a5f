/* Copyright 2026 The warmstart_planner authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Trust-region sequential convex programming on HPIPM's Riccati-based interior-point method.
 *
 * Each iteration linearises dynamics and constraints about the current trajectory, bounds
 * the step by a scaled box on states and controls, solves the convex QP, and judges the step by an exact-penalty merit function: the ratio of actual to
 * predicted decrease accepts or rejects it and moves the trust region's radius (Conn, Gould and
 * Toint, Trust-Region Methods, 2000, algorithm 6.1.1).
 *
 * The functions of model, cost and constraints come from functions.c, which CasADi generates from
 * the Python definitions; this file knows only their shapes.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <blasfeo_target.h>
#include <blasfeo_common.h>
#include <blasfeo_d_aux.h>
#include <hpipm_d_ocp_qp_dim.h>
#include <hpipm_d_ocp_qp.h>
#include <hpipm_d_ocp_qp_sol.h>
#include <hpipm_d_ocp_qp_ipm.h>
#include <hpipm_d_part_cond.h>

#include "functions.c"
#include "layout.h" /* the structures of hpipm_loop.py; problem_t is that of the lanes */

#define NX 5
#define NU 2
#define FREE_STATES 3   /* place and heading: no bounds but the trust region */
#define NV (NU + NX)    /* control inputs with virtual controls */
#define STAGE_ROWS 5    /* road 4, friction; at the last node stopping in friction's place */
#define OBSTACLE_SIZE 7
#define MAX_OBSTACLES 12
#define MAX_NEAR 4      /* obstacle rows a node may have */
#define MAX_ROWS (STAGE_ROWS + MAX_NEAR)
#define TURN_SHARE 0.3  /* of the distance ahead that a turned row leaves */
#define TURN_DEPTH 1.0  /* overlap across [m] beyond which a row is not turned */
#define TURN_DISTANCE 0.1 /* closer than this [m] the plain linearisation is used */
#define SOFT_MAXIMUM_GAP 0.03 /* by which the soft maximum may be below the largest [m] */
#define NEARLY 0.3       /* a violation [m] that a larger penalty may still remove */
#define WORTH 0.5        /* share of a violation that may be left of it for a larger penalty to have paid */
#define FREE 0.8         /* of the trust region: a shorter step is not held back by it */

enum status {
    CONVERGED = 0,
    STALLED = 1,
    LOCALLY_INFEASIBLE = 2,
    ITERATION_LIMIT = 3,
    DEADLINE = 4,
    QP_FAILURE = 5,
    BAD_START = 6
};

/* Linearisation of one node about the current trajectory. */
typedef struct {
    double a[NX * NX], b[NX * NU], defect[NX];
    double qq[NX * NX], ss[NU * NX], rr[NU * NU], q[NX], r[NU];
    double c[MAX_ROWS * NX], d[MAX_ROWS * NU], value[MAX_ROWS], weight[MAX_ROWS];
    int rows;
} node_t;

typedef struct {
    double merit, cost, violation, defect;
} score_t;

typedef struct {
    int steps;
    node_t *node;
    double *x, *u, *trial_x, *trial_u, *step_x, *step_u, *kept_x, *kept_u;
    double *multiplier; /* (steps + 1) x MAX_ROWS */
    double work[WORK_SIZE];
    int iwork[WORK_SIZE];
    void *memory;
    size_t memory_size;
    int *block_size;
    struct d_ocp_qp_dim dim, block_dim; /* of the QP, and of its partially condensed form */
    struct d_ocp_qp qp, block_qp;
    struct d_ocp_qp_sol sol, block_sol;
    struct d_part_cond_qp_arg cond_arg;
    struct d_part_cond_qp_ws cond_ws;
    struct d_ocp_qp_ipm_arg arg;
    struct d_ocp_qp_ipm_ws ws;
} workspace_t;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + 1e-9 * t.tv_nsec;
}

/* ---------------------------------------------------------------- the generated functions */

static void call_dynamics(workspace_t *w, const double *x, const double *u, double *next) {
    const double *arg[2 + 8] = {x, u};
    double *res[1 + 8] = {next};
    dynamics(arg, res, w->iwork, w->work, 0);
}

static void call_stage_value(workspace_t *w, const double *x, const double *u, const double *road,
                             double *next, double *cost, double *rows) {
    const double *arg[3 + 8] = {x, u, road};
    double *res[3 + 8] = {next, cost, rows};
    stage_value(arg, res, w->iwork, w->work, 0);
}

static void call_terminal_value(workspace_t *w, const double *x, const double *road, double *cost,
                                double *rows) {
    const double *arg[2 + 8] = {x, road};
    double *res[2 + 8] = {cost, rows};
    terminal_value(arg, res, w->iwork, w->work, 0);
}

static double call_obstacle_value(workspace_t *w, const double *x, const double *obstacle) {
    double value;
    const double *arg[2 + 8] = {x, obstacle};
    double *res[1 + 8] = {&value};
    obstacle_value(arg, res, w->iwork, w->work, 0);
    return value;
}

/* A half-plane that keeps car and obstacle apart: value and gradient of a row >= 0.
 *
 * Where they overlap or touch it is the linearised separation. Where they do not, any non-negative
 * combination of the separations along the boxes' axes is an inner approximation of being apart,
 * and the largest one is not the best: a node ahead of an obstacle would be held behind its face
 * although the path already bends past its side. So the row is turned from the axis along the car
 * towards the one across it as far as a share of the distance ahead remains; near contact
 * nothing is turned, and fixed points are those of the plain linearisation. */
static double separating_row(workspace_t *w, const double *x, const double *obstacle,
                             double *gradient) {
    double value, axis[4], slope[4 * NX], alignment;
    const double *arg[2 + 8] = {x, obstacle};
    double *res[5 + 8] = {&value, gradient, axis, slope, &alignment};
    obstacle_model(arg, res, w->iwork, w->work, 0);
    if (value < TURN_DISTANCE) return value;
    int same = alignment > 0.7, other_along = same ? 2 : 3, other_across = same ? 3 : 2;
    int along = axis[0] > axis[other_along] ? 0 : other_along;
    int across = axis[1] > axis[other_across] ? 1 : other_across;
    double ahead = axis[along], aside = axis[across], turn = 1.0;
    if (ahead > 0.0) {
        double beside = fmin(fmax(1.0 + aside / TURN_DEPTH, 0.0), 1.0);
        if (aside < TURN_SHARE * ahead)
            turn = beside * (1.0 - TURN_SHARE) * ahead / (ahead - aside);
    }
    for (int i = 0; i < NX; i++)
        gradient[i] = (1.0 - turn) * slope[along + 4 * i] + turn * slope[across + 4 * i];
    return (1.0 - turn) * ahead + turn * aside - SOFT_MAXIMUM_GAP;
}

/* -------------------------------------------------------------------------------- geometry */

/* A lower bound of the separation: circles about both shapes. */
static double circle_gap(const problem_t *p, const double *x, int obstacle, const double *o) {
    double dx = x[0] + p->car_center * cos(x[2]) - o[0];
    double dy = x[1] + p->car_center * sin(x[2]) - o[1];
    return sqrt(dx * dx + dy * dy) - p->car_reach - p->obstacle_reach[obstacle];
}

static const double *obstacle_at(const problem_t *p, int obstacle, int k) {
    return p->obstacles + ((size_t)obstacle * (p->steps + 1) + k) * OBSTACLE_SIZE;
}

/* ----------------------------------------------------------------------------------- merit */

static void add_violation(score_t *s, const settings_t *o, double penalty, double weight,
                          double value) {
    if (value >= 0.0) return;
    s->merit += weight * (penalty * -value + 0.5 * o->penalty_square * value * value);
    if (-value > s->violation) s->violation = -value;
}

static double defect_norm(const double *defect, const double *scale) {
    double sum = 0.0;
    for (int i = 0; i < NX; i++) sum += fabs(defect[i]) / scale[i];
    return sum;
}

/* Exact-penalty merit of a trajectory: cost, weighted violations, scaled defects. The first
 * node's road and obstacle rows cannot be changed by any control and are left out. */
static score_t score(workspace_t *w, const problem_t *p, const settings_t *o, double penalty,
                     const double *x, const double *u) {
    score_t s = {0.0, 0.0, 0.0, 0.0};
    for (int k = 0; k <= p->steps; k++) {
        const double *xk = x + k * NX;
        double rows[STAGE_ROWS], cost;
        if (k < p->steps) {
            double next[NX], defect[NX];
            call_stage_value(w, xk, u + k * NU, p->road, next, &cost, rows);
            for (int i = 0; i < NX; i++) defect[i] = next[i] - xk[NX + i];
            double norm = defect_norm(defect, o->state_scale);
            s.merit += o->defect_penalty * norm;
            if (norm > s.defect) s.defect = norm;
        } else {
            call_terminal_value(w, xk, p->road, &cost, rows);
        }
        s.cost += cost;
        for (int i = k > 0 ? 0 : STAGE_ROWS - 1; i < STAGE_ROWS; i++)
            add_violation(&s, o, penalty, p->dt, rows[i]);
        for (int j = 0; k > 0 && j < p->obstacle_count; j++) {
            const double *obstacle = obstacle_at(p, j, k);
            if (circle_gap(p, xk, j, obstacle) > 0.0) continue;
            add_violation(&s, o, penalty, p->dt, call_obstacle_value(w, xk, obstacle));
        }
    }
    s.merit += s.cost;
    return s;
}

/* -------------------------------------------------------------------------- convexification */

/* Append rows for the nearest obstacles that a step within the trust region could touch. */
static void add_obstacle_rows(workspace_t *w, const problem_t *p, const double *x, int k,
                              double reach, node_t *node) {
    double gap[MAX_NEAR];
    int near[MAX_NEAR], count = 0;
    for (int j = 0; j < p->obstacle_count; j++) {
        double g = circle_gap(p, x, j, obstacle_at(p, j, k));
        if (g > reach) continue;
        g = call_obstacle_value(w, x, obstacle_at(p, j, k));
        if (g > reach) continue;
        int at = count < MAX_NEAR ? count++ : MAX_NEAR;
        while (at > 0 && gap[at - 1] > g) {
            if (at < MAX_NEAR) { gap[at] = gap[at - 1]; near[at] = near[at - 1]; }
            at--;
        }
        if (at < MAX_NEAR) { gap[at] = g; near[at] = j; }
    }
    for (int i = 0; i < count; i++) {
        int row = node->rows++;
        double gradient[NX];
        node->value[row] = separating_row(w, x, obstacle_at(p, near[i], k), gradient);
        node->weight[row] = p->dt;
        for (int c = 0; c < NX; c++) node->c[row + MAX_ROWS * c] = gradient[c];
        for (int c = 0; c < NU; c++) node->d[row + MAX_ROWS * c] = 0.0;
    }
}

static void store_rows(node_t *node, const double *c, const double *d) {
    for (int row = 0; row < STAGE_ROWS; row++) {
        for (int i = 0; i < NX; i++) node->c[row + MAX_ROWS * i] = c[row + STAGE_ROWS * i];
        for (int i = 0; i < NU; i++)
            node->d[row + MAX_ROWS * i] = d ? d[row + STAGE_ROWS * i] : 0.0;
    }
    node->rows = STAGE_ROWS;
}

static void convexify(workspace_t *w, const problem_t *p, double reach) {
    for (int k = 0; k <= p->steps; k++) {
        node_t *n = w->node + k;
        const double *x = w->x + k * NX, *u = w->u + k * NU;
        double next[NX], cost, c[STAGE_ROWS * NX], d[STAGE_ROWS * NU];
        if (k < p->steps) {
            const double *arg[3 + 8] = {x, u, p->road};
            double *res[12 + 8] = {next, &cost, n->value, n->a, n->b, n->qq,
                                   n->ss, n->rr, n->q,    n->r, c,    d};
            stage_model(arg, res, w->iwork, w->work, 0);
            for (int i = 0; i < NX; i++) n->defect[i] = next[i] - x[NX + i];
            store_rows(n, c, d);
        } else {
            const double *arg[2 + 8] = {x, p->road};
            double *res[5 + 8] = {&cost, n->value, n->qq, n->q, c};
            terminal_model(arg, res, w->iwork, w->work, 0);
            store_rows(n, c, NULL);
        }
        for (int i = 0; i < STAGE_ROWS; i++) n->weight[i] = p->dt;
        if (k > 0) add_obstacle_rows(w, p, x, k, reach, n);
    }
}

/* ------------------------------------------------------------------------------ the convex QP */

/* Take the next piece of the workspace's memory; NULL once it does not suffice. */
static void *carve(workspace_t *w, size_t *used, size_t size) {
    size_t start = (*used + 63) / 64 * 64;
    *used = start + size;
    return *used <= w->memory_size ? (char *)w->memory + start : NULL;
}

/* First of a node's states that are bounded; node 0 has none. Place and heading, which only the
 * trust region bounds, are where a block begins: inside, a bound is a row of the condensed QP. */
static int first_bounded(const workspace_t *w, int k) {
    if (k == 0) return NX;
    int begin = 0;
    for (const int *size = w->block_size; begin < k; size++) begin += *size;
    return begin == k ? 0 : FREE_STATES;
}

/* Set the QP's dimensions. Node 0 has no state: the first state is given. */
static void set_dimensions(workspace_t *w, const problem_t *p, int inputs) {
    for (int k = 0; k <= p->steps; k++) {
        int nu = k < p->steps ? inputs : 0, nx = k > 0 ? NX : 0;
        int rows = k > 0 ? w->node[k].rows : 1;
        d_ocp_qp_dim_set_nx(k, nx, &w->dim);
        d_ocp_qp_dim_set_nu(k, nu, &w->dim);
        d_ocp_qp_dim_set_nbx(k, NX - first_bounded(w, k), &w->dim);
        d_ocp_qp_dim_set_nbu(k, nu, &w->dim);
        d_ocp_qp_dim_set_ng(k, rows, &w->dim);
        d_ocp_qp_dim_set_nsbx(k, 0, &w->dim);
        d_ocp_qp_dim_set_nsbu(k, nu > NU ? nu - NU : 0, &w->dim);
        d_ocp_qp_dim_set_nsg(k, rows, &w->dim);
    }
}

/* Lay out HPIPM's structures for the rows of this iteration in the workspace's memory: the QP, and
 * its form with the states inside blocks of nodes eliminated, which has less overhead. */
static int lay_out(workspace_t *w, const problem_t *p, const settings_t *o, int inputs) {
    int n = p->steps, blocks = o->qp_blocks < n ? o->qp_blocks : n, limit = o->qp_iteration_limit;
    int init_scheme = 1; /* a first point made for soft rows: a quarter fewer iterations */
    double tolerance = o->qp_tolerance;
    size_t used = 0;
    void *piece;
#define CARVE(size) if (!(piece = carve(w, &used, size))) return 0
    d_part_cond_qp_compute_block_size(n, blocks, w->block_size);
    CARVE(d_ocp_qp_dim_memsize(n));
    d_ocp_qp_dim_create(n, &w->dim, piece);
    set_dimensions(w, p, inputs);
    CARVE(d_ocp_qp_memsize(&w->dim));
    d_ocp_qp_create(&w->dim, &w->qp, piece);
    CARVE(d_ocp_qp_sol_memsize(&w->dim));
    d_ocp_qp_sol_create(&w->dim, &w->sol, piece);
    CARVE(d_ocp_qp_dim_memsize(blocks));
    d_ocp_qp_dim_create(blocks, &w->block_dim, piece);
    d_part_cond_qp_compute_dim(&w->dim, w->block_size, &w->block_dim);
    CARVE(d_ocp_qp_memsize(&w->block_dim));
    d_ocp_qp_create(&w->block_dim, &w->block_qp, piece);
    CARVE(d_ocp_qp_sol_memsize(&w->block_dim));
    d_ocp_qp_sol_create(&w->block_dim, &w->block_sol, piece);
    CARVE(d_part_cond_qp_arg_memsize(blocks));
    d_part_cond_qp_arg_create(blocks, &w->cond_arg, piece);
    d_part_cond_qp_arg_set_default(&w->cond_arg);
    CARVE(d_part_cond_qp_ws_memsize(&w->dim, w->block_size, &w->block_dim, &w->cond_arg));
    d_part_cond_qp_ws_create(&w->dim, w->block_size, &w->block_dim, &w->cond_arg, &w->cond_ws,
                             piece);
    CARVE(d_ocp_qp_ipm_arg_memsize(&w->block_dim));
    d_ocp_qp_ipm_arg_create(&w->block_dim, &w->arg, piece);
    d_ocp_qp_ipm_arg_set_default(SPEED, &w->arg);
    d_ocp_qp_ipm_arg_set_var_init_scheme(&init_scheme, &w->arg);
    d_ocp_qp_ipm_arg_set_iter_max(&limit, &w->arg);
    d_ocp_qp_ipm_arg_set_tol_stat(&tolerance, &w->arg);
    d_ocp_qp_ipm_arg_set_tol_eq(&tolerance, &w->arg);
    d_ocp_qp_ipm_arg_set_tol_ineq(&tolerance, &w->arg);
    d_ocp_qp_ipm_arg_set_tol_comp(&tolerance, &w->arg);
    CARVE(d_ocp_qp_ipm_ws_memsize(&w->block_dim, &w->arg));
    d_ocp_qp_ipm_ws_create(&w->block_dim, &w->arg, &w->ws, piece);
#undef CARVE
    return 1;
}

/* Dynamics and cost of the controls; virtual controls move the next state directly. */
static void fill_dynamics(workspace_t *w, const settings_t *o, int inputs, int k) {
    node_t *n = w->node + k;
    double b[NX * NV] = {0}, r[NV] = {0}, rr[NV * NV] = {0}, ss[NV * NX] = {0};
    memcpy(b, n->b, sizeof n->b);
    for (int i = 0; i < inputs - NU; i++) b[i + NX * (NU + i)] = o->state_scale[i];
    for (int i = 0; i < NU; i++) {
        r[i] = n->r[i];
        for (int j = 0; j < NU; j++) rr[i + inputs * j] = n->rr[i + NU * j];
        for (int j = 0; j < NX; j++) ss[i + inputs * j] = n->ss[i + NU * j];
    }
    for (int i = NU; i < inputs; i++) rr[i + inputs * i] = 1e-6;
    if (k > 0) {
        d_ocp_qp_set_A(k, n->a, &w->qp);
        d_ocp_qp_set_S(k, ss, &w->qp);
    }
    d_ocp_qp_set_B(k, b, &w->qp);
    d_ocp_qp_set_b(k, n->defect, &w->qp);
    d_ocp_qp_set_R(k, rr, &w->qp);
    d_ocp_qp_set_r(k, r, &w->qp);
}

/* Trust region and bounds of the controls; virtual controls are softly held at zero. */
static void bound_controls(workspace_t *w, const problem_t *p, const settings_t *o, double radius,
                           int inputs, int k) {
    int index[NV];
    double lower[NV] = {0}, upper[NV] = {0};
    for (int i = 0; i < inputs; i++) index[i] = i;
    for (int i = 0; i < NU; i++) {
        double box = radius * o->control_scale[i], here = w->u[k * NU + i];
        lower[i] = fmin(fmax(p->control_lower[i] - here, -box), 0.0);
        upper[i] = fmax(fmin(p->control_upper[i] - here, box), 0.0);
    }
    d_ocp_qp_set_idxbu(k, index, &w->qp);
    d_ocp_qp_set_lbu(k, lower, &w->qp);
    d_ocp_qp_set_ubu(k, upper, &w->qp);
}

/* Trust region and bounds of the state. */
static void bound_state(workspace_t *w, const problem_t *p, const settings_t *o, double radius,
                        int k) {
    const double *x = w->x + k * NX;
    const double *least = p->state_lower + k * NX, *most = p->state_upper + k * NX;
    int index[NX], first = first_bounded(w, k);
    double lower[NX], upper[NX];
    for (int i = first; i < NX; i++) {
        int j = i - first;
        double box = radius * o->state_scale[i];
        index[j] = i;
        lower[j] = fmax(least[i] - x[i], -box);
        upper[j] = fmin(most[i] - x[i], box);
        /* a guess outside the bounds by more than the radius: the bound wins */
        if (lower[j] > upper[j]) {
            double nearest = most[i] - x[i] < -box ? most[i] - x[i] : least[i] - x[i];
            lower[j] = nearest - 1e-3;
            upper[j] = nearest + 1e-3;
        }
    }
    d_ocp_qp_set_idxbx(k, index, &w->qp);
    d_ocp_qp_set_lbx(k, lower, &w->qp);
    d_ocp_qp_set_ubx(k, upper, &w->qp);
}

/* The linearised rows, each with a slack of its own, behind the slacks of virtual controls. */
static void fill_rows(workspace_t *w, const problem_t *p, const settings_t *o, double penalty,
                      int inputs, int k) {
    static double zeros[MAX_ROWS + NV]; /* stays zero */
    node_t *n = w->node + k;
    int nu = k < p->steps ? inputs : 0, nx = k > 0 ? NX : 0, soft = nu > NU ? nu - NU : 0;
    int bounds = nu + NX - first_bounded(w, k);
    int rows = k > 0 ? n->rows : 1, first_row = k > 0 ? 0 : STAGE_ROWS - 1;
    int slack[MAX_ROWS + NV];
    double c[MAX_ROWS * NX], d[MAX_ROWS * NV] = {0};
    double level[MAX_ROWS], l1[MAX_ROWS + NV], l2[MAX_ROWS + NV];
    for (int i = 0; i < soft; i++) {
        l1[i] = o->defect_penalty;
        l2[i] = 1e-3;
        slack[i] = NU + i;
    }
    for (int row = 0; row < rows; row++) {
        int source = first_row + row;
        level[row] = -n->value[source];
        for (int i = 0; i < NX; i++) c[row + rows * i] = n->c[source + MAX_ROWS * i];
        for (int i = 0; i < NU; i++) d[row + rows * i] = n->d[source + MAX_ROWS * i];
        l1[soft + row] = penalty * n->weight[source];
        l2[soft + row] = o->penalty_square * n->weight[source];
        slack[soft + row] = bounds + row;
    }
    if (nx) d_ocp_qp_set_C(k, c, &w->qp);
    if (nu) d_ocp_qp_set_D(k, d, &w->qp);
    d_ocp_qp_set_lg(k, level, &w->qp);
    d_ocp_qp_set_ug_mask(k, zeros, &w->qp);
    d_ocp_qp_set_idxs(k, slack, &w->qp);
    d_ocp_qp_set_zl(k, l1, &w->qp);
    d_ocp_qp_set_zu(k, l1, &w->qp);
    d_ocp_qp_set_Zl(k, l2, &w->qp);
    d_ocp_qp_set_Zu(k, l2, &w->qp);
    d_ocp_qp_set_lls(k, zeros, &w->qp);
    d_ocp_qp_set_lus(k, zeros, &w->qp);
}

static void fill_node(workspace_t *w, const problem_t *p, const settings_t *o, double penalty,
                      double radius, int inputs, int k) {
    if (k < p->steps) {
        fill_dynamics(w, o, inputs, k);
        bound_controls(w, p, o, radius, inputs, k);
    }
    if (k > 0) {
        d_ocp_qp_set_Q(k, w->node[k].qq, &w->qp);
        d_ocp_qp_set_q(k, w->node[k].q, &w->qp);
        bound_state(w, p, o, radius, k);
    }
    fill_rows(w, p, o, penalty, inputs, k);
}

/* Solve the QP. Returns HPIPM's status, or -1 if its memory does not suffice. */
static int solve_qp(workspace_t *w, const problem_t *p, const settings_t *o, double penalty,
                    double radius, int inputs, int *iterations) {
    if (!lay_out(w, p, o, inputs)) return -1;
    for (int k = 0; k <= p->steps; k++) fill_node(w, p, o, penalty, radius, inputs, k);
    d_part_cond_qp_cond(&w->qp, &w->block_qp, &w->cond_arg, &w->cond_ws);
    d_ocp_qp_ipm_solve(&w->block_qp, &w->block_sol, &w->arg, &w->ws);
    d_part_cond_qp_expand_sol(&w->qp, &w->block_qp, &w->block_sol, &w->sol, &w->cond_arg,
                              &w->cond_ws);
    int status;
    d_ocp_qp_ipm_get_status(&w->ws, &status);
    d_ocp_qp_ipm_get_iter(&w->ws, iterations);
    return status;
}

/* Read the step; returns the QP's objective, or NaN where the solution is not finite. */
static double read_step(workspace_t *w, const problem_t *p, const settings_t *o, double penalty,
                        int inputs) {
    double objective = 0.0;
    memset(w->step_x, 0, NX * sizeof(double));
    for (int k = 0; k <= p->steps; k++) {
        node_t *n = w->node + k;
        double *dx = w->step_x + k * NX, *du = w->step_u + k * NU;
        double v[NV], s[MAX_ROWS + NV];
        int rows = k > 0 ? n->rows : 1;
        int first_row = k > 0 ? 0 : STAGE_ROWS - 1;
        if (k > 0) d_ocp_qp_sol_get_x(k, &w->sol, dx);
        if (k < p->steps) {
            d_ocp_qp_sol_get_u(k, &w->sol, v);
            memcpy(du, v, NU * sizeof(double));
            for (int i = NU; i < inputs; i++) objective += o->defect_penalty * fabs(v[i]);
            for (int i = 0; i < NU; i++) {
                objective += n->r[i] * du[i];
                for (int j = 0; j < NU; j++) objective += 0.5 * du[i] * n->rr[i + NU * j] * du[j];
                for (int j = 0; k > 0 && j < NX; j++)
                    objective += du[i] * n->ss[i + NU * j] * dx[j];
            }
        }
        for (int i = 0; k > 0 && i < NX; i++) {
            objective += n->q[i] * dx[i];
            for (int j = 0; j < NX; j++) objective += 0.5 * dx[i] * n->qq[i + NX * j] * dx[j];
        }
        d_ocp_qp_sol_get_sl(k, &w->sol, s);
        double *multiplier = w->multiplier + k * MAX_ROWS;
        memset(multiplier, 0, MAX_ROWS * sizeof(double));
        d_ocp_qp_sol_get_lam_lg(k, &w->sol, multiplier);
        for (int row = 0; row < rows; row++) {
            int source = first_row + row;
            double value = n->value[source];
            for (int i = 0; k > 0 && i < NX; i++) value += n->c[source + MAX_ROWS * i] * dx[i];
            for (int i = 0; k < p->steps && i < NU; i++)
                value += n->d[source + MAX_ROWS * i] * du[i];
            if (value < 0.0)
                objective += n->weight[source] *
                             (penalty * -value + 0.5 * o->penalty_square * value * value);
        }
    }
    return objective;
}

/* ----------------------------------------------------------------------------------- the loop */

static double step_size(const workspace_t *w, const settings_t *o) {
    double size = 0.0;
    for (int k = 0; k <= w->steps; k++) {
        for (int i = 0; i < NX; i++)
            size = fmax(size, fabs(w->step_x[k * NX + i]) / o->state_scale[i]);
        for (int i = 0; k < w->steps && i < NU; i++)
            size = fmax(size, fabs(w->step_u[k * NU + i]) / o->control_scale[i]);
    }
    return size;
}

static int all_finite(const double *v, int n) {
    for (int i = 0; i < n; i++)
        if (!isfinite(v[i])) return 0;
    return 1;
}

/* Steering rate that brings the car back to a guess's path: critically damped in the distance
 * driven, with a length that grows with speed; nothing where the car is on the guess. */
static double steering_feedback(const problem_t *p, const double *x, const double *guess) {
    double c = cos(guess[2]), s = sin(guess[2]);
    double lateral = c * (x[1] - guess[1]) - s * (x[0] - guess[0]);
    double length = fmax(3.0, 0.5 * x[3]);
    double bend = -lateral / (length * length) - 2.0 * sin(x[2] - guess[2]) / length;
    double wanted = atan(tan(guess[4]) + p->wheelbase * bend);
    return (wanted - x[4]) / 0.25;
}

/* Acceleration that brings the car back to where a guess is at that time. */
static double speed_feedback(const double *x, const double *guess) {
    double c = cos(guess[2]), s = sin(guess[2]);
    double ahead = c * (guess[0] - x[0]) + s * (guess[1] - x[1]);
    return 0.5 * ahead + 1.5 * (guess[3] - x[3]);
}

/* Turn a guess (x, u) into something the car can do: drive the model with the guess's controls
 * and feedback towards its states, within all bounds. A consistent guess comes back unchanged. */
void scp_roll_out(workspace_t *w, const problem_t *p, double *x, double *u) {
    static const int moves[NU] = {3, 4};
    double here[NX], next[NX];
    memcpy(here, p->initial_state, NX * sizeof(double));
    for (int k = 0; k < p->steps; k++) {
        double *uk = u + k * NU, *xk = x + k * NX;
        uk[0] += speed_feedback(here, xk);
        uk[1] += steering_feedback(p, here, xk);
        for (int i = 0; i < NU; i++) {
            double least = (p->state_lower[(k + 1) * NX + moves[i]] - here[moves[i]]) / p->dt;
            double most = (p->state_upper[(k + 1) * NX + moves[i]] - here[moves[i]]) / p->dt;
            uk[i] = fmin(fmax(uk[i], least), most);
            uk[i] = fmin(fmax(uk[i], p->control_lower[i]), p->control_upper[i]);
        }
        call_dynamics(w, here, uk, next);
        memcpy(xk, here, sizeof here);
        memcpy(here, next, sizeof here);
    }
    memcpy(x + p->steps * NX, here, sizeof here);
}

/* The QP's step, driven through the model: feedback keeps the car on the step's states, so that the
 * trial has no defects and can be handed over at any time. */
static void make_trial(workspace_t *w, const problem_t *p) {
    for (int i = 0; i < (p->steps + 1) * NX; i++) w->trial_x[i] = w->x[i] + w->step_x[i];
    for (int i = 0; i < p->steps * NU; i++) w->trial_u[i] = w->u[i] + w->step_u[i];
    scp_roll_out(w, p, w->trial_x, w->trial_u);
}

static void swap(double **a, double **b) {
    double *t = *a;
    *a = *b;
    *b = t;
}

static void keep(workspace_t *w) {
    memcpy(w->kept_x, w->x, (w->steps + 1) * NX * sizeof(double));
    memcpy(w->kept_u, w->u, w->steps * NU * sizeof(double));
}

static void keep_if_best(workspace_t *w, const settings_t *o, score_t s, score_t *best) {
    int feasible = s.violation <= o->violation_tolerance && s.defect <= o->defect_tolerance;
    if (!feasible || s.merit >= best->merit) return;
    *best = s;
    keep(w);
}

/* Largest multiplier of a soft row over its weight, of the last QP. */
static double largest_multiplier(const workspace_t *w) {
    double largest = 0.0;
    for (int k = 0; k <= w->steps; k++) {
        const node_t *n = w->node + k;
        int rows = k > 0 ? n->rows : 1, first = k > 0 ? 0 : STAGE_ROWS - 1;
        for (int i = 0; i < rows; i++)
            largest = fmax(largest, w->multiplier[k * MAX_ROWS + i] / n->weight[first + i]);
    }
    return isfinite(largest) ? largest : 0.0;
}

workspace_t *scp_create(int steps) {
    workspace_t *w = calloc(1, sizeof *w);
    if (!w) return NULL;
    w->steps = steps;
    w->node = calloc(steps + 1, sizeof *w->node);
    double **arrays[] = {&w->x,      &w->u,      &w->trial_x, &w->trial_u,   &w->step_x,
                         &w->step_u, &w->kept_x, &w->kept_u,  &w->multiplier};
    int complete = w->node != NULL;
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) {
        *arrays[i] = calloc((size_t)(steps + 1) * MAX_ROWS, sizeof(double));
        complete = complete && *arrays[i];
    }
    /* what the largest QP of this horizon needs, found once and with a reserve */
    w->block_size = calloc(steps + 1, sizeof *w->block_size);
    w->memory_size = (size_t)(steps + 1) * 128 * 1024;
    w->memory = malloc(w->memory_size);
    return complete && w->memory && w->block_size ? w : NULL;
}

void scp_destroy(workspace_t *w) {
    double *arrays[] = {w->x,      w->u,      w->trial_x, w->trial_u,   w->step_x,
                        w->step_u, w->kept_x, w->kept_u,  w->multiplier};
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) free(arrays[i]);
    free(w->node);
    free(w->memory);
    free(w->block_size);
    free(w);
}

/* Merit, cost, violation and defect of a trajectory, by the base penalty. */
void scp_score(workspace_t *w, const problem_t *p, const settings_t *o, const double *x,
               const double *u, double *result) {
    score_t s = score(w, p, o, o->penalty, x, u);
    result[0] = s.merit;
    result[1] = s.cost;
    result[2] = s.violation;
    result[3] = s.defect;
}

/* What the search for a better trajectory knows between two iterations. */
typedef struct {
    double radius, penalty;
    int inputs;   /* controls of the QP: NU, or NV with virtual controls */
    int fresh;    /* the trajectory moved since it was convexified */
    int stalls, raises, failures, accepted, status;
    score_t current, best;
    double violation_before; /* the penalty was raised */
} search_t;

/* Take over the guess, its controls clipped. Returns 0 where it is not finite. */
static int begin_search(workspace_t *w, const problem_t *p, const settings_t *o, const double *x,
                        const double *u, double known, search_t *s) {
    int n = p->steps;
    memset(s, 0, sizeof *s);
    s->radius = o->initial_radius;
    s->penalty = o->penalty;
    s->inputs = NU;
    s->fresh = 1;
    s->status = ITERATION_LIMIT;
    s->best.merit = INFINITY;
    if (!all_finite(x, (n + 1) * NX) || !all_finite(u, n * NU)) return 0;
    if (known > 0.0) s->penalty = fmin(fmax(o->penalty, 1.5 * known), 10.0 * o->penalty);
    memcpy(w->x, x, (n + 1) * NX * sizeof(double));
    memcpy(w->u, u, n * NU * sizeof(double));
    memcpy(w->x, p->initial_state, NX * sizeof(double));
    for (int i = 0; i < n * NU; i++)
        w->u[i] = fmin(fmax(w->u[i], p->control_lower[i % NU]), p->control_upper[i % NU]);
    s->current = score(w, p, o, s->penalty, w->x, w->u);
    if (!isfinite(s->current.merit)) return 0;
    keep_if_best(w, o, s->current, &s->best);
    return 1;
}

/* A QP without a usable step: an infeasible one about a rough guess gets more room first, then
 * virtual control. */
static void after_failed_qp(const settings_t *o, search_t *s) {
    s->failures++;
    if (s->accepted == 0 && s->failures == 1)
        s->radius = fmin(4.0 * s->radius, o->largest_radius);
    else if (s->inputs == NU)
        s->inputs = NV;
    else
        s->radius *= o->shrink_factor;
}

static void accept_trial(workspace_t *w, const settings_t *o, score_t trial, search_t *s) {
    swap(&w->x, &w->trial_x);
    swap(&w->u, &w->trial_u);
    s->current = trial;
    keep_if_best(w, o, trial, &s->best);
    s->accepted++;
    s->fresh = 1;
    s->inputs = NU;
}

/* Drive the step and judge it; `drivable` says that the trajectory it starts from has no defects.
 * Returns the ratio of actual to predicted decrease. */
static double try_step(workspace_t *w, const problem_t *p, const settings_t *o, double predicted,
                       double negligible, int drivable, search_t *s) {
    make_trial(w, p);
    score_t trial = score(w, p, o, s->penalty, w->trial_x, w->trial_u);
    int finite = isfinite(trial.merit);
    double gain = s->current.merit - trial.merit, ratio = finite ? gain / predicted : -1.0;
    double size = step_size(w, o);
    if (finite && (ratio >= o->accept_ratio || !drivable)) {
        accept_trial(w, o, trial, s);
        /* far from feasible, progress counts against the merit, most of which is penalty */
        double stuck = trial.violation > NEARLY ? 0.02 * trial.merit : 0.0;
        int small = gain <= fmax(10.0 * negligible, stuck) || size <= o->step_tolerance;
        /* a free step within the tolerances is a Newton step: the next gains a fraction of it */
        int newton = trial.violation <= o->violation_tolerance && size <= FREE * s->radius;
        s->stalls = drivable && small ? s->stalls + 1 : 0;
        if (newton && s->stalls) s->status = CONVERGED;
        if (ratio >= o->grow_ratio && size > FREE * s->radius)
            s->radius = fmin(o->grow_factor * s->radius, o->largest_radius);
    } else if (s->best.merit < INFINITY && s->radius < 0.1) {
        s->stalls++;
    }
    if (drivable && ratio < o->shrink_ratio) s->radius = o->shrink_factor * fmin(s->radius, size);
    return ratio;
}

/* One iteration: convexify, solve the QP, try its step. Fills a row of the history. */
static void iterate(workspace_t *w, const problem_t *p, const settings_t *o, search_t *s,
                    outcome_t *out, double *row) {
    if (s->fresh) convexify(w, p, 2.0 * s->radius * o->state_scale[0]);
    s->fresh = 0;
    int n = p->steps, qp_iterations = 0;
    int qp = solve_qp(w, p, o, s->penalty, s->radius, s->inputs, &qp_iterations);
    out->iterations++;
    out->qp_iterations += qp_iterations;
    out->virtual_iterations += s->inputs > NU;
    double model = read_step(w, p, o, s->penalty, s->inputs), ratio = NAN;
    /* a guess that cannot be driven has no merit to defend: the first trial replaces it */
    int drivable = s->current.defect <= o->defect_tolerance;
    int solved = qp == 0 || (drivable && qp > 0 && qp <= 2);
    int usable = solved && isfinite(model) && all_finite(w->step_u, n * NU) &&
                 all_finite(w->step_x, (n + 1) * NX);
    double predicted = usable ? s->current.merit - s->current.cost - model : -1.0;
    double negligible = o->merit_tolerance * (1.0 + fabs(s->current.cost));
    if (usable && drivable && qp == 0 && predicted <= negligible)
        s->status = CONVERGED;
    else if (!usable || (drivable && predicted <= 0.0))
        after_failed_qp(o, s);
    else
        ratio = try_step(w, p, o, predicted, negligible, drivable, s);
    if (s->status == ITERATION_LIMIT &&
        (s->stalls >= o->stall_limit || s->radius < o->smallest_radius))
        s->status = s->inputs > NU && s->accepted == 0 ? QP_FAILURE : STALLED;
    double values[] = {s->current.merit, s->current.violation, s->current.defect, s->radius,
                       ratio,            qp,                   qp_iterations};
    memcpy(row, values, sizeof values);
}

/* At the end of the road for this penalty: raise it where that may remove what violation is left,
 * and go on (returns 1), or end. */
static int raise_penalty(workspace_t *w, const problem_t *p, const settings_t *o, search_t *s) {
    if (s->current.violation <= o->violation_tolerance || s->status == QP_FAILURE) return 0;
    if (s->current.violation > NEARLY || s->raises == o->penalty_raises) {
        s->status = LOCALLY_INFEASIBLE;
        return 0;
    }
    if (s->raises == 0) {
        s->violation_before = s->current.violation;
        if (s->best.merit == INFINITY) keep(w);
    }
    s->raises++;
    s->penalty *= 10.0;
    s->current = score(w, p, o, s->penalty, w->x, w->u);
    s->radius = fmax(s->radius, 0.3 * o->initial_radius);
    s->stalls = 0;
    s->fresh = 1;
    s->status = ITERATION_LIMIT;
    return 1;
}

/* Hand over the best iterate within the tolerances, or the last one, always drivable; or that of
 * before a larger penalty which did not pay. Candidates are compared by the base penalty, whatever
 * this solve needed. */
static void hand_over(workspace_t *w, const problem_t *p, const settings_t *o, search_t *s,
                      double *x, double *u, outcome_t *out) {
    int n = p->steps;
    out->feasible = s->best.merit < INFINITY;
    int vain = s->raises > 0 && s->current.violation > WORTH * s->violation_before;
    if (out->feasible || vain) {
        memcpy(w->x, w->kept_x, (n + 1) * NX * sizeof(double));
        memcpy(w->u, w->kept_u, n * NU * sizeof(double));
    }
    score_t final = score(w, p, o, o->penalty, w->x, w->u);
    if (final.defect > o->defect_tolerance) {
        scp_roll_out(w, p, w->x, w->u);
        final = score(w, p, o, o->penalty, w->x, w->u);
    }
    memcpy(x, w->x, (n + 1) * NX * sizeof(double));
    memcpy(u, w->u, n * NU * sizeof(double));
    out->status = s->status;
    out->accepted = s->accepted;
    out->cost = final.cost;
    out->violation = final.violation;
    out->defect = final.defect;
    out->merit = final.merit;
    out->penalty = s->penalty;
}

/* Refine (x, u) in place; the guess may be inconsistent. `multiplier` is the largest of an earlier
 * solution, and that of this one afterwards. `history` has HISTORY_COLUMNS numbers for each of
 * iteration_limit rows: merit, violation, defect, radius, ratio, QP status, QP iterations,
 * seconds. */
void scp_solve(workspace_t *w, const problem_t *p, const settings_t *o, double seconds, double *x,
               double *u, double *multiplier, double *history, outcome_t *out) {
    double start = now(), longest = 0.0;
    search_t s;
    memset(out, 0, sizeof *out);
    out->status = BAD_START;
    out->penalty = o->penalty;
    out->cost = out->merit = out->violation = out->defect = INFINITY;
    if (!begin_search(w, p, o, x, u, *multiplier, &s)) return;
    for (int i = 0; i < o->iteration_limit; i++) {
        double begin = now(), *row = history + i * HISTORY_COLUMNS;
        if (begin - start + longest > seconds) {
            s.status = DEADLINE;
            break;
        }
        iterate(w, p, o, &s, out, row);
        row[HISTORY_COLUMNS - 1] = now() - start;
        longest = fmax(longest, now() - begin);
        if (s.status != ITERATION_LIMIT && !raise_penalty(w, p, o, &s)) break;
    }
    if (out->iterations > 0) *multiplier = largest_multiplier(w);
    hand_over(w, p, o, &s, x, u, out);
    out->seconds = now() - start;
}
