// What all kernels share. Everything here is compiled as one text, common.cuh first, by NVRTC; the tests compile the
// same text with the host's C++ compiler, which is why nothing is included and what only a GPU has stands here.
//
// Rows are time steps, tokens or streams; a row's width is padded to a multiple of 8 floats with zeros, and every row
// begins at a multiple of 16 bytes. Every sum runs in an order that depends on its own length alone: a row's result
// is the same bit for bit whatever other rows there are.

typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;

#define PF_KERNEL extern "C" __global__

#ifndef PF_ON_CPU
// `count` elements that the threads of a block share
#define PF_SHARED(type, name, count) __shared__ __align__(16) type name[count]

// two floats as bfloat16, rounded to nearest even, the first one in the lower half
static __device__ __forceinline__ u32 pf_narrow(float low, float high) {
    u32 both;
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(both) : "f"(high), "f"(low));
    return both;
}

// d += a b of 16 x 16 and 16 x 8 bfloat16, spread over a warp as the instruction wants it
static __device__ __forceinline__ void pf_multiply_tile(float d[4], const u32 a[4], const u32 b[2]) {
    asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}
#endif

static __device__ __forceinline__ float pf_infinity() { return __uint_as_float(0x7f800000u); }
static __device__ __forceinline__ float pf_low(u32 two) { return __uint_as_float(two << 16); }
static __device__ __forceinline__ float pf_high(u32 two) { return __uint_as_float(two & 0xffff0000u); }

// 8 neighbours, of whatever they are stored as
static __device__ __forceinline__ void pf_load8(float to[8], const float *from) {
    const float4 a = *reinterpret_cast<const float4 *>(from), b = *reinterpret_cast<const float4 *>(from + 4);
    to[0] = a.x, to[1] = a.y, to[2] = a.z, to[3] = a.w;
    to[4] = b.x, to[5] = b.y, to[6] = b.z, to[7] = b.w;
}

static __device__ __forceinline__ void pf_load8(float to[8], const u16 *from) {
    const uint4 v = *reinterpret_cast<const uint4 *>(from);
    to[0] = pf_low(v.x), to[1] = pf_high(v.x), to[2] = pf_low(v.y), to[3] = pf_high(v.y);
    to[4] = pf_low(v.z), to[5] = pf_high(v.z), to[6] = pf_low(v.w), to[7] = pf_high(v.w);
}

// the sum over the 32 lanes of a warp, in every lane
static __device__ __forceinline__ float pf_warp_sum(float v) {
    for (int step = 16; step; step /= 2) v += __shfl_xor_sync(0xffffffffu, v, step);
    return v;
}

static __device__ __forceinline__ float pf_warp_max(float v) {
    for (int step = 16; step; step /= 2) v = fmaxf(v, __shfl_xor_sync(0xffffffffu, v, step));
    return v;
}

enum { PF_NONE, PF_ELU, PF_GELU, PF_ERF_GELU, PF_SILU, PF_SNAKE, PF_CLAMP, PF_RELU };

// snake: [alpha of all columns, gain of all columns], as data (see conv.py)
static __device__ __forceinline__ float pf_activate(int activation, float v, const float *snake, int column,
                                                    int columns) {
    switch (activation) {
        case PF_ELU: return v > 0.0f ? v : expm1f(v);
        case PF_GELU: return 0.5f * v * (1.0f + tanhf(0.7978845608f * (v + 0.044715f * v * v * v)));
        case PF_ERF_GELU: return 0.5f * v * (1.0f + erff(v * 0.7071067812f));
        case PF_SILU: return v / (1.0f + expf(-v));
        case PF_SNAKE: {
            const float wave = sinf(v * snake[column]);
            return v + wave * wave * snake[columns + column];
        }
        case PF_RELU: return fmaxf(v, 0.0f);
        case PF_CLAMP: return fminf(fmaxf(v, -1.0f), 1.0f);
    }
    return v;
}
