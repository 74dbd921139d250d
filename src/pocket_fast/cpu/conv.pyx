# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Chains of causal convolutions, channels last, streamed frame by frame.

Every layer is the same matrix product over overlapping rows of its input buffer:
    convolution             row t reads rows t * stride - past .. t * stride + stride - 1
    transposed convolution  (kernel = 2 * stride) row t reads rows t - 1 and t and writes `stride`
                            rows of output at once: no overlap-add and no partial sums to keep
What a stream remembers is the last `history` rows of each input. Upstream:
pocket_tts/modules/conv.py, seanet.py (4.0.1), where the same memory is called `previous` and `partial`.
"""

from libc.string cimport memcpy, memmove

import numpy as np

from pocket_fast.cpu._kernels cimport PF_ELU, pf_gemm, pf_kernels
from pocket_fast.cpu._memory cimport WeightStore
from pocket_fast.cpu._memory import widen
from pocket_fast.cpu._team cimport pf_team, pf_wait
from pocket_fast.cpu.packing cimport PackedLinear, apply_linear, plain_gemm
from pocket_fast.cpu.packing import pack_linear


cdef class ConvChain:
    """Build with buffer() and conv() / conv_transpose(), then finish(). At most 64 of each.

    channels, rows: of the chain's input per frame; product: how the weights are packed, None or "dot"
    (packing.pyx). Strides divide the rows they are applied to.
    """

    def __cinit__(self, WeightStore store, int channels, int rows, *, str product=None):
        self.store = store
        self.n_buffers = self.n_ops = 0
        self.macs = 0
        self.product = product
        self.input = self._buffer(channels, rows)
        self.output = self.input

    cdef int _buffer(self, int channels, int rows) except -1:
        if self.n_buffers == 64 or self.n_ops == 64:
            raise ValueError("convolution chain: more than 64 layers")
        cdef Buffer *b = &self.buffers[self.n_buffers]
        b.channels, b.rows, b.history = channels, rows, 0
        self.n_buffers += 1
        return self.n_buffers - 1

    def conv(self, int source, weight, bias=None, *, int stride=1, int dilation=1, int skip=-1,
             bint raw=False, bint active=False, bint replicate=False, int threads=1):
        """Add a convolution: weight (out, in, kernel) in any packable dtype, bias (out,) float32 or None.

        skip: buffer added to the result; replicate: the past before the first frame repeats its first
        row, instead of zeros. Returns (raw, active): the buffers holding the value and its ELU, -1 for
        what was not asked.
        """
        out, channels, kernel = weight.shape
        reach = (kernel - 1) * dilation + 1 - stride
        rows = self.buffers[source].rows
        if channels != self.buffers[source].channels or rows % stride or reach < 0:
            raise ValueError(
                f"convolution {weight.shape} with stride {stride} on {self.buffers[source].channels} channels, {rows} rows"
            )
        matrix = np.ascontiguousarray(weight.transpose(0, 2, 1)).reshape(out, kernel * channels)
        self.store.release(weight)
        # without dilation the taps of one output row are adjacent in memory: one long row
        return self._add(source, matrix, bias, kernel if dilation > 1 else 1, reach, stride, dilation, rows // stride,
                         out, rows // stride, skip, raw, active, replicate, threads)

    def conv_transpose(self, int source, weight, bias=None, *, bint raw=False, bint active=False, int threads=1):
        """Add a transposed convolution of stride kernel / 2: weight (in, out, kernel). Returns as conv().

        Its past before the first frame is always zero (upstream starts with an empty `partial`).
        """
        channels, out, kernel = weight.shape
        stride = kernel // 2
        rows = self.buffers[source].rows
        if channels != self.buffers[source].channels or kernel != 2 * stride:
            raise ValueError(f"transposed convolution {weight.shape} on {self.buffers[source].channels} channels")
        # row (j, co) of the product: the taps of x[t - 1] and of x[t] that land on output row t * stride + j
        taps = weight.transpose(2, 1, 0)                      # (kernel, out, in)
        matrix = np.concatenate([taps[stride:], taps[:stride]], axis=2).reshape(stride * out, 2 * channels)
        self.store.release(weight)
        if bias is not None:
            bias = np.tile(bias, stride)
        return self._add(source, matrix, bias, 1, 1, 1, 1, rows, out, rows * stride, -1, raw, active, False, threads)

    cdef _add(self, int source, matrix, bias, int taps, int past, int stride, int dilation, int rows, int channels,
              int out_rows, int skip, bint raw, bint active, bint replicate, int threads):
        cdef PackedLinear packed = pack_linear(self.store, matrix, bias, taps=taps, product=self.product, threads=threads)
        cdef Op *op
        if skip >= 0 and (self.buffers[skip].channels != channels or self.buffers[skip].rows != out_rows):
            raise ValueError("convolution: skip connection of another shape")
        op = &self.ops[self.n_ops]
        op.weight = packed.c
        op.source, op.past, op.stride, op.dilation, op.rows, op.skip = source, past, stride, dilation, rows, skip
        op.replicate = replicate
        op.raw = self._buffer(channels, out_rows) if raw else -1
        op.active = self._buffer(channels, out_rows) if active else -1
        self.output = op.active if active else op.raw
        self.buffers[source].history = max(self.buffers[source].history, past)
        self.n_ops += 1
        covered = (rows * stride + past) * self.buffers[source].channels
        self.prepared_floats = max(self.prepared_floats, covered // 2 + 64)
        self.macs += <double>rows * matrix.shape[0] * matrix.shape[1]
        return op.raw, op.active

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

    cdef float *rows_of(self, int buffer, float *scratch) noexcept nogil:
        """First row of this frame in a buffer."""
        cdef Buffer *b = &self.buffers[buffer]
        return scratch + b.scratch + <Py_ssize_t>b.history * b.channels

    cdef void begin(self, float *scratch, const float *state) noexcept nogil:
        """Bring the stream's past in front of the buffers. One thread; a barrier must follow."""
        cdef int i
        cdef Buffer *b
        for i in range(self.n_buffers):
            b = &self.buffers[i]
            memcpy(scratch + b.scratch, state + b.state, <Py_ssize_t>b.history * b.channels * sizeof(float))

    cdef void end(self, float *scratch, float *state) noexcept nogil:
        """Keep the last rows as the stream's past. One thread, after the barrier that ends run()."""
        cdef int i
        cdef Buffer *b
        for i in range(self.n_buffers):
            b = &self.buffers[i]
            memcpy(state + b.state, scratch + b.scratch + <Py_ssize_t>b.rows * b.channels,
                   <Py_ssize_t>b.history * b.channels * sizeof(float))

    cdef void run(self, const pf_kernels *kernels, const pf_team *team, float *scratch, bint first) noexcept nogil:
        """All layers on the frame in the input buffer. Every member calls it; ends in a barrier."""
        cdef int i, r
        cdef Op *op
        cdef Buffer *b
        cdef float *x
        cdef pf_gemm g
        for i in range(self.n_ops):
            op = &self.ops[i]
            b = &self.buffers[op.source]
            x = self.rows_of(op.source, scratch)
            if first and op.replicate and op.past:
                if team.rank == 0:
                    for r in range(1, b.history + 1):
                        memmove(x - <Py_ssize_t>r * b.channels, x, b.channels * sizeof(float))
                pf_wait(team)
            plain_gemm(&g, x - <Py_ssize_t>op.past * b.channels, op.stride * b.channels, NULL, op.weight.n)
            g.x_tap = op.dilation * b.channels
            if op.skip >= 0:
                g.skip = self.rows_of(op.skip, scratch)
                g.skip_row = op.weight.n
            if op.raw >= 0:
                g.y = self.rows_of(op.raw, scratch)
            if op.active >= 0:
                g.a = self.rows_of(op.active, scratch)
                g.a_row = op.weight.n
                g.activation = PF_ELU
            apply_linear(kernels, team, &op.weight, &g, op.rows)
            pf_wait(team)


