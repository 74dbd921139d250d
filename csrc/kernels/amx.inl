/* The products of pairs and of fours in AMX's tiles: 16 rows x 16 channels of sums, 64 bytes of k at a time.
 *
 * A panel is what the unit wants as it stands: 16 lines of it are the weights of 64 bytes of k, its halves two tiles.
 * Two row tiles and both halves make four sums that do not wait for each other. What is left of k, less than 64 bytes,
 * is added by vector instructions: of every tap, after all whole tiles. A sum of floats is therefore not the one of the
 * other sets, but its order depends on k and taps alone: a row has the same bits whoever is beside it. */

enum {
    AMX_ROWS = 16, AMX_BYTES = 64,     /* of a tile of inputs */
    PANEL_LINE = 4 * PF_PANEL,         /* bytes of a panel for four bytes of k */
    AMX_AHEAD = 1024,                  /* weights from memory: 12.8 to 15.5 GB/s with one thread, of 15.6 */
};

typedef struct {
    uint8_t palette, start, none[14];
    uint16_t bytes[16];
    uint8_t rows[16];
} amx_shapes;

/* Tiles 0 and 1 are the sums of the first rows, 2 and 3 those of the second ones; 4 and 5: inputs; 6 and 7: weights. */
static void amx_begin(int first, int second) {
    amx_shapes s = {.palette = 1};
    for (int i = 0; i < 8; i++) s.bytes[i] = AMX_BYTES, s.rows[i] = AMX_ROWS;
    s.rows[0] = s.rows[1] = s.rows[4] = (uint8_t)first;
    s.rows[2] = s.rows[3] = s.rows[5] = (uint8_t)second;
    __asm__ volatile("" ::"r"(&s) : "memory"); /* gcc believes that the first bytes are all that is read */
    _tile_loadconfig(&s);
}

/* What one call multiplies: `x` inputs of the rows, all lengths in bytes. */
typedef struct {
    const char *x;
    ptrdiff_t row, tap;
    int k, taps;
} amx_inputs;

#define AMX_STEP(DOT) \
    _tile_loadd(4, x + c, in->row); \
    if (fetch) \
        for (int line = 0; line < 2 * AMX_ROWS; line++) __builtin_prefetch(w + AMX_AHEAD + line * 64, 0, 3); \
    _tile_loadd(6, w, PANEL_LINE); \
    _tile_loadd(7, w + AMX_BYTES, PANEL_LINE); \
    DOT(0, 4, 6); \
    DOT(1, 4, 7); \
    if (two) { \
        _tile_loadd(5, x + c + AMX_ROWS * in->row, in->row); \
        DOT(2, 5, 6); \
        DOT(3, 5, 7); \
    }

/* The whole tiles of k: `two` tiles of rows or one, both halves of a panel. */
ALWAYS_INLINE void amx_sums(float *out, const amx_inputs *in, const char *w, const int two, const int fours,
                            const int fetch) {
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
    const char *x = in->x;
    for (int tap = 0; tap < in->taps; tap++, x += in->tap) {
        int c = 0;
        for (; c + AMX_BYTES <= in->k; c += AMX_BYTES, w += AMX_ROWS * PANEL_LINE) {
            if (fours) {
                AMX_STEP(_tile_dpbusd)
            } else {
                AMX_STEP(_tile_dpbf16ps)
            }
        }
        w += (in->k - c + 3) / 4 * PANEL_LINE;
    }
    _tile_stored(0, out, 4 * TILE_PITCH);
    _tile_stored(1, out + VW, 4 * TILE_PITCH);
    if (two) {
        _tile_stored(2, out + AMX_ROWS * TILE_PITCH, 4 * TILE_PITCH);
        _tile_stored(3, out + AMX_ROWS * TILE_PITCH + VW, 4 * TILE_PITCH);
    }
}

/* What is left of k, for `rows` rows. */
static void amx_rest_of_fours(float *out, const amx_inputs *in, const char *w, int rows) {
    const int whole = in->k / AMX_BYTES * AMX_BYTES;
    w += (ptrdiff_t)whole / 4 * PANEL_LINE;
    for (int c = whole; c < in->k; c += 4, w += PANEL_LINE)
        for (int r = 0; r < rows; r++)
            for (int half = 0; half < 2; half++) {
                float *sum = out + r * TILE_PITCH + half * VW;
                vi v = v_dot(v_load_int(sum), v_four((const int8_t *)in->x + r * in->row + c), v_load_int(w + half * AMX_BYTES));
                memcpy(sum, &v, sizeof v);
            }
}

