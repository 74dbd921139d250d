/* Weight packing, once, at load. */

static void pack_f32(float *panel, const float *const *rows, int k) {
    /* blocks of 16 k keep the 32 source lines and the destination in L1 */
    for (int k0 = 0; k0 < k; k0 += 16) {
        const int k1 = k0 + 16 < k ? k0 + 16 : k;
        for (int j = 0; j < PF_PANEL; j++)
            for (int c = k0; c < k1; c++) panel[(ptrdiff_t)c * PF_PANEL + j] = rows[j] ? rows[j][c] : 0.0f;
    }
}

static void pack_bf16(uint16_t *panel, const uint16_t *const *rows, int k, int taps) {
    const int pairs = (k + 1) / 2;
    for (int tap = 0; tap < taps; tap++) {
        uint16_t *to = panel + (ptrdiff_t)tap * pairs * 2 * PF_PANEL;
        for (int p0 = 0; p0 < pairs; p0 += 16) {
            const int p1 = p0 + 16 < pairs ? p0 + 16 : pairs;
            for (int j = 0; j < PF_PANEL; j++) {
                const uint16_t *row = rows[j] ? rows[j] + (ptrdiff_t)tap * k : NULL;
                for (int p = p0; p < p1; p++) {
                    uint16_t *pair = to + ((ptrdiff_t)p * PF_PANEL + j) * 2;
                    pair[0] = row ? row[2 * p] : 0;
                    pair[1] = row && 2 * p + 1 < k ? row[2 * p + 1] : 0;
                }
            }
        }
    }
}
