/* Weights in four bits: found by least squares, packed. What they stand for is said in pf_kernels.h; the specification,
 * in the same order of operations, is tests/reference/int4.py. */

enum { QUANTIZED = PF_GROUP / 2 }; /* bytes of a group */
static const float SMALLEST_STEP = 1e-30f;

/* The part of a group's width that is left out at its ends, for the first lines. */
static const double cuts[4] = {0.0, 0.04, 0.08, 0.12};

/* A straight line through (integer, weight) in each lane: VW groups at once. */
typedef struct { vf step, origin, explained; } line;

static inline vf inverse_of(vf step) {
    return v_if_lt(v_set(SMALLEST_STEP), step, v_div(v_set(1.0f), step), v_set(0.0f));
}

/* The integer in [-8, 7] whose place on a line is nearest to w. */
static inline vf nearest(vf w, vf origin, vf inverse) {
    const vf v = v_mul(v_sub(w, origin), inverse);
    return v_round(v_min(v_max(v, v_set(-8.0f)), v_set(7.0f)));
}

/* The line of least squares for the integers of another, if it is better than the best so far. No v_fma: not every
 * instruction set has one, and all must agree. */
static void try_line(line *best, const float *w, vf total, vf step, vf origin) {
    const vf inverse = inverse_of(step), n = v_set(1.0f / PF_GROUP);
    vf ones = v_set(0.0f), squares = ones, both = ones;
    for (int i = 0; i < PF_GROUP; i++) {
        const vf weight = v_load(w + i * VW), q = nearest(weight, origin, inverse);
        ones = v_add(ones, q);
        squares = v_add(squares, v_mul(q, q));
        both = v_add(both, v_mul(q, weight));
    }
    const vf spread = v_sub(squares, v_mul(v_mul(ones, ones), n));
    const vf shared = v_sub(both, v_mul(v_mul(ones, total), n));
    const vf found = v_if_lt(v_set(0.0f), spread, v_div(shared, spread), v_set(0.0f));
    const vf explained = v_mul(shared, found);
    const vf begins = v_mul(v_sub(total, v_mul(found, ones)), n);
    best->step = v_if_lt(best->explained, explained, found, best->step);
    best->origin = v_if_lt(best->explained, explained, begins, best->origin);
    best->explained = v_if_lt(best->explained, explained, explained, best->explained);
}

/* The lines of VW groups, w[PF_GROUP][VW]; w is centred on the way. */
static void find_lines(float *w, float *steps, float *origins) {
    vf low = v_load(w), high = low, total = v_set(0.0f);
    for (int i = 1; i < PF_GROUP; i++) {
        low = v_min(low, v_load(w + i * VW));
        high = v_max(high, v_load(w + i * VW));
    }
    const vf middle = v_mul(v_add(low, high), v_set(0.5f)), width = v_sub(high, low);
    for (int i = 0; i < PF_GROUP; i++) {
        const vf weight = v_sub(v_load(w + i * VW), middle);
        v_store(w + i * VW, weight);
        total = v_add(total, weight);
    }
    line best = {v_set(0.0f), v_set(0.0f), v_set(-1.0f)};
    for (int a = 0; a < 4; a++)
        for (int b = 0; b < 4; b++) {
            const double step = (1.0 - cuts[a] - cuts[b]) / 15.0;
            try_line(&best, w, total, v_mul(width, v_set((float)step)),
                     v_mul(width, v_set((float)(cuts[a] - 0.5 + 8.0 * step))));
        }
    for (int again = 0; again < 2; again++) try_line(&best, w, total, best.step, best.origin);
    v_store(steps, best.step);
    v_store(origins, v_add(best.origin, middle));
}

/* w[i][lane] = input i of group first + lane of a row of k; a last group that is not whole begins again where its
 * inputs end, and what is no group is zero. */
static void gather_groups(float *w, const float *x, int k, int first) {
    for (int lane = 0; lane < VW; lane++) {
        const int at = (first + lane) * PF_GROUP, n = k - at < PF_GROUP ? k - at : PF_GROUP;
        for (int i = 0; i < PF_GROUP; i++) w[i * VW + lane] = n > 0 ? x[at + i % n] : 0.0f;
    }
}

static float quantize_weight_int4(uint8_t *q, int8_t *lines, const float *x, int k) {
    const int groups = (k + PF_GROUP - 1) / PF_GROUP;
    float w[PF_GROUP * VW], steps[PF_INT4_MOST / PF_GROUP], origins[PF_INT4_MOST / PF_GROUP];
    vf most = v_set(0.0f);
    for (int g = 0; g < groups; g += VW) {
        gather_groups(w, x, k, g);
        find_lines(w, steps + g, origins + g);
        const vf step = v_load(steps + g), origin = v_load(origins + g);
        const vf size = v_max(origin, v_sub(v_set(0.0f), origin));
        most = v_max(most, v_max(v_div(step, v_set(127.0f)), v_div(size, v_set(8.0f * 127.0f))));
    }
    const float scale = v_biggest(most) > SMALLEST_STEP ? v_biggest(most) : 0.0f;
    const vf inverse = v_set(scale > 0.0f ? 1.0f / scale : 0.0f), top = v_set(127.0f), zero = v_set(0.0f);
    for (int g = 0; g < groups; g += VW) {
        float step[VW], offset[VW], integer[VW];
        v_store(step, v_round(v_min(v_max(v_mul(v_load(steps + g), inverse), zero), top)));
        const vf turned = v_mul(v_mul(v_sub(zero, v_load(origins + g)), inverse), v_set(0.125f));
        v_store(offset, v_round(v_min(v_max(turned, v_sub(zero, top)), top)));
        const vf by = inverse_of(v_mul(v_set(scale), v_load(step)));
        const vf origin = v_sub(zero, v_mul(v_set(scale), v_mul(v_load(offset), v_set(8.0f))));
        const int here = groups - g < VW ? groups - g : VW;
        gather_groups(w, x, k, g);
        for (int lane = 0; lane < here; lane++) {
            lines[2 * (g + lane)] = (int8_t)step[lane];
            lines[2 * (g + lane) + 1] = (int8_t)offset[lane];
        }
        for (int i = 0; i < PF_GROUP; i++) {
            v_store(integer, nearest(v_load(w + i * VW), origin, by));
            for (int lane = 0; lane < here; lane++) {
                uint8_t *byte = q + (g + lane) * QUANTIZED + i / 8 * 4 + i % 4;
                const unsigned nibble = (unsigned)((int)integer[lane] + 8);
                *byte = (uint8_t)(i % 8 < 4 ? nibble : *byte | nibble << 4);
            }
        }
    }
    return scale;
}

static void pack_int4(void *panel, const uint8_t *const *rows, const int8_t *const *lines, const float *scales, int k) {
    const int groups = (k + PF_GROUP - 1) / PF_GROUP;
    float *scale = panel;
    for (int j = 0; j < PF_PANEL; j++) scale[j] = rows[j] ? scales[j] : 0.0f;
    for (int g = 0; g < groups; g++) {
        char *record = (char *)panel + 4 * PF_PANEL + g * INT4_RECORD;
        memset(record, 0, INT4_RECORD);
        for (int j = 0; j < PF_PANEL; j++) {
            if (!rows[j]) continue;
            memcpy(record + 2 * j, lines[j] + 2 * g, 2);
            for (int i = 0; i < 4; i++)
                memcpy(record + INT4_LINES + 4 * (PF_PANEL * i + j), rows[j] + g * QUANTIZED + 4 * i, 4);
        }
    }
}
