"""The matrix product alone, one thread: every packing at the shapes the models have."""

import numpy as np
import pytest
from pocket_fast.cpu._memory import WeightStore
from pocket_fast.cpu.packing import has_bf16_dot, pack_linear, round_to_bf16

from pocket_fast.cpu import parts
from pocket_fast.models.work import Work

# rows, inputs, outputs: a backbone step, a batch, the codec's 16 steps, a text prompt
SHAPES = [(1, 1024, 4096), (8, 1024, 4096), (16, 512, 2048), (35, 1024, 4096)]
ARITHMETIC = {
    "dot": "bfloat16",
    "int8": "int8",
    "int4": "int8",
}  # of packings that are a product of their own
BEYOND_CACHE = 96 << 20  # bytes of weights to walk, so that a step reads memory and not a cache


@pytest.fixture
def footprint():
    return BEYOND_CACHE


@pytest.mark.parametrize(("m", "k", "n"), SHAPES)
@pytest.mark.parametrize("packing", ["float32", "bfloat16", "dot", "int8", "int4"])
def test_product(benchmark, record, m, k, n, packing):
    benchmark.group = f"product {m} x {k} x {n}"
    if packing == "dot" and not has_bf16_dot():
        pytest.skip("no bfloat16 products here")
    rng = np.random.default_rng(0)
    w = rng.standard_normal((n, k)).astype(np.float32)
    stored = w if packing == "float32" else round_to_bf16(w)
    product = packing if packing in ARITHMETIC else None
    store = WeightStore()
    weights = [pack_linear(store, stored, product=product)]
    while m < 16 and len(weights) * weights[0].nbytes < BEYOND_CACHE:
        weights.append(pack_linear(store, stored, product=product))
    x, y = rng.standard_normal((m, k)).astype(np.float32), np.empty((m, n), dtype=np.float32)

    def walk():
        for weight in weights:
            parts.linear(x, weight, y)

    benchmark(walk)
    record(
        Work(
            2.0 * m * k * n * len(weights),
            sum(w.nbytes for w in weights),
            ARITHMETIC.get(packing, "float32"),
        )
    )
    close = {"dot": 2e-2, "int8": 4e-2, "int4": 2e-1}.get(packing, 1e-2)  # of the largest value
    assert np.abs(y - x @ w.T).max() < close * np.abs(y).max()
