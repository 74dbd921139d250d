"""csrc/pf_kernels.h as Cython sees it. Declarations only: the table itself lives in `_dispatch`."""

from libc.stdint cimport int8_t, uint8_t, uint16_t

cdef extern from "pf_kernels.h" nogil:
    enum: PF_PANEL
    enum: PF_FEW
    enum: PF_READ
    enum: PF_F32
    enum: PF_BF16
    enum: PF_ROWS
    enum: PF_INT8
    enum: PF_DOT
    enum: PF_INT4
    enum: PF_GROUP
    enum: PF_INT4_MOST
    enum: PF_NONE
    enum: PF_ELU
    enum: PF_GELU
    enum: PF_SILU
    enum: PF_ERF_GELU
    enum: PF_RELU
    enum: PF_CLAMP
    enum: PF_SNAKE

    ctypedef struct pf_gemm:
        const float *x
        Py_ssize_t x_row
        Py_ssize_t x_tap
        const void *q
        Py_ssize_t q_row
        const float *q_scale
        const void *w
        Py_ssize_t w_panel
        const float *bias
        const float *scale
        const float *skip
        Py_ssize_t scale_row
        Py_ssize_t skip_row
        float *y
        float *a
        Py_ssize_t y_row
        Py_ssize_t a_row
        int k
        int taps
        int n
        int activation
        const float *snake
        int lane
        Py_ssize_t lane_floats

    ctypedef struct pf_kernels:
        const char *isa
        int tile_rows
        void (*gemm[6])(const pf_gemm *g, int row0, int row1, int panel0, int panel1) noexcept nogil
        int q_bytes
        float (*quantize)(int8_t *q, const float *x, int k) noexcept nogil
        float (*quantize_row_int4)(int8_t *q, const float *x, int k) noexcept nogil
        void (*narrow_bf16)(uint16_t *y, const float *x, Py_ssize_t n) noexcept nogil
        void (*norm)(float *y, const float *x, int n, float eps, const float *weight, const float *bias,
                     const float *scale, const float *shift) noexcept nogil
        void (*rms_norm)(float *y, const float *x, int n, float eps, const float *weight) noexcept nogil
        void (*rope)(float *x, const float *cos, const float *sin, int half) noexcept nogil
        void (*softmax)(float *p, int n, float scale, int a0, int a1, int b0, int b1) noexcept nogil
        void (*affine)(float *y, const float *x, const float *scale, const float *shift, int n) noexcept nogil
        void (*upsample)(float *y, const float *old, const float *now, const float *w_old,
                         const float *w_new, int channels, int stride) noexcept nogil
        void (*depthwise)(float *y, const float *x, const float *w, const float *bias, int channels,
                          int taps) noexcept nogil
        void (*pack_f32)(float *panel, const float *const *rows, int k) noexcept nogil
        void (*pack_bf16)(uint16_t *panel, const uint16_t *const *rows, int k, int taps) noexcept nogil
        float (*quantize_weight)(int8_t *q, const float *x, int k) noexcept nogil
        void (*pack_int8)(void *panel, const int8_t *const *rows, const float *scales, int k) noexcept nogil
        float (*quantize_weight_int4)(uint8_t *q, int8_t *lines, const float *x, int k) noexcept nogil
        void (*pack_int4)(void *panel, const uint8_t *const *rows, const int8_t *const *lines, const float *scales,
                          int k) noexcept nogil
        double (*peak[6])(int rounds) noexcept nogil
        float (*sum)(const float *x, Py_ssize_t n) noexcept nogil

    int pf_isa_count()
    const char *pf_isa_name(int i)
    int pf_isa_usable(int i)
    const pf_kernels *pf_isa_table(int i)
