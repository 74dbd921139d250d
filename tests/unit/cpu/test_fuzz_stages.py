"""Every stage at random widths, depths, batches, threads and compute types: nothing crashes, and threads and company
change nothing.

POCKET_FAST_FUZZ=1000 tries as many models of each family; tools/sanitize.sh does that under AddressSanitizer.
"""

import functools
import os

import numpy as np
import pytest
from pocket_fast.cpu.packing import has_bf16_dot

from fuzzed_models import pocket_config, qwen3_config
from guarded import Guarded, same_bits
from matrices import normal
from pocket_fast.cpu.pocket import backend as pocket
from pocket_fast.cpu.qwen3 import backend as qwen3
from reference import lively_weights
from reference.checkpoint import narrow
from reference.qwen3 import lively_weights as lively_qwen3

SEEDS = range(int(os.environ.get("POCKET_FAST_FUZZ", "12")))


def choices(rng):
    """(compute type, how matrices are stored, threads, streams)"""
    types = ["float32", "int8_float32", "int4_float32"] + (
        ["bfloat16", "int8_bfloat16"] if has_bf16_dot() else []
    )
    threads, batch = int(rng.integers(2, 6)), int(rng.choice([1, 2, 3, 4, 5, 7, 8, 9, 13, 17]))
    return str(rng.choice(types)), str(rng.choice(["F32", "BF16"])), threads, batch


def stored(weights, storage):
    if storage == "F32":
        return weights
    return {n: narrow(a, "BF16") if a.ndim > 1 else a for n, a in weights.items()}


def outputs(call, given, *shapes):
    """What call(*given, *arrays) writes into arrays of these shapes, and nowhere else."""
    guarded = [Guarded(shape) for shape in shapes]
    call(*given, *(g.array for g in guarded))
    for g in guarded:
        g.check()
    return [g.array for g in guarded]


def flat(found):
    """{stream: [arrays of a frame, ...]} -> an array for each stream, in their order."""
    return [np.concatenate([np.ravel(x) for frame in found[i] for x in frame]) for i in sorted(found)]


class Pocket:
    """What a Pocket TTS model makes of its inputs on so many threads, stream by stream or together."""

    def __init__(self, seed):
        rng = np.random.default_rng(seed)
        self.config = pocket_config(rng)
        self.compute_type, storage, self.threads, batch = choices(rng)
        self.weights = stored(lively_weights(self.config), storage)
        lm = self.config.flow_lm
        lengths = rng.integers(0, 45, batch)
        self.steps = int(rng.integers(1, 4))
        shape = (2, int(rng.integers(1, 70)), lm.transformer.kv_heads, lm.transformer.head_dim)
        self.voice = [normal(rng, *shape) for _ in range(lm.transformer.num_layers)]
        self.prompts = [normal(rng, int(n), lm.transformer.d_model) for n in lengths]
        self.frames = normal(rng, 3, batch, self.config.mimi.latent_dim)
        self.pcm = normal(rng, int(rng.integers(1, 6)) * self.config.mimi.samples_per_frame)

    def __call__(self, threads, groups):
        """Everything computed for the streams of each group, in the streams' order."""
        stages = pocket.load_stages(
            self.config, self.weights, threads=threads, compute_type=self.compute_type
        )
        backbone, head, decoder = stages.backbone, stages.flow_head, stages.decoder
        prefix = backbone.import_prefix(self.voice)
        found = {}
        for group in groups:
            streams = [backbone.stream(50, prefix if i % 2 else None) for i in group]
            decoders = [decoder.stream() for _ in group]
            n = len(group)
            backbone.prefill(streams, [self.prompts[i] for i in group])
            for frame in [frame[group] for frame in self.frames]:
                (hidden,) = outputs(backbone.step, (streams, frame), (n, backbone.hidden_dim))
                draw = functools.partial(head.sample, steps=self.steps)
                latents, eos = outputs(draw, (hidden, frame), (n, head.latent_dim), n)
                (pcm,) = outputs(decoder.decode, (decoders, frame), (n, decoder.samples_per_frame))
                for row, i in enumerate(group):
                    found.setdefault(i, []).append((hidden[row], latents[row], eos[row], pcm[row]))
        heard = stages.encoder.encode(stages.encoder.stream(), self.pcm)
        return [*flat(found), heard]


class Qwen3:
    """The same of a Qwen3-TTS model."""

    def __init__(self, seed):
        rng = np.random.default_rng(seed)
        self.config = qwen3_config(rng)
        self.compute_type, storage, self.threads, batch = choices(rng)
        self.weights = stored(lively_qwen3(self.config, storage="F32"), storage)
        talker = self.config.talker_config
        groups = talker.num_code_groups
        self.prompts = [normal(rng, int(n), talker.hidden_size) for n in rng.integers(0, 45, batch)]
        self.rows = normal(rng, 3, batch, talker.hidden_size)
        self.uniforms = rng.random((3, batch, groups - 1))
        self.top_p = float(rng.choice([1.0, 0.8]))
        codes = self.config.speech_tokenizer.decoder_config.codebook_size
        self.codes = rng.integers(0, codes, (3, batch, groups)).astype(np.int32)
        self.heard = rng.integers(0, codes, (int(rng.integers(1, 60)), groups)).astype(np.int32)
        self.pcm = normal(rng, int(rng.integers(1, 20 * self.config.samples_per_frame)))

    def __call__(self, threads, groups):
        """See Pocket."""
        stages = qwen3.load_stages(self.config, self.weights, threads=threads, compute_type=self.compute_type)
        talker, predictor, decoder = stages.talker, stages.predictor, stages.decoder
        found = {}
        for group in groups:
            streams, decoders = [talker.stream() for _ in group], [decoder.stream() for _ in group]
            n, draws = len(group), [stages.draw(top_k=9, top_p=self.top_p) for _ in group]
            decoder.prime(decoders[0], self.heard[: len(self.heard) if group[0] == 0 else 0])
            talker.prefill(streams, [self.prompts[i] for i in group])
            for rows, uniforms, spoken in zip(self.rows, self.uniforms, self.codes, strict=True):
                wide, codes = (n, talker.hidden_dim), spoken[group]
                hidden, logits = outputs(talker.step, (streams, rows[group]), wide, (n, talker.vocab))
                (sums,) = outputs(predictor.predict, (hidden, codes, uniforms[group], draws), wide)
                (pcm,) = outputs(decoder.decode, (decoders, spoken[group]), (n, decoder.samples_per_frame))
                for row, i in enumerate(group):
                    one = (hidden[row], logits[row], codes[row], sums[row], pcm[row])
                    found.setdefault(i, []).append(one)
        heard = stages.encoder.encode(self.pcm, threads)
        return [*flat(found), heard]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("family", [Pocket, Qwen3])
def test_threads_and_company_change_nothing(family, seed, two_threads):
    model = family(seed)
    batch = len(model.prompts)
    together = model(model.threads, [list(range(batch))])
    assert all(np.isfinite(x).all() for x in together)
    alone = model(1, [[i] for i in range(batch)])
    assert all(same_bits(a, b) for a, b in zip(together, alone, strict=True))
