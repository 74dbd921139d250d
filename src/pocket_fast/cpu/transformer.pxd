from pocket_fast.cpu._kernels cimport pf_kernels
from pocket_fast.cpu._memory cimport Arena, WeightStore
from pocket_fast.cpu._team cimport pf_team
from pocket_fast.cpu.attention cimport Heads, Run
from pocket_fast.cpu.packing cimport Linear


ctypedef struct Layer:
    Linear qkv        # rows: all query heads, all key heads, all value heads; each head real | imaginary
    Linear out
    Linear gate           # n = 0: none
    Linear up
    Linear down
    const float *norm1_weight
    const float *norm1_bias    # NULL with RMSNorm
    const float *norm2_weight
    const float *norm2_bias
    const float *q_norm   # (dim,) RMSNorm of each head, or NULL
    const float *k_norm
    const float *scale1   # layer scale after attention and after the feed-forward, or NULL
    const float *scale2


ctypedef struct TransformerScratch:
    float *hidden         # (rows, hidden_row) the residual stream: input and output
    Py_ssize_t hidden_row
    float *normed         # (rows or threads * few rows, d)
    float *qkv
    float *attended
    float *feed
    float *cos            # (rows, dim / 2)
    float *sin
    float *scores         # per thread
    Py_ssize_t scores_each


cdef class Stack:
    """The layers of one transformer and their geometry."""
    cdef WeightStore store
    cdef list packed
    cdef Layer *layers
    cdef readonly int n_layers
    cdef readonly int d
    cdef readonly int feed
    cdef readonly bint rms
    cdef int activation
    cdef float eps
    cdef Heads heads
    cdef float *freqs
    cdef int tabled                # of so many positions
    cdef float *cosines            # the rotation is known, (tabled, dim / 2)
    cdef float *sines
    cdef readonly int widest       # floats of the widest row any product reads, padding included
    cdef _load_layer(self, Layer *layer, weights, str prefix, form, str product, int threads)
    cdef Py_ssize_t span_floats(self, int capacity) noexcept nogil
    cdef int cut(self, TransformerScratch *s, Arena arena, int rows, int threads, int positions) except -1
    cdef void forward(self, const pf_kernels *kernels, const pf_team *team, TransformerScratch *s,
                      Run *runs, int n_runs, int rows, bint keys_only) noexcept nogil
    cdef void _rotations(self, TransformerScratch *s, const Run *runs, int n_runs) noexcept nogil
    cdef const float *_norm(self, const pf_kernels *kernels, const pf_team *team, TransformerScratch *s, int rows,
                            const float *weight, const float *bias) noexcept nogil
