/* Copyright 2026 The warmstart_planner authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * sin, cos, tan, atan and exp of lanes, without branches.
 *
 * Reductions and polynomials are those of S. L. Moshier's Cephes library (netlib.org/cephes): sin,
 * cos, atan, exp in double, sinf, cosf, atanf, expf in single precision. Errors are a few units in
 * the last place for angles up to some thousand.
 */
#pragma once
#include "number.hpp"

namespace scp {

/* Horner's rule, highest coefficient first. */
template <class V, int COUNT> inline V polynomial(V x, const double (&c)[COUNT]) {
    V sum(c[0]);
    for (int i = 1; i < COUNT; i++) sum = sum * x + V(c[i]);
    return sum;
}

/* To the nearest whole number: adding and taking away 1.5 times two to the length of the mantissa
 * rounds the rest off. */
template <class V> inline V nearest_whole(V a) {
    const V shift(sizeof(typename V::Scalar) == 8 ? 6755399441055744.0 : 12582912.0);
    return (a + shift) - shift;
}

SCP_LANES typename Lanes<T, N>::Whole as_whole(Lanes<T, N> a) {
    if constexpr (N == 1) return static_cast<typename Lanes<T, N>::Whole>(a.v);
    else return __builtin_convertvector(a.v, typename Lanes<T, N>::Whole);
}

template <class T, int N> struct SinCos { Lanes<T, N> sin, cos; };

/* Both of one angle: x = q pi/2 + r, polynomials on |r| <= pi/4, then by the quadrant q. */
SCP_LANES SinCos<T, N> sin_cos(Lanes<T, N> x) {
    using V = Lanes<T, N>;
    const V q = nearest_whole(x * V(0.63661977236758134308));
    V r, sine, cosine;
    if constexpr (sizeof(T) == 8) {
        r = (x - q * V(1.57079632673412561417e+00)) - q * V(6.07710050650619224932e-11);
        const V z = r * r;
        sine = r + r * z * polynomial(z, {1.58969099521155010221e-10, -2.50507602534068634195e-08,
                                          2.75573137070700676789e-06, -1.98412698298579493134e-04,
                                          8.33333333332248946124e-03, -1.66666666666666324348e-01});
        cosine = V(1.0) - V(0.5) * z +
                 z * z * polynomial(z, {-1.13596475577881948265e-11, 2.08757232129817482790e-09,
                                        -2.75573143513906633035e-07, 2.48015872894767294178e-05,
                                        -1.38888888888741095749e-03, 4.16666666666666019037e-02});
    } else {
        r = ((x - q * V(1.5703125)) - q * V(4.837512969970703125e-4)) - q * V(7.54978995489188e-8);
        const V z = r * r;
        sine = r + r * z * polynomial(z, {-1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1});
        cosine = V(1.0) - V(0.5) * z +
                 z * z * polynomial(z, {2.443315711809948e-5, -1.388731625493765e-3,
                                        4.166664568298827e-2});
    }
    const auto quadrant = as_whole(q);
    using M = Mask<T, N>;
    const M odd{(quadrant & 1) != 0}, lower{(quadrant & 2) != 0}, left{((quadrant + 1) & 2) != 0};
    const V s = select(odd, cosine, sine), c = select(odd, sine, cosine);
    return {select(lower, -s, s), select(left, -c, c)};
}

SCP_LANES Lanes<T, N> sin(Lanes<T, N> x) { return sin_cos(x).sin; }
SCP_LANES Lanes<T, N> cos(Lanes<T, N> x) { return sin_cos(x).cos; }
SCP_LANES Lanes<T, N> tan(Lanes<T, N> x) {
    const auto both = sin_cos(x);
    return both.sin / both.cos;
}

/* By tan's addition theorem brought to |y| <= tan(pi/8), or 0.66 in double. */
SCP_LANES Lanes<T, N> atan(Lanes<T, N> x) {
    using V = Lanes<T, N>;
    const V t = absolute(x), one(1.0);
    const auto steep = t > V(2.414213562373095);
    const auto middle = t > V(sizeof(T) == 8 ? 0.66 : 0.4142135623730950);
    const V base = select(steep, V(1.57079632679489661923),
                          select(middle, V(0.78539816339744830962), V(0.0)));
    const V y = select(steep, -one, select(middle, t - one, t)) /
                select(steep, t, select(middle, t + one, one));
    const V z = y * y;
    V p;
    if constexpr (sizeof(T) == 8)
        p = polynomial(z, {-8.750608600031904122785e-1, -1.615753718733365076637e1,
                           -7.500855792314704667340e1, -1.228866684490136173410e2,
                           -6.485021904942025371773e1}) /
            polynomial(z, {1.0, 2.485846490142306297962e1, 1.650270098316988542046e2,
                           4.328810604912902668951e2, 4.853903996359136964868e2,
                           1.945506571482613964425e2});
    else
        p = polynomial(z, {8.05374449538e-2, -1.38776856032e-1, 1.99777106478e-1,
                           -3.33329491539e-1});
    const V angle = base + (y + y * z * p);
    return select(x < V(0.0), -angle, angle);
}

/* 2 to the power of a whole number, written into the exponent. */
SCP_LANES Lanes<T, N> power_of_two(Lanes<T, N> whole) {
    auto bits = as_whole(whole);
    if constexpr (sizeof(T) == 8) bits = (bits + 1023) << 52;
    else bits = (bits + 127) << 23;
    Lanes<T, N> r;
    std::memcpy(&r.v, &bits, sizeof bits);
    return r;
}

/* e^x = 2^n e^r with |r| <= ln(2) / 2; beyond what a number holds, its largest or least power. */
SCP_LANES Lanes<T, N> exp(Lanes<T, N> x) {
    using V = Lanes<T, N>;
    const V most(sizeof(T) == 8 ? 700.0 : 87.0);
    x = clip(x, -most, most);
    const V n = nearest_whole(x * V(1.4426950408889634073599));
    if constexpr (sizeof(T) == 8) {
        const V r = (x - n * V(6.93145751953125e-1)) - n * V(1.42860682030941723212e-6), z = r * r;
        const V p = r * polynomial(z, {1.26177193074810590878e-4, 3.02994407707441961300e-2,
                                       9.99999999999999999910e-1});
        const V q = polynomial(z, {3.00198505138664455042e-6, 2.52448340349684104192e-3,
                                   2.27265548208155028766e-1, 2.0});
        return (V(1.0) + V(2.0) * p / (q - p)) * power_of_two(n);
    } else {
        const V r = (x - n * V(0.693359375)) - n * V(-2.12194440e-4);
        const V p = polynomial(r, {1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3,
                                   4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1});
        return (p * r * r + r + V(1.0)) * power_of_two(n);
    }
}

}  // namespace scp
