/* SEANet, both directions, as chains of convolutions: see stages/seanet.py, or seanet_decoder and seanet_encoder in
 * tests/reference/codec.py. `raw` is a value, `active` elu of it, which is all that most layers read. */
#include "web/parts.h"

/* raw + conv1(elu(conv3(x))), x being elu(raw); the value itself is kept only if another block follows. */
static pw_made block(pw_chain *c, pw_reader *r, const pw_shape_seanet *s, pw_made x, int dilation, int last) {
    const int width = c->buffers[x.active].channels;
    const pw_made inner = pw_add_conv(c, r, x.active, pw_max(width / s->compress, 1), s->residual_kernel, 1, dilation,
                                      s->replicate, 1, -1, 0, 1);
    return pw_add_conv(c, r, inner.active, width, 1, 1, 1, s->replicate, 1, x.raw, !last, 1);
}

static pw_made blocks(pw_chain *c, pw_reader *r, const pw_shape_seanet *s, pw_made x) {
    int dilation = 1;
    for (int j = 0; j < s->residual_layers && !pw_failed(); j++, dilation = pw_times(dilation, s->dilation_base))
        x = block(c, r, s, x, dilation, j + 1 == s->residual_layers);
    return x;
}

static int most_convs(const pw_shape_seanet *s) { return 2 + s->n_ratios * (1 + 2 * s->residual_layers); }

/* `rows` steps of `dimension` channels -> rows * product of the ratios samples */
void pw_seanet_decoder(pw_chain *c, pw_reader *r, const pw_shape_seanet *s, int rows) {
    const int residual = s->residual_layers > 0;
    int width = pw_times(s->filters, 1 << s->n_ratios);
    pw_open_chain(c, r->arena, most_convs(s), s->dimension, rows);
    pw_made x = pw_add_conv(c, r, c->input, width, s->kernel, 1, 1, s->replicate, 1, -1, 0, 1);
    for (int i = 0; i < s->n_ratios && !pw_failed(); i++) {
        width /= 2;
        x = pw_add_transpose(c, r, x.active, width, s->ratios[i], residual, 1);
        x = blocks(c, r, s, x);
    }
    pw_add_conv(c, r, x.active, s->channels, s->last_kernel, 1, 1, s->replicate, 1, -1, 1, 0);
    pw_close_chain(c, r->arena);
}

/* `rows` samples -> rows / product of the ratios steps; the ratios in reverse */
void pw_seanet_encoder(pw_chain *c, pw_reader *r, const pw_shape_seanet *s, int rows) {
    const int residual = s->residual_layers > 0;
    int width = s->filters;
    pw_open_chain(c, r->arena, most_convs(s), s->channels, rows);
    pw_made x = pw_add_conv(c, r, c->input, width, s->kernel, 1, 1, s->replicate, 1, -1, residual, 1);
    for (int i = s->n_ratios - 1; i >= 0 && !pw_failed(); i--) {
        x = blocks(c, r, s, x);
        width = pw_times(width, 2);
        x = pw_add_conv(c, r, x.active, width, pw_times(2, s->ratios[i]), s->ratios[i], 1, s->replicate, 1, -1,
                        residual && i > 0, 1);
    }
    pw_add_conv(c, r, x.active, s->dimension, s->last_kernel, 1, 1, s->replicate, 1, -1, 1, 0);
    pw_close_chain(c, r->arena);
}
