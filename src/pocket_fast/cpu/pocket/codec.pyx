# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The Mimi codec, frame by frame: CodecDecoder (latent -> samples) and CodecEncoder (samples -> latent).

    decoder  SEANet(transformer(upsample(output_proj(latent * std + mean))))
    encoder  downsample(transformer(SEANet(samples)))

A frame is samples_per_frame samples, one latent, and `steps` steps of the transformer between them.
Upstream: pocket_tts/models/mimi.py, modules/resample.py (4.0.1).
"""

from libc.string cimport memcpy

import numpy as np

from pocket_fast.cpu._kernels cimport pf_gemm, pf_kernels
from pocket_fast.cpu._memory cimport WeightStore
from pocket_fast.cpu._memory import widen
from pocket_fast.cpu.codec_streams cimport Codec, Middle
from pocket_fast.cpu.conv cimport ConvChain
from pocket_fast.cpu.packing cimport Linear, PackedLinear, plain_gemm
from pocket_fast.cpu.packing import pack_linear
from pocket_fast.cpu.transformer import Stack
from pocket_fast.stages.pocket import sizes
from pocket_fast.stages.seanet import decoder_chain, encoder_chain

cdef enum:
    BLOCK = 2         # frames of a stream that are decoded in one piece: weights are read once for both


cdef class CodecDecoder(Codec):
    """weights: {bundle name without 'mimi.': array}; latent_mean, latent_std (latent_dim,) undo the language
    model's normalisation; config: the YAML's mimi section with its decoder side resolved (see backend.py).
    """
    cdef Linear output_proj
    cdef const float *latent_std
    cdef const float *latent_mean
    cdef const float *w_old
    cdef const float *w_new
    cdef readonly int latent_dim
    cdef readonly int samples_per_frame
    cdef int width                # channels between output_proj and the transformer

    def __init__(self, WeightStore store, weights, *, seanet, transformer, int steps, latent_mean, latent_std,
                 str product=None, int threads=1):
        cdef PackedLinear packed = pack_linear(store, weights["quantizer.output_proj.weight"][:, :, 0], threads=threads)
        cdef ConvChain back
        self.output_proj = packed.c
        self.width, self.latent_dim = packed.c.n, packed.c.k
        rows = BLOCK * steps
        middle = _middle(store, weights, "decoder_transformer.", transformer, rows, product, threads)
        back = decoder_chain(ConvChain(store, seanet.dimension, rows, product=product), weights, "decoder.model.",
                             threads=threads, **sizes.seanet(seanet))
        self._assemble(store, ConvChain(store, self.width, rows).finish(), middle, None, back, steps, BLOCK, threads)
        self.latent_mean = store.vector(latent_mean)
        self.latent_std = store.vector(latent_std)
        self.w_old = self.w_new = NULL
        if steps > 1:
            kernel = widen(weights["upsample.convtr.convtr.weight"])[:, 0].T   # (2 steps, width)
            self.w_new = store.vector(kernel[:steps])
            self.w_old = store.vector(kernel[steps:])
        self.samples_per_frame = back.buffers[back.output].rows // BLOCK
        self.own_state = self.width                       # the last projected latent
        self.own_scratch = self.latent_dim + self.width
        self.x_frame = self.latent_dim * sizeof(float)
        self.y_frame = self.samples_per_frame * sizeof(float)

    def decode(self, streams, latents, out, int threads=0, *, int frames=1):
        """`frames` of every stream, one stream's after the other's: latents (B * frames, latent_dim) -> out
        (B * frames, samples_per_frame), float32 in [-1, 1] or so.

        Both C-contiguous; threads: most for this call, 0 for all of the stage's. Raises ValueError for other
        shapes, RuntimeError for a stream in use.
        """
        cdef const float[:, ::1] x = latents
        cdef float[:, ::1] y = out
        cdef int rows = <int>len(streams) * frames
        if latents.shape != (rows, self.latent_dim) or out.shape != (rows, self.samples_per_frame):
            raise ValueError(
                f"decode: {len(streams)} streams, latents {latents.shape}, out {out.shape}; expected "
                f"({rows}, {self.latent_dim}) and ({rows}, {self.samples_per_frame})"
            )
        if rows:
            self._run(streams, frames * self.unit, &x[0, 0], frames * self.x_frame, &y[0, 0], frames * self.y_frame,
                      threads)

    cdef void _enter(self, const pf_kernels *k, const char *x, int rows, float *to, float *state,
                     float *scratch) noexcept nogil:
        """Latents as their steps: scaled, projected, upsampled with the one before (state)."""
        cdef float *now = scratch + self.latent_dim
        cdef int frame
        cdef pf_gemm g
        for frame in range(rows // self.steps):
            k.affine(scratch, <const float *>(x + frame * self.x_frame), self.latent_std, self.latent_mean,
                     self.latent_dim)
            plain_gemm(&g, scratch, self.latent_dim, now if self.steps > 1 else to, self.width)
            g.w, g.w_panel, g.bias = self.output_proj.w, self.output_proj.w_panel, NULL
            g.k, g.taps, g.n = self.output_proj.k, 1, self.width
            k.gemm[self.output_proj.kind](&g, 0, 1, 0, self.output_proj.panels)
            if self.steps > 1:
                k.upsample(to, state, now, self.w_old, self.w_new, self.width, self.steps)
                memcpy(state, now, self.width * sizeof(float))
            to += self.steps * <Py_ssize_t>self.width


cdef class CodecEncoder(Codec):
    """weights: {bundle name without 'mimi.': array}; config as CodecDecoder's, encoder side."""
    cdef readonly int samples_per_frame
    cdef readonly int output_dim

    def __init__(self, WeightStore store, weights, *, seanet, transformer, int steps, int samples_per_frame,
                 int threads=1):
        cdef ConvChain front, down
        self.samples_per_frame = samples_per_frame
        middle = _middle(store, weights, "encoder_transformer.", transformer, steps, None, threads)
        front = encoder_chain(ConvChain(store, seanet.channels, samples_per_frame), weights, "encoder.model.",
                              threads=threads, **sizes.seanet(seanet))
        # upstream's downsampling always repeats its first input, whatever pad_mode says; one step a frame needs none
        down = ConvChain(store, front.buffers[front.output].channels, steps)
        if steps > 1:
            down.conv(0, weights["downsample.conv.conv.weight"], stride=steps, raw=True, replicate=True,
                      threads=threads)
        self._assemble(store, front, middle, None, down.finish(), samples_per_frame, 1, threads)
        self.output_dim = down.buffers[down.output].channels
        self.x_frame = samples_per_frame * sizeof(float)
        self.y_frame = self.output_dim * sizeof(float)

    def encode(self, stream, pcm, int threads=0):
        """Latents (n, output_dim) float32 of pcm (n * samples_per_frame,) float32 at 24 kHz, continuing `stream`.

        threads: most for this call, 0 for all of the stage's. Raises ValueError if pcm is not a whole number of frames.
        """
        cdef const float[::1] x = np.ascontiguousarray(pcm, dtype=np.float32)
        cdef int frames = <int>(x.shape[0] // self.samples_per_frame)
        if x.shape[0] != <Py_ssize_t>frames * self.samples_per_frame:
            raise ValueError(
                f"encode: {x.shape[0]} samples are not a whole number of frames of {self.samples_per_frame}"
            )
        out = np.empty((frames, self.output_dim), dtype=np.float32)
        cdef float[:, ::1] y = out
        if frames:
            self._run([stream], frames * self.unit, &x[0], 0, &y[0, 0], 0, threads)
        return out


def _middle(store, weights, prefix, config, steps, product, threads):
    """The transformer of one side; config: the YAML's transformer section of that side."""
    stack = Stack(store, weights, prefix + "transformer.", **sizes.codec_transformer(config), product=product,
                  threads=threads)
    proj = {side: (weights[name],) for side, name in [("input_proj", prefix + "input_proj.weight"),
                                                      ("output_proj", prefix + "output_projs.0.weight")]
            if name in weights}
    return Middle(store, stack, steps, threads=threads, **proj)
