/* Text, voice and latents in, one conditioning vector per frame out:
 *   hidden = [z_proj] norm(transformer(input_linear(latent)))
 * See cpu/pocket/backbone.pyx, or tests/reference/backbone.py. */
#include <string.h>

#include "web/stages.h"

void pw_read_backbone(pw_backbone *b, pw_reader *r, const pw_plan *plan, int most_rows, const pw_prepared *prepared) {
    const int d = plan->backbone.d;
    b->prepared = prepared;
    b->vocabulary = plan->vocabulary;
    b->table_width = plan->rank ? plan->rank : d;
    b->bos_latent = pw_read_vector(r, plan->latent);
    b->bos_voice = plan->bos_before_voice ? pw_read_vector(r, d) : NULL;
    b->table = pw_read_numbers(r, b->vocabulary, b->table_width);
    if (plan->rank) b->embed_proj = pw_read_linear(r, d, plan->rank, 1, 0);
    b->input_linear = pw_read_linear(r, d, plan->latent, 1, 0);
    pw_read_transformer(&b->transformer, r, &plan->backbone, 0, most_rows, prepared);
    b->norm_weight = pw_read_vector(r, d);
    b->norm_bias = pw_read_vector(r, d);
    if (plan->z) b->z_proj = pw_read_linear(r, plan->z, d, 1, 0);
    if (plan->cloning) b->speaker_proj = pw_read_linear(r, d, plan->speaker, 1, 0);
    b->rows = PW_TAKE(r->arena, float, (size_t)most_rows * b->table_width);
}

static void project(const pw_backbone *b, const pw_linear *w, const float *x, float *y, int rows) {
    pf_gemm g = pw_product(x, w->k, y, w->n);
    pw_apply(w, &g, rows, b->prepared);
}

void pw_hear_tokens(pw_backbone *b, const pw_span *prefix, pw_span *own, const int32_t *tokens, int n) {
    float *hidden = b->transformer.hidden, *rows = b->embed_proj.n ? b->rows : hidden;
    for (int i = 0; i < n; i++)
        for (int c = 0; c < b->table_width; c++)
            rows[i * b->table_width + c] = pw_number(&b->table, (ptrdiff_t)tokens[i] * b->table_width + c);
    if (b->embed_proj.n) project(b, &b->embed_proj, rows, hidden, n);
    pw_transform(&b->transformer, prefix, own, n, 1);
}

void pw_hear_rows(pw_backbone *b, const pw_span *prefix, pw_span *own, const float *rows, int n) {
    memcpy(b->transformer.hidden, rows, sizeof(float) * n * b->transformer.shape.d);
    pw_transform(&b->transformer, prefix, own, n, 1);
}

void pw_hear_voice(pw_backbone *b, pw_span *own, const float *latents, int n) {
    project(b, &b->speaker_proj, latents, b->transformer.hidden, n);
    pw_transform(&b->transformer, NULL, own, n, 1);
}

void pw_step_backbone(pw_backbone *b, const pw_span *prefix, pw_span *own, const float *latent, float *hidden) {
    pw_transformer *t = &b->transformer;
    float *normed = b->z_proj.n ? t->normed : hidden;
    project(b, &b->input_linear, latent, t->hidden, 1);
    pw_transform(t, prefix, own, 1, 0);
    KERNELS->norm(normed, t->hidden, t->shape.d, 1e-5f, b->norm_weight, b->norm_bias, NULL, NULL);
    if (b->z_proj.n) project(b, &b->z_proj, normed, hidden, 1);
}
