"""Qwen3-TTS against qwen-tts 0.1.1, live, on tiny checkpoints of every kind.

What is compared is a candidate (see reference/qwen3/candidates.py): a line in CANDIDATES runs every test over it.
"""

import functools
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from reference.qwen3 import TINY_QWEN3, make_qwen3_model, tiny_config
from reference.qwen3.candidates import NumpyQwen3
from reference.qwen3.cases import CASES, DRAWN, GREEDY
from reference.qwen3.official import Official, import_official, stored_tensors, watching
from reference.qwen3.package import PackageQwen3
from reference.qwen3.synthetic import file_tensors
from reference.record import synthetic_voice

pytestmark = pytest.mark.reference

CANDIDATES = {"numpy": NumpyQwen3, "package": PackageQwen3}
BASE = "qwen3-tiny-base"


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """(candidate, model's name) -> a candidate and the official package, loaded from one folder."""
    torch = pytest.importorskip("torch")
    pytest.importorskip("transformers")
    try:
        import_official()
    except ImportError as error:
        pytest.skip(f"qwen-tts 0.1.1 cannot be imported: {error}")
    torch.set_num_threads(1)
    folders = tmp_path_factory.mktemp("qwen3")
    official = functools.cache(lambda name: Official(make_qwen3_model(folders / name, name)))

    @functools.cache
    def pair(who, name):
        theirs = official(name)
        return CANDIDATES[who](folders / name, theirs.ids_of) if who else None, theirs

    return pair


@pytest.fixture(params=CANDIDATES)
def pair(request, models):
    return functools.partial(models, request.param)


def worst(ours, theirs):
    assert ours.shape == theirs.shape
    return np.abs(ours - theirs).max(initial=0)


def test_there_are_cases_enough():
    assert len(CASES) >= 74
    assert len(set(map(repr, CASES))) == len(CASES)
    assert set(Counter(case.model for case in CASES)) == set(TINY_QWEN3)


@pytest.mark.parametrize("name", TINY_QWEN3)
def test_the_files_hold_what_the_official_classes_store(models, name):
    assert list(file_tensors(tiny_config(name))) == stored_tensors(models(None, name)[1])


@pytest.mark.parametrize("case", CASES, ids=str)
def test_greedy(pair, case):
    ours, theirs = pair(case.model)
    prompt, expected = ours.prompt(case), theirs.prompt(case)
    assert worst(prompt.rows, expected.rows) < 1e-6
    assert worst(prompt.trailing, expected.trailing) < 1e-6
    assert worst(prompt.pad, expected.pad) < 1e-6
    compare_speech(ours, theirs, case)


@pytest.mark.parametrize("case", DRAWN, ids=str)
def test_drawn_with_the_same_numbers(pair, case):
    codes = compare_speech(*pair(case.model), case)
    assert len(np.unique(codes)) > 20


def compare_speech(ours, theirs, case):
    codes, samples = ours.speak(case)
    expected, sound = theirs.speak(case)
    np.testing.assert_array_equal(codes, expected)
    assert worst(samples, sound) < 1e-5
    assert 0.05 < sound.std() < 0.5
    return codes


@pytest.mark.parametrize("frames", [1, 2, 5, 30, 100, 300])
def test_the_decoder_alone(pair, frames):
    ours, theirs = pair(BASE)
    codes = np.random.default_rng(frames).integers(0, 64, (frames, 16))
    assert worst(ours.decode(codes), theirs.decode(codes)) < 1e-5


@pytest.mark.parametrize("frames", [301, 340, 640])
def test_blocks_of_300_frames(pair, frames):
    ours, theirs = pair(BASE)
    codes = np.random.default_rng(frames).integers(0, 64, (frames, 16))
    assert worst(ours.decode(codes), theirs.decode(codes)) < 1e-5


@pytest.mark.parametrize("seconds", [0.3, 1.3, 3.7])
@pytest.mark.parametrize("rate", [8000, 16000, 22050, 24000, 44100, 48000])
def test_a_recording(pair, rate, seconds):
    ours, theirs = pair(BASE)
    samples = synthetic_voice(rate, seconds, pitch=100 + 40 * seconds, seed=rate)
    expected = theirs.codes_of(samples, rate)
    np.testing.assert_array_equal(ours.codes_of(samples, rate), expected)
    assert len(np.unique(expected)) > 20
    assert worst(ours.vector_of(samples, rate), theirs.vector_of(samples, rate)) < 1e-5


@pytest.mark.parametrize("n", [1, 2, 959, 960, 1919, 1920, 1921, 3841, 24001])
def test_codes_of_any_number_of_samples(pair, n):
    ours, theirs = pair(BASE)
    samples = synthetic_voice(24000, 1.1)[:n]
    np.testing.assert_array_equal(ours.codes_of(samples, 24000), theirs.codes_of(samples, 24000))


def test_a_batch_of_the_official_package_is_its_speeches_one_by_one(pair):
    """Different texts, speakers and languages side by side, one of them long over before the others."""
    options = {**GREEDY, "max_new_tokens": 50}
    alike = [c for c in CASES if c.model == "qwen3-tiny-customvoice" and c.whole and c.instruct is None]
    cases = [replace(c, options=options) for c in alike]
    ours, theirs = pair(cases[0].model)
    with watching(theirs.model) as seen:
        wavs, _ = theirs.model.generate_custom_voice(
            [c.text for c in cases],
            [c.speaker for c in cases],
            [c.language for c in cases],
            **options,
        )
    lengths = set()
    for case, codes, sound in zip(cases, seen.codes, wavs, strict=True):
        mine, samples = ours.speak(case)
        np.testing.assert_array_equal(mine, codes)
        assert worst(samples, sound) < 1e-5
        lengths.add(len(codes))
    assert len(lengths) > 1
