/* Chains of causal convolutions, channels last, one frame at a time. Every layer is the same matrix product over
 * overlapping rows of its input buffer:
 *   convolution             row t reads rows t * stride - past .. t * stride + stride - 1
 *   transposed convolution  (kernel 2 * stride) row t reads rows t - 1 and t and writes `stride` rows at once
 * What is remembered are the last `history` rows of each buffer, which stay in front of it. See cpu/conv.pyx; in
 * tests/reference/parts.py this memory is called `previous` and `partial`. */
#include <string.h>

#include "web/parts.h"

static int new_buffer(pw_chain *c, int channels, int rows) {
    c->buffers[c->n_buffers] = (pw_rows){.channels = channels, .rows = rows};
    return c->n_buffers++;
}

void pw_open_chain(pw_chain *c, pw_arena *arena, int most_convs, int channels, int rows) {
    c->convs = PW_TAKE(arena, pw_conv, most_convs);
    c->buffers = PW_TAKE(arena, pw_rows, 1 + 2 * most_convs);
    c->n_convs = c->n_buffers = c->input = c->output = 0;
    if (!pw_failed()) new_buffer(c, channels, rows);
}

static pw_made outputs(pw_chain *c, pw_conv *conv, int channels, int rows, int raw, int active) {
    pw_rows *source = &c->buffers[conv->source];
    source->history = pw_max(source->history, conv->past);
    conv->raw = raw ? new_buffer(c, channels, rows) : -1;
    conv->active = active ? new_buffer(c, channels, rows) : -1;
    c->output = active ? conv->active : conv->raw;
    c->n_convs++;
    return (pw_made){conv->raw, conv->active};
}

pw_made pw_add_conv(pw_chain *c, pw_reader *r, int source, int out, int kernel, int stride, int dilation, int replicate,
                    int bias, int skip, int raw, int active) {
    if (pw_failed()) return (pw_made){0, 0};
    const pw_rows *x = &c->buffers[source];
    pw_conv *conv = &c->convs[c->n_convs];
    *conv = (pw_conv){.source = source, .past = pw_times(kernel - 1, dilation) + 1 - stride, .stride = stride,
                      .dilation = dilation, .replicate = replicate, .skip = skip};
    if (conv->past < 0 || x->rows % stride)
        pw_fail(PW_BAD_BUNDLE, "its plan has a stride of %d that fits nowhere", stride);
    /* without dilation the taps of one output row are adjacent in memory: one long row */
    conv->w = dilation > 1 ? pw_read_linear(r, out, x->channels, kernel, bias)
                           : pw_read_linear(r, out, pw_times(kernel, x->channels), 1, bias);
    return outputs(c, conv, out, x->rows / stride, raw, active);
}

pw_made pw_add_transpose(pw_chain *c, pw_reader *r, int source, int out, int stride, int raw, int active) {
    if (pw_failed()) return (pw_made){0, 0};
    const pw_rows *x = &c->buffers[source];
    pw_conv *conv = &c->convs[c->n_convs];
    *conv = (pw_conv){.source = source, .past = 1, .stride = 1, .dilation = 1, .skip = -1};
    conv->w = pw_read_linear(r, pw_times(stride, out), 2 * x->channels, 1, 1);
    return outputs(c, conv, out, pw_times(x->rows, stride), raw, active);
}

static size_t floats(const pw_rows *b, int rows) { return (size_t)rows * b->channels; }

void pw_close_chain(pw_chain *c, pw_arena *arena) {
    for (int i = 0; i < c->n_buffers && !pw_failed(); i++)
        c->buffers[i].data = PW_TAKE(arena, float, floats(&c->buffers[i], c->buffers[i].history + c->buffers[i].rows));
    c->first = 1;
}

float *pw_rows_of(const pw_chain *c, int buffer) {
    return c->buffers[buffer].data + floats(&c->buffers[buffer], c->buffers[buffer].history);
}

void pw_forget_chain(pw_chain *c) {
    for (int i = 0; i < c->n_buffers; i++)
        memset(c->buffers[i].data, 0, 4 * floats(&c->buffers[i], c->buffers[i].history));
    c->first = 1;
}

static void run(pw_chain *c, const pw_conv *conv, const pw_prepared *prepared) {
    const pw_rows *source = &c->buffers[conv->source];
    float *x = pw_rows_of(c, conv->source) - floats(source, conv->past);
    if (c->first && conv->replicate)
        for (int i = 0; i < conv->past; i++)
            memcpy(x + floats(source, i), x + floats(source, conv->past), 4 * floats(source, 1));
    pf_gemm g = pw_product(x, (ptrdiff_t)conv->stride * source->channels, NULL, conv->w.n);
    g.x_tap = (ptrdiff_t)conv->dilation * source->channels;
    if (conv->skip >= 0) g.skip = pw_rows_of(c, conv->skip), g.skip_row = conv->w.n;
    if (conv->raw >= 0) g.y = pw_rows_of(c, conv->raw);
    if (conv->active >= 0) g.a = pw_rows_of(c, conv->active), g.a_row = conv->w.n, g.activation = PF_ELU;
    pw_apply(&conv->w, &g, source->rows / conv->stride, prepared);
}

void pw_run_chain(pw_chain *c, const pw_prepared *prepared) {
    for (int i = 0; i < c->n_convs; i++) run(c, &c->convs[i], prepared);
    for (int i = 0; i < c->n_buffers; i++) { /* the last rows become the past of the next frame */
        const pw_rows *b = &c->buffers[i];
        memmove(b->data, b->data + floats(b, b->rows), 4 * floats(b, b->history));
    }
    c->first = 0;
}
