"""A few hundred awkward texts, split as pocket-tts 4.0.1 splits them (tools/make_text_golden.py)."""

from __future__ import annotations

import json
from pathlib import Path

from planned import split
from pocket_fast.errors import TextError
from pocket_fast.text.prepare import TextRules, prepare

GOLDEN = json.loads((Path(__file__).parents[2] / "data" / "text_golden.json").read_text(encoding="utf-8"))
RULES = {name: TextRules(**options) for name, options in GOLDEN["rules"].items()}


def test_chunks_equal_the_reference(tiny):
    compared = 0
    for entry in GOLDEN["texts"]:
        for name, max_tokens, expected in entry["cases"]:
            try:
                chunks = split(entry["text"], tiny, max_tokens, RULES[name])
                result = [[chunk, *prepare(chunk, RULES[name])] for chunk in chunks]
            except TextError:
                result = None
            assert result == expected, (entry["text"], name, max_tokens)
            compared += 1
    assert compared > 700
