/* Copyright 2026 The warmstart_planner authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The convex QP of an iteration, all lanes at once, by a primal-dual interior-point method.
 *
 * One iteration is two passes over the nodes. Backward: take the last direction's step, eliminate
 * slacks, add the barrier's terms, Riccati recursion. Forward: where the direction leads, how far
 * it may be followed, and what complementarity becomes. A predictor pass, as Mehrotra's method
 * has, would save iterations and cost more in memory traffic; instead the centring of an iteration
 * follows from how far the last step could go. Bounds on states that the dynamics do not meet yet
 * are approached as the steps add up: what is left of that gap is the product of all 1 - alpha.
 */
#pragma once
#include "riccati.hpp"

namespace scp {

struct QpSettings {
    double complementarity = 2e-4; /* mean of distance times multiplier at which the QP is solved */
    double gap = 3e-3;             /* share of the first point's infeasibility that may be left */
};

constexpr double FIRST_COMPLEMENTARITY = 3.0;
constexpr double FIRST_CENTRING = 0.2, LEAST_CENTRING = 0.05, MOST_CENTRING = 0.8;
constexpr double LEAST_TARGET = 0.5;    /* of the complementarity asked for */
constexpr double TO_THE_BOUNDARY = 0.995;
constexpr double NEARLY_SOLVED = 10.0;  /* times the tolerances: good for a step */
constexpr double SMALLEST_BOX = 2e-3;   /* so wide are bounds that leave no room */

/* What the QP says of its step. */
template <class V> struct Step {
    V model; /* objective of the convex model */
    V size;  /* largest scaled entry */
    V multiplier; /* largest of a soft row */
    V iterations, complementarity, gap;
};

struct Scales {
    double state[STATES], control[CONTROLS];
};

template <class V> class Qp {
  public:
    using Truth = typename V::Truth;
    Programme<V> nodes;

    /* Solve for the lanes at work, each with a limit of iterations. The step is in the nodes. */
    Step<V> solve(const Problems<V> &p, const Trajectories<V> &t, const Scales &scales, V radius,
                  const Penalty<V> &penalty, Truth at_work, V limit, const QpSettings &settings) {
        begin(p, t, scales, radius, penalty);
        const V one(1.0), zero(0.0), per_pair = one / count_pairs();
        const V solved(settings.complementarity), closed(settings.gap);
        V mu(FIRST_COMPLEMENTARITY), gap = one, iterations = zero;
        V alpha = zero, last_target = zero, target = V(FIRST_CENTRING) * mu;
        for (;;) {
            const Truth busy = at_work & (iterations < limit) & ((mu > solved) | (gap > closed));
            if (!busy.any()) break;
            iterations += as_number(busy);
            backward(alpha, last_target, target, penalty);
            const Outlook<V> ahead = forward(target, penalty);
            const V boundary = one_over(maximum(ahead.worst, V(0.5)));
            alpha = select(busy, minimum(one, V(TO_THE_BOUNDARY) * boundary), zero);
            const V becomes = target - mu + alpha * ahead.second * per_pair;
            mu = select(busy, mu + alpha * becomes, mu);
            gap *= one - alpha;
            last_target = target;
            const V rest = one - alpha;
            const V centring = clip(rest * rest, V(LEAST_CENTRING), V(MOST_CENTRING));
            target = maximum(centring * mu, V(LEAST_TARGET) * solved);
        }
        Step<V> step = finish(alpha, last_target, penalty, scales);
        step.iterations = iterations;
        step.complementarity = mu;
        step.gap = gap;
        return step;
    }

  private:
    /* ------------------------------------------------------------------- the first point */

    static void begin_controls(const Problems<V> &p, const V *u, const Scales &scales, V radius,
                               Stage<V> &n) {
        for (int i = 0; i < CONTROLS; i++) {
            const V box = radius * V(scales.control[i]), zero(0.0);
            const V lower = clip(V(p.control_lower[i]) - u[i], -box, zero);
            const V upper = clip(V(p.control_upper[i]) - u[i], zero, box);
            n.y[i] = zero;
            n.control_bound[i].begin(n.y[i], lower, upper, V(FIRST_COMPLEMENTARITY));
            n.y_next[i] = n.y[i];
        }
    }

    /* Trust region and bounds of the state; where they contradict one another, the bounds win. */
    static void begin_states(const Problems<V> &p, const V *x, int k, const Scales &scales,
                             V radius, Node<V> &n) {
        for (int i = 0; i < STATES; i++) n.z[i] = V(0.0);
        for (int i = first_bounded(k); i < STATES; i++) {
            const V box = radius * V(scales.state[i]);
            V lower = -box, upper = box;
            if (i >= PLACE) {
                const V least = p.lower[k][i - PLACE] - x[i], most = p.upper[k][i - PLACE] - x[i];
                lower = maximum(least, -box);
                upper = minimum(most, box);
                const V middle = select(most < -box, most,
                                        select(least > box, least, V(0.5) * (lower + upper)));
                const auto narrow = upper - lower < V(SMALLEST_BOX);
                lower = select(narrow, middle - V(0.5 * SMALLEST_BOX), lower);
                upper = select(narrow, middle + V(0.5 * SMALLEST_BOX), upper);
            }
            n.bound[i].begin(n.z[i], lower, upper, V(FIRST_COMPLEMENTARITY));
        }
        for (int i = 0; i < STATES; i++) n.z_next[i] = n.z[i];
    }

    void begin(const Problems<V> &p, const Trajectories<V> &t, const Scales &scales, V radius,
               const Penalty<V> &penalty) {
        const V mu(FIRST_COMPLEMENTARITY);
        for (int k = 0; k < NODES; k++) {
            Node<V> &n = nodes.node(k);
            begin_states(p, t.x[k], k, scales, radius, n);
            for (int row = 0; row < n.rows; row++)
                n.row[row].soft.begin(n.value_of(n.row[row], n.z), mu, penalty);
        }
        for (int k = 0; k < STEPS; k++) {
            Stage<V> &n = nodes.stage[k];
            begin_controls(p, t.u[k], scales, radius, n);
            n.grip.begin(n.grip_value(n.z, n.y), mu, penalty);
        }
        nodes.end.stop.begin(nodes.end.stop_value(nodes.end.z), mu, penalty);
    }

    /* Pairs of distance and multiplier: two for each bounded variable and for each soft row. */
    V count_pairs() {
        int pairs = 2 * (CONTROLS + 1) * STEPS + 2;
        for (int k = 0; k < NODES; k++) pairs += 2 * (STATES - first_bounded(k));
        pairs += 2 * ROAD_ROWS * STEPS;
        return V(static_cast<double>(pairs)) + V(2.0) * nodes.obstacle_rows;
    }

    /* ----------------------------------------------------------------- the backward pass */

    /* Follow the last direction, then add up this node's terms. */
    static void state_terms(Node<V> &n, int k, V alpha, V last, V target,
                            const Penalty<V> &penalty, V *H, V *g) {
        SCP_UNROLL
        for (int i = 0; i < H_SIZE; i++) H[i] = n.h[i];
        SCP_UNROLL
        for (int i = 0; i < STATES; i++) g[i] = n.q[i];
        const int bounded = first_bounded(k);
        for (int row = 0; row < n.rows; row++) {
            PlaceRow<V> &r = n.row[row];
            r.soft.follow(n.value_of(r, n.z_next), alpha, last, penalty);
            add_row<0, PLACE>(r.c, r.soft.eliminate(target, penalty), H, g);
        }
        SCP_UNROLL
        for (int i = 0; i < STATES; i++) {
            if (i >= bounded) n.bound[i].follow(n.z_next[i] - n.z[i], alpha, last);
            n.z[i] = towards(n.z[i], n.z_next[i], alpha);
            if (i >= bounded) n.bound[i].add_to(H[at(i, i)], g[i], n.z[i], target);
        }
    }

    static void stage_terms(Stage<V> &n, int k, V alpha, V last, V target,
                            const Penalty<V> &penalty, Terms<V> &terms) {
        n.grip.follow(n.grip_value(n.z_next, n.y_next), alpha, last, penalty);
        state_terms(n, k, alpha, last, target, penalty, terms.H, terms.g);
        SCP_UNROLL
        for (int i = 0; i < CONTROLS; i++) {
            terms.R[i] = V(CONTROL_COST[i]);
            terms.r[i] = n.r[i];
            n.control_bound[i].follow(n.y_next[i] - n.y[i], alpha, last);
            n.y[i] = towards(n.y[i], n.y_next[i], alpha);
            n.control_bound[i].add_to(terms.R[i], terms.r[i], n.y[i], target);
        }
        const auto term = n.grip.eliminate(target, penalty);
        add_row<FRICTION_FIRST, FRICTION_END>(n.friction, term, terms.H, terms.g);
        const V d = n.friction[FRICTION_END - FRICTION_FIRST], weighted = term.weight * d;
        terms.R[0] += weighted * d;
        terms.r[0] -= term.force * d;
        SCP_UNROLL
        for (int i = FRICTION_FIRST; i < FRICTION_END; i++)
            terms.S[i - FRICTION_FIRST] = weighted * n.friction[i - FRICTION_FIRST];
    }

    void backward(V alpha, V last, V target, const Penalty<V> &penalty) {
        CostToGo<V> to_go;
        End<V> &end = nodes.end;
        end.stop.follow(end.stop_value(end.z_next), alpha, last, penalty);
        state_terms(end, STEPS, alpha, last, target, penalty, to_go.P, to_go.p);
        add_row<STOPPING_FIRST, STOPPING_END>(end.stopping, end.stop.eliminate(target, penalty),
                                              to_go.P, to_go.p);
        for (int k = STEPS - 1; k >= 0; k--) {
            Terms<V> terms;
            stage_terms(nodes.stage[k], k, alpha, last, target, penalty, terms);
            riccati(terms, nodes.stage[k], to_go);
        }
    }

    /* ------------------------------------------------------------------ the forward pass */

    static void look_at_states(const Node<V> &n, int k, V target, const Penalty<V> &penalty,
                               Outlook<V> &ahead) {
        const int bounded = first_bounded(k);
        SCP_UNROLL
        for (int i = 0; i < STATES; i++)
            if (i >= bounded) n.bound[i].look(n.z_next[i] - n.z[i], target, ahead);
        const int everywhere = n.rows < ROAD_ROWS ? n.rows : ROAD_ROWS;
        for (int row = 0; row < everywhere; row++)
            n.row[row].soft.look(n.value_of(n.row[row], n.z_next), target, penalty, ahead);
        for (int row = everywhere; row < n.rows; row++) {
            Outlook<V> of_row{V(0.0), V(0.0)};
            n.row[row].soft.look(n.value_of(n.row[row], n.z_next), target, penalty, of_row);
            ahead.include(of_row, n.row[row].there);
        }
    }

    Outlook<V> forward(V target, const Penalty<V> &penalty) {
        Outlook<V> ahead{V(0.0), V(0.0)};
        V z[STATES];
        for (V &each : z) each = V(0.0);
        for (int k = 0; k < STEPS; k++) {
            Stage<V> &n = nodes.stage[k];
            SCP_UNROLL
            for (int i = 0; i < STATES; i++) n.z_next[i] = z[i];
            SCP_UNROLL
            for (int i = 0; i < CONTROLS; i++) {
                n.y_next[i] = n.feed[i];
                SCP_UNROLL
                for (int j = 0; j < STATES; j++) n.y_next[i] += n.gain[i][j] * z[j];
                n.control_bound[i].look(n.y_next[i] - n.y[i], target, ahead);
            }
            look_at_states(n, k, target, penalty, ahead);
            n.grip.look(n.grip_value(n.z_next, n.y_next), target, penalty, ahead);
            move(n.a, n.b, n.z_next, n.y_next, z);
        }
        End<V> &end = nodes.end;
        SCP_UNROLL
        for (int i = 0; i < STATES; i++) end.z_next[i] = z[i];
        look_at_states(end, STEPS, target, penalty, ahead);
        end.stop.look(end.stop_value(end.z_next), target, penalty, ahead);
        return ahead;
    }

    /* ----------------------------------------------------------------------- the answer */

    static void finish_row(SoftRow<V> &row, V value, V next, V there, V alpha, V last,
                           const Penalty<V> &penalty, Step<V> &step) {
        row.follow(next, alpha, last, penalty);
        step.model += penalty.of(maximum(-value, V(0.0)));
        step.multiplier = maximum(there * row.l, step.multiplier);
    }

    static void finish_states(Node<V> &n, V alpha, V last, const Penalty<V> &penalty,
                              const Scales &scales, Step<V> &step) {
        for (int i = 0; i < STATES; i++) n.z[i] = towards(n.z[i], n.z_next[i], alpha);
        for (int i = 0; i < STATES; i++) {
            V half = n.q[i] + V(0.5) * n.h[at(i, i)] * n.z[i];
            for (int j = i + 1; j < STATES; j++) half += n.h[at(i, j)] * n.z[j];
            step.model += n.z[i] * half;
            step.size = maximum(absolute(n.z[i]) * V(1.0 / scales.state[i]), step.size);
        }
        for (int row = 0; row < n.rows; row++) {
            PlaceRow<V> &r = n.row[row];
            finish_row(r.soft, n.value_of(r, n.z), n.value_of(r, n.z_next), r.there, alpha, last,
                       penalty, step);
        }
    }

    /* Take the last step, and what the QP says of the point that it leads to. */
    Step<V> finish(V alpha, V last, const Penalty<V> &penalty, const Scales &scales) {
        const V zero(0.0), one(1.0);
        Step<V> step{zero, zero, zero, zero, zero, zero};
        for (Stage<V> &n : nodes.stage) {
            finish_states(n, alpha, last, penalty, scales, step);
            for (int i = 0; i < CONTROLS; i++) {
                n.y[i] = towards(n.y[i], n.y_next[i], alpha);
                step.model += n.y[i] * (n.r[i] + V(0.5 * CONTROL_COST[i]) * n.y[i]);
                step.size = maximum(absolute(n.y[i]) * V(1.0 / scales.control[i]), step.size);
            }
            finish_row(n.grip, n.grip_value(n.z, n.y), n.grip_value(n.z_next, n.y_next), one,
                       alpha, last, penalty, step);
        }
        End<V> &end = nodes.end;
        finish_states(end, alpha, last, penalty, scales, step);
        finish_row(end.stop, end.stop_value(end.z), end.stop_value(end.z_next), one, alpha, last,
                   penalty, step);
        return step;
    }
};

}  // namespace scp
