from pocket_fast.cpu._kernels cimport pf_kernels
from pocket_fast.cpu._team cimport pf_team


ctypedef struct Heads:
    int n                 # query heads
    int kv                # key/value heads, each shared by n / kv query heads
    int dim               # width of a head
    int context           # 0: attend to every position so far; else to a window of that many
    int kind              # of keys and values: PF_F32, or PF_BF16, rounded to nearest even


ctypedef struct Span:
    # Keys and values of consecutive positions, every layer and head, in blocks of `block` positions: a
    # stream grows by one more. In a block, per head: keys as panels [block / 32][dim][32], then values as
    # panels [dim / 32][block][32]; bfloat16 as it is packed, in pairs of dim and of block.
    float **blocks
    int block             # positions, a multiple of PF_PANEL
    int length            # positions seen; with a window there is one block, a ring that holds the last of them


ctypedef struct Run:
    # One stream's rows in a batch.
    Span prefix           # read-only, shared; length 0 if there is none
    Span own              # the new positions are appended here
    int first             # first row in the batch
    int rows


cdef Py_ssize_t span_head(const Heads *heads, int block) noexcept nogil
cdef Py_ssize_t score_floats(const Heads *heads, int positions) noexcept nogil
cdef void attend(const pf_kernels *kernels, const pf_team *team, const Heads *heads, int layer, Run *runs, int n_runs,
                 float *qkv, Py_ssize_t qkv_row, const float *q_norm, const float *k_norm, float eps, const float *cos,
                 const float *sin, float *out, Py_ssize_t out_row, float *scores, bint keys_only) noexcept nogil
