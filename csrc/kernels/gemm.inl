/* The one matrix product: tiles of rows x channels in registers, whole k in one go, epilogue from
 * a small buffer in L1. See pf_gemm in pf_kernels.h for what it computes. */

#define ALWAYS_INLINE static inline __attribute__((always_inline))
#define TILE_COLS (TILE_VECS * VW)
#define FOUR_COLS (4 * VW)
#define TILE_PITCH FOUR_COLS /* floats from one row of a tile's buffer to the next */

/* A tile's weights are one pointer with constant offsets, its inputs one pointer per row: what a compiler must keep
 * in registers is then as little as can be. Vector v of the channels stands OF(v) bytes behind the first; those of
 * a second panel (a lone row of 16-float vectors takes two) `next` bytes behind those of the first panel. */
#define OF(v) ((v) * VW < PF_PANEL ? 4 * VW * (v) : next + 4 * (VW * (v) - PF_PANEL))

/* While the last row block of a panel runs, the next panel is fetched (`ahead` bytes further on; 0 before):
 * one hint per cache line. +5 to 20 % on AVX-512, up to +60 % on AVX2 at 16 rows; but a single row, and up
 * to 4 rows of float32 weights, are bound by memory, and faster without. */
#define PREFETCH(w, ahead, fewest) \
    if (rows >= fewest && (VW >= 16 || v % (16 / VW) == 0)) __builtin_prefetch((w) + (ahead), 0, 2)

/* One vector load of weights feeds all rows; one accumulator per output, summed in order of k. */
ALWAYS_INLINE void tile_f32(float *out, const pf_gemm *g, int row, const char *w, ptrdiff_t next, ptrdiff_t ahead,
                            const int rows, const int vecs) {
    const float *x[8];
    vf acc[8][4];
    for (int r = 0; r < rows; r++) {
        x[r] = r ? x[r - 1] + g->x_row : g->x + row * g->x_row;
        for (int v = 0; v < vecs; v++) acc[r][v] = v_set(0.0f);
    }
    const int k = g->k;
    for (int tap = 0; tap < g->taps; tap++) {
        for (int c = 0; c < k; c++) {
            vf wv[4];
#pragma GCC unroll 4
            for (int v = 0; v < vecs; v++) {
                wv[v] = v_load((const float *)(w + OF(v)));
                PREFETCH(w + OF(v), ahead, 5);
            }
#pragma GCC unroll 8
            for (int r = 0; r < rows; r++) {
                vf xv = v_set(x[r][c]);
#pragma GCC unroll 4
                for (int v = 0; v < vecs; v++) acc[r][v] = v_fma(xv, wv[v], acc[r][v]);
            }
            w += 4 * PF_PANEL;
        }
        for (int r = 0; r < rows; r++) x[r] += g->x_tap;
    }
    for (int r = 0; r < rows; r++)
        for (int v = 0; v < vecs; v++) v_store(out + r * TILE_PITCH + v * VW, acc[r][v]);
}

ALWAYS_INLINE void tile_bf16(float *out, const pf_gemm *g, int row, const char *w, ptrdiff_t next, ptrdiff_t ahead,
                             const int rows, const int vecs) {
    const float *x[8];
    vf acc[8][4];
    for (int r = 0; r < rows; r++) {
        x[r] = r ? x[r - 1] + g->x_row : g->x + row * g->x_row;
        for (int v = 0; v < vecs; v++) acc[r][v] = v_set(0.0f);
    }
    const int k = g->k;
    for (int tap = 0; tap < g->taps; tap++) {
        int c = 0;
        for (; c + 1 < k; c += 2) {
            vf even[4], odd[4];
#pragma GCC unroll 4
            for (int v = 0; v < vecs; v++) {
                v_load_bf16((const uint16_t *)(w + OF(v)), &even[v], &odd[v]);
                PREFETCH(w + OF(v), ahead, 2);
            }
#pragma GCC unroll 8
            for (int r = 0; r < rows; r++) {
                vf xe = v_set(x[r][c]), xo = v_set(x[r][c + 1]);
#pragma GCC unroll 4
                for (int v = 0; v < vecs; v++) acc[r][v] = v_fma(xe, even[v], acc[r][v]);
#pragma GCC unroll 4
                for (int v = 0; v < vecs; v++) acc[r][v] = v_fma(xo, odd[v], acc[r][v]);
            }
            w += 4 * PF_PANEL;
        }
        if (c < k) { /* the odd partner is padding: x has no such element */
            for (int v = 0; v < vecs; v++) {
                vf even, odd;
                v_load_bf16((const uint16_t *)(w + OF(v)), &even, &odd);
                for (int r = 0; r < rows; r++) acc[r][v] = v_fma(v_set(x[r][c]), even, acc[r][v]);
            }
            w += 4 * PF_PANEL;
        }
        for (int r = 0; r < rows; r++) x[r] += g->x_tap;
    }
    for (int r = 0; r < rows; r++)
        for (int v = 0; v < vecs; v++) v_store(out + r * TILE_PITCH + v * VW, acc[r][v]);
}

