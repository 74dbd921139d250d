from __future__ import annotations

import os
from pathlib import Path

import pytest

from pocket_fast.text.tokenizer import load_tokenizer

REPO = Path(__file__).parents[3]
DATA = REPO / "tests" / "data"


@pytest.fixture(params=["model", "json"])
def tiny(request):
    """The tiny tokenizer of the tests, once as SentencePiece and once as tokenizers JSON."""
    return load_tokenizer(DATA / f"tiny_tokenizer.{request.param}", "sentencepiece", 400)


@pytest.fixture(scope="session")
def english():
    """The released English tokenizer."""
    shared = Path(os.environ.get("POCKET_FAST_SHARED_DATA", REPO.parent / "shared" / "data"))
    path = shared / "pocket-tts-english" / "tokenizer.model"
    if not path.exists():
        pytest.skip("no released English tokenizer; POCKET_FAST_SHARED_DATA names the folder that holds it")
    return load_tokenizer(path, "sentencepiece", 4000)
