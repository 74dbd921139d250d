/* The Mimi codec, frame by frame:
 *   decoder  SEANet(transformer(upsample(output_proj(latent * std + mean))))
 *   encoder  downsample(transformer(SEANet(samples)))
 * A frame is samples_per_frame samples, one latent, and `steps` steps of the transformer between them. See
 * cpu/pocket/codec.pyx, or tests/reference/codec.py. */
#include <string.h>

#include "web/stages.h"

static void read_middle(pw_middle *m, pw_reader *r, const pw_shape_side *side, int rows, const pw_prepared *prepared) {
    const pw_shape_transformer *shape = &side->transformer;
    m->width = side->input;
    if (side->input != shape->d) m->input_proj = pw_read_linear(r, shape->d, side->input, 1, 0);
    pw_read_transformer(&m->transformer, r, shape, 1, rows, prepared);
    if (side->input != shape->d) m->output_proj = pw_read_linear(r, side->input, shape->d, 1, 0);
    m->keys.capacity = pw_panels(shape->context + rows) * PF_PANEL;
    m->keys.data = PW_TAKE(r->arena, char, pw_span_bytes(&m->transformer.shape, m->keys.capacity));
    m->transformer.scores = PW_TAKE(r->arena, float, pw_score_floats(0, m->keys.capacity));
}

static void project(const pw_middle *m, const pw_linear *w, const float *x, float *y, int rows) {
    pf_gemm g = pw_product(x, w->k, y, w->n);
    pw_apply(w, &g, rows, m->transformer.prepared);
}

/* `rows` rows x (rows, width) through the transformer to y */
static void run_middle(pw_middle *m, const float *x, float *y, int rows) {
    float *hidden = m->transformer.hidden;
    if (m->input_proj.n) project(m, &m->input_proj, x, hidden, rows);
    else memcpy(hidden, x, sizeof(float) * rows * m->width);
    pw_transform(&m->transformer, NULL, &m->keys, rows, 0);
    if (m->output_proj.n) project(m, &m->output_proj, hidden, y, rows);
    else memcpy(y, hidden, sizeof(float) * rows * m->width);
}

/* Places that were never written are masked, so that nothing but the length has to be forgotten. */
static void forget_middle(pw_middle *m) { m->keys.length = 0; }

void pw_read_decoder(pw_decoder *d, pw_reader *r, const pw_plan *plan, const pw_prepared *prepared) {
    const pw_shape_side *side = &plan->decoder;
    d->latent = plan->latent, d->width = side->input, d->steps = plan->steps_per_frame;
    d->prepared = prepared;
    d->std = pw_read_vector(r, d->latent);
    d->mean = pw_read_vector(r, d->latent);
    d->output_proj = pw_read_linear(r, d->width, d->latent, 1, 0);
    if (d->steps > 1) {
        d->w_new = pw_read_vector(r, pw_times(d->steps, d->width));
        d->w_old = pw_read_vector(r, pw_times(d->steps, d->width));
    }
    read_middle(&d->middle, r, side, d->steps, prepared);
    pw_seanet_decoder(&d->chain, r, &side->seanet, d->steps);
    d->scaled = PW_TAKE(r->arena, float, d->latent);
    d->now = PW_TAKE(r->arena, float, d->width);
    d->before = PW_TAKE(r->arena, float, d->width);
    d->upsampled = PW_TAKE(r->arena, float, (size_t)d->steps * d->width);
    if (!pw_failed() && d->chain.buffers[d->chain.output].rows != plan->samples_per_frame)
        pw_fail(PW_BAD_BUNDLE, "its codec makes frames of %d samples, expected %d",
                d->chain.buffers[d->chain.output].rows, plan->samples_per_frame);
}

void pw_forget_decoder(pw_decoder *d) {
    forget_middle(&d->middle);
    pw_forget_chain(&d->chain);
    memset(d->before, 0, sizeof(float) * d->width);
}

const float *pw_decode_frame(pw_decoder *d, const float *latent) {
    KERNELS->affine(d->scaled, latent, d->std, d->mean, d->latent);
    float *now = d->steps > 1 ? d->now : d->upsampled;
    pf_gemm g = pw_product(d->scaled, d->latent, now, d->width);
    pw_apply(&d->output_proj, &g, 1, d->prepared);
    if (d->steps > 1) {
        KERNELS->upsample(d->upsampled, d->before, now, d->w_old, d->w_new, d->width, d->steps);
        memcpy(d->before, now, sizeof(float) * d->width);
    }
    run_middle(&d->middle, d->upsampled, pw_rows_of(&d->chain, d->chain.input), d->steps);
    pw_run_chain(&d->chain, d->prepared);
    return pw_rows_of(&d->chain, d->chain.output);
}

void pw_read_encoder(pw_encoder *e, pw_reader *r, const pw_plan *plan, const pw_prepared *prepared) {
    const pw_shape_side *side = &plan->encoder;
    e->samples = plan->samples_per_frame, e->steps = plan->steps_per_frame, e->speaker = plan->speaker;
    e->prepared = prepared;
    pw_seanet_encoder(&e->front, r, &side->seanet, e->samples);
    read_middle(&e->middle, r, side, e->steps, prepared);
    pw_open_chain(&e->down, r->arena, 1, side->input, e->steps);
    /* upstream's downsampling always repeats its first input, whatever pad_mode says; one step a frame needs none */
    if (e->steps > 1)
        pw_add_conv(&e->down, r, e->down.input, e->speaker, 2 * e->steps, e->steps, 1, 1, 0, -1, 1, 0);
    pw_close_chain(&e->down, r->arena);
    if (!pw_failed() && (e->front.buffers[e->front.output].rows != e->steps ||
                         e->down.buffers[e->down.output].channels != e->speaker))
        pw_fail(PW_BAD_BUNDLE, "its voice encoder does not make latents of %d", e->speaker);
}

void pw_forget_encoder(pw_encoder *e) {
    forget_middle(&e->middle);
    pw_forget_chain(&e->front);
    pw_forget_chain(&e->down);
}

void pw_encode_frame(pw_encoder *e, const float *samples, float *latent) {
    memcpy(pw_rows_of(&e->front, e->front.input), samples, sizeof(float) * e->samples);
    pw_run_chain(&e->front, e->prepared);
    run_middle(&e->middle, pw_rows_of(&e->front, e->front.output), pw_rows_of(&e->down, e->down.input), e->steps);
    pw_run_chain(&e->down, e->prepared);
    memcpy(latent, pw_rows_of(&e->down, e->down.output), sizeof(float) * e->speaker);
}
