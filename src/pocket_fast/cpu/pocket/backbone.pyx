# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Backbone: prompt and latents in, one hidden vector per frame out, for a batch of streams.

    hidden = [z_proj] norm(transformer(input_linear(latent)))

A stream is a read-only prefix (a voice, shared by many streams) followed by its own positions.
Upstream: pocket_tts/models/flow_lm.py (4.0.1).
"""

from cython.parallel cimport parallel
from libc.string cimport memcpy

from time import perf_counter

import numpy as np

from pocket_fast.cpu._dispatch cimport kernels
from pocket_fast.cpu._kernels cimport PF_PANEL, pf_gemm, pf_kernels
from pocket_fast.cpu._memory cimport Arena, ArenaPool, Block, WeightStore
from pocket_fast.cpu._memory import widen
from pocket_fast.cpu._team cimport pf_barrier, pf_share, pf_team, pf_this_team, pf_wait
from pocket_fast.cpu._pace import Pace
from pocket_fast.cpu.attention cimport Run
from pocket_fast.cpu.attention import from_panels, to_panels
from pocket_fast.cpu.packing cimport Linear, PackedLinear, apply_linear, plain_gemm, prepared_floats
from pocket_fast.cpu.packing import pack_linear
from pocket_fast.cpu.transformer cimport Stack, TransformerScratch

cdef enum:
    PROMPT_ROWS = 256     # of a prompt in one call


cdef class Prefix:
    """Keys and values of a voice: read-only, shared by every stream that speaks with it."""
    cdef Block block
    cdef readonly int length
    cdef int capacity
    cdef Stack stack

    @property
    def nbytes(self):
        return self.block.count * 4

    def export(self):
        """[(2, length, kv_heads, dim) float32] per layer, keys in upstream's interleaved order."""
        return _export_span(self.stack, self.block, self.length)


cdef class BackboneStream:
    """What one utterance remembers: its prefix and the keys and values of its own positions."""
    cdef readonly Prefix prefix      # or None
    cdef Block block
    cdef readonly int capacity       # positions of its own it can hold
    cdef readonly int length         # positions of its own it holds
    cdef bint busy
    cdef Stack stack

    @property
    def offset(self):
        """Positions so far, prefix included."""
        return self.length + (self.prefix.length if self.prefix is not None else 0)

    def reset(self):
        """Forget everything after the prefix. Allocates nothing."""
        self.length = 0

    def freeze(self):
        """A Prefix holding everything so far (copied): the stream's past, as a voice."""
        spans = []
        if self.prefix is not None:
            spans.append(self.prefix.export())
        spans.append(_export_span(self.stack, self.block, self.length))
        return _import_prefix(self.stack, [np.concatenate(parts, axis=1) for parts in zip(*spans)])


