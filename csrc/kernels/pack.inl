/* Weight packing, once, at load: a transpose of 32 rows, in blocks that keep both sides in L1. */

enum { PACK_BLOCK = 16 };

/* panel[c][j] = rows[j][c] for c < k, one 32-bit word each: floats, or pairs of bf16. A NULL row is zero. */
static void pack_words(char *panel, const char *const *rows, ptrdiff_t offset, int k) {
    for (int c0 = 0; c0 < k; c0 += PACK_BLOCK) {
        const int n = k - c0 < PACK_BLOCK ? k - c0 : PACK_BLOCK;
        uint32_t block[PACK_BLOCK * PF_PANEL];
        for (int j = 0; j < PF_PANEL; j++) {
            uint32_t row[PACK_BLOCK] = {0};
            if (rows[j]) memcpy(row, rows[j] + offset + (ptrdiff_t)c0 * 4, (size_t)n * 4);
            for (int c = 0; c < n; c++) block[c * PF_PANEL + j] = row[c];
        }
        memcpy(panel + (ptrdiff_t)c0 * PF_PANEL * 4, block, (size_t)n * PF_PANEL * 4);
    }
}

static void pack_f32(float *panel, const float *const *rows, int k) {
    pack_words((char *)panel, (const char *const *)rows, 0, k);
}

static void pack_bf16(uint16_t *panel, const uint16_t *const *rows, int k, int taps) {
    const ptrdiff_t tap_words = (k + 1) / 2;
    for (int tap = 0; tap < taps; tap++) {
        uint16_t *to = panel + tap * tap_words * 2 * PF_PANEL;
        pack_words((char *)to, (const char *const *)rows, (ptrdiff_t)tap * k * 2, k / 2);
        if (k % 2) { /* the last pair has no second half */
            uint16_t *pair = to + (tap_words - 1) * 2 * PF_PANEL;
            for (int j = 0; j < PF_PANEL; j++) {
                pair[2 * j] = rows[j] ? rows[j][(ptrdiff_t)tap * k + k - 1] : 0;
                pair[2 * j + 1] = 0;
            }
        }
    }
}

/* `flip` 0x80 turns the signed bytes into unsigned ones shifted by 128. */
ALWAYS_INLINE float quantize_row(int8_t *q, const float *x, int k, const int flip) {
    vf top = v_set(0.0f);
    int c = 0;
    for (; c + VW <= k; c += VW) {
        vf v = v_load(x + c);
        top = v_max(top, v_max(v, v_sub(v_set(0.0f), v)));
    }
    float max = v_biggest(top);
    for (; c < k; c++) max = fabsf(x[c]) > max ? fabsf(x[c]) : max;
    const float scale = max / 127.0f, inverse = max > 0.0f ? 127.0f / max : 0.0f;
    for (c = 0; c + VW <= k; c += VW) {
        float rounded[VW];
        v_store(rounded, v_round(v_mul(v_load(x + c), v_set(inverse))));
        for (int i = 0; i < VW; i++) q[c + i] = (int8_t)((int)rounded[i] ^ flip);
    }
    for (; c < k; c++) q[c] = (int8_t)((int)lrintf(x[c] * inverse) ^ flip);
    return scale;
}

/* One copy of it for all callers. */
__attribute__((noinline)) static float quantize_weight(int8_t *q, const float *x, int k) {
    return quantize_row(q, x, k, 0);
}

static float quantize(int8_t *q, const float *x, int k) {
    const int zero = V_DOT_OFFSET ? 0x80 : 0;
    for (int c = k; c % 4; c++) q[c] = (int8_t)zero;
    const float scale = zero ? quantize_row(q, x, k, zero) : quantize_weight(q, x, k);
#ifdef V_WORDS_FROM /* of every four the even two, then the odd two, as words behind the bytes */
    const int all = (k + 3) / 4 * 4;
    for (int c = 0; c < all; c += 4) {
        const int16_t words[4] = {q[c], q[c + 2], q[c + 1], q[c + 3]};
        memcpy(q + all + 2 * c, words, sizeof words);
    }
#endif
    return scale;
}

/* For weights in four bits: signed, in whole groups, and -8 times the sum of each behind them. */
static float quantize_row_int4(int8_t *q, const float *x, int k) {
    const int whole = (k + PF_GROUP - 1) / PF_GROUP * PF_GROUP;
    const float scale = quantize_weight(q, x, k);
    memset(q + k, 0, (size_t)(whole - k));
    for (int g = 0; g < whole; g += PF_GROUP) {
        int sum = 0;
        for (int i = 0; i < PF_GROUP; i++) sum += q[g + i];
        const uint32_t offset = (uint16_t)(-8 * sum), pair = offset << 16 | offset;
        memcpy(q + whole + g / PF_GROUP * 4, &pair, 4);
    }
    return scale;
}

static void pack_int8(void *panel, const int8_t *const *rows, const float *scales, int k) {
    float *scale = panel;
    int32_t *offset = (int32_t *)panel + PF_PANEL;
    char *to = (char *)panel + 8 * PF_PANEL;
    const int whole = k / 4 * 4;
    pack_words(to, (const char *const *)rows, 0, k / 4);
    if (k > whole) memset(to + (ptrdiff_t)whole * PF_PANEL, 0, 4 * PF_PANEL);
    for (int j = 0; j < PF_PANEL; j++) {
        int32_t sum = 0;
        if (rows[j]) {
            for (int c = 0; c < k; c++) sum += rows[j][c];
            memcpy(to + (ptrdiff_t)whole * PF_PANEL + 4 * j, rows[j] + whole, (size_t)(k - whole));
        }
        scale[j] = rows[j] ? scales[j] : 0.0f;
        offset[j] = -128 * sum;
    }
}

#ifdef V_HAVE_BF16_DOT
static void narrow_bf16(uint16_t *y, const float *x, ptrdiff_t n) {
    ptrdiff_t i = 0;
    for (; i + VW <= n; i += VW) v_narrow_bf16(y + i, v_load(x + i));
    if (i < n) {
        uint16_t last[VW];
        v_narrow_bf16(last, v_load_n(x + i, (int)(n - i)));
        memcpy(y + i, last, (size_t)(n - i) * 2);
    }
}
#endif
