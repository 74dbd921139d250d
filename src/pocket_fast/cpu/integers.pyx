# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Matrices in 8 and 4 bits, and the rows they are multiplied with: what "int8" and "int4" of packing.pyx are made of.

pf_kernels.h says what the integers stand for, tests/reference/int4.py how those in 4 bits are found.
"""

from cython.parallel cimport prange, threadid
from libc.stdint cimport int8_t, uint8_t, uint16_t, uint32_t

import numpy as np

from pocket_fast.cpu._dispatch cimport kernels
from pocket_fast.cpu._kernels cimport PF_GROUP, PF_INT4, PF_INT4_MOST, PF_PANEL, pf_gemm, pf_kernels
from pocket_fast.cpu._linear cimport Linear
from pocket_fast.cpu._memory cimport WeightStore
from pocket_fast.cpu._memory import widen
from pocket_fast.cpu._team cimport pf_share, pf_team, pf_wait

MOST_INPUTS = PF_INT4_MOST   # of a matrix in 4 bits


def fitting(product, inputs):
    """The product that a matrix of so many inputs has: in 8 bits, where 4 do not take them."""
    return "int8" if product == "int4" and inputs > MOST_INPUTS else product


def stored_shape(int n, int k):
    """Of the integers of a matrix (n, k) in 4 bits."""
    return n, _groups(k) * (PF_GROUP // 2)


def quantize(weight, int threads=1):
    """(integers (n, k) int8, scales (n,) float32): what "int8" multiplies with in the place of `weight`.

    weight: (n, k) float32, float16 or bfloat16 as uint16; it is about scales[:, None] * integers. The same
    on every instruction set.
    """
    values, tops = np.empty(weight.shape, dtype=np.int8), np.empty(len(weight), dtype=np.float32)
    cdef const float[:, ::1] x = np.ascontiguousarray(widen(weight))
    cdef int8_t[:, ::1] q = values
    cdef float[::1] scales = tops
    cdef int r, k = <int>x.shape[1]
    if values.size == 0:
        tops[:] = 0
        return values, tops
    for r in prange(x.shape[0], nogil=True, schedule="static", num_threads=threads):
        scales[r] = kernels().quantize_weight(&q[r, 0], &x[r, 0], k)
    return values, tops


def quantize_int4(weight, int threads=1):
    """(integers (n, 16 groups) uint8, scales (n,) float32, lines (n, 2 groups) int8): the same of "int4".

    weight: (n, k), in groups of 32 inputs. Byte i of four holds the integers of inputs 8 j + i (low nibble) and
    8 j + 4 + i, plus 8; lines: step and offset of each group. An input is about scale * (step * integer - 8 * offset).
    Raises ValueError for more than MOST_INPUTS inputs.
    """
    cdef int groups = _groups(weight.shape[1])
    values = np.zeros((len(weight), PF_GROUP // 2 * groups), dtype=np.uint8)
    steps, tops = np.zeros((len(weight), 2 * groups), dtype=np.int8), np.zeros(len(weight), dtype=np.float32)
    cdef const float[:, ::1] x = np.ascontiguousarray(widen(weight))
    cdef uint8_t[:, ::1] q = values
    cdef int8_t[:, ::1] lines = steps
    cdef float[::1] scales = tops
    cdef int r, k = <int>x.shape[1]
    if values.size == 0:
        return values, tops, steps
    for r in prange(x.shape[0], nogil=True, schedule="static", num_threads=threads):
        scales[r] = kernels().quantize_weight_int4(&q[r, 0], &lines[r, 0], &x[r, 0], k)
    return values, tops, steps


cdef int _groups(Py_ssize_t k) except -1:
    """Of PF_GROUP inputs. Raises ValueError for more inputs than 4 bits take."""
    if k > PF_INT4_MOST:
        raise ValueError(f"int4: {k} inputs, at most {PF_INT4_MOST} fit")
    return <int>((k + PF_GROUP - 1) // PF_GROUP)


# --- packing -------------------------------------------------------------------------------------


ctypedef struct Given:
    # What a panel is made of, and room of a thread's own.
    const Py_ssize_t *addresses   # (n,) of the rows, in output order: floats, or integers if there are scales
    const Py_ssize_t *lines       # (n,) of the lines of rows in 4 bits
    const float *scales           # (n,) or NULL
    bint bf16
    Py_ssize_t row                # bytes of a row of integers
    float *wide                   # (k,) per thread
    char *integers                # (PF_PANEL, row) per thread
    int8_t *found                 # (PF_PANEL, 2 groups) per thread: their lines


cdef pack_integers(Linear *c, WeightStore store, list sources, scale, lines, addresses, int threads):
    """Fill the panels of c, whose kind, n and k are set. Row by row: no float32 copy of the matrix is ever made.

    addresses (n,) intp: of the rows of `sources`, in output order; scale: (n,) in output order, of rows that are
    integers already, and lines: addresses of theirs, if they are in 4 bits; else None. Raises ValueError for more
    inputs than fit.
    """
    cdef Given given
    cdef int groups = _groups(c.k) if c.kind == PF_INT4 else 0
    c.panels = (c.n + PF_PANEL - 1) // PF_PANEL
    if c.kind == PF_INT4:
        given.row = PF_GROUP // 2 * groups
        c.w_panel = 4 * PF_PANEL + groups * (2 + PF_GROUP // 2) * PF_PANEL
    else:
        given.row = c.k
        c.w_panel = 8 * PF_PANEL + (c.k + 3) // 4 * 4 * PF_PANEL
    c.w = store.take(c.panels * c.w_panel)
    cdef const Py_ssize_t[::1] rows = addresses
    cdef const Py_ssize_t[::1] line_rows = lines
    cdef const float[::1] scales = scale
    cdef float[:, ::1] wide = np.empty((threads, max(c.k, 1)), dtype=np.float32)
    cdef char[:, ::1] integers = np.empty((threads, max(PF_PANEL * given.row, 1)), dtype=np.int8)
    cdef int8_t[:, ::1] found = np.empty((threads, max(PF_PANEL * 2 * groups, 1)), dtype=np.int8)
    cdef int p
    given.addresses, given.wide, given.integers, given.found = &rows[0], &wide[0, 0], &integers[0, 0], &found[0, 0]
    given.scales = NULL if scale is None else &scales[0]
    given.lines = NULL if lines is None else &line_rows[0]
    given.bf16 = sources[0].dtype == np.uint16
    for p in prange(c.panels, nogil=True, schedule="static", num_threads=threads):
        _pack_panel(c, p, &given, threadid())


cdef void _pack_panel(const Linear *c, int panel, const Given *given, int thread) noexcept nogil:
    cdef const char *rows[PF_PANEL]
    cdef const int8_t *lines[PF_PANEL]
    cdef float scales[PF_PANEL]
    cdef char *to = <char *>c.w + panel * c.w_panel
    cdef float *wide = given.wide + <Py_ssize_t>thread * c.k
    cdef Py_ssize_t per_row = 2 * ((c.k + PF_GROUP - 1) // PF_GROUP)
    cdef char *integers
    cdef int8_t *found
    cdef const float *row
    cdef int j, i, r
    for j in range(PF_PANEL):
        r = panel * PF_PANEL + j
        rows[j], lines[j] = NULL, NULL
        if r >= c.n:
            continue
        if given.scales != NULL:
            rows[j], scales[j] = <const char *>given.addresses[r], given.scales[r]
            if c.kind == PF_INT4:
                lines[j] = <const int8_t *>given.lines[r]
            continue
        row = <const float *>given.addresses[r]
        if given.bf16:
            row = wide
            for i in range(c.k):
                (<uint32_t *>wide)[i] = <uint32_t>(<const uint16_t *>given.addresses[r])[i] << 16
        integers = given.integers + (<Py_ssize_t>thread * PF_PANEL + j) * given.row
        if c.kind == PF_INT4:
            found = given.found + (<Py_ssize_t>thread * PF_PANEL + j) * per_row
            scales[j] = kernels().quantize_weight_int4(<uint8_t *>integers, found, row, c.k)
            lines[j] = found
        else:
            scales[j] = kernels().quantize_weight(<int8_t *>integers, row, c.k)
        rows[j] = integers
    if c.kind == PF_INT4:
        kernels().pack_int4(to, <const uint8_t *const *>rows, lines, scales, c.k)
    else:
        kernels().pack_int8(to, <const int8_t *const *>rows, scales, c.k)


# --- rows ----------------------------------------------------------------------------------------


cdef Py_ssize_t whole_lines(Py_ssize_t nbytes) noexcept nogil:
    """nbytes in whole cache lines."""
    return (nbytes + LINE - 1) // LINE * LINE


cdef Py_ssize_t _row_bytes(Py_ssize_t k) noexcept nogil:
    """Of a row's integers, in either form."""
    cdef Py_ssize_t groups = (k + PF_GROUP - 1) // PF_GROUP
    return whole_lines(max(groups * (PF_GROUP + 4), (k + 3) // 4 * 4 * kernels().q_bytes))


cdef Py_ssize_t integer_bytes(int rows, Py_ssize_t k) noexcept nogil:
    """Of the copies that prepare_integers makes of `rows` rows of k floats, their scales before them."""
    return whole_lines(rows * <Py_ssize_t>sizeof(float)) + rows * _row_bytes(k)


cdef void prepare_integers(const pf_kernels *kernels, const pf_team *team, int kind, pf_gemm *g, int rows,
                           int k) noexcept nogil:
    """Point g at integers for its rows, in the form that products of this kind read."""
    cdef int lo = 0, hi = rows, r
    cdef Py_ssize_t pitch = _row_bytes(k)
    cdef char *base = team.scratch
    cdef int8_t *to
    if rows <= FEW_ROWS:
        base += team.rank * team.each
    else:
        pf_wait(team)      # nobody still reads the rows of the product before
        pf_share(team, rows, 1, &lo, &hi)
    g.q_scale = <const float *>base
    g.q = base + integer_bytes(rows, 0)     # behind the scales
    g.q_row = pitch
    for r in range(lo, hi):
        to = <int8_t *>g.q + r * pitch
        if kind == PF_INT4:
            (<float *>g.q_scale)[r] = kernels.quantize_row_int4(to, g.x + r * g.x_row, k)
        else:
            (<float *>g.q_scale)[r] = kernels.quantize(to, g.x + r * g.x_row, k)
    if rows > FEW_ROWS:
        pf_wait(team)
