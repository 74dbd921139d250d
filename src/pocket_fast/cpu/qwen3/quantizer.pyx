# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Residual vector quantisation: nearest vectors of one table after the other, each of what the ones before have left.

The nearest vector v of x is that of the largest x v - |v|^2 / 2: one matrix product for a table. Of vectors equally
near it is the first. Upstream: transformers/models/mimi (4.57.3), where it is the smallest of rounded distances.
"""

from cython.parallel cimport parallel
from libc.stdint cimport int32_t

import numpy as np

from pocket_fast.cpu._dispatch cimport kernels
from pocket_fast.cpu._kernels cimport PF_F32, PF_PANEL, pf_gemm, pf_kernels
from pocket_fast.cpu._memory cimport Arena, WeightStore
from pocket_fast.cpu._memory import widen
from pocket_fast.cpu._team cimport pf_barrier, pf_share, pf_team, pf_this_team
from pocket_fast.cpu._threads import threads_for
from pocket_fast.cpu.packing cimport Linear, PackedLinear, plain_gemm
from pocket_fast.cpu.packing import pack_linear

cdef enum:
    BLOCK = 32        # latents whose distances to a whole table are held at a time
    MOST_TABLES = 32


cdef class ResidualQuantizer:
    """weights: {name: array} of which `prefix` + input_proj.weight and layers.{i}.codebook.* are read.

    layers: tables, from the first on. Raises ValueError for more than 32, or tables of 4 vectors and fewer.
    """
    cdef readonly int layers
    cdef readonly int width           # of a latent
    cdef int inner                    # of the vectors
    cdef int codes                    # in a table
    cdef Linear project               # n = 0: none
    cdef Linear tables[MOST_TABLES]
    cdef WeightStore store

    def __init__(self, WeightStore store, weights, str prefix, int layers, int threads=1):
        cdef PackedLinear packed
        if not 0 < layers <= MOST_TABLES:
            raise ValueError(f"{prefix}: {layers} tables, expected 1 to {MOST_TABLES}")
        self.store, self.layers = store, layers
        for i in range(layers):
            name = f"{prefix}layers.{i}.codebook."
            used = np.maximum(widen(weights[name + "cluster_usage"]), np.float32(1e-5))
            table = widen(weights[name + "embed_sum"]) / used[:, None]
            packed = pack_linear(store, table, -0.5 * (table.astype(float) ** 2).sum(axis=1), threads=threads)
            if packed.c.kind != PF_F32:
                raise ValueError(f"{name}embed_sum: {len(table)} vectors, expected more")
            self.tables[i] = packed.c
            store.release(weights[name + "embed_sum"])
        self.codes, self.inner = packed.c.n, packed.c.k
        self.project.n = 0
        self.width = self.inner
        if prefix + "input_proj.weight" in weights:
            packed = pack_linear(store, weights[prefix + "input_proj.weight"][:, :, 0], threads=threads)
            self.project, self.width = packed.c, packed.c.k

    def encode(self, latents, codes, int threads=1):
        """latents (T, width) float32 -> codes (T, layers) int32, any pitch between rows; threads: most to use."""
        cdef const float[:, ::1] x = latents
        cdef int32_t[:, :] out = codes
        cdef int n = <int>x.shape[0], team
        cdef Arena arena = Arena()
        cdef float *rest
        cdef float *scores
        cdef pf_barrier barrier
        if latents.shape[1] != self.width or codes.shape != (n, self.layers):
            raise ValueError(f"quantise: latents {latents.shape}, codes {codes.shape}; expected (T, {self.width}) and "
                             f"(T, {self.layers})")
        if n == 0:
            return
        team = threads_for(threads, <double>n * self.layers * self.codes * self.inner)
        while arena.again():
            rest = arena.floats(<Py_ssize_t>team * BLOCK * self.inner)
            scores = arena.floats(<Py_ssize_t>team * BLOCK * self.codes)
        with nogil, parallel(num_threads=team):
            self._part(&barrier, rest, scores, &x[0, 0], n, &out[0, 0], out.strides[0] // <Py_ssize_t>sizeof(int32_t),
                       out.strides[1] // <Py_ssize_t>sizeof(int32_t))

    cdef void _part(self, pf_barrier *barrier, float *rest, float *scores, const float *x, int n, int32_t *out,
                    Py_ssize_t out_row, Py_ssize_t out_column) noexcept nogil:
        """This thread's latents, each a way of its own. rest, scores: of all threads."""
        cdef pf_team team = pf_this_team(barrier, NULL, 0)
        cdef const pf_kernels *k = kernels()
        cdef int lo, hi, rows, i
        cdef pf_gemm g
        rest += <Py_ssize_t>team.rank * BLOCK * self.inner
        scores += <Py_ssize_t>team.rank * BLOCK * self.codes
        pf_share(&team, n, 1, &lo, &hi)
        while lo < hi:
            rows = min(<int>BLOCK, hi - lo)
            if self.project.n:
                plain_gemm(&g, x + lo * <Py_ssize_t>self.width, self.width, rest, self.inner)
                _whole(k, &self.project, &g, rows)
            else:
                for i in range(rows * self.inner):
                    rest[i] = x[lo * <Py_ssize_t>self.width + i]
            for i in range(self.layers):
                self._nearest(k, &self.tables[i], rest, rows, scores, out + lo * out_row + i * out_column, out_row)
            lo += rows

    cdef void _nearest(self, const pf_kernels *k, const Linear *table, float *rest, int rows, float *scores,
                       int32_t *out, Py_ssize_t out_row) noexcept nogil:
        """The code of each row of rest, and the row less its vector."""
        cdef const float *row
        cdef const float *vector
        cdef int r, i, best
        cdef pf_gemm g
        plain_gemm(&g, rest, self.inner, scores, self.codes)
        _whole(k, table, &g, rows)
        for r in range(rows):
            row = scores + r * <Py_ssize_t>self.codes
            best = 0
            for i in range(1, self.codes):
                if row[i] > row[best]:
                    best = i
            out[r * out_row] = best
            # a column of a panel
            vector = <const float *>(<const char *>table.w + best // PF_PANEL * table.w_panel) + best % PF_PANEL
            for i in range(self.inner):
                rest[r * <Py_ssize_t>self.inner + i] -= vector[i * PF_PANEL]


cdef void _whole(const pf_kernels *k, const Linear *w, pf_gemm *g, int rows) noexcept nogil:
    """All of a product, by this thread; w is as stored."""
    g.w, g.w_panel, g.bias, g.k, g.taps, g.n = w.w, w.w_panel, w.bias, w.k, 1, w.n
    k.gemm[w.kind](g, 0, rows, 0, w.panels)
