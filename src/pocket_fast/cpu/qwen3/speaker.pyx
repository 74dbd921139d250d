# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The speaker encoder of Qwen3-TTS: a recording -> one vector that says who speaks. Runs once for a voice.

An ECAPA-TDNN over a mel spectrogram, over the whole recording at once, rows in time. Convolutions keep the length:
their input is mirrored at both ends. Upstream: qwen_tts/core/models/modeling_qwen3_tts.py (0.1.1); Desplanques et
al. 2020, arXiv:2005.07143; mel scale: Slaney, Auditory Toolbox, 1998.
"""

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

FFT, HOP = 1024, 256
BLOCK = 4096          # rows in one piece, where they are needed in double precision


cdef class SpeakerEncoder:
    """weights: {name without 'speaker_encoder.': float32, float16 or bfloat16 as uint16}; config: its config."""
    cdef WeightStore store
    cdef object config
    cdef dict layers                  # name -> PackedLinear
    cdef readonly int threads
    cdef readonly int shortest        # samples of the shortest recording that can be mirrored as it must be

    def __init__(self, WeightStore store, weights, config, *, int threads=1):
        self.store, self.config, self.threads = store, config, threads
        self.layers = {"mel": pack_linear(store, mel_filters(config.mel_dim, config.sample_rate), threads=threads)}
        for name in [n.removesuffix(".weight") for n in weights if n.endswith(".weight")]:
            weight, bias = weights[name + ".weight"], widen(weights[name + ".bias"])
            if name == "asp.tdnn.conv":   # what it reads of the whole recording's statistics is the same at all times
                width = weight.shape[1] // 3
                self._pack("asp.tdnn.statistics", weight[:, width:], None)
                weight = weight[:, :width]
            self._pack(name, weight, bias)
        mirrored = max([d * (k - 1) // 2 for d, k in zip(config.enc_dilations, config.enc_kernel_sizes, strict=True)])
        self.shortest = FFT + mirrored * HOP - (FFT - HOP)

    def _pack(self, name, weight, bias):
        out, channels, taps = weight.shape
        matrix = np.ascontiguousarray(weight.transpose(0, 2, 1)).reshape(out, taps * channels)
        self.layers[name] = pack_linear(self.store, matrix, bias, taps=taps, threads=self.threads)
        self.store.release(weight)

    def embed(self, pcm, int threads=0):
        """The speaker's vector (enc_dim,) float32 of a recording pcm (n,) float32 at 24 kHz.

        threads: most for this call, 0 for all of the stage's. Raises ValueError for a recording of hundredths of a
        second.
        """
        pcm = np.ascontiguousarray(pcm, dtype=np.float32)
        if len(pcm) < self.shortest:
            raise ValueError(
                f"a recording of {len(pcm)} samples at 24 kHz is too short to know a speaker by: expected "
                f"{self.shortest} or more"
            )
        threads = threads or self.threads
        config = self.config
        x = self._mel(pcm, threads)
        x = self._conv("blocks.0.conv", x, threads, "relu", config.enc_dilations[0])
        last, outputs = len(config.enc_channels) - 1, []
        for i in range(1, last):
            x = x + self._block(f"blocks.{i}.", x, threads, config.enc_dilations[i])
            outputs.append(x)
        x = self._conv("mfa.conv", np.concatenate(outputs, axis=1), threads, "relu", config.enc_dilations[last])
        return self._conv("fc", self._pool(x, threads), threads)[0]

    def _mel(self, pcm, threads):
        """Logarithms of bands (T, mel_dim): no frame is centred, the ends are mirrored."""
        side = (FFT - HOP) // 2
        frames = np.lib.stride_tricks.sliding_window_view(np.pad(pcm, side, "reflect"), FFT)[::HOP]
        window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(FFT) / FFT)      # Hann, periodic
        magnitude = np.empty((len(frames), FFT // 2 + 1), dtype=np.float32)
        for at in range(0, len(frames), BLOCK):
            spectrum = np.fft.rfft(frames[at:at + BLOCK] * window)
            magnitude[at:at + BLOCK] = np.sqrt(spectrum.real ** 2 + spectrum.imag ** 2 + 1e-9)
        return np.log(np.maximum(self._conv("mel", magnitude, threads), np.float32(1e-5)))

    def _block(self, name, x, threads, dilation):
        """Res2Net between two layers without context, then each channel times what its mean over time says."""
        x = self._conv(name + "tdnn1.conv", x, threads, "relu")
        pieces = np.split(x, self.config.enc_res2net_scale, axis=1)
        for j in range(1, len(pieces)):
            h = pieces[j] if j == 1 else pieces[j] + pieces[j - 1]
            pieces[j] = self._conv(f"{name}res2net_block.blocks.{j - 1}.conv", h, threads, "relu", dilation)
        x = self._conv(name + "tdnn2.conv", np.concatenate(pieces, axis=1), threads, "relu")
        mean = x.mean(axis=0, dtype=float, keepdims=True).astype(np.float32)
        gate = self._conv(name + "se_block.conv2", self._conv(name + "se_block.conv1", mean, 1, "relu"), 1)
        return x * (0.5 + 0.5 * np.tanh(0.5 * gate))      # the logistic function

    def _pool(self, x, threads):
        """Mean and deviation over time (1, 2 channels) of x (T, channels), weighted by attention for each channel."""
        whole = self._conv("asp.tdnn.statistics", _statistics(x, None), 1)
        h = np.tanh(self._conv("asp.tdnn.conv", x, threads, "relu", skip=whole))
        scores = self._conv("asp.conv", h, threads)
        return _statistics(x, np.exp(scores - scores.max(axis=0)))

    def _conv(self, name, x, threads, activation=None, int dilation=1, skip=None):
        """activation(conv(x) + skip) of the same length: x (T, channels), skip (1, outputs) or None."""
        cdef PackedLinear packed = self.layers[name]
        cdef Linear *w = &packed.c
        cdef int rows = <int>len(x), total = dilation * (w.taps - 1), team
        cdef const float[:, ::1] padded
        cdef const float[:, ::1] added
        cdef pf_gemm g
        cdef pf_barrier barrier
        x = np.pad(x, ((total // 2, total - total // 2), (0, 0)), "reflect") if total else x
        padded = np.ascontiguousarray(x, dtype=np.float32)
        out = np.empty((rows, w.n), dtype=np.float32)
        cdef float[:, ::1] y = out
        plain_gemm(&g, &padded[0, 0], w.k, NULL, 0)
        g.x_tap = dilation * <Py_ssize_t>w.k
        g.a, g.a_row, g.activation = &y[0, 0], w.n, ACTIVATIONS[activation]
        if skip is not None:
            added = skip
            g.skip = &added[0, 0]
        team = threads_for(threads, <double>rows * w.n * w.k * w.taps)
        with nogil, parallel(num_threads=team):
            _multiply(&barrier, w, &g, rows)
        return out


cdef void _multiply(pf_barrier *barrier, const Linear *w, const pf_gemm *asked, int rows) noexcept nogil:
    """This thread's share of a product of weights as stored."""
    cdef pf_team team = pf_this_team(barrier, NULL, 0)
    cdef pf_gemm g = asked[0]
    apply_linear(kernels(), &team, w, &g, rows)


