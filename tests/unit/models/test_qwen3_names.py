"""Tensor names of Qwen3-TTS: their number and the parameters in them are those of the released files."""

from __future__ import annotations

import math

import pytest

from pocket_fast.models.qwen3.names import CODEC_PREFIX, expected_tensors, int8_matrices, is_unused
from reference.qwen3.released import released_files
from reference.qwen3.tiny import config_of

# (tensors, parameters) of the main file
MAIN = {
    "0.6b-base": (478, 914_643_008),
    "0.6b-customvoice": (402, 905_788_672),
    "1.7b-base": (480, 1_928_677_440),
    "1.7b-customvoice": (404, 1_916_676_352),
    "1.7b-voicedesign": (404, 1_916_676_352),
}
CODEC_TENSORS = 496
DECODER = (271, 114_323_137)
UNUSED = [
    *(f"decoder.quantizer.{part}.input_proj.weight" for part in ("rvq_first", "rvq_rest")),
    *(
        f"encoder.quantizer.{kind}_residual_vector_quantizer.{rest}"
        for kind, layers in (("semantic", 1), ("acoustic", 31))
        for rest in ("output_proj.weight", *(f"layers.{i}.codebook.initialized" for i in range(layers)))
    ),
    *(
        f"encoder.quantizer.acoustic_residual_vector_quantizer.layers.{i}.codebook.{part}"
        for i in range(15, 31)
        for part in ("cluster_usage", "embed_sum")
    ),
]


def config(model):
    name = f"qwen3-tts-12hz-{model}"
    return config_of(released_files(name), name)


def part(shapes, prefix):
    return {name: shape for name, shape in shapes.items() if name.startswith(prefix)}


def parameters(shapes):
    return sum(map(math.prod, shapes.values()))


@pytest.mark.parametrize("model", MAIN)
def test_the_released_files_have_these_tensors(model):
    shapes = expected_tensors(config(model))
    codec = part(shapes, CODEC_PREFIX)
    main = {name: shape for name, shape in shapes.items() if name not in codec}
    assert (len(main), parameters(main)) == MAIN[model]
    assert len(codec) + len(UNUSED) == CODEC_TENSORS
    decoder, projections = part(codec, f"{CODEC_PREFIX}decoder."), 2 * 512 * 256
    assert (len(decoder) + 2, parameters(decoder) + projections) == DECODER


def test_some_names_and_shapes_of_every_part():
    shapes = expected_tensors(config("1.7b-base"))
    assert shapes["talker.model.text_embedding.weight"] == (151936, 2048)
    assert shapes["talker.model.layers.27.self_attn.k_proj.weight"] == (1024, 2048)
    assert shapes["talker.model.layers.0.mlp.down_proj.weight"] == (2048, 6144)
    assert shapes["talker.code_predictor.small_to_mtp_projection.weight"] == (1024, 2048)
    assert shapes["talker.code_predictor.lm_head.14.weight"] == (2048, 1024)
    assert shapes["speaker_encoder.asp.tdnn.conv.weight"] == (128, 4608, 1)
    assert shapes["speaker_encoder.blocks.3.res2net_block.blocks.6.conv.weight"] == (64, 64, 3)
    codec = part(shapes, CODEC_PREFIX)
    assert codec["speech_tokenizer.decoder.decoder.4.block.1.conv.weight"] == (192, 96, 6)
    assert codec["speech_tokenizer.encoder.encoder.layers.12.conv.weight"] == (1024, 512, 16)
    assert codec["speech_tokenizer.encoder.downsample.conv.weight"] == (512, 512, 4)


def test_widths_that_are_equal_need_no_projection():
    assert not any("small_to_mtp" in name for name in expected_tensors(config("0.6b-customvoice")))


def test_what_the_files_hold_beside_what_is_read():
    shapes = expected_tensors(config("0.6b-base"))
    for name in UNUSED:
        name = CODEC_PREFIX + name
        assert name not in shapes
        assert is_unused(name)
    assert is_unused("speaker_encoder.fc.weight")  # of a model that does not take recordings any more
    for name in (
        "lm_head.weight",
        "talker.model.layers.0.self_attn.q_proj.bias",
        "speech_tokenizer.upsample.weight",
    ):
        assert not is_unused(name)


def test_eight_bits_are_for_the_matrices_of_the_layers():
    matrices = int8_matrices(config("1.7b-base"))
    assert len(matrices) == 7 * (28 + 5)
    kinds = {name.split(".")[-2] for name in matrices}
    assert kinds == {f"{kind}_proj" for kind in ("q", "k", "v", "o", "gate", "up", "down")}
    assert all(name.startswith("talker.") for name in matrices)
    assert sum(map(math.prod, matrices.values())) == 28 * 50_331_648 + 5 * 15_728_640
