/* Products with weights in four bits (PF_INT4 in pf_kernels.h): of any number of rows in one form. Group by group the
 * weights of one vector of channels are unpacked into registers, once for all rows of a block; sums of integers, held
 * in a buffer in L1, are scaled at the end. A panel is read from front to back, and asked for in time (see FETCH): all of
 * a group's lines at once, for hints between its vectors gain no more and cost a fifth in the cache. */

/* Channels that the buffer of finish_tile holds side by side, and rows that one pass over a panel serves. */
enum { INT4_COLS = TILE_PITCH < PF_PANEL ? TILE_PITCH : PF_PANEL, INT4_ROWS = 32 };
enum { INT4_LINES = 2 * PF_PANEL, INT4_RECORD = INT4_LINES + PF_PANEL * PF_GROUP / 2 }; /* bytes of a group */

/* One group's part of the sums of `rows` rows. x: the group's inputs of the first, offset: its pair (see v_group). */
ALWAYS_INLINE void add_group(float *sums, const char *record, const pf_gemm *g, const int8_t *x, const int8_t *offset,
                             const int rows) {
    for (int c = 0; c < PF_PANEL; c += VW) {
        const char *nibbles = record + INT4_LINES + 4 * c;
        float *to = sums + c / INT4_COLS * INT4_ROWS * TILE_PITCH + c % INT4_COLS;
        const vi lines = v_lines((const int8_t *)record + 2 * c);
        vi w[8];
#pragma GCC unroll 4
        for (int i = 0; i < 4; i++) {
            const vi eight = v_load_int(nibbles + 4 * PF_PANEL * i);
            w[2 * i] = v_low_nibbles(eight);
            w[2 * i + 1] = v_high_nibbles(eight);
        }
        for (int r = 0; r < rows; r++) {
            const vi pairs = v_group(w, x + r * g->q_row, v_four(offset + r * g->q_row));
            v_store_int(to + r * TILE_PITCH, v_add_pairs(v_load_int(to + r * TILE_PITCH), pairs, lines));
        }
    }
}

static void gemm_int4(const pf_gemm *g, int row0, int row1, int panel0, int panel1) {
    float sums[PF_PANEL / INT4_COLS * INT4_ROWS * TILE_PITCH]; /* integers, until they are scaled */
    const int rows = row1 - row0, blocks = (rows + INT4_ROWS - 1) / INT4_ROWS;
    const int groups = (g->k + PF_GROUP - 1) / PF_GROUP, far = CAN_FETCH && (panel1 - panel0) * g->w_panel >= FAR;
    for (int p = panel0; p < panel1; p++) {
        const char *panel = (const char *)g->w + p * g->w_panel;
        const int wide = g->n - p * PF_PANEL < PF_PANEL ? g->n - p * PF_PANEL : PF_PANEL;
        for (int b = 0; b < blocks; b++) {
            const int r0 = row0 + (int)((long)rows * b / blocks), r1 = row0 + (int)((long)rows * (b + 1) / blocks);
            const int8_t *x = (const int8_t *)g->q + r0 * g->q_row, *offsets = x + groups * PF_GROUP;
            for (int c = 0; c < PF_PANEL; c += INT4_COLS)
                memset(sums + c / INT4_COLS * INT4_ROWS * TILE_PITCH, 0, sizeof(float) * TILE_PITCH * (r1 - r0));
            for (int i = 0; i < groups; i++) {
                const char *record = panel + 4 * PF_PANEL + i * INT4_RECORD;
                if (far && b == 0)
                    for (int at = 0; at < INT4_RECORD; at += 64) __builtin_prefetch(record + AHEAD + at, 0, 2);
                if (r1 - r0 == 1) add_group(sums, record, g, x + i * PF_GROUP, offsets + 4 * i, 1);
                else add_group(sums, record, g, x + i * PF_GROUP, offsets + 4 * i, r1 - r0);
            }
            for (int c = 0; c < wide; c += INT4_COLS) {
                float *part = sums + c / INT4_COLS * INT4_ROWS * TILE_PITCH;
                for (int j = 0; j < INT4_COLS; j += VW)
                    for (int r = r0; r < r1; r++) {
                        float *at = part + (r - r0) * TILE_PITCH + j;
                        const vf scale = v_mul(v_set(g->q_scale[r]), v_load((const float *)panel + c + j));
                        v_store(at, v_mul(v_from_int(v_load_int(at)), scale));
                    }
                finish_tile(g, part, r0, r1, p * PF_PANEL + c, wide - c < INT4_COLS ? wide - c : INT4_COLS);
            }
        }
    }
}
