"""The figures that `quantize` reports, against numbers worked out by hand."""

import math

import numpy as np
import pytest

from guarded import same_bits
from pocket_fast.cli.fidelity import decibels, speak, speech_report, weights_report
from pocket_fast.weights.tensors import Tensor
from tiny_stages import config, normal, stages

F32 = np.float32


def test_decibels():
    x = normal(1, 4, 5)
    assert decibels(x, x * F32(0.9)) == pytest.approx(20, abs=1e-4)
    assert decibels(x, -x) == pytest.approx(-6.0206, abs=1e-4)
    assert decibels(x, x) == math.inf
    assert decibels(x * 0, x) == -math.inf


def test_weights_by_kind():
    ones = np.ones((10, 8), F32)
    before = {
        "a.layers.0.linear1.weight": Tensor(ones, "F32"),
        "a.layers.11.linear1.weight": Tensor((ones.view(np.uint32) >> 16).astype(np.uint16), "BF16"),
        "a.blocks.3.mlp.2.weight": Tensor(ones[:5].astype(np.float16), "F16"),
        "a.table": Tensor(ones, "F32"),
    }
    after = dict(before)
    for name, scale in {"layers.0.linear1": 0.99, "layers.11.linear1": 1.01, "blocks.3.mlp.2": 0.9}.items():
        n = len(before[f"a.{name}.weight"].array)
        after[f"a.{name}.weight"] = Tensor(np.ones((n, 8), np.int8), "I8")
        after[f"a.{name}.weight_scale"] = Tensor(np.full(n, scale, F32), "F32")
    rows = [line.split() for line in weights_report(before, after)]
    everything = 10 * math.log10(200 / (160 * 0.01**2 + 40 * 0.1**2))
    assert rows[1:4] == [
        ["a.layers.*.linear1", "160", "40.0", "dB"],
        ["a.blocks.*.mlp.2", "40", "20.0", "dB"],
        ["all", "of", "them", "200", f"{everything:.1f}", "dB"],
    ]
    assert rows[6] == ["of", "these", "matrices", str(320 + 160 + 80), str(200 + 25 * 4)]
    assert rows[7] == ["of", "all", "weights", str(560 + 320), str(300 + 320)]


def test_what_was_said_before_may_be_given():
    tokens, noise = [3, 1, 4], normal(2, 6, config("tiny").mimi.latent_dim)
    free = speak(stages("tiny"), None, tokens, noise)
    for found, expected in zip(speak(stages("tiny"), None, tokens, noise, heard=free[1]), free, strict=True):
        assert same_bits(found, expected)
    hidden, _, _ = speak(stages("tiny"), None, tokens, noise, heard=noise)
    assert same_bits(hidden[0], free[0][0])  # the first frame has no past
    assert not np.isclose(hidden[1:], free[0][1:]).all(axis=1).any()


def test_a_model_is_its_own_equal():
    noise = normal(2, 3, config("tiny").mimi.latent_dim)
    lines = speech_report(stages("tiny"), stages("tiny", threads=2), [None, None], [3, 1, 4], noise)
    assert lines[0].startswith("float32 over float32, 3 frames")
    assert [line.split()[-2] for line in lines[1:]] == ["inf"] * 3
