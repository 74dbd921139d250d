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
