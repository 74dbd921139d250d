// What a chain of convolutions needs besides products: the past of each stream, and layers that go channel by channel.

// Of every segment, `count` floats between a stream's memory and the buffer that they belong in front of.
// segments (n, 5): address of the buffer, floats from one stream's rows in it to the next's, where in the stream's
// memory, how many, and where the last rows of the buffer begin, behind its first. states: where each stream's memory
// is, 0 for nobody, whose past is zeros. keep: from the end of the buffers to the memory, else to their beginnings.
PF_KERNEL void move_past(const long long *segments, const u64 *states, int keep) {
    const long long *segment = segments + 5 * blockIdx.x;
    const int stream = blockIdx.y, count = static_cast<int>(segment[3]);
    float *buffer = reinterpret_cast<float *>(segment[0]) + stream * segment[1];
    float *memory = states[stream] ? reinterpret_cast<float *>(states[stream]) + segment[2] : nullptr;
    for (int i = threadIdx.x; i < count; i += blockDim.x) {
        if (!keep) buffer[i] = memory ? memory[i] : 0.0f;
        else if (memory) memory[i] = buffer[segment[4] + i];
    }
}

// Where a stream begins (its frame is 0), the `past` rows in front of x are like its first one.
PF_KERNEL void repeat_first(float *x, long long x_stream, int width, int past, const int *frames) {
    const int stream = blockIdx.x;
    if (frames[stream] > 0) return;
    float *first = x + stream * x_stream;
    for (int i = threadIdx.x; i < past * width; i += blockDim.x) first[i - past * width] = first[i % width];
}

// Rows that are missing behind the last one, to complete a stride: like it, or zeros.
PF_KERNEL void repeat_last(float *x, long long x_stream, int width, int rows, int wanted, int replicate) {
    float *last = x + blockIdx.x * x_stream + (rows - 1ll) * width;
    for (int i = threadIdx.x; i < (wanted - rows) * width; i += blockDim.x)
        last[width + i] = replicate ? last[i % width] : 0.0f;
}

// A convolution of each channel alone: y[t][c] = bias[c] + sum over tap of w[tap][c] x[t + tap][c].
// vectors: [taps][channels] and the bias.
PF_KERNEL void depthwise(float *y, long long y_stream, const float *x, long long x_stream, const float *vectors,
                         int taps, int channels, int per_stream, int streams) {
    const int i = blockIdx.x * blockDim.x + threadIdx.x, each = per_stream * channels;
    if (i >= streams * each) return;
    const int stream = i / each, at = i % each, c = at % channels;
    const float *from = x + stream * x_stream + at;
    float v = vectors[taps * channels + c];
    for (int tap = 0; tap < taps; tap++) v = fmaf(vectors[tap * channels + c], from[tap * channels], v);
    y[stream * y_stream + at] = v;
}

// The same the other way, of 2 strides: y[t * stride + j][c] = w[0][j][c] x[t - 1][c] + w[1][j][c] x[t][c]
PF_KERNEL void upsample(float *y, long long y_stream, const float *x, long long x_stream, const float *w, int stride,
                        int channels, int per_stream, int streams) {
    const int i = blockIdx.x * blockDim.x + threadIdx.x, each = per_stream * stride * channels;
    if (i >= streams * each) return;
    const int stream = i / each, at = i % each, c = at % channels;
    const int j = at / channels % stride, t = at / channels / stride;
    const float *now = x + stream * x_stream + t * static_cast<long long>(channels) + c;
    y[stream * y_stream + at] = fmaf(w[j * channels + c], now[-channels], w[(stride + j) * channels + c] * now[0]);
}

// Out of rows of `width` into `channels` each, or the other way, with zeros: what comes in and what goes out.
PF_KERNEL void repack(float *y, long long y_stream, int y_width, const float *x, long long x_stream, int x_width,
                      int per_stream, int streams) {
    const int i = blockIdx.x * blockDim.x + threadIdx.x, each = per_stream * y_width;
    if (i >= streams * each) return;
    const int stream = i / each, t = i % each / y_width, c = i % y_width;
    const float *from = x + stream * x_stream + t * static_cast<long long>(x_width);
    y[stream * y_stream + i % each] = c < x_width ? from[c] : 0.0f;
}
