"""A little of everything that the stages do, as numbers: to be compared between orders of threads, or watched.

python -m cuda_on_cpu.exercise FLAGS...: the same in a process of its own, with kernels compiled with these flags; with
"gpu" first, on a real one, of the models that are named.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

import numpy as np

from cuda_on_cpu.standin import Machine, installed
from pocket_fast.cuda.pocket.backend import load_stages
from pocket_fast.cuda.qwen3.backend import load_stages as load_qwen3
from reference import TINY_MODELS, lively_weights, qwen3, tiny_config

F32 = np.float32


def pocket(name: str, compute_type: str = "auto") -> Iterator[np.ndarray]:
    """What every stage of a tiny Pocket TTS model gives, for three streams that are at different points."""
    config = tiny_config(name)
    stages = load_stages(config, lively_weights(config), device="cuda", compute_type=compute_type)
    backbone, head, decoder, encoder = stages.backbone, stages.flow_head, stages.decoder, stages.encoder
    dice = np.random.default_rng(1)

    def normal(*shape: int) -> np.ndarray:
        return dice.standard_normal(shape).astype(F32)

    latents = encoder.encode(encoder.stream(), normal(2 * encoder.samples_per_frame))
    yield latents
    first = backbone.stream(80)
    backbone.prefill([first], [backbone.embed_voice(latents)])
    voice = first.freeze()
    yield from voice.export()
    streams = [backbone.stream(200, voice), backbone.stream(200), backbone.stream(200, voice)]
    backbone.prefill(streams[:2], [backbone.embed_text(np.arange(130) % 40), normal(1, backbone.stack.d)])
    codecs = [decoder.stream() for _ in streams]
    made = np.stack([backbone.bos_latent] * 3)
    for count in (3, 1, 2):
        hidden = np.empty((count, backbone.hidden_dim), F32)
        backbone.step(streams[:count], made[:count], hidden)
        eos = np.empty(count, F32)
        head.sample(hidden, normal(count, head.latent_dim), made[:count], eos, count)
        pcm = np.empty((count, decoder.samples_per_frame), F32)
        decoder.decode(codecs[:count], made[:count].copy(), pcm)
        yield from (hidden.copy(), made.copy(), eos, pcm)


def talking(name: str, compute_type: str = "auto") -> Iterator[np.ndarray]:
    """What every stage of a tiny Qwen3-TTS model gives, two streams at different points, one by one and in one go."""
    config = qwen3.tiny_config(name)
    stages = load_qwen3(config, qwen3.lively_weights(config), device="cuda", compute_type=compute_type)
    talker, predictor, decoder = stages.talker, stages.predictor, stages.decoder
    dice = np.random.default_rng(2)
    pcm = (0.1 * dice.standard_normal(4000)).astype(F32)
    latents = stages.encoder.latents(pcm)
    yield from (latents, stages.encoder.quantise(latents), stages.speaker.embed(pcm))
    streams, codecs = [talker.stream() for _ in range(2)], [decoder.stream() for _ in range(2)]
    talker.prefill(streams, [talker.embed_text(np.arange(n)) for n in (70, 2)])
    seen, rows = [np.zeros(talker.vocab, np.uint8) for _ in streams], np.zeros((2, talker.hidden_dim), F32)
    for how in ((True, 50, 1.0, 0.9), (True, 20, 0.7, 0.9), (False, 0, 1.0, 1.0)):
        draws, uniforms = [stages.draw(*how)] * 2, dice.random((2, 16))
        first = stages.first(draws, [1.05, 1.2], seen, [False, True], 64, 72)
        codes, sound = np.empty((2, 16), np.int32), np.empty((2, decoder.samples_per_frame), F32)
        embeddings = np.empty_like(rows)
        stages.frame(streams, codecs, rows, uniforms, first, draws, codes, embeddings, sound)
        yield from (codes, embeddings, sound)
        hidden, logits = np.empty_like(rows), np.empty((2, talker.vocab), F32)
        talker.step(streams, embeddings, hidden, logits)
        predictor.predict(hidden, codes, uniforms[:, 1:].copy(), draws, rows)
        decoder.decode(codecs, codes, sound)
        yield from (hidden, logits, codes.copy(), rows.copy(), sound.copy())


def everything() -> Iterator[tuple[str, np.ndarray]]:
    """Of all tiny models."""
    for name in TINY_MODELS:
        if name != "tiny-24l":  # as "tiny", at length
            for array in pocket(name):
                yield name, array
    for array in talking("qwen3-tiny-base-wide"):
        yield "qwen3-tiny-base-wide", array
    for array in pocket("tiny-odd", "bfloat16"):
        yield "tiny-odd in bfloat16", array


if __name__ == "__main__":
    if sys.argv[1:2] == ["gpu"]:
        for name in sys.argv[2:]:
            stages = talking if name.startswith("qwen3") else pocket
            for compute_type in ("float32", "bfloat16"):
                assert all(np.isfinite(array).all() for array in stages(name, compute_type)), name
        sys.exit()
    with installed(Machine(flags=tuple(sys.argv[1:]))) as machine:
        for name, array in everything():
            assert np.isfinite(array).all(), name
        print(f"{machine.launches} launches")
