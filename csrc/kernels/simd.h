/* The few vector operations the kernels need, for each instruction set. VW floats per vector.
 * v_fma is fused where the set has it; the files that include this are compiled with
 * -ffp-contract=off, so nothing else ever is, and every row split rounds alike. */
#ifndef PF_SIMD_H
#define PF_SIMD_H

#if defined(__AVX512F__)
#include <immintrin.h>
#define VW 16
#define TILE_ROWS 8   /* 8 rows x 2 vectors: 16 of 32 registers; 12 rows spill a pointer */
#define TILE_VECS 2
typedef __m512 vf;
typedef __m512i vi;
static inline vf v_load(const float *p) { return _mm512_loadu_ps(p); }
static inline void v_store(float *p, vf a) { _mm512_storeu_ps(p, a); }
static inline vf v_set(float a) { return _mm512_set1_ps(a); }
static inline vf v_add(vf a, vf b) { return _mm512_add_ps(a, b); }
static inline vf v_sub(vf a, vf b) { return _mm512_sub_ps(a, b); }
static inline vf v_mul(vf a, vf b) { return _mm512_mul_ps(a, b); }
static inline vf v_div(vf a, vf b) { return _mm512_div_ps(a, b); }
static inline vf v_fma(vf a, vf b, vf c) { return _mm512_fmadd_ps(a, b, c); }
static inline vf v_max(vf a, vf b) { return _mm512_max_ps(a, b); }
static inline vf v_min(vf a, vf b) { return _mm512_min_ps(a, b); }
static inline vf v_round(vf a) { return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
/* a < b ? x : y */
static inline vf v_if_lt(vf a, vf b, vf x, vf y) {
    return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(a, b, _CMP_LT_OQ), y, x);
}
/* a * 2^n for an integral n in [-126, 127] */
static inline vf v_scale2(vf a, vf n) {
    vi e = _mm512_slli_epi32(_mm512_cvtps_epi32(n), 23);
    return _mm512_castsi512_ps(_mm512_add_epi32(_mm512_castps_si512(a), e));
}
/* the even and the odd k of VW channels of a bf16 panel, widened exactly */
static inline vf v_even_bf16(vi u) { return _mm512_castsi512_ps(_mm512_slli_epi32(u, 16)); }
static inline vf v_odd_bf16(vi u) { return _mm512_castsi512_ps(_mm512_and_si512(u, _mm512_set1_epi32((int)0xffff0000u))); }
/* The integer dot product wants one unsigned operand: `quantize` stores inputs shifted by 128, and every
 * sum starts at -128 times the sum of its weights. */