static void amx_rest_of_pairs(float *out, const amx_inputs *in, const char *w, int rows) {
    const int whole = in->k / AMX_BYTES * AMX_BYTES;
    const char *x = in->x;
    for (int tap = 0; tap < in->taps; tap++, x += in->tap) {
        w += (ptrdiff_t)whole / 4 * PANEL_LINE;
        for (int c = whole; c < in->k; c += 4, w += PANEL_LINE)
            for (int r = 0; r < rows; r++) {
                const uint16_t *at = (const uint16_t *)(x + r * in->row + c);
                const vi two = c + 4 > in->k ? v_one(at) : v_two(at); /* one: the partner is no element of x */
                for (int half = 0; half < 2; half++) {
                    float *sum = out + r * TILE_PITCH + half * VW;
                    v_store(sum, v_dot_bf16(v_load(sum), two, v_load_int(w + half * AMX_BYTES)));
                }
            }
    }
}

ALWAYS_INLINE void amx_tile(float *out, const amx_inputs *in, const char *w, int rows, const int fours, const int fetch) {
    if (rows > AMX_ROWS) amx_sums(out, in, w, 1, fours, fetch);
    else amx_sums(out, in, w, 0, fours, fetch);
    if (in->k % AMX_BYTES == 0) return;
    if (fours) amx_rest_of_fours(out, in, w, rows);
    else amx_rest_of_pairs(out, in, w, rows);
}

/* The integers of `rows` rows from `row` on, with the scales and the offset that begin a panel. */
static void amx_scale(float *out, const pf_gemm *g, int row, const char *panel, int rows) {
    for (int half = 0; half < 2; half++) {
        const vi offset = v_load_int(panel + 4 * PF_PANEL + half * AMX_BYTES);
        const vf scales = v_load((const float *)panel + half * VW);
        for (int r = 0; r < rows; r++) {
            float *sum = out + r * TILE_PITCH + half * VW;
            vf scale = v_mul(v_set(g->q_scale[row + r]), scales);
            v_store(sum, v_mul(v_from_int(_mm512_add_epi32(v_load_int(sum), offset)), scale));
        }
    }
}

/* Blocks of 32 rows inside a panel. Of up to 32 rows there is one block, and the tiles are as high as it; else they are
 * full, and the last block begins where 16 or 32 rows are left to the end: what it computes again is not used again. */
ALWAYS_INLINE void gemm_amx(const pf_gemm *g, int row0, int row1, int panel0, int panel1, const int fours) {
    float out[2 * AMX_ROWS * TILE_PITCH];
    const int rows = row1 - row0, element = fours ? 1 : 2, header = fours ? 8 * PF_PANEL : 0;
    if (rows <= 0) return;
    amx_inputs in = {NULL, fours ? g->q_row : g->x_row * element, g->x_tap * element, g->k * element, g->taps};
    if (fours) in.k = (in.k + 3) / 4 * 4;
    amx_begin(rows < AMX_ROWS ? rows : AMX_ROWS, rows <= AMX_ROWS || rows >= 2 * AMX_ROWS ? AMX_ROWS : rows - AMX_ROWS);
    for (int p = panel0; p < panel1; p++) {
        const char *panel = (const char *)g->w + p * g->w_panel;
        const int left = g->n - p * PF_PANEL, cols = left < PF_PANEL ? left : PF_PANEL;
        for (int done = row0; done < row1;) {
            const int todo = row1 - done < 2 * AMX_ROWS ? row1 - done : 2 * AMX_ROWS;
            int height = todo; /* of the tiles */
            if (rows > 2 * AMX_ROWS) height = todo > AMX_ROWS ? 2 * AMX_ROWS : AMX_ROWS;
            const int first = done + todo - height;
            in.x = (const char *)g->q + first * in.row;
            if (done == row0) amx_tile(out, &in, panel + header, height, fours, 1);
            else amx_tile(out, &in, panel + header, height, fours, 0);
            if (fours) amx_scale(out, g, first, panel, height);
            finish_tile(g, out + (height - todo) * TILE_PITCH, done, done + todo, p * PF_PANEL, cols);
            done += todo;
        }
    }
    _tile_release(); /* or the system would keep 8 KB more whenever it changes to another thread */
}

static void gemm_dot_amx(const pf_gemm *g, int row0, int row1, int panel0, int panel1) {
    gemm_amx(g, row0, row1, panel0, panel1, 0);
}

/* Integers have the same sums either way, so what is faster may depend on the rows: few wait for their weights only. */
static void gemm_int8_amx(const pf_gemm *g, int row0, int row1, int panel0, int panel1) {
    enum { FEW = 4 };
    if (row1 - row0 <= FEW) gemm_int8(g, row0, row1, panel0, panel1);
    else gemm_amx(g, row0, row1, panel0, panel1, 1);
}
