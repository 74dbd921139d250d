/* The one matrix product: tiles of rows x channels in registers, whole k in one go, epilogue from
 * a small buffer in L1. See pf_gemm in pf_kernels.h for what it computes. */

#define ALWAYS_INLINE static inline __attribute__((always_inline))
#define TILE_COLS (TILE_VECS * VW)
#define TILE_PITCH (4 * VW) /* floats from one row of a tile's buffer to the next */

/* While the last row block of a panel runs, the next panel is fetched (`ahead` bytes further on; 0 before):
 * one hint per cache line. +5 to 20 % on AVX-512, up to +60 % on AVX2 at 16 rows; but a single row, and up
 * to 4 rows of float32 weights, are bound by memory, and faster without. */
#define PREFETCH(w, ahead, fewest) \
    if (rows >= fewest && (VW >= 16 || v % (16 / VW) == 0)) __builtin_prefetch((const char *)(w) + (ahead), 0, 2)

/* One vector load of weights feeds all rows; one accumulator per output, summed in order of k. */
ALWAYS_INLINE void tile_f32(float *out, const pf_gemm *g, int row, const char *const *panels, ptrdiff_t ahead,
                            const int rows, const int vecs) {
    const float *x = g->x + row * g->x_row;
    vf acc[8][4];
    for (int r = 0; r < rows; r++)
        for (int v = 0; v < vecs; v++) acc[r][v] = v_set(0.0f);
    const float *w[4];
    for (int v = 0; v < vecs; v++) w[v] = (const float *)panels[v];
    for (int tap = 0; tap < g->taps; tap++, x += g->x_tap) {
        for (int c = 0; c < g->k; c++) {
            vf wv[4];
#pragma GCC unroll 4
            for (int v = 0; v < vecs; v++) {
                wv[v] = v_load(w[v]);
                PREFETCH(w[v], ahead, 5);
                w[v] += PF_PANEL;
            }
#pragma GCC unroll 8
            for (int r = 0; r < rows; r++) {
                vf xv = v_set(x[r * g->x_row + c]);
#pragma GCC unroll 4
                for (int v = 0; v < vecs; v++) acc[r][v] = v_fma(xv, wv[v], acc[r][v]);
            }
        }
    }
    for (int r = 0; r < rows; r++)
        for (int v = 0; v < vecs; v++) v_store(out + r * TILE_PITCH + v * VW, acc[r][v]);
}

ALWAYS_INLINE void tile_bf16(float *out, const pf_gemm *g, int row, const char *const *panels, ptrdiff_t ahead,
                             const int rows, const int vecs) {
    const float *x = g->x + row * g->x_row;
    vf acc[8][4];
    for (int r = 0; r < rows; r++)
        for (int v = 0; v < vecs; v++) acc[r][v] = v_set(0.0f);
    const uint16_t *w[4];
    for (int v = 0; v < vecs; v++) w[v] = (const uint16_t *)panels[v];
    for (int tap = 0; tap < g->taps; tap++, x += g->x_tap) {
        int c = 0;
        for (; c + 1 < g->k; c += 2) {
            vf even[4], odd[4];
#pragma GCC unroll 4
            for (int v = 0; v < vecs; v++) {
                v_load_bf16(w[v], &even[v], &odd[v]);
                PREFETCH(w[v], ahead, 2);
                w[v] += 2 * PF_PANEL;
            }
#pragma GCC unroll 8
            for (int r = 0; r < rows; r++) {
                vf xe = v_set(x[r * g->x_row + c]), xo = v_set(x[r * g->x_row + c + 1]);
#pragma GCC unroll 4
                for (int v = 0; v < vecs; v++) acc[r][v] = v_fma(xe, even[v], acc[r][v]);
#pragma GCC unroll 4
                for (int v = 0; v < vecs; v++) acc[r][v] = v_fma(xo, odd[v], acc[r][v]);
            }
        }
        if (c < g->k) { /* the odd partner is padding: x has no such element */
            for (int v = 0; v < vecs; v++) {
                vf even, odd;
                v_load_bf16(w[v], &even, &odd);
                w[v] += 2 * PF_PANEL;
                for (int r = 0; r < rows; r++) acc[r][v] = v_fma(v_set(x[r * g->x_row + c]), even, acc[r][v]);
            }
        }
    }
    for (int r = 0; r < rows; r++)
        for (int v = 0; v < vecs; v++) v_store(out + r * TILE_PITCH + v * VW, acc[r][v]);
}

