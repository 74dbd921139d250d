"""Qwen3-TTS in 8 bits: the folder that is written loads at once, and only the layers' matrices are approximated."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from pocket_fast.cpu.integers import quantize, quantize_int4

from fake_hub import COMMIT
from pocket_fast.api.qwen3 import Qwen3TTSModel
from pocket_fast.models.qwen3.catalog import locate
from pocket_fast.models.qwen3.loading import INDEX, WEIGHTS, load
from pocket_fast.models.qwen3.names import int8_matrices
from pocket_fast.models.qwen3.quantize import StoredQwen3
from pocket_fast.weights.integers import scale_name
from reference.qwen3 import make_qwen3_model

CODEC = f"speech_tokenizer/{WEIGHTS}"


@pytest.fixture
def source(tmp_path):
    return make_qwen3_model(tmp_path / "source", "qwen3-tiny-base", shards=3)


def wide(array):
    return (array.astype(np.uint32) << 16).view(np.float32)


def rounded(matrix, bits=8):
    """Eight bits as any quantiser may make them; four as ours does."""
    if bits == 4:
        return quantize_int4(matrix)
    values = wide(matrix)
    scales = (np.abs(values).max(1) / 127).astype(np.float32)
    return np.rint(values / scales[:, None]).astype(np.int8), scales


def written(source, target, bits=8):
    """(the model as it was, the folder in 8 bits, or in 4 and 8)"""
    folder = locate(source)
    exact = load(folder)
    stored = StoredQwen3(folder, exact)
    assert stored.bits is None
    assert stored.files == exact.files
    target.mkdir()
    stored.write(target, stored.quantized(rounded, bits))
    return exact, target


def test_the_folder_loads_and_all_but_the_matrices_is_the_same(source, tmp_path):
    exact, target = written(source, tmp_path / "eight")
    near = load(locate(target))
    assert near.config == exact.config
    assert near.texts.tokenizer.encode("The user sings.") == exact.texts.tokenizer.encode("The user sings.")
    assert near.main_files == (target / "model.safetensors",)
    matrices = int8_matrices(exact.config)
    assert set(near.weights) == {*exact.weights, *map(scale_name, matrices)}
    for name, array in exact.weights.items():
        if name in matrices:
            integers, scales = rounded(array)
            np.testing.assert_array_equal(near.weights[name], integers)
            np.testing.assert_array_equal(near.weights[scale_name(name)], scales)
        else:
            assert near.weights[name].dtype == array.dtype
            np.testing.assert_array_equal(near.weights[name], array, err_msg=name)
    assert StoredQwen3(locate(target), near).bits == 8


def test_the_talker_in_four_bits_and_the_predictor_in_eight(source, tmp_path):
    exact, target = written(source, tmp_path / "four", bits=4)
    near = load(locate(target))
    assert StoredQwen3(locate(target), near).bits == 4
    for name in int8_matrices(exact.config):
        talker = not name.startswith("talker.code_predictor.")
        assert near.weights[name].dtype == (np.uint8 if talker else np.int8)
        for part, array in zip(
            ("", "_scale", "_lines"), rounded(exact.weights[name], 4 if talker else 8), strict=False
        ):
            np.testing.assert_array_equal(near.weights[name + part], array)


def test_it_is_a_complete_folder_of_one_file_of_weights(source, tmp_path):
    _, target = written(source, tmp_path / "eight")
    files = {str(path.relative_to(target)) for path in target.rglob("*") if path.is_file()}
    theirs = {str(path.relative_to(source)) for path in source.rglob("*") if path.is_file()}
    assert files == {name for name in theirs if not name.startswith("model")} | {WEIGHTS}
    for name in files - {WEIGHTS}:
        assert (target / name).read_bytes() == (source / name).read_bytes()


def test_a_codec_in_shards_stays_so(source, tmp_path):
    shard = "model-00001-of-00001.safetensors"
    (source / CODEC).rename(source / "speech_tokenizer" / shard)
    (source / "speech_tokenizer" / INDEX).write_text(json.dumps({"weight_map": {"any": shard}}))
    _, target = written(source, tmp_path / "eight")
    assert load(locate(target)).codec_files == (target / "speech_tokenizer" / shard,)


def test_a_released_model_is_remembered(source, hub, tmp_path):
    repo = "Qwen/Qwen3-TTS-12Hz-0.6B-Base"
    for path in source.rglob("*"):
        if path.is_file():
            for revision in ("main", COMMIT):
                hub.files[f"{repo}/{revision}/{path.relative_to(source)}"] = path.read_bytes()
    exact, target = written("qwen3-tts-0.6b-base", tmp_path / "eight")
    assert exact.released == load(locate(target)).released == "qwen3-tts-0.6b-base"


@pytest.mark.parametrize(
    ("model", "named", "bits"),
    [("qwen3-tiny-customvoice-wide", "ryan", 8), ("qwen3-tiny-base", None, 8), ("qwen3-tiny-base", None, 4)],
)
def test_the_report(tmp_path, model, named, bits):
    folder = locate(make_qwen3_model(tmp_path / "source", model))
    stored = StoredQwen3(folder, load(folder))
    tensors = stored.quantized(
        lambda matrix, own: quantize(matrix) if own == 8 else quantize_int4(matrix), bits
    )
    (tmp_path / "eight").mkdir()
    stored.write(tmp_path / "eight", tensors)
    models = tuple(Qwen3TTSModel.from_pretrained(tmp_path / name) for name in ("source", "eight"))
    assert models[1].stages.compute_type.startswith(f"int{bits}")
    lines = stored.report(tensors, models, tuple(named and model.find_voice(named) for model in models))
    text = "\n".join(lines)
    assert "talker.model.layers.*.self_attn.q_proj" in text
    assert "talker.code_predictor.model.layers.*.mlp.down_proj" in text
    assert re.search(rf"^int{bits}\w* over float32, 50 frames", text, re.MULTILINE)
    same = [float(share) for share in re.findall(r"same +([\d.]+) %", text)]
    assert len(same) == 2
    assert all(0 < share <= 100 for share in same)
