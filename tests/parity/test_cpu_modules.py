"""Every module of the compiled stages against recordings of pocket-tts 4.0.1, so that a failure names its layer."""

import numpy as np
import pytest
from pocket_fast.cpu._memory import WeightStore
from pocket_fast.cpu.conv import ConvChain
from pocket_fast.cpu.packing import pack_linear
from pocket_fast.cpu.pocket.flow_head import FlowHead
from pocket_fast.cpu.transformer import Stack

from pocket_fast.cpu import parts
from reference.compare import MODULE, assert_close
from reference.golden import load_golden

F32 = np.float32


@pytest.fixture(scope="module", params=["tiny", "tiny-odd"])
def golden(request):
    """(config, weights, recording)"""
    return load_golden(request.param)


def pieces(recording, name):
    """What went in and what came out, both pieces joined, time first."""
    joined = (np.concatenate([recording[f"{name}.{a}{i}"].T for i in (0, 1)]) for a in "xy")
    return [np.ascontiguousarray(a) for a in joined]


def stream(chain, x, rows):
    """`rows` input rows at a time through a chain."""
    state, out = np.zeros(chain.state_floats, F32), []
    for at in range(0, len(x), rows):
        out.append(parts.convolve(chain, x[at : at + rows], state, at == 0))
    return np.concatenate(out)


def layer_names(recording, side):
    names = {k.rsplit(".", 1)[0] for k in recording if k.startswith(f"{side}.") and k.endswith(".x0")}
    return sorted(names, key=lambda name: int(name.split(".")[1]))


