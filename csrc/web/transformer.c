/* Pre-norm transformer layers with rotary positions and a cache, for the backbone and for both sides of the codec:
 *   x += scale1 * out(attention(rope(qkv(norm1(x)))));  x += scale2 * down(gelu(up(norm2(x))))
 * Causal attention over everything so far, or over a window; query heads share key/value heads in groups. Keys and
 * values lie in panels, so that q k^T and p v are calls of the one matrix kernel. Line by line the same as
 * cpu/transformer.pyx and cpu/attention.pyx, and in other words tests/reference/transformer.py. */
#include <math.h>
#include <string.h>

#include "web/model.h"

static const float EPS = 1e-5f;

static int padded(int n) { return pw_panels(n) * PF_PANEL; }

static int bytes_of_number(const pw_shape_transformer *s) { return s->narrow ? 2 : 4; }

/* Of one head's keys and values in one layer. */
static size_t head_bytes(const pw_shape_transformer *s, int capacity) {
    return (size_t)capacity * (s->dim + padded(s->dim)) * bytes_of_number(s);
}

size_t pw_span_bytes(const pw_shape_transformer *s, int capacity) {
    return (size_t)s->layers * s->kv_heads * head_bytes(s, capacity);
}

size_t pw_score_floats(int prefix, int own) { return (size_t)PW_SCORE_ROWS * (padded(prefix) + padded(own)); }

void pw_read_transformer(pw_transformer *t, pw_reader *r, const pw_shape_transformer *shape, int scales, int most_rows,
                         const pw_prepared *prepared) {
    const int d = shape->d, q = pw_times(shape->heads, shape->dim), all = q + 2 * pw_times(shape->kv_heads, shape->dim);
    t->shape = *shape;
    t->prepared = prepared;
    t->most_rows = most_rows;
    t->freqs = pw_read_vector(r, shape->dim / 2);
    t->layers = PW_TAKE(r->arena, pw_layer, shape->layers);
    for (int i = 0; i < shape->layers && !pw_failed(); i++) {
        pw_layer *layer = &t->layers[i];
        layer->norm1_weight = pw_read_vector(r, d);
        layer->norm1_bias = pw_read_vector(r, d);
        layer->qkv = pw_read_linear(r, all, d, 1, 0);
        layer->out = pw_read_linear(r, d, q, 1, 0);
        layer->scale1 = scales ? pw_read_vector(r, d) : NULL;
        layer->norm2_weight = pw_read_vector(r, d);
        layer->norm2_bias = pw_read_vector(r, d);
        layer->up = pw_read_linear(r, shape->feed, d, 1, 0);
        layer->down = pw_read_linear(r, d, shape->feed, 1, 0);
        layer->scale2 = scales ? pw_read_vector(r, d) : NULL;
        t->shape.narrow = layer->qkv.kind >= PF_INT8; /* where weights are rounded, keys and values are */
    }
    t->hidden = PW_TAKE(r->arena, float, (size_t)most_rows * d);
    t->normed = PW_TAKE(r->arena, float, (size_t)most_rows * d);
    t->qkv = PW_TAKE(r->arena, float, (size_t)most_rows * all);
    t->attended = PW_TAKE(r->arena, float, (size_t)most_rows * q);
    t->feed = PW_TAKE(r->arena, float, (size_t)most_rows * shape->feed);
    t->cos = PW_TAKE(r->arena, float, (size_t)most_rows * (shape->dim / 2));
    t->sin = PW_TAKE(r->arena, float, (size_t)most_rows * (shape->dim / 2));
}

static void rotations(pw_transformer *t, int position, int rows) {
    const int half = t->shape.dim / 2;
    for (int r = 0; r < rows; r++)
        for (int i = 0; i < half; i++) {
            const float angle = t->freqs[i] * (float)(position + r); /* float32, as upstream */
            double cosine, sine;
            pw_cos_sin(angle, &cosine, &sine);
            t->cos[r * half + i] = (float)cosine;
            t->sin[r * half + i] = (float)sine;
        }
}

static void norm_rows(pw_transformer *t, int rows, const float *weight, const float *bias) {
    const int d = t->shape.d;
    for (int r = 0; r < rows; r++)
        KERNELS->norm(t->normed + r * d, t->hidden + r * d, d, EPS, weight, bias, NULL, NULL);
}

