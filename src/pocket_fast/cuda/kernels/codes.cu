// Codes and the vectors that stand for them.

static __device__ __forceinline__ float pf_entry(const void *table, int narrow, long long at) {
    if (!narrow) return static_cast<const float *>(table)[at];
    return __uint_as_float(static_cast<u32>(static_cast<const u16 *>(table)[at]) << 16);
}

// Row codes[stream * codes_row] of a table (rows, width) to y, zeros up to `padded`; it joins sum (streams, padded), or
// begins it. narrow: the table is bfloat16. A code that the table has not is somebody's who is nobody: zeros.
PF_KERNEL void embed_code(float *y, long long y_row, float *sum, int begins, const void *table, int narrow, int rows,
                          int width, int padded, const int *codes, int codes_row) {
    const int stream = blockIdx.y, i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= padded) return;
    const int code = codes[stream * codes_row];
    const bool known = i < width && code >= 0 && code < rows;
    const float v = known ? pf_entry(table, narrow, static_cast<long long>(code) * width + i) : 0.0f;
    float *total = sum + static_cast<long long>(stream) * padded + i;
    y[stream * y_row + i] = v;
    *total = begins ? v : *total + v;
}

// Of every frame, codes (streams, groups), the vector of code 0, and beside it the sum of the others': y (.., 2 width).
// tables (groups, codes, width) float32
PF_KERNEL void embed_frame(float *y, long long y_stream, const float *tables, int groups, int codes, int width,
                           const int *given) {
    const int stream = blockIdx.x;
    for (int i = threadIdx.x; i < 2 * width; i += blockDim.x) {
        const int c = i % width, first = i < width ? 0 : 1, last = i < width ? 1 : groups;
        float sum = 0.0f;
        for (int g = first; g < last; g++) {
            const int code = given[stream * groups + g];
            const bool known = code >= 0 && code < codes;    // or the frame is nobody's
            const float v = known ? tables[(static_cast<long long>(g) * codes + code) * width + c] : 0.0f;
            sum = g == first ? v : sum + v;
        }
        y[stream * y_stream + i] = sum;
    }
}

// The first largest of each row of scores (rows, scores_row), `count` of them, to codes[row * codes_row]; and x (rows,
// x_row) less the vector of the table (count, x_row) that stands there. A block of one warp has a row.
PF_KERNEL void nearest(int *codes, int codes_row, float *x, int x_row, const float *scores, int scores_row, int count,
                       const float *table) {
    const int row = blockIdx.x, lane = threadIdx.x;
    float most = -pf_infinity();
    for (int i = lane; i < count; i += 32) most = fmaxf(most, scores[static_cast<long long>(row) * scores_row + i]);
    most = pf_warp_max(most);
    int first = count;
    for (int i = lane; i < count && first == count; i += 32)
        if (scores[static_cast<long long>(row) * scores_row + i] == most) first = i;
    for (int step = 16; step; step /= 2) first = min(first, __shfl_xor_sync(0xffffffffu, first, step));
    if (lane == 0) codes[row * codes_row] = first;
    if (first == count) return;    // no number at all
    const float *vector = table + static_cast<long long>(first) * x_row;
    for (int i = lane; i < x_row; i += 32) x[static_cast<long long>(row) * x_row + i] -= vector[i];
}
