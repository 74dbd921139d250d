/* The tiles of floats: rows x channels of sums in registers, over the whole of k. */

#define ALWAYS_INLINE static inline __attribute__((always_inline))
#define TILE_COLS (TILE_VECS * VW)
#ifndef LONE_VECS
#define LONE_VECS 4 /* that a row alone takes, so that four sums hide the latency of the multiply-add */
#endif
#define LONE_COLS (LONE_VECS * VW)
#define TILE_PITCH LONE_COLS /* floats from one row of a tile's buffer to the next */

/* A tile's weights are one pointer with constant offsets, its inputs one pointer per row: what a compiler must keep
 * in registers is then as little as can be. Vector v of the channels stands OF(v) bytes behind the first; those of
 * a second panel (a lone row takes two of them where LONE_COLS says so) `next` bytes behind those of the first panel. */
#define OF(v) ((v) * VW < PF_PANEL ? 4 * VW * (v) : next + 4 * (VW * (v) - PF_PANEL))

/* While a panel is multiplied, the next one is fetched: each tile of it has its part of that to ask for, from `soon` on
 * and `pace` bytes further with every step of k, so that memory is never asked for more at a time than it has to give.
 * Few rows wait for their weights only: where those are `far`, they ask for what they will read AHEAD bytes later.
 * In a core's own cache that would cost a third of the speed. */
#ifdef PF_WEB
#define CAN_FETCH 0
#else
#define CAN_FETCH 1
#endif
#define FETCH(fewest) \
    if (CAN_FETCH && (rows >= fewest || far)) \
        for (int v = 0; v < vecs; v += LINE_VECS) \
            __builtin_prefetch(rows >= fewest ? soon + 4 * VW * v : w + OF(v) + AHEAD, 0, 2); \
    if (CAN_FETCH) soon += pace;
enum { LINE_VECS = 16 / VW /* vectors in a cache line */, AHEAD = 4096 };

/* One vector load of weights feeds all rows; one accumulator per output, summed in order of k. */
ALWAYS_INLINE void tile_f32(float *out, const pf_gemm *g, int row, const char *w, ptrdiff_t next, const char *soon,
                            const ptrdiff_t pace, const int far, const int rows, const int vecs) {
    const float *x[8];
    vf acc[8][LONE_VECS];
    for (int r = 0; r < rows; r++) {
        x[r] = r ? x[r - 1] + g->x_row : g->x + row * g->x_row;
        for (int v = 0; v < vecs; v++) acc[r][v] = v_set(0.0f);
    }
    const int k = g->k;
    for (int tap = 0; tap < g->taps; tap++) {
        for (int c = 0; c < k; c++) {
            vf wv[LONE_VECS];
#pragma GCC unroll 8
            for (int v = 0; v < vecs; v++)
                wv[v] = v_load((const float *)(w + OF(v)));
            FETCH(5)
#pragma GCC unroll 8
            for (int r = 0; r < rows; r++) {
                vf xv = v_set(x[r][c]);
#pragma GCC unroll 8
                for (int v = 0; v < vecs; v++) acc[r][v] = v_fma(xv, wv[v], acc[r][v]);
            }
            w += 4 * PF_PANEL;
        }
        for (int r = 0; r < rows; r++) x[r] += g->x_tap;
    }
    for (int r = 0; r < rows; r++)
        for (int v = 0; v < vecs; v++) v_store(out + r * TILE_PITCH + v * VW, acc[r][v]);
}

/* First the even k of all rows, then the odd: half as many weights in registers at a time. */
ALWAYS_INLINE void tile_bf16(float *out, const pf_gemm *g, int row, const char *w, ptrdiff_t next, const char *soon,
                             const ptrdiff_t pace, const int far, const int rows, const int vecs) {
    const float *x[8];
    vf acc[8][LONE_VECS];
    for (int r = 0; r < rows; r++) {
        x[r] = r ? x[r - 1] + g->x_row : g->x + row * g->x_row;
        for (int v = 0; v < vecs; v++) acc[r][v] = v_set(0.0f);
    }
    const int k = g->k;
    for (int tap = 0; tap < g->taps; tap++) {
        int c = 0;
        for (; c + 1 < k; c += 2) {
            vf wv[LONE_VECS];
#pragma GCC unroll 8
            for (int v = 0; v < vecs; v++)
                wv[v] = v_even_bf16(v_load_int(w + OF(v)));
            FETCH(2)
#pragma GCC unroll 8
            for (int r = 0; r < rows; r++) {
                vf xv = v_set(x[r][c]);
#pragma GCC unroll 8
                for (int v = 0; v < vecs; v++) acc[r][v] = v_fma(xv, wv[v], acc[r][v]);
            }
            __asm__ volatile("" ::: "memory"); /* else gcc loads early, and spills sums for it */
#pragma GCC unroll 8
            for (int v = 0; v < vecs; v++) wv[v] = v_odd_bf16(v_load_int(w + OF(v)));
#pragma GCC unroll 8
            for (int r = 0; r < rows; r++) {
                vf xv = v_set(x[r][c + 1]);
#pragma GCC unroll 8
                for (int v = 0; v < vecs; v++) acc[r][v] = v_fma(xv, wv[v], acc[r][v]);
            }
            w += 4 * PF_PANEL;
        }
        if (c < k) { /* the odd partner is padding: x has no such element */
            for (int v = 0; v < vecs; v++) {
                vf even = v_even_bf16(v_load_int(w + OF(v)));
                for (int r = 0; r < rows; r++) acc[r][v] = v_fma(v_set(x[r][c]), even, acc[r][v]);
            }
            w += 4 * PF_PANEL;
        }
        for (int r = 0; r < rows; r++) x[r] += g->x_tap;
    }
    for (int r = 0; r < rows; r++)
        for (int v = 0; v < vecs; v++) v_store(out + r * TILE_PITCH + v * VW, acc[r][v]);
}

#ifdef V_HAVE_BF16_DOT
/* bf16 inputs times bf16 weights, two at a time into float32 sums. */
ALWAYS_INLINE void tile_dot(float *out, const pf_gemm *g, int row, const char *w, ptrdiff_t next, const char *soon,
                            const ptrdiff_t pace, const int far, const int rows, const int vecs) {
    const uint16_t *x[8];
    vf acc[8][LONE_VECS];
    for (int r = 0; r < rows; r++) {
        x[r] = r ? x[r - 1] + g->x_row : (const uint16_t *)g->q + row * g->x_row;
        for (int v = 0; v < vecs; v++) acc[r][v] = v_set(0.0f);
    }
    const int k = g->k;
    for (int tap = 0; tap < g->taps; tap++) {
        int c = 0;
        for (; c + 1 < k; c += 2) {
            vi wv[LONE_VECS];
#pragma GCC unroll 8
            for (int v = 0; v < vecs; v++)
                wv[v] = v_load_int(w + OF(v));
            FETCH(2)
#pragma GCC unroll 8
            for (int r = 0; r < rows; r++) {
                vi xv = v_two(x[r] + c);
#pragma GCC unroll 8
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
