/* pf_kernels.h: the contract of the micro-kernels. One table of these functions per instruction set.
 *
 * Rules for every kernel: no allocation, no threads, no I/O, no global state; float32 arithmetic;
 * any alignment; outputs never alias inputs unless a comment says so.
 *
 * Determinism: each output is one sum, taken in order of k by one accumulator. It therefore has the
 * same bits whatever the number of rows in the call, the split into panels, or the row block it
 * falls into. Everything above relies on this (batching, threads, grouping of frames).
 */
#ifndef PF_KERNELS_H
#define PF_KERNELS_H

#include <stddef.h>
#include <stdint.h>

/* Weights and key/value caches are cut into panels of PF_PANEL output channels, P below:
 *   f32   panel[k][P]
 *   bf16  panel[k / 2][P][2]      (k rounded up to even in each tap, zero padded)
 * A panel is one contiguous stream; the channels past n in the last panel are zero. A matrix of at most
 * PF_FEW outputs stays as rows of float32: [n][taps * k], counted as one panel.
 *   int8  panel{ float scale[P]; int32 offset[P]; int8 [k / 4][P][4] }   (k rounded up to 4; one tap)
 *         weight = scale * int8, int8 in [-127, 127]; offset = -128 * sum of the channel's int8
 * PF_DOT is the bf16 packing, multiplied with inputs rounded to bf16 as well.
 *   int4  panel{ float scale[P]; for each group of PF_GROUP inputs { int8 line[P][2]; uint8 [4][P][4] } }
 *         byte i of four holds inputs 8 j + i (low nibble) and 8 j + 4 + i (high) of the group, j = 0..3; one tap, at
 *         most PF_INT4_MOST inputs, or sums would not fit 32 bits.
 *         weight = scale * (step * (nibble - 8) - 8 * offset), line = {step, offset}, both in [-127, 127]: a whole
 *         number of scales, so sums are exact and the same on every instruction set. */
#ifdef PF_WEB /* csrc/web: a panel's row is then one cache line, which matters where nothing can be prefetched */
enum { PF_PANEL = 16, PF_FEW = 4 };
#else
enum { PF_PANEL = 32, PF_FEW = 4 };
#endif
enum { PF_GROUP = 32, PF_INT4_MOST = 8192 };
enum { PF_READ = 128 }; /* floats that `sum` takes at a time */

enum pf_weight_kind {
    PF_F32 = 0, PF_BF16 = 1, PF_ROWS = 2, PF_INT8 = 3, PF_DOT = 4, PF_INT4 = 5, PF_WEIGHT_KINDS = 6
};

/* PF_GELU is its tanh form, PF_ERF_GELU the exact one; PF_CLAMP: to [-1, 1]; PF_SNAKE: see pf_gemm.snake. */
enum pf_activation {
    PF_NONE = 0, PF_ELU = 1, PF_GELU = 2, PF_SILU = 3, PF_ERF_GELU = 4, PF_RELU = 5, PF_CLAMP = 6, PF_SNAKE = 7,
    PF_ACTIVATIONS = 8
};

/* One matrix product with its epilogue. For row t and output channel j:
 *   s = sum over tap, c of x[t * x_row + tap * x_tap + c] * w[j][tap * k + c]
 *   v = (s + bias[j]) * scale[t * scale_row + j] + skip[t * skip_row + j]
 *   y[t * y_row + j] = v;  a[t * a_row + j] = activation(v)
 * bias, scale and skip may be NULL (0, 1, 0); y or a may be NULL (not wanted). y may be scale or skip.
 * A convolution is this with overlapping rows (x_row = stride * channels); see cpu/conv.pyx. */
typedef struct pf_gemm {
    const float *x;
    ptrdiff_t x_row, x_tap;
    const void *q;         /* PF_INT8, PF_INT4, PF_DOT: the rows of x as `prepare` made them, instead of x */
    ptrdiff_t q_row;       /* PF_INT8, PF_INT4: bytes from row to row; PF_DOT keeps the pitch of x, in elements */
    const float *q_scale;  /* PF_INT8, PF_INT4: one per row */
    const void *w;
    ptrdiff_t w_panel; /* bytes from one panel to the next */
    const float *bias, *scale, *skip;
    ptrdiff_t scale_row, skip_row;
    float *y, *a;
    ptrdiff_t y_row, a_row;
    int k, taps, n; /* k: inputs per tap; n: output channels */
    int activation;
    const float *snake; /* PF_SNAKE: f[n] and then g[n] of v + g[j] * sin(f[j] * v)^2 */
    int lane;              /* 0; or the rows are those of several lanes, so many of each: row t of lane l is row */
    ptrdiff_t lane_floats; /* l * lane + t of x, but skip, y and a of a lane begin so much behind the last one's */
} pf_gemm;

