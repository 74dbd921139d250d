/* What this instruction set can do at most: multiply-adds that touch nothing but registers, and loads that do nothing
 * else. The rest is measured against them. */

/* The compiler must take `v` for changed: nothing that depends on it is computed once for a whole loop. */
#if defined(__AVX512F__)
#define UNKNOWN(v) __asm__ volatile("" : "+v"(v))
#elif defined(__x86_64__)
#define UNKNOWN(v) __asm__ volatile("" : "+x"(v))
#elif defined(__aarch64__)
#define UNKNOWN(v) __asm__ volatile("" : "+w"(v))
#else
#define UNKNOWN(v) __asm__ volatile("" : "+m"(v)) /* right everywhere, and slow */
#endif

/* as many sums as a tile has, so that none waits for itself */
enum { SUMS = TILE_ROWS * TILE_VECS };

/* `rounds` times a multiply-add of `many` products into each sum; two operations for each product. */
#define DEFINE_PEAK(name, vector, zero, multiply_add, many) \
    static double peak_##name(int rounds) { \
        vector sums[SUMS], x = zero, w = zero; \
        _Pragma("GCC unroll 32") for (int j = 0; j < SUMS; j++) sums[j] = zero; \
        UNKNOWN(x); \
        for (int i = 0; i < rounds; i++) { \
            _Pragma("GCC unroll 32") for (int j = 0; j < SUMS; j++) { \
                UNKNOWN(w); \
                sums[j] = multiply_add; \
            } \
        } \
        _Pragma("GCC unroll 32") for (int j = 0; j < SUMS; j++) UNKNOWN(sums[j]); \
        return 2.0 * (many) * SUMS * rounds; \
    }

DEFINE_PEAK(f32, vf, v_set(0.0f), v_fma(x, w, sums[j]), VW)
#ifdef __AMX_TILE__
/* The same of whole tiles: four sums of 16 x 16, 64 bytes of k each time. */
#define DEFINE_TILE_PEAK(name, DOT, many) \
    static double peak_##name(int rounds) { \
        amx_begin(AMX_ROWS, AMX_ROWS); \
        _tile_zero(0); \
        _tile_zero(1); \
        _tile_zero(2); \
        _tile_zero(3); \
        _tile_zero(4); \
        _tile_zero(5); \
        _tile_zero(6); \
        _tile_zero(7); \
        for (int i = 0; i < rounds; i++) { \
            DOT(0, 4, 6); \
            DOT(1, 4, 7); \
            DOT(2, 5, 6); \
            DOT(3, 5, 7); \
        } \
        _tile_release(); \
        return 2.0 * (many) * 4 * AMX_ROWS * AMX_ROWS * rounds; \
    }
DEFINE_TILE_PEAK(int8, _tile_dpbusd, AMX_BYTES)
DEFINE_TILE_PEAK(dot, _tile_dpbf16ps, AMX_BYTES / 2)
#else
#if defined(V_HAVE_PAIRS)
DEFINE_PEAK(int8, vi, v_zero_int(), v_dot_pairs(sums[j], x, w), 8 * VW)
#elif defined(__AVX2__) && !V_DOT_OFFSET
/* without the signs that v_dot has to carry over: with one unsigned operand two multiplications are enough */
static inline vi add_fours(vi acc, vi x, vi w) {
    return _mm256_add_epi32(acc, _mm256_madd_epi16(_mm256_maddubs_epi16(x, w), _mm256_set1_epi16(1)));
}
DEFINE_PEAK(int8, vi, v_zero_int(), add_fours(sums[j], x, w), 4 * VW)
#elif defined(V_WORDS_FROM)
DEFINE_PEAK(int8, vi, v_zero_int(), v_dot_words(sums[j], x, w), 2 * VW)
#else
DEFINE_PEAK(int8, vi, v_zero_int(), v_dot(sums[j], x, w), 4 * VW)
#endif
#ifdef V_HAVE_BF16_DOT
DEFINE_PEAK(dot, vf, v_set(0.0f), v_dot_bf16(sums[j], (vi)x, (vi)w), 2 * VW)
#endif
#endif

ALWAYS_INLINE float sum_of(const float *x, ptrdiff_t n, const int far) {
    vf sums[8];
    for (int j = 0; j < 8; j++) sums[j] = v_set(0.0f);
    for (ptrdiff_t i = 0; i < n; i += PF_READ) {
        for (int c = 0; c < PF_READ; c += 8 * VW) {
#pragma GCC unroll 8
            for (int j = 0; j < 8; j++) {
                if (far && j % LINE_VECS == 0) __builtin_prefetch((const char *)(x + i + c + j * VW) + AHEAD, 0, 2);
                sums[j] = v_add(sums[j], v_load(x + i + c + j * VW));
            }
        }
    }
    vf all = sums[0];
    for (int j = 1; j < 8; j++) all = v_add(all, sums[j]);
    return v_sum(all);
}

/* The sum of n floats, n a multiple of PF_READ. What is more than a core's own cache holds is asked for early, as
 * products do. */
static float sum(const float *x, ptrdiff_t n) {
    enum { OWN_CACHE = 4 << 20 };
    return n * (ptrdiff_t)sizeof(float) > OWN_CACHE ? sum_of(x, n, 1) : sum_of(x, n, 0);
}
