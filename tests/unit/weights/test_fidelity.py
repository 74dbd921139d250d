"""The figures that `quantize` reports of weights, against numbers worked out by hand."""

import math

import numpy as np
import pytest

from pocket_fast.weights.fidelity import decibels, weights_report
from pocket_fast.weights.tensors import Tensor
from tiny_stages import normal

F32 = np.float32


def test_decibels():
    x = normal(1, 4, 5)
    assert decibels(x, x * F32(0.9)) == pytest.approx(20, abs=1e-4)
    assert decibels(x, -x) == pytest.approx(-6.0206, abs=1e-4)
    assert decibels(x, x) == math.inf
    assert decibels(x * 0, x) == -math.inf


def test_four_bits_by_kind():
    before = {"a.layers.0.linear1.weight": Tensor(np.full((3, 40), 10, F32), "F32")}
    after = {
        "a.layers.0.linear1.weight": Tensor(np.full((3, 32), 0x99, np.uint8), "U8"),  # 1 in every place
        "a.layers.0.linear1.weight_scale": Tensor(np.ones(3, F32), "F32"),
        "a.layers.0.linear1.weight_lines": Tensor(np.tile(np.array([17, 1], np.int8), (3, 2)), "I8"),
    }
    rows = [line.split() for line in weights_report(before, after)]  # 17 - 8 = 9 for 10
    assert rows[1] == ["a.layers.*.linear1", "120", "20.0", "dB"]
    assert rows[5] == ["of", "these", "matrices", "480", str(3 * 32 + 12 + 12)]


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
