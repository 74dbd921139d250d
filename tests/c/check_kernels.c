/* The kernels of every instruction set of a build that this CPU can run, against double precision and, for products
 * of integers, against the specification bit for bit; without Python: for machines and emulators where only a C
 * compiler is at hand. tools/check_arm64.sh builds it and runs it under qemu.
 *
 * Prints a line per kernel, and for each instruction set a number that stands for every bit that it computed; exit
 * code 1 if any figure is out of its bound. Compile with -ffp-contract=off. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pf_kernels.h"

static pf_kernels K;
static uint64_t bits; /* FNV-1a of all results */

enum { MOST_ROWS = 40, MOST_N = 131, MOST_K = 140, GUARD = 16, GROUPS = 5, ROW = 3 * (MOST_K + 4) };
static const float MARK = -12345.0f;
static int failures;

static float uniform(void) { return (float)rand() / (float)RAND_MAX * 2.0f - 1.0f; }
static void record(const float *results, int n) {
    const unsigned char *bytes = (const unsigned char *)results;
    for (size_t i = 0; i < (size_t)n * sizeof(float); i++) bits = (bits ^ bytes[i]) * 1099511628211u;
}
static void report(const char *name, double worst, double bound) {
    const int ok = worst <= bound; /* false for NaN too */
    printf("%-13s %-10s worst %.2e, bound %.0e%s\n", K.isa, name, worst, bound, ok ? "" : "  FAILED");
    failures += !ok;
}
static float bf16(float x) { /* to nearest even */
    uint32_t u;
    memcpy(&u, &x, 4);
    u = (u + 0x7fff + (u >> 16 & 1)) & 0xffff0000u;
    memcpy(&x, &u, 4);
    return x;
}
static double activation(int which, double v) {
    switch (which) {
    case PF_ELU: return v > 0 ? v : expm1(v);
    case PF_GELU: return 0.5 * v * (1 + tanh(sqrt(2 / acos(-1)) * (v + 0.044715 * v * v * v)));
    case PF_SILU: return v / (1 + exp(-v));
    case PF_ERF_GELU: return 0.5 * v * erfc(-v / sqrt(2));
    case PF_RELU: return fmax(v, 0);
    case PF_CLAMP: return fmax(-1, fmin(1, v));
    default: return v;
    }
}

