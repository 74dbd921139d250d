"""The codec encoder of Qwen3-TTS, and its quantisers alone: the codes of the NumPy stage, whatever the length."""

import dataclasses
import functools

import numpy as np
import pytest
from pocket_fast.cpu._memory import WeightStore
from pocket_fast.cpu.qwen3.codec import CodecEncoder
from pocket_fast.cpu.qwen3.quantizer import ResidualQuantizer

from guarded import same_bits
from pocket_fast.cpu import _threads
from reference import qwen3
from reference.qwen3 import lively_weights, part
from tiny_qwen3_codec import (
    F32,
    NAME,
    config,
    encoder,
    encoder_config,
    new_encoder,
    recording,
    reference_encoder,
    weights,
)
from tiny_stages import normal, worst

# around steps (960), frames (1920) and what goes through in one piece (15360); the last one is three pieces
LENGTHS = (1, 2, 61, 959, 960, 961, 1919, 1920, 1921, 2881, 15359, 15360, 15361, 17280, 31200, 40001)


@functools.cache
def exact(n):
    """(latents, codes) of the NumPy stage."""
    return reference_encoder().latents(recording(n)), reference_encoder().encode(recording(n))


# --- the numbers -----------------------------------------------------------------------------------


@pytest.mark.parametrize("n", LENGTHS)
def test_recordings_of_any_length(isa, n):
    """33 steps and more are further than the window of 8 that the config names and nobody applies."""
    latents, codes = exact(n)
    assert codes.shape == (-(-n // 1920), 16)
    assert worst(encoder().latents(recording(n)), latents) < 5e-6
    found = encoder().encode(recording(n))
    assert found.dtype == np.int32
    assert (found == codes).all()


@pytest.mark.parametrize(
    "changes",
    [
        {"num_residual_layers": 2, "dilation_growth_rate": 3, "upsampling_ratios": (3, 2)},
        {
            "vector_quantization_hidden_dimension": 20,
            "codebook_dim": 20,
        },  # as wide as the latents: no projection
        {"num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 6},
    ],
    ids=["convolutions", "quantisers", "attention"],
)
def test_other_shapes(isa, changes):
    changed = dataclasses.replace(encoder_config(), **changes)
    tokenizer = dataclasses.replace(config(NAME).speech_tokenizer, encoder_config=changed)
    given = part(
        lively_weights(dataclasses.replace(config(NAME), speech_tokenizer=tokenizer)),
        "speech_tokenizer.encoder.",
    )
    stage = CodecEncoder(WeightStore(), given, changed, 9)
    pcm = recording(3 * stage.samples_per_frame + 7)
    expected = qwen3.CodecEncoder(changed, given, 9)
    assert worst(stage.latents(pcm), expected.latents(pcm)) < 5e-6
    assert (stage.encode(pcm) == expected.encode(pcm)).all()


def test_the_codes_differ_from_frame_to_frame():
    """Or the tests above would test nothing."""
    codes = exact(40001)[1]
    assert len(np.unique(codes)) > 40
    assert all(len(np.unique(column)) > 3 for column in codes.T)


def test_other_types_of_samples_and_none(isa):
    pcm = recording(5000)
    expected = encoder().encode(pcm)
    assert (encoder().encode(pcm.astype(float)) == expected).all()
    assert (encoder().encode(np.repeat(pcm, 2)[::2]) == expected).all()
    assert encoder().encode(pcm[:0]).shape == (0, 16)


# --- what codes may depend on ----------------------------------------------------------------------


def test_threads(isa, two_threads):
    for n in (961, 31200):
        latents, codes = encoder().latents(recording(n)), encoder().encode(recording(n))
        for threads in (2, 3):
            stage = encoder(threads=threads)
            assert same_bits(stage.latents(recording(n)), latents)
            assert same_bits(stage.encode(recording(n)), codes)
            assert same_bits(stage.encode(recording(n), 1), codes)


@pytest.mark.parametrize("frames", [1, 2, 5, 8, 13])
def test_a_recording_may_be_heard_in_slices(isa, frames):
    stage, pcm = encoder(), recording(30 * 1920 + 77)
    stream, piece, found = stage.stream(len(pcm)), frames * stage.samples_per_frame, []
    for at in range(0, len(pcm), piece):
        found.append(stage.quantise(stage.hear(stream, pcm[at : at + piece])))
    assert same_bits(np.concatenate(found), stage.encode(pcm))
    with pytest.raises(ValueError, match="shorter recording"):
        stage.hear(stream, pcm)


def test_what_comes_later_changes_nothing(isa):
    pcm = recording(40001)
    expected = encoder().latents(pcm)
    for frames in (1, 8, 13):
        changed = pcm.copy()
        changed[1920 * frames :] += 0.5
        found = encoder().latents(changed)
        assert same_bits(found[:frames], expected[:frames])
        assert (found[frames:] != expected[frames:]).any(axis=1).all()


def test_a_recording_leaves_nothing_behind(isa):
    expected = encoder().encode(recording(17280))
    encoder().encode(np.full(50000, np.nan, F32))
    assert same_bits(encoder().encode(recording(17280)), expected)


def test_sources_are_released():
    given, gone = weights("speech_tokenizer.encoder."), []
    CodecEncoder(WeightStore(gone.append), given, encoder_config(), 16)
    used = sum(a.nbytes for n, a in given.items() if not n.endswith("output_proj.weight"))
    assert sum(array.nbytes for array in gone) > 0.85 * used


def test_threads_of_a_fresh_stage_agree_with_a_cached_one():
    assert same_bits(new_encoder(threads=2).encode(recording(5000)), encoder().encode(recording(5000)))


# --- the quantisers alone --------------------------------------------------------------------------


def tables(seed, layers, codes, width):
    given = {}
    for i in range(layers):
        given[f"q.layers.{i}.codebook.embed_sum"] = normal(seed + i, codes, width)
        given[f"q.layers.{i}.codebook.cluster_usage"] = 0.5 + np.abs(normal(99 + i, codes))
    return given


@pytest.mark.parametrize(("layers", "codes", "width"), [(1, 8, 3), (3, 64, 12), (15, 33, 5), (32, 130, 40)])
def test_nearest_vectors_of_what_is_left(isa, layers, codes, width, monkeypatch):
    monkeypatch.setattr(_threads, "GRAIN_MACS", 0)
    given = tables(1, layers, codes, width)
    given["q.input_proj.weight"] = normal(7, width, 10, 1)
    latents = normal(8, 75, 10)
    found = np.full((75, layers + 2), -1, np.int32)
    stage = ResidualQuantizer(WeightStore(), given, "q.", layers)
    stage.encode(latents, found[:, 1:-1], 2)
    rest = latents.astype(float) @ given["q.input_proj.weight"][:, :, 0].T.astype(float)
    for i in range(layers):
        used = given[f"q.layers.{i}.codebook.cluster_usage"].astype(float)
        table = given[f"q.layers.{i}.codebook.embed_sum"] / used[:, None]
        nearest = ((rest[:, None] - table) ** 2).sum(axis=-1).argmin(axis=1)
        assert (found[:, 1 + i] == nearest).all()
        rest = rest - table[nearest]
    assert (found[:, [0, -1]] == -1).all()
    again = np.empty((75, layers), np.int32)
    for at in range(0, 75, 7):
        stage.encode(latents[at : at + 7], again[at : at + 7])
    assert (again == found[:, 1:-1]).all()


def test_of_equals_the_first(isa):
    given = tables(1, 1, 40, 6)
    for name, array in given.items():
        given[name] = np.concatenate([array, array])
    found = np.empty((50, 1), np.int32)
    ResidualQuantizer(WeightStore(), given, "q.", 1).encode(normal(2, 50, 6), found)
    assert found.max() < 40


def test_codes_that_were_hardly_used(isa):
    """Their vectors are the sum over 1e-5, not over zero."""
    given = tables(1, 1, 40, 6)
    usage = given["q.layers.0.codebook.cluster_usage"]
    usage[7], given["q.layers.0.codebook.embed_sum"][7] = 0, 1e-5
    found = np.empty((1, 1), np.int32)
    ResidualQuantizer(WeightStore(), given, "q.", 1).encode(np.ones((1, 6), F32), found)
    assert found[0, 0] == 7


def test_what_quantisers_refuse():
    given = tables(1, 2, 40, 6)
    stage = ResidualQuantizer(WeightStore(), given, "q.", 2)
    latents, codes = normal(1, 3, 6), np.zeros((3, 2), np.int32)
    for x, out in [
        (latents[:, :5].copy(), codes),
        (latents, codes[:2]),
        (latents, np.zeros((3, 3), np.int32)),
    ]:
        with pytest.raises(ValueError, match="quantise"):
            stage.encode(x, out)
    for layers, codes in ((0, 40), (33, 40), (1, 4)):
        with pytest.raises(ValueError, match="expected"):
            ResidualQuantizer(WeightStore(), tables(1, max(layers, 1), codes, 6), "q.", layers)
