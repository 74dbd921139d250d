# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Pre-norm transformer layers over a batch of streams, each at its own offset.

    x += scale1 * out(attention(rope(qkv(norm1(x)))));  x += scale2 * down(activation(up(norm2(x))))

Causal attention over everything so far, or over a window of `context` positions; grouped key/value
heads. A LayerForm (layers.py) says which norm, rotation and feed-forward it is. Upstream:
pocket_tts/modules/transformer.py, attention.py, rope.py (4.0.1); RoPE: Su et al. 2021,
arXiv:2104.09864; RMSNorm: Zhang, Sennrich 2019, arXiv:1910.07467; gate: Shazeer 2020, arXiv:2002.05202.
"""

from libc.math cimport cosf, sinf
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy

import numpy as np

from pocket_fast.cpu._kernels cimport PF_BF16, PF_F32, PF_NONE, pf_gemm, pf_kernels
from pocket_fast.cpu._memory cimport Arena, WeightStore
from pocket_fast.cpu._memory import widen
from pocket_fast.cpu._team cimport pf_share, pf_team, pf_wait
from pocket_fast.cpu.attention cimport Heads, Run, attend, score_floats, span_head
from pocket_fast.cpu.attention import rope_order
from pocket_fast.stages.layers import LayerForm
from pocket_fast.cpu.packing cimport Linear, PackedLinear, apply_linear, plain_gemm, prepare_rows, share_linear
from pocket_fast.cpu.integers import fitting, stored_shape
from pocket_fast.cpu.packing import ACTIVATIONS, pack_linear

cdef enum:
    FEW_ROWS = 8      # up to here every thread norms all rows for itself: cheaper than a barrier
    PITCH = 16        # floats added to row pitches: widths of 1024 and 4096 would alias in L1


cdef class Stack:
    """Layers of one transformer. `weights` maps names relative to `prefix` + 'layers.{i}.'.

    d_model, heads, kv_heads, head width `dim`, feed-forward width, rotary max_period; context: 0 or
    the attention window in positions; form: norms, rotation, feed-forward and tensor names (layers.py);
    eps: of the norms; tabled: of so many positions the rotation is computed once; narrow: keys and values are
    remembered in bfloat16; product: how the matrices are packed (packing.pyx). Raises ValueError if shapes do not chain.
    """

    def __cinit__(self, WeightStore store, weights, str prefix, *, int n_layers, int d_model, int heads,
                  int kv_heads, int dim, int feed, double max_period, int context=0, form=LayerForm(),
                  double eps=1e-5, int tabled=0, bint narrow=False, str product=None, int threads=1):
        cdef int i
        self.store = store
        self.packed = []
        self.n_layers, self.d, self.feed = n_layers, d_model, feed
        self.heads = Heads(heads, kv_heads, dim, context, PF_BF16 if narrow else PF_F32)
        self.widest = max(d_model, feed, heads * dim) + PITCH
        self.layers = <Layer *>calloc(max(n_layers, 1), sizeof(Layer))
        if self.layers == NULL:
            raise MemoryError("transformer layers")
        self.rms, self.eps, self.activation = form.rms, eps, ACTIVATIONS[form.activation]
        # float32 throughout, as upstream: the angles of late positions depend on its rounding
        if form.interleaved:
            exponent = np.arange(dim // 2, dtype=np.float32) * np.float32(-np.log(max_period) * 2 / dim)
            self.freqs = store.vector(np.exp(exponent))
        else:   # transformers' way: 1 / max_period^(2i / dim), power and quotient rounded
            power = np.arange(0, dim, 2, dtype=np.float32) / np.float32(dim)
            self.freqs = store.vector(np.float32(1) / (max_period ** power.astype(float)).astype(np.float32))
        self.tabled = tabled
        self.cosines = self.store.vector(np.zeros((tabled, dim // 2), dtype=np.float32))
        self.sines = self.store.vector(np.zeros((tabled, dim // 2), dtype=np.float32))
        for i in range(tabled):
            _rotation(self.freqs, dim // 2, i, self.cosines + i * (dim // 2), self.sines + i * (dim // 2))
        for i in range(n_layers):
            self._load_layer(&self.layers[i], weights, f"{prefix}layers.{i}.", form, product, threads)

    cdef _load_layer(self, Layer *layer, weights, str prefix, form, str product, int threads):
        cdef int dim = self.heads.dim, q = self.heads.n * dim, kv = self.heads.kv * dim

        def pack(names, heights, k, order=None):
            found = [weights[prefix + name] for name in names]
            for name, n, matrix in zip(names, heights, found, strict=True):
                shape = stored_shape(n, k) if matrix.dtype == np.uint8 else (n, k)
                if matrix.shape != shape:
                    raise ValueError(f"{prefix}{name}: shape {matrix.shape}, expected {shape}")
            scales, lines = [[weights.get(prefix + name + what) for name in names] for what in ("_scale", "_lines")]
            one = len(names) == 1
            packed = pack_linear(self.store, found[0] if one else found, scale=scales[0] if one else scales,
                                 lines=lines, inputs=k, order=order, product=fitting(product, k), threads=threads)
            self.packed.append(packed)
            return packed

        def vector(name, n, order=None):
            values = widen(weights[name])
            if values.shape != (n,):
                raise ValueError(f"{name}: shape {values.shape}, expected {(n,)}")
            return values if order is None else values[order]

        # queries and keys of each head: real parts, then imaginary parts
        one = rope_order(1, dim) if form.interleaved else np.arange(dim)
        order = np.concatenate([np.arange(q + kv) // dim * dim + np.tile(one, self.heads.n + self.heads.kv),
                                q + kv + np.arange(kv)])
        heights = [q, kv, kv] if len(form.qkv) == 3 else [q + 2 * kv]
        layer.qkv = (<PackedLinear>pack(form.qkv, heights, self.d, order)).c
        layer.out = (<PackedLinear>pack([form.out], [self.d], q)).c
        layer.gate.n = 0
        if form.gate is not None:
            layer.gate = (<PackedLinear>pack([form.gate], [self.feed], self.d)).c
        layer.up = (<PackedLinear>pack([form.up], [self.feed], self.d)).c
        layer.down = (<PackedLinear>pack([form.down], [self.d], self.feed)).c
        first, second = [prefix + name for name in form.norms]
        layer.norm1_weight = self.store.vector(vector(first + ".weight", self.d))
        layer.norm2_weight = self.store.vector(vector(second + ".weight", self.d))
        layer.norm1_bias = layer.norm2_bias = layer.q_norm = layer.k_norm = NULL
        if not self.rms:
            layer.norm1_bias = self.store.vector(vector(first + ".bias", self.d))
            layer.norm2_bias = self.store.vector(vector(second + ".bias", self.d))
        if form.head_norms is not None:
            layer.q_norm = self.store.vector(vector(prefix + form.head_norms[0], dim, one))
            layer.k_norm = self.store.vector(vector(prefix + form.head_norms[1], dim, one))
        layer.scale1 = self.store.vector(weights.get(prefix + form.scales[0]))
        layer.scale2 = self.store.vector(weights.get(prefix + form.scales[1]))

    def __dealloc__(self):
        free(self.layers)

    @property
    def macs_per_row(self):
        """Multiply-adds of the matrix products for one position."""
        return sum([p.shape[0] * p.shape[1] for p in self.packed])

    cdef Py_ssize_t span_floats(self, int capacity) noexcept nogil:
        """Floats of the keys and values of `capacity` positions."""
        return self.n_layers * self.heads.kv * span_head(&self.heads, capacity)

    cdef int cut(self, TransformerScratch *s, Arena arena, int rows, int threads, int positions) except -1:
        """Take the scratch of one forward call from the arena. positions: most keys any row attends to."""
        cdef Py_ssize_t n = rows, dim = self.heads.dim
        s.hidden_row = self.d + PITCH
        s.hidden = arena.floats(n * s.hidden_row)
        s.normed = arena.floats(max(n, <Py_ssize_t>threads * FEW_ROWS) * s.hidden_row)
        s.qkv = arena.floats(n * ((self.heads.n + 2 * self.heads.kv) * dim + PITCH))
        s.attended = arena.floats(n * (self.heads.n * dim + PITCH))
        s.feed = arena.floats(n * (self.feed + PITCH))
        s.cos = arena.floats(n * (dim // 2))
        s.sin = arena.floats(n * (dim // 2))
        s.scores_each = score_floats(&self.heads, positions)
        s.scores = arena.floats(threads * s.scores_each)
        return 0

    cdef void forward(self, const pf_kernels *kernels, const pf_team *team, TransformerScratch *s,
                      Run *runs, int n_runs, int rows, bint keys_only) noexcept nogil:
        """Run every layer on s.hidden in place and append keys and values; all members of the team call it.

        keys_only: the caller wants only the appended keys and values (a prompt), so the last layer
        stops there. `length` of the spans is the caller's to advance. Ends in a barrier.
        """
        cdef int i
        cdef Layer *layer
        cdef const float *normed
        cdef Py_ssize_t d_row = self.d + PITCH
        cdef Py_ssize_t qkv_row = (self.heads.n + 2 * self.heads.kv) * self.heads.dim + PITCH
        cdef Py_ssize_t attended_row = self.heads.n * self.heads.dim + PITCH
        cdef Py_ssize_t feed_row = self.feed + PITCH
        if team.rank == 0:
            self._rotations(s, runs, n_runs)   # the barrier after qkv publishes them
        for i in range(self.n_layers):
            layer = &self.layers[i]
            normed = self._norm(kernels, team, s, rows, layer.norm1_weight, layer.norm1_bias)
            _product(kernels, team, &layer.qkv, rows, normed, d_row, s.qkv, qkv_row, NULL, False, PF_NONE)
            pf_wait(team)
            attend(kernels, team, &self.heads, i, runs, n_runs, s.qkv, qkv_row, layer.q_norm, layer.k_norm, self.eps,
                   s.cos, s.sin, s.attended, attended_row, s.scores + team.rank * s.scores_each,
                   keys_only and i == self.n_layers - 1)
            pf_wait(team)
            if keys_only and i == self.n_layers - 1:
                return
            _product(kernels, team, &layer.out, rows, s.attended, attended_row, s.hidden, s.hidden_row,
                     layer.scale1, True, PF_NONE)
            pf_wait(team)
            normed = self._norm(kernels, team, s, rows, layer.norm2_weight, layer.norm2_bias)
            if layer.gate.n:
                _gated(kernels, team, &layer.gate, &layer.up, rows, normed, d_row, s.feed, feed_row, self.activation)
            else:
                _product(kernels, team, &layer.up, rows, normed, d_row, s.feed, feed_row, NULL, False, self.activation)
            pf_wait(team)
            _product(kernels, team, &layer.down, rows, s.feed, feed_row, s.hidden, s.hidden_row,
                     layer.scale2, True, PF_NONE)
            pf_wait(team)

    cdef void _rotations(self, TransformerScratch *s, const Run *runs, int n_runs) noexcept nogil:
        """cos and sin of every row's position."""
        cdef int i, t, position, half = self.heads.dim // 2
        cdef Py_ssize_t at
        for i in range(n_runs):
            for t in range(runs[i].rows):
                position = runs[i].prefix.length + runs[i].own.length + t
                at = (runs[i].first + t) * half
                if position < self.tabled:
                    memcpy(s.cos + at, self.cosines + position * half, half * sizeof(float))
                    memcpy(s.sin + at, self.sines + position * half, half * sizeof(float))
                else:
                    _rotation(self.freqs, half, position, s.cos + at, s.sin + at)

    cdef const float *_norm(self, const pf_kernels *kernels, const pf_team *team, TransformerScratch *s, int rows,
                            const float *weight, const float *bias) noexcept nogil:
        """Normed rows, (rows, d + PITCH): this thread's own copy if they are few, else shared."""
        cdef int lo = 0, hi = rows, r
        cdef Py_ssize_t row = self.d + PITCH
        cdef float *to = s.normed + team.rank * FEW_ROWS * row
        if rows > FEW_ROWS:
            to = s.normed
            pf_share(team, rows, 1, &lo, &hi)
        for r in range(lo, hi):
            if self.rms:
                kernels.rms_norm(to + r * row, s.hidden + r * s.hidden_row, self.d, self.eps, weight)
            else:
                kernels.norm(to + r * row, s.hidden + r * s.hidden_row, self.d, self.eps, weight, bias, NULL, NULL)
        if rows > FEW_ROWS:
            pf_wait(team)
        return to


