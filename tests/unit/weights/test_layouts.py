"""Three layouts, one dictionary; and every misfit in one message."""

import numpy as np
import pytest

from pocket_fast.errors import ConfigError, WeightsError
from pocket_fast.models.pocket.checkpoint import checkpoint_has_codec
from pocket_fast.models.pocket.layouts import CLONING_PREFIXES, load_pocket_weights
from pocket_fast.weights.fit import widen

EXPECTED = {
    "flow_lm.speaker_proj_weight": (4, 2),
    "flow_lm.bos_before_voice": (1, 1, 4),
    "flow_lm.conditioner.embed.weight": (6, 4),
    "flow_lm.transformer.layers.0.self_attn.in_proj.weight": (12, 4),
    "flow_lm.out_norm.bias": (4,),
    "mimi.encoder.model.0.conv.weight": (3, 1, 7),
    "mimi.encoder.model.0.conv.bias": (3,),
    "mimi.encoder_transformer.transformer.layers.0.self_attn.in_proj.weight": (9, 3),
    "mimi.downsample.conv.conv.weight": (2, 3, 4),
    "mimi.upsample.convtr.convtr.weight": (3, 1, 4),
    "mimi.quantizer.output_proj.weight": (3, 2, 1),
}

# The same tensors as the training code names them.
FLOW_LM_FILE = {
    "condition_provider.conditioners.speaker_wavs.output_proj.weight": "speaker_proj_weight",
    "fuser.padding_value": "bos_before_voice",
    "condition_provider.conditioners.transcript_in_segment.embed.weight": "conditioner.embed.weight",
    "transformer.layers.0.self_attn.in_proj_weight": "transformer.layers.0.self_attn.in_proj.weight",
    "out_norm.bias": "out_norm.bias",
}
FLOW_LM_SKIPPED = (
    "flow.w_s_t.0.weight",
    "num_ema_updates",
    "condition_provider.conditioners.transcript_in_segment.learnt_padding",
    "condition_provider.conditioners.speaker_wavs.learnt_padding",
)
MIMI_FILE = {
    "model.encoder.model.0.conv.conv.weight": "encoder.model.0.conv.weight",
    "model.encoder.model.0.conv.conv.bias": "encoder.model.0.conv.bias",
    "model.encoder_transformer.transformer.layers.0.self_attn.in_proj_weight": (
        "encoder_transformer.transformer.layers.0.self_attn.in_proj.weight"
    ),
    "downsample.conv.conv.conv.weight": "downsample.conv.conv.weight",
    "upsample.convtr.convtr.convtr.weight": "upsample.convtr.convtr.weight",
    "quantizer.output_proj.weight": "quantizer.output_proj.weight",
}
MIMI_SKIPPED = (
    "model.quantizer.vq.layers.0.x",
    "model.quantizer.logvar_proj.weight",
    "quantizer.logvar_proj.weight",
    "quantizer.logvar_param",
    "quantizer.rest_codebook.0",
    "wavlm_emb_downsample.conv.conv.weight",
    "wavlm_input_resample.kernel",
    "wavlm_proj.weight",
)


@pytest.fixture
def values():
    rng = np.random.default_rng(7)
    return {name: rng.standard_normal(shape).astype(np.float32) for name, shape in EXPECTED.items()}


def flow_lm_tensors(values):
    tensors = {theirs: values[f"flow_lm.{ours}"] for theirs, ours in FLOW_LM_FILE.items()}
    return {**tensors, **{name: ("I64", [3]) for name in FLOW_LM_SKIPPED}}


def mimi_tensors(values):
    tensors = {theirs: values[f"mimi.{ours}"] for theirs, ours in MIMI_FILE.items()}
    return {**tensors, **{name: ("I64", [3]) for name in MIMI_SKIPPED}}


def assert_same(found, values):
    assert list(found) == list(EXPECTED)
    for name, wanted in values.items():
        assert found[name].dtype == "F32"
        np.testing.assert_array_equal(found[name].array, wanted, err_msg=name)


def test_bundle(write_tensors, values):
    found = load_pocket_weights(EXPECTED, bundle=write_tensors(dict(reversed(values.items()))))
    assert_same(found, values)
    assert not any(tensor.array.flags.owndata for tensor in found.values())


def test_two_files_with_training_names(write_tensors, values):
    flow_lm = write_tensors(flow_lm_tensors(values), "flow.safetensors")
    mimi = write_tensors(mimi_tensors(values), "mimi.safetensors")
    assert_same(load_pocket_weights(EXPECTED, flow_lm=flow_lm, mimi=mimi), values)


def test_the_codec_of_a_bundle_serves_as_mimi_file(write_tensors, values):
    flow_lm = write_tensors(flow_lm_tensors(values), "flow.safetensors")
    mimi = write_tensors({**values, "flow_lm.out_norm.bias": np.zeros(9)}, "bundle.safetensors")
    assert_same(load_pocket_weights(EXPECTED, flow_lm=flow_lm, mimi=mimi), values)


