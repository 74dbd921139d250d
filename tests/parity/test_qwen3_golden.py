"""Qwen3TTSModel against recordings of qwen-tts 0.1.1: its own text, stages and engine, on every instruction set."""

import functools

import numpy as np
import pytest

from pocket_fast import VoiceClonePromptItem
from reference.qwen3 import TINY_QWEN3, make_qwen3_model
from reference.qwen3.cases import CHUNKED_FRAMES, EVERY, EVERY_OF_MANY, RECORDED, RECORDINGS, random_codes
from reference.qwen3.golden import load_golden, recorded_voice, speeches
from reference.qwen3.package import PackageQwen3

BASE = "qwen3-tiny-base"
SPEECHES = [(name, n) for name in TINY_QWEN3 for n in range(len(RECORDED[name]))]


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    """package(name) -> (PackageQwen3, recording, its speeches) of a tiny model."""
    folders = tmp_path_factory.mktemp("qwen3")

    @functools.cache
    def package(name):
        _, _, recording = load_golden(name)
        ours = PackageQwen3(make_qwen3_model(folders / name, name), threads=1)
        return ours, recording, tuple(speeches(name, recording))

    return package


def worst(ours, theirs):
    assert ours.shape == theirs.shape
    return np.abs(ours - theirs).max(initial=0)


@pytest.mark.parametrize(("name", "n"), SPEECHES)
def test_speech(isa, package, name, n):
    ours, recording, spoken = package(name)
    speech = spoken[n]
    case, item = speech.case, None
    if case.voice is not None:  # as recorded: the resampler has a test of its own
        voice = recorded_voice(recording, speech)
        reference = voice["reference"]
        codes = None if reference is None else reference.codes
        item = VoiceClonePromptItem(
            codes, voice["speaker"].astype(np.float32), codes is None, codes is not None, case.words
        )
    codes, samples = ours.speak(case, item)
    np.testing.assert_array_equal(codes, speech.codes)
    assert worst(samples[::EVERY], speech.samples) < 1e-5
    if case.voice is None:
        prompt = ours.prompt(case)
        for part in ("rows", "trailing", "pad"):
            assert worst(getattr(prompt, part), getattr(speech.prompt, part)) < 1e-6


@pytest.mark.parametrize("name", [name for name in TINY_QWEN3 if "base" in name])
def test_recordings_at_any_rate(isa, package, name):
    ours, recording, _ = package(name)
    _, recordings, _ = package(BASE)
    for i, (rate, _, _) in enumerate(RECORDINGS):
        samples = (recordings[f"{i}.recording"] / 32768).astype(np.float32)
        np.testing.assert_array_equal(ours.codes_of(samples, rate), recording[f"{i}.code"])
        assert worst(ours.vector_of(samples, rate), recording[f"{i}.vector"]) < 1e-5


def test_blocks_of_300_frames(isa, package):
    ours, recording, _ = package(BASE)
    samples = ours.decode(random_codes(CHUNKED_FRAMES))
    assert worst(samples[::EVERY_OF_MANY], recording["chunked"]) < 1e-5
