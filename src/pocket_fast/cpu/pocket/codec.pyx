# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The Mimi codec, frame by frame: CodecDecoder (latent -> samples) and CodecEncoder (samples -> latent).

    decoder  SEANet(transformer(upsample(output_proj(latent * std + mean))))
    encoder  downsample(transformer(SEANet(samples)))

A frame is samples_per_frame samples, one latent, and `steps` steps of the transformer between them.
Everything is causal, so streaming equals offline, and a stream's memory does not grow: convolution
history and a ring of keys and values as long as the attention window.
Upstream: pocket_tts/models/mimi.py, modules/resample.py (4.0.1).
"""

from cython.parallel cimport parallel
from libc.string cimport memcpy, memset

from time import perf_counter

import numpy as np

from pocket_fast.cpu._dispatch cimport kernels
from pocket_fast.cpu._kernels cimport PF_PANEL, pf_gemm, pf_kernels
from pocket_fast.cpu._memory cimport Arena, ArenaPool, Block, WeightStore
from pocket_fast.cpu._memory import widen
from pocket_fast.cpu._team cimport pf_alone, pf_barrier, pf_share, pf_team, pf_this_team, pf_wait
from pocket_fast.cpu._pace import Pace
from pocket_fast.cpu.attention cimport Run
from pocket_fast.cpu.conv cimport ConvChain
from pocket_fast.cpu.conv import seanet_decoder, seanet_encoder
from pocket_fast.cpu.packing cimport Linear, PackedLinear, apply_linear, plain_gemm, prepared_floats
from pocket_fast.cpu.packing import pack_linear
from pocket_fast.cpu.transformer cimport Stack, TransformerScratch


cdef class CodecStream:
    """What one direction of the codec remembers of one utterance; its size is fixed."""
    cdef Block block
    cdef readonly Py_ssize_t frames   # frames seen
    cdef bint busy
    cdef object owner

    @property
    def nbytes(self):
        return self.block.count * 4

    def reset(self):
        """As new. Allocates nothing."""
        memset(self.block.data, 0, self.block.count * sizeof(float))
        self.frames = 0


cdef class _Middle:
    """The transformer of one side, with its projections where widths differ, on `steps` rows a frame."""
    cdef Stack stack
    cdef Linear input_proj
    cdef Linear output_proj
    cdef int steps
    cdef int capacity            # of the ring: the window and one frame

    def __cinit__(self, WeightStore store, weights, str prefix, config, int steps, str product, int threads):
        self.steps = steps
        self.stack = Stack(store, weights, prefix + "transformer.", n_layers=config.num_layers,
                           d_model=config.d_model, heads=config.num_heads, kv_heads=config.num_heads,
                           dim=config.d_model // config.num_heads, feed=config.dim_feedforward,
                           max_period=config.max_period, context=config.context, product=product,
                           threads=threads)
        self.capacity = (config.context + steps + PF_PANEL - 1) // PF_PANEL * PF_PANEL
        self.input_proj.n = self.output_proj.n = 0
        if prefix + "input_proj.weight" in weights:
            self.input_proj = self._pack(store, weights[prefix + "input_proj.weight"], threads)
        if prefix + "output_projs.0.weight" in weights:
            self.output_proj = self._pack(store, weights[prefix + "output_projs.0.weight"], threads)

    cdef Linear _pack(self, store, weight, int threads):
        cdef PackedLinear packed = pack_linear(store, weight, threads=threads)
        return packed.c

    cdef Py_ssize_t state_floats(self) noexcept nogil:
        return self.stack.span_floats(self.capacity)

    cdef Py_ssize_t scratch_floats(self, int threads) noexcept nogil:
        return self.stack.scratch_floats(self.steps, threads, self.capacity)

    cdef void cut(self, TransformerScratch *s, float *at, int threads) noexcept nogil:
        self.stack.cut(s, at, self.steps, threads, self.capacity)

    cdef void run(self, const pf_kernels *k, const pf_team *team, TransformerScratch *s, float *ring, int position,
                  const float *x, int x_width, float *y, int y_width) noexcept nogil:
        """steps rows of x through the transformer into y. Every member calls it; ends in a barrier."""
        cdef pf_gemm g
        cdef Run run
        cdef int r
        run.prefix.length = 0
        run.own.blocks = &ring
        run.own.block = self.capacity
        run.own.length = position
        run.first = 0
        run.rows = self.steps
        if self.input_proj.n:
            plain_gemm(&g, x, x_width, s.hidden, s.hidden_row)
            apply_linear(k, team, &self.input_proj, &g, self.steps)
        elif team.rank == 0:
            for r in range(self.steps):
                memcpy(s.hidden + r * s.hidden_row, x + <Py_ssize_t>r * x_width, x_width * sizeof(float))
        pf_wait(team)
        self.stack.forward(k, team, s, &run, 1, self.steps, False)
        if self.output_proj.n:
            plain_gemm(&g, s.hidden, s.hidden_row, y, y_width)
            apply_linear(k, team, &self.output_proj, &g, self.steps)
        elif team.rank == 0:
            for r in range(self.steps):
                memcpy(y + <Py_ssize_t>r * y_width, s.hidden + r * s.hidden_row, y_width * sizeof(float))
        pf_wait(team)


cdef class _Codec:
    """What both directions share: streams, scratch, and one region per call over a batch of streams."""
    cdef WeightStore store
    cdef ArenaPool pool
    cdef _Middle middle
    cdef ConvChain chain
    cdef readonly int threads
    cdef object pace
    cdef readonly int samples_per_frame
    cdef Py_ssize_t state_floats
    cdef Py_ssize_t extra_floats       # scratch of a frame beyond the transformer's and the chain's

    def stream(self):
        """A fresh CodecStream."""
        cdef CodecStream s = CodecStream()
        s.block = Block(self.state_floats)
        s.owner = self
        return s

    @property
    def macs_per_frame(self):
        """Multiply-adds of one frame, attention left out."""
        return self.chain.macs + <double>self.middle.steps * self.middle.stack.macs_per_row

    cdef _run(self, list streams, int frames, const float *x, Py_ssize_t x_stream, float *y, Py_ssize_t y_stream,
              int threads):
        """`frames` frames of every stream; x_stream, y_stream: floats from one stream's data to the next's."""
        cdef int n = <int>len(streams), team, i, sets
        cdef Py_ssize_t each, prepared
        cdef CodecStream s
        cdef Arena arena
        cdef float **states
        cdef Py_ssize_t *seen
        cdef float *scratch
        cdef pf_barrier barrier
        barrier.arrived = 0
        barrier.generation = 0
        for s in streams:
            if s is None or s.owner is not self:
                raise ValueError("this codec stream belongs to another codec")
        if n == 0 or frames == 0:
            return
        team = self.pace.choose(n, self.macs_per_frame * n, threads)
        # a set of scratch per thread: the transformer's, the chain's, the rest, and prepared rows
        prepared = max(prepared_floats(self.middle.steps, self.middle.stack.widest, team),
                       self.chain.prepared_floats * team)
        each = self.middle.scratch_floats(team) + self.chain.scratch_floats + self.extra_floats
        each = (each + 15) // 16 * 16 + (prepared + 15) // 16 * 16
        arena = self.pool.take(4 * team * each + n * 16 + 256)
        for i, s in enumerate(streams):
            if s.busy:
                for s in streams[:i]:
                    s.busy = False
                self.pool.give(arena)
                raise RuntimeError("this stream is already being decoded by another thread (or twice in one batch)")
            s.busy = True
        try:
            states = <float **>arena.take(n * sizeof(float *))
            seen = <Py_ssize_t *>arena.take(n * sizeof(Py_ssize_t))
            scratch = arena.floats(team * each)
            for i, s in enumerate(streams):
                states[i] = s.block.data
                seen[i] = s.frames
            started = perf_counter()
            with nogil, parallel(num_threads=team):
                self._part(&barrier, scratch, each, prepared, n, frames, states, seen, x, x_stream, y, y_stream)
            if self.threads > 1 and not threads:
                self.pace.took(n, team, (perf_counter() - started) / frames)
            for s in streams:
                s.frames += frames
        finally:
            for s in streams:
                s.busy = False
            self.pool.give(arena)

    cdef void _part(self, pf_barrier *barrier, float *scratch, Py_ssize_t each, Py_ssize_t prepared, int n, int frames,
                    float **states, const Py_ssize_t *seen, const float *x, Py_ssize_t x_stream, float *y,
                    Py_ssize_t y_stream) noexcept nogil:
        """As many streams as the threads divide are taken whole, without waiting; all share each of the rest."""
        cdef pf_team team = pf_this_team(barrier, scratch, prepared * sizeof(float))
        cdef float *set = scratch + team.rank * each
        cdef Py_ssize_t rows = (prepared + 15) // 16 * 16
        cdef pf_team alone = pf_alone(set)
        cdef const pf_kernels *k = kernels()
        cdef int f, i = team.rank, whole = n - n % team.size
        while i < whole:
            for f in range(frames):
                self._frame(k, &alone, set + rows, states[i], seen[i] + f, x + i * x_stream + f * self._x_frame(),
                            y + i * y_stream + f * self._y_frame())
            i += team.size
        # the shared scratch is rank 0's, who starts a frame: no one touches it before the first barrier
        for i in range(whole, n):
            for f in range(frames):
                self._frame(k, &team, scratch + rows, states[i], seen[i] + f, x + i * x_stream + f * self._x_frame(),
                            y + i * y_stream + f * self._y_frame())

    cdef Py_ssize_t _x_frame(self) noexcept nogil:
        return 0

    cdef Py_ssize_t _y_frame(self) noexcept nogil:
        return 0

    cdef void _frame(self, const pf_kernels *k, const pf_team *team, float *scratch, float *state, Py_ssize_t frame,
                     const float *x, float *y) noexcept nogil:
        """One frame of one stream; every member calls it; ends in a barrier."""
        pass


cdef class CodecDecoder(_Codec):
    """weights: {bundle name without 'mimi.': array}; latent_mean, latent_std (latent_dim,) undo the language
    model's normalisation; config: the YAML's mimi section with its decoder side resolved (see backend.py).
    """
    cdef Linear output_proj
    cdef const float *latent_std
    cdef const float *latent_mean
    cdef const float *w_old
    cdef const float *w_new
    cdef readonly int latent_dim
    cdef int width                # channels between output_proj and the transformer

    def __init__(self, WeightStore store, weights, *, seanet, transformer, int steps, latent_mean, latent_std,
                 str product=None, int threads=1):
        cdef PackedLinear packed
        self.store = store
        self.pool = ArenaPool()
        self.threads = threads
        self.pace = Pace(threads)
        self.middle = _Middle(store, weights, "decoder_transformer.", transformer, steps, product, threads)
        self.chain = seanet_decoder(store, weights, "decoder.", seanet, steps, product, threads)
        packed = pack_linear(store, weights["quantizer.output_proj.weight"][:, :, 0], threads=threads)
        self.output_proj = packed.c
        self.width, self.latent_dim = packed.c.n, packed.c.k
        self.latent_mean = store.vector(latent_mean)
        self.latent_std = store.vector(latent_std)
        self.w_old = self.w_new = NULL
        if steps > 1:
            kernel = widen(weights["upsample.convtr.convtr.weight"])[:, 0].T   # (2 steps, width)
            self.w_new = store.vector(kernel[:steps])
            self.w_old = store.vector(kernel[steps:])
        self.samples_per_frame = self.chain.buffers[self.chain.output].rows
        # state: chain | last projected latent | ring
        self.state_floats = self.chain.state_floats + self.width + self.middle.state_floats()
        self.extra_floats = (self.latent_dim + self.width * (1 + steps) + 15) // 16 * 16

    def decode(self, streams, latents, out, int threads=0):
        """One frame for every stream: latents (B, latent_dim) -> out (B, samples_per_frame), float32 in [-1, 1] or so.

        Both C-contiguous; threads: most for this call, 0 for all of the stage's. Raises ValueError for other
        shapes, RuntimeError for a stream in use.
        """
        cdef const float[:, ::1] x = latents
        cdef float[:, ::1] y = out
        if latents.shape != (len(streams), self.latent_dim) or out.shape != (len(streams), self.samples_per_frame):
            raise ValueError(
                f"decode: {len(streams)} streams, latents {latents.shape}, out {out.shape}; expected "
                f"(B, {self.latent_dim}) and (B, {self.samples_per_frame})"
            )
        if len(streams):
            self._run(streams, 1, &x[0, 0], self.latent_dim, &y[0, 0], self.samples_per_frame, threads)

    cdef Py_ssize_t _x_frame(self) noexcept nogil:
        return self.latent_dim

    cdef Py_ssize_t _y_frame(self) noexcept nogil:
        return self.samples_per_frame

    cdef void _frame(self, const pf_kernels *k, const pf_team *team, float *scratch, float *state, Py_ssize_t frame,
                     const float *x, float *y) noexcept nogil:
        cdef float *old = state + self.chain.state_floats
        cdef float *ring = old + self.width
        cdef float *latent = scratch + self.chain.scratch_floats
        cdef float *now = latent + self.latent_dim
        cdef float *steps = now + self.width
        cdef TransformerScratch s
        cdef int n = self.middle.steps
        cdef pf_gemm g
        self.middle.cut(&s, latent + self.extra_floats, team.size)
        if team.rank == 0:
            self.chain.begin(scratch, state)
            k.affine(latent, x, self.latent_std, self.latent_mean, self.latent_dim)
            plain_gemm(&g, latent, self.latent_dim, now if n > 1 else steps, self.width)
            g.w, g.w_panel, g.bias = self.output_proj.w, self.output_proj.w_panel, NULL
            g.k, g.taps, g.n = self.output_proj.k, 1, self.width
            k.gemm[self.output_proj.kind](&g, 0, 1, 0, self.output_proj.panels)
            if n > 1:
                k.upsample(steps, old, now, self.w_old, self.w_new, self.width, n)
                memcpy(old, now, self.width * sizeof(float))
        pf_wait(team)
        self.middle.run(k, team, &s, ring, <int>(frame * n), steps, self.width,
                        self.chain.rows_of(self.chain.input, scratch), self.chain.buffers[self.chain.input].channels)
        self.chain.run(k, team, scratch, frame == 0)
        if team.rank == 0:
            memcpy(y, self.chain.rows_of(self.chain.output, scratch), self.samples_per_frame * sizeof(float))
            self.chain.end(scratch, state)
        pf_wait(team)


cdef class CodecEncoder(_Codec):
    """weights: {bundle name without 'mimi.': array}; config as CodecDecoder's, encoder side."""
    cdef ConvChain down            # downsampling, or an empty chain if a frame is one step
    cdef readonly int output_dim

    def __init__(self, WeightStore store, weights, *, seanet, transformer, int steps, int samples_per_frame, int threads=1):
        self.store = store
        self.pool = ArenaPool()
        self.threads = threads
        self.pace = Pace(threads)
        self.samples_per_frame = samples_per_frame
        self.middle = _Middle(store, weights, "encoder_transformer.", transformer, steps, None, threads)
        self.chain = seanet_encoder(store, weights, "encoder.", seanet, samples_per_frame, None, threads)
        width = self.chain.buffers[self.chain.output].channels
        # upstream's downsampling always repeats its first input, whatever pad_mode says
        self.down = ConvChain(store, width, steps)
        if steps > 1:
            self.down.conv(0, weights["downsample.conv.conv.weight"], stride=steps, raw=True, replicate=True,
                           threads=threads)
        self.down.finish()
        self.output_dim = self.down.buffers[self.down.output].channels
        # state: chain | downsampling | ring
        self.state_floats = self.chain.state_floats + self.down.state_floats + self.middle.state_floats()
        self.extra_floats = self.down.scratch_floats

    def encode(self, stream, pcm):
        """Latents (n, output_dim) float32 of pcm (n * samples_per_frame,) float32 at 24 kHz, continuing `stream`.

        Raises ValueError if pcm is not a whole number of frames.
        """
        cdef const float[::1] x = np.ascontiguousarray(pcm, dtype=np.float32)
        cdef int frames = <int>(x.shape[0] // self.samples_per_frame)
        if x.shape[0] != <Py_ssize_t>frames * self.samples_per_frame:
            raise ValueError(f"encode: {x.shape[0]} samples are not a whole number of frames of {self.samples_per_frame}")
        out = np.empty((frames, self.output_dim), dtype=np.float32)
        cdef float[:, ::1] y = out
        if frames:
            self._run([stream], frames, &x[0], 0, &y[0, 0], 0, 0)
        return out

    cdef Py_ssize_t _x_frame(self) noexcept nogil:
        return self.samples_per_frame

    cdef Py_ssize_t _y_frame(self) noexcept nogil:
        return self.output_dim

    cdef void _frame(self, const pf_kernels *k, const pf_team *team, float *scratch, float *state, Py_ssize_t frame,
                     const float *x, float *y) noexcept nogil:
        cdef float *down_state = state + self.chain.state_floats
        cdef float *ring = down_state + self.down.state_floats
        cdef float *down = scratch + self.chain.scratch_floats
        cdef TransformerScratch s
        cdef int width = self.chain.buffers[self.chain.output].channels
        self.middle.cut(&s, down + self.extra_floats, team.size)
        if team.rank == 0:
            self.chain.begin(scratch, state)
            self.down.begin(down, down_state)
            memcpy(self.chain.rows_of(self.chain.input, scratch), x, self.samples_per_frame * sizeof(float))
        pf_wait(team)
        self.chain.run(k, team, scratch, frame == 0)
        self.middle.run(k, team, &s, ring, <int>(frame * self.middle.steps),
                        self.chain.rows_of(self.chain.output, scratch), width,
                        self.down.rows_of(self.down.input, down), width)
        self.down.run(k, team, down, frame == 0)
        if team.rank == 0:
            memcpy(y, self.down.rows_of(self.down.output, down), self.output_dim * sizeof(float))
            self.chain.end(scratch, state)
            self.down.end(down, down_state)
        pf_wait(team)
