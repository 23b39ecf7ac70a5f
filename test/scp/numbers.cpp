/* Copyright 2026 The warmstart_planner authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The number type's functions for arrays of doubles.
 */
#include <cstring>

#include "number.hpp"

using namespace scp;

template <class V> V call(const char *name, V a, V b) {
    auto is = [name](const char *other) { return std::strcmp(name, other) == 0; };
    if (is("sin")) return sin(a);
    if (is("cos")) return cos(a);
    if (is("tan")) return tan(a);
    if (is("atan")) return atan(a);
    if (is("exp")) return exp(a);
    if (is("sqrt")) return sqrt(a);
    if (is("one_over")) return one_over(a);
    if (is("about_one_over")) return about_one_over(a);
    if (is("absolute")) return absolute(a);
    if (is("maximum")) return maximum(a, b);
    if (is("minimum")) return minimum(a, b);
    if (is("where_less")) return select(a < b, a, -b);
    if (is("any_less")) return V((a < b).any());
    return V(NAN);
}

template <class V>
bool apply_in(const char *name, int count, const double *a, const double *b, double *out) {
    for (int i = 0; i < count; i++) {
        /* the number in question is in one lane after the other */
        V x(0.0), y(0.0);
        const int lane = i % V::WIDTH;
        if (std::strcmp(name, "any_less") != 0) x = y = V(1.0); /* no lane divides by zero */
        x.set(lane, a[i]);
        y.set(lane, b[i]);
        out[i] = call(name, x, y)[lane];
    }
    return true;
}

extern "C" bool apply(int kind, const char *name, int count, const double *a, const double *b,
                      double *out) {
    if (kind == 0) return apply_in<Wide>(name, count, a, b, out);
    if (kind == 1) return apply_in<Doubles>(name, count, a, b, out);
    return apply_in<Single>(name, count, a, b, out);
}
