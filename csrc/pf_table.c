/* Compiled once per instruction set with -DPF_ISA=<name> and that set's flags: the whole table.
 * Everything but the table is static, so no variant can leak into another. PF_WEB: what csrc/web never calls is left
 * out, for a page waits for every byte. */
#include <math.h>
#include <string.h>

#include "pf_kernels.h"
#include "kernels/simd.h"
#include "kernels/math.inl"
#include "kernels/tiles.inl"
#include "kernels/tiles_int8.inl"
#include "kernels/gemm.inl"
#ifdef __AMX_TILE__
#include "kernels/amx.inl"
#endif
#include "kernels/rowwise.inl"
#include "kernels/pack.inl"
#include "kernels/simd_int4.h"
#include "kernels/gemm_int4.inl"
#ifndef PF_WEB
#include "kernels/pack_int4.inl"
#include "kernels/limits.inl"
#endif

#define CAT_(a, b) a##_##b
#define CAT(a, b) CAT_(a, b)
#define STR_(a) #a
#define STR(a) STR_(a)

extern const pf_kernels CAT(pf_kernels, PF_ISA);

const pf_kernels CAT(pf_kernels, PF_ISA) = {
    .isa = STR(PF_ISA),
    .gemm = {[PF_F32] = gemm_f32, [PF_BF16] = gemm_bf16, [PF_ROWS] = gemm_rows,
             [PF_INT4] = gemm_int4,
#ifdef __AMX_TILE__
             [PF_INT8] = gemm_int8_amx, [PF_DOT] = gemm_dot_amx,
    },
    .tile_rows = AMX_ROWS,
#elif defined(V_HAVE_BF16_DOT)
             [PF_INT8] = gemm_int8, [PF_DOT] = gemm_dot,
    },
    .tile_rows = TILE_ROWS,
#else
             [PF_INT8] = gemm_int8,
    },
    .tile_rows = TILE_ROWS,
#endif
#ifdef V_WORDS_FROM
    .q_bytes = 3, /* a byte, and a word */
#else
    .q_bytes = 1,
#endif
    .quantize = quantize,
    .quantize_row_int4 = quantize_row_int4,
#ifdef V_HAVE_BF16_DOT
    .narrow_bf16 = narrow_bf16,
#endif
    .norm = norm,
#ifndef PF_WEB
    .rms_norm = rms_norm,
#endif
    .rope = rope,
    .softmax = softmax,
    .affine = affine,
    .upsample = upsample,
#ifndef PF_WEB
    .depthwise = depthwise,
    .pack_f32 = pack_f32,
    .pack_bf16 = pack_bf16,
    .quantize_weight = quantize_weight,
    .pack_int8 = pack_int8,
    .quantize_weight_int4 = quantize_weight_int4,
    .pack_int4 = pack_int4,
    .peak = {[PF_F32] = peak_f32, [PF_INT8] = peak_int8,
#ifdef V_HAVE_BF16_DOT
             [PF_DOT] = peak_dot,
#endif
    },
    .sum = sum,
#endif
};
