// From logits to a code: what cpu/qwen3/sampling.pyx says, step by step, a block for each stream.
// Sets of candidates are found by searching for the number that bounds them, bit by bit.

enum { PF_PICKERS = 256, PF_MOST_LOGITS = 8192 };

struct PfMax {
    template <class T> __device__ T operator()(T a, T b) const { return a > b ? a : b; }
};
struct PfSum {
    template <class T> __device__ T operator()(T a, T b) const { return a + b; }
};

// v of all threads of a block of PF_PICKERS, combined, in every thread; across: one for each warp
template <class T, class Combine>
static __device__ T pf_of_block(T v, Combine combine, T *across) {
    for (int step = 16; step; step /= 2) v = combine(v, __shfl_xor_sync(0xffffffffu, v, step));
    if (threadIdx.x % 32 == 0) across[threadIdx.x / 32] = v;
    __syncthreads();
    v = across[0];
    for (int i = 1; i < PF_PICKERS / 32; i++) v = combine(v, across[i]);
    __syncthreads();
    return v;
}

// floats in the order of these numbers
static __device__ __forceinline__ u32 pf_order(float v) {
    const u32 bits = __float_as_uint(v);
    return bits & 0x80000000u ? ~bits : bits | 0x80000000u;
}

// Above all others the larger score; of equal ones the later one.
static __device__ __forceinline__ u64 pf_rank(float score, int i) {
    return static_cast<u64>(pf_order(score)) << 32 | static_cast<u32>(i);
}

// p = softmax of the scores that are left; -inf gives 0.
static __device__ void pf_softmax(float *p, const float *scores, int n, float *floats, double *doubles) {
    float top = -pf_infinity();
    for (int i = threadIdx.x; i < n; i += PF_PICKERS) top = fmaxf(top, scores[i]);
    top = pf_of_block(top, PfMax(), floats);
    double sum = 0.0;
    for (int i = threadIdx.x; i < n; i += PF_PICKERS) {
        p[i] = expf(scores[i] - top);
        sum += p[i];
    }
    const float all = static_cast<float>(pf_of_block(sum, PfSum(), doubles));
    for (int i = threadIdx.x; i < n; i += PF_PICKERS) p[i] /= all;
    __syncthreads();
}

// codes[stream * codes_row + column] of logits (streams, logits_row), n of each, n <= PF_MOST_LOGITS.
// sampled: 0 takes the largest; top_ks: 0 for all; belows: 1 - top_p; uniforms[stream * uniforms_row]. seen (streams,
// n), or null: what was drawn before, made less likely by penalties; ids from `codes_end` on are forbidden, but for end
// where may_end. scores, p: (streams, n) to work in; a thread has the same scores to itself until the last step.
PF_KERNEL void pick(int *codes, int codes_row, const float *logits, long long logits_row, int n, const int *sampled,
                    const int *top_ks, const float *temperatures, const float *belows, const double *uniforms,
                    int uniforms_row, const unsigned char *seen, const float *penalties, const int *may_end,
                    int codes_end, int end, float *scores, float *p) {
    PF_SHARED(float, floats, PF_PICKERS / 32);
    PF_SHARED(double, doubles, PF_PICKERS);
    PF_SHARED(int, ints, PF_PICKERS / 32);
    PF_SHARED(u64, ranks, PF_PICKERS / 32);
    const int stream = blockIdx.x, thread = threadIdx.x;
    scores += static_cast<long long>(stream) * n;
    p += static_cast<long long>(stream) * n;
    logits += stream * logits_row;
    const bool draws = sampled[stream];
    for (int i = thread; i < n; i += PF_PICKERS) {
        float v = logits[i];
        if (seen) {
            const bool again = seen[static_cast<long long>(stream) * n + i];
            if (again) v = v < 0.0f ? v * penalties[stream] : v / penalties[stream];
            if ((i >= codes_end && i != end) || (i == end && !may_end[stream])) v = -pf_infinity();
        }
        scores[i] = draws ? v / temperatures[stream] : v;
    }
    if (!draws) {    // the largest, of equal ones the first
        u64 best = 0;
        for (int i = thread; i < n; i += PF_PICKERS)
            best = PfMax()(best, static_cast<u64>(pf_order(scores[i])) << 32 | ~static_cast<u32>(i));
        best = pf_of_block(best, PfMax(), ranks);
        if (thread == 0) codes[stream * codes_row] = static_cast<int>(~static_cast<u32>(best));
        return;
    }
    const int k = top_ks[stream];
    if (0 < k && k < n) {    // the largest number that k scores reach
        u32 least = 0;
        for (u32 bit = 0x80000000u; bit; bit >>= 1) {
            int reached = 0;
            for (int i = thread; i < n; i += PF_PICKERS) reached += pf_order(scores[i]) >= (least | bit);
            if (pf_of_block(reached, PfSum(), ints) >= k) least |= bit;
        }
        for (int i = thread; i < n; i += PF_PICKERS)
            if (pf_order(scores[i]) < least) scores[i] = -pf_infinity();
    }
    const float below = belows[stream];
    if (below > 0.0f) {    // the largest rank below which all together are not more than that
        pf_softmax(p, scores, n, floats, doubles);
        u64 likeliest = 0, least = 0;
        for (int i = thread; i < n; i += PF_PICKERS)
            if (p[i] > 0.0f) likeliest = PfMax()(likeliest, pf_rank(scores[i], i));
        likeliest = pf_of_block(likeliest, PfMax(), ranks);
        for (int b = 63; b >= 0; b--) {
            if (b < 32 && 1ll << b >= PF_MOST_LOGITS) continue;
            const u64 bound = least | 1ull << b;
            double sum = 0.0;
            for (int i = thread; i < n; i += PF_PICKERS)
                if (pf_rank(scores[i], i) < bound) sum += p[i];
            if (static_cast<float>(pf_of_block(sum, PfSum(), doubles)) <= below) least = bound;
        }
        for (int i = thread; i < n; i += PF_PICKERS) {
            const u64 rank = pf_rank(scores[i], i);
            if (rank < least && rank != likeliest) scores[i] = -pf_infinity();
        }
    }
    pf_softmax(p, scores, n, floats, doubles);
    // the first whose cumulative probability, in order of index, exceeds the uniform number
    const int each = (n + PF_PICKERS - 1) / PF_PICKERS, first = min(thread * each, n), last = min(first + each, n);
    double sum = 0.0;
    for (int i = first; i < last; i++) sum += p[i];
    doubles[thread] = sum;
    __syncthreads();
    sum = 0.0;
    for (int t = 0; t < thread; t++) sum += doubles[t];
    const double uniform = uniforms[static_cast<long long>(stream) * uniforms_row];
    int found = -1, possible = 0;    // the larger one, the earlier
    for (int i = first; i < last; i++) {
        sum += p[i];
        if (p[i] > 0.0f) possible = i;
        if (found < 0 && sum > uniform) found = n - i;
    }
    found = pf_of_block(found, PfMax(), ints);
    possible = pf_of_block(possible, PfMax(), ints);    // rounding may leave the whole sum below the number
    if (thread == 0) codes[stream * codes_row] = found > 0 ? n - found : possible;
}