/* Integers: four inputs and four weights per 32-bit lane, exact sums. `first`: of the rows. */
ALWAYS_INLINE void sum_fours(vi acc[8][4], const pf_gemm *g, const int8_t *first, const char *w, ptrdiff_t next,
                             ptrdiff_t ahead, const int rows, const int vecs) {
    const int8_t *x[8];
    for (int r = 0; r < rows; r++) {
        x[r] = r ? x[r - 1] + g->q_row : first;
        for (int v = 0; v < vecs; v++) acc[r][v] = V_DOT_OFFSET ? v_load_int(w + OF(v) + 4 * PF_PANEL) : v_zero_int();
    }
    w += 8 * PF_PANEL;
    const int k = g->k;
    for (int c = 0; c < k; c += 4) {
        vi wv[4];
#pragma GCC unroll 4
        for (int v = 0; v < vecs; v++) {
            wv[v] = v_load_int(w + OF(v));
            PREFETCH(w + OF(v), ahead, 2);
        }
#pragma GCC unroll 8
        for (int r = 0; r < rows; r++) {
            vi xv = v_four(x[r] + c);
#pragma GCC unroll 4
            for (int v = 0; v < vecs; v++) acc[r][v] = v_dot(acc[r][v], xv, wv[v]);
        }
        w += 4 * PF_PANEL;
    }
}

#ifdef V_HAVE_PAIRS
/* Eight more inputs of `rows` rows, or the four that are left. two, others: see v_part. */
ALWAYS_INLINE void add_eights(vi two[4][4], vi others[4][4], const int8_t *const *x, int c, const char *w,
                              ptrdiff_t next, ptrdiff_t ahead, const int rows, const int vecs, const int whole) {
    vi xv[4];
#pragma GCC unroll 4
    for (int r = 0; r < rows; r += 2) { /* an odd row is its own partner */
        const int8_t *one = x[r] + c, *other = r + 1 < rows ? x[r + 1] + c : one;
        int8_t ends[2][8] = {{0}};
        if (!whole) memcpy(ends[0], one, 4), memcpy(ends[1], other, 4);
        xv[r / 2] = whole ? v_pair(one, other) : v_pair(ends[0], ends[1]);
    }
#pragma GCC unroll 4
    for (int v = 0; v < vecs; v++) {
        vi low, high;
        v_eights(v_load_int(w + OF(v)), whole ? v_load_int(w + OF(v) + 4 * PF_PANEL) : v_zero_int(), &low, &high);
        PREFETCH(w + OF(v), ahead, 2);
        PREFETCH(w + OF(v) + 4 * PF_PANEL, ahead, 2);
#pragma GCC unroll 4
        for (int r = 0; r < rows; r += 2) {
            two[r / 2][v] = v_dot_pairs(two[r / 2][v], xv[r / 2], low);
            others[r / 2][v] = v_dot_pairs(others[r / 2][v], xv[r / 2], high);
        }
        __asm__ volatile("" ::: "memory"); /* gcc would load all weights first, and spill sums for it */
    }
}

/* The sums of sum_fours, two rows and eight inputs at a time. */
ALWAYS_INLINE void sum_pairs(vi acc[8][4], const pf_gemm *g, const int8_t *first, const char *w, ptrdiff_t next,
                             ptrdiff_t ahead, const int rows, const int vecs) {
    const int8_t *x[8];
    vi two[4][4], others[4][4];
    for (int r = 0; r < rows; r++) {
        x[r] = r ? x[r - 1] + g->q_row : first;
        for (int v = 0; v < vecs; v++) two[r / 2][v] = others[r / 2][v] = v_zero_int();
    }
    w += 8 * PF_PANEL;
    const int k = g->k;
    int c = 0;
    for (; c + 4 < k; c += 8, w += 8 * PF_PANEL) add_eights(two, others, x, c, w, next, ahead, rows, vecs, 1);
    if (c < k) add_eights(two, others, x, c, w, next, ahead, rows, vecs, 0);
    for (int v = 0; v < vecs; v++)
        for (int r = 0; r < rows; r += 2) v_part(two[r / 2][v], others[r / 2][v], &acc[r][v], &acc[r + 1][v]);
}
#endif

