/* The noise that the flow head starts from, as NumPy draws it: SeedSequence, PCG64, Generator.standard_normal in
 * float32 and Generator.random. See models/pocket/flow.py; PCG: O'Neill 2014, HMC-CS-2014-0905 (XSL RR 128/64);
 * ziggurat: Marsaglia, Tsang 2000, doi:10.18637/jss.v005.i08. */
#include <math.h>

#include "web/parts.h"
#include "web/ziggurat.inl"

typedef unsigned __int128 u128;

static u128 wide(const uint64_t two[2]) { return (u128)two[0] << 64 | two[1]; }
static void narrow(uint64_t two[2], u128 value) { two[0] = (uint64_t)(value >> 64), two[1] = (uint64_t)value; }

static void advance(pw_random *r) {
    const u128 multiplier = (u128)0x2360ed051fc65da4u << 64 | 0x4385df649fccf645u;
    narrow(r->state, wide(r->state) * multiplier + wide(r->increment));
}

/* --- SeedSequence: a pool of four words, into which every word of the entropy is mixed -------------------- */

enum { POOL = 4 };

static uint32_t hashed(uint32_t value, uint32_t *constant, uint32_t multiplier) {
    value ^= *constant;
    *constant *= multiplier;
    value *= *constant;
    return value ^ value >> 16;
}

static uint32_t mixed(uint32_t x, uint32_t y) {
    const uint32_t value = 0xca01f9ddu * x - 0x4973f715u * y;
    return value ^ value >> 16;
}

void pw_random_seed(pw_random *r, const uint32_t *words, int n) {
    uint32_t pool[POOL], constant = 0x43b0d7e5u, out[2 * POOL];
    const uint32_t into = 0x931e8875u, from = 0x58f38dedu;
    for (int i = 0; i < POOL; i++) pool[i] = hashed(i < n ? words[i] : 0, &constant, into);
    for (int i = 0; i < POOL; i++)
        for (int j = 0; j < POOL; j++)
            if (i != j) pool[j] = mixed(pool[j], hashed(pool[i], &constant, into));
    for (int i = POOL; i < n; i++)
        for (int j = 0; j < POOL; j++) pool[j] = mixed(pool[j], hashed(words[i], &constant, into));
    constant = 0x8b51f9ddu;
    for (int i = 0; i < 2 * POOL; i++) out[i] = hashed(pool[i % POOL], &constant, from);
    uint64_t numbers[4]; /* high and low half of the state, high and low half of the stream's number */
    for (int i = 0; i < 4; i++) numbers[i] = (uint64_t)out[2 * i + 1] << 32 | out[2 * i];
    narrow(r->increment, wide(numbers + 2) << 1 | 1);
    narrow(r->state, 0);
    advance(r);
    narrow(r->state, wide(r->state) + wide(numbers));
    advance(r);
    r->has_kept = 0;
}

/* --- PCG64 --------------------------------------------------------------------------------------------------- */

static uint64_t next64(pw_random *r) {
    advance(r);
    const uint64_t folded = r->state[0] ^ r->state[1];
    const int turn = (int)(r->state[0] >> 58);
    return folded >> turn | folded << (-turn & 63);
}

static uint32_t next32(pw_random *r) {
    if (r->has_kept) {
        r->has_kept = 0;
        return r->kept;
    }
    const uint64_t both = next64(r);
    r->kept = (uint32_t)(both >> 32);
    r->has_kept = 1;
    return (uint32_t)both;
}

double pw_random_double(pw_random *r) { return (double)(next64(r) >> 11) * (1.0 / 9007199254740992.0); }
static float next_float(pw_random *r) { return (float)(next32(r) >> 8) * (1.0f / 16777216.0f); }

/* log(1 - u) */
static float log_rest(float u) { return (float)log1p(-(double)u); }

static float beyond(pw_random *r) { /* the last layer's tail */
    const float edge = 3.6541528853610087963519472518f;
    for (;;) {
        const float x = -0.27366123732975827203338247596f * log_rest(next_float(r));
        const float y = -log_rest(next_float(r));
        if (y + y > x * x) return edge + x;
    }
}

static float normal(pw_random *r) {
    for (;;) {
        const uint32_t drawn = next32(r); /* 8 bits of layer, 1 of sign, 23 of place */
        const int layer = drawn & 255;
        const uint32_t place = drawn >> 9;
        const float size = (float)place * W[layer], x = drawn & 256 ? -size : size;
        if (place < K[layer]) return x;
        if (layer == 0) {
            const float far = beyond(r);
            return place & 256 ? -far : far;
        }
        if ((double)((F[layer - 1] - F[layer]) * next_float(r) + F[layer]) < exp(-0.5 * x * x)) return x;
    }
}

void pw_random_normal(pw_random *r, float *out, int n) {
    for (int i = 0; i < n; i++) out[i] = normal(r);
}

/* --- noise ----------------------------------------------------------------------------------------------------- */

static double below(double x) { return 0.5 * erfc(-x * 0.70710678118654752440); }

/* x with below(x) = p, for 0 < p < 1: Newton's method with the second derivative (Halley), from the tail's asymptote
 * or from 0, until it stands still. */
static double quantile(double p) {
    if (p > 0.5) return -quantile(1 - p);
    double x = p < 0.02 ? -sqrt(-2 * log(p) - log(-4 * 3.14159265358979323846 * log(p))) : 0;
    for (int i = 0; i < 20; i++) {
        const double step = (below(x) - p) / (exp(-0.5 * x * x) * 0.39894228040143267794);
        const double next = x - step / (1 + 0.5 * x * step);
        if (fabs(next - x) < 1e-16 * (1 + fabs(x))) return next;
        x = next;
    }
    return x;
}

void pw_noise(pw_random *r, float *out, int n, double temperature, double clamp) {
    const double deviation = sqrt(temperature);
    if (deviation == 0) {
        for (int i = 0; i < n; i++) out[i] = 0;
    } else if (clamp == 0) {
        for (int i = 0; i < n; i++) out[i] = normal(r) * (float)deviation;
    } else {
        const double low = below(-clamp / deviation);
        for (int i = 0; i < n; i++) {
            const double value = deviation * quantile(low + (1 - 2 * low) * pw_random_double(r));
            out[i] = (float)fmax(-clamp, fmin(clamp, value));
        }
    }
}
