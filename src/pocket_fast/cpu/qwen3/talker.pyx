# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Talker: rows of text and speech in, a hidden vector and the logits of code 0 per frame out, for a batch of streams.

    hidden = norm(transformer(row));  logits = codec_head hidden;  text: fc2(silu(fc1(text_embedding[id])))

Upstream: qwen_tts 0.1.1, Qwen3TTSTalkerForConditionalGeneration.
"""

from pocket_fast.cpu._kernels cimport PF_SILU, pf_gemm, pf_kernels
from pocket_fast.cpu._memory cimport WeightStore
from pocket_fast.cpu._team cimport pf_share, pf_team, pf_wait
from pocket_fast.cpu.language cimport LanguageModel, Sequence
from pocket_fast.cpu.language import kept, table_rows
from pocket_fast.cpu.packing cimport Linear, apply_linear, plain_gemm
from pocket_fast.cpu.transformer cimport Stack, TransformerScratch
from pocket_fast.stages.qwen3.layers import language

cdef enum:
    BLOCK = 256     # positions by which a stream grows: 20 s of speech


cdef class Talker(LanguageModel):
    """The language model of text and code 0 on this CPU.

    weights: {name in the file without 'talker.': float32 | float16 | uint16 (bfloat16 bits) array; the table of text
    may be one that reads its rows (weights/rows.py)}; matrices of the
    layers may be integers with what belongs to them (weights/integers.py), for the product "int8" or "int4"; config: a
    TalkerConfig; product: how the matrices of the layers are packed (packing.pyx), the rest is kept as it is
    stored, but keys and values are in bfloat16 with a product; threads: the most any call may use.
    Raises ValueError for shapes that do not chain.
    """
    cdef Linear fc1
    cdef Linear fc2
    cdef Linear head
    cdef const float *norm_weight
    cdef float eps
    cdef object text_table
    cdef object codec_table
    cdef readonly int hidden_dim       # width of the rows that go in and of the hidden vectors
    cdef readonly int vocab            # of code 0: codes and special ids

    def __init__(self, WeightStore store, weights, config, *, str product=None, int threads=1):
        self.stack = Stack(store, weights, "model.", **language(config), narrow=product is not None, product=product,
                           threads=threads)
        self.hidden_dim, self.vocab, self.eps = config.hidden_size, config.vocab_size, config.rms_norm_eps
        expected = {
            "model.norm.weight": (self.hidden_dim,),
            "codec_head.weight": (self.vocab, self.hidden_dim),
            "model.codec_embedding.weight": (self.vocab, self.hidden_dim),
            "model.text_embedding.weight": (config.text_vocab_size, config.text_hidden_size),
            "text_projection.linear_fc1.weight": (config.text_hidden_size, config.text_hidden_size),
            "text_projection.linear_fc2.weight": (self.hidden_dim, config.text_hidden_size),
        }
        for name, shape in expected.items():
            if weights[name].shape != shape:
                raise ValueError(f"{name}: shape {weights[name].shape}, expected {shape}")
        self.norm_weight = store.vector(weights["model.norm.weight"])
        self.head = self._pack(weights["codec_head.weight"])
        self.fc1 = self._pack(weights["text_projection.linear_fc1.weight"], weights["text_projection.linear_fc1.bias"])
        self.fc2 = self._pack(weights["text_projection.linear_fc2.weight"], weights["text_projection.linear_fc2.bias"])
        self.text_table = kept(store, weights["model.text_embedding.weight"])
        self.codec_table = kept(store, weights["model.codec_embedding.weight"])

    def embed_text(self, ids):
        """Rows (n, H) float32 of text ids. Raises ValueError for an id outside the table."""
        return self._project(self._project(table_rows(self.text_table, ids), &self.fc1, PF_SILU), &self.fc2)

    def embed_codec(self, ids):
        """Rows (n, H) float32 of ids of the codec's vocabulary. Raises ValueError for an id outside of it."""
        return table_rows(self.codec_table, ids)

    def stream(self):
        """A fresh stream; it grows as it goes."""
        cdef Sequence s = Sequence()
        s.open(self.stack, BLOCK, True)
        return s

    def step(self, streams, rows, hidden, logits, int threads=0):
        """One position for every stream: rows (B, H) -> hidden (B, H), logits (B, vocab), float32, C-contiguous.

        threads: most for this call; 0 for all of the stage's.

        Stream i's result depends on its own past only, bit for bit. Raises ValueError for other shapes or the
        stream of another model, RuntimeError if a stream is in use.
        """
        batch, wide = len(streams), self.hidden_dim
        if rows.shape != (batch, wide) or hidden.shape != (batch, wide) or logits.shape != (batch, self.vocab):
            raise ValueError(
                f"step: {batch} streams, rows {rows.shape}, hidden {hidden.shape}, logits {logits.shape}; expected "
                f"(B, {wide}), (B, {wide}) and (B, {self.vocab})"
            )
        cdef const float[:, ::1] x = rows
        cdef float[:, ::1] h = hidden
        cdef float[:, ::1] y = logits
        if batch:
            self._forward(streams, None, x, &h[0, 0], &y[0, 0], threads)

    cdef void _leave(self, const pf_kernels *k, const pf_team *team, TransformerScratch *scratch, int rows,
                     float *out, float *logits) noexcept nogil:
        cdef int lo, hi, r, d = self.hidden_dim
        cdef pf_gemm g
        pf_share(team, rows, 1, &lo, &hi)
        for r in range(lo, hi):
            k.rms_norm(out + <Py_ssize_t>r * d, scratch.hidden + r * scratch.hidden_row, d, self.eps, self.norm_weight)
        pf_wait(team)
        plain_gemm(&g, out, d, logits, self.vocab)
        apply_linear(k, team, &self.head, &g, rows)
