// Norms of rows, a warp for each; and what else goes row by row.

// y = (x - mean) / sqrt(var + eps) [* weight + bias] [* (1 + scale) + shift], or x / sqrt(mean(x^2) + eps) * weight.
// Zeros from `width` to the end of the row, `padded`. y may be x.
PF_KERNEL void norm_rows(float *y, long long y_stream, long long y_row, const float *x, long long x_stream,
                         long long x_row, int width, int padded, float eps, const float *weight, const float *bias,
                         const float *scale, const float *shift, long long modulation_row, int rms, int rows,
                         int per_stream) {
    const int row = blockIdx.x * (blockDim.x / 32) + threadIdx.x / 32, lane = threadIdx.x % 32;
    if (row >= rows) return;
    const int stream = row / per_stream, t = row % per_stream;
    const float *from = x + stream * x_stream + t * x_row;
    float *to = y + stream * y_stream + t * y_row;
    float sum = 0.0f, mean = 0.0f;
    if (!rms) {
        for (int i = lane; i < width; i += 32) sum += from[i];
        mean = pf_warp_sum(sum) / width;
    }
    sum = 0.0f;
    for (int i = lane; i < width; i += 32) sum = fmaf(from[i] - mean, from[i] - mean, sum);
    const float inverse = 1.0f / sqrtf(pf_warp_sum(sum) / width + eps);
    for (int i = lane; i < padded; i += 32) {
        float v = 0.0f;
        if (i < width) {
            v = (from[i] - mean) * inverse;
            if (weight) v *= weight[i];
            if (bias) v += bias[i];
            if (scale) v = fmaf(v, 1.0f + scale[row * modulation_row + i], shift[row * modulation_row + i]);
        }
        to[i] = v;
    }
}

// y = x * scale + shift, in rows of `width`
PF_KERNEL void affine_rows(float *y, long long y_stream, const float *x, long long x_stream, const float *scale,
                           const float *shift, int width, int rows) {
    const int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= rows * width) return;
    const int row = i / width, column = i % width;
    y[row * y_stream + column] = fmaf(x[row * x_stream + column], scale[column], shift[column]);
}