cdef class Backbone:
    """The language model's transformer on this CPU.

    weights: {bundle name without 'flow_lm.': float32 | float16 | uint16 (bfloat16 bits) array}; a matrix of the
    transformer may be int8, with its scales (n,) float32 under NAME_scale, for the product "int8";
    the geometry is passed by the caller (see backend.py), product: how the transformer's matrices are
    packed (packing.pyx), `threads` is the most any call may use.
    """
    cdef Stack stack
    cdef WeightStore store
    cdef ArenaPool pool
    cdef Linear input_linear
    cdef Linear z_proj
    cdef Linear speaker_proj
    cdef Linear embed_proj
    cdef const float *norm_weight
    cdef const float *norm_bias
    cdef object table
    cdef readonly int threads
    cdef object pace
    cdef readonly int latent_dim
    cdef readonly int hidden_dim       # width of what step() writes
    cdef readonly object bos_latent    # (latent_dim,) float32: what step() takes in place of frame -1
    cdef readonly object bos_voice     # (d,) float32, precedes a voice prompt; or None

    def __init__(self, WeightStore store, weights, *, int n_layers, int d_model, int heads, int kv_heads, int dim,
                 int feed, float max_period, str product=None, int threads=1):
        self.store = store
        self.pool = ArenaPool()
        self.threads = threads
        self.pace = Pace(threads)
        self.stack = Stack(store, weights, "transformer.", n_layers=n_layers, d_model=d_model, heads=heads,
                           kv_heads=kv_heads, dim=dim, feed=feed, max_period=max_period, product=product, threads=threads)
        self.input_linear = self._pack(weights["input_linear.weight"])
        self.latent_dim = self.input_linear.k
        self.speaker_proj = self._pack(weights["speaker_proj_weight"])
        self.z_proj.n = 0
        if "z_proj.weight" in weights:
            self.z_proj = self._pack(weights["z_proj.weight"])
        self.embed_proj.n = 0
        if "conditioner.proj.weight" in weights:
            self.embed_proj = self._pack(weights["conditioner.proj.weight"])
        self.hidden_dim = self.z_proj.n if self.z_proj.n else d_model
        self.norm_weight = store.vector(weights["out_norm.weight"])
        self.norm_bias = store.vector(weights["out_norm.bias"])
        self.table = weights["conditioner.embed.weight"]   # stays in the mapped file: a few rows per text
        self.bos_latent = widen(weights["bos_emb"]).copy()
        bos = weights.get("bos_before_voice")
        self.bos_voice = None if bos is None else widen(bos).reshape(-1).copy()

    cdef Linear _pack(self, weight):
        cdef PackedLinear packed = pack_linear(self.store, weight, threads=self.threads)
        return packed.c

    @property
    def macs_per_row(self):
        """Multiply-adds of one position in the transformer's matrices."""
        return self.stack.macs_per_row

    @property
    def weight_bytes(self):
        """Bytes of the transformer's matrices: what a step reads."""
        return sum([packed.nbytes for packed in self.stack.packed])

    # --- what goes in --------------------------------------------------------------------------

    def embed_text(self, tokens):
        """Embeddings (n, d) float32 of token ids. Raises ValueError for an id outside the table."""
        ids = np.asarray(tokens, dtype=np.int64)
        if ids.size and (ids.min() < 0 or ids.max() >= self.table.shape[0]):
            raise ValueError(f"token ids {ids.min()}..{ids.max()}, the table has {self.table.shape[0]} rows")
        rows = widen(self.table[ids])
        return self._project(rows, &self.embed_proj) if self.embed_proj.n else np.ascontiguousarray(rows)

    def embed_voice(self, latents):
        """Prompt embeddings (n [+ 1], d) float32 of encoder latents (n, s), the voice BOS first if there is one."""
        rows = self._project(np.ascontiguousarray(latents, dtype=np.float32), &self.speaker_proj)
        return rows if self.bos_voice is None else np.concatenate([self.bos_voice[None], rows])

    cdef _project(self, rows, const Linear *w):
        cdef const float[:, ::1] x = rows
        if x.shape[1] != w.k:
            raise ValueError(f"projection: rows are {x.shape[1]} wide, the weight expects {w.k}")
        out = np.empty((x.shape[0], w.n), dtype=np.float32)
        cdef float[:, ::1] y = out
        cdef pf_gemm g
        cdef int n = <int>x.shape[0]
        if n == 0:
            return out
        plain_gemm(&g, &x[0, 0], w.k, &y[0, 0], w.n)
        g.w, g.w_panel, g.bias, g.k, g.taps, g.n = w.w, w.w_panel, w.bias, w.k, w.taps, w.n
        with nogil:
            kernels().gemm[w.kind](&g, 0, n, 0, w.panels)
        return out

    # --- streams -------------------------------------------------------------------------------

    def stream(self, int capacity, Prefix prefix=None):
        """A fresh stream that can hold `capacity` positions after `prefix`.

        Raises ValueError for the prefix of another model.
        """
        cdef BackboneStream s = BackboneStream()
        if prefix is not None and prefix.stack is not self.stack:
            raise ValueError("this prefix belongs to another model: export() it there and import_prefix() it here")
        s.stack = self.stack
        s.prefix = prefix
        s.capacity = (max(capacity, 1) + PF_PANEL - 1) // PF_PANEL * PF_PANEL
        s.block = Block(self.stack.span_floats(s.capacity))
        return s

    def owns(self, Prefix prefix not None):
        """Whether streams of this model can start from `prefix`."""
        return prefix.stack is self.stack

    def import_prefix(self, layers):
        """A Prefix from [(2, length, kv_heads, dim) float32] per layer, keys in upstream's order.

        Raises ValueError with both shapes if they do not fit this model.
        """
        return _import_prefix(self.stack, layers)

    # --- running -------------------------------------------------------------------------------

    def prefill(self, streams, embeddings, int threads=0):
        """Append prompts: embeddings[i] (n_i, d) float32 to streams[i]. Batched; no output.

        threads: most for this call; 0 for all of the stage's.

        Raises ValueError if a prompt does not fit its stream, RuntimeError if a stream is in use.
        """
        cdef int d = self.stack.d
        cdef BackboneStream s
        for i, (s, e) in enumerate(zip(streams, embeddings, strict=True)):
            if e.ndim != 2 or e.shape[1] != d:
                raise ValueError(f"prefill: embeddings {e.shape}, expected (n, {d})")
            self._check(s, i, e.shape[0])
        # In slices, or the scratch of a very long prompt would outweigh the model. The result is the same.
        batch, rows = [], 0
        for stream, e in zip(streams, embeddings, strict=True):
            for first in range(0, e.shape[0], PROMPT_ROWS):
                piece = e[first:first + PROMPT_ROWS]
                if rows + piece.shape[0] > PROMPT_ROWS or any(s is stream for s, _ in batch):
                    self._prefill(batch, threads)
                    batch, rows = [], 0
                batch.append((stream, piece))
                rows += piece.shape[0]
        self._prefill(batch, threads)

    cdef _prefill(self, list batch, int threads):
        if batch:
            rows = np.ascontiguousarray(np.concatenate([piece for _, piece in batch]), dtype=np.float32)
            self._forward([s for s, _ in batch], [piece.shape[0] for _, piece in batch], rows, None, threads)

    def step(self, streams, latents, out, int threads=0):
        """One frame for every stream: latents (B, latent_dim) -> out (B, hidden_dim), float32, C-contiguous.

        threads: most for this call; 0 for all of the stage's.

        Stream i's result depends on its own past only, bit for bit. Raises as prefill.
        """
        if latents.shape != (len(streams), self.latent_dim) or out.shape != (len(streams), self.hidden_dim):
            raise ValueError(
                f"step: {len(streams)} streams, latents {latents.shape}, out {out.shape}; expected "
                f"(B, {self.latent_dim}) and (B, {self.hidden_dim})"
            )
        if len(streams):
            self._forward(streams, None, latents, out, threads)

    cdef _check(self, BackboneStream s, i, n):
        """Raise ValueError unless stream i of a batch is of this model and has room for n positions."""
        if s is None or s.stack is not self.stack:
            raise ValueError("this stream belongs to another model")
        if s.length + n > s.capacity:
            raise ValueError(f"stream {i} holds {s.length} of {s.capacity} positions: {n} more do not fit")

    cdef _forward(self, list streams, list counts, const float[:, ::1] x, float[:, ::1] out, int threads):
        """The one way through the transformer: `out` None is a prompt, else one row per stream."""
        cdef int n_runs = <int>len(streams), rows = <int>x.shape[0], i, positions = 0, first = 0, team
        cdef bint prompt = out is None
        cdef Py_ssize_t hidden_row
        cdef BackboneStream s
        cdef Arena arena
        cdef Run *runs
        cdef TransformerScratch scratch
        cdef pf_barrier barrier
        cdef float *prepared
        cdef float *to = NULL if prompt else &out[0, 0]
        barrier.arrived = 0
        barrier.generation = 0
        team = self.pace.choose(rows, <double>self.stack.macs_per_row * rows, threads)
        for i, s in enumerate(streams):
            n = counts[i] if prompt else 1
            self._check(s, i, n)
            positions = max(positions, s.offset + n)
        # 2 * 64: the arena rounds each of the two pieces up to a cache line
        cdef Py_ssize_t floats = prepared_floats(rows, self.stack.widest, team)
        cdef Py_ssize_t need = (n_runs * sizeof(Run) + 2 * 64
                                + 4 * self.stack.scratch_floats(rows, team, positions)
                                + 4 * floats)
        arena = self.pool.take(need)
        for i, s in enumerate(streams):
            if s.busy:
                for s in streams[:i]:
                    s.busy = False
                self.pool.give(arena)
                raise RuntimeError("this stream is already being stepped by another thread (or twice in one batch)")
            s.busy = True
        try:
            runs = <Run *>arena.take(n_runs * sizeof(Run))
            for i, s in enumerate(streams):
                runs[i].prefix.data = NULL
                runs[i].prefix.length = 0
                if s.prefix is not None:
                    runs[i].prefix.data = s.prefix.block.data
                    runs[i].prefix.capacity = s.prefix.capacity
                    runs[i].prefix.length = s.prefix.length
                runs[i].own.data = s.block.data
                runs[i].own.capacity = s.capacity
                runs[i].own.length = s.length
                runs[i].first = first
                runs[i].rows = counts[i] if prompt else 1
                first += runs[i].rows
            self.stack.cut(&scratch, arena.floats(self.stack.scratch_floats(rows, team, positions)), rows, team, positions)
            prepared = arena.floats(floats)
            started = perf_counter()
            with nogil, parallel(num_threads=team):
                self._part(&barrier, prepared, floats, &scratch, runs, n_runs, rows, &x[0, 0], to, prompt)
            if self.threads > 1 and not threads:
                self.pace.took(rows, team, perf_counter() - started)
            for i, s in enumerate(streams):
                s.length += runs[i].rows
        finally:
            for s in streams:
                s.busy = False
            self.pool.give(arena)

    cdef void _part(self, pf_barrier *barrier, float *prepared, Py_ssize_t floats,
                    TransformerScratch *scratch, Run *runs, int n_runs, int rows, const float *x, float *out,
                    bint prompt) noexcept nogil:
        """This thread's part of one call; every thread of the team runs it."""
        cdef pf_team team = pf_this_team(barrier, prepared, floats * sizeof(float))
        cdef const pf_kernels *k = kernels()
        cdef int lo, hi, r, d = self.stack.d
        cdef pf_gemm g
        if prompt:
            pf_share(&team, rows, 1, &lo, &hi)
            for r in range(lo, hi):
                memcpy(scratch.hidden + r * scratch.hidden_row, x + <Py_ssize_t>r * d, d * sizeof(float))
        else:
            plain_gemm(&g, x, self.latent_dim, scratch.hidden, scratch.hidden_row)
            apply_linear(k, &team, &self.input_linear, &g, rows)
        pf_wait(&team)
        self.stack.forward(k, &team, scratch, runs, n_runs, rows, prompt)
        if prompt:
            return
        pf_share(&team, rows, 1, &lo, &hi)
        for r in range(lo, hi):
            k.norm(scratch.normed + <Py_ssize_t>r * d if self.z_proj.n else out + <Py_ssize_t>r * d,
                   scratch.hidden + r * scratch.hidden_row, d, 1e-5, self.norm_weight, self.norm_bias, NULL, NULL)
        if self.z_proj.n:
            pf_wait(&team)
            plain_gemm(&g, scratch.normed, d, out, self.z_proj.n)
            apply_linear(k, &team, &self.z_proj, &g, rows)


