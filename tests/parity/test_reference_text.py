"""Live: thousands of awkward texts, prepared and split by us and by pocket-tts."""

from __future__ import annotations

import logging
import os
import random
from pathlib import Path

import pytest

from awkward_texts import HAND_WRITTEN, MAX_TOKENS, RULES, random_text
from planned import split
from pocket_fast.text.prepare import TextRules, prepare
from pocket_fast.text.tokenizer import load_tokenizer

pytestmark = pytest.mark.reference

REPO = Path(__file__).parents[2]
SHARED = Path(os.environ.get("POCKET_FAST_SHARED_DATA", REPO.parent / "shared" / "data"))
FILES = {
    "english": (SHARED / "pocket-tts-english" / "tokenizer.model", 4000),
    "tiny": (REPO / "tests" / "data" / "tiny_tokenizer.model", 400),
    "tiny-json": (REPO / "tests" / "data" / "tiny_tokenizer.json", 400),
}


@pytest.fixture(scope="module")
def theirs():
    pytest.importorskip("pocket_tts")
    from pocket_tts.models import text_chunking
    from pocket_tts.modules import text_conditioner

    return text_chunking, text_conditioner


@pytest.fixture(params=FILES)
def tokenizers(request, theirs):
    """(ours, theirs) over the same file."""
    path, n_bins = FILES[request.param]
    if not path.exists():
        pytest.skip(f"no {path.name} of {request.param}; POCKET_FAST_SHARED_DATA names the folder")
    ours = load_tokenizer(path, "sentencepiece", n_bins)
    return ours, theirs[1].build_tokenizer(n_bins, str(path))


def outcome(function, *args):
    try:
        return function(*args)
    except ValueError:
        return ValueError


@pytest.mark.parametrize("rules", RULES)
def test_chunks_and_prepared_texts(theirs, tokenizers, rules, caplog):
    caplog.set_level(logging.ERROR)
    ours, their_tokenizer = tokenizers
    chunking = theirs[0]
    mine = TextRules(**RULES[rules])
    their = {"pad_with_spaces_for_short_inputs": False, "remove_semicolons": False, **RULES[rules]}

    def their_prepare(text):
        return chunking.prepare_text_prompt(text, **their)

    def their_split(text, max_tokens):
        return chunking.split_into_best_sentences(their_tokenizer, text, max_tokens, **their)

    rng = random.Random(rules)
    refused = 0
    for text in HAND_WRITTEN + [random_text(rng) for _ in range(400)]:
        max_tokens = rng.choice(MAX_TOKENS)
        assert outcome(prepare, text, mine) == outcome(their_prepare, text), text
        expected = outcome(their_split, text, max_tokens)
        assert outcome(split, text, ours, max_tokens, mine) == expected, (text, max_tokens)
        if expected is ValueError:
            refused += 1
            continue
        for chunk in expected:
            assert prepare(chunk, mine) == their_prepare(chunk)
            assert ours.encode(chunk) == their_tokenizer(chunk)[0].tolist()
    assert 2 <= refused < 100
