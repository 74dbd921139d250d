"""The speaker encoder of Qwen3-TTS: the vector of the NumPy stage."""

import dataclasses
import functools

import numpy as np
import pytest
from pocket_fast.cpu._memory import WeightStore
from pocket_fast.cpu.packing import round_to_bf16
from pocket_fast.cpu.qwen3.speaker import SpeakerEncoder

from guarded import same_bits
from pocket_fast.cpu import _threads
from pocket_fast.stages.qwen3 import speaker as speaker_module
from pocket_fast.stages.qwen3.speaker import mel_filters
from reference import qwen3
from reference.qwen3 import lively_weights, part
from reference.qwen3.speaker_encoder import mel_filters as exact_filters
from tiny_qwen3_codec import F32, NAME, config, recording, reference_speaker_encoder, speaker_encoder, weights
from tiny_stages import at_once, worst

BOUND = 2e-6  # relative to the largest number; the worst of these tests reach 8e-7


@functools.cache
def exact(n, seed=0):
    return reference_speaker_encoder().embed(recording(n, seed))


@pytest.mark.parametrize("n", [1280, 1281, 1535, 1536, 5000, 31200, 100001])
def test_recordings_of_any_length(isa, n):
    found = speaker_encoder().embed(recording(n))
    assert (found.shape, found.dtype) == ((40,), np.dtype(F32))
    assert 0.1 < np.abs(exact(n)).max() < 10
    assert worst(found, exact(n)) < BOUND


def test_speakers_differ():
    """Or the tests above would test nothing."""
    assert np.abs(exact(31200) - exact(31200, 1)).max() > 0.01


def test_other_shapes(isa):
    """Another kernel at each place that has one, even kernels included, and a wider vector."""
    changed = dataclasses.replace(
        config(NAME).speaker_encoder_config,
        enc_dim=13,
        enc_channels=(12, 12, 12, 24),
        enc_kernel_sizes=(4, 5, 2, 3),
        enc_dilations=(2, 1, 5, 2),
        enc_res2net_scale=3,
        enc_se_channels=5,
        enc_attention_channels=33,
    )
    given = part(
        lively_weights(dataclasses.replace(config(NAME), speaker_encoder_config=changed)), "speaker_encoder."
    )
    found = SpeakerEncoder(WeightStore(), given, changed).embed(recording(9000))
    expected = qwen3.SpeakerEncoder(changed, given).embed(recording(9000))
    assert worst(found, expected) < BOUND


def test_bfloat16_files(isa):
    """Stored in two bytes a number: the same bits as the same numbers in four."""
    given = {n: a if a.ndim == 1 else round_to_bf16(a) for n, a in weights("speaker_encoder.").items()}
    wide = {n: a if a.ndim == 1 else (a.astype(np.uint32) << 16).view(F32) for n, a in given.items()}
    settings, stores = config(NAME).speaker_encoder_config, (WeightStore(), WeightStore())
    found = [
        SpeakerEncoder(s, g, settings).embed(recording(9000))
        for s, g in zip(stores, (given, wide), strict=True)
    ]
    assert same_bits(*found)
    assert stores[0].used < stores[1].used


def test_threads(isa, monkeypatch):
    monkeypatch.setattr(_threads, "GRAIN_MACS", 0)
    expected = speaker_encoder().embed(recording(31200))
    for threads in (2, 3):
        assert same_bits(speaker_encoder(threads=threads).embed(recording(31200)), expected)
        assert same_bits(speaker_encoder(threads=threads).embed(recording(31200), 1), expected)


def test_silence_and_other_types_of_samples(isa):
    silence = np.zeros(5000, F32)
    expected = reference_speaker_encoder().embed(silence)
    assert worst(speaker_encoder().embed(silence), expected) < BOUND
    pcm = recording(5000)
    assert same_bits(speaker_encoder().embed(pcm.astype(float)), speaker_encoder().embed(pcm))


def test_a_gate_far_from_zero_overflows_nowhere(recwarn):
    given = dict(weights("speaker_encoder."))
    given["blocks.1.se_block.conv2.bias"] = np.full_like(given["blocks.1.se_block.conv2.bias"], -200)
    found = SpeakerEncoder(WeightStore(), given, config(NAME).speaker_encoder_config).embed(recording(5000))
    assert np.isfinite(found).all()
    assert not recwarn.list


def test_mel_filters():
    found = mel_filters(128, 24000)
    np.testing.assert_allclose(found, exact_filters(), rtol=1e-6, atol=1e-9)
    assert (found.max(axis=1) > 0).all()


def test_recordings_that_are_too_short():
    assert speaker_encoder().shortest == 1280
    for n in (0, 1, 1279):
        with pytest.raises(ValueError, match=f"{n} samples .* expected 1280"):
            speaker_encoder().embed(recording(n))


@pytest.mark.parametrize("macs", [1, 5e4, 1e12])
def test_the_size_of_slices_changes_nothing(macs, monkeypatch):
    expected = speaker_encoder().embed(recording(31200))
    monkeypatch.setattr(speaker_module, "SLICE_MACS", macs)
    assert same_bits(at_once(speaker_encoder().embed_in_slices(recording(31200))), expected)
    assert len(list(speaker_encoder().embed_in_slices(recording(31200)))) > (1000 if macs == 1 else 10)
