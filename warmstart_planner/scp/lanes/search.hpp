/* Copyright 2026 The warmstart_planner authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What the search from one start knows between two iterations, and how it judges a step: plain
 * bookkeeping by lane, in double.
 *
 * A trust region's radius follows the ratio of actual to predicted decrease of the exact-penalty
 * merit (Conn, Gould and Toint, Trust-Region Methods, 2000, algorithm 6.1.1).
 */
#pragma once
#include <cmath>

#include "qp.hpp"

namespace scp {

enum Status {
    CONVERGED = 0,
    STALLED = 1,
    LOCALLY_INFEASIBLE = 2,
    ITERATION_LIMIT = 3, /* also that of a search at work */
    DEADLINE = 4,
    BAD_START = 6,
    STOPPED = 7
};

constexpr double NEARLY = 0.3; /* a violation [m] that a larger penalty may still remove */
constexpr double WORTH = 0.5;  /* share that a larger penalty may leave of one to have paid */
constexpr double FREE = 0.8;   /* of the trust region: a shorter step is not held back by it */
constexpr double RAISE = 10.0; /* of the penalty */

struct Score {
    double merit = INFINITY, cost = INFINITY, violation = INFINITY;
};

/* One lane's account of a QP and of the trial that its step led to. */
struct Trial {
    double model, size, multiplier, ratio = NAN;
    int qp_iterations;
    bool qp_solved;
    Score score;
};

struct Search {
    const settings_t *o = nullptr;
    double radius = 0.0, penalty = 0.0, multiplier = 0.0, violation_before = 0.0;
    double reach = 0.0; /* the radius when the trajectory last moved: its linearisation's */
    int start = -1, stalls = 0, raises = 0, accepted = 0, iterations = 0;
    int qp_limit = 0, qp_iterations = 0;
    Status status = ITERATION_LIMIT;
    Score current, best;

    /* `known` is the largest multiplier of an earlier solution, or 0. */
    void begin(const settings_t &settings, int which, double known) {
        *this = Search{};
        o = &settings;
        start = which;
        radius = reach = o->initial_radius;
        penalty = o->penalty;
        qp_limit = o->qp_iterations;
        if (known > 0.0)
            penalty = std::fmin(std::fmax(o->penalty, 1.5 * known), RAISE * o->penalty);
    }

    bool is_feasible(const Score &s) const { return s.violation <= o->violation_tolerance; }
    bool has_feasible() const { return best.merit < INFINITY; }

    /* Judge a trial; returns whether it becomes the current trajectory. */
    bool judge(Trial &t) {
        iterations++;
        qp_iterations += t.qp_iterations;
        multiplier = t.multiplier;
        const double predicted = current.merit - current.cost - t.model;
        const double negligible = o->merit_tolerance * (1.0 + std::fabs(current.cost));
        const bool usable = std::isfinite(t.model) && std::isfinite(t.size);
        bool moves = false;
        if (usable && t.qp_solved && predicted <= negligible) status = CONVERGED;
        else if (!usable || predicted <= 0.0) after_failed_qp(t);
        else moves = try_step(t, predicted, negligible);
        qp_limit = t.qp_solved ? o->qp_iterations : o->qp_iteration_limit;
        const bool stuck = stalls >= o->stall_limit || radius < o->smallest_radius;
        if (status == ITERATION_LIMIT && stuck) status = STALLED;
        if (moves) reach = radius;
        return moves;
    }

    bool ended() const { return status != ITERATION_LIMIT || iterations >= o->iteration_limit; }

    /* At the end of the road for this penalty: raise it where that may remove what violation is
     * left, and go on (returns true), or end. */
    bool raise_penalty() {
        if (status == ITERATION_LIMIT || is_feasible(current)) return false;
        if (current.violation > NEARLY || raises == o->penalty_raises) {
            status = LOCALLY_INFEASIBLE;
            return false;
        }
        if (iterations >= o->iteration_limit) return false;
        if (raises == 0) violation_before = current.violation;
        raises++;
        penalty *= RAISE;
        radius = reach = std::fmax(radius, 0.3 * o->initial_radius);
        stalls = 0;
        status = ITERATION_LIMIT;
        return true;
    }

    /* A larger penalty left more than WORTH of the violation: what was before it costs less. */
    bool raised_in_vain() const {
        return raises > 0 && current.violation > WORTH * violation_before;
    }

  private:
    /* One that ran out of iterations gets more next time; else a smaller region. */
    void after_failed_qp(const Trial &t) {
        if (!t.qp_solved && qp_limit < o->qp_iteration_limit) return;
        radius *= o->shrink_factor;
    }

    bool try_step(Trial &t, double predicted, double negligible) {
        const bool finite = std::isfinite(t.score.merit);
        const double gain = current.merit - t.score.merit;
        t.ratio = finite ? gain / predicted : -1.0;
        const bool accept = finite && t.ratio >= o->accept_ratio;
        if (accept) after_accepted(t, gain, negligible);
        else if (has_feasible() && radius < 0.1) stalls++;
        if (t.ratio < o->shrink_ratio) radius = o->shrink_factor * std::fmin(radius, t.size);
        return accept;
    }

    void after_accepted(const Trial &t, double gain, double negligible) {
        current = t.score;
        accepted++;
        /* far from feasible, progress counts against the merit, most of which is penalty */
        const double slow = current.violation > NEARLY ? 0.02 * current.merit : 0.0;
        const bool small =
            gain <= std::fmax(10.0 * negligible, slow) || t.size <= o->step_tolerance;
        /* a free step within the tolerances is a Newton step: the next gains a fraction of it */
        const bool newton = is_feasible(current) && t.size <= FREE * radius;
        stalls = small ? stalls + 1 : 0;
        if (newton && stalls) status = CONVERGED;
        if (t.ratio >= o->grow_ratio && t.size > FREE * radius)
            radius = std::fmin(o->grow_factor * radius, o->largest_radius);
    }
};

}  // namespace scp