/* A panel begins with its channels' scales and with what V_DOT_OFFSET makes necessary; sums are scaled at the end. */
ALWAYS_INLINE void tile_int8(float *out, const pf_gemm *g, int row, const char *w, ptrdiff_t next, ptrdiff_t ahead,
                             const int rows, const int vecs) {
    const int8_t *x = (const int8_t *)g->q + row * g->q_row;
    vi acc[8][4];
#ifdef V_HAVE_PAIRS
    if (rows > 1) sum_pairs(acc, g, x, w, next, ahead, rows, vecs);
    else
#endif
        sum_fours(acc, g, x, w, next, ahead, rows, vecs);
    for (int r = 0; r < rows; r++)
        for (int v = 0; v < vecs; v++) {
            vf scale = v_mul(v_set(g->q_scale[row + r]), v_load((const float *)(w + OF(v))));
            v_store(out + r * TILE_PITCH + v * VW, v_mul(v_from_int(acc[r][v]), scale));
        }
}

#ifdef V_HAVE_BF16_DOT
/* bf16 inputs times bf16 weights, two at a time into float32 sums. */
ALWAYS_INLINE void tile_dot(float *out, const pf_gemm *g, int row, const char *w, ptrdiff_t next, ptrdiff_t ahead,
                            const int rows, const int vecs) {
    const uint16_t *x[8];
    vf acc[8][4];
    for (int r = 0; r < rows; r++) {
        x[r] = r ? x[r - 1] + g->x_row : (const uint16_t *)g->q + row * g->x_row;
        for (int v = 0; v < vecs; v++) acc[r][v] = v_set(0.0f);
    }
    const int k = g->k;
    for (int tap = 0; tap < g->taps; tap++) {
        int c = 0;
        for (; c + 1 < k; c += 2) {
            vi wv[4];
#pragma GCC unroll 4
            for (int v = 0; v < vecs; v++) {
                wv[v] = v_load_int(w + OF(v));
                PREFETCH(w + OF(v), ahead, 2);
            }
#pragma GCC unroll 8
            for (int r = 0; r < rows; r++) {
                vi xv = v_two(x[r] + c);
#pragma GCC unroll 4
                for (int v = 0; v < vecs; v++) acc[r][v] = v_dot_bf16(acc[r][v], xv, wv[v]);
            }
            w += 4 * PF_PANEL;
        }
        if (c < k) { /* alone: what follows is another row, or padding, and times a zero weight NaN is NaN */
            for (int v = 0; v < vecs; v++) {
                vi wv = v_load_int(w + OF(v));
                for (int r = 0; r < rows; r++) acc[r][v] = v_dot_bf16(acc[r][v], v_one(x[r] + c), wv);
            }
            w += 4 * PF_PANEL;
        }
        for (int r = 0; r < rows; r++) x[r] += g->x_tap;
    }
    for (int r = 0; r < rows; r++)
        for (int v = 0; v < vecs; v++) v_store(out + r * TILE_PITCH + v * VW, acc[r][v]);
}
#endif

/* The epilogue of one tile: v = (s + bias) * scale + skip; y = v; a = activation(v), for rows [r0, r1)
 * and `cols` channels from `col` on. `activation` is a constant where this is inlined. */