/* hidden += scale * (w x) */
static void add_product(pw_transformer *t, const pw_linear *w, const float *x, int rows, const float *scale) {
    pf_gemm g = pw_product(x, w->k, t->hidden, w->n);
    g.scale = scale;
    g.skip = t->hidden, g.skip_row = w->n;
    pw_apply(w, &g, rows, t->prepared);
}

static char *keys_of(const pw_shape_transformer *s, const pw_span *span, int layer, int head) {
    return span->data + (size_t)(layer * s->kv_heads + head) * head_bytes(s, span->capacity);
}

static char *values_of(const pw_shape_transformer *s, const pw_span *span, int layer, int head) {
    return keys_of(s, span, layer, head) + (size_t)span->capacity * s->dim * bytes_of_number(s);
}

/* Where lane `lane` of step `step` stands in panels of so many steps each. */
static char *number_at(const pw_shape_transformer *s, char *panels, int steps, int step, int lane) {
    const int odd = s->narrow & step; /* bfloat16 lies in pairs of steps */
    const size_t at = ((size_t)(lane / PF_PANEL) * steps + step - odd) * PF_PANEL;
    return panels + (at + ((lane % PF_PANEL) << s->narrow) + odd) * bytes_of_number(s);
}

static void put(const pw_shape_transformer *s, char *to, const float *x) {
    uint32_t bits;
    memcpy(&bits, x, 4);
    bits += 0x7fff + (bits >> 16 & 1); /* to nearest even */
    if (s->narrow) memcpy(to, (char *)&bits + 2, 2);
    else memcpy(to, x, 4);
}

static float get(const pw_shape_transformer *s, const char *from) {
    float x = 0;
    memcpy((char *)&x + (s->narrow ? 2 : 0), from, bytes_of_number(s));
    return x;
}

void pw_put(const pw_shape_transformer *s, pw_span *span, int layer, int head, int slot, const float *k,
            const float *v) {
    char *keys = keys_of(s, span, layer, head), *values = values_of(s, span, layer, head);
    for (int c = 0; c < s->dim; c++) {
        put(s, number_at(s, keys, s->dim, c, slot), k + c);
        put(s, number_at(s, values, span->capacity, slot, c), v + c);
    }
}

void pw_get(const pw_shape_transformer *s, const pw_span *span, int layer, int head, int slot, float *k, float *v) {
    char *keys = keys_of(s, span, layer, head), *values = values_of(s, span, layer, head);
    for (int c = 0; c < s->dim; c++) {
        k[c] = get(s, number_at(s, keys, s->dim, c, slot));
        v[c] = get(s, number_at(s, values, span->capacity, slot, c));
    }
}

/* Rotate queries and keys, then append keys and values to the span. */
static void append(pw_transformer *t, pw_span *own, int layer, int rows) {
    const pw_shape_transformer *s = &t->shape;
    const int dim = s->dim, half = dim / 2;
    for (int r = 0; r < rows; r++) {
        float *row = t->qkv + (size_t)r * t->layers[layer].qkv.n;
        for (int h = 0; h < s->heads + s->kv_heads; h++)
            KERNELS->rope(row + h * dim, t->cos + r * half, t->sin + r * half, half);
        const float *k = row + s->heads * dim, *v = k + s->kv_heads * dim;
        for (int h = 0; h < s->kv_heads; h++)
            pw_put(s, own, layer, h, (own->length + r) % own->capacity, k + h * dim, v + h * dim);
    }
}

/* scores = q keys^T over the first n places of a span */
static void score(const pw_transformer *t, const pw_span *span, int n, int layer, int head, const float *q, int q_row,
                  float *scores, int width, int rows) {
    const pw_linear keys = {.kind = t->shape.narrow ? PF_BF16 : PF_F32, .n = n, .k = t->shape.dim, .taps = 1,
                            .panels = pw_panels(n),
                            .w_panel = (ptrdiff_t)t->shape.dim * PF_PANEL * bytes_of_number(&t->shape),
                            .w = keys_of(&t->shape, span, layer, head)};
    pf_gemm g = pw_product(q, q_row, scores, width);
    pw_apply(&keys, &g, rows, t->prepared);
}

