/* The vector operations of products with weights in four bits, for each instruction set; see gemm_int4.inl. They are
 * sums of integers, so all sets give the same bits.
 *
 * v_low_nibbles, v_high_nibbles: of every byte, as bytes from 0 to 15.
 * v_group: pairs {sum of w[i] * x[i], the same as -> offset} of 16 bits in each 32-bit lane: what 32 inputs x and the
 *   weights of VW channels make, four to a lane of each w; `offset` is the pair {o, o} with o = -8 * sum of x, so the
 *   first is the sum of (w - 8) * x, which fits.
 * v_lines: the pairs {step, offset} of VW channels, from bytes.
 * v_add_pairs: acc + a.first * b.first + a.second * b.second, 32 bits. */
#ifndef PF_SIMD_INT4_H
#define PF_SIMD_INT4_H

#if defined(__AVX512F__)
static inline vi v_low_nibbles(vi a) { return _mm512_and_si512(a, _mm512_set1_epi8(15)); }
static inline vi v_high_nibbles(vi a) { return _mm512_and_si512(_mm512_srli_epi16(a, 4), _mm512_set1_epi8(15)); }
static inline void v_store_int(void *p, vi a) { _mm512_storeu_si512(p, a); }
static inline vi v_lines(const int8_t *p) { return _mm512_cvtepi8_epi16(_mm256_loadu_si256((const __m256i *)p)); }
static inline vi v_add_pairs(vi acc, vi a, vi b) { return _mm512_dpwssd_epi32(acc, a, b); }
static inline vi v_group(const vi w[8], const int8_t *x, vi offset) {
    vi sum = offset, other = _mm512_setzero_si512();
    for (int i = 0; i < 8; i += 2) {
        sum = _mm512_dpbusd_epi32(sum, w[i], v_four(x + 4 * i));
        other = _mm512_dpbusd_epi32(other, w[i + 1], v_four(x + 4 * i + 4));
    }
    return _mm512_mask_blend_epi16(0xaaaaaaaa, _mm512_add_epi32(sum, other), offset);
}
#elif defined(__AVX2__)
static inline vi v_low_nibbles(vi a) { return _mm256_and_si256(a, _mm256_set1_epi8(15)); }
static inline vi v_high_nibbles(vi a) { return _mm256_and_si256(_mm256_srli_epi16(a, 4), _mm256_set1_epi8(15)); }
static inline void v_store_int(void *p, vi a) { _mm256_storeu_si256((__m256i *)p, a); }
static inline vi v_lines(const int8_t *p) { return _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)p)); }
#ifdef __AVXVNNI__
static inline vi v_add_pairs(vi acc, vi a, vi b) { return _mm256_dpwssd_avx_epi32(acc, a, b); }
static inline vi v_group(const vi w[8], const int8_t *x, vi offset) {
    vi sum = offset, other = _mm256_setzero_si256();
    for (int i = 0; i < 8; i += 2) {
        sum = _mm256_dpbusd_avx_epi32(sum, w[i], v_four(x + 4 * i));
        other = _mm256_dpbusd_avx_epi32(other, w[i + 1], v_four(x + 4 * i + 4));
    }
    return _mm256_blend_epi16(_mm256_add_epi32(sum, other), offset, 0xaa);
}
#else
static inline vi v_add_pairs(vi acc, vi a, vi b) { return _mm256_add_epi32(acc, _mm256_madd_epi16(a, b)); }
/* sums of 16 products of at most 15 * 127 fit 16 bits */
static inline vi v_group(const vi w[8], const int8_t *x, vi offset) {
    vi sum = _mm256_maddubs_epi16(w[0], v_four(x));
    for (int i = 1; i < 8; i++) sum = _mm256_add_epi16(sum, _mm256_maddubs_epi16(w[i], v_four(x + 4 * i)));
    sum = _mm256_add_epi16(_mm256_madd_epi16(sum, _mm256_set1_epi16(1)), offset);
    return _mm256_blend_epi16(sum, offset, 0xaa);
}
#endif
#elif defined(__wasm_simd128__)
static inline vi v_low_nibbles(vi a) { return wasm_v128_and(a, wasm_i8x16_splat(15)); }
static inline vi v_high_nibbles(vi a) { return wasm_u8x16_shr(a, 4); }
static inline void v_store_int(void *p, vi a) { wasm_v128_store(p, a); }
static inline vi v_lines(const int8_t *p) { return wasm_i16x8_load8x8(p); }
static inline vi v_add_pairs(vi acc, vi a, vi b) { return wasm_i32x4_add(acc, wasm_i32x4_dot_i16x8(a, b)); }
static inline vi v_group(const vi w[8], const int8_t *x, vi offset) {
    vi sum = offset;
    for (int i = 0; i < 8; i++) {
#ifdef __wasm_relaxed_simd__
        sum = wasm_i32x4_relaxed_dot_i8x16_i7x16_add(v_four(x + 4 * i), w[i], sum);
#else
        sum = v_dot(sum, v_four(x + 4 * i), w[i]);
#endif
    }
    return wasm_v128_bitselect(sum, offset, wasm_i32x4_splat(0xffff));
}
#elif defined(__aarch64__) && defined(__ARM_NEON)
static inline vi v_low_nibbles(vi a) {
    return vreinterpretq_s32_u8(vandq_u8(vreinterpretq_u8_s32(a), vdupq_n_u8(15)));
}
static inline vi v_high_nibbles(vi a) { return vreinterpretq_s32_u8(vshrq_n_u8(vreinterpretq_u8_s32(a), 4)); }
static inline void v_store_int(void *p, vi a) { vst1q_s8((int8_t *)p, vreinterpretq_s8_s32(a)); }
static inline vi v_lines(const int8_t *p) { return vreinterpretq_s32_s16(vmovl_s8(vld1_s8(p))); }
static inline vi v_add_pairs(vi acc, vi a, vi b) {
    const int16x8_t x = vreinterpretq_s16_s32(a), y = vreinterpretq_s16_s32(b);
    return vaddq_s32(acc, vpaddq_s32(vmull_s16(vget_low_s16(x), vget_low_s16(y)), vmull_high_s16(x, y)));
}
static inline vi v_group(const vi w[8], const int8_t *x, vi offset) {
#ifdef __ARM_FEATURE_DOTPROD
    vi sum = offset;
    for (int i = 0; i < 8; i++) sum = v_dot(sum, v_four(x + 4 * i), w[i]);
#else /* sums of 8 products of at most 15 * 127 fit 16 bits */
    int16x8_t low = vdupq_n_s16(0), high = low;
    for (int i = 0; i < 8; i++) {
        const int8x16_t a = vreinterpretq_s8_s32(w[i]), b = vreinterpretq_s8_s32(v_four(x + 4 * i));
        low = vmlal_s8(low, vget_low_s8(a), vget_low_s8(b));
        high = vmlal_high_s8(high, a, b);
    }
    const vi sum = vaddq_s32(offset, vpaddq_s32(vpaddlq_s16(low), vpaddlq_s16(high)));
#endif
    const uint32x4_t first = vdupq_n_u32(0xffff);
    return vbslq_s32(first, sum, offset);
}
#else
typedef int16_t vs __attribute__((vector_size(16)));
static inline vi v_low_nibbles(vi a) { return a & 0x0f0f0f0f; }
static inline vi v_high_nibbles(vi a) { return (a >> 4) & 0x0f0f0f0f; }
static inline void v_store_int(void *p, vi a) { memcpy(p, &a, sizeof a); }
static inline vi v_lines(const int8_t *p) {
    vs a = {0};
    for (int i = 0; i < 8; i++) a[i] = p[i];
    return (vi)a;
}
static inline vi v_low_half(vi a) { return (vi)((vu)a << 16) >> 16; }
static inline vi v_add_pairs(vi acc, vi a, vi b) { return acc + v_low_half(a) * v_low_half(b) + (a >> 16) * (b >> 16); }
/* even and odd bytes apart; sums of 16 products of at most 15 * 127 fit 16 bits */
static inline vi v_group(const vi w[8], const int8_t *x, vi offset) {
    vs sum = {0};
    for (int i = 0; i < 8; i++) {
        const vs both = (vs)v_four(x + 4 * i);
        sum += (vs)(w[i] & 0x000f000f) * ((vs)((vu)v_four(x + 4 * i) << 8) >> 8);
        sum += (vs)(w[i] >> 8 & 0x000f000f) * (both >> 8);
    }
    const vi all = v_low_half((vi)sum) + ((vi)sum >> 16) + offset;
    return (all & 0xffff) | (offset & (vi)((vu){0, 0, 0, 0} + 0xffff0000u));
}
#endif
#endif
