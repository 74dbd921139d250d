"""Write tests/data/token_golden.json: the ids that transformers 4.57.3 gives awkward texts, in both splits.

    python tools/make_token_golden.py        # in an environment with transformers 4.57.3

Uses the small byte-level tokenizer of tests/byte_level.py. The file holds [text, ids of the split "qwen2", ids of
"mistral" or null if they are the same].
"""

from __future__ import annotations

import json
import random
import sys
import tempfile
from pathlib import Path

TESTS = Path(__file__).parents[1] / "tests"
sys.path.insert(0, str(TESTS))
from awkward_texts import HAND_WRITTEN, random_text  # noqa: E402
from byte_level import TEXTS, theirs  # noqa: E402

RANDOM_TEXTS = 40


def main() -> None:
    rng = random.Random(26)
    texts = TEXTS + HAND_WRITTEN + [random_text(rng) for _ in range(RANDOM_TEXTS)]
    with tempfile.TemporaryDirectory() as folder:
        qwen2, mistral = (theirs(Path(folder), split) for split in ("qwen2", "mistral"))
        cases = []
        for text in texts:
            ids, others = qwen2(text), mistral(text)
            cases.append([text, ids, others if others != ids else None])
    lines = ",\n".join(json.dumps(case, ensure_ascii=False, separators=(",", ":")) for case in cases)
    target = TESTS / "data" / "token_golden.json"
    target.write_text(f"[\n{lines}\n]\n", encoding="utf-8")
    print(f"{target}: {len(cases)} texts, {sum(case[2] is not None for case in cases)} differ")


if __name__ == "__main__":
    main()
