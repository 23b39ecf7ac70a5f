/* Copyright 2026 The warmstart_planner authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Lanes as one number: N candidates' numbers side by side in a vector register, with the operators
 * of a plain number. What depends on a comparison is selected by a mask; no lane ever sees
 * another. One lane is a plain number.
 *
 * Widths are those of the target's registers. Wider vectors are legal and slow: compilers split
 * them badly.
 */
#pragma once
#include <cmath>
#include <cstdint>
#include <cstring>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

/* A loop over a few states or controls, whose indices the compiler shall know: unrolled, arrays
 * become registers. */
#define SCP_UNROLL _Pragma("GCC unroll 16")

namespace scp {

#if defined(__AVX512F__)
constexpr int REGISTER = 64;  // bytes
#elif defined(__AVX2__)
constexpr int REGISTER = 32;
#else
constexpr int REGISTER = 16;  // SSE2, NEON
#endif

template <class T> struct Bits { using type = int32_t; };
template <> struct Bits<double> { using type = int64_t; };

template <class T, int N> struct Storage {
    typedef T Values __attribute__((vector_size(N * sizeof(T))));
    typedef typename Bits<T>::type Truths __attribute__((vector_size(N * sizeof(T))));
    using Whole = Truths;
};
template <class T> struct Storage<T, 1> {
    using Values = T;
    using Truths = bool;
    using Whole = typename Bits<T>::type;
};

/* Yes or no for each lane. */
template <class T, int N> struct Mask {
    using Truths = typename Storage<T, N>::Truths;
    Truths m;
    Mask operator&(Mask o) const { return {static_cast<Truths>(m & o.m)}; }
    Mask operator|(Mask o) const { return {static_cast<Truths>(m | o.m)}; }
    Mask operator!() const { return {static_cast<Truths>(m == 0)}; }
    bool any() const {
        if constexpr (N == 1) {
            return m;
        } else {
            uint64_t words[sizeof m / 8], all = 0;
            std::memcpy(words, &m, sizeof m);
            for (uint64_t word : words) all |= word;
            return all != 0;
        }
    }
};

/* One number for each lane. */
template <class T, int N> struct Lanes {
    static constexpr int WIDTH = N;
    using Scalar = T;
    using Truth = Mask<T, N>;
    using Values = typename Storage<T, N>::Values;
    using Whole = typename Storage<T, N>::Whole;
    Values v;

    Lanes() = default;
    Lanes(double x) : v(static_cast<T>(x) - Values{}) {}
    static Lanes of(Values values) {
        Lanes r;
        r.v = values;
        return r;
    }
    T operator[](int lane) const {
        if constexpr (N == 1) return v;
        else return v[lane];
    }
    void set(int lane, double x) {
        if constexpr (N == 1) v = static_cast<T>(x);
        else v[lane] = static_cast<T>(x);
    }
    friend Lanes operator+(Lanes a, Lanes b) { return of(a.v + b.v); }
    friend Lanes operator-(Lanes a, Lanes b) { return of(a.v - b.v); }
    friend Lanes operator*(Lanes a, Lanes b) { return of(a.v * b.v); }
    friend Lanes operator/(Lanes a, Lanes b) { return of(a.v / b.v); }
    friend Lanes operator-(Lanes a) { return of(-a.v); }
    Lanes &operator+=(Lanes b) { return *this = *this + b; }
    Lanes &operator-=(Lanes b) { return *this = *this - b; }
    Lanes &operator*=(Lanes b) { return *this = *this * b; }
    friend Truth operator<(Lanes a, Lanes b) { return {a.v < b.v}; }
    friend Truth operator<=(Lanes a, Lanes b) { return {a.v <= b.v}; }
    friend Truth operator>(Lanes a, Lanes b) { return {a.v > b.v}; }
    friend Truth operator>=(Lanes a, Lanes b) { return {a.v >= b.v}; }
};

#define SCP_LANES template <class T, int N> inline __attribute__((always_inline))

/* a where the mask says yes, b elsewhere. */
SCP_LANES Lanes<T, N> select(Mask<T, N> m, Lanes<T, N> a, Lanes<T, N> b) {
    return Lanes<T, N>::of(m.m ? a.v : b.v);
}

/* What CasADi makes of a comparison. */
SCP_LANES Lanes<T, N> as_number(Mask<T, N> m) {
    return select(m, Lanes<T, N>(1.0), Lanes<T, N>(0.0));
}

/* The processor's own instructions where the vector extensions have no word for them. */
#if defined(__AVX512F__)
#define SCP_NATIVE_512(f, d, ...)                                              \
    if constexpr (N * sizeof(T) == 64) {                                       \
        if constexpr (sizeof(T) == 8) return Lanes<T, N>::of(d(__VA_ARGS__));  \
        else return Lanes<T, N>::of(f(__VA_ARGS__));                           \
    } else
#else
#define SCP_NATIVE_512(f, d, ...)
#endif
#if defined(__AVX__)
#define SCP_NATIVE_256(f, d, ...)                                              \
    if constexpr (N * sizeof(T) == 32) {                                       \
        if constexpr (sizeof(T) == 8) return Lanes<T, N>::of(d(__VA_ARGS__));  \
        else return Lanes<T, N>::of(f(__VA_ARGS__));                           \
    } else
#else
#define SCP_NATIVE_256(f, d, ...)
#endif
#if defined(__SSE2__)
#define SCP_NATIVE_128(f, d, ...)                                              \
    if constexpr (N * sizeof(T) == 16) {                                       \
        if constexpr (sizeof(T) == 8) return Lanes<T, N>::of(d(__VA_ARGS__));  \
        else return Lanes<T, N>::of(f(__VA_ARGS__));                           \
    } else
#else
#define SCP_NATIVE_128(f, d, ...)
#endif

/* The larger one; b where one of them is not a number. */
SCP_LANES Lanes<T, N> maximum(Lanes<T, N> a, Lanes<T, N> b) {
    SCP_NATIVE_512(_mm512_max_ps, _mm512_max_pd, a.v, b.v)
    SCP_NATIVE_256(_mm256_max_ps, _mm256_max_pd, a.v, b.v)
    SCP_NATIVE_128(_mm_max_ps, _mm_max_pd, a.v, b.v)
    return Lanes<T, N>::of(a.v > b.v ? a.v : b.v);
}

/* The smaller one; b where one of them is not a number. */
SCP_LANES Lanes<T, N> minimum(Lanes<T, N> a, Lanes<T, N> b) {
    SCP_NATIVE_512(_mm512_min_ps, _mm512_min_pd, a.v, b.v)
    SCP_NATIVE_256(_mm256_min_ps, _mm256_min_pd, a.v, b.v)
    SCP_NATIVE_128(_mm_min_ps, _mm_min_pd, a.v, b.v)
    return Lanes<T, N>::of(a.v < b.v ? a.v : b.v);
}

SCP_LANES Lanes<T, N> sqrt(Lanes<T, N> a) {
    SCP_NATIVE_512(_mm512_sqrt_ps, _mm512_sqrt_pd, a.v)
    SCP_NATIVE_256(_mm256_sqrt_ps, _mm256_sqrt_pd, a.v)
    SCP_NATIVE_128(_mm_sqrt_ps, _mm_sqrt_pd, a.v)
    {
        Lanes<T, N> r;
        for (int i = 0; i < N; i++) r.set(i, std::sqrt(a[i]));
        return r;
    }
}

/* 1 / a to four parts in ten thousand or better: the processor's estimate where it has one. */
SCP_LANES Lanes<T, N> about_one_over(Lanes<T, N> a) {
#if defined(__AVX512F__)
    if constexpr (sizeof(T) == 4 && N == 16) return Lanes<T, N>::of(_mm512_rcp14_ps(a.v));
    else
#elif defined(__AVX__)
    if constexpr (sizeof(T) == 4 && N == 8) return Lanes<T, N>::of(_mm256_rcp_ps(a.v));
    else
#endif
        return Lanes<T, N>(1.0) / a;
}

/* 1 / a to a few units in the last place. In single precision by the estimate and a step of
 * Newton's method, in about half the time of a division. */
SCP_LANES Lanes<T, N> one_over(Lanes<T, N> a) {
    const Lanes<T, N> r = about_one_over(a);
    if constexpr (sizeof(T) == 8) return r;
    else return r + r * (Lanes<T, N>(1.0) - a * r);
}

SCP_LANES Lanes<T, N> absolute(Lanes<T, N> a) { return maximum(a, -a); }

SCP_LANES Lanes<T, N> clip(Lanes<T, N> a, Lanes<T, N> least, Lanes<T, N> most) {
    return minimum(maximum(a, least), most);
}

using Wide = Lanes<float, REGISTER / sizeof(float)>;
using Doubles = Lanes<double, REGISTER / sizeof(double)>;
using Single = Lanes<double, 1>;

}  // namespace scp

#include "elementary.hpp"
