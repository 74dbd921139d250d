"""Scratch: cut by the list that counted it, and by no other."""

import numpy as np
import pytest
from pocket_fast.cpu._memory import WeightStore
from pocket_fast.cpu.pocket.backbone import Backbone
from pocket_fast.cpu.pocket.flow_head import FlowHead

from pocket_fast.cpu import parts
from tiny_stages import F32, normal, sample, step


@pytest.mark.parametrize("zeroed", [False, True])
def test_pieces_begin_at_lines_and_do_not_overlap(zeroed):
    sizes = [1, 0, 64, 65, 3, 4096, 127]
    places, total = parts.carve(sizes, sizes, zeroed)
    assert all(place % 64 == 0 for place in places)
    ends = [place + size for place, size in zip(places, sizes, strict=True)]
    assert all(end <= begin for end, begin in zip(ends, [*places[1:], total], strict=True))


def test_nothing_is_an_empty_list():
    assert parts.carve([], []) == ([], 0)


@pytest.mark.parametrize(
    ("counted", "cut"),
    [([100], [200]), ([100], [100, 1]), ([], [1]), ([64, 64], [64, 65]), ([1, 1], [128, 128]), ([0], [1])],
)
def test_a_piece_beyond_what_was_counted_is_an_error(counted, cut):
    with pytest.raises(RuntimeError, match=r"does not fit|had counted"):
        parts.carve(counted, cut)


@pytest.mark.parametrize(("counted", "cut"), [([100, 100], [100]), ([65], [64]), ([1], [])])
def test_so_is_another_list(counted, cut):
    with pytest.raises(RuntimeError, match="had counted"):
        parts.carve(counted, cut)


def test_impossible_pieces():
    with pytest.raises(RuntimeError, match="-1 bytes"):
        parts.carve([-1], [])
    with pytest.raises(MemoryError, match="scratch: cannot allocate"):
        parts.carve([1 << 62], [1 << 62])


def flow_head(width, depth, latent, hidden, product):
    """A head of these sizes, its numbers random."""
    net, weights = "flow_net.", {}

    def layer(name, outputs, inputs):
        weights[f"{name}.weight"] = normal(len(weights), outputs, inputs) / np.float32(np.sqrt(inputs))
        weights[f"{name}.bias"] = normal(len(weights), outputs)

    layer(net + "cond_embed", width, hidden)
    layer(net + "input_proj", width, latent)
    layer(net + "final_layer.linear", latent, width)
    layer(net + "final_layer.adaLN_modulation.1", 2 * width, width)
    layer("out_eos", 1, hidden)
    for i in range(depth):
        block = f"{net}res_blocks.{i}."
        layer(block + "mlp.0", width, width)
        layer(block + "mlp.2", width, width)
        layer(block + "adaLN_modulation.1", 3 * width, width)
        weights[block + "in_ln.weight"], weights[block + "in_ln.bias"] = normal(1, width), normal(2, width)
    return FlowHead(WeightStore(), weights, flow_type="pointwise", depth=depth, product=product)


def backbone(d, heads, feed, product):
    """A backbone of one layer."""
    layer = "transformer.layers.0."
    shapes = {
        "input_linear.weight": (d, 5),
        "speaker_proj_weight": (d, 3),
        "conditioner.embed.weight": (11, d),
        "bos_emb": (5,),
        layer + "self_attn.in_proj.weight": (3 * d, d),
        layer + "self_attn.out_proj.weight": (d, d),
        layer + "linear1.weight": (feed, d),
        layer + "linear2.weight": (d, feed),
    }
    for norm in ("out_norm", layer + "norm1", layer + "norm2"):
        shapes |= {f"{norm}.weight": (d,), f"{norm}.bias": (d,)}
    weights = {name: normal(i, *shape) for i, (name, shape) in enumerate(shapes.items())}
    return Backbone(
        WeightStore(),
        weights,
        n_layers=1,
        d_model=d,
        heads=heads,
        kv_heads=heads,
        dim=d // heads,
        feed=feed,
        max_period=10000.0,
        product=product,
    )


# Each piece of scratch is rounded up to a line: the many small pieces of small models need the most for it.


@pytest.mark.parametrize("rows", [1, 3, 6, 9])
@pytest.mark.parametrize("product", [None, "int8", "int4"])
def test_a_flow_head_of_pieces_that_fill_no_line(product, rows):
    for width, depth, latent, hidden in [(49, 5, 33, 49), (17, 11, 1, 17), (5, 0, 97, 1), (33, 3, 65, 129)]:
        head = flow_head(width, depth, latent, hidden, product)
        latents, eos = sample(head, normal(1, rows, hidden), normal(2, rows, latent))
        assert np.isfinite(latents).all()
        assert np.isfinite(eos).all()


@pytest.mark.parametrize("rows", [1, 2, 5, 11])
@pytest.mark.parametrize("product", [None, "int8", "int4"])
def test_a_backbone_of_pieces_that_fill_no_line(product, rows):
    for d, heads, feed in [(8, 2, 9), (2, 1, 1), (12, 3, 33), (10, 1, 5)]:
        model = backbone(d, heads, feed, product)
        streams = [model.stream(40) for _ in range(rows)]
        model.prefill(streams, [normal(i, 7 * i % 20, d) for i in range(rows)])
        for frame in range(3):
            assert np.isfinite(step(model, streams, normal(frame, rows, 5).astype(F32))).all()