/* Integers: four inputs and four weights per 32-bit lane, exact sums. `x`: the first of the rows. */
ALWAYS_INLINE void sum_fours(vi acc[8][4], const pf_gemm *g, const int8_t *x, const char *const *panels, ptrdiff_t ahead,
                             const int rows, const int vecs) {
    for (int r = 0; r < rows; r++)
        for (int v = 0; v < vecs; v++) acc[r][v] = V_DOT_OFFSET ? v_load_int(panels[v] + 4 * PF_PANEL) : v_zero_int();
    const char *w[4];
    for (int v = 0; v < vecs; v++) w[v] = panels[v] + 8 * PF_PANEL;
    for (int c = 0; c < g->k; c += 4) {
        vi wv[4];
#pragma GCC unroll 4
        for (int v = 0; v < vecs; v++) {
            wv[v] = v_load_int(w[v]);
            PREFETCH(w[v], ahead, 2);
            w[v] += 4 * PF_PANEL;
        }
#pragma GCC unroll 8
        for (int r = 0; r < rows; r++) {
            vi xv = v_four(x + r * g->q_row + c);
#pragma GCC unroll 4
            for (int v = 0; v < vecs; v++) acc[r][v] = v_dot(acc[r][v], xv, wv[v]);
        }
    }
}

#ifdef V_HAVE_PAIRS
/* Eight more inputs of `rows` rows, or the four that are left. two, others: see v_part. */
ALWAYS_INLINE void add_eights(vi two[4][4], vi others[4][4], const pf_gemm *g, const int8_t *x, const char **w,
                              ptrdiff_t ahead, const int rows, const int vecs, const int whole) {
    vi xv[4];
#pragma GCC unroll 4
    for (int r = 0; r < rows; r += 2) { /* an odd row is its own partner */
        const int8_t *one = x + r * g->q_row, *next = r + 1 < rows ? one + g->q_row : one;
        int8_t ends[2][8] = {{0}};
        if (!whole) memcpy(ends[0], one, 4), memcpy(ends[1], next, 4);
        xv[r / 2] = whole ? v_pair(one, next) : v_pair(ends[0], ends[1]);
    }
#pragma GCC unroll 4
    for (int v = 0; v < vecs; v++) {
        vi low, high;
        v_eights(v_load_int(w[v]), whole ? v_load_int(w[v] + 4 * PF_PANEL) : v_zero_int(), &low, &high);
        PREFETCH(w[v], ahead, 2);
        PREFETCH(w[v] + 4 * PF_PANEL, ahead, 2);
        w[v] += 8 * PF_PANEL;
#pragma GCC unroll 4
        for (int r = 0; r < rows; r += 2) {
            two[r / 2][v] = v_dot_pairs(two[r / 2][v], xv[r / 2], low);
            others[r / 2][v] = v_dot_pairs(others[r / 2][v], xv[r / 2], high);
        }
        __asm__ volatile("" ::: "memory"); /* gcc would load all weights first, and spill sums for it */
    }
}

