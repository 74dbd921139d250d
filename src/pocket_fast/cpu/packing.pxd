from pocket_fast.cpu._kernels cimport pf_gemm, pf_kernels
from pocket_fast.cpu._linear cimport Linear
from pocket_fast.cpu._memory cimport WeightStore
from pocket_fast.cpu._team cimport pf_team


cdef class PackedLinear:
    cdef Linear c
    cdef WeightStore store


cdef Py_ssize_t prepared_bytes(int rows, Py_ssize_t widest, int threads) noexcept nogil
cdef Py_ssize_t narrowed_bytes(Py_ssize_t count) noexcept nogil
cdef void prepare_rows(const pf_kernels *kernels, const pf_team *team, const Linear *w, pf_gemm *g,
                       int rows) noexcept nogil
cdef Py_ssize_t gathered_bytes(const Linear *w, int rows) noexcept nogil
cdef void gather_rows(const pf_kernels *kernels, const pf_team *team, const Linear *w, pf_gemm *g, int lanes,
                      int rows) noexcept nogil
cdef void share_linear(const pf_kernels *kernels, const pf_team *team, const Linear *w,
                       pf_gemm *g, int rows) noexcept nogil
cdef void apply_linear(const pf_kernels *kernels, const pf_team *team, const Linear *w,
                       pf_gemm *g, int rows) noexcept nogil

cdef void plain_gemm(pf_gemm *g, const float *x, Py_ssize_t x_row, float *y, Py_ssize_t y_row) noexcept nogil
