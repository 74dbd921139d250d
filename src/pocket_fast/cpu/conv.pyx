# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Chains of causal convolutions, channels last, streamed piece by piece.

Nearly every layer is the same matrix product over overlapping rows of its input buffer:
    convolution             row t reads rows t * stride - past .. t * stride + stride - 1
    transposed convolution  (kernel = overlap * stride) row t reads rows t - overlap + 1 .. t and writes `stride`
                            rows of output at once: no overlap-add and no partial sums to keep
A depthwise convolution and a norm go row by row. What a stream remembers is the last `history` rows of each
input. Upstream: pocket_tts/modules/conv.py, seanet.py (4.0.1), where the same memory is called `previous` and
`partial`; SnakeBeta: Ziyin et al. 2020, arXiv:2006.08195, with the gain of BigVGAN, arXiv:2206.04658.
"""

from libc.math cimport ceil
from libc.stdlib cimport free, realloc
from libc.string cimport memcpy, memset

import numpy as np

from pocket_fast.cpu._kernels cimport PF_NONE, PF_SNAKE, pf_gemm, pf_kernels
from pocket_fast.cpu._memory cimport WeightStore
from pocket_fast.cpu._memory import widen
from pocket_fast.cpu._team cimport pf_share, pf_team, pf_wait
from pocket_fast.cpu.packing cimport (
    PackedLinear, apply_linear, gather_rows, gathered_bytes, narrowed_bytes, plain_gemm, share_linear
)
from pocket_fast.cpu.packing import ACTIVATIONS, pack_linear

cdef enum:
    PRODUCT
    DEPTHWISE
    NORM


cdef class ConvChain:
    """Build with conv(), conv_transpose(), depthwise() and norm(), then finish().

    channels, rows: of the chain's input, and the most of it in one call; product: how the weights are packed,
    None or "dot" (packing.pyx). Strides divide the rows they are applied to.

    Every layer returns buffers: of its value (raw) and of activation(value) (active), -1 for what was not asked.
    activation: a name in packing.ACTIVATIONS, or (alpha, beta), one of each per channel, for
    x + sin(x e^alpha)^2 / (e^beta + 1e-9).
    """

    def __cinit__(self, WeightStore store, int channels, int rows, *, str product=None):
        self.store = store
        self.buffers = NULL
        self.ops = NULL
        self.n_buffers = self.n_ops = 0
        self.macs = 0
        self.product = product
        self.input = self._buffer(channels, rows)
        self.output = self.input

    def __dealloc__(self):
        free(self.buffers)
        free(self.ops)

    cdef int _buffer(self, int channels, int rows) except -1:
        cdef Buffer *grown = <Buffer *>realloc(self.buffers, (self.n_buffers + 1) * sizeof(Buffer))
        if grown == NULL:
            raise MemoryError("convolution chain")
        self.buffers = grown
        self.buffers[self.n_buffers] = Buffer(channels, rows, 0, 0, 0)
        self.n_buffers += 1
        return self.n_buffers - 1

    cdef Op *_op(self, int kind, int source, int past) except NULL:
        """The next layer, to be filled in."""
        cdef Op *grown = <Op *>realloc(self.ops, (self.n_ops + 1) * sizeof(Op))
        cdef Op *op
        if grown == NULL:
            raise MemoryError("convolution chain")
        self.ops = grown
        op = &self.ops[self.n_ops]
        memset(op, 0, sizeof(Op))
        op.kind, op.source, op.past = kind, source, past
        op.stride = op.dilation = 1
        op.raw = op.active = op.skip = -1
        self.buffers[source].history = max(self.buffers[source].history, past)
        self.n_ops += 1
        return op

    cdef _outputs(self, Op *op, int channels, int rows, activation, bint raw, bint active, int times):
        """Buffers for what was asked of a layer; times: of the channels in a row of its product."""
        if isinstance(activation, tuple):
            alpha, beta = (np.exp(widen(v).astype(float)) for v in activation)
            if alpha.shape != (channels,) or beta.shape != (channels,):
                raise ValueError(f"convolution: alpha {alpha.shape}, beta {beta.shape} for {channels} channels")
            op.activation = PF_SNAKE
            op.snake = self.store.vector(np.concatenate([np.tile(alpha, times), np.tile(1 / (beta + 1e-9), times)]))
        else:
            op.activation = ACTIVATIONS[activation]
        op.raw = self._buffer(channels, rows) if raw else -1
        op.active = self._buffer(channels, rows) if active else -1
        self.output = op.active if active else op.raw
        return op.raw, op.active

    def conv(self, int source, weight, bias=None, *, int stride=1, int dilation=1, int skip=-1, scale=None,
             activation="elu", bint raw=False, bint active=False, bint replicate=False, int threads=1):
        """Add a convolution: weight (out, in, kernel) and bias (out,) or None, in any packable dtype.

        scale (out,) multiplies the result, then the buffer `skip` is added to it. replicate: what lies before the
        first row, and behind the last one that completes a stride, repeats that row, instead of zeros.
        """
        cdef PackedLinear packed
        cdef Op *op
        out, channels, kernel = weight.shape
        reach = (kernel - 1) * dilation + 1 - stride
        rows = self.buffers[source].rows
        if channels != self.buffers[source].channels or rows % stride or reach < 0:
            raise ValueError(
                f"convolution {weight.shape} with stride {stride} on {self.buffers[source].channels} channels, "
                f"{rows} rows"
            )
        if skip >= 0 and (self.buffers[skip].channels != out or self.buffers[skip].rows != rows // stride):
            raise ValueError("convolution: skip connection of another shape")
        matrix = np.ascontiguousarray(weight.transpose(0, 2, 1)).reshape(out, kernel * channels)
        self.store.release(weight)
        # without dilation the taps of one output row are adjacent in memory: one long row
        bias = None if bias is None else widen(bias)
        packed = pack_linear(self.store, matrix, bias, taps=kernel if dilation > 1 else 1, product=self.product,
                             threads=threads)
        op = self._op(PRODUCT, source, reach)
        op.weight = packed.c
        op.stride, op.dilation, op.skip, op.replicate = stride, dilation, skip, replicate
        op.scale = self.store.vector(scale)
        self._count(packed, source, rows // stride, rows + reach)
        return self._outputs(op, out, rows // stride, activation, raw, active, 1)

    def conv_transpose(self, int source, weight, bias=None, *, int overlap=2, activation="elu", bint raw=False,
                       bint active=False, int threads=1):
        """Add a transposed convolution: weight (in, out, overlap * stride).

        Its past before the first row is always zero (upstream starts with an empty `partial`).
        """
        cdef PackedLinear packed
        cdef Op *op
        channels, out, kernel = weight.shape
        stride = kernel // overlap
        rows = self.buffers[source].rows
        if channels != self.buffers[source].channels or kernel != overlap * stride:
            raise ValueError(
                f"transposed convolution {weight.shape} of {overlap} strides on "
                f"{self.buffers[source].channels} channels"
            )
        # row (j, co) of the product: the taps of the rows up to x[t] that land on output row t * stride + j
        taps = np.split(weight.transpose(2, 1, 0), overlap)      # each (stride, out, in), that of x[t] first
        matrix = np.concatenate(taps[::-1], axis=2).reshape(stride * out, overlap * channels)
        self.store.release(weight)
        bias = None if bias is None else np.tile(widen(bias), stride)
        packed = pack_linear(self.store, matrix, bias, product=self.product, threads=threads)
        op = self._op(PRODUCT, source, overlap - 1)
        op.weight = packed.c
        self._count(packed, source, rows, rows + overlap - 1)
        return self._outputs(op, out, rows * stride, activation, raw, active, stride)

    def depthwise(self, int source, weight, bias):
        """Add a convolution of each channel alone: weight (channels, 1, kernel), bias (channels,). A buffer."""
        cdef Op *op
        channels, _, kernel = weight.shape
        rows = self.buffers[source].rows
        if weight.shape != (self.buffers[source].channels, 1, kernel) or np.shape(bias) != (channels,):
            raise ValueError(
                f"depthwise convolution {weight.shape}, bias {np.shape(bias)} on "
                f"{self.buffers[source].channels} channels"
            )
        op = self._op(DEPTHWISE, source, kernel - 1)
        op.taps = kernel
        op.vectors = self.store.vector(np.vstack([widen(weight)[:, 0].T, widen(bias)]))
        self.macs += <double>rows * kernel * channels
        return self._outputs(op, channels, rows, None, True, False, 1)[0]

    def norm(self, int source, weight, bias, float eps):
        """Add a LayerNorm of every row: weight, bias (channels,). Returns its buffer."""
        cdef Op *op
        cdef int channels = self.buffers[source].channels
        if np.shape(weight) != (channels,) or np.shape(bias) != (channels,):
            raise ValueError(f"norm: weight {np.shape(weight)}, bias {np.shape(bias)} for {channels} channels")
        op = self._op(NORM, source, 0)
        op.vectors = self.store.vector(np.stack([widen(weight), widen(bias)]))
        op.eps = eps
        return self._outputs(op, channels, self.buffers[source].rows, None, True, False, 1)[0]

    def _count(self, PackedLinear packed, int source, rows, covered):
        """What a product of `rows` rows adds to the work, and the room for its `covered` rows of input, narrowed."""
        self.prepared_bytes = max(self.prepared_bytes, narrowed_bytes(<Py_ssize_t>covered * self.buffers[source].channels))
        self.macs += <double>rows * packed.c.n * packed.c.k * packed.c.taps

    def finish(self):
        """Place every buffer in scratch and state. Call once, before the first frame."""
        cdef int i
        cdef Buffer *b
        for i in range(self.n_buffers):
            b = &self.buffers[i]
            b.scratch = self.scratch_floats
            b.state = self.state_floats
            self.scratch_floats += (<Py_ssize_t>(b.history + b.rows) * b.channels + 15) // 16 * 16
            self.state_floats += <Py_ssize_t>b.history * b.channels
        return self

    @property
    def rows(self):
        """Rows of the input in one call, at most."""
        return self.buffers[self.input].rows

    @property
    def outcome(self):
        """(channels, rows) of the output, as the constructor takes them for a chain behind this one."""
        return self.buffers[self.output].channels, self.buffers[self.output].rows

    @property
    def memory(self):
        """Rows of the input that a stream's state depends on: those before are forgotten."""
        cdef int i, to
        cdef Op *op
        cdef double most = 0, per_source, back
        cdef list reach = [0.0] * self.n_buffers      # rows of the input before the first one of the call
        # how many rows of the input pass in one of a buffer
        passed = [<double>self.buffers[self.input].rows / self.buffers[i].rows for i in range(self.n_buffers)]
        for i in range(self.n_ops):
            op = &self.ops[i]
            per_source = passed[op.source]
            for to in (op.raw, op.active):
                if to >= 0:     # an output row of a transposed convolution may begin late in its input row
                    back = reach[op.source] + op.past * per_source + max(0.0, per_source - passed[to])
                    reach[to] = max(back, reach[op.skip]) if op.skip >= 0 else back
        for i in range(self.n_buffers):
            most = max(most, <double>reach[i] + self.buffers[i].history * <double>passed[i])
        return <int>ceil(most - 1e-6)

    cdef int rows_in(self, int buffer, int rows) noexcept nogil:
        """Rows of a buffer when the input has `rows`: the last one may come of less than a whole stride."""
        cdef Py_ssize_t most = self.buffers[self.input].rows
        return <int>((rows * <Py_ssize_t>self.buffers[buffer].rows + most - 1) // most)

    cdef float *rows_of(self, int buffer, float *scratch) noexcept nogil:
        """First row of this call in a buffer."""
        cdef Buffer *b = &self.buffers[buffer]
        return scratch + b.scratch + <Py_ssize_t>b.history * b.channels

    cdef void begin(self, float *scratch, const float *state) noexcept nogil:
        """Bring the stream's past in front of the buffers. One thread; a barrier must follow."""
        cdef int i
        cdef Buffer *b
        for i in range(self.n_buffers):
            b = &self.buffers[i]
            memcpy(scratch + b.scratch, state + b.state, <Py_ssize_t>b.history * b.channels * sizeof(float))

    cdef void end(self, float *scratch, float *state, int rows) noexcept nogil:
        """Keep the last rows as the stream's past. One thread, after the barrier that ends run()."""
        cdef int i
        cdef Buffer *b
        for i in range(self.n_buffers):
            b = &self.buffers[i]
            memcpy(state + b.state, scratch + b.scratch + <Py_ssize_t>self.rows_in(i, rows) * b.channels,
                   <Py_ssize_t>b.history * b.channels * sizeof(float))

    cdef void run(self, const pf_kernels *kernels, const pf_team *team, float *scratch, int rows, bint first,
                  int lanes, Py_ssize_t lane_floats) noexcept nogil:
        """All layers on `rows` rows in the input buffer. Every member calls it; ends in a barrier.

        rows: fewer than a whole number of strides only at a stream's end. first: at its beginning.
        lanes: so many streams at once, with scratch `lane_floats` apart, so that weights are read once for all; in
        a chain without strides that repeats no row at its beginning.
        """
        cdef int i, have, wanted
        cdef Op *op
        for i in range(self.n_ops):
            op = &self.ops[i]
            have = self.rows_in(op.source, rows)
            wanted = (have + op.stride - 1) // op.stride * op.stride
            if (first and op.replicate and op.past) or have < wanted:
                if team.rank == 0:
                    self._pad(op, scratch, have, wanted, first)
                pf_wait(team)
            if op.kind == PRODUCT:
                self._multiply(kernels, team, op, scratch, wanted // op.stride, lanes, lane_floats)
            else:
                self._row_by_row(kernels, team, op, scratch, have, lanes, lane_floats)
            pf_wait(team)

    cdef void _pad(self, const Op *op, float *scratch, int rows, int wanted, bint first) noexcept nogil:
        """The rows that a layer reads before the first one of a stream and behind the last one."""
        cdef Buffer *b = &self.buffers[op.source]
        cdef Py_ssize_t width = b.channels * sizeof(float)
        cdef float *x = self.rows_of(op.source, scratch)
        cdef int r
        if first and op.replicate:
            for r in range(1, op.past + 1):
                memcpy(x - <Py_ssize_t>r * b.channels, x, width)
        for r in range(rows, wanted):
            if op.replicate:
                memcpy(x + <Py_ssize_t>r * b.channels, x + <Py_ssize_t>(rows - 1) * b.channels, width)
            else:
                memset(x + <Py_ssize_t>r * b.channels, 0, width)

    cdef void _multiply(self, const pf_kernels *kernels, const pf_team *team, const Op *op, float *scratch, int rows,
                        int lanes, Py_ssize_t lane_floats) noexcept nogil:
        """This thread's share of a product of `rows` rows of every lane."""
        cdef Py_ssize_t channels = self.buffers[op.source].channels, most
        cdef int lane = 0, together
        cdef pf_gemm g, part
        plain_gemm(&g, self.rows_of(op.source, scratch) - op.past * channels, op.stride * channels, NULL, op.weight.n)
        g.x_tap = op.dilation * channels
        g.scale = op.scale
        if op.skip >= 0:
            g.skip = self.rows_of(op.skip, scratch)
            g.skip_row = op.weight.n
        if op.raw >= 0:
            g.y = self.rows_of(op.raw, scratch)
        if op.active >= 0:
            g.a = self.rows_of(op.active, scratch)
            g.a_row = op.weight.n
            g.activation = op.activation
            g.snake = op.snake
        if lanes == 1:
            apply_linear(kernels, team, &op.weight, &g, rows)
            return
        most = max(1, GATHERED // gathered_bytes(&op.weight, rows))
        while lane < lanes:
            together = <int>min(most, lanes - lane)
            part = g
            part.x += lane * lane_floats
            part.skip = g.skip + lane * lane_floats if g.skip != NULL else NULL
            part.y = g.y + lane * lane_floats if g.y != NULL else NULL
            part.a = g.a + lane * lane_floats if g.a != NULL else NULL
            part.lane_floats = lane_floats
            if together == 1:
                pf_wait(team)       # nobody still reads the rows of the lanes before
                apply_linear(kernels, team, &op.weight, &part, rows)
            else:
                gather_rows(kernels, team, &op.weight, &part, together, rows)
                share_linear(kernels, team, &op.weight, &part, together * rows)
            lane += together

    cdef void _row_by_row(self, const pf_kernels *kernels, const pf_team *team, const Op *op, float *scratch, int rows,
                          int lanes, Py_ssize_t lane_floats) noexcept nogil:
        """This thread's share of `rows` rows of every lane, of a depthwise convolution or of a norm."""
        cdef int r, lo, hi, channels = self.buffers[op.source].channels
        cdef Py_ssize_t at
        cdef const float *x = self.rows_of(op.source, scratch) - <Py_ssize_t>op.past * channels
        cdef float *y = self.rows_of(op.raw, scratch)
        pf_share(team, lanes * rows, 1, &lo, &hi)
        for r in range(lo, hi):
            at = r // rows * lane_floats + r % rows * <Py_ssize_t>channels
            if op.kind == DEPTHWISE:
                kernels.depthwise(y + at, x + at, op.vectors, op.vectors + <Py_ssize_t>op.taps * channels, channels,
                                  op.taps)
            else:
                kernels.norm(y + at, x + at, channels, op.eps, op.vectors, op.vectors + channels, NULL, NULL)
