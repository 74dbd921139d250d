# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""FlowHead: hidden vector and noise in, next latent and end-of-speech logit out, for a batch of streams.

An AdaLN residual MLP v(x, c, t), sampled by one of
    lsd            x += v(x, c, s, t) / N over N steps (Lagrangian self distillation, arXiv:2505.18825)
    flow_matching  x += v(x, c, t) / N over N Euler steps (arXiv:2210.02747)
    drifting       x = v(noise, c)
    pointwise      x = noise + v(noise, c)
Upstream: pocket_tts/modules/mlp.py, models/flow_lm.py (4.0.1); AdaLN head: arXiv:2406.11838.
"""

from cython.parallel cimport parallel
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy

from time import perf_counter

import numpy as np

from pocket_fast.cpu._dispatch cimport kernels
from pocket_fast.cpu._kernels cimport PF_SILU, pf_gemm, pf_kernels
from pocket_fast.cpu._memory cimport Arena, ArenaPool, WeightStore
from pocket_fast.cpu._memory import widen
from pocket_fast.cpu._team cimport pf_barrier, pf_team, pf_this_team, pf_wait
from pocket_fast.cpu._pace import Pace
from pocket_fast.cpu.packing cimport Linear, PackedLinear, apply_linear, plain_gemm, prepared_bytes
from pocket_fast.cpu.packing import pack_linear
from pocket_fast.stages.pocket.flow import TimeEmbedding

ctypedef struct _ResBlock:
    Linear up
    Linear down
    const float *norm_weight
    const float *norm_bias


ctypedef struct _Scratch:
    float *condition      # silu(cond_embed(hidden) + time)   (B, w)
    float *modulation     # (B, (3 depth + 2) w): shift, scale, gate of every block; shift, scale of the last
    float *x              # (B, w)
    float *up             # (B, w)
    float *normed         # per thread (B, w)
    float *latent         # (B, latent)
    void *prepared        # of the products' rows
    Py_ssize_t prepared_bytes


cdef class FlowHead:
    """weights: {bundle name without 'flow_lm.': array} (see Backbone); flow_type: a name in TIME_CONDITIONS
    (stages/pocket/flow.py);
    product: how the matrices are packed (packing.pyx)."""
    cdef WeightStore store
    cdef ArenaPool pool
    cdef _ResBlock *blocks
    cdef Linear cond_embed
    cdef Linear input_proj
    cdef Linear modulation
    cdef Linear last
    cdef Linear eos
    cdef readonly int depth
    cdef readonly int width
    cdef readonly int latent_dim
    cdef readonly int hidden_dim
    cdef readonly int threads
    cdef object pace
    cdef readonly str flow_type
    cdef str product
    cdef readonly object time

    def __init__(self, WeightStore store, weights, *, str flow_type, int depth, str product=None, int threads=1):
        self.store = store
        self.pool = ArenaPool()
        self.threads = threads
        self.pace = Pace(threads)
        self.flow_type = flow_type
        self.product = product
        self.depth = depth
        net = "flow_net."
        self.cond_embed = self._pack(weights, [net + "cond_embed"])
        self.input_proj = self._pack(weights, [net + "input_proj"])
        self.last = self._pack(weights, [net + "final_layer.linear"])
        self.eos = self._pack(weights, ["out_eos"])
        self.width = self.cond_embed.n
        self.hidden_dim = self.cond_embed.k
        self.latent_dim = self.last.n
        self.blocks = <_ResBlock *>calloc(max(depth, 1), sizeof(_ResBlock))
        if self.blocks == NULL:
            raise MemoryError("flow head blocks")
        modulations = []
        for i in range(depth):
            block = f"{net}res_blocks.{i}."
            self.blocks[i].up = self._pack(weights, [block + "mlp.0"])
            self.blocks[i].down = self._pack(weights, [block + "mlp.2"])
            self.blocks[i].norm_weight = store.vector(weights[block + "in_ln.weight"])
            self.blocks[i].norm_bias = store.vector(weights[block + "in_ln.bias"])
            modulations.append(block + "adaLN_modulation.1")
        # Every modulation depends on the condition alone: one product instead of depth + 1.
        self.modulation = self._pack(weights, [*modulations, net + "final_layer.adaLN_modulation.1"])
        self.time = TimeEmbedding(weights, flow_type)

    cdef Linear _pack(self, weights, list names):
        """The matrices and biases of these layers, one below the other."""
        matrices = [weights[name + ".weight"] for name in names]
        scales = [weights[name + ".weight_scale"] for name in names if name + ".weight_scale" in weights]
        if len({m.dtype for m in matrices}) > 1 and not scales:
            matrices = [widen(m) for m in matrices]
        cdef PackedLinear packed = pack_linear(
            self.store,
            matrices[0] if len(names) == 1 else np.concatenate(matrices),
            np.concatenate([widen(weights[name + ".bias"]) for name in names]),
            scale=np.concatenate(scales) if scales else None,
            product=self.product,
            threads=self.threads,
        )
        return packed.c

    def __dealloc__(self):
        free(self.blocks)

    @property
    def macs_per_row(self):
        """Multiply-adds of one decode step for one stream."""
        return self.width * (self.hidden_dim + 2 * self.latent_dim + (5 * self.depth + 2) * self.width)

    def sample(self, const float[:, ::1] hidden, const float[:, ::1] noise, float[:, ::1] latents,
               float[::1] eos, int steps=1, int threads=0):
        """Draw the next latent of every stream.

        hidden (B, hidden_dim), noise (B, latent_dim) -> latents (B, latent_dim), eos (B,): the logit
        of end of speech. float32, C-contiguous. drifting and pointwise ignore `steps`. threads: most for this call,
        0 for all of the stage's.
        Raises ValueError for shapes that do not chain or steps < 1.
        """
        cdef int rows = <int>hidden.shape[0], team, n_steps
        if (hidden.shape[1] != self.hidden_dim or noise.shape[0] != rows or noise.shape[1] != self.latent_dim
                or latents.shape[0] != rows or latents.shape[1] != self.latent_dim or eos.shape[0] != rows):
            raise ValueError(
                f"sample: hidden {np.shape(hidden)}, noise {np.shape(noise)}, latents {np.shape(latents)}, eos "
                f"{np.shape(eos)}; expected (B, {self.hidden_dim}), twice (B, {self.latent_dim}), (B,)"
            )
        if steps < 1:
            raise ValueError(f"sampler decode steps: expected at least 1, got {steps}")
        if rows == 0:
            return
        n_steps = steps if self.time.conditions else 1
        cdef const float[:, ::1] times
        cdef const float *time = NULL
        if self.time.conditions:
            times = self.time.constants(n_steps)
            time = &times[0, 0]
        cdef const float[::1] share = np.full(self.latent_dim, 1.0 / n_steps, dtype=np.float32)
        cdef pf_barrier barrier
        barrier.arrived = 0
        barrier.generation = 0
        team = self.pace.choose(rows, <double>self.macs_per_row * rows * n_steps, threads)
        cdef Py_ssize_t n = rows, w = self.width
        cdef Arena arena = self.pool.take()
        cdef _Scratch s
        s.prepared_bytes = prepared_bytes(rows, max(self.width, self.hidden_dim, self.latent_dim), team)
        while arena.again():
            s.condition = arena.floats(n * w)
            s.modulation = arena.floats(n * self.modulation.n)
            s.x = arena.floats(n * w)
            s.up = arena.floats(n * w)
            s.normed = arena.floats(team * n * w)
            s.latent = arena.floats(n * self.latent_dim)
            s.prepared = arena.take(s.prepared_bytes)
        memcpy(s.latent, &noise[0, 0], rows * self.latent_dim * sizeof(float))
        cdef bint adds = self.flow_type != "drifting"
        try:
            started = perf_counter()
            with nogil, parallel(num_threads=team):
                self._part(&barrier, &s, rows, n_steps, adds, time, &share[0], &hidden[0, 0], &eos[0])
            if self.threads > 1 and not threads:
                self.pace.took(rows, team, perf_counter() - started)
            memcpy(&latents[0, 0], s.latent, rows * self.latent_dim * sizeof(float))
        finally:
            self.pool.give(arena)

    cdef void _part(self, pf_barrier *barrier, _Scratch *s, int rows, int steps, bint adds, const float *times,
                    const float *share, const float *hidden, float *eos) noexcept nogil:
        """This thread's part of one call; every thread of the team runs it."""
        cdef pf_team team = pf_this_team(barrier, s.prepared, s.prepared_bytes)
        cdef const pf_kernels *k = kernels()
        cdef int step, i
        cdef Py_ssize_t w = self.width
        cdef float *normed = s.normed + team.rank * rows * w
        cdef const float *m
        cdef pf_gemm g
        plain_gemm(&g, hidden, self.hidden_dim, eos, 1)
        apply_linear(k, &team, &self.eos, &g, rows)
        for step in range(steps):
            plain_gemm(&g, hidden, self.hidden_dim, NULL, 0)
            g.a = s.condition
            g.a_row = w
            g.activation = PF_SILU
            if times != NULL:
                g.skip = times + step * w
            apply_linear(k, &team, &self.cond_embed, &g, rows)
            plain_gemm(&g, s.latent, self.latent_dim, s.x, w)
            apply_linear(k, &team, &self.input_proj, &g, rows)
            pf_wait(&team)
            plain_gemm(&g, s.condition, w, s.modulation, self.modulation.n)
            apply_linear(k, &team, &self.modulation, &g, rows)
            pf_wait(&team)
            for i in range(self.depth):
                m = s.modulation + 3 * i * w
                self._norm(k, normed, s.x, rows, self.blocks[i].norm_weight, self.blocks[i].norm_bias, m)
                plain_gemm(&g, normed, w, NULL, 0)
                g.a = s.up
                g.a_row = w
                g.activation = PF_SILU
                apply_linear(k, &team, &self.blocks[i].up, &g, rows)
                pf_wait(&team)
                plain_gemm(&g, s.up, w, s.x, w)
                g.scale = m + 2 * w
                g.scale_row = self.modulation.n
                g.skip = s.x
                g.skip_row = w
                apply_linear(k, &team, &self.blocks[i].down, &g, rows)
                pf_wait(&team)
            self._norm(k, normed, s.x, rows, NULL, NULL, s.modulation + 3 * self.depth * w)
            plain_gemm(&g, normed, w, s.latent, self.latent_dim)
            if adds:
                g.scale = share
                g.skip = s.latent
                g.skip_row = self.latent_dim
            apply_linear(k, &team, &self.last, &g, rows)
            pf_wait(&team)

    cdef void _norm(self, const pf_kernels *k, float *to, const float *x, int rows, const float *weight,
                    const float *bias, const float *modulation) noexcept nogil:
        """All rows, by every thread into its own buffer: cheaper than a barrier at these widths."""
        cdef int r
        cdef Py_ssize_t w = self.width, pitch = self.modulation.n
        for r in range(rows):
            k.norm(to + r * w, x + r * w, self.width, 1e-6, weight, bias, modulation + r * pitch + w,
                   modulation + r * pitch)
