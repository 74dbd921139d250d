"""Every variant of a transformer layer against NumPy in float64, and what none of them may depend on."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from pocket_fast.cpu._memory import WeightStore
from pocket_fast.cpu.integers import quantize, quantize_int4
from pocket_fast.cpu.packing import round_to_bf16
from pocket_fast.cpu.transformer import Stack

from guarded import same_bits
from pocket_fast.cpu import parts
from pocket_fast.stages.layers import LayerForm
from pocket_fast.stages.qwen3.layers import GATED, LANGUAGE
from reference.checkpoint import narrow as narrow_to
from reference.checkpoint import widen
from tiny_stages import F32, normal, worst

# A head is not a quarter of the width, groups of two heads share keys, the window is shorter than the run.
SHAPE = {"n_layers": 2, "d_model": 40, "heads": 4, "kv_heads": 2, "dim": 24, "feed": 56, "max_period": 1e4}
WINDOW, ROWS, EPS = 9, 45, 1e-3

FORMS = {
    "one matrix, layer norm, interleaved": LayerForm(),
    "rms norm": LayerForm(rms=True),
    "halves": LayerForm(interleaved=False),
    "a gate": LayerForm(gate="gate.weight", activation="silu"),
    "head norms, interleaved": LayerForm(head_norms=("q_norm.weight", "k_norm.weight")),
    "three matrices": LayerForm(qkv=("q.weight", "k.weight", "v.weight")),
    "gated": GATED,
    "language": LANGUAGE,
}


def weights(form, seed=1):
    """{name: float32} of both layers, layer scales included."""
    q, kv = SHAPE["heads"] * SHAPE["dim"], SHAPE["kv_heads"] * SHAPE["dim"]
    d, feed = SHAPE["d_model"], SHAPE["feed"]
    matrices = dict(zip(form.qkv, [(q, d), (kv, d), (kv, d)], strict=False))
    if len(form.qkv) == 1:
        matrices = {form.qkv[0]: (q + 2 * kv, d)}
    matrices |= {form.out: (d, q), form.up: (feed, d), form.down: (d, feed)}
    if form.gate:
        matrices[form.gate] = (feed, d)
    vectors = {f"{norm}.{part}": d for norm in form.norms for part in ("weight", "bias")[: 2 - form.rms]}
    vectors |= dict.fromkeys(form.scales, d) | dict.fromkeys(form.head_norms or (), SHAPE["dim"])
    rng, found = np.random.default_rng(seed), {}
    for i in range(SHAPE["n_layers"]):
        for name, shape in matrices.items():
            found[f"x.layers.{i}.{name}"] = (rng.standard_normal(shape) / np.sqrt(shape[1])).astype(F32)
        for name, n in vectors.items():
            found[f"x.layers.{i}.{name}"] = (1 + 0.3 * rng.standard_normal(n)).astype(F32)
    return found


def stack(form, arrays, **more):
    return Stack(WeightStore(), arrays, "x.", form=form, eps=EPS, **{**SHAPE, **more})


# --- the same in NumPy, one row after the other ------------------------------------------------------


def norm(form, x, weight, bias):
    if form.rms:
        return x / np.sqrt(np.mean(x**2, axis=-1, keepdims=True) + EPS) * weight
    x = x - x.mean(axis=-1, keepdims=True)
    return x / np.sqrt(np.mean(x**2, axis=-1, keepdims=True) + EPS) * weight + bias


def rotated(form, heads, positions):
    """heads (rows, n, dim)"""
    dim = heads.shape[-1]
    angle = positions[:, None, None] * SHAPE["max_period"] ** (-2 * np.arange(dim // 2) / dim)
    re, im = (
        (slice(0, dim, 2), slice(1, dim, 2)) if form.interleaved else (slice(dim // 2), slice(dim // 2, dim))
    )
    out = np.empty_like(heads)
    out[..., re] = heads[..., re] * np.cos(angle) - heads[..., im] * np.sin(angle)
    out[..., im] = heads[..., re] * np.sin(angle) + heads[..., im] * np.cos(angle)
    return out


def feed_forward(form, w, x):
    activation = {
        "gelu": lambda v: 0.5 * v * (1 + np.tanh(np.sqrt(2 / np.pi) * (v + 0.044715 * v**3))),
        "silu": lambda v: v / (1 + np.exp(-v)),
    }[form.activation]
    h = x @ w(form.up).T
    h = activation(x @ w(form.gate).T) * h if form.gate else activation(h)
    return h @ w(form.down).T


def expected(form, arrays, x, window, narrow=False):
    """narrow: keys and values are rounded to bfloat16."""
    x, dim = x.astype(float), SHAPE["dim"]
    place = np.arange(len(x))
    seen = place[:, None] >= place
    if window:
        seen &= place[:, None] - place < window
    for i in range(SHAPE["n_layers"]):

        def w(name, i=i):
            return arrays.get(f"x.layers.{i}.{name}", np.zeros(1)).astype(float)

        first, second = form.norms
        h = norm(form, x, w(f"{first}.weight"), w(f"{first}.bias"))
        h = (h @ np.concatenate([w(name) for name in form.qkv]).T).reshape(len(x), -1, dim)
        q, k, v = np.split(h, [SHAPE["heads"], SHAPE["heads"] + SHAPE["kv_heads"]], axis=1)
        if form.head_norms:
            q, k = (
                part / np.sqrt(np.mean(part**2, axis=-1, keepdims=True) + EPS) * w(name)
                for part, name in zip((q, k), form.head_norms, strict=True)
            )
        q, k = rotated(form, q, place), rotated(form, k, place)
        if narrow:
            k, v = (widen(narrow_to(part, "BF16"), "BF16").astype(float) for part in (k, v))
        k, v = (np.repeat(part, SHAPE["heads"] // SHAPE["kv_heads"], axis=1) for part in (k, v))
        scores = np.where(seen, np.einsum("thd,shd->hts", q, k) / np.sqrt(dim), -np.inf)
        scores = np.exp(scores - scores.max(axis=-1, keepdims=True))
        scores /= scores.sum(axis=-1, keepdims=True)
        attended = np.einsum("hts,shd->thd", scores, v).reshape(len(x), -1)
        x = x + w(form.scales[0]) * (attended @ w(form.out).T)
        h = norm(form, x, w(f"{second}.weight"), w(f"{second}.bias"))
        x = x + w(form.scales[1]) * feed_forward(form, w, h)
    return x


def run(layers, x, pieces, capacity):
    span, y = parts.span(layers, capacity), x.copy()
    for start, end in itertools.pairwise(np.minimum(np.cumsum([0, *pieces]), len(x))):
        if start < end:
            parts.transform(layers, y[start:end], span, capacity, start)
    return y


@pytest.mark.parametrize("window", [0, WINDOW])
@pytest.mark.parametrize("name", FORMS)
def test_a_form_of_layer(isa, name, window):
    form = FORMS[name]
    arrays, x = weights(form), normal(2, ROWS, SHAPE["d_model"])
    layers = stack(form, arrays, context=window)
    found = [run(layers, x, pieces, 64) for pieces in ([1] * ROWS, [9] * 5, [3, 11, 1, 30])]
    assert worst(found[0], expected(form, arrays, x, window)) < 3e-6
    assert all(same_bits(found[0], other) for other in found[1:])


@pytest.mark.parametrize("name", FORMS)
def test_layer_scales_may_be_missing(name):
    form = FORMS[name]
    x = normal(2, 5, SHAPE["d_model"])
    arrays = {n: w for n, w in weights(form).items() if not n.endswith(form.scales)}
    ones = arrays | {f"x.layers.{i}.{s}": np.ones(1, F32) for i in range(2) for s in form.scales}
    assert worst(run(stack(form, arrays), x, [5], 32), expected(form, ones, x, 0)) < 3e-6


@pytest.mark.parametrize("name", ["gated", "language"])
@pytest.mark.parametrize(("product", "far"), [("int8", 0.1), ("int4", 0.5)])
def test_storage_and_products(isa, name, product, far):
    """bfloat16 is exact; integers from a file are those made at load; both are near the float32 weights."""
    form, x = FORMS[name], normal(2, 20, SHAPE["d_model"])
    bits = {n: round_to_bf16(w) for n, w in weights(form).items()}
    wide = {n: (w.astype(np.uint32) << 16).view(F32) for n, w in bits.items()}
    exact = run(stack(form, wide), x, [20], 32)
    assert worst(run(stack(form, bits), x, [20], 32), exact) < 1e-6
    stored = dict(bits)
    for n in [n for n, w in bits.items() if w.ndim == 2]:
        made = quantize(bits[n]) if product == "int8" else quantize_int4(bits[n])
        stored.update(zip((n, f"{n}_scale", f"{n}_lines"), made, strict=False))
    found = []
    for arrays in (bits, stored):
        for pieces in ([20], [1] * 20):
            found.append(run(stack(form, arrays, product=product), x, pieces, 32))
    assert all(same_bits(found[0], other) for other in found[1:])
    assert 0 < worst(found[0], exact) < far


@pytest.mark.parametrize("window", [0, WINDOW])
def test_keys_and_values_in_bfloat16(isa, window):
    """Rounded to nearest even after the rotation, in half the room; no piece of a prompt shows."""
    arrays, x = weights(LANGUAGE), normal(2, ROWS, SHAPE["d_model"])
    layers, exact = (stack(LANGUAGE, arrays, context=window, narrow=narrow) for narrow in (True, False))
    assert 2 * len(parts.span(layers, 64)) == len(parts.span(exact, 64))
    found = [run(layers, x, pieces, 64) for pieces in ([1] * ROWS, [9] * 5, [3, 11, 1, 30])]
    assert all(same_bits(found[0], other) for other in found[1:])
    # a number between two of bfloat16 may be rounded the other way in float64: few are
    rounded, unrounded = (
        np.abs(found[0] - expected(LANGUAGE, arrays, x, window, narrow)).mean() for narrow in (True, False)
    )
    assert rounded < 0.1 * unrounded < 1e-3


def test_nan_is_nan_in_bfloat16_too(isa):
    arrays, x = weights(LANGUAGE), normal(2, 3, SHAPE["d_model"])
    x[1] = np.array(0x7FFFFFFF, np.uint32).view(F32)  # rounding up would make it a zero
    y = run(stack(LANGUAGE, arrays, narrow=True), x, [1, 1, 1], 32)
    assert np.isfinite(y[0]).all()
    assert np.isnan(y[1:]).all()


def test_multiply_adds_are_the_elements_of_the_matrices():
    for form in FORMS.values():
        arrays = weights(form)
        assert stack(form, arrays).macs_per_row == sum(w.size for w in arrays.values() if w.ndim == 2)


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("self_attn.q_proj.weight", (96, 41)),
        ("self_attn.k_proj.weight", (96, 40)),
        ("self_attn.v_proj.weight", (47, 40)),
        ("self_attn.o_proj.weight", (40, 95)),
        ("mlp.gate_proj.weight", (55, 40)),
        ("mlp.up_proj.weight", (56, 41)),
        ("mlp.down_proj.weight", (56, 40)),
        ("input_layernorm.weight", (41,)),
        ("post_attention_layernorm.weight", (1, 40)),
        ("self_attn.q_norm.weight", (96,)),
        ("self_attn.k_norm.weight", (12,)),
    ],
)
def test_a_tensor_of_another_shape(name, shape):
    arrays = weights(LANGUAGE) | {f"x.layers.1.{name}": np.zeros(shape, F32)}
    with pytest.raises(ValueError, match=rf"layers\.1\.{name}: shape .* expected"):
        stack(LANGUAGE, arrays)


def test_an_unknown_activation():
    with pytest.raises(KeyError, match="relu6"):
        stack(replace(GATED, activation="relu6"), weights(GATED))
