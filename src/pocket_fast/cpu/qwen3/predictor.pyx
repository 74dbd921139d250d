# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""CodePredictor: codes 1 to G - 1 of a frame, one after the other, from the talker's hidden vector and code 0.

    positions 0, 1: hidden, E(code 0);  then G_g(code g + 1);  logits g = lm_head_g norm(transformer(position g + 1))

A frame is G - 1 passes over at most G positions with keys and values of their own, which are forgotten after it: one
call does them all, draws included, for a batch of streams. Upstream: qwen_tts 0.1.1,
Qwen3TTSTalkerCodePredictorModelForConditionalGeneration.
"""

from cython.parallel cimport parallel
from libc.stdint cimport uint16_t, uint32_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy

from time import perf_counter

import numpy as np

from pocket_fast.cpu._dispatch cimport kernels
from pocket_fast.cpu._kernels cimport PF_PANEL, pf_gemm, pf_kernels
from pocket_fast.cpu._memory cimport Arena, ArenaPool, WeightStore
from pocket_fast.cpu._pace import Pace
from pocket_fast.cpu._team cimport pf_barrier, pf_share, pf_team, pf_this_team, pf_wait
from pocket_fast.cpu.attention cimport Run
from pocket_fast.cpu.language import kept, table_rows
from pocket_fast.cpu.packing cimport Linear, PackedLinear, apply_linear, plain_gemm, prepared_bytes
from pocket_fast.cpu.packing import pack_linear
from pocket_fast.cpu.qwen3.sampling cimport Draw, Drawing, pick, pick_floats
from pocket_fast.cpu.transformer cimport Stack, TransformerScratch
from pocket_fast.stages.qwen3.layers import language


ctypedef struct Table:
    # Embeddings as they are stored: a frame takes one row.
    const void *rows
    bint bf16
    int n


ctypedef struct Frame:
    # One call: the caller's arrays, B streams, and scratch.
    int batch
    const float *hidden       # (B, H)
    int *codes                # (B, G)
    const double *uniforms    # (B, G - 1)
    const Drawing *drawings   # (B,)
    float *embedding          # (B, H)
    Run *runs                 # (B,)
    TransformerScratch layers
    float *inputs             # (2 B, H) before the projection, if there is one
    float *normed             # (B, C)
    float *logits             # (B, V)
    float *picking            # per thread
    Py_ssize_t picking_each
    void *prepared
    Py_ssize_t prepared_bytes
    pf_barrier barrier


cdef class CodePredictor:
    """weights: {name in the file without 'talker.': array} as the Talker's, of which it takes the embeddings of
    code 0 and what begins with 'code_predictor.'; config: a TalkerConfig; product: how the matrices of the layers
    are packed (packing.pyx), the rest is kept as it is stored; threads: the most any call may use.
    Raises ValueError for shapes that do not chain.
    """
    cdef WeightStore store
    cdef ArenaPool pool
    cdef Stack stack
    cdef object pace
    cdef readonly int threads
    cdef readonly int hidden_dim      # width of hidden vectors and embeddings
    cdef int groups
    cdef int vocab
    cdef int block                    # positions that the keys and values of a frame have room for
    cdef Linear projection            # to the width of the layers, or n = 0
    cdef Linear *heads
    cdef Table *tables
    cdef list arrays                  # the tables' memory
    cdef const float *norm_weight
    cdef float eps

    def __cinit__(self, WeightStore store, weights, config, *, str product=None, int threads=1):
        cdef int g, groups = config.num_code_groups
        self.store = store
        self.heads = <Linear *>calloc(max(groups, 1), sizeof(Linear))
        self.tables = <Table *>calloc(max(groups, 1), sizeof(Table))
        if self.heads == NULL or self.tables == NULL:
            raise MemoryError("code predictor")
        self.pool = ArenaPool()
        self.threads = threads
        self.pace = Pace(threads)
        self.arrays = []
        inner = config.code_predictor_config
        self.groups, self.vocab, self.eps = groups, inner.vocab_size, inner.rms_norm_eps
        self.hidden_dim = config.hidden_size
        self.block = (groups + PF_PANEL - 1) // PF_PANEL * PF_PANEL
        prefix = "code_predictor."
        self.stack = Stack(store, weights, prefix + "model.", **language(inner), tabled=groups, product=product,
                           threads=threads)

        def take(name, *shape):
            if weights[name].shape != shape:
                raise ValueError(f"{name}: shape {weights[name].shape}, expected {shape}")
            return weights[name]

        self.norm_weight = store.vector(take(prefix + "model.norm.weight", self.stack.d))
        self.projection.n = 0
        if self.hidden_dim != self.stack.d:
            name = prefix + "small_to_mtp_projection."
            self.projection = self._pack(take(name + "weight", self.stack.d, self.hidden_dim),
                                         take(name + "bias", self.stack.d))
        self._keep(0, take("model.codec_embedding.weight", config.vocab_size, self.hidden_dim))
        for g in range(groups - 1):
            self.heads[g] = self._pack(take(f"{prefix}lm_head.{g}.weight", self.vocab, self.stack.d), None)
            self._keep(g + 1, take(f"{prefix}model.codec_embedding.{g}.weight", self.vocab, self.hidden_dim))

    def __dealloc__(self):
        free(self.heads)
        free(self.tables)

    cdef Linear _pack(self, weight, bias):
        cdef PackedLinear packed = pack_linear(self.store, weight, bias, threads=self.threads)
        return packed.c

    cdef _keep(self, int g, array):
        """The embeddings of code g, copied."""
        array = kept(self.store, array)
        array = np.asarray(array, dtype=None if array.dtype == np.uint16 else np.float32)
        self.arrays.append(array)
        self.tables[g].rows = <const void *><size_t>array.__array_interface__["data"][0]
        self.tables[g].bf16 = array.dtype == np.uint16
        self.tables[g].n = array.shape[0]

    @property
    def draws(self):
        """Uniform numbers that a frame takes."""
        return self.groups - 1

    @property
    def weight_bytes(self):
        """Bytes of the layers' matrices: what each of the passes of a frame reads."""
        return sum([packed.nbytes for packed in self.stack.packed])

    @property
    def macs_per_frame(self):
        """Multiply-adds of the matrix products for one frame."""
        passes = <double>self.stack.macs_per_row + self.projection.n * self.hidden_dim
        return passes * self.groups + <double>(self.groups - 1) * self.vocab * self.stack.d

    def embed(self, codes):
        """The embeddings (n, H) float32 of whole frames, codes (n, G): the sums that predict() gives.

        Raises ValueError for another shape, or a code outside its table.
        """
        codes = np.asarray(codes)
        if codes.ndim != 2 or codes.shape[1] != self.groups:
            raise ValueError(f"frames: codes {codes.shape}, expected (n, {self.groups})")
        out = np.zeros((len(codes), self.hidden_dim), dtype=np.float32)
        for column, table in zip(codes.T, self.arrays):
            out += table_rows(table, column)
        return out

    def predict(self, hidden, codes, uniforms, settings, embedding, int threads=0):
        """The rest of one frame for B streams: codes[:, 1:] from codes[:, 0], and the frames' embeddings.

        hidden (B, H) float32: the talker's, of the step that led to code 0; codes (B, G) int32; uniforms
        (B, G - 1) float64 in [0, 1): number g draws code g + 1; settings: a Draw each; embedding (B, H) float32, out:
        E(code 0) + G_0(code 1) + ..., added in this order. All C-contiguous.
        threads: most for this call; 0 for all of the stage's.

        A row's result depends on nothing else in the batch, bit for bit. Raises ValueError for other shapes, or a
        code 0 outside the talker's vocabulary.
        """
        cdef int batch = <int>len(settings), i, team
        cdef Py_ssize_t n = batch, span
        cdef Drawing *drawings
        cdef float **blocks
        cdef float *spans
        cdef Draw draw
        cdef Arena arena
        cdef Frame f
        shapes = [(batch, self.hidden_dim), (batch, self.groups), (batch, self.groups - 1), (batch, self.hidden_dim)]
        given = [hidden.shape, codes.shape, uniforms.shape, embedding.shape]
        if given != shapes:
            raise ValueError(f"predict: hidden, codes, uniforms, embedding {given} for {batch} settings; expected {shapes}")
        if any(not isinstance(draw, Draw) for draw in settings):
            raise TypeError(f"predict: settings {settings}, expected a Draw for each row")
        cdef const float[:, ::1] h = hidden
        cdef int[:, ::1] c = codes
        cdef const double[:, ::1] u = uniforms
        cdef float[:, ::1] e = embedding
        if batch == 0:
            return
        if codes[:, 0].min() < 0 or codes[:, 0].max() >= self.tables[0].n:
            raise ValueError(f"predict: code 0 is {codes[:, 0].tolist()}, expected ids below {self.tables[0].n}")
        team = self.pace.choose(batch, self.macs_per_frame * batch, threads)
        span = self.stack.span_floats(self.block)
        f.prepared_bytes = prepared_bytes(2 * batch, self.stack.widest, team)
        f.picking_each = (pick_floats(self.vocab) + 15) // 16 * 16
        arena = self.pool.take()
        try:
            while arena.again():
                drawings = <Drawing *>arena.take(n * sizeof(Drawing))
                f.runs = <Run *>arena.take(n * sizeof(Run))
                blocks = <float **>arena.take(n * sizeof(float *))
                f.inputs = arena.floats(2 * n * self.hidden_dim)
                f.normed = arena.floats(n * self.stack.d)
                f.logits = arena.floats(n * self.vocab)
                f.picking = arena.floats(team * f.picking_each)
                f.prepared = arena.take(f.prepared_bytes)
                self.stack.cut(&f.layers, arena, 2 * batch, team, self.block)
                spans = arena.floats(n * span)
            for i, draw in enumerate(settings):
                drawings[i] = draw.c
                blocks[i] = spans + i * span
                f.runs[i].prefix.length = 0
                f.runs[i].own.blocks = &blocks[i]
                f.runs[i].own.block = self.block
                f.runs[i].own.length = 0
            f.batch, f.drawings = batch, drawings
            f.hidden, f.codes, f.uniforms, f.embedding = &h[0, 0], &c[0, 0], &u[0, 0], &e[0, 0]
            f.barrier.arrived = 0
            f.barrier.generation = 0
            started = perf_counter()
            with nogil, parallel(num_threads=team):
                self._part(&f)
            if self.threads > 1 and not threads:
                self.pace.took(batch, team, perf_counter() - started)
        finally:
            self.pool.give(arena)

    cdef void _part(self, Frame *f) noexcept nogil:
        """This thread's part of one frame; every thread of the team runs it."""
        cdef pf_team team = pf_this_team(&f.barrier, f.prepared, f.prepared_bytes)
        cdef const pf_kernels *k = kernels()
        cdef int g, i, lo, hi, each, d = self.stack.d
        cdef float *logits
        cdef const float *last
        cdef pf_gemm product
        pf_share(&team, f.batch, 1, &lo, &hi)     # this thread's streams: their inputs, norms and draws
        for g in range(self.groups - 1):
            each = 2 if g == 0 else 1
            for i in range(lo, hi):
                self._input(f, i, g)
            if team.rank == 0:
                for i in range(f.batch):
                    f.runs[i].own.length = g + 1 if g else 0
                    f.runs[i].first, f.runs[i].rows = each * i, each
            if self.projection.n:
                pf_wait(&team)
                plain_gemm(&product, f.inputs, self.hidden_dim, f.layers.hidden, f.layers.hidden_row)
                apply_linear(k, &team, &self.projection, &product, each * f.batch)
            pf_wait(&team)
            self.stack.forward(k, &team, &f.layers, f.runs, f.batch, each * f.batch, False)
            for i in range(lo, hi):
                last = f.layers.hidden + (each * i + each - 1) * f.layers.hidden_row
                k.rms_norm(f.normed + <Py_ssize_t>i * d, last, d, self.eps, self.norm_weight)
            pf_wait(&team)
            plain_gemm(&product, f.normed, d, f.logits, self.vocab)
            apply_linear(k, &team, &self.heads[g], &product, f.batch)
            pf_wait(&team)
            for i in range(lo, hi):
                logits = f.logits + <Py_ssize_t>i * self.vocab
                f.codes[i * self.groups + g + 1] = pick(logits, self.vocab, &f.drawings[i],
                                                        f.uniforms[i * (self.groups - 1) + g],
                                                        f.picking + team.rank * f.picking_each)
        for i in range(lo, hi):
            self._embed(f, i, self.groups - 1, f.inputs + <Py_ssize_t>i * self.hidden_dim)

    cdef void _input(self, Frame *f, int i, int g) noexcept nogil:
        """The rows of stream i for pass g: the hidden vector and code 0's, then the one of the code drawn last."""
        cdef float *rows = f.inputs
        cdef Py_ssize_t pitch = self.hidden_dim
        if self.projection.n == 0:
            rows = f.layers.hidden
            pitch = f.layers.hidden_row
        if g == 0:
            memcpy(rows + 2 * i * pitch, f.hidden + <Py_ssize_t>i * self.hidden_dim, self.hidden_dim * sizeof(float))
            self._embed(f, i, 0, rows + (2 * i + 1) * pitch)
        else:
            self._embed(f, i, g, rows + i * pitch)

    cdef void _embed(self, Frame *f, int i, int g, float *row) noexcept nogil:
        """The embedding of code g of stream i; it joins the frame's sum."""
        cdef const Table *table = &self.tables[g]
        cdef Py_ssize_t at = <Py_ssize_t>f.codes[i * self.groups + g] * self.hidden_dim
        cdef float *sum = f.embedding + <Py_ssize_t>i * self.hidden_dim
        cdef int c
        if table.bf16:
            for c in range(self.hidden_dim):
                (<uint32_t *>row)[c] = <uint32_t>(<const uint16_t *>table.rows)[at + c] << 16
        else:
            memcpy(row, <const float *>table.rows + at, self.hidden_dim * sizeof(float))
        for c in range(self.hidden_dim):
            sum[c] = row[c] if g == 0 else sum[c] + row[c]
