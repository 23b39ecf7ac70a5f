/* Copyright 2026 The warmstart_planner authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The two kinds of inequality of the QP in a primal-dual interior-point method: bounds, and soft
 * rows, whose slacks are eliminated in closed form. docs/scp-lanes.md derives the equations; the
 * method is that of Wright, Primal-Dual Interior-Point Methods, SIAM 1997, chapter 5.
 *
 * Every pair of a distance t >= 0 and its multiplier l >= 0 is led along t l = tau, tau -> 0. A
 * direction is where Newton's method would go; how far it is followed, alpha, is the same for all.
 */
#pragma once
#include "merit.hpp"

namespace scp {

/* What can be said of a direction before it is followed: the largest relative decrease of a
 * distance or multiplier, and the sum of dt dl. Newton's equation t dl + l dt = tau - t l says the
 * rest of what the sum of t l becomes. */
template <class V> struct Outlook {
    V worst, second;

    void see(V relative_decrease) { worst = maximum(relative_decrease, worst); }
    void see_pair(V dt, V dl) { second += dt * dl; }

    /* Of what is only there in some lanes. */
    void include(const Outlook &other, V there) {
        worst = maximum(there * other.worst, worst);
        second += there * other.second;
    }
};

/* A step of alpha from here towards there; a lane that stays is not touched by what is not a
 * number. */
template <class V> V towards(V here, V there, V alpha) {
    return select(alpha > V(0.0), here + alpha * (there - here), here);
}

/* lower <= z <= upper: distances to both bounds and their multipliers. */
template <class V> struct Box {
    V below, above, l_below, l_above;

    /* Start at z, brought well inside, with complementarity mu. */
    void begin(V &z, V lower, V upper, V mu) {
        const V rim = V(0.1) * (upper - lower);
        z = clip(z, lower + rim, upper - rim);
        below = z - lower;
        above = upper - z;
        l_below = mu / below;
        l_above = mu / above;
    }

    /* Newton on t l = tau with dt = dz below and -dz above. */
    V step_below(V dz, V tau) const { return (tau - l_below * dz) * one_over(below) - l_below; }
    V step_above(V dz, V tau) const { return (tau + l_above * dz) * one_over(above) - l_above; }

    void follow(V dz, V alpha, V tau) {
        const V dl_below = step_below(dz, tau), dl_above = step_above(dz, tau);
        below += alpha * dz;
        above -= alpha * dz;
        l_below += alpha * dl_below;
        l_above += alpha * dl_above;
    }

    /* The barrier's part of Hessian and gradient, the latter for a step counted from z = 0. */
    void add_to(V &hessian, V &gradient, V z, V tau) const {
        const V per_below = one_over(below), per_above = one_over(above);
        const V weight = l_below * per_below + l_above * per_above;
        hessian += weight;
        gradient += tau * (per_above - per_below) - weight * z;
    }

    void look(V dz, V tau, Outlook<V> &ahead) const {
        const V dl_below = step_below(dz, tau), dl_above = step_above(dz, tau);
        ahead.see(-dz * one_over(below));
        ahead.see(dz * one_over(above));
        ahead.see(-dl_below * about_one_over(l_below));
        ahead.see(-dl_above * about_one_over(l_above));
        ahead.see_pair(dz, dl_below);
        ahead.see_pair(-dz, dl_above);
    }
};

/* value + c z + s = t >= 0 with a slack s >= 0 that costs linear s + quadratic s^2 / 2; l belongs
 * to t, m to s. `value` is that at z = 0; c is kept elsewhere, as rows differ in what they depend
 * on. */
template <class V> struct SoftRow {
    V value, t, s, l, m;

    /* The point on the central path of mu where the row is worth v, the quadratic part left out:
     * linear = mu / t + mu / s, t - s = v. The smaller of t and s is found without cancellation. */
    void begin(V v, V mu, const Penalty<V> &penalty) {
        const V size = penalty.linear * absolute(v), h = size - V(2.0) * mu;
        const V root = sqrt(size * size + V(4.0) * mu * mu);
        const V ample = V(2.0) * mu * absolute(v) / maximum(h + root, V(1e-30));
        const V less = select(h > V(0.0), ample, (root - h) / (V(2.0) * penalty.linear));
        const auto kept = v >= V(0.0);
        s = select(kept, less, less - v);
        t = select(kept, v + less, less);
        l = mu / t;
        m = mu / s;
    }

    struct Step {
        V t, s, l, m, per_t, per_s;
    };

    /* The direction of the eliminated ones once the row is to become v:
     *     (l/t + quadratic + m/s) ds = rho - l/t dv, rho = tau/t + tau/s - linear - quadratic s. */
    Step step(V v, V tau, const Penalty<V> &penalty) const {
        Step d;
        d.per_t = one_over(t);
        d.per_s = one_over(s);
        const V a = l * d.per_t, b = m * d.per_s, to_t = tau * d.per_t, to_s = tau * d.per_s;
        const V rho = to_t + to_s - penalty.linear - penalty.quadratic * s, dv = v - (t - s);
        d.s = (rho - a * dv) * one_over(a + penalty.quadratic + b);
        d.t = dv + d.s;
        d.l = to_t - a * d.t - l;
        d.m = to_s - b * d.s - m;
        return d;
    }

    void follow(V v, V alpha, V tau, const Penalty<V> &penalty) {
        const Step d = step(v, tau, penalty);
        t += alpha * d.t;
        s += alpha * d.s;
        l += alpha * d.l;
        m += alpha * d.m;
    }

    struct Term {
        V weight, force;
    };

    /* Elimination of the slack: the multiplier after a full step is l = force - weight c z, so the
     * row adds weight c c' to the Hessian and -force c to the gradient. */
    Term eliminate(V tau, const Penalty<V> &penalty) const {
        const V per_t = one_over(t), per_s = one_over(s);
        const V a = l * per_t, b = penalty.quadratic + m * per_s, share = a * one_over(a + b);
        const V to_t = tau * per_t;
        const V rho = to_t + tau * per_s - penalty.linear - penalty.quadratic * s;
        const V weight = share * b;
        return {weight, to_t - share * rho + weight * (t - s - value)};
    }

    void look(V v, V tau, const Penalty<V> &penalty, Outlook<V> &ahead) const {
        const Step d = step(v, tau, penalty);
        ahead.see(-d.t * d.per_t);
        ahead.see(-d.s * d.per_s);
        ahead.see(-d.l * about_one_over(l));
        ahead.see(-d.m * about_one_over(m));
        ahead.see_pair(d.t, d.l);
        ahead.see_pair(d.s, d.m);
    }
};

}  // namespace scp
