// Causal attention over keys and values that lie in pages, for rows of many streams, each at its own position.
//
// A page holds `page` positions: [layers][keys, values][key heads][page][width]. Where the pages of stream s lie,
// tables[s * pitch + p / page] says for position p; of a ring, tables[s * pitch] for all, p modulo page.
// streams[row], positions[row]: whose row it is and where; position -1: nobody's, which leaves no trace.

static __device__ __forceinline__ float *pf_place(const u64 *tables, int pitch, int stream, int position, int page,
                                                  int ring, int layer, int values, int kv_heads, int head, int width) {
    const u64 base = tables[static_cast<long long>(stream) * pitch + (ring ? 0 : position / page)];
    const long long at = ((2ll * layer + values) * kv_heads + head) * page + position % page;
    return reinterpret_cast<float *>(base) + at * width;
}

// Turns the queries of qkv (rows, heads + 2 kv_heads, width) in place, and remembers keys, turned, and values.
// q_norm, k_norm: weights of an RMS norm of each head before it is turned, or null. freqs (width / 2,).
// A block of one warp has one head of one row.
PF_KERNEL void remember(float *qkv, long long qkv_row, const u64 *tables, int pitch, const int *streams,
                        const int *positions, int page, int ring, int layer, int heads, int kv_heads, int width,
                        const float *freqs, int interleaved, const float *q_norm, const float *k_norm, float eps) {
    const int row = blockIdx.x, head = blockIdx.y, lane = threadIdx.x, half = width / 2, position = positions[row];
    if (position < 0) return;
    float *x = qkv + row * qkv_row + head * width, *to = x;
    const bool is_value = head >= heads + kv_heads;
    if (head >= heads) {
        const int own = is_value ? head - heads - kv_heads : head - heads;
        to = pf_place(tables, pitch, streams[row], position, page, ring, layer, is_value, kv_heads, own, width);
    }
    if (is_value) {
        for (int i = lane; i < width; i += 32) to[i] = x[i];
        return;
    }
    const float *weight = head < heads ? q_norm : k_norm;
    float inverse = 1.0f;
    if (weight) {
        float sum = 0.0f;
        for (int i = lane; i < width; i += 32) sum = fmaf(x[i], x[i], sum);
        inverse = 1.0f / sqrtf(pf_warp_sum(sum) / width + eps);
    }
    for (int i = lane; i < half; i += 32) {
        const int re = interleaved ? 2 * i : i, im = interleaved ? re + 1 : i + half;
        const float angle = freqs[i] * static_cast<float>(position), c = cosf(angle), s = sinf(angle);
        const float a = weight ? x[re] * inverse * weight[re] : x[re];
        const float b = weight ? x[im] * inverse * weight[im] : x[im];
        to[re] = a * c - b * s;
        to[im] = a * s + b * c;
    }
}

// out (rows, heads, width), zeros up to `padded` floats in all: of every query over the keys up to its position, the
// last `context` of them if that is not 0. A block has one head of one row; it takes THREADS keys at a time.
PF_KERNEL void attend(float *out, long long out_row, int padded, const float *qkv, long long qkv_row,
                      const u64 *tables, int pitch, const int *streams, const int *positions, int page, int ring,
                      int layer, int heads, int kv_heads, int width, int context) {
    enum { THREADS = 128, WIDEST = 256 };
    PF_SHARED(float, query, WIDEST);
    PF_SHARED(float, weights, THREADS);
    PF_SHARED(float, sums, THREADS);
    PF_SHARED(float, found, WIDEST);
    PF_SHARED(float, across, THREADS / 32);
    const int row = blockIdx.x, head = blockIdx.y, thread = threadIdx.x, position = positions[row];
    float *to = out + row * out_row + head * width;
    if (head == heads - 1)
        for (int i = heads * width + thread; i < padded; i += THREADS) out[row * out_row + i] = 0.0f;
    if (position < 0) {
        for (int i = thread; i < width; i += THREADS) to[i] = 0.0f;
        return;
    }
    const int stream = streams[row], own = head / (heads / kv_heads);
    const int first = context ? max(0, position - context + 1) : 0;
    const float scale = 1.0f / sqrtf(static_cast<float>(width));
    // as many groups of threads as there is room for share the keys of a column
    const int groups = max(1, THREADS / width), column = thread % width, group = thread / width;
    float most = -pf_infinity(), total = 0.0f;
    for (int i = thread; i < width; i += THREADS) {
        query[i] = qkv[row * qkv_row + head * width + i];
        found[i] = 0.0f;
    }
    __syncthreads();
    for (int key0 = first; key0 <= position; key0 += THREADS) {
        const int count = min(static_cast<int>(THREADS), position + 1 - key0);
        float score = -pf_infinity();
        if (thread < count) {
            const float *k = pf_place(tables, pitch, stream, key0 + thread, page, ring, layer, 0, kv_heads, own, width);
            score = 0.0f;
            for (int i = 0; i < width; i++) score = fmaf(query[i], k[i], score);
            score *= scale;
        }
        const float highest = pf_warp_max(score);
        if (thread % 32 == 0) across[thread / 32] = highest;
        __syncthreads();
        float now = most;
        for (int i = 0; i < THREADS / 32; i++) now = fmaxf(now, across[i]);
        const float shrink = expf(most - now);    // 0 at first
        weights[thread] = thread < count ? expf(score - now) : 0.0f;
        __syncthreads();
        for (int i = 0; i < count; i++) total = fmaf(i ? 1.0f : shrink, total, weights[i]);
        most = now;
        for (int c0 = 0; c0 < width; c0 += THREADS) {    // once, unless a head is wider than a block
            float sum = 0.0f;
            if (group < groups && c0 + column < width)
                for (int i = group; i < count; i += groups) {
                    const float *v =
                        pf_place(tables, pitch, stream, key0 + i, page, ring, layer, 1, kv_heads, own, width);
                    sum = fmaf(weights[i], v[c0 + column], sum);
                }
            sums[thread] = sum;
            __syncthreads();
            if (group == 0 && c0 + column < width) {
                for (int g = 1; g < groups; g++) sum += sums[g * width + column];
                found[c0 + column] = fmaf(found[c0 + column], shrink, sum);
            }
            __syncthreads();
        }
    }
    for (int i = thread; i < width; i += THREADS) to[i] = found[i] / total;
}