/* The sums of sum_fours, two rows and eight inputs at a time. */
ALWAYS_INLINE void sum_pairs(vi acc[8][4], const pf_gemm *g, const int8_t *x, const char *const *panels, ptrdiff_t ahead,
                             const int rows, const int vecs) {
    vi two[4][4], others[4][4];
    const char *w[4];
    for (int v = 0; v < vecs; v++) {
        w[v] = panels[v] + 8 * PF_PANEL;
        for (int r = 0; r < rows; r += 2) two[r / 2][v] = others[r / 2][v] = v_zero_int();
    }
    const int k = g->k;
    int c = 0;
    for (; c + 4 < k; c += 8) add_eights(two, others, g, x + c, w, ahead, rows, vecs, 1);
    if (c < k) add_eights(two, others, g, x + c, w, ahead, rows, vecs, 0);
    for (int v = 0; v < vecs; v++)
        for (int r = 0; r < rows; r += 2) v_part(two[r / 2][v], others[r / 2][v], &acc[r][v], &acc[r + 1][v]);
}
#endif

/* A panel begins with its channels' scales and with what V_DOT_OFFSET makes necessary; sums are scaled at the end. */
ALWAYS_INLINE void tile_int8(float *out, const pf_gemm *g, int row, const char *const *panels, ptrdiff_t ahead,
                             const int rows, const int vecs) {
    const int8_t *x = (const int8_t *)g->q + row * g->q_row;
    vi acc[8][4];
#ifdef V_HAVE_PAIRS
    if (rows > 1) sum_pairs(acc, g, x, panels, ahead, rows, vecs);
    else
#endif
        sum_fours(acc, g, x, panels, ahead, rows, vecs);
    for (int r = 0; r < rows; r++)
        for (int v = 0; v < vecs; v++) {
            vf scale = v_mul(v_set(g->q_scale[row + r]), v_load((const float *)panels[v]));
            v_store(out + r * TILE_PITCH + v * VW, v_mul(v_from_int(acc[r][v]), scale));
        }
}

#ifdef V_HAVE_BF16_DOT
/* bf16 inputs times bf16 weights, two at a time into float32 sums. */
ALWAYS_INLINE void tile_dot(float *out, const pf_gemm *g, int row, const char *const *panels, ptrdiff_t ahead,
                            const int rows, const int vecs) {
    const uint16_t *x = (const uint16_t *)g->q + row * g->x_row;
    vf acc[8][4];
    for (int r = 0; r < rows; r++)
        for (int v = 0; v < vecs; v++) acc[r][v] = v_set(0.0f);
    const char *w[4];
    for (int v = 0; v < vecs; v++) w[v] = panels[v];
    for (int tap = 0; tap < g->taps; tap++, x += g->x_tap) {
        int c = 0;
        for (; c + 1 < g->k; c += 2) {
            vi wv[4];
#pragma GCC unroll 4
            for (int v = 0; v < vecs; v++) {
                wv[v] = v_load_int(w[v]);
                PREFETCH(w[v], ahead, 2);
                w[v] += 4 * PF_PANEL;
            }
#pragma GCC unroll 8
            for (int r = 0; r < rows; r++) {
                vi xv = v_two(x + r * g->x_row + c);
#pragma GCC unroll 4
                for (int v = 0; v < vecs; v++) acc[r][v] = v_dot_bf16(acc[r][v], xv, wv[v]);
            }
        }
        if (c < g->k) { /* alone: what follows is another row, or padding, and times a zero weight NaN is NaN */
            for (int v = 0; v < vecs; v++) {
                vi wv = v_load_int(w[v]);
                w[v] += 4 * PF_PANEL;
                for (int r = 0; r < rows; r++)
                    acc[r][v] = v_dot_bf16(acc[r][v], v_one(x + r * g->x_row + c), wv);
            }
        }
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
    case PF_ERF_GELU: finish(g, s, r0, r1, col, cols, PF_ERF_GELU); break;
    case PF_RELU: finish(g, s, r0, r1, col, cols, PF_RELU); break;
    case PF_CLAMP: finish(g, s, r0, r1, col, cols, PF_CLAMP); break;
    case PF_SNAKE: finish(g, s, r0, r1, col, cols, PF_SNAKE); break;
    default: finish(g, s, r0, r1, col, cols, PF_NONE); break;
    }
}

#define RUN_TILE(kind, ROWS, VECS) \
    case ROWS: tile_##kind(out, g, r0, panels, ahead, ROWS, VECS); break;