def _statistics(x, weights):
    """Mean and standard deviation over time, side by side (1, 2 channels) float32; weights (T, channels) or None."""
    blocks = [slice(at, at + BLOCK) for at in range(0, len(x), BLOCK)]
    one = np.ones((1, 1)) if weights is None else None

    def total(value):
        sums = [((one if weights is None else weights[b].astype(float)) * value(x[b].astype(float))).sum(axis=0)
                for b in blocks]
        return np.sum(sums, axis=0)

    size = total(np.ones_like)
    mean = total(lambda v: v) / size
    variance = total(lambda v: (v - mean) ** 2) / size
    return np.concatenate([mean, np.sqrt(np.maximum(variance, 1e-12))]).astype(np.float32)[None]


def mel_filters(bands, rate):
    """(bands, FFT / 2 + 1) float32: triangles on Slaney's mel scale up to half the rate, each of unit area in hertz."""
    def hertz(mel):      # 3 mels for every 200 Hz up to 1000 Hz, then 27 for every factor of 6.4
        return np.where(mel < 15, mel * 200 / 3, 1000 * 6.4 ** ((mel - 15) / 27))

    top = rate / 2
    highest = 15 + 27 * np.log(top / 1000) / np.log(6.4) if top > 1000 else top * 3 / 200
    points = hertz(np.linspace(0, highest, bands + 2))
    at = np.linspace(0, top, FFT // 2 + 1)
    rising = (at - points[:-2, None]) / (points[1:-1] - points[:-2])[:, None]
    falling = (points[2:, None] - at) / (points[2:] - points[1:-1])[:, None]
    triangles = np.maximum(np.minimum(rising, falling), 0)
    return (triangles * (2 / (points[2:] - points[:-2]))[:, None]).astype(np.float32)
