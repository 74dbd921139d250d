/* Matrix products: what the stages ask of the kernels. */
#include "web/parts.h"

pf_gemm pw_product(const float *x, ptrdiff_t x_row, float *y, ptrdiff_t y_row) {
    pf_gemm g = {.x = x, .x_row = x_row, .y = y, .y_row = y_row, .activation = PF_NONE};
    return g;
}

/* The larger of the two forms: for PF_INT4 whole groups and a pair of 16 bits behind them for each. */
ptrdiff_t pw_quantized(ptrdiff_t k) {
    const ptrdiff_t groups = (k + PF_GROUP - 1) / PF_GROUP;
    return (groups * (PF_GROUP * KERNELS->q_bytes + 4) + 63) / 64 * 64;
}

void pw_apply(const pw_linear *w, pf_gemm *g, int rows, const pw_prepared *prepared) {
    g->w = w->w, g->w_panel = w->w_panel, g->bias = w->bias;
    g->k = w->k, g->taps = w->taps, g->n = w->n;
    if (w->kind == PF_INT8 || w->kind == PF_INT4) {
        g->q = prepared->rows, g->q_scale = prepared->scales;
        g->q_row = pw_quantized(w->k);
        for (int r = 0; r < rows; r++)
            prepared->scales[r] = (w->kind == PF_INT8 ? KERNELS->quantize : KERNELS->quantize_row_int4)(
                prepared->rows + r * g->q_row, g->x + r * g->x_row, w->k);
    }
    KERNELS->gemm[w->kind](g, 0, rows, 0, w->panels);
}
