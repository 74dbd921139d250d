"""Prompts of Qwen3-TTS: every row by hand, and all modes against the NumPy specification."""

from __future__ import annotations

import functools
from itertools import pairwise, product

import numpy as np
import pytest

from pocket_fast.models.qwen3.prompt import NONE, Embedder, plan_prompt
from pocket_fast.models.qwen3.texts import Spoken
from reference.qwen3 import Model, Reference, lively_weights, tiny_config
from reference.qwen3.prompt import HEAD, REFERENCE_TAIL, TAIL, build_prompt

ROLE, BODY = (5, 6, 7), (20, 21, 22)
SPOKEN = Spoken(ROLE, BODY)


@pytest.fixture(scope="module")
def config():
    return tiny_config("qwen3-tiny-base")


@pytest.fixture
def ids(config):
    """(pad, bos, end) of the text, (pad, bos, think, nothink, think_bos, think_eos) of the codec"""
    t = config.talker_config
    text = (config.tts_pad_token_id, config.tts_bos_token_id, config.tts_eos_token_id)
    return text, (
        t.codec_pad_id,
        t.codec_bos_id,
        t.codec_think_id,
        t.codec_nothink_id,
        t.codec_think_bos_id,
        t.codec_think_eos_id,
    )


def rows(plan):
    return list(zip(plan.text.tolist(), plan.codec.tolist(), strict=True))


def head(ids, speaker=()):
    """The rows of a prompt without description in "auto", up to the text."""
    (pad, bos, _), (cpad, _, _, nothink, think_bos, think_eos) = ids
    thought = [(pad, nothink), (pad, think_bos), (pad, think_eos)]
    return [*((i, NONE) for i in ROLE), *thought, *((pad, i) for i in speaker), (bos, cpad)]


def test_the_whole_text_first(config, ids):
    (pad, _, end), (cpad, cbos, *_) = ids
    plan = plan_prompt(config, SPOKEN)
    assert rows(plan) == [*head(ids), *((i, cpad) for i in (*BODY, end)), (pad, cbos)]
    assert plan.trailing.tolist() == [pad]
    assert (plan.x_vector, plan.frames) == (None, 0)


def test_the_text_word_by_word(config, ids):
    (_, _, end), (_, cbos, *_) = ids
    plan = plan_prompt(config, SPOKEN, whole=False)
    assert rows(plan) == [*head(ids), (BODY[0], cbos)]
    assert plan.trailing.tolist() == [*BODY[1:], end]
    one = plan_prompt(config, Spoken(ROLE, (9,)), whole=False)
    assert rows(one)[-1] == (9, cbos)
    assert one.trailing.tolist() == [end]


def test_a_language_and_a_speaker(config, ids):
    (pad, bos, _), (cpad, _, think, _, think_bos, think_eos) = ids
    plan = plan_prompt(config, SPOKEN, language=81, speaker=206, whole=False)
    thought = [(pad, think), (pad, think_bos), (pad, 81), (pad, think_eos)]
    assert rows(plan)[3:-1] == [*thought, (pad, 206), (bos, cpad)]


def test_a_description_comes_first_and_alone(config, ids):
    plan = plan_prompt(config, SPOKEN, description=(1, 2, 3, 4), whole=False)
    assert rows(plan)[:4] == [(1, NONE), (2, NONE), (3, NONE), (4, NONE)]
    assert rows(plan)[4:] == rows(plan_prompt(config, SPOKEN, whole=False))


def test_an_x_vector_takes_the_place_of_a_speaker(config, ids):
    plan = plan_prompt(config, SPOKEN, x_vector=True)
    assert rows(plan)[: len(head(ids)) + 1] == head(ids, speaker=[NONE])
    assert plan.x_vector == 6


WORDS = (30, 31)


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("frames", [1, 4, 5, 6, 9])
def test_a_recording_to_go_on_from(config, ids, frames, whole):
    """Its words, the text and its end; then, or beside them, the recording's frames behind their beginning."""
    (pad, _, end), (cpad, cbos, *_) = ids
    plan = plan_prompt(config, SPOKEN, x_vector=True, words=WORDS, frames=frames, whole=whole)
    text, codec = [*WORDS, *BODY, end], [cbos] + [NONE] * frames
    after = rows(plan)[len(head(ids)) + 1 :]
    if whole:
        assert after == [*((i, cpad) for i in text), *((pad, c) for c in codec)]
        assert plan.trailing.tolist() == [pad]
    else:
        beside = text + [pad] * (len(codec) - len(text))
        assert after == list(zip(beside[: len(codec)], codec, strict=True))
        assert plan.trailing.tolist() == (text[len(codec) :] or [pad])
    assert plan.frames == frames


@functools.lru_cache
def model_of(name):
    config = tiny_config(name)
    return Model(config, lively_weights(config))  # float64: what differs is a mistake


