"""The committed goldens: which models, how their weights come back, and how to read them."""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np

from .lively import lively_weights
from .synthetic import STORAGE
from .tiny import tiny_config

# Storage type of each golden model's checkpoint. Together they have every feature.
GOLDENS = {"tiny": "bf16", "tiny-no-bos": "f32", "tiny-7m": "f16", "tiny-2m": "bf16", "tiny-odd": "f32"}
NOISY_STEPS = {"tiny": 2, "tiny-no-bos": 16}  # sampler steps of the recording with noise; else 1
EVERY = 7  # of whole-pipeline samples one in 7 is kept; 7 divides no frame, so every phase is


def golden_path(name) -> Path:
    return Path(__file__).resolve().parents[1] / "parity" / f"golden_{name.replace('-', '_')}.npz"


def load_golden(name):
    """(config, weights, recording) of a golden model; recording as record.py describes."""
    config = tiny_config(name)
    weights = lively_weights(config, storage=STORAGE[GOLDENS[name]])
    with np.load(golden_path(name)) as file:
        recording = dict(file)
    made = weights_checksum(weights)
    assert made == recording["checksum"], (
        "not the weights the golden was recorded with: run tools/make_golden.py"
    )
    return config, weights, recording


def part(recording, prefix):
    """The entries `prefix.*` of a recording, without the prefix."""
    return {k.removeprefix(prefix + "."): v for k, v in recording.items() if k.startswith(prefix + ".")}


def weights_checksum(weights) -> int:
    """CRC of every tensor as float32, in order of name."""
    crc = 0
    for name in sorted(weights):
        crc = zlib.crc32(np.ascontiguousarray(weights[name], "<f4").tobytes(), zlib.crc32(name.encode(), crc))
    return crc
