/* The tiles of 8-bit weights and inputs: sums of integers, exact however they are taken. */

/* Integers: four inputs and four weights per 32-bit lane, exact sums. `first`: of the rows. */
ALWAYS_INLINE void sum_fours(vi acc[8][LONE_VECS], const pf_gemm *g, const int8_t *first, const char *w, ptrdiff_t next,
                             const char *soon, const ptrdiff_t pace, const int far, const int rows, const int vecs) {
    const int8_t *x[8];
    for (int r = 0; r < rows; r++) {
        x[r] = r ? x[r - 1] + g->q_row : first;
        for (int v = 0; v < vecs; v++) acc[r][v] = V_DOT_OFFSET ? v_load_int(w + OF(v) + 4 * PF_PANEL) : v_zero_int();
    }
    w += 8 * PF_PANEL;
    const int k = g->k;
    for (int c = 0; c < k; c += 4) {
        vi wv[LONE_VECS];
#pragma GCC unroll 8
        for (int v = 0; v < vecs; v++)
            wv[v] = v_load_int(w + OF(v));
        FETCH(2)
#pragma GCC unroll 8
        for (int r = 0; r < rows; r++) {
            vi xv = v_four(x[r] + c);
#pragma GCC unroll 8
            for (int v = 0; v < vecs; v++) acc[r][v] = v_dot(acc[r][v], xv, wv[v]);
        }
        w += 4 * PF_PANEL;
    }
}

#ifdef V_WORDS_FROM
/* The sums of sum_fours of words: the even k of four, and then the odd. */
ALWAYS_INLINE void sum_words(vi acc[8][LONE_VECS], const pf_gemm *g, const int8_t *first, const char *w, ptrdiff_t next,
                             const char *soon, const ptrdiff_t pace, const int far, const int rows, const int vecs) {
    const int8_t *x[8];
    for (int r = 0; r < rows; r++) {
        x[r] = r ? x[r - 1] + g->q_row : first + (g->k + 3) / 4 * 4;
        for (int v = 0; v < vecs; v++) acc[r][v] = v_zero_int();
    }
    w += 8 * PF_PANEL;
    const int k = g->k;
    for (int c = 0; c < k; c += 4) {
        vi wv[LONE_VECS];
#pragma GCC unroll 8
        for (int v = 0; v < vecs; v++)
            wv[v] = v_even_words(v_load_int(w + OF(v)));
        FETCH(2)
#pragma GCC unroll 8
        for (int r = 0; r < rows; r++) {
            vi xv = v_four(x[r] + 2 * c);
#pragma GCC unroll 8
            for (int v = 0; v < vecs; v++) acc[r][v] = v_dot_words(acc[r][v], xv, wv[v]);
        }
        __asm__ volatile("" ::: "memory"); /* gcc would load what follows as well, and spill sums for it */
#pragma GCC unroll 8
        for (int v = 0; v < vecs; v++) wv[v] = v_odd_words(v_load_int(w + OF(v)));
#pragma GCC unroll 8
        for (int r = 0; r < rows; r++) {
            vi xv = v_four(x[r] + 2 * c + 4);
#pragma GCC unroll 8
            for (int v = 0; v < vecs; v++) acc[r][v] = v_dot_words(acc[r][v], xv, wv[v]);
        }
        w += 4 * PF_PANEL;
    }
}
#endif

#ifdef V_HAVE_PAIRS
/* Eight more inputs of `rows` rows, or the four that are left. two, others: see v_part. */
ALWAYS_INLINE void add_eights(vi two[4][4], vi others[4][4], const int8_t *const *x, int c, const char *w,
                              ptrdiff_t next, const int rows, const int vecs, const int whole) {
    vi xv[4];
#pragma GCC unroll 8
    for (int r = 0; r < rows; r += 2) { /* an odd row is its own partner */
        const int8_t *one = x[r] + c, *other = r + 1 < rows ? x[r + 1] + c : one;
        int8_t ends[2][8] = {{0}};
        if (!whole) memcpy(ends[0], one, 4), memcpy(ends[1], other, 4);
        xv[r / 2] = whole ? v_pair(one, other) : v_pair(ends[0], ends[1]);
    }
#pragma GCC unroll 8
    for (int v = 0; v < vecs; v++) {
        vi low, high;
        v_eights(v_load_int(w + OF(v)), whole ? v_load_int(w + OF(v) + 4 * PF_PANEL) : v_zero_int(), &low, &high);
#pragma GCC unroll 8
        for (int r = 0; r < rows; r += 2) {
            two[r / 2][v] = v_dot_pairs(two[r / 2][v], xv[r / 2], low);
            others[r / 2][v] = v_dot_pairs(others[r / 2][v], xv[r / 2], high);
        }
        __asm__ volatile("" ::: "memory"); /* gcc would load all weights first, and spill sums for it */
    }
}

/* The sums of sum_fours, two rows and eight inputs at a time. */
ALWAYS_INLINE void sum_pairs(vi acc[8][LONE_VECS], const pf_gemm *g, const int8_t *first, const char *w, ptrdiff_t next,
                             const char *soon, const ptrdiff_t pace, const int far, const int rows, const int vecs) {
    const int8_t *x[8];
    vi two[4][4], others[4][4];
    for (int r = 0; r < rows; r++) {
        x[r] = r ? x[r - 1] + g->q_row : first;
        for (int v = 0; v < vecs; v++) two[r / 2][v] = others[r / 2][v] = v_zero_int();
    }
    w += 8 * PF_PANEL;
    const int k = g->k;
    int c = 0;
    for (; c + 4 < k; c += 8, w += 8 * PF_PANEL) {
        FETCH(2)
        FETCH(2)
        add_eights(two, others, x, c, w, next, rows, vecs, 1);
    }
    if (c < k) add_eights(two, others, x, c, w, next, rows, vecs, 0);
    for (int v = 0; v < vecs; v++)
        for (int r = 0; r < rows; r += 2) v_part(two[r / 2][v], others[r / 2][v], &acc[r][v], &acc[r + 1][v]);
}
#endif

/* A panel begins with its channels' scales and with what V_DOT_OFFSET makes necessary; sums are scaled at the end. */
ALWAYS_INLINE void tile_int8(float *out, const pf_gemm *g, int row, const char *w, ptrdiff_t next, const char *soon,
                             const ptrdiff_t pace, const int far, const int rows, const int vecs) {
    const int8_t *x = (const int8_t *)g->q + row * g->q_row;
    vi acc[8][LONE_VECS];
#ifdef V_WORDS_FROM
    if (rows >= V_WORDS_FROM) sum_words(acc, g, x, w, next, soon, pace, far, rows, vecs);
    else
#endif
#ifdef V_HAVE_PAIRS
    if (rows > 1) sum_pairs(acc, g, x, w, next, soon, pace, far, rows, vecs);
    else
#endif
        sum_fours(acc, g, x, w, next, soon, pace, far, rows, vecs);
    for (int r = 0; r < rows; r++)
        for (int v = 0; v < vecs; v++) {
            vf scale = v_mul(v_set(g->q_scale[row + r]), v_load((const float *)(w + OF(v))));
            v_store(out + r * TILE_PITCH + v * VW, v_mul(v_from_int(acc[r][v]), scale));
        }
}