ALWAYS_INLINE void finish(const pf_gemm *g, const float *s, int r0, int r1, int col, int cols, const int activation) {
    for (int j = 0; j < cols; j += VW) {
        const int left = cols - j, whole = left >= VW, c = col + j;
#define LOAD(p) (whole ? v_load(p) : v_load_n(p, left))
        const vf bias = g->bias ? LOAD(g->bias + c) : v_set(0.0f);
        const vf f = activation == PF_SNAKE ? LOAD(g->snake + c) : bias;
        const vf gain = activation == PF_SNAKE ? LOAD(g->snake + g->n + c) : bias;
        for (int r = r0; r < r1; r++) {
            vf v = v_add(v_load(s + (r - r0) * TILE_PITCH + j), bias);
            if (g->scale) v = v_mul(v, LOAD(g->scale + r * g->scale_row + c));
            if (g->skip) v = v_add(v, LOAD(g->skip + r * g->skip_row + c));
            if (g->y) {
                if (whole) v_store(g->y + r * g->y_row + c, v);
                else v_store_n(g->y + r * g->y_row + c, v, left);
            }
            if (g->a) {
                v = v_activate(v, f, gain, activation);
                if (whole) v_store(g->a + r * g->a_row + c, v);
                else v_store_n(g->a + r * g->a_row + c, v, left);
            }
        }
#undef LOAD
    }
}

static void finish_tile(const pf_gemm *g, const float *s, int r0, int r1, int col, int cols) {
    switch (g->a ? g->activation : PF_NONE) {
    case PF_ELU: finish(g, s, r0, r1, col, cols, PF_ELU); break;
    case PF_GELU: finish(g, s, r0, r1, col, cols, PF_GELU); break;
    case PF_SILU: finish(g, s, r0, r1, col, cols, PF_SILU); break;
#ifndef PF_WEB
    case PF_ERF_GELU: finish(g, s, r0, r1, col, cols, PF_ERF_GELU); break;
    case PF_RELU: finish(g, s, r0, r1, col, cols, PF_RELU); break;
    case PF_CLAMP: finish(g, s, r0, r1, col, cols, PF_CLAMP); break;
    case PF_SNAKE: finish(g, s, r0, r1, col, cols, PF_SNAKE); break;
#endif
    default: finish(g, s, r0, r1, col, cols, PF_NONE); break;
    }
}

#define RUN_TILE(kind, ROWS, VECS) \
    case ROWS: tile_##kind(out, g, r0, w, next, ahead, ROWS, VECS); break;

#define RUN_2(kind, VECS) RUN_TILE(kind, 1, VECS) RUN_TILE(kind, 2, VECS)
#define RUN_4(kind, VECS) RUN_2(kind, VECS) RUN_TILE(kind, 3, VECS) RUN_TILE(kind, 4, VECS)
#define RUN_6(kind, VECS) RUN_4(kind, VECS) RUN_TILE(kind, 5, VECS) RUN_TILE(kind, 6, VECS)
#define RUN_8(kind, VECS) RUN_6(kind, VECS) RUN_TILE(kind, 7, VECS) RUN_TILE(kind, 8, VECS)
#define RUN_UP_TO(rows, kind, VECS) RUN_##rows(kind, VECS)
#define RUN_ROWS_(rows, kind, VECS) RUN_UP_TO(rows, kind, VECS)
#define RUN_ROWS(kind, VECS) RUN_ROWS_(TILE_ROWS, kind, VECS)

/* gemm_<kind>: panels outside (each is streamed once, then hot), row blocks inside, cut into equal
 * heights. One row alone takes four vectors at a time (with 16-float vectors: two panels), because
 * four independent sums are needed to hide the latency of the multiply-add. With 8-float vectors four are a
 * panel, and up to three rows take it whole: read in two halves, every second line at a time, weights come from
 * memory at half the speed (2 rows -25 to -55 %; 4 rows of 75 MB -35 %, but from the cache they would lose 20 %).
 * With 4-float vectors four are half a panel, for up to two rows.
 * Where at most one vector of channels is left, half a tile does (the smallest models have 12 and 48 channels). A
 * channel takes four bytes per step of k in every packing, so vector v of a panel starts 4 * VW * v bytes into it. */
enum {
    FEW_ROWS = TILE_VECS > 2 || FOUR_COLS > PF_PANEL ? 0 : VW == 8 ? 3 : 2, /* that take four vectors */
    FROM_MEMORY = 16 << 20
};

