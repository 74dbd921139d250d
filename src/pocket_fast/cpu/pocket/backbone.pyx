# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Backbone: prompt and latents in, one hidden vector per frame out, for a batch of streams.

    hidden = [z_proj] norm(transformer(input_linear(latent)))

A stream is a read-only prefix (a voice, shared by many streams) followed by its own positions.
Upstream: pocket_tts/models/flow_lm.py (4.0.1).
"""

import numpy as np

from pocket_fast.cpu._kernels cimport PF_BF16, PF_PANEL, pf_gemm, pf_kernels
from pocket_fast.cpu._memory cimport Block, WeightStore
from pocket_fast.cpu._memory import widen
from pocket_fast.cpu._team cimport pf_share, pf_team, pf_wait
from pocket_fast.cpu.attention cimport Run
from pocket_fast.cpu.attention import from_panels, to_panels
from pocket_fast.cpu.language cimport LanguageModel, Sequence
from pocket_fast.cpu.language import kept, table_rows
from pocket_fast.cpu.packing cimport Linear, apply_linear, plain_gemm
from pocket_fast.cpu.transformer cimport Stack, TransformerScratch


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
        """[(2, length, kv_heads, dim) float32] per layer, keys in upstream's interleaved order; exact."""
        return _export_span(self.stack, self.block, self.length)


cdef class BackboneStream(Sequence):
    """What one utterance remembers: its prefix and the keys and values of its own positions."""
    cdef readonly Prefix prefix      # or None

    @property
    def capacity(self):
        """Positions of its own it can hold."""
        return self.block

    @property
    def offset(self):
        """Positions so far, prefix included."""
        return self.length + (self.prefix.length if self.prefix is not None else 0)

    cdef void place(self, Run *run) noexcept:
        Sequence.place(self, run)
        if self.prefix is not None:
            run.prefix.blocks = &self.prefix.block.data
            run.prefix.block = self.prefix.capacity
            run.prefix.length = self.prefix.length

    def freeze(self):
        """A Prefix holding everything so far (copied): the stream's past, as a voice."""
        spans = []
        if self.prefix is not None:
            spans.append(self.prefix.export())
        spans.append(_export_span(self.stack, self.held[0], self.length))
        return _import_prefix(self.stack, [np.concatenate(parts, axis=1) for parts in zip(*spans)])


cdef class Backbone(LanguageModel):
    """The language model's transformer on this CPU.

    weights: {bundle name without 'flow_lm.': float32 | float16 | uint16 (bfloat16 bits) array}; a matrix of the
    transformer may be integers with what belongs to it (weights/integers.py), for the product "int8" or "int4";
    the geometry is passed by the caller (see backend.py), product: how the transformer's matrices are
    packed (packing.pyx), with one keys and values are in bfloat16; `threads` is the most any call may use.
    """
    cdef Linear input_linear
    cdef Linear z_proj
    cdef Linear speaker_proj
    cdef Linear embed_proj
    cdef const float *norm_weight
    cdef const float *norm_bias
    cdef object table
    cdef readonly int latent_dim
    cdef readonly int hidden_dim       # width of what step() writes
    cdef readonly object bos_latent    # (latent_dim,) float32: what step() takes in place of frame -1
    cdef readonly object bos_voice     # (d,) float32, precedes a voice prompt; or None

    def __init__(self, WeightStore store, weights, *, int n_layers, int d_model, int heads, int kv_heads, int dim,
                 int feed, float max_period, str product=None, int threads=1):
        self.stack = Stack(store, weights, "transformer.", n_layers=n_layers, d_model=d_model, heads=heads,
                           kv_heads=kv_heads, dim=dim, feed=feed, max_period=max_period, narrow=product is not None,
                           product=product, threads=threads)
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
        self.table = kept(store, weights["conditioner.embed.weight"])
        self.bos_latent = widen(weights["bos_emb"]).copy()
        bos = weights.get("bos_before_voice")
        self.bos_voice = None if bos is None else widen(bos).reshape(-1).copy()

    # --- what goes in --------------------------------------------------------------------------

    def embed_text(self, tokens):
        """Embeddings (n, d) float32 of token ids. Raises ValueError for an id outside the table."""
        rows = table_rows(self.table, tokens)
        return self._project(rows, &self.embed_proj) if self.embed_proj.n else rows

    def embed_voice(self, latents):
        """Prompt embeddings (n [+ 1], d) float32 of encoder latents (n, s), the voice BOS first if there is one."""
        rows = self._project(np.ascontiguousarray(latents, dtype=np.float32), &self.speaker_proj)
        return rows if self.bos_voice is None else np.concatenate([self.bos_voice[None], rows])

    # --- streams -------------------------------------------------------------------------------

    def stream(self, int capacity, Prefix prefix=None):
        """A fresh stream that can hold `capacity` positions after `prefix`.

        Raises ValueError for the prefix of another model.
        """
        cdef BackboneStream s = BackboneStream()
        if prefix is not None and prefix.stack is not self.stack:
            raise ValueError("this prefix belongs to another model: export() it there and import_prefix() it here")
        s.open(self.stack, (max(capacity, 1) + PF_PANEL - 1) // PF_PANEL * PF_PANEL, False)
        s.prefix = prefix
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
        cdef float[:, ::1] to = out
        if len(streams):
            self._forward(streams, None, latents, &to[0, 0], NULL, threads)

    cdef void _enter(self, const pf_kernels *k, const pf_team *team, TransformerScratch *scratch, int rows,
                     const float *x) noexcept nogil:
        cdef pf_gemm g
        plain_gemm(&g, x, self.latent_dim, scratch.hidden, scratch.hidden_row)
        apply_linear(k, team, &self.input_linear, &g, rows)

    cdef void _leave(self, const pf_kernels *k, const pf_team *team, TransformerScratch *scratch, int rows,
                     float *out, float *logits) noexcept nogil:
        cdef int lo, hi, r, d = self.stack.d
        cdef float *to = scratch.normed if self.z_proj.n else out
        cdef pf_gemm g
        pf_share(team, rows, 1, &lo, &hi)
        for r in range(lo, hi):
            k.norm(to + <Py_ssize_t>r * d, scratch.hidden + r * scratch.hidden_row, d, 1e-5, self.norm_weight,
                   self.norm_bias, NULL, NULL)
        if self.z_proj.n:
            pf_wait(team)
            plain_gemm(&g, scratch.normed, d, out, self.z_proj.n)
            apply_linear(k, team, &self.z_proj, &g, rows)


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
    """A span's memory as (layers, kv heads, numbers of a head), a view: float32, or bfloat16 bits as uint16."""
    memory = np.asarray(<float[:block.count]>block.data)
    if stack.heads.kind == PF_BF16:
        memory = memory.view(np.uint16)
    return memory.reshape(stack.n_layers, stack.heads.kv, -1)
