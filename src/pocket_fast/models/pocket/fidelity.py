"""How near a Pocket TTS model of integers stays to the one it was made from: what stages make of the same past."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pocket_fast.weights.fidelity import decibels


def speech_report(
    exact: Any, near: Any, prefixes: Sequence[Any], tokens: Sequence[int], noise: np.ndarray
) -> list[str]:
    """A table of the stages `near` over `exact`, where both hear the past that `exact` spoke.

    prefixes: the voice as each made it, or None; noise (T, latent_dim): T frames are spoken.
    """
    spoken = speak(exact, prefixes[0], tokens, noise)
    again = speak(near, prefixes[1], tokens, noise, heard=spoken[1])
    title = f"{near.compute_type} over {exact.compute_type}, {len(noise)} frames"
    return [
        f"{title:<62}{'SNR':>9}",
        *(
            f"{what:<62}{decibels(a, b):>6.1f} dB"
            for what, a, b in zip(("backbone output", "latents", "audio"), spoken, again, strict=True)
        ),
    ]


def speak(
    stages: Any, prefix: Any, tokens: Sequence[int], noise: np.ndarray, heard: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(hidden vectors, latents, samples), one row for each row of noise.

    heard: latents (T, latent_dim) that each step takes for what was said before; None: the model's own.
    """
    backbone, decoder = stages.backbone, stages.decoder
    stream, codec = backbone.stream(len(tokens) + len(noise), prefix), decoder.stream()
    backbone.prefill([stream], [backbone.embed_text(tokens)])
    widths = (backbone.hidden_dim, stages.flow_head.latent_dim, decoder.samples_per_frame)
    hidden, latents, samples = (np.empty((len(noise), width), dtype=np.float32) for width in widths)
    eos = np.empty(1, dtype=np.float32)
    last = backbone.bos_latent
    for t in range(len(noise)):
        row = slice(t, t + 1)
        backbone.step([stream], last[None], hidden[row])
        stages.flow_head.sample(hidden[row], noise[row], latents[row], eos)
        decoder.decode([codec], latents[row], samples[row])
        last = latents[t] if heard is None else heard[t]
    return hidden, latents, samples
