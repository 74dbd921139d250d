// The one product of all linear layers and convolutions:
//     v = (sum over k of x[row][k] w[column][k] + bias) * scale + skip;  y = v;  a = activation(v)
// Row r of `rows` is row t = r % per_stream of stream r / per_stream. k runs over taps of `channels` each:
// x[row][k] = x[stream * x_stream + t * x_row + k / channels * x_tap + k % channels].
//
// A block makes a tile; each of its warps sums a slice of k, and the slices are added up in order. How many slices
// there are depends on k alone, so that tiles of all shapes have the same sums.

struct Operands {
    const float *x;
    long long x_stream, x_row, x_tap;
    int channels, k;
    const void *w;
    int columns;
    const float *bias, *scale;
    long long scale_row;
    const float *skip;
    long long skip_stream, skip_row;
    float *y;
    long long y_stream, y_row;
    float *a;
    long long a_stream, a_row;
    int stored, activation;
    const float *snake;
    int rows, per_stream;
};

static __device__ __forceinline__ const float *pf_row(const Operands &o, int row) {
    return o.x + row / o.per_stream * o.x_stream + row % o.per_stream * o.x_row;
}

static __device__ __forceinline__ long long pf_column(const Operands &o, int k) {
    return k < o.channels ? k : k / o.channels * o.x_tap + k % o.channels;
}

// What the slices of a tile add up to, out of `parts` of it that lie in order in shared memory.
template <int ROWS, int COLUMNS>
static __device__ void pf_finish(const Operands &o, const float *parts, int count, int row0, int column0) {
    for (int i = threadIdx.x; i < ROWS * COLUMNS; i += blockDim.x) {
        const int row = row0 + i / COLUMNS, column = column0 + i % COLUMNS;
        if (row >= o.rows || column >= o.stored) continue;
        const int stream = row / o.per_stream, t = row % o.per_stream;
        float v = 0.0f;
        for (int p = 0; p < count; p++) v += parts[p * ROWS * COLUMNS + i];
        if (o.bias) v += o.bias[column];
        if (o.scale) v *= o.scale[row * o.scale_row + column];
        if (o.skip) v += o.skip[stream * o.skip_stream + t * o.skip_row + column];
        if (o.y) o.y[stream * o.y_stream + t * o.y_row + column] = v;
        if (o.a)
            o.a[stream * o.a_stream + t * o.a_row + column] = pf_activate(o.activation, v, o.snake, column, o.columns);
    }
}

// What of k this warp sums: [begin, end) of blocks of 32.
static __device__ __forceinline__ void pf_slice(int k, int *begin, int *end) {
    const int warps = blockDim.x / 32, warp = threadIdx.x / 32, blocks = (k + 31) / 32;
    const int each = (blocks + warps - 1) / warps;
    *begin = min(warp * each, blocks);
    *end = min(*begin + each, blocks);
}

// In float32. Of a block of 32 k's a lane takes 8, of two columns, of all rows.
template <class W, int ROWS>
static __device__ void pf_product(const Operands &o) {
    constexpr int COLUMNS = 16, MOST_PARTS = 32;
    PF_SHARED(float, parts, MOST_PARTS * ROWS * COLUMNS);
    const int lane = threadIdx.x % 32, warp = threadIdx.x / 32, column = lane / 4, part = lane % 4;
    const int row0 = blockIdx.x * ROWS, column0 = blockIdx.y * COLUMNS, rows = min(ROWS, o.rows - row0);
    const bool both = column0 + column + 8 < o.columns;    // columns come in eights
    const W *w = static_cast<const W *>(o.w) + (column0 + column) * static_cast<long long>(o.k);
    const float *x[ROWS];
    float sums[2][ROWS] = {};
    int begin, end;
    for (int r = 0; r < ROWS; r++) x[r] = pf_row(o, row0 + min(r, rows - 1));
    pf_slice(o.k, &begin, &end);
    for (int block = begin; block < end; block++) {
        const int k = 32 * block + 8 * part;
        if (k >= o.k) continue;
        const long long at = pf_column(o, k);
        float first[8], second[8] = {}, given[8];
        pf_load8(first, w + k);
        if (both) pf_load8(second, w + 8 * static_cast<long long>(o.k) + k);
        for (int r = 0; r < ROWS; r++) {
            pf_load8(given, x[r] + at);
            for (int i = 0; i < 8; i++) {
                sums[0][r] = fmaf(given[i], first[i], sums[0][r]);
                sums[1][r] = fmaf(given[i], second[i], sums[1][r]);
            }
        }
    }
    for (int c = 0; c < 2; c++)
        for (int r = 0; r < ROWS; r++)
            parts[((4 * warp + part) * ROWS + r) * COLUMNS + column + 8 * c] = sums[c][r];
    __syncthreads();
    pf_finish<ROWS, COLUMNS>(o, parts, 4 * (blockDim.x / 32), row0, column0);
}

