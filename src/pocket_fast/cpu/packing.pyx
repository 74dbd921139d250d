# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Weights packed once at load, in the storage type of the checkpoint, and the product that uses them."""

from cython.parallel cimport parallel, prange
from libc.stdint cimport uint16_t

import numpy as np

from pocket_fast.cpu._dispatch cimport kernels
from pocket_fast.cpu._kernels cimport PF_BF16, PF_F32, PF_FEW, PF_NONE, PF_PANEL, PF_ROWS, pf_gemm, pf_kernels
from pocket_fast.cpu._memory cimport WeightStore
from pocket_fast.cpu._team cimport pf_share, pf_team


cdef class PackedLinear:
    """One matrix in panel form; its memory belongs to `store`."""

    @property
    def shape(self):
        """(outputs, inputs), inputs counted over all taps."""
        return self.c.n, self.c.k * self.c.taps

    @property
    def nbytes(self):
        return self.c.panels * self.c.w_panel


def pack_linear(WeightStore store, weight, bias=None, *, int taps=1, order=None, int threads=1):
    """Pack `weight` (n, taps * k): float32 stays float32, bfloat16 (given as uint16) stays bfloat16.

    order: source row of every output row (n,) int, or None; bias: (n,) float32 in *output* order or None.
    float16 is widened to float32 (exact). Raises ValueError for another dtype or a shape that does not chain.
    """
    source = weight
    if weight.dtype == np.float16:
        weight = weight.astype(np.float32)
    if weight.dtype not in (np.float32, np.uint16):
        raise ValueError(f"pack_linear: weight is {weight.dtype}, expected float32, float16 or bfloat16 as uint16")
    if weight.ndim != 2 or weight.shape[1] % taps:
        raise ValueError(f"pack_linear: weight {weight.shape}, expected (n, {taps} * k)")
    weight = np.ascontiguousarray(weight)
    cdef Py_ssize_t n = weight.shape[0], k = weight.shape[1] // taps
    if bias is not None and np.size(bias) != n:
        raise ValueError(f"pack_linear: bias {np.shape(bias)} for {n} outputs")
    if order is None:
        order = np.arange(n)
    cdef const long long[::1] rows = np.ascontiguousarray(order, dtype=np.int64)
    if rows.shape[0] != n or (n and (min(rows) < 0 or max(rows) >= n)):
        raise ValueError(f"pack_linear: order has {rows.shape[0]} rows, expected a permutation of {n}")

    cdef PackedLinear packed = PackedLinear()
    cdef Linear *c = &packed.c
    if n <= PF_FEW:
        packed.store = store
        c.kind, c.n, c.k, c.taps, c.panels = PF_ROWS, <int>n, <int>k, taps, 1
        c.w = store.vector(weight[np.asarray(order)])
        c.w_panel = n * k * taps * 4
        c.bias = store.vector(bias)
        store.release(source)
        return packed
    cdef Py_ssize_t element = 4 if weight.dtype == np.float32 else 2
    packed.store = store
    c.kind = PF_F32 if element == 4 else PF_BF16
    c.n = <int>n
    c.k = <int>k
    c.taps = taps
    c.panels = <int>((n + PF_PANEL - 1) // PF_PANEL)
    c.w_panel = taps * (k if element == 4 else (k + 1) // 2 * 2) * PF_PANEL * element
    c.w = store.take(c.panels * c.w_panel)
    c.bias = store.vector(bias)
    cdef const unsigned char[::1] raw = weight.reshape(-1).view(np.uint8)
    cdef Py_ssize_t row_bytes = weight.shape[1] * element
    cdef int p
    if n and k:
        for p in prange(c.panels, nogil=True, schedule="static", num_threads=threads):
            _pack_panel(c, p, &raw[0], &rows[0], row_bytes)
    store.release(source)
    return packed


cdef void _pack_panel(const Linear *c, int panel, const unsigned char *raw, const long long *order,
                      Py_ssize_t row_bytes) noexcept nogil:
    cdef const void *rows[PF_PANEL]
    cdef int j, row
    cdef char *to = <char *>c.w + panel * c.w_panel
    for j in range(PF_PANEL):
        row = panel * PF_PANEL + j
        rows[j] = raw + order[row] * row_bytes if row < c.n else NULL
    if c.kind == PF_F32:
        kernels().pack_f32(<float *>to, <const float *const *>rows, c.k * c.taps)
    else:
        kernels().pack_bf16(<uint16_t *>to, <const uint16_t *const *>rows, c.k, c.taps)


cdef void apply_linear(const pf_kernels *kernels, const pf_team *team, const Linear *w,
                       pf_gemm *g, int rows) noexcept nogil:
    """This thread's share of `rows` rows of w; every member of the team calls it, none waits in it.

    x, x_row, x_tap, y, a, skip, scale and their pitches are the caller's; the rest comes from w.
    """
    cdef int lo, hi
    g.w = w.w
    g.w_panel = w.w_panel
    g.bias = w.bias
    g.k = w.k
    g.taps = w.taps
    g.n = w.n
    # Split what is bigger, so that each thread streams only its half of it: the weights (the same
    # slice every step: it stays in that core's cache) or, for many rows, the activations.
    cdef bint many_rows = rows >= 2 * kernels.tile_rows * team.size
    cdef bint light_weights = rows * (<Py_ssize_t>w.k * w.taps + w.n) > <Py_ssize_t>w.n * w.k * w.taps
    if many_rows and (light_weights or w.panels < 4 * team.size):
        pf_share(team, rows, kernels.tile_rows, &lo, &hi)
        kernels.gemm[w.kind](g, lo, hi, 0, w.panels)
    else:
        pf_share(team, w.panels, 1, &lo, &hi)
        kernels.gemm[w.kind](g, 0, rows, lo, hi)


cdef void plain_gemm(pf_gemm *g, const float *x, Py_ssize_t x_row, float *y, Py_ssize_t y_row) noexcept nogil:
    """Set the caller's part of g: y = w x [+ bias], nothing else. Callers change what differs."""
    g.x = x
    g.x_row = x_row
    g.x_tap = 0
    g.scale = NULL
    g.scale_row = 0
    g.skip = NULL
    g.skip_row = 0
    g.y = y
    g.y_row = y_row
    g.a = NULL
    g.a_row = 0
    g.activation = PF_NONE
