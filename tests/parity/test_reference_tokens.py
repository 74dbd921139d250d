"""Live: thousands of awkward texts, tokenised by us and by transformers, with both ways of cutting words."""

from __future__ import annotations

import random

import pytest

from awkward_texts import HAND_WRITTEN, random_text
from byte_level import FILES, PLAIN, SPECIAL, TEXTS, theirs, words, write_tokenizer
from pocket_fast.text.tokenizer import load_byte_level

pytestmark = pytest.mark.reference

BITS = ["\u0331", "\u0308", "e", "A", "B", "b", "1", " ", "\n", "/", "'"]


@pytest.mark.parametrize("split", ["qwen2", "mistral"])
def test_the_same_ids_and_texts(split, tmp_path):
    pytest.importorskip("transformers")
    write_tokenizer(tmp_path)
    ours = load_byte_level(*(tmp_path / name for name in FILES), split=split)
    reference = theirs(tmp_path, split)
    rng = random.Random(8)
    pieces = [*words(), *SPECIAL, *PLAIN, *BITS]
    texts = TEXTS + HAND_WRITTEN + [random_text(rng) for _ in range(1000)]
    texts += ["".join(rng.choices(pieces, k=rng.randint(1, 30))) for _ in range(2000)]
    for text in texts:
        assert ours.encode(text) == reference(text), text
