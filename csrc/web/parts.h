/* parts.h: what the stages in this folder are made of. One listener, one thread: a stage owns its scratch and what
 * it remembers. Everything is taken at loading; nothing here allocates after that unless it says so. */
#ifndef PW_PARTS_H
#define PW_PARTS_H

#include "pf_kernels.h"
#include "web/pocket_web.h"

#define CAT_(a, b) a##_##b
#define CAT(a, b) CAT_(a, b)
extern const pf_kernels CAT(pf_kernels, PF_ISA);
#define KERNELS (&CAT(pf_kernels, PF_ISA)) /* the table this module was built with */

/* --- memory.c ----------------------------------------------------------------------------------------- */

/* What one owner has taken, freed together. `bytes`: of all of it. */
typedef struct pw_arena {
    struct pw_block *blocks;
    size_t bytes;
} pw_arena;

/* `count` zeroed elements at a multiple of 64. NULL and pw_fail() if there is no memory: check once, at the end. */
void *pw_take(pw_arena *arena, size_t count, size_t size);
#define PW_TAKE(arena, type, count) ((type *)pw_take(arena, count, sizeof(type)))
void pw_release(pw_arena *arena);

/* Sets what pw_error() says, as printf for %s and %d alone; returns `status`. The first failure of a call stays. */
int pw_fail(int status, const char *format, ...);
int pw_failed(void); /* status of the failure since pw_begin_call(), or 0 */
void pw_begin_call(void);

static inline int pw_panels(int n) { return (n + PF_PANEL - 1) / PF_PANEL; }
static inline int pw_min(int a, int b) { return a < b ? a : b; }
static inline int pw_max(int a, int b) { return a > b ? a : b; }

/* --- bundle.c: the geometry and the tensors of a file ------------------------------------------------------ */

enum { PW_MOST_RATIOS = 8 };

typedef struct pw_shape_transformer {
    int layers, d, heads, kv_heads, dim, feed, context; /* context 0: no window */
    int narrow; /* keys and values are bfloat16; known when the layers have been read */
} pw_shape_transformer;

typedef struct pw_shape_seanet {
    int dimension, channels, filters, residual_layers, kernel, residual_kernel, last_kernel;
    int dilation_base, replicate, compress, n_ratios, ratios[PW_MOST_RATIOS]; /* ratios in decoder order */
} pw_shape_seanet;

typedef struct pw_shape_side { /* of the codec */
    int input; /* what the transformer reads and writes; projections where that is not its width */
    pw_shape_seanet seanet;
    pw_shape_transformer transformer;
} pw_shape_side;

enum pw_sampler { PW_LSD = 0, PW_FLOW_MATCHING = 1, PW_DRIFTING = 2, PW_POINTWISE = 3 };

typedef struct pw_plan {
    int latent, vocabulary, rank, z, bos_before_voice, speaker; /* rank, z: 0 where there is no projection */
    int sampler, flow_dim, flow_depth;
    pw_shape_transformer backbone;
    int sample_rate, samples_per_frame, steps_per_frame, cloning;
    pw_shape_side decoder, encoder;
} pw_plan;

/* Numbers as a file has them; read one by one, or widened as a whole. */
typedef struct pw_numbers {
    const void *data;
    int dtype; /* enum pw_dtype */
} pw_numbers;

float pw_number(const pw_numbers *numbers, ptrdiff_t i);

/* A matrix as pf_gemm reads it. n 0: there is none. */
typedef struct pw_linear {
    int kind, n, k, taps, panels;
    ptrdiff_t w_panel;
    const void *w;
    const float *bias;
} pw_linear;

/* The tensors of a bundle, taken one after the other in the order of the file. After a failure (pw_failed) what
 * is returned must not be used. */
typedef struct pw_reader {
    const uint8_t *table, *data;
    size_t bytes; /* of data */
    int next, count;
    pw_arena *arena; /* for what is widened */
} pw_reader;

int pw_times(int a, int b); /* a * b, or a failure where that is too much for any layer */
int pw_read_plan(pw_plan *plan, pw_reader *reader, uint8_t *bundle, size_t bytes, uint32_t crc);
const float *pw_read_vector(pw_reader *reader, int n);
pw_numbers pw_read_numbers(pw_reader *reader, int n, int k);
/* (n, taps * k), and its bias (n,) where `bias` says so */
pw_linear pw_read_linear(pw_reader *reader, int n, int k, int taps, int bias);

/* --- linear.c, angle.c ------------------------------------------------------------------------------------------- */

/* Where the rows of a product with weights in 8 or 4 bits are quantised. One for all stages: they run one after the
 * other. */
typedef struct pw_prepared {
    int8_t *rows;
    float *scales;
} pw_prepared;

