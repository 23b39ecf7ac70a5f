/* Copyright 2026 The warmstart_planner authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Distance of boxes and discs.
 */

/* Signed distance between a box and a rounded box, whose centre is at x, y and whose yaw has the
 * given cosine and sine in the frame of the first.
 *
 * Apart, it is the Euclidean distance, which two convex polygons have at a corner of one of them.
 * Overlapping, it is minus the shortest translation that separates them, which for boxes is along
 * a normal of a side (Gottschalk, Lin, Manocha: OBBTree, SIGGRAPH 1996). */
static double box_distance(double x, double y, double cosine, double sine, const double *half,
                           const double *other_half, double radius) {
    /* row 0 has the second box in the frame of the first, row 1 the first in that of the second */
    const double centre[2][2] = {{x, y}, {-cosine * x - sine * y, sine * x - cosine * y}};
    const double turn[2] = {sine, -sine};
    const double *own[2] = {half, other_half}, *other[2] = {other_half, half};
    double apart = -INFINITY, least = INFINITY;
    for (int f = 0; f < 2; f++) {
        /* half diagonals of the other box: to its front left and front right corner */
        const double ax = cosine * other[f][0], ay = turn[f] * other[f][0];
        const double bx = -turn[f] * other[f][1], by = cosine * other[f][1];
        const double diagonal[2][2] = {{ax + bx, ay + by}, {ax - bx, ay - by}};
        for (int i = 0; i < 2; i++) {
            double extent = larger(fabs(diagonal[0][i]), fabs(diagonal[1][i]));
            raise_to(&apart, fabs(centre[f][i]) - extent - own[f][i]);
        }
        for (int corner = 0; corner < 4; corner++) {
            double side = corner & 1 ? -1.0 : 1.0;
            const double *d = diagonal[corner / 2];
            double beyond_x = larger(fabs(centre[f][0] + side * d[0]) - own[f][0], 0.0);
            double beyond_y = larger(fabs(centre[f][1] + side * d[1]) - own[f][1], 0.0);
            least = smaller(least, square(beyond_x) + square(beyond_y));
        }
    }
    return (apart > 0.0 ? sqrt(least) : apart) - radius;
}