cdef void _rotation(const float *freqs, int half, int position, float *cos, float *sin) noexcept nogil:
    """(half,) each, of the angles at a position."""
    cdef int c
    cdef float angle
    for c in range(half):
        angle = freqs[c] * <float>position
        cos[c] = cosf(angle)
        sin[c] = sinf(angle)


cdef void _product(const pf_kernels *kernels, const pf_team *team, const Linear *w, int rows, const float *x,
                   Py_ssize_t x_row, float *to, Py_ssize_t to_row, const float *scale, bint residual,
                   int activation) noexcept nogil:
    """to = [to + scale *] activation(w x), this thread's share."""
    cdef pf_gemm g
    plain_gemm(&g, x, x_row, to, to_row)
    g.scale = scale
    if residual:
        g.skip = to
        g.skip_row = to_row
    if activation:
        g.y = NULL
        g.a = to
        g.a_row = to_row
        g.activation = activation
    apply_linear(kernels, team, w, &g, rows)


cdef void _gated(const pf_kernels *kernels, const pf_team *team, const Linear *gate, const Linear *up, int rows,
                 const float *x, Py_ssize_t x_row, float *to, Py_ssize_t to_row, int activation) noexcept nogil:
    """to = activation(gate x) * (up x), this thread's share: the same of both products, so nobody waits between."""
    cdef pf_gemm g
    plain_gemm(&g, x, x_row, NULL, 0)
    g.a = to
    g.a_row = to_row
    g.activation = activation
    prepare_rows(kernels, team, gate, &g, rows)
    share_linear(kernels, team, gate, &g, rows)
    g.a = NULL
    g.y = g.scale = to
    g.y_row = g.scale_row = to_row
    share_linear(kernels, team, up, &g, rows)