#if TILE_ROWS == 8
#define RUN_ROWS(kind, VECS) \
    RUN_TILE(kind, 1, VECS) RUN_TILE(kind, 2, VECS) RUN_TILE(kind, 3, VECS) RUN_TILE(kind, 4, VECS) \
    RUN_TILE(kind, 5, VECS) RUN_TILE(kind, 6, VECS) RUN_TILE(kind, 7, VECS) RUN_TILE(kind, 8, VECS)
#elif TILE_ROWS == 6
#define RUN_ROWS(kind, VECS) \
    RUN_TILE(kind, 1, VECS) RUN_TILE(kind, 2, VECS) RUN_TILE(kind, 3, VECS) RUN_TILE(kind, 4, VECS) \
    RUN_TILE(kind, 5, VECS) RUN_TILE(kind, 6, VECS)
#else
#define RUN_ROWS(kind, VECS) RUN_TILE(kind, 1, VECS) RUN_TILE(kind, 2, VECS)
#endif

/* gemm_<kind>: panels outside (each is streamed once, then hot), row blocks inside, cut into equal
 * heights. One row alone takes four vectors at a time (with 16-float vectors: two panels), because
 * four independent sums are needed to hide the latency of the multiply-add. With 8-float vectors four are a
 * panel, and up to three rows take it whole: read in two halves, every second line at a time, weights come from
 * memory at half the speed (2 rows -25 to -55 %; 4 rows of 75 MB -35 %, but from the cache they would lose 20 %).
 * Where at most one vector of channels is left, half a tile does (the smallest models have 12 and 48 channels). A
 * channel takes four bytes per step of k in every packing, so vector v of a panel starts 4 * VW * v bytes into it. */
enum { WHOLE_PANEL = 4 * VW == PF_PANEL && TILE_VECS == 2, FROM_MEMORY = 16 << 20 };

#define DEFINE_GEMM(kind) \
    static void gemm_##kind(const pf_gemm *g, int row0, int row1, int panel0, int panel1) { \
        float out[TILE_ROWS * TILE_PITCH]; \
        const int rows = row1 - row0; \
        if (rows <= 0) return; \
        const int blocks = (rows + TILE_ROWS - 1) / TILE_ROWS; \
        const int threes = (panel1 - panel0) * g->w_panel < FROM_MEMORY ? 1 : 3; \
        for (int p = panel0; p < panel1; p++) { \
            const char *panel = (const char *)g->w + p * g->w_panel; \
            const int wide = g->n - p * PF_PANEL; \
            if (WHOLE_PANEL && rows <= 3 * threes && (rows == 1 || wide > TILE_COLS)) { \
                const char *panels[4] = {panel, panel + 4 * VW, panel + 8 * VW, panel + 12 * VW}; \
                const int few = (rows + 2) / 3; \
                for (int b = 0; b < few; b++) { \
                    const int r0 = row0 + rows * b / few, r1 = row0 + rows * (b + 1) / few; \
                    const ptrdiff_t ahead = b + 1 == few && p + 1 < panel1 ? g->w_panel : 0; \
                    switch (r1 - r0) { RUN_TILE(kind, 1, 4) RUN_TILE(kind, 2, 4) RUN_TILE(kind, 3, 4) } \
                    finish_tile(g, out, r0, r1, p * PF_PANEL, wide < PF_PANEL ? wide : PF_PANEL); \
                } \
                continue; \
            } \
            if (TILE_VECS == 2 && 4 * VW > PF_PANEL && rows == 1 && p + 1 < panel1) { \
                const char *second = panel + g->w_panel; \
                const char *panels[4] = {panel, panel + 4 * VW, second, second + 4 * VW}; \
                tile_##kind(out, g, row0, panels, 0, 1, 4); \
                finish_tile(g, out, row0, row1, p * PF_PANEL, wide < 4 * VW ? wide : 4 * VW); \
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
                    const char *panels[4]; \
                    for (int v = 0; v < TILE_VECS; v++) panels[v] = panel + 4 * (half + v * VW); \
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
