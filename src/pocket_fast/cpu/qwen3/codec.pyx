# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The codec of Qwen3-TTS, 12.5 frames per second: CodecDecoder (codes -> samples), CodecEncoder (recording -> codes).

    decoder  units(upsample(transformer(conv(sums of the codes' vectors, projected))))
    encoder  quantisers(downsample(transformer(SEANet(samples))))

A frame is one row of the decoder's transformer. Convolutions are causal and their kernels small, so what a stream
remembers of them is what the last dozen frames left: prime() makes use of it.
The encoder is Mimi's. Its attention is over the whole recording, so a recording comes as a whole; it goes through in
blocks of frames, and what is kept of it are keys and values.
Upstream: qwen_tts/core/tokenizer_12hz (0.1.1), and for the encoder transformers/models/mimi (4.57.3) as that uses it:
Mimi's window is not applied, and each layer completes its own last stride, with zeros, the last layer with its last
step. SnakeBeta units: BigVGAN, arXiv:2206.04658; upsampling blocks: ConvNeXt, arXiv:2201.03545.
"""

from libc.stdint cimport int32_t
from libc.string cimport memcpy

import numpy as np

from pocket_fast.cpu._kernels cimport PF_PANEL, pf_kernels
from pocket_fast.cpu._memory cimport WeightStore
from pocket_fast.cpu._memory import widen
from pocket_fast.cpu._team cimport pf_team
from pocket_fast.cpu.codec_streams cimport Codec, Middle, Pass, Room
from pocket_fast.cpu.conv cimport ConvChain
from pocket_fast.cpu.packing import halve_exact
from pocket_fast.cpu.qwen3.quantizer import ResidualQuantizer
from pocket_fast.cpu.transformer import Stack
from pocket_fast.stages.qwen3 import layers
from pocket_fast.stages.qwen3.sound import sound_chain
from pocket_fast.stages.seanet import encoder_chain

cdef enum:
    BLOCK = 2         # frames of a stream that are decoded in one piece while weights are many: read once for both
    PRIMED = 24       # frames that go to the transformer together when nobody listens: with the window, whole panels
    HEARD = 8         # frames of a recording that go through the encoder in one piece
    DOWN = 2          # steps of the encoder's transformer in a frame


cdef class CodecDecoder(Codec):
    """weights: {name without the first 'decoder.': float32, float16 or bfloat16 as uint16}; config: its decoder_config.

    product: how the matrices are packed, None or "dot" (packing.pyx). Float32 weights that bfloat16 holds exactly take
    half the memory.
    """
    cdef float *tables                # (groups, codes, width) vectors
    cdef readonly int groups
    cdef readonly int codes           # of each group: 0 .. codes - 1
    cdef int width
    cdef readonly int samples_per_frame
    cdef readonly int memory          # frames that the convolutions behind the transformer remember

    def __init__(self, WeightStore store, weights, config, *, str product=None, int threads=1):
        cdef ConvChain front, up, back
        weights = halve_exact(store, weights)
        options = {"product": product, "threads": threads}
        self._load_tables(store, weights, config.num_quantizers)
        front = ConvChain(store, 2 * self.width, PRIMED, product=product)
        project = [weights[f"quantizer.rvq_{part}.output_proj.weight"] for part in ("first", "rest")]
        x, _ = front.conv(0, np.concatenate(project, axis=1), raw=True, threads=threads)    # the sum of both
        front.conv(x, weights["pre_conv.conv.weight"], widen(weights["pre_conv.conv.bias"]), raw=True, threads=threads)
        stack = Stack(store, weights, "pre_transformer.", **layers.codec_decoder(config), **options)
        middle = Middle(store, stack, PRIMED, norm=weights["pre_transformer.norm.weight"],
                        input_proj=_linear(weights, "pre_transformer.input_proj"),
                        output_proj=_linear(weights, "pre_transformer.output_proj"), **options)
        # up to the end of the first block rows are few, and there is nine tenths of the weights
        up = ConvChain(store, config.latent_dim, BLOCK, product=product)

        def go_on():
            channels, rows = up.finish().outcome
            return ConvChain(store, channels, rows // BLOCK, product=product)

        back = sound_chain(up, weights, config, go_on, threads=threads)
        self._assemble(store, front.finish(), middle, up, back, 1, BLOCK, threads)
        self.samples_per_frame = back.buffers[back.output].rows
        self.memory = up.memory + (back.memory + back.rows - 1) // back.rows
        self.own_scratch = PRIMED * <Py_ssize_t>config.latent_dim
        self.x_frame = self.groups * sizeof(int32_t)
        self.y_frame = self.samples_per_frame * sizeof(float)

    cdef _load_tables(self, WeightStore store, weights, int groups):
        """The vectors of all codes: the sum of what trained each, by how often."""
        tables = []
        for i in range(groups):
            name = f"quantizer.rvq_{'rest' if i else 'first'}.vq.layers.{max(i - 1, 0)}._codebook."
            used = np.maximum(widen(weights[name + "cluster_usage"]), np.float32(1e-5))
            tables.append(widen(weights[name + "embedding_sum"]) / used[:, None])
            store.release(weights[name + "embedding_sum"])
        self.groups, self.codes, self.width = groups, len(tables[0]), tables[0].shape[1]
        self.tables = store.vector(np.stack(tables))

    def decode(self, streams, codes, out, int threads=0, *, int frames=1):
        """`frames` of every stream, one stream's after the other's: codes (B * frames, groups) int32 -> out
        (B * frames, samples_per_frame) float32 in [-1, 1].

        Both C-contiguous; threads: most for this call, 0 for all of the stage's. Raises ValueError for other shapes
        and for a code that there is none of, RuntimeError for a stream in use.
        """
        cdef const int32_t[:, ::1] x = codes
        cdef float[:, ::1] y = out
        cdef int rows = <int>len(streams) * frames
        if codes.shape != (rows, self.groups) or out.shape != (rows, self.samples_per_frame):
            raise ValueError(
                f"decode: {len(streams)} streams, codes {codes.shape}, out {out.shape}; expected "
                f"({rows}, {self.groups}) and ({rows}, {self.samples_per_frame})"
            )
        self._check(codes)
        if rows:
            self._run(streams, frames, &x[0, 0], frames * self.x_frame, &y[0, 0], frames * self.y_frame, threads)

    def prime(self, stream, codes, int threads=0):
        """Leave `stream` as decoding the frames codes (n, groups) int32 would, without sound and much faster.

        Raises as decode.
        """
        cdef const int32_t[:, ::1] x = codes
        if x.shape[1] != self.groups:
            raise ValueError(f"prime: codes {codes.shape}, expected (n, {self.groups})")
        self._check(codes)
        if x.shape[0]:
            self._run([stream], <int>x.shape[0], &x[0, 0], 0, NULL, 0, threads)

    def _check(self, codes):
        if codes.size and not 0 <= codes.min() <= codes.max() < self.codes:
            raise ValueError(f"codes from {codes.min()} to {codes.max()}: expected 0 to {self.codes - 1}")

    cdef void _enter(self, const pf_kernels *k, const char *x, int rows, float *to, float *state,
                     float *scratch) noexcept nogil:
        """Of every frame the vector of code 0, and beside it the sum of the others'."""
        cdef const int32_t *code = <const int32_t *>x
        cdef const float *vector
        cdef float *rest
        cdef int r, g, c
        for r in range(rows):
            rest = to + self.width
            memcpy(to, self.tables + code[0] * <Py_ssize_t>self.width, self.width * sizeof(float))
            for g in range(1, self.groups):
                vector = self.tables + (g * <Py_ssize_t>self.codes + code[g]) * self.width
                for c in range(self.width):
                    rest[c] = vector[c] if g == 1 else rest[c] + vector[c]
            code += self.groups
            to += 2 * self.width

    cdef void _through(self, const pf_kernels *k, const pf_team *team, Room *room, const Pass *p) noexcept nogil:
        """Where nothing is to leave: many frames at a time, and only the last ones past the transformer."""
        cdef int frame = 0, rows, i, width = self.up.buffers[self.up.input].channels
        cdef float *last = self._between(room)
        if p.y != NULL:
            Codec._through(self, k, team, room, p)
            return
        while frame < p.frames:
            rows = min(<int>PRIMED, p.frames - frame)
            self._head(k, team, room, p, frame, rows, room.own)
            for i in range(max(frame, p.frames - self.memory), frame + rows):
                if team.rank == 0:
                    memcpy(last, room.own + (i - frame) * <Py_ssize_t>width, width * sizeof(float))
                self._tail(k, team, room, p, i, 1)
            frame += rows


cdef class CodecEncoder(Codec):
    """weights: {name without the first 'encoder.': float32, float16 or bfloat16 as uint16}; config: its encoder_config.

    quantizers: how many codes a frame has; the file may hold tables for more.
    """
    cdef readonly int samples_per_frame
    cdef readonly int groups
    cdef int latent_dim
    cdef list quantizers

    def __init__(self, WeightStore store, weights, config, int quantizers, *, int threads=1):
        cdef ConvChain front, down
        weights = halve_exact(store, weights)
        self.groups = quantizers
        self.samples_per_frame = DOWN * int(np.prod(config.upsampling_ratios))
        front = encoder_chain(ConvChain(store, 1, HEARD * self.samples_per_frame), weights, "encoder.layers.",
                              ratios=config.upsampling_ratios, residual_layers=config.num_residual_layers,
                              dilation_base=config.dilation_growth_rate, replicate=False, threads=threads)
        stack = Stack(store, weights, "encoder_transformer.", **layers.codec_encoder(config), threads=threads)
        down = ConvChain(store, config.hidden_size, HEARD * DOWN)
        down.conv(0, weights["downsample.conv.weight"], stride=DOWN, raw=True, replicate=True, threads=threads)
        self._assemble(store, front, Middle(store, stack, HEARD * DOWN), None, down.finish(), self.samples_per_frame,
                       HEARD, threads)
        self.latent_dim = down.buffers[down.output].channels
        self.x_frame = self.samples_per_frame * sizeof(float)
        self.y_frame = self.latent_dim * sizeof(float)
        semantic = config.num_semantic_quantizers
        self.quantizers = [
            ResidualQuantizer(store, weights, f"quantizer.{name}_residual_vector_quantizer.", layers, threads)
            for name, layers in (("semantic", semantic), ("acoustic", quantizers - semantic))
        ]

    def encode(self, pcm, int threads=0):
        """Codes (ceil(n / samples_per_frame), groups) int32 of a whole recording pcm (n,) float32 at 24 kHz.

        threads: most for this call, 0 for all of the stage's.
        """
        return self.quantise(self.latents(pcm, threads), threads)

    def latents(self, pcm, int threads=0):
        """What is quantised: (ceil(n / samples_per_frame), width) float32."""
        return self.hear(self.stream(len(pcm)), pcm, threads)

    def stream(self, samples):
        """A fresh stream for a recording of so many samples."""
        frames = (samples + self.samples_per_frame - 1) // self.samples_per_frame
        return self._stream((frames * DOWN + PF_PANEL - 1) // PF_PANEL * PF_PANEL)

    def hear(self, stream, pcm, int threads=0):
        """latents() of more of a recording, continuing `stream`: whole frames, except at the recording's end."""
        cdef const float[::1] x = np.ascontiguousarray(pcm, dtype=np.float32)
        cdef Py_ssize_t frames = (x.shape[0] + self.samples_per_frame - 1) // self.samples_per_frame
        out = np.empty((frames, self.latent_dim), dtype=np.float32)
        cdef float[:, ::1] y = out
        if (stream.frames + frames) * DOWN > stream.places:
            raise ValueError(
                f"a stream of {stream.frames} frames, and {frames} more: it was made for a shorter recording"
            )
        if frames:
            self._run([stream], <int>x.shape[0], &x[0], 0, &y[0, 0], 0, threads)
        return out

    def quantise(self, latents, int threads=0):
        """Codes (n, groups) int32 of latents (n, width)."""
        codes = np.empty((len(latents), self.groups), dtype=np.int32)
        at = 0
        for quantizer in self.quantizers:
            quantizer.encode(latents, codes[:, at:at + quantizer.layers], threads or self.threads)
            at += quantizer.layers
        return codes


def _linear(weights, name):
    return weights[name + ".weight"], widen(weights[name + ".bias"])