/* One product of a kind: random shape, random epilogue, and again row by row, which must give the same bits. */
static double check_gemm(int kind, int m, int n, int k) {
    static float x[MOST_ROWS * MOST_K], w[MOST_N * MOST_K], bias[MOST_N], skip[MOST_ROWS * MOST_N];
    static float y[MOST_ROWS * MOST_N + GUARD], a[MOST_ROWS * MOST_N + GUARD], one[MOST_N];
    static char packed[5 * 32 * (MOST_K * 4 + 8) + 64];
    static int8_t q[MOST_ROWS * ROW];
    static int qw[MOST_N * MOST_K];
    static float q_scale[MOST_ROWS], w_scale[MOST_N];
    static uint16_t narrow[MOST_ROWS * MOST_K + 1], stored[MOST_N * MOST_K];
    const int whole = kind == PF_INT8 || kind == PF_INT4; /* numbers */
    const int panels = kind == PF_ROWS ? 1 : (n + PF_PANEL - 1) / PF_PANEL, fours = (k + 3) / 4;
    for (int i = 0; i < m * k; i++) x[i] = uniform();
    for (int i = 0; i < n * k; i++) w[i] = kind == PF_BF16 || kind == PF_DOT ? bf16(uniform()) : uniform();
    for (int i = 0; i < n; i++) bias[i] = uniform();
    for (int i = 0; i < m * n; i++) skip[i] = uniform();
    for (int i = 0; i < m * n + GUARD; i++) y[i] = a[i] = MARK;
    for (int i = 0; i < n * k; i++) {
        uint32_t u;
        memcpy(&u, &w[i], 4);
        stored[i] = (uint16_t)(u >> 16);
    }
    pf_gemm g = {.x = x, .x_row = k, .w = packed, .bias = bias, .skip = skip, .skip_row = n, .y = y, .y_row = n,
                 .a = a, .a_row = n, .k = k, .taps = 1, .n = n, .activation = PF_GELU};
    for (int p = 0; p < panels; p++) {
        const float *rows[PF_PANEL];
        const uint16_t *halves[PF_PANEL];
        for (int j = 0; j < PF_PANEL; j++) {
            const int r = p * PF_PANEL + j;
            rows[j] = r < n ? w + r * k : NULL;
            halves[j] = r < n ? stored + r * k : NULL;
        }
        if (kind == PF_F32) {
            g.w_panel = 4 * 32 * k;
            K.pack_f32((float *)(packed + p * g.w_panel), rows, k);
        } else if (kind == PF_INT8) {
            static int8_t integers[PF_PANEL][MOST_K];
            const int8_t *quantized[PF_PANEL];
            float scales[PF_PANEL];
            for (int j = 0; j < PF_PANEL; j++) {
                quantized[j] = rows[j] ? integers[j] : NULL;
                if (rows[j]) scales[j] = K.quantize_weight(integers[j], rows[j], k);
            }
            g.w_panel = 8 * 32 + 32 * 4 * fours;
            K.pack_int8(packed + p * g.w_panel, quantized, scales, k);
        } else if (kind == PF_INT4) {
            static uint8_t nibbles[PF_PANEL][16 * GROUPS];
            static int8_t lines[PF_PANEL][2 * GROUPS];
            const uint8_t *quantized[PF_PANEL];
            const int8_t *their_lines[PF_PANEL];
            float scales[PF_PANEL];
            for (int j = 0; j < PF_PANEL; j++) {
                quantized[j] = rows[j] ? nibbles[j] : NULL;
                their_lines[j] = lines[j];
                if (!rows[j]) continue;
                scales[j] = w_scale[p * PF_PANEL + j] = K.quantize_weight_int4(nibbles[j], lines[j], rows[j], k);
                for (int c = 0; c < k; c++) { /* how many scales each weight is */
                    const int8_t *line = lines[j] + c / PF_GROUP * 2;
                    const uint8_t byte = nibbles[j][c / 8 * 4 + c % 4];
                    qw[(p * PF_PANEL + j) * k + c] = line[0] * ((c % 8 < 4 ? byte & 15 : byte >> 4) - 8) - 8 * line[1];
                    if (fabsf(w_scale[p * PF_PANEL + j] * (float)qw[(p * PF_PANEL + j) * k + c] - rows[j][c]) > 0.25f)
                        return NAN; /* an eighth of the width is the most that a line leaves out */
                }
            }
            g.w_panel = 4 * 32 + (k + PF_GROUP - 1) / PF_GROUP * 32 * 18;
            K.pack_int4(packed + p * g.w_panel, quantized, their_lines, scales, k);
        } else if (kind != PF_ROWS) {
            g.w_panel = 4 * 32 * ((k + 1) / 2);
            K.pack_bf16((uint16_t *)(packed + p * g.w_panel), halves, k, 1);
        }
    }
    if (kind == PF_ROWS) memcpy(packed, w, sizeof(float) * (size_t)(n * k));
    if (whole) {
        g.q = q;
        g.q_row = ROW;
        g.q_scale = q_scale;
        for (int r = 0; r < m; r++)
            q_scale[r] = (kind == PF_INT8 ? K.quantize : K.quantize_row_int4)(q + r * g.q_row, x + r * k, k);
    }
    if (kind == PF_INT8)
        for (int j = 0; j < n; j++) { /* the integers and scales the packing must have found */
            float top = 0;
            for (int c = 0; c < k; c++) top = fmaxf(top, fabsf(w[j * k + c]));
            w_scale[j] = top / 127;
            for (int c = 0; c < k; c++) qw[j * k + c] = (int)rint(w[j * k + c] * (127 / top));
        }
    if (kind == PF_DOT) {
        K.narrow_bf16(narrow, x, m * k);
        narrow[m * k] = 0;
        g.q = narrow;
    }
    K.gemm[kind](&g, 0, m, 0, panels);

    double worst = 0;
    for (int r = 0; r < m; r++) {
        float top = 0;
        for (int c = 0; c < k; c++) top = fmaxf(top, fabsf(x[r * k + c]));
        for (int j = 0; j < n; j++) {
            double sum = 0;
            for (int c = 0; c < k; c++) {
                const float xc = x[r * k + c];
                if (whole) sum += rint(xc * (127 / top)) * qw[j * k + c]; /* an integer: exact */
                else sum += (double)(kind == PF_DOT ? bf16(xc) : xc) * w[j * k + c];
            }
            if (whole) { /* scaled once, in float32 */
                const float scaled = (float)sum * (top / 127 * w_scale[j]);
                if (y[r * n + j] != scaled + bias[j] + skip[r * n + j]) worst = NAN;
                sum = scaled;
            }
            const double v = sum + bias[j] + skip[r * n + j];
            worst = fmax(worst, fabs(y[r * n + j] - v));
            worst = fmax(worst, fabs(a[r * n + j] - activation(PF_GELU, v)));
        }
    }
    for (int i = m * n; i < m * n + GUARD; i++)
        if (y[i] != MARK || a[i] != MARK) worst = NAN;
    record(y, m * n);
    record(a, m * n);
    g.a = NULL;
    g.y = one;
    for (int r = 0; r < m; r++) { /* alone, and panel by panel */
        pf_gemm row = g;
        row.x = x + r * k;
        row.skip = skip + r * n;
        if (whole) {
            row.q = q + r * g.q_row;
            row.q_scale = q_scale + r;
        }
        if (kind == PF_DOT) row.q = narrow + r * k;
        for (int p = 0; p < panels; p++) K.gemm[kind](&row, 0, 1, p, p + 1);
        if (memcmp(one, y + r * n, sizeof(float) * (size_t)n)) worst = NAN;
    }
    return worst;
}

