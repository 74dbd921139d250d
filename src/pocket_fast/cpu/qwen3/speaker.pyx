# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The convolutions of the speaker encoder of Qwen3-TTS; see stages/qwen3/speaker.py."""

from cython.parallel cimport parallel

import numpy as np

from pocket_fast.cpu._dispatch cimport kernels
from pocket_fast.cpu._kernels cimport pf_gemm, pf_kernels
from pocket_fast.cpu._memory cimport WeightStore
from pocket_fast.cpu._memory import widen
from pocket_fast.cpu._team cimport pf_barrier, pf_team, pf_this_team
from pocket_fast.cpu._threads import threads_for
from pocket_fast.cpu.packing cimport Linear, PackedLinear, apply_linear, plain_gemm
from pocket_fast.cpu.packing import ACTIVATIONS, pack_linear
from pocket_fast.stages.qwen3.speaker import SpeakerNetwork


class SpeakerEncoder(SpeakerNetwork):
    """weights: {name without 'speaker_encoder.': float32, float16 or bfloat16 as uint16}; config: its config."""

    def __init__(self, store, weights, config, *, threads=1):
        self.store = store
        super().__init__(weights, config, threads)

    def _pack(self, weight, bias):
        out, channels, taps = weight.shape
        matrix = np.ascontiguousarray(weight.transpose(0, 2, 1)).reshape(out, taps * channels)
        packed = pack_linear(self.store, matrix, None if bias is None else widen(bias), taps=taps, threads=self.threads)
        self.store.release(weight)
        return packed

    def _convolve(self, layer, x, out, threads, activation, dilation, skip):
        _conv_rows(layer, x, out, threads, ACTIVATIONS[activation], dilation, skip)


cdef _conv_rows(PackedLinear packed, const float[:, ::1] x, float[:, ::1] out, int threads, int activation,
                int dilation, skip):
    """Of rows that stand in x, mirrored where they have to be."""
    cdef Linear *w = &packed.c
    cdef int rows = <int>out.shape[0], team
    cdef const float[:, ::1] added
    cdef pf_gemm g
    cdef pf_barrier barrier
    plain_gemm(&g, &x[0, 0], w.k, NULL, 0)
    g.x_tap = dilation * <Py_ssize_t>w.k
    g.a, g.a_row, g.activation = &out[0, 0], w.n, activation
    if skip is not None:
        added = skip
        g.skip = &added[0, 0]
    team = threads_for(threads, <double>rows * w.n * w.k * w.taps)
    with nogil, parallel(num_threads=team):
        _multiply(&barrier, w, &g, rows)


cdef void _multiply(pf_barrier *barrier, const Linear *w, const pf_gemm *asked, int rows) noexcept nogil:
    """This thread's share of a product of weights as stored."""
    cdef pf_team team = pf_this_team(barrier, NULL, 0)
    cdef pf_gemm g = asked[0]
    apply_linear(kernels(), &team, w, &g, rows)
