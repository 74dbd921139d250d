"""Live: token ids, speakers and languages of a tiny model, by qwen-tts 0.1.1 and by us."""

from __future__ import annotations

import importlib.util
import random

import pytest

from awkward_texts import HAND_WRITTEN, random_text
from byte_level import TEXTS
from pocket_fast.errors import PocketFastError
from pocket_fast.models.qwen3.catalog import locate
from pocket_fast.models.qwen3.choices import language_id, languages, speaker_id, speakers
from pocket_fast.models.qwen3.loading import load
from reference.qwen3 import TINY_QWEN3, make_qwen3_model
from reference.qwen3.official import load_official

pytestmark = pytest.mark.reference


@pytest.fixture(scope="module", params=TINY_QWEN3)
def both(request, tmp_path_factory):
    """(ours, theirs) of one folder"""
    pytest.importorskip("torch")
    if importlib.util.find_spec("qwen_tts") is None:
        pytest.skip("needs qwen-tts 0.1.1")
    folder = make_qwen3_model(tmp_path_factory.mktemp("model"), request.param)
    return load(locate(folder)), load_official(folder)


def test_token_ids(both):
    ours, theirs = both

    def ids(text):
        return theirs._tokenize_texts([text])[0][0].tolist()

    rng = random.Random(5)
    for text in TEXTS + HAND_WRITTEN + [random_text(rng) for _ in range(200)]:
        whole = ids(theirs._build_assistant_text(text))
        spoken = ours.texts.speech(text)
        assert list(spoken.role) == whole[:3]
        assert list(spoken.body) == whole[3:-5], text
        assert list(ours.texts.words(text)) == ids(theirs._build_ref_text(text))[3:-2], text
        if text:
            assert list(ours.texts.description(text)) == ids(theirs._build_instruct_text(text)), text


def test_speakers_and_languages(both):
    ours, theirs = both
    assert speakers(ours.config) == theirs.get_supported_speakers()
    assert languages(ours.config) == theirs.get_supported_languages()
    for check, ask, value in (
        (theirs._validate_languages, language_id, "sichuan_dialect"),
        (theirs._validate_languages, language_id, "klingon"),
        (theirs._validate_speakers, speaker_id, "nobody"),
    ):
        with pytest.raises(ValueError, match="Unsupported"):
            check([value])
        with pytest.raises(PocketFastError):
            ask(ours.config, value)
