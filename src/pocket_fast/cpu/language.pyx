# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Language models over a batch of sequences: prompts, and steps of one position each.

A model says how a step's rows enter the transformer and what leaves it (`_enter`, `_leave`); everything else is
here: streams that remember their positions, batches, slices of long prompts, threads, one GIL release per call.
"""

from cython.parallel cimport parallel
from libc.stdlib cimport free, realloc
from libc.string cimport memcpy

from time import perf_counter

import numpy as np

from pocket_fast.cpu._dispatch cimport kernels
from pocket_fast.cpu._kernels cimport PF_NONE, pf_gemm, pf_kernels
from pocket_fast.cpu._memory cimport Arena, ArenaPool, Block, WeightStore
from pocket_fast.cpu._memory import widen
from pocket_fast.cpu._pace import Pace
from pocket_fast.cpu._team cimport pf_barrier, pf_share, pf_team, pf_this_team, pf_wait
from pocket_fast.cpu.attention cimport Run
from pocket_fast.cpu.packing cimport Linear, PackedLinear, plain_gemm, prepared_bytes
from pocket_fast.cpu.packing import pack_linear
from pocket_fast.cpu.transformer cimport Stack, TransformerScratch

cdef enum:
    PROMPT_ROWS = 256     # of a prompt in one call


def kept(WeightStore store, table):
    """An embedding table as a stage may keep it: an array is copied, for it may be mapped from a file that somebody
    cuts short or writes over; anything else is taken to be one that stands this (weights/rows.py)."""
    if not isinstance(table, np.ndarray):
        return table
    copy = np.array(table, order="C")
    store.release(table)
    return copy


def table_rows(table, ids):
    """Rows (n, d) float32 of an embedding table in any storage, copied. Raises ValueError for an id outside of it."""
    ids = np.asarray(ids, dtype=np.int64)
    if ids.size and (ids.min() < 0 or ids.max() >= table.shape[0]):
        raise ValueError(f"token ids {ids.min()}..{ids.max()}, the table has {table.shape[0]} rows")
    return np.ascontiguousarray(widen(table[ids]))


cdef class Sequence:
    def __cinit__(self):
        self.blocks = NULL

    def __dealloc__(self):
        free(self.blocks)

    cdef open(self, Stack stack, int block, bint grows):
        """For the positions of `stack`: `block` of them and no more, or as many blocks as it takes."""
        self.stack, self.block, self.grows = stack, block, grows
        self.held = []
        if not grows:
            self.make_room(block)

    cdef make_room(self, int n):
        """Room for n more positions. Nobody may be using the stream. Raises MemoryError."""
        cdef Block block
        cdef float **blocks
        while len(self.held) * self.block < self.length + n:
            block = Block(self.stack.span_floats(self.block))
            blocks = <float **>realloc(self.blocks, (len(self.held) + 1) * sizeof(float *))
            if blocks == NULL:
                raise MemoryError("stream state")
            self.blocks = blocks
            self.blocks[len(self.held)] = block.data
            self.held.append(block)

    cdef void place(self, Run *run) noexcept:
        """Where a run of this stream finds its past."""
        run.prefix.length = 0
        run.own.blocks = self.blocks
        run.own.block = self.block
        run.own.length = self.length

    @property
    def offset(self):
        """Positions so far."""
        return self.length

    @property
    def nbytes(self):
        """Bytes of the keys and values it has room for."""
        return len(self.held) * 4 * self.stack.span_floats(self.block)

    def reset(self):
        """Forget its own positions, keep the room. Allocates nothing."""
        self.length = 0


cdef class LanguageModel:
    def __cinit__(self, WeightStore store, *args, int threads=1, **kwargs):
        self.store = store
        self.pool = ArenaPool()
        self.threads = threads
        self.pace = Pace(threads)

    cdef Linear _pack(self, weight, bias=None):
        cdef PackedLinear packed = pack_linear(self.store, weight, bias, threads=self.threads)
        return packed.c

    @property
    def macs_per_row(self):
        """Multiply-adds of one position in the transformer's matrices."""
        return self.stack.macs_per_row

    @property
    def weight_bytes(self):
        """Bytes of the transformer's matrices: what a step reads."""
        return sum([packed.nbytes for packed in self.stack.packed])

    cdef _project(self, rows, const Linear *w, int activation=PF_NONE):
        """activation(w rows), (n, w.n) float32, on one thread; w is not packed for "int8" or "dot"."""
        cdef const float[:, ::1] x = rows
        if x.shape[1] != w.k:
            raise ValueError(f"projection: rows are {x.shape[1]} wide, the weight expects {w.k}")
        out = np.empty((x.shape[0], w.n), dtype=np.float32)
        cdef float[:, ::1] y = out
        cdef pf_gemm g
        cdef int n = <int>x.shape[0]
        if n == 0:
            return out
        plain_gemm(&g, &x[0, 0], w.k, NULL, 0)
        g.w, g.w_panel, g.bias, g.k, g.taps, g.n = w.w, w.w_panel, w.bias, w.k, w.taps, w.n
        g.a, g.a_row, g.activation = &y[0, 0], w.n, activation
        with nogil:
            kernels().gemm[w.kind](&g, 0, n, 0, w.panels)
        return out

    # --- running -------------------------------------------------------------------------------

    def prefill(self, streams, embeddings, int threads=0):
        """Append prompts: embeddings[i] (n_i, d) float32 to streams[i]. Batched; no output.

        threads: most for this call; 0 for all of the stage's.

        Raises ValueError if a prompt does not fit its stream, RuntimeError if a stream is in use.
        """
        cdef int d = self.stack.d
        cdef Sequence s
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
            self._forward([s for s, _ in batch], [piece.shape[0] for _, piece in batch], rows, NULL, NULL, threads)

    cdef _check(self, Sequence s, i, n):
        """Raise ValueError unless stream i of a batch is of this model and has room for n positions."""
        if s is None or s.stack is not self.stack:
            raise ValueError("this stream belongs to another model")
        if not s.grows and s.length + n > s.block:
            raise ValueError(f"stream {i} holds {s.length} of {s.block} positions: {n} more do not fit")

    cdef _forward(self, list streams, list counts, const float[:, ::1] x, float *out, float *logits, int threads):
        """The one way through the transformer: counts[i] rows of a prompt for stream i; None: one row each, a step."""
        cdef int n_runs = <int>len(streams), rows = <int>x.shape[0], i, positions = 0, first = 0, team, taken = 0
        cdef bint prompt = counts is not None
        cdef Sequence s
        cdef Arena arena = None
        cdef Run *runs
        cdef TransformerScratch scratch
        cdef pf_barrier barrier
        cdef void *prepared
        cdef Py_ssize_t nbytes
        barrier.arrived = 0
        barrier.generation = 0
        team = self.pace.choose(rows, <double>self.stack.macs_per_row * rows, threads)
        nbytes = prepared_bytes(rows, self.stack.widest, team)
        try:
            for i, s in enumerate(streams):
                if s is not None and s.busy:
                    raise RuntimeError("this stream is already being stepped by another thread (or twice in one batch)")
                n = counts[i] if prompt else 1
                self._check(s, i, n)
                s.busy = True       # from here on nobody else changes its length, which the scratch depends on
                taken += 1
                positions = max(positions, s.offset + n)
            arena = self.pool.take()
            while arena.again():
                runs = <Run *>arena.take(n_runs * sizeof(Run))
                self.stack.cut(&scratch, arena, rows, team, positions)
                prepared = arena.take(nbytes)
            for i, s in enumerate(streams):
                runs[i].first = first
                runs[i].rows = counts[i] if prompt else 1
                first += runs[i].rows
                s.make_room(runs[i].rows)
                s.place(&runs[i])
            started = perf_counter()
            with nogil, parallel(num_threads=team):
                self._part(&barrier, prepared, nbytes, &scratch, runs, n_runs, rows, &x[0, 0], out, logits, prompt)
            if self.threads > 1 and not threads:
                self.pace.took(rows, team, perf_counter() - started)
            for i, s in enumerate(streams):
                s.length += runs[i].rows
        finally:
            for s in streams[:taken]:
                s.busy = False
            if arena is not None:
                self.pool.give(arena)

    cdef void _part(self, pf_barrier *barrier, void *prepared, Py_ssize_t nbytes, TransformerScratch *scratch,
                    Run *runs, int n_runs, int rows, const float *x, float *out, float *logits,
                    bint prompt) noexcept nogil:
        """This thread's part of one call; every thread of the team runs it."""
        cdef pf_team team = pf_this_team(barrier, prepared, nbytes)
        cdef const pf_kernels *k = kernels()
        if prompt:
            LanguageModel._enter(self, k, &team, scratch, rows, x)
        else:
            self._enter(k, &team, scratch, rows, x)
        pf_wait(&team)
        self.stack.forward(k, &team, scratch, runs, n_runs, rows, prompt)
        if not prompt:
            self._leave(k, &team, scratch, rows, out, logits)

    cdef void _enter(self, const pf_kernels *k, const pf_team *team, TransformerScratch *scratch, int rows,
                     const float *x) noexcept nogil:
        """This thread's share of scratch.hidden, from the rows of a step; here: they are embeddings."""
        cdef int lo, hi, r, d = self.stack.d
        pf_share(team, rows, 1, &lo, &hi)
        for r in range(lo, hi):
            memcpy(scratch.hidden + r * scratch.hidden_row, x + <Py_ssize_t>r * d, d * sizeof(float))

    cdef void _leave(self, const pf_kernels *k, const pf_team *team, TransformerScratch *scratch, int rows,
                     float *out, float *logits) noexcept nogil:
        """This thread's share of what a step writes, from scratch.hidden."""
        pass
