from pocket_fast.cpu._kernels cimport pf_kernels
from pocket_fast.cpu._memory cimport WeightStore
from pocket_fast.cpu._team cimport pf_team
from pocket_fast.cpu.packing cimport Linear


ctypedef struct Buffer:
    # One activation of the chain: `history` rows of the past, then `rows` of this frame.
    int channels
    int rows
    int history
    Py_ssize_t scratch     # where it starts in the scratch, in floats
    Py_ssize_t state       # where its history is kept in the stream's state, in floats


ctypedef struct Op:
    Linear weight
    int source
    int past               # rows of history this op reads
    int stride
    int dilation
    int rows               # rows of the product (of the input for a transposed convolution)
    bint replicate         # the past before the first frame repeats its first row, instead of zeros
    int raw                # buffer of the value, or -1
    int active             # buffer of ELU(value), or -1
    int skip               # buffer added to the value, or -1


cdef class ConvChain:
    """Causal convolutions in a row, streamed frame by frame."""
    cdef WeightStore store
    cdef Buffer buffers[64]
    cdef Op ops[64]
    cdef int n_buffers
    cdef int n_ops
    cdef readonly int input
    cdef readonly int output
    cdef readonly Py_ssize_t scratch_floats
    cdef readonly Py_ssize_t state_floats
    cdef readonly double macs
    cdef readonly Py_ssize_t prepared_floats   # of team.scratch, for one thread
    cdef str product
    cdef int _buffer(self, int channels, int rows) except -1
    cdef _add(self, int source, matrix, bias, int taps, int past, int stride, int dilation, int rows, int channels,
              int out_rows, int skip, bint raw, bint active, bint replicate, int threads)
    cdef float *rows_of(self, int buffer, float *scratch) noexcept nogil
    cdef void begin(self, float *scratch, const float *state) noexcept nogil
    cdef void run(self, const pf_kernels *kernels, const pf_team *team, float *scratch, bint first) noexcept nogil
    cdef void end(self, float *scratch, float *state) noexcept nogil