def test_a_mimi_file_replaces_the_whole_codec_of_a_bundle(write_tensors, values):
    bundle = {k: v + 1 if k.startswith("mimi.") else v for k, v in values.items()}
    bundle["mimi.stale"] = np.zeros(3)
    mimi = write_tensors(mimi_tensors(values), "mimi.safetensors")
    assert_same(load_pocket_weights(EXPECTED, bundle=write_tensors(bundle), mimi=mimi), values)
    short = mimi_tensors(values)
    del short["quantizer.output_proj.weight"]
    with pytest.raises(WeightsError, match=r"1 missing \(mimi\.quantizer\.output_proj\.weight\)"):
        load_pocket_weights(
            EXPECTED, bundle=write_tensors(bundle), mimi=write_tensors(short, "mimi.safetensors")
        )


def test_weight_normalisation_is_folded(write_tensors, values):
    name, prefix = "mimi.encoder.model.0.conv.weight", "encoder.model.0.conv.conv.weight"
    g = np.array([0.5, -2.0, 3.0], np.float32).reshape(3, 1, 1)
    v = values[name]
    wanted = g * v / np.sqrt((v.astype(np.float64) ** 2).sum((1, 2), keepdims=True))
    tensors = mimi_tensors(values)
    del tensors[f"model.{prefix}"]
    mimi = write_tensors({**tensors, f"{prefix}_g": g, f"{prefix}_v": v}, "mimi.safetensors")
    found = load_pocket_weights(EXPECTED, bundle=write_tensors(values), mimi=mimi)
    np.testing.assert_allclose(found[name].array, wanted, rtol=2e-7)
    assert found[name].array.dtype == np.float32

    half = write_tensors({**tensors, f"{prefix}_v": v}, "mimi.safetensors")
    with pytest.raises(WeightsError, match=r"1 missing .*1 not expected \(mimi\..*weight_v\)"):
        load_pocket_weights(EXPECTED, bundle=write_tensors(values), mimi=half)
    zero = write_tensors({**tensors, f"{prefix}_g": g, f"{prefix}_v": v * 0}, "mimi.safetensors")
    with pytest.raises(WeightsError, match=r"NaN or infinite values in mimi\.encoder\.model\.0\.conv"):
        load_pocket_weights(EXPECTED, bundle=write_tensors(values), mimi=zero)


def test_names_that_collide_after_renaming(write_tensors, values):
    tensors = {**mimi_tensors(values), "model.quantizer.output_proj.weight": values["flow_lm.out_norm.bias"]}
    mimi = write_tensors(tensors, "mimi.safetensors")
    with pytest.raises(WeightsError, match=r"1 there twice after renaming \(mimi\.quantizer"):
        load_pocket_weights(EXPECTED, bundle=write_tensors(values), mimi=mimi)


def test_checkpoint_replaces_the_flow_lm_and_what_it_has_of_the_codec(
    write_tensors, write_checkpoint, torch_parts, values
):
    torch_tensor = torch_parts[0]
    old = {k: v - 1 if k.startswith("flow_lm.") or "upsample" in k else v for k, v in values.items()}
    old["flow_lm.stale"] = np.zeros(3)
    trained = {k: v for k, v in values.items() if k.startswith("flow_lm.")}
    as_torch = {k: torch_tensor(v, str(i)) for i, (k, v) in enumerate(trained.items())}
    without = write_checkpoint({"model": as_torch})
    assert not checkpoint_has_codec(without)
    up = "mimi.upsample.convtr.convtr.weight"
    as_torch[up] = torch_tensor(values[up], "90")
    as_torch["mimi.quantizer.vq.codebook"] = torch_tensor(values[up], "91")
    with_codec = write_checkpoint({"model": as_torch}, "both.pt")
    assert checkpoint_has_codec(with_codec)
    assert_same(load_pocket_weights(EXPECTED, bundle=write_tensors(old), checkpoint=with_codec), values)
    found = load_pocket_weights(EXPECTED, bundle=write_tensors(old), checkpoint=without)
    np.testing.assert_array_equal(found[up].array, old[up])
    with pytest.raises(ConfigError, match="brings no codec"):
        load_pocket_weights(EXPECTED, checkpoint=without)
    with pytest.raises(WeightsError, match="5 missing"):
        load_pocket_weights(EXPECTED, checkpoint=with_codec)
    as_torch["flow_lm.unheard_of"] = torch_tensor(values[up], "92")
    with pytest.raises(WeightsError, match=r"1 not expected \(flow_lm\.unheard_of\)"):
        load_pocket_weights(
            EXPECTED, bundle=write_tensors(old), checkpoint=write_checkpoint({"model": as_torch})
        )


