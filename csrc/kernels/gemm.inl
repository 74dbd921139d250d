/* The one matrix product: tiles of rows x channels in registers (tiles.inl, tiles_int8.inl), whole k in one go,
 * epilogue from a small buffer in L1. See pf_gemm in pf_kernels.h for what it computes. */

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

static void finish_rows(const pf_gemm *g, const float *s, int r0, int r1, int col, int cols) {
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

static void finish_tile(const pf_gemm *g, const float *s, int r0, int r1, int col, int cols) {
    if (!g->lane) {
        finish_rows(g, s, r0, r1, col, cols);
        return;
    }
    for (int r = r0, end; r < r1; s += (end - r) * TILE_PITCH, r = end) {
        const int lane = r / g->lane, first = lane * g->lane;
        const ptrdiff_t by = lane * g->lane_floats;
        pf_gemm own = *g;
        own.skip = g->skip ? g->skip + by : g->skip;
        own.y = g->y ? g->y + by : g->y;
        own.a = g->a ? g->a + by : g->a;
        end = r1 - first < g->lane ? r1 : first + g->lane;
        finish_rows(&own, s, r - first, end - first, col, cols);
    }
}

#define RUN_TILE(kind, ROWS, VECS) \
    case ROWS: tile_##kind(out, g, r0, w, next, soon, pace, ROWS > 1, ROWS, VECS); break;

#define RUN_2(kind, VECS) RUN_TILE(kind, 1, VECS) RUN_TILE(kind, 2, VECS)
#define RUN_4(kind, VECS) RUN_2(kind, VECS) RUN_TILE(kind, 3, VECS) RUN_TILE(kind, 4, VECS)
#define RUN_6(kind, VECS) RUN_4(kind, VECS) RUN_TILE(kind, 5, VECS) RUN_TILE(kind, 6, VECS)
#define RUN_8(kind, VECS) RUN_6(kind, VECS) RUN_TILE(kind, 7, VECS) RUN_TILE(kind, 8, VECS)
#define RUN_UP_TO(rows, kind, VECS) RUN_##rows(kind, VECS)
#define RUN_ROWS_(rows, kind, VECS) RUN_UP_TO(rows, kind, VECS)
#define RUN_ROWS(kind, VECS) RUN_ROWS_(TILE_ROWS, kind, VECS)

/* gemm_<kind>: panels outside (each is streamed once, then hot), row blocks inside, cut into equal
 * heights. One row alone takes LONE_VECS at a time: two panels, which come from memory in two streams, or one whole. With
 * 8-float vectors up to three rows take a panel whole: read in two halves, every second line at a time, weights come
 * from memory at half the speed (2 rows -25 to -55 %; 4 rows of 75 MB -35 %, but from the cache they would lose 20 %).
 * WebAssembly, which cannot ask for what it will need, has panels of half the width and takes two at a time for a lone
 * row: weights come from memory in whole lines and in two streams (one row +40 to +100 %, 16 rows +25 to +35 %).
 * Where at most one vector of channels is left, half a tile does (the smallest models have 12 and 48 channels). A
 * channel takes four bytes per step of k in every packing, so vector v of a panel starts 4 * VW * v bytes into it. */
enum {
    FAR = 256 << 10, /* bytes of a call's weights that no core's own cache will have kept since the last time */
    FROM_MEMORY = 16 << 20,
    SPREAD = 8 /* row blocks, at the end of a panel, that fetch the next one */
};

#ifndef FEW_ROWS
#define FEW_ROWS 0
#endif
#define PANEL_VECS (PF_PANEL / VW)
#define RUN_FEW_ROWS(kind, ROWS) \
    case ROWS: \
        if (far) tile_##kind(out, g, r0, panel, next, soon, pace, 1, ROWS, PANEL_VECS); \
        else tile_##kind(out, g, r0, panel, next, soon, pace, 0, ROWS, PANEL_VECS); \
        break;
#if FEW_ROWS == 1
#define RUN_FEW(kind) RUN_FEW_ROWS(kind, 1)
#else
#define RUN_FEW(kind) RUN_FEW_ROWS(kind, 1) RUN_FEW_ROWS(kind, 2) RUN_FEW_ROWS(kind, 3)
#endif

#define DEFINE_GEMM(kind) \
    static void gemm_##kind(const pf_gemm *g, int row0, int row1, int panel0, int panel1) { \
        float out[TILE_ROWS * TILE_PITCH]; \
        const int rows = row1 - row0; \
        if (rows <= 0) return; \
        const int blocks = (rows + TILE_ROWS - 1) / TILE_ROWS, spread = blocks < SPREAD ? blocks : SPREAD; \
        const ptrdiff_t next = g->w_panel; \
        const int far = CAN_FETCH && (panel1 - panel0) * next >= FAR; \
        const int few = FEW_ROWS > 1 && (panel1 - panel0) * next >= FROM_MEMORY ? 3 * FEW_ROWS : FEW_ROWS; \
        for (int p = panel0; p < panel1; p++) { \
            const char *panel = (const char *)g->w + p * g->w_panel; \
            const int wide = g->n - p * PF_PANEL, last = p + 1 == panel1; \
            if (LONE_COLS > PF_PANEL && rows == 1 && !last) { \
                if (far) tile_##kind(out, g, row0, panel, next, panel, 0, 1, 1, LONE_VECS); \
                else tile_##kind(out, g, row0, panel, next, panel, 0, 0, 1, LONE_VECS); \
                finish_tile(g, out, row0, row1, p * PF_PANEL, wide < LONE_COLS ? wide : LONE_COLS); \
                p++; \
                continue; \
            } \
            if (FEW_ROWS > 0 && rows <= few && (wide > TILE_COLS || (rows == 1 && TILE_VECS == 2))) { \
                const int parts = (rows + FEW_ROWS - 1) / (FEW_ROWS + (FEW_ROWS == 0)); \
                for (int b = 0; b < parts; b++) { \
                    const int r0 = row0 + rows * b / parts, r1 = row0 + rows * (b + 1) / parts; \
                    const char *soon = last ? panel : panel + next + next * b / parts; \
                    const ptrdiff_t pace = last ? 0 : 4 * PF_PANEL / parts; \
                    switch (r1 - r0) { RUN_FEW(kind) } \
                    finish_tile(g, out, r0, r1, p * PF_PANEL, wide < PF_PANEL ? wide : PF_PANEL); \
                } \
                continue; \
            } \
            for (int b = 0; b < blocks; b++) { \
                const int r0 = row0 + (int)((long)rows * b / blocks); \
                const int r1 = row0 + (int)((long)rows * (b + 1) / blocks); \
                const int part = b - (blocks - spread), idle = last || part < 0; \
                for (int half = 0; half < PF_PANEL; half += TILE_COLS) { \
                    const int left = g->n - p * PF_PANEL - half; \
                    if (left <= 0) break; \
                    const char *w = panel + 4 * half, *soon = panel; \
                    if (!idle) soon += next + next * (part * PF_PANEL + half) / (spread * PF_PANEL); \
                    const ptrdiff_t pace = idle ? 0 : 4 * TILE_COLS / spread; \
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

/* With 16 registers the other algorithm of gcc spills a sum of the highest bf16 tile, which loses 20 %; this one has it
 * all in registers: +7 to 16 % over the tile that held all weights of a pair of k at once. */
#if defined(__GNUC__) && !defined(__clang__) && defined(__AVX2__) && VW == 8
#define IN_REGISTERS __attribute__((optimize("ira-algorithm=priority", "fp-contract=off")))
#else
#define IN_REGISTERS
#endif

DEFINE_GEMM(f32)
IN_REGISTERS DEFINE_GEMM(bf16)
DEFINE_GEMM(int8)
#if defined(V_HAVE_BF16_DOT) && !defined(__AMX_TILE__) /* amx.inl has one for all rows */
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
