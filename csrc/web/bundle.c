/* Reading a bundle: header, checksum, plan, tensors. See docs/web-bundle.md and models/pocket/bundle.py.
 *
 * plan     int32 numbers in the order of read_plan() below
 * tensors  uint32 count; at 64 bytes one entry of 32 bytes each: uint32 form, n, k, taps, offset, bytes, 0, 0; then
 *          their data. Offsets count from the beginning of the section. form: an enum pf_weight_kind, as the kernels
 *          read it; or PLAIN + an enum pw_dtype, (n, taps * k) as numbers in rows.
 */
#include <string.h>

#include "web/parts.h"

enum { PLAIN = 16, ENTRY = 32, ENTRIES_AT = 64, MOST = 1 << 16, MOST_PIECES = 1 << 20, MOST_LAYERS = 1000 };

static const uint8_t MAGIC[8] = {0x89, 'P', 'F', 'W', 'E', 'B', 0x0D, 0x0A};

static uint32_t u32(const uint8_t *p) {
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

uint32_t pw_crc32(uint32_t crc, const uint8_t *data, size_t bytes) {
    static uint32_t tables[8][256]; /* of a byte that 0 to 7 more follow */
    if (!tables[0][1]) {
        for (uint32_t i = 0; i < 256; i++) {
            uint32_t c = i;
            for (int bit = 0; bit < 8; bit++) c = c & 1 ? c >> 1 ^ 0xEDB88320u : c >> 1;
            tables[0][i] = c;
        }
        for (int t = 1; t < 8; t++)
            for (int i = 0; i < 256; i++) tables[t][i] = tables[t - 1][i] >> 8 ^ tables[0][tables[t - 1][i] & 255];
    }
    crc = ~crc;
    for (; bytes >= 8; bytes -= 8, data += 8) {
        const uint32_t a = u32(data) ^ crc, b = u32(data + 4);
        crc = tables[7][a & 255] ^ tables[6][a >> 8 & 255] ^ tables[5][a >> 16 & 255] ^ tables[4][a >> 24] ^
              tables[3][b & 255] ^ tables[2][b >> 8 & 255] ^ tables[1][b >> 16 & 255] ^ tables[0][b >> 24];
    }
    for (; bytes; bytes--) crc = crc >> 8 ^ tables[0][(crc ^ *data++) & 255];
    return ~crc;
}

double pw_bundle_bytes(const uint8_t *header) {
    pw_begin_call();
    if (memcmp(header, MAGIC, sizeof MAGIC)) {
        pw_fail(PW_BAD_BUNDLE, "not a bundle of pocket_fast: make one with `pocket-fast export-web`");
        return 0;
    }
    if (u32(header + 8) != PW_VERSION) {
        pw_fail(PW_BAD_BUNDLE, "a bundle of version %d, expected %d: export it again with this version of pocket_fast",
                (int)u32(header + 8), PW_VERSION);
        return 0;
    }
    const double bytes = (double)u32(header + 20) * 4294967296.0 + (double)u32(header + 16);
    if (bytes < PW_HEADER) pw_fail(PW_BAD_BUNDLE, "its header is damaged");
    return bytes < PW_HEADER ? 0 : bytes;
}

/* Where section `i` begins; its size in *size. */
static uint8_t *section(uint8_t *bundle, size_t bytes, int i, size_t *size) {
    const uint32_t offset = u32(bundle + 24 + 8 * i);
    *size = u32(bundle + 28 + 8 * i);
    if (offset < PW_HEADER || offset % 64 || offset > bytes || *size > bytes - offset) {
        pw_fail(PW_BAD_BUNDLE, "its section %d lies outside of the file", i);
        *size = 0;
    }
    return bundle + offset;
}

/* The numbers of a plan, one after the other; what is no possible number is a failure. */
typedef struct cursor {
    const uint8_t *at;
    int left;
} cursor;

static int number(cursor *c, int least, int most) {
    const int value = c->left-- > 0 ? (int)u32(c->at) : least - 1;
    c->at += 4;
    if (value < least || value > most) pw_fail(PW_BAD_BUNDLE, "its plan is damaged or of another version");
    return value;
}

static void read_shape(cursor *c, pw_shape_transformer *t) {
    t->layers = number(c, 0, MOST_LAYERS);
    t->d = number(c, 1, MOST);
    t->heads = number(c, 1, MOST);
    t->kv_heads = number(c, 1, MOST);
    t->dim = number(c, 2, MOST);
    t->feed = number(c, 1, MOST);
    t->context = number(c, 0, MOST);
    if (t->kv_heads < 1 || t->heads % t->kv_heads || t->dim % 2)
        pw_fail(PW_BAD_BUNDLE, "its plan has impossible heads");
}

static void read_side(cursor *c, pw_shape_side *side) {
    pw_shape_seanet *s = &side->seanet;
    side->input = number(c, 1, MOST);
    s->dimension = number(c, 1, MOST);
    s->channels = number(c, 1, MOST);
    s->filters = number(c, 1, MOST);
    s->residual_layers = number(c, 0, 100);
    s->kernel = number(c, 1, MOST);
    s->residual_kernel = number(c, 1, MOST);
    s->last_kernel = number(c, 1, MOST);
    s->dilation_base = number(c, 1, MOST);
    s->replicate = number(c, 0, 1);
    s->compress = number(c, 1, MOST);
    s->n_ratios = number(c, 0, PW_MOST_RATIOS);
    for (int i = 0; i < PW_MOST_RATIOS; i++) s->ratios[i] = number(c, 1, MOST);
    read_shape(c, &side->transformer);
}

static void read_plan(cursor *c, pw_plan *p) {
    p->latent = number(c, 1, MOST);
    p->vocabulary = number(c, 1, MOST_PIECES);
    p->rank = number(c, 0, MOST);
    p->z = number(c, 0, MOST);
    p->bos_before_voice = number(c, 0, 1);
    p->speaker = number(c, 1, MOST);
    p->sampler = number(c, PW_LSD, PW_POINTWISE);
    p->flow_dim = number(c, 1, MOST);
    p->flow_depth = number(c, 0, MOST_LAYERS);
    read_shape(c, &p->backbone);
    p->sample_rate = number(c, 1, MOST);
    p->samples_per_frame = number(c, 1, MOST);
    p->steps_per_frame = number(c, 1, MOST);
    p->cloning = number(c, 0, 1);
    read_side(c, &p->decoder);
    read_side(c, &p->encoder);
    if (c->left) pw_fail(PW_BAD_BUNDLE, "its plan is damaged or of another version");
}

int pw_read_plan(pw_plan *plan, pw_reader *reader, uint8_t *bundle, size_t bytes, uint32_t crc) {
    size_t size;
    if (bytes < PW_HEADER) return pw_fail(PW_BAD_BUNDLE, "%d bytes: no bundle is that short", (int)bytes);
    const double whole = pw_bundle_bytes(bundle);
    if (pw_failed()) return pw_failed();
    if (whole != (double)bytes)
        return pw_fail(PW_BAD_BUNDLE, "%d kB of a bundle of %d kB: it was cut short, or is longer than it should be",
                       (int)(bytes >> 10), (int)(whole / 1024));
    if (crc != u32(bundle + 12))
        return pw_fail(PW_BAD_BUNDLE, "its checksum is not that of what arrived: load it again");
    for (int i = 0; i < 5; i++) section(bundle, bytes, i, &size);
    cursor c = {.at = section(bundle, bytes, 3, &size), .left = 0};
    c.left = (int)(size / 4);
    read_plan(&c, plan);
    reader->table = reader->data = section(bundle, bytes, 4, &reader->bytes);
    if (pw_failed()) return pw_failed();
    reader->next = 0;
    reader->count = reader->bytes < ENTRIES_AT ? -1 : (int)u32(reader->table);
    if (reader->count < 0 || (size_t)reader->count > (reader->bytes - ENTRIES_AT) / ENTRY)
        return pw_fail(PW_BAD_BUNDLE, "its table of tensors is damaged");
    return 0;
}

int pw_times(int a, int b) {
    if ((int64_t)a * b <= 1 << 24) return a * b;
    pw_fail(PW_BAD_BUNDLE, "its plan has a layer that no model has, %d times %d wide", a, b);
    return 1;
}

/* The next tensor, (n, taps * k) in one of the forms; its form, or -1 after a failure. */
static int next(pw_reader *r, int n, int k, int taps, const uint8_t **data, size_t *bytes) {
    if (pw_failed()) return -1;
    if (r->next >= r->count) return pw_fail(PW_BAD_BUNDLE, "it has %d tensors, its plan has more", r->count), -1;
    const uint8_t *entry = r->table + ENTRIES_AT + ENTRY * (size_t)r->next++;
    const uint32_t offset = u32(entry + 16);
    *bytes = u32(entry + 20);
    if (u32(entry + 4) != (uint32_t)n || u32(entry + 8) != (uint32_t)k || u32(entry + 12) != (uint32_t)taps)
        return pw_fail(PW_BAD_BUNDLE, "its tensor %d is (%d, %d), expected (%d, %d)", r->next, (int)u32(entry + 4),
                       (int)u32(entry + 8), n, k), -1;
    if (offset % 64 || offset > r->bytes || *bytes > r->bytes - offset)
        return pw_fail(PW_BAD_BUNDLE, "its tensor %d lies outside of the file", r->next), -1;
    *data = r->data + offset;
    return (int)u32(entry);
}

static uint64_t element(int dtype) { return dtype == PW_FLOAT32 ? 4 : 2; }

static int expect(const pw_reader *r, int fits, size_t bytes, uint64_t expected) {
    if (fits && bytes == expected) return 1;
    pw_fail(PW_BAD_BUNDLE, "its tensor %d has %d bytes or a form that is not known here", r->next, (int)bytes);
    return 0;
}

const float *pw_read_vector(pw_reader *r, int n) {
    const uint8_t *data;
    size_t bytes;
    const int form = next(r, n, 1, 1, &data, &bytes);
    if (form < 0 || !expect(r, form == PLAIN + PW_FLOAT32, bytes, 4 * (uint64_t)n)) return NULL;
    return (const float *)data;
}

pw_numbers pw_read_numbers(pw_reader *r, int n, int k) {
    pw_numbers numbers = {NULL, PW_FLOAT32};
    const uint8_t *data;
    size_t bytes;
    const int form = next(r, n, k, 1, &data, &bytes), dtype = form - PLAIN;
    if (form < 0 || !expect(r, dtype >= PW_FLOAT32 && dtype <= PW_FLOAT16, bytes, (uint64_t)n * k * element(dtype)))
        return numbers;
    numbers.data = data;
    numbers.dtype = dtype;
    return numbers;
}

/* Exactly, of any number that is finite: an exponent of 5 bits, moved to where one of 8 is, lacks 112. */
static inline float from_half(uint16_t h) {
    const uint32_t bits = (uint32_t)(h & 0x7fff) << 13;
    float value;
    memcpy(&value, &bits, sizeof value);
    value *= 5192296858534827628530496329220096.0f; /* 2^112 */
    return h & 0x8000 ? -value : value;
}

static inline float from_bfloat(uint16_t b) {
    const uint32_t bits = (uint32_t)b << 16;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static inline float number_of(const void *data, ptrdiff_t i, int dtype) {
    if (dtype == PW_FLOAT32) return ((const float *)data)[i];
    const uint16_t two = ((const uint16_t *)data)[i];
    return dtype == PW_FLOAT16 ? from_half(two) : from_bfloat(two);
}

float pw_number(const pw_numbers *numbers, ptrdiff_t i) { return number_of(numbers->data, i, numbers->dtype); }

/* Row j of a matrix is column j % PF_PANEL of panel j / PF_PANEL. */
static inline void widen_rows(float *to, const void *from, int n, ptrdiff_t k, const int dtype) {
    for (int j = 0; j < n; j += PF_PANEL, to += k * PF_PANEL)
        for (ptrdiff_t c = 0; c < k; c++)
            for (int i = 0; i < pw_min(n - j, PF_PANEL); i++)
                to[c * PF_PANEL + i] = number_of(from, (j + i) * k + c, dtype);
}

/* Panels of float32 (or rows, if they are few) of a matrix in plain numbers. */
static void widen(pw_linear *w, pw_reader *r, const void *data, int dtype) {
    const ptrdiff_t k = (ptrdiff_t)w->k * w->taps;
    float *to = PW_TAKE(r->arena, float, (size_t)w->panels * w->w_panel / 4);
    w->w = to;
    if (!to) return;
    if (w->kind == PF_ROWS)
        for (ptrdiff_t i = 0; i < w->n * k; i++) to[i] = number_of(data, i, dtype);
    else if (dtype == PW_FLOAT16) widen_rows(to, data, w->n, k, PW_FLOAT16);
    else if (dtype == PW_BFLOAT16) widen_rows(to, data, w->n, k, PW_BFLOAT16);
    else widen_rows(to, data, w->n, k, PW_FLOAT32);
}

pw_linear pw_read_linear(pw_reader *r, int n, int k, int taps, int bias) {
    const uint8_t *data;
    size_t bytes;
    pw_linear w = {.kind = n <= PF_FEW ? PF_ROWS : PF_F32, .n = n, .k = k, .taps = taps, .panels = 1};
    const int form = next(r, n, k, taps, &data, &bytes), dtype = form - PLAIN;
    if (form < 0) return w;
    if (form < PLAIN && (form == PF_ROWS) == (n <= PF_FEW)) w.kind = form;
    if (n > PF_FEW) w.panels = pw_panels(n);
    switch (w.kind) {
    case PF_F32: w.w_panel = (ptrdiff_t)taps * k * PF_PANEL * 4; break;
    case PF_BF16: w.w_panel = (ptrdiff_t)taps * ((k + 1) / 2 * 2) * PF_PANEL * 2; break;
    case PF_ROWS: w.w_panel = (ptrdiff_t)n * taps * k * 4; break;
    case PF_INT8: w.w_panel = 8 * PF_PANEL + (ptrdiff_t)((k + 3) / 4 * 4) * PF_PANEL; break;
    case PF_INT4: w.w_panel = PF_PANEL * (4 + (ptrdiff_t)((k + PF_GROUP - 1) / PF_GROUP) * (2 + PF_GROUP / 2)); break;
    default: expect(r, 0, bytes, 1); return w;
    }
    if (form < PLAIN) {
        const int fits = form == w.kind && (form < PF_INT8 || taps == 1) && (form != PF_INT4 || k <= PF_INT4_MOST);
        if (!expect(r, fits, bytes, (uint64_t)w.panels * w.w_panel)) return w;
        w.w = data;
    } else {
        if (!expect(r, dtype <= PW_FLOAT16, bytes, (uint64_t)n * taps * k * element(dtype))) return w;
        widen(&w, r, data, dtype);
    }
    if (bias) w.bias = pw_read_vector(r, n);
    return w;
}