/* y = w x [+ bias] and nothing else: what callers start from. */
pf_gemm pw_product(const float *x, ptrdiff_t x_row, float *y, ptrdiff_t y_row);
void pw_apply(const pw_linear *w, pf_gemm *g, int rows, const pw_prepared *prepared);
/* Bytes from one quantised row of k inputs to the next. */
ptrdiff_t pw_quantized(ptrdiff_t k);

/* To 1e-15 for |x| < 1e6, which no position or moment exceeds: libm's would bring tables for any number. */
void pw_cos_sin(double x, double *cosine, double *sine);

/* --- transformer.c ---------------------------------------------------------------------------------------- */

/* Keys and values of `capacity` places (a multiple of PF_PANEL), for every layer and key/value head:
 * with P of PF_PANEL, keys (capacity / P, dim, P), values (dim / P rounded up, capacity, P), float32, zeroed; or
 * bfloat16, rounded to nearest even: (capacity / P, dim / 2, P, 2) and (dim / P rounded up, capacity / 2, P, 2). */
typedef struct pw_span {
    char *data;
    int capacity, length;
} pw_span;

size_t pw_span_bytes(const pw_shape_transformer *shape, int capacity);

typedef struct pw_layer {
    pw_linear qkv, out, up, down;
    const float *norm1_weight, *norm1_bias, *norm2_weight, *norm2_bias, *scale1, *scale2; /* scales may be NULL */
} pw_layer;

typedef struct pw_transformer {
    pw_shape_transformer shape;
    const float *freqs; /* (dim / 2,) */
    pw_layer *layers;
    const pw_prepared *prepared;
    int most_rows;
    float *hidden; /* (most_rows, d): what goes in and what comes out */
    float *normed, *qkv, *attended, *feed, *cos, *sin;
    float *scores; /* (PW_SCORE_ROWS, places of prefix and own): pw_score_floats */
} pw_transformer;

enum { PW_SCORE_ROWS = 8 };

void pw_read_transformer(pw_transformer *t, pw_reader *reader, const pw_shape_transformer *shape, int scales,
                         int most_rows, const pw_prepared *prepared);
size_t pw_score_floats(int prefix, int own);
/* t->hidden, `rows` rows that follow what prefix (or NULL) and own hold, through all layers in place; their keys and
 * values are appended to own. keys_only: only those are wanted. */
void pw_transform(pw_transformer *t, const pw_span *prefix, pw_span *own, int rows, int keys_only);

/* --- conv.c ------------------------------------------------------------------------------------------------ */

/* Rows between two convolutions: `history` of the past, then those of this frame. */
typedef struct pw_rows {
    int channels, rows, history;
    float *data;
} pw_rows;

typedef struct pw_conv {
    pw_linear w;
    int source, past, stride, dilation, replicate;
    int skip, raw, active; /* buffers; -1: none */
} pw_conv;

typedef struct pw_chain {
    pw_rows *buffers;
    pw_conv *convs;
    int n_buffers, n_convs, input, output;
    int first; /* no frame has come yet */
} pw_chain;

void pw_open_chain(pw_chain *c, pw_arena *arena, int most_convs, int channels, int rows);
/* Adds a convolution of buffer `source`; `active`: elu of the result too. Outputs are the chain's newest buffers. */
typedef struct pw_made {
    int raw, active;
} pw_made;
pw_made pw_add_conv(pw_chain *c, pw_reader *r, int source, int out, int kernel, int stride, int dilation, int replicate,
                    int bias, int skip, int raw, int active);
pw_made pw_add_transpose(pw_chain *c, pw_reader *r, int source, int out, int stride, int raw, int active);
void pw_close_chain(pw_chain *c, pw_arena *arena);
float *pw_rows_of(const pw_chain *c, int buffer);
void pw_run_chain(pw_chain *c, const pw_prepared *prepared);
void pw_forget_chain(pw_chain *c); /* as new */

/* seanet.c: both directions of the codec's convolutions */
void pw_seanet_decoder(pw_chain *c, pw_reader *r, const pw_shape_seanet *s, int rows);
void pw_seanet_encoder(pw_chain *c, pw_reader *r, const pw_shape_seanet *s, int rows);

/* --- noise.c ------------------------------------------------------------------------------------------------- */

/* NumPy's PCG64 behind a SeedSequence, and what Generator draws of it. */
typedef struct pw_random {
    uint64_t state[2], increment[2]; /* high, low */
    uint32_t kept;                   /* the upper half of the last number, if has_kept */
    int has_kept;
} pw_random;

void pw_random_seed(pw_random *r, const uint32_t *words, int n);
void pw_random_normal(pw_random *r, float *out, int n); /* standard_normal(dtype=float32) */
double pw_random_double(pw_random *r);                  /* random() */
/* temperature: variance; clamp: no noise beyond plus or minus it, drawn by inversion, 0: none */
void pw_noise(pw_random *r, float *out, int n, double temperature, double clamp);

#endif
