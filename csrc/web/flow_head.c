/* Hidden vector and noise in, next latent and end-of-speech logit out: an AdaLN residual MLP v(x, c, t), sampled by
 *   lsd            x += v(x, c, s, t) / N over N steps
 *   flow_matching  x += v(x, c, t) / N over N Euler steps
 *   drifting       x = v(noise, c)
 *   pointwise      x = noise + v(noise, c)
 * See cpu/pocket/flow_head.pyx, or tests/reference/flow_head.py. */
#include <math.h>
#include <string.h>

#include "web/stages.h"

static void read_time(pw_time_embedding *t, pw_reader *r, int width) {
    t->freqs = pw_read_vector(r, PW_FREQUENCIES);
    t->weight1 = pw_read_numbers(r, width, 2 * PW_FREQUENCIES);
    t->bias1 = pw_read_vector(r, width);
    t->weight2 = pw_read_numbers(r, width, width);
    t->bias2 = pw_read_vector(r, width);
    t->alpha = pw_read_vector(r, width);
}

void pw_read_flow_head(pw_flow_head *f, pw_reader *r, const pw_plan *plan, const pw_prepared *prepared) {
    const int w = plan->flow_dim, hidden = plan->z ? plan->z : plan->backbone.d;
    f->sampler = plan->sampler, f->depth = plan->flow_depth, f->width = w, f->latent = plan->latent;
    f->n_times = plan->sampler == PW_LSD ? 2 : plan->sampler == PW_FLOW_MATCHING ? 1 : 0;
    f->prepared = prepared;
    f->arena = r->arena;
    f->cond_embed = pw_read_linear(r, w, hidden, 1, 1);
    f->input_proj = pw_read_linear(r, w, f->latent, 1, 1);
    f->blocks = PW_TAKE(r->arena, pw_res_block, f->depth);
    for (int i = 0; i < f->depth && !pw_failed(); i++) {
        f->blocks[i].norm_weight = pw_read_vector(r, w);
        f->blocks[i].norm_bias = pw_read_vector(r, w);
        f->blocks[i].up = pw_read_linear(r, w, w, 1, 1);
        f->blocks[i].down = pw_read_linear(r, w, w, 1, 1);
    }
    /* every modulation depends on the condition alone: one product, the last layer's below those of the blocks */
    f->modulation = pw_read_linear(r, pw_times(3 * f->depth + 2, w), w, 1, 1);
    f->last = pw_read_linear(r, f->latent, w, 1, 1);
    f->eos = pw_read_linear(r, 1, hidden, 1, 1);
    for (int j = 0; j < f->n_times; j++) read_time(&f->times[j], r, w);
    f->time_work = PW_TAKE(r->arena, double, 2 * PW_FREQUENCIES + 2 * (size_t)w);
    f->condition = PW_TAKE(r->arena, float, w);
    f->modulated = PW_TAKE(r->arena, float, f->modulation.n);
    f->x = PW_TAKE(r->arena, float, w);
    f->up = PW_TAKE(r->arena, float, w);
    f->normed = PW_TAKE(r->arena, float, w);
    f->share = PW_TAKE(r->arena, float, f->latent);
    if (!pw_failed()) pw_set_steps(f, 1);
}

static void dense(double *y, const pw_numbers *weight, const float *bias, const double *x, int n, int k) {
    for (int j = 0; j < n; j++) {
        double sum = 0;
        for (int c = 0; c < k; c++) sum += (double)pw_number(weight, (ptrdiff_t)j * k + c) * x[c];
        y[j] = sum + bias[j];
    }
}

/* sum += share * embedding of `moment`: the MLP of [cos, sin](moment * freqs), then x * alpha / sqrt(unbiased variance
 * + 1e-5), in double precision: constants of the model */
