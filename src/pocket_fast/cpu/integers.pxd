from pocket_fast.cpu._kernels cimport pf_gemm, pf_kernels
from pocket_fast.cpu._linear cimport Linear
from pocket_fast.cpu._memory cimport WeightStore
from pocket_fast.cpu._team cimport pf_team

cdef enum:
    LINE = 64
    FEW_ROWS = 8     # up to here every thread prepares all rows for itself: cheaper than two barriers

cdef pack_integers(Linear *c, WeightStore store, list sources, scale, lines, addresses, int threads)
cdef Py_ssize_t whole_lines(Py_ssize_t nbytes) noexcept nogil
cdef Py_ssize_t integer_bytes(int rows, Py_ssize_t k) noexcept nogil
cdef void prepare_integers(const pf_kernels *kernels, const pf_team *team, int kind, pf_gemm *g, int rows,
                           int k) noexcept nogil