#define DEFINE_GEMM(kind) \
    static void gemm_##kind(const pf_gemm *g, int row0, int row1, int panel0, int panel1) { \
        float out[TILE_ROWS * TILE_PITCH]; \
        const int rows = row1 - row0; \
        if (rows <= 0) return; \
        const int blocks = (rows + TILE_ROWS - 1) / TILE_ROWS; \
        const ptrdiff_t next = g->w_panel; \
        const int few = (panel1 - panel0) * g->w_panel < FROM_MEMORY ? FEW_ROWS : 3 * FEW_ROWS; \
        for (int p = panel0; p < panel1; p++) { \
            const char *panel = (const char *)g->w + p * g->w_panel; \
            const int wide = g->n - p * PF_PANEL; \
            if (FEW_ROWS > 0 && rows <= few && (rows == 1 || wide > TILE_COLS)) { \
                const int parts = (rows + FEW_ROWS - 1) / (FEW_ROWS + (FEW_ROWS == 0)); \
                for (int b = 0; b < parts; b++) { \
                    const int r0 = row0 + rows * b / parts, r1 = row0 + rows * (b + 1) / parts; \
                    const ptrdiff_t ahead = b + 1 == parts && p + 1 < panel1 ? g->w_panel : 0; \
                    for (int col = 0; col < PF_PANEL && col < wide; col += FOUR_COLS) { \
                        const char *w = panel + 4 * col; \
                        const int left = wide - col; \
                        switch (r1 - r0) { RUN_TILE(kind, 1, 4) RUN_TILE(kind, 2, 4) RUN_TILE(kind, 3, 4) } \
                        finish_tile(g, out, r0, r1, p * PF_PANEL + col, left < FOUR_COLS ? left : FOUR_COLS); \
                    } \
                } \
                continue; \
            } \
            if (FOUR_COLS > PF_PANEL && rows == 1 && p + 1 < panel1) { \
                tile_##kind(out, g, row0, panel, next, 0, 1, 4); \
                finish_tile(g, out, row0, row1, p * PF_PANEL, wide < FOUR_COLS ? wide : FOUR_COLS); \
                p++; \
                continue; \
            } \
            for (int b = 0; b < blocks; b++) { \
                const int r0 = row0 + (int)((long)rows * b / blocks); \
                const int r1 = row0 + (int)((long)rows * (b + 1) / blocks); \
                const ptrdiff_t ahead = b + 1 == blocks && p + 1 < panel1 ? g->w_panel : 0; \
                for (int half = 0; half < PF_PANEL; half += TILE_COLS) { \
                    const int left = g->n - p * PF_PANEL - half; \
                    if (left <= 0) break; \
                    const char *w = panel + 4 * half; \
                    if (TILE_VECS == 2 && left <= VW) { \
                        switch (r1 - r0) { RUN_ROWS(kind, 1) } \
                    } else { \
                        switch (r1 - r0) { RUN_ROWS(kind, TILE_VECS) } \
                    } \
                    finish_tile(g, out, r0, r1, p * PF_PANEL + half, left < TILE_COLS ? left : TILE_COLS); \
                } \
            } \
        } \
    }

DEFINE_GEMM(f32)
DEFINE_GEMM(bf16)
DEFINE_GEMM(int8)
#ifdef V_HAVE_BF16_DOT
DEFINE_GEMM(dot)
#endif

/* A handful of outputs (the last convolution, the end-of-speech logit): a panel would be mostly padding,
 * so the weights are plain rows [n][taps * k] and the vector runs along k. */
static void gemm_rows(const pf_gemm *g, int row0, int row1, int panel0, int panel1) {
    if (panel0 >= panel1) return; /* there is one panel: all rows */
    for (int r = row0; r < row1; r++) {
        float out[PF_PANEL];
        const float *w = (const float *)g->w;
        for (int j = 0; j < g->n; j++) {
            vf acc[4] = {v_set(0.0f), v_set(0.0f), v_set(0.0f), v_set(0.0f)};
            float tail = 0.0f;
            for (int tap = 0; tap < g->taps; tap++, w += g->k) {
                const float *x = g->x + r * g->x_row + tap * g->x_tap;
                int c = 0;
                for (; c + 4 * VW <= g->k; c += 4 * VW)
                    for (int v = 0; v < 4; v++) acc[v] = v_fma(v_load(x + c + v * VW), v_load(w + c + v * VW), acc[v]);
                for (; c + VW <= g->k; c += VW) acc[0] = v_fma(v_load(x + c), v_load(w + c), acc[0]);
                for (; c < g->k; c++) tail += x[c] * w[c];
            }
            out[j] = v_sum(v_add(v_add(acc[0], acc[1]), v_add(acc[2], acc[3]))) + tail;
        }
        finish_tile(g, out, r, r + 1, 0, g->n);
    }
}