typedef struct pf_kernels {
    const char *isa;
    int tile_rows; /* rows a tile holds: row splits that are multiples of this waste nothing */

    /* rows [row0, row1) of panels [panel0, panel1); one entry per weight kind, NULL where the
     * instruction set has no such product (PF_DOT) */
    void (*gemm[PF_WEIGHT_KINDS])(const pf_gemm *g, int row0, int row1, int panel0, int panel1);

    /* x = scale * q, q in [-127, 127], scale = max |x| / 127; zeros up to the next multiple of 4 of k, all
     * in the form that this instruction set's PF_INT8 product reads: so many inputs times q_bytes. Returns the scale. */
    int q_bytes;
    float (*quantize)(int8_t *q, const float *x, int k);
    /* the same integers for PF_INT4, signed; zeros up to whole groups; behind them two int16 for each group, both
     * -8 times the sum of its integers. Returns the scale. */
    float (*quantize_row_int4)(int8_t *q, const float *x, int k);
    /* y = x rounded to bf16, to nearest even; NULL where PF_DOT is */
    void (*narrow_bf16)(uint16_t *y, const float *x, ptrdiff_t n);

    /* y = (x - mean) / sqrt(var + eps) [* weight + bias] [* (1 + scale) + shift]; biased variance.
     * weight and bias, scale and shift come in pairs and may be NULL. y may be x. */
    void (*norm)(float *y, const float *x, int n, float eps, const float *weight, const float *bias,
                 const float *scale, const float *shift);

    /* y = x / sqrt(mean(x^2) + eps) * weight. y may be x. */
    void (*rms_norm)(float *y, const float *x, int n, float eps, const float *weight);

    /* In place on one head of 2 * half floats, real parts first: (re + i im) * (cos + i sin). */
    void (*rope)(float *x, const float *cos, const float *sin, int half);

    /* In place over p[0..n), n a multiple of PF_PANEL: softmax(scale * p) over the valid places
     * [a0, a1) and [b0, b1), zero elsewhere. a1 <= b0 unless the second is empty; one is not.
     * What stood in the other places is ignored. scale > 0. */
    void (*softmax)(float *p, int n, float scale, int a0, int a1, int b0, int b1);

    /* y[i] = x[i] * scale[i] + shift[i]; y may be x */
    void (*affine)(float *y, const float *x, const float *scale, const float *shift, int n);

    /* Depthwise transposed convolution, kernel 2 * stride, one input step:
     * y[j][c] = w_old[j][c] * old[c] + w_new[j][c] * now[c],  j < stride */
    void (*upsample)(float *y, const float *old, const float *now, const float *w_old, const float *w_new,
                     int channels, int stride);

    /* Depthwise convolution, one output row: y[c] = bias[c] + sum over tap of w[tap][c] * x[tap][c] */
    void (*depthwise)(float *y, const float *x, const float *w, const float *bias, int channels, int taps);

    /* One panel of packed weights from up to PF_PANEL rows of a row-major matrix [n][taps * k].
     * rows[j] points at the source row of channel j or is NULL (zero channel). */
    void (*pack_f32)(float *panel, const float *const *rows, int k);
    void (*pack_bf16)(uint16_t *panel, const uint16_t *const *rows, int k, int taps);
    /* the integers and scale that stand for a row of weights: as quantize, but signed and not padded; the
     * same on every instruction set */
    float (*quantize_weight)(int8_t *q, const float *x, int k);
    /* from rows of such integers; scales[j] belongs to rows[j] and is not read where that is NULL */
    void (*pack_int8)(void *panel, const int8_t *const *rows, const float *scales, int k);
    /* a row of weights as PF_INT4 has it: q[groups][16] nibbles, lines[groups][2]. Returns the scale. The same on every
     * instruction set. */
    float (*quantize_weight_int4)(uint8_t *q, int8_t *lines, const float *x, int k);
    void (*pack_int4)(void *panel, const uint8_t *const *rows, const int8_t *const *lines, const float *scales, int k);

    /* What the products are measured against: `rounds` times as many multiply-adds of that kind as a tile has sums, in
     * registers alone. Returns the operations done, two for each product of two numbers. For PF_F32, PF_INT8 and PF_DOT;
     * NULL for the others and where `gemm` is. */
    double (*peak[PF_WEIGHT_KINDS])(int rounds);
    /* the sum of n floats, n a multiple of PF_READ, at the speed at which they can be read */
    float (*sum)(const float *x, ptrdiff_t n);
} pf_kernels;

/* pf_isa.c: the tables in this build, best first. */
int pf_isa_count(void);
const char *pf_isa_name(int i);
int pf_isa_usable(int i);                  /* this CPU and operating system can run it */
const pf_kernels *pf_isa_table(int i);

#endif
