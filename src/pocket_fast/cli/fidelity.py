"""How near a model in 8 bits stays to the one it was made from: its weights, and what its stages make of them."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pocket_fast.weights.fit import widen
from pocket_fast.weights.int8 import scale_name
from pocket_fast.weights.tensors import Tensor

_OF_LAYER = re.compile(r"\.\d+\.(?=\D)")  # a layer's number, not that of a part of it


def decibels(exact: np.ndarray, near: np.ndarray) -> float:
    """Signal to noise."""
    return _decibels(*_powers(exact, near))


def weights_report(before: Mapping[str, Tensor], after: Mapping[str, Tensor]) -> list[str]:
    """A table of the matrices that are integers in `after`: how many weights and how near, by kind; their bytes."""
    powers: dict[str, np.ndarray] = {}
    counts: dict[str, int] = {}
    sizes = np.zeros(2, dtype=int)
    for name, tensor in after.items():
        if tensor.dtype == "I8":
            scales = after[scale_name(name)].array
            figures = _powers(widen(before[name]), tensor.array * scales[:, None])
            for kind in (_OF_LAYER.sub(".*.", name.removesuffix(".weight"), count=1), "all of them"):
                powers[kind] = powers.get(kind, 0) + figures
                counts[kind] = counts.get(kind, 0) + tensor.array.size
            sizes += before[name].array.nbytes, tensor.array.nbytes + scales.nbytes
    whole = [sum(tensor.array.nbytes for tensor in tensors.values()) for tensors in (before, after)]
    kinds = sorted(powers, key=lambda kind: kind == "all of them")
    return [
        f"{'matrices in 8 bits':<50}{'weights':>12}{'SNR':>9}",
        *(f"{kind:<50}{counts[kind]:>12}{_decibels(*powers[kind]):>6.1f} dB" for kind in kinds),
        "",
        f"{'bytes':<50}{'before':>12}{'after':>12}",
        f"{'of these matrices':<50}{sizes[0]:>12}{sizes[1]:>12}",
        f"{'of all weights':<50}{whole[0]:>12}{whole[1]:>12}",
    ]


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


def _powers(exact: np.ndarray, near: np.ndarray) -> np.ndarray:
    """Of the signal and of the noise."""
    return np.array([np.square(x, dtype=np.float64).sum() for x in (exact, exact - near)])


def _decibels(signal: float, noise: float) -> float:
    if noise == 0:
        return math.inf
    return 10 * math.log10(signal / noise) if signal else -math.inf