@pytest.mark.parametrize("side", ["encoder", "decoder"])
def test_convolutions(isa, golden, side):
    config, weights, recording = golden
    seanet = config.mimi.seanet if side == "encoder" else config.mimi.decoding_seanet
    replicate, layer = seanet.pad_mode == "replicate", 0
    for name in layer_names(recording, side):
        where = f"mimi.{side}.model.{name.split('.')[1]}."
        x, y = pieces(recording, name)

        def given(inner, where=where):
            return weights[f"{where}{inner}.weight"], weights[f"{where}{inner}.bias"]

        stride = max(1, len(x) // len(y))
        chain = ConvChain(WeightStore(), x.shape[1], stride)
        if f"{where}convtr.weight" in weights:
            chain.conv_transpose(0, *given("convtr"), raw=True)
        elif f"{where}conv.weight" in weights:
            chain.conv(0, *given("conv"), stride=stride, raw=True, replicate=replicate)
        else:
            unit = np.eye(x.shape[1], dtype=F32)[:, :, None]  # the block wants its input and the ELU of it
            raw, active = chain.conv(0, unit, raw=True, active=True)
            _, inner = chain.conv(
                active,
                *given("block.1.conv"),
                dilation=seanet.dilation_base**layer,
                active=True,
                replicate=replicate,
            )
            chain.conv(inner, *given("block.3.conv"), skip=raw, raw=True)
        layer = layer + 1 if f"{where}block.1.conv.weight" in weights else 0
        chain.finish()
        assert_close(stream(chain, x, stride), y, MODULE, name)


def test_resampling_between_frames_and_steps(isa, golden):
    config, weights, recording = golden
    steps = config.mimi.steps_per_frame
    x, y = pieces(recording, "downsample")
    chain = ConvChain(WeightStore(), x.shape[1], steps)
    chain.conv(0, weights["mimi.downsample.conv.conv.weight"], stride=steps, raw=True, replicate=True)
    assert_close(stream(chain.finish(), x, steps), y, MODULE, "downsample")

    x, y = pieces(recording, "upsample")
    kernel = np.ascontiguousarray(weights["mimi.upsample.convtr.convtr.weight"][:, 0].T)
    out, old = np.empty((len(x), steps, x.shape[1]), F32), np.zeros(x.shape[1], F32)
    for now, frame in zip(x, out, strict=True):
        parts.upsample(frame, old, now, kernel[steps:], kernel[:steps])
        old = now
    assert_close(out.reshape(y.shape), y, MODULE, "upsample")


def transform(stack, x, context, piece):
    """`piece` rows at a time through a transformer."""
    capacity = -(-(context + piece if context else len(x)) // 32) * 32
    span, x = parts.span(stack, capacity), x.copy()
    for at in range(0, len(x), piece):
        parts.transform(stack, x[at : at + piece], span, capacity, at)
    return x


def project(x, weights, name):
    if name not in weights:
        return np.ascontiguousarray(x)
    y = np.empty((len(x), weights[name].shape[0]), F32)
    parts.linear(np.ascontiguousarray(x), pack_linear(WeightStore(), weights[name]), y)
    return y


@pytest.mark.parametrize("piece", [1, 13, 25])
@pytest.mark.parametrize("side", ["encoder", "decoder"])
def test_codec_transformers(isa, golden, side, piece):
    config, weights, recording = golden
    t = config.mimi.transformer if side == "encoder" else config.mimi.decoding_transformer
    prefix = f"mimi.{side}_transformer."
    x, y = pieces(recording, f"{side}_transformer")
    stack = Stack(
        WeightStore(),
        weights,
        prefix + "transformer.",
        n_layers=t.num_layers,
        d_model=t.d_model,
        heads=t.num_heads,
        kv_heads=t.num_heads,
        dim=t.head_dim,
        feed=t.dim_feedforward,
        max_period=t.max_period,
        context=t.context,
    )
    rows = transform(stack, project(x, weights, prefix + "input_proj.weight"), t.context, piece)
    rows = project(rows, weights, prefix + "output_projs.0.weight")
    assert_close(rows, y, MODULE, f"{side} transformer, {piece} rows at a time")


@pytest.mark.parametrize("piece", [1, 13, 25])
def test_a_layer_of_the_backbone(isa, golden, piece):
    config, weights, recording = golden
    t = config.flow_lm.transformer
    stack = Stack(
        WeightStore(),
        weights,
        "flow_lm.transformer.",
        n_layers=1,
        d_model=t.d_model,
        heads=t.num_heads,
        kv_heads=t.kv_heads,
        dim=t.head_dim,
        feed=t.ffn_dim,
        max_period=t.max_period,
    )
    x, y = (np.concatenate([recording[f"layer.{a}{i}"] for i in (0, 1)]) for a in "xy")
    assert_close(transform(stack, x, 0, piece), y, MODULE, f"layer, {piece} rows at a time")


def test_a_block_of_the_flow_head(isa, golden):
    """A head whose other layers are unit matrices: what comes out is the block's output, normed."""
    config, weights, recording = golden
    w = config.flow_lm.flow.dim
    block, net = "flow_net.res_blocks.0.", "flow_net."
    given = {n.removeprefix("flow_lm."): a for n, a in weights.items() if n.startswith("flow_lm." + block)}
    unit, zeros = np.eye(w, dtype=F32), np.zeros(w, F32)
    for name in ("cond_embed", "input_proj", "final_layer.linear"):
        given[f"{net}{name}.weight"], given[f"{net}{name}.bias"] = unit, zeros
    adaptive = net + "final_layer.adaLN_modulation.1"
    given[f"{adaptive}.weight"], given[f"{adaptive}.bias"] = np.zeros((2 * w, w), F32), np.zeros(2 * w, F32)
    given["out_eos.weight"], given["out_eos.bias"] = unit[:1], zeros[:1]
    head = FlowHead(WeightStore(), given, flow_type="drifting", depth=1, threads=1)
    x, c, y = (recording[f"res_block.{name}"] for name in "xcy")
    found, eos = np.empty_like(x), np.empty(len(x), F32)
    head.sample(c, x, found, eos)
    y = y - y.mean(axis=1, keepdims=True)
    assert_close(found, y / np.sqrt(np.mean(y * y, axis=1, keepdims=True) + 1e-6), MODULE, "res_block")


def test_time_embeddings(golden):
    """Half the sum of both embeddings is the constant of a step; the recording has times 0, 0.5 and 1."""
    config, weights, recording = golden
    lm = {n.removeprefix("flow_lm."): a for n, a in weights.items() if n.startswith("flow_lm.")}
    flow = config.flow_lm.flow
    head = FlowHead(WeightStore(), lm, flow_type=flow.type, depth=flow.depth, threads=1)
    start, end = recording["time.0"], recording["time.1"]
    assert_close(head.time.constants(1), (start[:1] + end[2:]) / 2, MODULE, "one step")
    assert_close(head.time.constants(2), (start[:2] + end[1:]) / 2, MODULE, "two steps")
