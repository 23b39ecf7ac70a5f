/* Copyright 2026 The warmstart_planner authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The C interface: searches in as many lanes of float as the processor's registers hold, or in one
 * lane of double. What is handed over is driven and scored in double, whatever searched.
 */
#include <cstdlib>

#include "judge.hpp"
#include "solver.hpp"

extern "C" struct workspace_t {
    scp::Solver<scp::Wide> wide;
    scp::Solver<scp::Single> single;
    scp::Judge<scp::Doubles> judge;
};

extern "C" {

int scp_width() { return scp::Wide::WIDTH; }

workspace_t *scp_create() {
    const size_t size = (sizeof(workspace_t) + 63) / 64 * 64;
    void *memory = std::aligned_alloc(64, size);
    return memory ? static_cast<workspace_t *>(std::memset(memory, 0, size)) : nullptr;
}

void scp_destroy(workspace_t *w) { std::free(w); }

void scp_roll_out(workspace_t *w, const problem_t *const *problem, int count, double *states,
                  double *controls) {
    w->judge.roll_out_all(problem, count, states, controls);
}

/* SCORE_COLUMNS numbers for each: merit, cost, violation, largest defect. */
void scp_score(workspace_t *w, const problem_t *const *problem, const settings_t *o, int count,
               const double *states, const double *controls, double *scores) {
    w->judge.score_all(problem, *o, count, states, controls, scores);
}

/* Only what is within the tolerances in double counts as that. `scores` has room for all. */
void scp_solve(workspace_t *w, const task_t *t, double *scores) {
    if (t->wide) w->wide.solve(*t);
    else w->single.solve(*t);
    w->judge.settle_all(t->problem, *t->settings, t->count, t->states, t->controls, scores);
    for (int i = 0; i < t->count; i++) {
        outcome_t &out = t->outcome[i];
        const bool bad = out.status == scp::BAD_START;
        out.merit = bad ? INFINITY : scores[SCORE_COLUMNS * i];
        out.cost = bad ? INFINITY : scores[SCORE_COLUMNS * i + 1];
        out.violation = bad ? INFINITY : scores[SCORE_COLUMNS * i + 2];
        out.feasible = out.violation <= t->settings->violation_tolerance;
    }
}
}
