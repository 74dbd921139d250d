/* Cosine and sine, of positions and of moments. */
#include <math.h>

#include "web/parts.h"

void pw_cos_sin(double x, double *cosine, double *sine) {
    /* x less the nearest multiple of pi / 2, in two steps: the first product is exact, for it has 33 bits and n few */
    const double n = nearbyint(x * 0.63661977236758134308);
    const double r = (x - n * 1.57079632673412561417e+00) - n * 6.07710050650619224932e-11, z = r * r;
    /* Taylor's series: |r| <= pi / 4 leaves 1e-17 of the next terms */
    double c = 1.0 / 87178291200.0, s = 1.0 / 6227020800.0;
    c = 1.0 / 479001600.0 - z * c, s = 1.0 / 39916800.0 - z * s;
    c = 1.0 / 3628800.0 - z * c, s = 1.0 / 362880.0 - z * s;
    c = 1.0 / 40320.0 - z * c, s = 1.0 / 5040.0 - z * s;
    c = 1.0 / 720.0 - z * c, s = 1.0 / 120.0 - z * s;
    c = 1.0 / 24.0 - z * c, s = 1.0 / 6.0 - z * s;
    c = 0.5 - z * c;
    c = 1.0 - z * c, s = r - r * z * s;
    const int quarter = (int)n & 3;
    *cosine = quarter == 0 ? c : quarter == 1 ? -s : quarter == 2 ? -c : s;
    *sine = quarter == 0 ? s : quarter == 1 ? c : quarter == 2 ? -s : -c;
}