cdef Prefix _import_prefix(Stack stack, layers):
    """Panels from upstream's (2, T, H, D) caches."""
    layers = [np.asarray(layer, dtype=np.float32) for layer in layers]
    cdef int length = layers[0].shape[1] if layers and layers[0].ndim == 4 else 0
    expected = (2, length, stack.heads.kv, stack.heads.dim)
    if len(layers) != stack.n_layers or any(layer.shape != expected for layer in layers):
        raise ValueError(
            f"voice state: {len(layers)} layers of {layers[0].shape if layers else ()}, this model needs "
            f"{stack.n_layers} of (2, length, {stack.heads.kv}, {stack.heads.dim})"
        )
    cdef Prefix prefix = Prefix()
    prefix.stack = stack
    prefix.capacity = (max(length, 1) + PF_PANEL - 1) // PF_PANEL * PF_PANEL
    prefix.length = length
    prefix.block = Block(stack.span_floats(prefix.capacity), True)
    for flat, layer in zip(_by_layer(stack, prefix.block), layers):
        to_panels(flat, layer[0], layer[1])
    return prefix


cdef _export_span(Stack stack, Block block, int length):
    return [from_panels(flat, length, stack.heads.dim) for flat in _by_layer(stack, block)]


cdef _by_layer(Stack stack, Block block):
    """A span's memory as (layers, kv heads, floats of a head), a view."""
    return np.asarray(<float[:block.count]>block.data).reshape(stack.n_layers, stack.heads.kv, -1)