#define V_DOT_OFFSET 1
static inline vi v_load_int(const void *p) { return _mm512_loadu_si512(p); }
static inline vi v_zero_int(void) { return _mm512_setzero_si512(); }
static inline vf v_from_int(vi a) { return _mm512_cvtepi32_ps(a); }
static inline vi v_four(const int8_t *x) {
    int32_t u;
    memcpy(&u, x, 4);
    return _mm512_set1_epi32(u);
}
static inline vi v_dot(vi acc, vi x, vi w) {
    acc = _mm512_dpbusd_epi32(acc, x, w);
    __asm__("" : "+v"(acc)); /* gcc would keep two copies of every sum, and move them to and fro */
    return acc;
}
#define V_HAVE_ENDS
static inline vf v_load_n(const float *p, int n) { return _mm512_maskz_loadu_ps((__mmask16)((1u << n) - 1), p); }
static inline void v_store_n(float *p, vf a, int n) { _mm512_mask_storeu_ps(p, (__mmask16)((1u << n) - 1), a); }
static inline float v_sum(vf a) { return _mm512_reduce_add_ps(a); }
static inline float v_biggest(vf a) { return _mm512_reduce_max_ps(a); }
#ifdef __AVX512BF16__
#define V_HAVE_BF16_DOT
static inline vi v_two(const uint16_t *x) {
    int32_t u;
    memcpy(&u, x, 4);
    return _mm512_set1_epi32(u);
}
static inline vi v_one(const uint16_t *x) { return _mm512_set1_epi32(*x); } /* and a zero beside it */
static inline vf v_dot_bf16(vf acc, vi x, vi w) { return _mm512_dpbf16_ps(acc, (__m512bh)x, (__m512bh)w); }
static inline void v_narrow_bf16(uint16_t *p, vf a) { _mm256_storeu_si256((__m256i *)p, (__m256i)_mm512_cvtneps_pbh(a)); }
#endif
#elif defined(__AVX2__)
#include <immintrin.h>
#define VW 8
#define TILE_ROWS 6   /* 6 rows x 2 vectors: 12 of 16 registers; 8 rows spill and lose 40 % */
#define TILE_VECS 2
#define LONE_VECS 8   /* for a row alone: two panels */
#define FEW_ROWS 3    /* that take a whole panel at a time */
typedef __m256 vf;
typedef __m256i vi;
static inline vf v_load(const float *p) { return _mm256_loadu_ps(p); }
static inline void v_store(float *p, vf a) { _mm256_storeu_ps(p, a); }
static inline vf v_set(float a) { return _mm256_set1_ps(a); }
static inline vf v_add(vf a, vf b) { return _mm256_add_ps(a, b); }
static inline vf v_sub(vf a, vf b) { return _mm256_sub_ps(a, b); }
static inline vf v_mul(vf a, vf b) { return _mm256_mul_ps(a, b); }
static inline vf v_div(vf a, vf b) { return _mm256_div_ps(a, b); }
static inline vf v_fma(vf a, vf b, vf c) { return _mm256_fmadd_ps(a, b, c); }
static inline vf v_max(vf a, vf b) { return _mm256_max_ps(a, b); }
static inline vf v_min(vf a, vf b) { return _mm256_min_ps(a, b); }
static inline vf v_round(vf a) { return _mm256_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
static inline vf v_if_lt(vf a, vf b, vf x, vf y) { return _mm256_blendv_ps(y, x, _mm256_cmp_ps(a, b, _CMP_LT_OQ)); }
static inline vf v_scale2(vf a, vf n) {
    vi e = _mm256_slli_epi32(_mm256_cvtps_epi32(n), 23);
    return _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(a), e));
}
static inline vf v_even_bf16(vi u) { return _mm256_castsi256_ps(_mm256_slli_epi32(u, 16)); }
static inline vf v_odd_bf16(vi u) { return _mm256_castsi256_ps(_mm256_blend_epi16(_mm256_setzero_si256(), u, 0xaa)); }
static inline vi v_load_int(const void *p) { return _mm256_loadu_si256((const __m256i *)p); }
static inline vi v_zero_int(void) { return _mm256_setzero_si256(); }
static inline vf v_from_int(vi a) { return _mm256_cvtepi32_ps(a); }
static inline vi v_four(const int8_t *x) {
    int32_t u;
    memcpy(&u, x, 4);
    return _mm256_set1_epi32(u);
}
#define V_HAVE_ENDS
static inline vi v_first(int n) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
static inline vf v_load_n(const float *p, int n) { return _mm256_maskload_ps(p, v_first(n)); }
static inline void v_store_n(float *p, vf a, int n) { _mm256_maskstore_ps(p, v_first(n), a); }
static inline float v_sum(vf a) {
    __m128 h = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    h = _mm_add_ps(h, _mm_movehl_ps(h, h));
    return _mm_cvtss_f32(_mm_add_ss(h, _mm_shuffle_ps(h, h, 1)));
}
static inline float v_biggest(vf a) {
    __m128 h = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    h = _mm_max_ps(h, _mm_movehl_ps(h, h));
    return _mm_cvtss_f32(_mm_max_ss(h, _mm_shuffle_ps(h, h, 1)));
}
#ifdef __AVXVNNI__
#define V_DOT_OFFSET 1 /* as with AVX-512 */
static inline vi v_dot(vi acc, vi x, vi w) {
    acc = _mm256_dpbusd_avx_epi32(acc, x, w);
    __asm__("" : "+x"(acc));
    return acc;
}
#else
#define V_DOT_OFFSET 0
/* |x| <= 127 and |w| <= 127: two products fit 16 bits, so nothing saturates and the sum is exact */
static inline vi v_dot(vi acc, vi x, vi w) {
    vi pairs = _mm256_maddubs_epi16(_mm256_abs_epi8(x), _mm256_sign_epi8(w, x));
    return _mm256_add_epi32(acc, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
}
/* The same sum from words, for V_WORDS_FROM rows and more: no signs to move, as exact. `quantize` widens the inputs;
 * of the weights the even or the odd bytes are widened at a time. */
#define V_WORDS_FROM 4
static inline vi v_even_words(vi w) { return _mm256_srai_epi16(_mm256_slli_epi16(w, 8), 8); }
static inline vi v_odd_words(vi w) { return _mm256_srai_epi16(w, 8); }
static inline vi v_dot_words(vi acc, vi x, vi w) {
    acc = _mm256_add_epi32(acc, _mm256_madd_epi16(x, w));
    __asm__("" : "+x"(acc)); /* gcc would add products to each other first, and spill sums for it */
    return acc;
}
#endif
#elif defined(__aarch64__) && defined(__ARM_NEON)
#include <arm_neon.h>
#define VW 4
#define TILE_ROWS 6   /* 6 rows x 4 vectors: 24 of 32 registers */
#define TILE_VECS 4
#define LONE_VECS 8
#define FEW_ROWS 1
typedef float32x4_t vf;
typedef int32x4_t vi;
static inline vf v_load(const float *p) { return vld1q_f32(p); }
static inline void v_store(float *p, vf a) { vst1q_f32(p, a); }
static inline vf v_set(float a) { return vdupq_n_f32(a); }
static inline vf v_add(vf a, vf b) { return vaddq_f32(a, b); }
static inline vf v_sub(vf a, vf b) { return vsubq_f32(a, b); }
static inline vf v_mul(vf a, vf b) { return vmulq_f32(a, b); }
static inline vf v_div(vf a, vf b) { return vdivq_f32(a, b); }
static inline vf v_fma(vf a, vf b, vf c) { return vfmaq_f32(c, a, b); }
static inline vf v_max(vf a, vf b) { return vmaxq_f32(a, b); }
static inline vf v_min(vf a, vf b) { return vminq_f32(a, b); }
static inline vf v_round(vf a) { return vrndnq_f32(a); }
static inline vf v_if_lt(vf a, vf b, vf x, vf y) { return vbslq_f32(vcltq_f32(a, b), x, y); }
static inline vf v_scale2(vf a, vf n) {
    int32x4_t e = vshlq_n_s32(vcvtnq_s32_f32(n), 23);
    return vreinterpretq_f32_s32(vaddq_s32(vreinterpretq_s32_f32(a), e));
}
static inline vf v_even_bf16(vi u) { return vreinterpretq_f32_s32(vshlq_n_s32(u, 16)); }
static inline vf v_odd_bf16(vi u) { return vreinterpretq_f32_s32(vandq_s32(u, vdupq_n_s32((int)0xffff0000u))); }
#define V_DOT_OFFSET 0
static inline vi v_load_int(const void *p) { return vreinterpretq_s32_s8(vld1q_s8((const int8_t *)p)); }
static inline vi v_zero_int(void) { return vdupq_n_s32(0); }
static inline vf v_from_int(vi a) { return vcvtq_f32_s32(a); }
static inline vi v_four(const int8_t *x) {
    int32_t u;
    memcpy(&u, x, 4);
    return vdupq_n_s32(u);
}
static inline vi v_dot(vi acc, vi x, vi w) {
    int8x16_t a = vreinterpretq_s8_s32(x), b = vreinterpretq_s8_s32(w);
#ifdef __ARM_FEATURE_DOTPROD
    return vdotq_s32(acc, a, b);
#else
    int16x8_t low = vmull_s8(vget_low_s8(a), vget_low_s8(b)), high = vmull_high_s8(a, b);
    return vaddq_s32(acc, vpaddq_s32(vpaddlq_s16(low), vpaddlq_s16(high)));
#endif
}
#ifdef __ARM_FEATURE_MATMUL_INT8
/* Two rows at once, eight k at a time: a vector holds the sums of two rows and two channels. */
#define V_HAVE_PAIRS
static inline vi v_pair(const int8_t *x, const int8_t *next) {
    return vreinterpretq_s32_s8(vcombine_s8(vld1_s8(x), vld1_s8(next)));
}
/* four k and then the next four of four channels: all eight of the first two channels, and of the others */
static inline void v_eights(vi w, vi next, vi *two, vi *others) {
    *two = vzip1q_s32(w, next);
    *others = vzip2q_s32(w, next);
}
static inline vi v_dot_pairs(vi acc, vi x, vi w) {
    return vmmlaq_s32(acc, vreinterpretq_s8_s32(x), vreinterpretq_s8_s32(w));
}
/* the sums of four channels, row by row */
static inline void v_part(vi two, vi others, vi *row, vi *next) {
    *row = vreinterpretq_s32_s64(vzip1q_s64(vreinterpretq_s64_s32(two), vreinterpretq_s64_s32(others)));
    *next = vreinterpretq_s32_s64(vzip2q_s64(vreinterpretq_s64_s32(two), vreinterpretq_s64_s32(others)));
}
#endif
#elif defined(__wasm_simd128__)
/* WebAssembly: with relaxed SIMD a * b + c is fused where the machine can. */
#include <wasm_simd128.h>
#define VW 4
#define TILE_ROWS 4   /* 4 rows x 2 vectors: engines compile to 16 registers; 3 x 4 and 6 x 2 lose up to half */
#define TILE_VECS 2
#define LONE_VECS 8     /* for a row alone: two panels */
typedef v128_t vf;
typedef v128_t vi;
static inline vf v_load(const float *p) { return wasm_v128_load(p); }
static inline void v_store(float *p, vf a) { wasm_v128_store(p, a); }
static inline vf v_set(float a) { return wasm_f32x4_splat(a); }
static inline vf v_add(vf a, vf b) { return wasm_f32x4_add(a, b); }
static inline vf v_sub(vf a, vf b) { return wasm_f32x4_sub(a, b); }
static inline vf v_mul(vf a, vf b) { return wasm_f32x4_mul(a, b); }
static inline vf v_div(vf a, vf b) { return wasm_f32x4_div(a, b); }
/* the order of x86's min and max: the second operand where one is NaN */
static inline vf v_max(vf a, vf b) { return wasm_f32x4_pmax(b, a); }
static inline vf v_min(vf a, vf b) { return wasm_f32x4_pmin(b, a); }
static inline vf v_round(vf a) { return wasm_f32x4_nearest(a); }
static inline vf v_if_lt(vf a, vf b, vf x, vf y) { return wasm_v128_bitselect(x, y, wasm_f32x4_lt(a, b)); }
static inline vf v_scale2(vf a, vf n) {
    /* n as an integer in the low bits of a float; a conversion would look for what is out of range */
    vi e = wasm_i32x4_shl(v_add(n, v_set(12582912.0f)), 23);
    return wasm_i32x4_add(a, e);
}
static inline vf v_even_bf16(vi u) { return wasm_i32x4_shl(u, 16); }
static inline vf v_odd_bf16(vi u) { return wasm_v128_and(u, wasm_i32x4_splat((int32_t)0xffff0000u)); }
#define V_DOT_OFFSET 0
static inline vi v_load_int(const void *p) { return wasm_v128_load(p); }
static inline vi v_zero_int(void) { return wasm_i32x4_splat(0); }
static inline vf v_from_int(vi a) { return wasm_f32x4_convert_i32x4(a); }
static inline vi v_four(const int8_t *x) { return wasm_v128_load32_splat(x); }
#ifdef __wasm_relaxed_simd__
static inline vf v_fma(vf a, vf b, vf c) { return wasm_f32x4_relaxed_madd(a, b, c); }
#else
static inline vf v_fma(vf a, vf b, vf c) { return v_add(v_mul(a, b), c); }
#endif
/* the even and the odd bytes, widened: as fast as the relaxed 8-bit product, or twice as fast (Sapphire Rapids) */
static inline vi v_dot(vi acc, vi x, vi w) {
    vi even = wasm_i32x4_dot_i16x8(wasm_i16x8_shr(wasm_i16x8_shl(x, 8), 8), wasm_i16x8_shr(wasm_i16x8_shl(w, 8), 8));
    vi odd = wasm_i32x4_dot_i16x8(wasm_i16x8_shr(x, 8), wasm_i16x8_shr(w, 8));
    return wasm_i32x4_add(acc, wasm_i32x4_add(even, odd));
}
/* from inputs that `quantize` widened: half of that work is then done once */
#define V_WORDS_FROM 2
static inline vi v_even_words(vi w) { return wasm_i16x8_shr(wasm_i16x8_shl(w, 8), 8); }
static inline vi v_odd_words(vi w) { return wasm_i16x8_shr(w, 8); }
static inline vi v_dot_words(vi acc, vi x, vi w) { return wasm_i32x4_add(acc, wasm_i32x4_dot_i16x8(x, w)); }
#else
/* Any other CPU: four-float vectors of the compiler (SSE2 on x86-64); no fused multiply-add. */
#define VW 4
#define TILE_ROWS 2
#define TILE_VECS 4
#define LONE_VECS 8
#define FEW_ROWS 1
typedef float vf __attribute__((vector_size(16)));
typedef int32_t vi __attribute__((vector_size(16)));
typedef uint32_t vu __attribute__((vector_size(16)));
static inline vf v_load(const float *p) { vf a; memcpy(&a, p, sizeof a); return a; }
static inline void v_store(float *p, vf a) { memcpy(p, &a, sizeof a); }
static inline vf v_set(float a) { return (vf){a, a, a, a}; }
static inline vf v_add(vf a, vf b) { return a + b; }
static inline vf v_sub(vf a, vf b) { return a - b; }
static inline vf v_mul(vf a, vf b) { return a * b; }
static inline vf v_div(vf a, vf b) { return a / b; }
static inline vf v_fma(vf a, vf b, vf c) { return a * b + c; }
static inline vf v_pick(vi mask, vf x, vf y) { return (vf)(((vi)x & mask) | ((vi)y & ~mask)); }
static inline vf v_max(vf a, vf b) { return v_pick((vi)(a > b), a, b); }
static inline vf v_min(vf a, vf b) { return v_pick((vi)(a < b), a, b); }
/* exact for |a| < 2^22, which is all that v_exp asks of it */
static inline vf v_round(vf a) { vf big = v_set(12582912.0f); return (a + big) - big; }
static inline vf v_if_lt(vf a, vf b, vf x, vf y) { return v_pick((vi)(a < b), x, y); }
static inline vf v_scale2(vf a, vf n) {
    vi e = __builtin_convertvector(n, vi) << 23;
    return (vf)((vi)a + e);
}
static inline vf v_even_bf16(vi u) { return (vf)((vu)u << 16); }
static inline vf v_odd_bf16(vi u) { return (vf)((vu)u & 0xffff0000u); }
#define V_DOT_OFFSET 0
static inline vi v_load_int(const void *p) { vi a; memcpy(&a, p, sizeof a); return a; }
static inline vi v_zero_int(void) { return (vi){0, 0, 0, 0}; }
static inline vf v_from_int(vi a) { return __builtin_convertvector(a, vf); }
static inline vi v_four(const int8_t *x) {
    int32_t u;
    memcpy(&u, x, 4);
    return (vi){u, u, u, u};
}
static inline vi v_dot(vi acc, vi x, vi w) {
    /* byte i of every lane, sign extended, times its partner */
    for (int i = 24; i >= 0; i -= 8) acc += ((vi)((vu)x << i) >> 24) * ((vi)((vu)w << i) >> 24);
    return acc;
}
#ifdef __SSE2__
#include <emmintrin.h>
#define V_WORDS_FROM 1 /* as with AVX2, always */
static inline vi v_even_words(vi w) { return (vi)_mm_srai_epi16(_mm_slli_epi16((__m128i)w, 8), 8); }
static inline vi v_odd_words(vi w) { return (vi)_mm_srai_epi16((__m128i)w, 8); }
static inline vi v_dot_words(vi acc, vi x, vi w) {
    acc += (vi)_mm_madd_epi16((__m128i)x, (__m128i)w);
    __asm__("" : "+x"(acc));
    return acc;
}
#endif
#endif

#ifndef V_HAVE_ENDS
/* The first n < VW floats, the rest zero; and back. For ragged ends. */
static inline vf v_load_n(const float *p, int n) {
    float t[VW] = {0};
    memcpy(t, p, (size_t)n * sizeof(float));
    return v_load(t);
}
static inline void v_store_n(float *p, vf a, int n) {
    float t[VW];
    v_store(t, a);
    memcpy(p, t, (size_t)n * sizeof(float));
}
/* Over all lanes, by halves. */
static inline float v_sum(vf a) {
    float t[VW];
    v_store(t, a);
    for (int half = VW / 2; half > 0; half /= 2)
        for (int i = 0; i < half; i++) t[i] += t[i + half];
    return t[0];
}
static inline float v_biggest(vf a) {
    float t[VW];
    v_store(t, a);
    for (int half = VW / 2; half > 0; half /= 2)
        for (int i = 0; i < half; i++) t[i] = t[i] > t[i + half] ? t[i] : t[i + half];
    return t[0];
}
#endif
#endif
