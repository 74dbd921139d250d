"""Write tests/data/text_golden.json: how pocket-tts 4.0.1 prepares and splits awkward texts.

    python tools/make_text_golden.py        # in an environment with torch and pocket-tts

Uses the tiny tokenizer (tools/make_tiny_tokenizer.py). The file holds the rule sets and, for each text, cases
[rule set, max_tokens, [[chunk, prepared chunk, frames guess], ...]]; null in place of the list: ValueError.
"""

from __future__ import annotations

import json
import logging
import random
import sys
from pathlib import Path

from pocket_tts.models.text_chunking import prepare_text_prompt, split_into_best_sentences
from pocket_tts.modules.text_conditioner import SentencePieceTokenizer

TESTS = Path(__file__).parents[1] / "tests"
sys.path.insert(0, str(TESTS))
from awkward_texts import HAND_WRITTEN, MAX_TOKENS, RULES, random_text  # noqa: E402

RANDOM_TEXTS = 170
CASES_PER_TEXT = 3


def reference_chunks(tokenizer, text: str, max_tokens: int, rules: dict) -> list[tuple[str, str, int]] | None:
    """(chunk, prepared chunk, frames guess) of each chunk; None where the reference raises ValueError."""
    options = {"pad_with_spaces_for_short_inputs": False, "remove_semicolons": False, **rules}
    try:
        chunks = split_into_best_sentences(tokenizer, text, max_tokens, **options)
        return [(chunk, *prepare_text_prompt(chunk, **options)) for chunk in chunks]
    except ValueError:
        return None


def main() -> None:
    logging.disable(logging.WARNING)
    tokenizer = SentencePieceTokenizer(400, str(TESTS / "data" / "tiny_tokenizer.model"))
    rng = random.Random(20)
    texts = []
    for text in HAND_WRITTEN + [random_text(rng) for _ in range(RANDOM_TEXTS)]:
        cases = []
        for name in rng.sample(list(RULES), CASES_PER_TEXT):
            max_tokens = rng.choice(MAX_TOKENS)
            cases.append((name, max_tokens, reference_chunks(tokenizer, text, max_tokens, RULES[name])))
        texts.append({"text": text, "cases": cases})
    lines = ",\n".join(json.dumps(entry) for entry in texts)
    rules = json.dumps(RULES, indent=1)
    target = TESTS / "data" / "text_golden.json"
    target.write_text(f'{{"rules": {rules},\n"texts": [\n{lines}\n]}}\n', encoding="utf-8")
    print(f"{len(texts)} texts, {len(texts) * CASES_PER_TEXT} cases in {target}")


if __name__ == "__main__":
    main()
