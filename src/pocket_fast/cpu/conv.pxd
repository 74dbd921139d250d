from pocket_fast.cpu._kernels cimport pf_kernels
from pocket_fast.cpu._memory cimport WeightStore
from pocket_fast.cpu._team cimport pf_team
from pocket_fast.cpu.packing cimport Linear


cdef enum:
    GATHERED = 1 << 20     # bytes of inputs that lanes may have together in one product: what stays in a core's L2


ctypedef struct Buffer:
    # One activation of the chain: `history` rows of the past, then up to `rows` of this call.
    int channels
    int rows
    int history
    Py_ssize_t scratch     # where it starts in the scratch, in floats
    Py_ssize_t state       # where its history is kept in the stream's state, in floats


ctypedef struct Op:
    int kind               # PRODUCT, DEPTHWISE or NORM
    Linear weight          # PRODUCT
    const float *vectors   # DEPTHWISE: (taps, channels) and the bias; NORM: weight and bias
    int taps               # DEPTHWISE
    float eps              # NORM
    int source
    int past               # rows of history this op reads
    int stride
    int dilation
    bint replicate         # what lies outside repeats the first or the last row, instead of zeros
    const float *scale     # (channels,) of the value before the skip is added, or NULL
    int raw                # buffer of the value, or -1
    int active             # buffer of activation(value), or -1
    int activation
    const float *snake     # see pf_gemm
    int skip               # buffer added to the value, or -1


cdef class ConvChain:
    """Causal convolutions in a row, streamed piece by piece."""
    cdef WeightStore store
    cdef Buffer *buffers
    cdef Op *ops
    cdef int n_buffers
    cdef int n_ops
    cdef readonly int input
    cdef readonly int output
    cdef readonly Py_ssize_t scratch_floats
    cdef readonly Py_ssize_t state_floats
    cdef readonly double macs
    cdef readonly Py_ssize_t prepared_bytes    # of team.scratch, for one thread
    cdef str product
    cdef int _buffer(self, int channels, int rows) except -1
    cdef Op *_op(self, int kind, int source, int past) except NULL
    cdef _outputs(self, Op *op, int channels, int rows, activation, bint raw, bint active, int times)
    cdef int rows_in(self, int buffer, int rows) noexcept nogil
    cdef float *rows_of(self, int buffer, float *scratch) noexcept nogil
    cdef void begin(self, float *scratch, const float *state) noexcept nogil
    cdef void run(self, const pf_kernels *kernels, const pf_team *team, float *scratch, int rows, bint first,
                  int lanes, Py_ssize_t lane_floats) noexcept nogil
    cdef void end(self, float *scratch, float *state, int rows) noexcept nogil
    cdef void _pad(self, const Op *op, float *scratch, int rows, int wanted, bint first) noexcept nogil
    cdef void _multiply(self, const pf_kernels *kernels, const pf_team *team, const Op *op, float *scratch, int rows,
                        int lanes, Py_ssize_t lane_floats) noexcept nogil
    cdef void _row_by_row(self, const pf_kernels *kernels, const pf_team *team, const Op *op, float *scratch, int rows,
                          int lanes, Py_ssize_t lane_floats) noexcept nogil