def compare(name, length, whole, *, language=None, speaker=None, instruct=(), reference=None):
    """Both prompts of one text; speaker: an id, a vector or None."""
    model, rng = model_of(name), np.random.default_rng(length)
    text = rng.integers(0, 283, HEAD + length + TAIL)
    x_vector = isinstance(speaker, np.ndarray)
    row = speaker if x_vector else None if speaker is None else model.talker.embed_codec([speaker])[0]
    wanted = build_prompt(
        model.talker,
        model.predictor,
        model.config,
        text,
        language=language,
        speaker=row,
        instruct=instruct,
        reference=reference,
        whole=whole,
    )
    plan = plan_prompt(
        model.config,
        Spoken(tuple(text[:HEAD].tolist()), tuple(text[HEAD:-TAIL].tolist())),
        description=tuple(instruct),
        language=language,
        speaker=None if x_vector else speaker,
        x_vector=x_vector,
        words=() if reference is None else tuple(reference.ids[HEAD:-REFERENCE_TAIL].tolist()),
        frames=0 if reference is None else len(reference.codes),
        whole=whole,
    )
    embedder = Embedder(model.talker, model.config, model.predictor.embed_frames)
    got = embedder.prompt(plan, speaker if x_vector else None, None if reference is None else reference.codes)
    cuts = sorted({0, len(got), *rng.integers(0, len(got) + 1, 3).tolist()})
    rows = [got.rows(first, last) for first, last in pairwise(cuts)]
    beside = [got.beside(i) for i in range(len(plan.trailing) + 2)]
    *trailing, pad, still = beside
    for found, expected in (
        (np.concatenate(rows), wanted.rows),
        (trailing, wanted.trailing),
        (pad, wanted.pad),
        (still, wanted.pad),
    ):
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)


LENGTHS, TEXT_MODES, LANGUAGES = (1, 2, 17), (True, False), (None, 83)


@pytest.mark.parametrize(
    "name", ["qwen3-tiny-customvoice", "qwen3-tiny-customvoice-wide", "qwen3-tiny-voicedesign"]
)
def test_speakers_and_descriptions(name):
    speakers = (None,) if name.endswith("design") else (206, 1080)
    for length, whole, language, speaker in product(LENGTHS, TEXT_MODES, LANGUAGES, speakers):
        for instruct in ((), (11, 12, 13, 14, 15)):
            compare(name, length, whole, language=language, speaker=speaker, instruct=instruct)


@pytest.mark.parametrize("name", ["qwen3-tiny-base", "qwen3-tiny-base-wide"])
def test_recordings(name):
    rng = np.random.default_rng(3)
    width = tiny_config(name).talker_config.hidden_size
    x_vector = rng.standard_normal(width).astype(np.float32)
    for length, whole, language in product(LENGTHS, TEXT_MODES, LANGUAGES):
        compare(name, length, whole, language=language, speaker=x_vector)
        for words, frames in (
            (1, 1),
            (6, 40),
            (40, 6),
            (4, 21),
        ):  # 4 + 17 + the end are as many as 21 and one
            ids = rng.integers(0, 283, HEAD + words + REFERENCE_TAIL)
            reference = Reference(ids, rng.integers(0, 64, (frames, 16)))
            compare(name, length, whole, language=language, speaker=x_vector, reference=reference)


class CountingTalker:
    """Embeds an id as itself and its square; counts what it was asked for."""

    def __init__(self):
        self.asked = []

    def embed_text(self, ids):
        self.asked += list(ids)
        return np.array([[i, i * i] for i in ids], dtype=np.float32)

    def embed_codec(self, ids):
        return np.array([[1000 * i, -i] for i in ids], dtype=np.float32).reshape(-1, 2)


def test_each_text_id_is_embedded_once_and_constants_once_for_all(config, ids):
    talker = CountingTalker()
    embedder = Embedder(talker, config, lambda codes: codes[:, :2].astype(np.float32))
    assert sorted(talker.asked) == sorted(ids[0])
    talker.asked.clear()
    plan = plan_prompt(config, Spoken(ROLE, (20, 20, 21)), x_vector=True, words=(20,), frames=30, whole=False)
    prompt = embedder.prompt(plan, np.array([0.5, 0.25]), np.zeros((30, 16), dtype=np.int64))
    assert not talker.asked
    rows = np.concatenate([prompt.rows(i, i + 1) for i in range(len(prompt))])
    beside = [prompt.beside(i) for i in range(40)]
    assert sorted(talker.asked) == [*ROLE, 20, 21]
    assert rows.dtype == beside[0].dtype == beside[-1].dtype == np.float32
    pad = ids[0][0]
    assert beside[-1].tolist() == [pad, pad * pad]
    assert rows[plan.x_vector].tolist() == [pad + 0.5, pad * pad + 0.25]


def test_long_texts_are_embedded_little_by_little(config):
    talker = CountingTalker()
    embedder = Embedder(talker, config, lambda codes: codes)
    prompt = embedder.prompt(plan_prompt(config, Spoken(ROLE, tuple(range(20, 270))), whole=False))
    talker.asked.clear()
    for i in range(250):
        prompt.beside(i)
        assert i <= len(talker.asked) <= i + 20
    talker.asked.clear()
    embedder.prompt(plan_prompt(config, Spoken(ROLE, tuple(range(20, 270))))).rows(100, 110)
    assert len(talker.asked) == 10


def test_prompts_share_no_memory(config):
    embedder = Embedder(CountingTalker(), config, lambda codes: codes)
    plan = plan_prompt(config, SPOKEN)
    first = embedder.prompt(plan)
    rows = first.rows(0, len(first))
    wanted = rows.copy()
    rows += 1
    np.testing.assert_array_equal(first.rows(0, len(first)), wanted)
    np.testing.assert_array_equal(embedder.prompt(plan).rows(0, len(first)), wanted)