static void check_products(void) {
    static const struct {
        int kind;
        const char *name;
        double bound;
    } kinds[] = {{PF_F32, "f32", 2e-5}, {PF_BF16, "bf16", 2e-5}, {PF_ROWS, "rows", 2e-5},
                 {PF_INT8, "int8", 2e-5}, {PF_INT4, "int4", 2e-5}, {PF_DOT, "dot", 5e-5}};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        double worst = 0;
        if (!K.gemm[kinds[i].kind]) {
            printf("%-13s %-10s not in this instruction set\n", K.isa, kinds[i].name);
            continue;
        }
        for (int round = 0; round < 150; round++) {
            const int m = 1 + rand() % MOST_ROWS, k = 1 + rand() % MOST_K;
            const int n = 1 + rand() % (kinds[i].kind == PF_ROWS ? PF_FEW : MOST_N);
            const double one = check_gemm(kinds[i].kind, m, n, k);
            worst = one > worst || one != one ? one : worst;
            if (one != one) break;
        }
        report(kinds[i].name, worst, kinds[i].bound);
    }
}

static void check_rowwise(void) {
    float x[200], y[200], w[200], b[200], s[200], t[200], factors[400];
    const float packed[1] = {0};
    double worst_norm = 0, worst_rms = 0, worst_soft = 0, worst_act = 0, worst_snake = 0, worst_rope = 0, worst_dw = 0;
    for (int round = 0; round < 200; round++) {
        const int n = 1 + rand() % 200;
        double mean = 0, var = 0, square = 0;
        for (int i = 0; i < n; i++) {
            x[i] = 3 * uniform();
            w[i] = uniform(), b[i] = uniform(), s[i] = uniform(), t[i] = uniform();
            mean += x[i] / (double)n;
            square += (double)x[i] * x[i] / n;
        }
        for (int i = 0; i < n; i++) var += (x[i] - mean) * (x[i] - mean) / n;
        K.norm(y, x, n, 1e-5f, w, b, s, t);
        record(y, n);
        for (int i = 0; i < n; i++) {
            const double v = ((x[i] - mean) / sqrt(var + 1e-5f) * w[i] + b[i]) * (1 + (double)s[i]) + t[i];
            if (n > 2) worst_norm = fmax(worst_norm, fabs(y[i] - v));
        }
        K.rms_norm(y, x, n, 1e-5f, w);
        record(y, n);
        for (int i = 0; i < n; i++) worst_rms = fmax(worst_rms, fabs(y[i] - x[i] / sqrt(square + 1e-5f) * w[i]));
        for (int which = PF_ELU; which < PF_SNAKE; which++) {
            pf_gemm g = {.w = packed, .skip = x, .a = y, .taps = 1, .n = n, .activation = which};
            K.gemm[PF_F32](&g, 0, 1, 0, (n + PF_PANEL - 1) / PF_PANEL); /* nothing but an epilogue */
            record(y, n);
            for (int i = 0; i < n; i++) worst_act = fmax(worst_act, fabs(y[i] - activation(which, x[i])));
        }
        for (int i = 0; i < n; i++) factors[i] = 3000 * w[i], factors[n + i] = 1e9f;
        pf_gemm g = {.w = packed, .skip = x, .a = y, .taps = 1, .n = n, .activation = PF_SNAKE, .snake = factors};
        K.gemm[PF_F32](&g, 0, 1, 0, (n + PF_PANEL - 1) / PF_PANEL);
        record(y, n);
        for (int i = 0; i < n; i++) {
            const float phase = x[i] * factors[i];
            worst_snake = fmax(worst_snake, fabs(y[i] * 1e-9 - sin(phase) * sin(phase) - x[i] * 1e-9));
        }
        const int taps = 1 + rand() % 7, channels = n / taps;
        K.depthwise(y, x, w, b, channels, taps);
        record(y, channels);
        for (int c = 0; c < channels; c++) {
            double v = b[c];
            for (int tap = 0; tap < taps; tap++) v += (double)w[tap * channels + c] * x[tap * channels + c];
            worst_dw = fmax(worst_dw, fabs(y[c] - v));
        }
        const int half = n / 2;
        memcpy(y, x, sizeof x);
        for (int i = 0; i < half; i++) s[i] = cosf((float)i), t[i] = sinf((float)i);
        K.rope(y, s, t, half);
        record(y, 2 * half);
        for (int i = 0; i < half; i++) {
            worst_rope = fmax(worst_rope, fabs(y[i] - ((double)x[i] * s[i] - (double)x[half + i] * t[i])));
            worst_rope = fmax(worst_rope, fabs(y[half + i] - ((double)x[i] * t[i] + (double)x[half + i] * s[i])));
        }
        const int a0 = rand() % 20, a1 = a0 + 1 + rand() % 40, b0 = a1 + rand() % 9, b1 = b0 + rand() % 40;
        for (int i = 0; i < 128; i++) y[i] = x[i] = (i >= a0 && i < a1) || (i >= b0 && i < b1) ? 8 * uniform() : NAN;
        double sum = 0;
        for (int i = 0; i < 128; i++) sum += isnan(x[i]) ? 0 : exp(0.5 * x[i]);
        K.softmax(y, 128, 0.5f, a0, a1, b0, b1);
        record(y, 128);
        for (int i = 0; i < 128; i++) {
            if (isnan(x[i]) && y[i] != 0) worst_soft = NAN; /* masked places are exactly zero */
            if (!isnan(x[i])) worst_soft = fmax(worst_soft, fabs(y[i] - exp(0.5 * x[i]) / sum));
        }
    }
    report("norm", worst_norm, 2e-4); /* a short row may have a tiny variance */
    report("rms_norm", worst_rms, 2e-6);
    report("activate", worst_act, 1e-6);
    report("snake", worst_snake, 4e-7);
    report("depthwise", worst_dw, 5e-6);
    report("rope", worst_rope, 1e-6);
    report("softmax", worst_soft, 1e-6);
}

int main(void) {
    for (int i = 0; i < pf_isa_count(); i++) {
        if (!pf_isa_usable(i)) continue;
        K = *pf_isa_table(i);
        bits = 14695981039346656037u;
        srand(1);
        check_products();
        check_rowwise();
        printf("%-13s results    %016llx\n", K.isa, (unsigned long long)bits);
    }
    return failures != 0;
}