def test_all_misfits_come_in_one_message(write_tensors, values):
    del values["flow_lm.out_norm.bias"]
    values["mimi.quantizer.output_proj.weight"] = np.zeros((3, 2), np.float32)
    values["mimi.encoder.model.0.conv.bias"] = ("I64", [1, 2, 3])
    values["flow_lm.more"] = np.zeros(2)
    with pytest.raises(WeightsError) as caught:
        load_pocket_weights(EXPECTED, bundle=write_tensors(values))
    text = str(caught.value)
    assert "1 missing (flow_lm.out_norm.bias)" in text
    assert "1 not expected (flow_lm.more)" in text
    assert "1 of another shape (mimi.quantizer.output_proj.weight is [3, 2], expected [3, 2, 1])" in text
    assert "1 of another type (mimi.encoder.model.0.conv.bias is I64, expected F32" in text


def test_long_lists_are_cut_and_counted(write_tensors, values):
    with pytest.raises(WeightsError, match=r"40 not expected \(extra\.0, .*extra\.5, and 34 more\)"):
        load_pocket_weights(
            EXPECTED, bundle=write_tensors({**values, **{f"extra.{i}": np.zeros(1) for i in range(40)}})
        )


def test_types_are_kept_or_widened_exactly(write_tensors, values):
    names = list(values)
    exact = np.array([1.0, -0.5, 3e38, 0.0], np.float32)
    bits = (exact.view(np.uint32) >> 16).astype(np.uint16)
    values["flow_lm.out_norm.bias"] = ("BF16", bits)
    values["flow_lm.bos_before_voice"] = ("F16", np.full((1, 1, 4), 65504.0))
    values["flow_lm.speaker_proj_weight"] = ("F64", np.full((4, 2), 0.1))
    found = load_pocket_weights(EXPECTED, bundle=write_tensors(values))
    assert list(found) == names
    bf16, f16 = found["flow_lm.out_norm.bias"], found["flow_lm.bos_before_voice"]
    assert (bf16.dtype, bf16.array.dtype) == ("BF16", np.uint16)
    assert (f16.dtype, f16.array.dtype) == ("F16", np.float16)
    np.testing.assert_array_equal(widen(bf16), (bits.astype(np.uint32) << 16).view(np.float32))
    np.testing.assert_array_equal(widen(f16), np.full((1, 1, 4), 65504.0, np.float32))
    converted = found["flow_lm.speaker_proj_weight"]
    assert converted.dtype == "F32"
    np.testing.assert_array_equal(converted.array, np.full((4, 2), 0.1, np.float32))


@pytest.mark.parametrize("dtype", ["F32", "BF16", "F16", "F64"])
@pytest.mark.parametrize("bad", [np.nan, -np.nan, np.inf, -np.inf])
def test_nan_and_infinity_are_refused(write_tensors, values, dtype, bad):
    name = "flow_lm.conditioner.embed.weight"
    array = values[name].copy()
    array[3, 2] = np.copysign(bad, bad)
    if dtype == "BF16":
        array = (array.view(np.uint32) >> 16).astype(np.uint16)
    values[name] = (dtype, array)
    with pytest.raises(WeightsError, match=f"NaN or infinite values in {name};"):
        load_pocket_weights(EXPECTED, bundle=write_tensors(values))


def test_the_largest_finite_values_pass(write_tensors, values):
    for dtype, limit in (("F32", 3.4028235e38), ("F16", 65504.0), ("F64", -1e38)):
        values["flow_lm.out_norm.bias"] = (dtype, np.array([limit, -limit, 0.0, -0.0]))
        assert load_pocket_weights(EXPECTED, bundle=write_tensors(values))
    values["flow_lm.out_norm.bias"] = ("BF16", np.array([0x7F7F, 0xFF7F, 0, 0x8000]))
    assert load_pocket_weights(EXPECTED, bundle=write_tensors(values))


def test_blank_cloning_weights_pass_only_without_cloning(write_tensors, values):
    for name in values:
        if name.startswith(CLONING_PREFIXES):
            values[name] = values[name] * np.nan
    bundle = write_tensors(values)
    assert_same(load_pocket_weights(EXPECTED, bundle=bundle, has_voice_cloning=False), values)
    with pytest.raises(WeightsError, match=r"NaN or infinite values in flow_lm\.speaker_proj_weight, "):
        load_pocket_weights(EXPECTED, bundle=bundle)


def test_combinations_that_make_no_model(write_tensors, values):
    some = write_tensors(values)
    with pytest.raises(ConfigError, match="no weights_path does not make a model"):
        load_pocket_weights(EXPECTED)
    with pytest.raises(ConfigError, match=r"mimi\.weights_path alone"):
        load_pocket_weights(EXPECTED, mimi=some)
    with pytest.raises(ConfigError, match=r"without mimi\.weights_path"):
        load_pocket_weights(EXPECTED, flow_lm=some)