static void embed_time(pw_flow_head *f, const pw_time_embedding *t, double moment, double share, float *sum) {
    const int w = f->width;
    double *angles = f->time_work, *inner = angles + 2 * PW_FREQUENCIES, *x = inner + w;
    for (int i = 0; i < PW_FREQUENCIES; i++) pw_cos_sin(moment * t->freqs[i], &angles[i], &angles[PW_FREQUENCIES + i]);
    dense(inner, &t->weight1, t->bias1, angles, w, 2 * PW_FREQUENCIES);
    for (int i = 0; i < w; i++) inner[i] /= 1 + exp(-inner[i]);
    dense(x, &t->weight2, t->bias2, inner, w, w);
    double mean = 0, variance = 0;
    for (int i = 0; i < w; i++) mean += x[i] / w;
    for (int i = 0; i < w; i++) variance += (x[i] - mean) * (x[i] - mean) / (w - 1);
    for (int i = 0; i < w; i++) sum[i] += (float)(share * x[i] * t->alpha[i] / sqrt(variance + 1e-5));
}

int pw_set_steps(pw_flow_head *f, int steps) {
    if (!f->n_times) steps = 1;
    if (steps == f->steps) return 0;
    if (steps > f->most_steps) {
        f->time_rows = PW_TAKE(f->arena, float, (size_t)steps * f->width);
        f->most_steps = f->time_rows ? steps : 0;
        f->steps = 0;
        if (!f->time_rows) return pw_failed();
    }
    memset(f->time_rows, 0, sizeof(float) * (size_t)steps * f->width);
    for (int i = 0; i < steps; i++)
        for (int j = 0; j < f->n_times; j++)
            embed_time(f, &f->times[j], (double)(i + j) / steps, 1.0 / f->n_times, f->time_rows + (size_t)i * f->width);
    for (int i = 0; i < f->latent; i++) f->share[i] = (float)(1.0 / steps);
    f->steps = steps;
    return 0;
}

/* y or a = [activation] (w x), one row */
static void apply(const pw_flow_head *f, const pw_linear *w, const float *x, float *to, int activation) {
    pf_gemm g = pw_product(x, w->k, activation ? NULL : to, w->n);
    if (activation) g.a = to, g.a_row = w->n, g.activation = activation;
    pw_apply(w, &g, 1, f->prepared);
}

/* latent = v(latent, condition) [* share + latent] */
static void network(pw_flow_head *f, const float *hidden, const float *time, float *latent, int adds) {
    const int w = f->width;
    pf_gemm g = pw_product(hidden, f->cond_embed.k, NULL, 0);
    g.a = f->condition, g.a_row = w, g.activation = PF_SILU, g.skip = time;
    pw_apply(&f->cond_embed, &g, 1, f->prepared);
    apply(f, &f->modulation, f->condition, f->modulated, PF_NONE);
    apply(f, &f->input_proj, latent, f->x, PF_NONE);
    const float *m = f->modulated; /* of each block: shift, scale, gate */
    for (int i = 0; i < f->depth; i++, m += 3 * w) {
        KERNELS->norm(f->normed, f->x, w, 1e-6f, f->blocks[i].norm_weight, f->blocks[i].norm_bias, m + w, m);
        apply(f, &f->blocks[i].up, f->normed, f->up, PF_SILU);
        g = pw_product(f->up, w, f->x, w);
        g.scale = m + 2 * w, g.skip = f->x;
        pw_apply(&f->blocks[i].down, &g, 1, f->prepared);
    }
    KERNELS->norm(f->normed, f->x, w, 1e-6f, NULL, NULL, m + w, m);
    g = pw_product(f->normed, w, latent, f->latent);
    if (adds) g.scale = f->share, g.skip = latent;
    pw_apply(&f->last, &g, 1, f->prepared);
}

float pw_sample(pw_flow_head *f, const float *hidden, const float *noise, float *latent) {
    float logit;
    apply(f, &f->eos, hidden, &logit, PF_NONE);
    memmove(latent, noise, sizeof(float) * f->latent);
    for (int i = 0; i < f->steps; i++)
        network(f, hidden, f->n_times ? f->time_rows + (size_t)i * f->width : NULL, latent, f->sampler != PW_DRIFTING);
    return logit;
}
