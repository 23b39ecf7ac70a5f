/* Copyright 2026 The warmstart_planner authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Trust-region sequential convex programming from any number of starts, one a lane; a lane whose
 * search has ended takes the next start.
 *
 * Every start and every trial step is driven through the model, with feedback towards what was
 * wanted. So iterates can be handed over at any time, trajectories have no defects, and the QP
 * always has the step zero: virtual controls would have nothing to bridge.
 *
 * No lane depends on another, not by a bit: what all share is only how long a loop runs, and a lane
 * that has ended is left as it is.
 */
#pragma once
#include <ctime>

#include "search.hpp"

namespace scp {

constexpr double ABSURD = 1e6; /* no number of a start [m, rad, m/s ...] is larger */

inline double now() {
    timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + 1e-9 * t.tv_nsec;
}

template <class V> class Solver {
  public:
    void solve(const task_t &given) {
        task = &given;
        begin = now();
        longest = 0.0;
        next = finished = 0;
        found = false;
        problems.clear();
        for (int lane = 0; lane < V::WIDTH; lane++) enter(lane);
        for (score_unscored(); at_work > 0 && !should_end(); score_unscored()) {
            const double start = now();
            iterate();
            longest = std::fmax(longest, now() - start);
        }
        end_all();
    }

  private:
    using Truth = typename V::Truth;
    const task_t *task;
    double begin, longest;
    int next, finished, at_work;
    bool found; /* something within the tolerances */
    Search search[V::WIDTH];
    bool working[V::WIDTH], unscored[V::WIDTH], moved[V::WIDTH];
    Problems<V> problems;
    Trajectories<V> current, trial, kept;
    Qp<V> qp;

    double *states_of(int start) const { return task->states + start * NODES * STATES; }
    double *controls_of(int start) const { return task->controls + start * STEPS * CONTROLS; }

    template <class Value> V by_lane(Value value) const {
        V all(0.0);
        for (int lane = 0; lane < V::WIDTH; lane++) all.set(lane, value(search[lane]));
        return all;
    }
    static Truth mask(const bool (&which)[V::WIDTH]) {
        V all(0.0);
        for (int lane = 0; lane < V::WIDTH; lane++) all.set(lane, which[lane]);
        return all > V(0.5);
    }
    static bool any(const bool (&which)[V::WIDTH]) {
        for (bool each : which)
            if (each) return true;
        return false;
    }
    static Score score_of(const Merit<V> &all, int lane) {
        return {all.merit[lane], all.cost[lane], all.violation[lane]};
    }
    Penalty<V> penalties() const {
        return penalty_of(by_lane([](const Search &s) { return s.penalty; }),
                          task->settings->penalty_square);
    }

    /* ------------------------------------------------------------------------- coming and going */

    bool is_sound(int start) const {
        const double *x = states_of(start), *u = controls_of(start);
        for (int i = 0; i < NODES * STATES; i++)
            if (!(std::fabs(x[i]) <= ABSURD)) return false;
        for (int i = 0; i < STEPS * CONTROLS; i++)
            if (!(std::fabs(u[i]) <= ABSURD)) return false;
        return true;
    }

    void refuse(int start) {
        task->outcome[start] = outcome_t{};
        task->outcome[start].status = BAD_START;
        task->outcome[start].penalty = task->settings->penalty;
        task->outcome[start].seconds = now() - begin;
        finished++;
    }

    /* A free lane takes the next start that is one. */
    void enter(int lane) {
        working[lane] = unscored[lane] = false;
        while (next < task->count && !is_sound(next)) refuse(next++);
        if (next == task->count) return;
        const int start = next++;
        search[lane].begin(*task->settings, start, task->multiplier[start]);
        problems.load(lane, *task->problem[start]);
        trial.load(lane, states_of(start), controls_of(start));
        working[lane] = unscored[lane] = true;
    }

    /* Hand over the best iterate within the tolerances, or the last one; or that of before a larger
     * penalty which did not pay. */
    void leave(int lane, Status status) {
        const Search &s = search[lane];
        const bool keeps = s.has_feasible() || s.raised_in_vain();
        (keeps ? kept : current).store(lane, states_of(s.start), controls_of(s.start));
        outcome_t &out = task->outcome[s.start];
        out.status = status;
        out.iterations = s.iterations;
        out.qp_iterations = s.qp_iterations;
        out.accepted = s.accepted;
        out.penalty = s.penalty;
        out.multiplier = s.multiplier;
        out.seconds = now() - begin;
        working[lane] = false;
        finished++;
    }

    bool should_end() const {
        const bool waiting = next < task->count;
        if (!waiting && found && at_work <= task->stragglers) return true;
        return now() - begin + longest > task->seconds;
    }

    /* Searches at work, and starts that no lane has taken, end as they are. */
    void end_all() {
        const bool late = next < task->count || !(found && at_work <= task->stragglers);
        for (int lane = 0; lane < V::WIDTH; lane++)
            if (working[lane]) leave(lane, late ? DEADLINE : STOPPED);
        for (; next < task->count; next++) {
            refuse(next);
            if (is_sound(next)) task->outcome[next].status = DEADLINE;
        }
    }

    /* --------------------------------------------------------------------------- the iteration */

    /* Starts that have just entered are driven; their merit, and that of old ones by a new
     * penalty. */
    void score_unscored() {
        while (any(unscored)) {
            bool entered[V::WIDTH];
            for (int lane = 0; lane < V::WIDTH; lane++)
                entered[lane] = unscored[lane] && search[lane].iterations == 0;
            if (any(entered)) {
                roll_out(problems, trial);
                current.take(mask(entered), trial);
            }
            const Merit<V> all = score(problems, current, penalties());
            for (int lane = 0; lane < V::WIDTH; lane++) {
                if (!unscored[lane]) continue;
                search[lane].current = score_of(all, lane);
                unscored[lane] = false;
                moved[lane] = true;
            }
            keep_best(entered);
            for (int lane = 0; lane < V::WIDTH; lane++)
                if (entered[lane] && !std::isfinite(search[lane].current.merit)) {
                    refuse(search[lane].start);
                    enter(lane);
                }
        }
        at_work = 0;
        for (bool each : working) at_work += each;
    }

    void keep_best(const bool (&which)[V::WIDTH]) {
        bool better[V::WIDTH];
        for (int lane = 0; lane < V::WIDTH; lane++) {
            Search &s = search[lane];
            const bool feasible = which[lane] && s.is_feasible(s.current);
            better[lane] = feasible && s.current.merit < s.best.merit;
            if (better[lane]) s.best = s.current;
        }
        if (!any(better)) return;
        kept.take(mask(better), current);
        found = true;
    }

    void make_trial() {
        for (int k = 0; k < NODES; k++)
            for (int i = 0; i < STATES; i++)
                trial.x[k][i] = current.x[k][i] + qp.nodes.node(k).z[i];
        for (int k = 0; k < STEPS; k++)
            for (int i = 0; i < CONTROLS; i++)
                trial.u[k][i] = current.u[k][i] + qp.nodes.stage[k].y[i];
        roll_out(problems, trial);
    }

    /* Linearise where something moved, solve the QPs, drive their steps, judge each. */
    void iterate() {
        const settings_t &o = *task->settings;
        const Truth busy = mask(working);
        if (any(moved))
            linearise(problems, current, V(2.0 * o.state_scale[0]) *
                      by_lane([](const Search &s) { return s.reach; }), busy, qp.nodes);
        for (bool &each : moved) each = false;
        Scales scales;
        std::memcpy(scales.state, o.state_scale, sizeof scales.state);
        std::memcpy(scales.control, o.control_scale, sizeof scales.control);
        const Penalty<V> penalty = penalties();
        const Step<V> step = qp.solve(
            problems, current, scales, by_lane([](const Search &s) { return s.radius; }), penalty,
            busy, by_lane([](const Search &s) { return s.qp_limit; }),
            {o.qp_complementarity, o.qp_gap});
        make_trial();
        const Merit<V> merit = score(problems, trial, penalty);
        for (int lane = 0; lane < V::WIDTH; lane++)
            if (working[lane]) moved[lane] = judge(lane, step, score_of(merit, lane));
        current.take(mask(moved), trial);
        keep_best(moved);
        for (int lane = 0; lane < V::WIDTH; lane++)
            if (working[lane] && search[lane].ended()) finish(lane);
    }

    bool judge(int lane, const Step<V> &step, const Score &score) {
        const settings_t &o = *task->settings;
        Search &s = search[lane];
        Trial t;
        t.model = step.model[lane];
        t.size = step.size[lane];
        t.multiplier = step.multiplier[lane] / TIME_STEP;
        t.qp_iterations = static_cast<int>(step.iterations[lane]);
        t.qp_solved = step.complementarity[lane] <= NEARLY_SOLVED * o.qp_complementarity &&
                      step.gap[lane] <= NEARLY_SOLVED * o.qp_gap;
        t.score = score;
        const bool moves = s.judge(t);
        const int row = s.start * o.iteration_limit + s.iterations - 1;
        const double values[HISTORY_COLUMNS] = {
            s.current.merit, s.current.violation, s.radius, t.ratio, double(t.qp_solved),
            double(t.qp_iterations), now() - begin};
        std::memcpy(task->history + row * HISTORY_COLUMNS, values, sizeof values);
        return moves;
    }

    /* A search has come to an end: by a larger penalty it goes on, or its lane is free. */
    void finish(int lane) {
        Search &s = search[lane];
        const bool first = s.raises == 0 && !s.has_feasible();
        if (!s.raise_penalty()) {
            leave(lane, s.status);
            enter(lane);
            return;
        }
        if (first) {
            bool only[V::WIDTH] = {};
            only[lane] = true;
            kept.take(mask(only), current);
        }
        unscored[lane] = true;
    }
};

}  // namespace scp