// x rounded to bfloat16, times bfloat16, summed in float32, by the tensor cores. A lane loads 8 neighbours in k of its
// rows and columns, which is two instructions' worth: which k is called which does not matter to the sum.
template <int TALL, int WIDE>
static __device__ void pf_product_dot(const Operands &o) {
    constexpr int ROWS = 16 * TALL, COLUMNS = 8 * WIDE, MOST_PARTS = 8;
    PF_SHARED(float, parts, MOST_PARTS * ROWS * COLUMNS);
    const int lane = threadIdx.x % 32, warp = threadIdx.x / 32, own = lane / 4, part = lane % 4;
    const int row0 = blockIdx.x * ROWS, column0 = blockIdx.y * COLUMNS;
    const float *x[2 * TALL];
    const u16 *w[WIDE];
    float sums[TALL][WIDE][4] = {};
    int begin, end;
    for (int r = 0; r < 2 * TALL; r++) x[r] = pf_row(o, min(row0 + own + 8 * r, o.rows - 1));
    for (int c = 0; c < WIDE; c++)
        w[c] = static_cast<const u16 *>(o.w) + min(column0 + own + 8 * c, o.columns - 1) * static_cast<long long>(o.k);
    pf_slice(o.k, &begin, &end);
    for (int block = begin; block < end; block++) {
        const int k = 32 * block + 8 * part;
        const bool inside = k < o.k;
        const long long at = inside ? pf_column(o, k) : 0;
        uint4 b[WIDE];
        for (int c = 0; c < WIDE; c++)
            b[c] = inside ? *reinterpret_cast<const uint4 *>(w[c] + k) : make_uint4(0, 0, 0, 0);
        for (int t = 0; t < TALL; t++) {
            float upper[8] = {}, lower[8] = {};
            if (inside) {
                pf_load8(upper, x[2 * t] + at);
                pf_load8(lower, x[2 * t + 1] + at);
            }
            for (int half = 0; half < 2; half++) {
                const float *u = upper + 4 * half, *l = lower + 4 * half;
                const u32 a[4] = {pf_narrow(u[0], u[1]), pf_narrow(l[0], l[1]), pf_narrow(u[2], u[3]),
                                  pf_narrow(l[2], l[3])};
                for (int c = 0; c < WIDE; c++) {
                    const u32 columns[2] = {half ? b[c].z : b[c].x, half ? b[c].w : b[c].y};
                    pf_multiply_tile(sums[t][c], a, columns);
                }
            }
        }
    }
    for (int t = 0; t < TALL; t++)
        for (int c = 0; c < WIDE; c++)
            for (int i = 0; i < 4; i++)
                parts[(warp * ROWS + 16 * t + own + i / 2 * 8) * COLUMNS + 8 * c + 2 * part + i % 2] = sums[t][c][i];
    __syncthreads();
    pf_finish<ROWS, COLUMNS>(o, parts, blockDim.x / 32, row0, column0);
}

#define PF_PRODUCT(name, body)                                                                                       \
    PF_KERNEL void name(const float *x, long long x_stream, long long x_row, long long x_tap, int channels, int k,   \
                        const void *w, int columns, const float *bias, const float *scale, long long scale_row,      \
                        const float *skip, long long skip_stream, long long skip_row, float *y, long long y_stream,  \
                        long long y_row, float *a, long long a_stream, long long a_row, int stored, int activation,  \
                        const float *snake, int rows, int per_stream) {                                              \
        const Operands o = {x,    x_stream,    x_row,    x_tap, channels, k,     w, columns,  bias,                   \
                            scale, scale_row,   skip,     skip_stream, skip_row, y, y_stream, y_row,                  \
                            a,    a_stream,    a_row,    stored, activation, snake, rows, per_stream};                \
        body(o);                                                                                                     \
    }

PF_PRODUCT(product_f32_1, (pf_product<float, 1>))
PF_PRODUCT(product_f32_8, (pf_product<float, 8>))
PF_PRODUCT(product_bf16_1, (pf_product<u16, 1>))
PF_PRODUCT(product_bf16_8, (pf_product<u16, 8>))
PF_PRODUCT(product_dot_16, (pf_product_dot<1, 2>))
PF_PRODUCT(product_dot_32, (pf_product_dot<2, 4>))
