/* Copyright 2026 The warmstart_planner authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Road coordinates of points, as the network sees them: objective.road_coordinates, but regular
 * near an arc's centre, where no road is.
 */
#pragma once
#include "functions.hpp"
#include "linear.hpp"

namespace learned {

struct Point {
    V station, offset, cos, sin, curvature, left, right, speed, target_offset;
};
constexpr int POINT = sizeof(Point) / sizeof(V);
static_assert(POINT == POINT_SIZE, "architecture.POINT_FIELDS has the fields of Point");

/* The numbers of transcription.road_parameters. */
struct Road {
    float grip, stop_station, blend_square;
    struct Anchor {
        float x, y, cos, sin, curvature, station, left, left_slope, right, right_slope;
        float offset, offset_slope, speed, speed_slope;
    } anchor[ANCHORS];
};
static_assert(sizeof(Road) == ROAD_SIZE * sizeof(float), "objective.ANCHOR_FIELDS are Anchor's");

__attribute__((noinline)) inline Point project(const Road &road, V x, V y) {
    Point sum;
    V *const sums = reinterpret_cast<V *>(&sum), total(0.0), one(1.0);
    for (int i = 0; i < POINT; i++) sums[i] = V(0.0);
    for (const Road::Anchor &a : road.anchor) {
        const V dx = x - lane(a.x), dy = y - lane(a.y), kappa = lane(a.curvature);
        const V along = lane(a.cos) * dx + lane(a.sin) * dy;
        const V across = lane(a.cos) * dy - lane(a.sin) * dx;
        const V square = along * along + across * across;
        V weight = one / (lane(road.blend_square) + square);
        weight = weight * weight;
        weight = weight * weight;
        const V sine = kappa * along, cosine = one - kappa * across;
        const V ratio = sqrt(maximum(sine * sine + cosine * cosine, V(NEAREST)));
        const V half_lateral = (across - V(0.5) * kappa * square) / (one + ratio);
        const V unit = weight / ratio, advance = unit * along;
        total += weight;
        sum.station += weight * lane(a.station) + advance;
        sum.offset += V(2.0) * weight * half_lateral;
        sum.cos += unit * (lane(a.cos) * cosine - lane(a.sin) * sine);
        sum.sin += unit * (lane(a.sin) * cosine + lane(a.cos) * sine);
        sum.curvature += weight * kappa;
        sum.left += weight * lane(a.left) + advance * lane(a.left_slope);
        sum.right += weight * lane(a.right) + advance * lane(a.right_slope);
        sum.speed += weight * lane(a.speed) + advance * lane(a.speed_slope);
        sum.target_offset += weight * lane(a.offset) + advance * lane(a.offset_slope);
    }
    const V share = one / total;
    for (int i = 0; i < POINT; i++) sums[i] *= share;
    return sum;
}

/* The products of a road's and a car's heading, in the order of architecture.HEADING_TERMS. */
inline void heading_terms(const Point &at, V cos, V sin, V *terms) {
    terms[0] = at.cos * cos;
    terms[1] = at.sin * sin;
    terms[2] = at.cos * sin;
    terms[3] = at.sin * cos;
}

}  // namespace learned
