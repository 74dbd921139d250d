/* Matrix products: what the stages ask of the kernels. */
#include "web/parts.h"

pf_gemm pw_product(const float *x, ptrdiff_t x_row, float *y, ptrdiff_t y_row) {
    pf_gemm g = {.x = x, .x_row = x_row, .y = y, .y_row = y_row, .activation = PF_NONE};
    return g;
}

ptrdiff_t pw_quantized(ptrdiff_t k) { return ((k + 3) / 4 * 4 * KERNELS->q_bytes + 63) / 64 * 64; }

void pw_apply(const pw_linear *w, pf_gemm *g, int rows, const pw_prepared *prepared) {
    g->w = w->w, g->w_panel = w->w_panel, g->bias = w->bias;
    g->k = w->k, g->taps = w->taps, g->n = w->n;
    if (w->kind == PF_INT8) {
        g->q = prepared->rows, g->q_scale = prepared->scales;
        g->q_row = pw_quantized(w->k);
        for (int r = 0; r < rows; r++)
            prepared->scales[r] = KERNELS->quantize(prepared->rows + r * g->q_row, g->x + r * g->x_row, w->k);
    }
    KERNELS->gemm[w->kind](g, 0, rows, 0, w->panels);
}
