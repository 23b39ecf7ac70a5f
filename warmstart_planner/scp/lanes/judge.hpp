/* Copyright 2026 The warmstart_planner authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Roll-out and score of any number of trajectories, as many at once as a register has doubles.
 */
#pragma once
#include "search.hpp"

namespace scp {

template <class V> class Judge {
  public:
    /* Drive guesses; they are replaced. */
    void roll_out_all(const problem_t *const *problem, int count, double *states,
                      double *controls) {
        by_groups(problem, count, states, controls, [&](int first, int size) {
            roll_out(problems, given);
            store(first, size, states, controls);
        });
    }

    /* Merit, cost, violation and largest defect of each, by the base penalty. */
    void score_all(const problem_t *const *problem, const settings_t &o, int count,
                   const double *states, const double *controls, double *scores) {
        by_groups(problem, count, states, controls,
                  [&](int first, int size) { put_scores(o, first, size, scores); });
    }

    /* Both. */
    void settle_all(const problem_t *const *problem, const settings_t &o, int count,
                    double *states, double *controls, double *scores) {
        by_groups(problem, count, states, controls, [&](int first, int size) {
            roll_out(problems, given);
            store(first, size, states, controls);
            put_scores(o, first, size, scores);
        });
    }

  private:
    Problems<V> problems;
    Trajectories<V> given;

    void store(int first, int size, double *states, double *controls) const {
        for (int lane = 0; lane < size; lane++)
            given.store(lane, states + (first + lane) * NODES * STATES,
                        controls + (first + lane) * STEPS * CONTROLS);
    }

    void put_scores(const settings_t &o, int first, int size, double *scores) const {
        const Merit<V> merit = score(problems, given, penalty_of(V(o.penalty), o.penalty_square));
        const Defects<V> gaps = defects(given, o.state_scale);
        for (int lane = 0; lane < size; lane++) {
            double *s = scores + 4 * (first + lane);
            s[0] = merit.merit[lane] + o.defect_penalty * gaps.sum[lane];
            s[1] = merit.cost[lane];
            s[2] = merit.violation[lane];
            s[3] = gaps.largest[lane];
        }
    }

    template <class Work>
    void by_groups(const problem_t *const *problem, int count, const double *states,
                   const double *controls, Work work) {
        problems.clear();
        for (int first = 0; first < count; first += V::WIDTH) {
            const int size = count - first < V::WIDTH ? count - first : V::WIDTH;
            for (int lane = 0; lane < V::WIDTH; lane++) {
                const int which = first + (lane < size ? lane : 0); /* spare lanes repeat one */
                problems.load(lane, *problem[which]);
                given.load(lane, states + which * NODES * STATES,
                           controls + which * STEPS * CONTROLS);
            }
            work(first, size);
        }
    }
};

}  // namespace scp