/* out = p values [+ out] over the first n places of a span */
static void weigh(const pw_transformer *t, const pw_span *span, int n, int layer, int head, const float *p, int width,
                  float *out, int out_row, int rows, int add) {
    const pw_linear values = {.kind = t->shape.narrow ? PF_BF16 : PF_F32, .n = t->shape.dim, .k = n, .taps = 1,
                              .panels = pw_panels(t->shape.dim),
                              .w_panel = (ptrdiff_t)span->capacity * PF_PANEL * bytes_of_number(&t->shape),
                              .w = values_of(&t->shape, span, layer, head)};
    pf_gemm g = pw_product(p, width, out, out_row);
    if (add) g.skip = out, g.skip_row = out_row;
    pw_apply(&values, &g, rows, t->prepared);
}

/* softmax(q k^T / sqrt(dim)) v of one query head, for `rows` rows from row t0 of this call on */
static void attend(pw_transformer *t, const pw_span *prefix, const pw_span *own, int layer, int head, int t0,
                   int rows) {
    const pw_shape_transformer *s = &t->shape;
    const int kv = head / (s->heads / s->kv_heads), before = prefix ? prefix->length : 0, aligned = padded(before);
    const int qkv_row = t->layers[layer].qkv.n, out_row = s->heads * s->dim;
    const float *q = t->qkv + (size_t)t0 * qkv_row + head * s->dim;
    float *out = t->attended + (size_t)t0 * out_row + head * s->dim;
    const float scale = 1.0f / sqrtf((float)s->dim);
    const int places = pw_min(own->length + t0 + rows, own->capacity); /* of own, in use by then */
    const int width = aligned + padded(places);
    if (before) score(t, prefix, before, layer, kv, q, qkv_row, t->scores, width, rows);
    score(t, own, places, layer, kv, q, qkv_row, t->scores + aligned, width, rows);
    for (int r = 0; r < rows; r++) {
        float *p = t->scores + (size_t)r * width;
        const int at = own->length + t0 + r; /* this query's position in own */
        if (!s->context) {
            KERNELS->softmax(p, width, scale, 0, before, aligned, aligned + at + 1);
            continue;
        }
        const int slot = at % own->capacity, oldest = pw_max(0, at - s->context + 1);
        if (oldest / own->capacity == at / own->capacity) /* the window lies in one piece */
            KERNELS->softmax(p, width, scale, oldest % own->capacity, slot + 1, 0, 0);
        else /* or around the end of the ring */
            KERNELS->softmax(p, width, scale, 0, slot + 1, oldest % own->capacity, places);
    }
    if (before) weigh(t, prefix, before, layer, kv, t->scores, width, out, out_row, rows, 0);
    weigh(t, own, places, layer, kv, t->scores + aligned, width, out, out_row, rows, before > 0);
}

void pw_transform(pw_transformer *t, const pw_span *prefix, pw_span *own, int rows, int keys_only) {
    const pw_shape_transformer *s = &t->shape;
    rotations(t, (prefix ? prefix->length : 0) + own->length, rows);
    for (int i = 0; i < s->layers; i++) {
        const pw_layer *layer = &t->layers[i];
        norm_rows(t, rows, layer->norm1_weight, layer->norm1_bias);
        pf_gemm g = pw_product(t->normed, s->d, t->qkv, layer->qkv.n);
        pw_apply(&layer->qkv, &g, rows, t->prepared);
        append(t, own, i, rows);
        if (keys_only && i == s->layers - 1) break;
        for (int h = 0; h < s->heads; h++)
            for (int r = 0; r < rows; r += PW_SCORE_ROWS)
                attend(t, prefix, own, i, h, r, pw_min(PW_SCORE_ROWS, rows - r));
        add_product(t, &layer->out, t->attended, rows, layer->scale1);
        norm_rows(t, rows, layer->norm2_weight, layer->norm2_bias);
        g = pw_product(t->normed, s->d, NULL, 0);
        g.a = t->feed, g.a_row = s->feed, g.activation = PF_GELU;
        pw_apply(&layer->up, &g, rows, t->prepared);
        add_product(t, &layer->down, t->feed, rows, layer->scale2);
    }
    own->length += rows;
}