def seanet_decoder(WeightStore store, weights, str prefix, config, int rows, str product=None, int threads=1):
    """The SEANet decoder as a chain: `rows` frames of config.dimension channels -> rows * prod(ratios) samples.

    config: an object with the YAML's seanet fields. Upstream: SEANetDecoder.
    """
    cdef bint replicate = config.pad_mode == "replicate"
    chain = ConvChain(store, config.dimension, rows, product=product)
    options = {"replicate": replicate, "threads": threads}

    def at(index, kind):
        return weights[f"{prefix}model.{index}.{kind}.weight"], _bias(weights, f"{prefix}model.{index}.{kind}.bias")

    _, x = chain.conv(0, *at(0, "conv"), active=True, **options)
    index = 1
    residual = config.n_residual_layers > 0
    for _ in config.ratios:
        raw, x = chain.conv_transpose(x, *at(index + 1, "convtr"), raw=residual, active=True, threads=threads)
        index += 2
        for j in range(config.n_residual_layers):
            raw, x = _res_block(chain, weights, f"{prefix}model.{index}.", raw, x, config, j, options)
            index += 1
    chain.conv(x, *at(index + 1, "conv"), raw=True, **options)
    return chain.finish()


def seanet_encoder(WeightStore store, weights, str prefix, config, int rows, str product=None, int threads=1):
    """The SEANet encoder as a chain: `rows` samples -> rows / prod(ratios) steps of config.dimension channels.

    Ratios are applied in reverse. Upstream: SEANetEncoder.
    """
    cdef bint replicate = config.pad_mode == "replicate"
    chain = ConvChain(store, config.channels, rows, product=product)
    options = {"replicate": replicate, "threads": threads}

    def at(index):
        return weights[f"{prefix}model.{index}.conv.weight"], _bias(weights, f"{prefix}model.{index}.conv.bias")

    residual = config.n_residual_layers > 0
    raw, x = chain.conv(0, *at(0), raw=residual, active=True, **options)
    index = 1
    for ratio in reversed(config.ratios):
        for j in range(config.n_residual_layers):
            raw, x = _res_block(chain, weights, f"{prefix}model.{index}.", raw, x, config, j, options)
            index += 1
        raw, x = chain.conv(x, *at(index + 1), stride=ratio, raw=residual, active=True, **options)
        index += 2
    chain.conv(x, *at(index + 1), raw=True, **options)
    return chain.finish()


def _res_block(chain, weights, prefix, raw, x, config, layer, options):
    """raw + conv1(elu(conv3(x))), x being elu(raw); the value itself is kept only if another block follows."""
    first, second = f"{prefix}block.1.conv", f"{prefix}block.3.conv"
    _, inner = chain.conv(x, weights[first + ".weight"], _bias(weights, first + ".bias"),
                          dilation=config.dilation_base**layer, active=True, **options)
    return chain.conv(inner, weights[second + ".weight"], _bias(weights, second + ".bias"),
                      skip=raw, raw=layer + 1 < config.n_residual_layers, active=True, **options)


def _bias(weights, name):
    return widen(weights[name])
