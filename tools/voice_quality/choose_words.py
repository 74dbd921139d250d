"""Choose the 500 held-out words of texts/words.txt, by a rule that gives the same list every time.

A word is taken if
- it stands in lower case in /usr/share/dict/american-english, has 3 to 10 letters and one spelling of its sound in
  the recogniser's dictionary is not the sound of a word that was taken before;
- it is ordinary: 3 to 12 times in the example sentences of WordNet, at most 40 times in the King James bible, and
  not among the 1500 most frequent words of WordNet's definitions or of its examples;
- it is no inflection (WordNet's dictionary form of it is itself), and neither it nor a word of the same stem stands in
  the held-out sentences or was taken before;
- it is not one of a few words that nobody wants to hear alone.
The order is that of the SHA-1 of the word. Debian packages: wamerican, wordnet-base, bible-kjv.

    python tools/voice_quality/choose_words.py > tools/voice_quality/texts/words.txt
"""

from __future__ import annotations

import hashlib
import re
import subprocess
from collections import Counter
from pathlib import Path

COUNT = 500
WORDNET = Path("/usr/share/wordnet")
KNOWN = Path("/usr/share/dict/american-english")
UNWANTED = {"abortion", "holocaust", "genocide", "perversion", "torture", "fetus", "rape", "vagina", "damn"}
_ENDINGS = [
    *("ization", "ations", "ation", "ingly", "edly", "ness", "ments", "ment", "iest", "ings", "ing"),
    *("ies", "ied", "ers", "ily", "est", "ed", "es", "er", "ly", "s", "y", "e"),
]


def stem(word: str) -> str:
    """A rough stem: without its first matching ending and without a doubled last letter."""
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            word = word[: -len(ending)]
            break
    return word[:-1] if len(word) > 3 and word[-1] == word[-2] else word


def _wordnet() -> tuple[Counter, Counter, set[str]]:
    """Counts of the words in definitions and in examples; and all dictionary forms."""
    definitions, examples, forms = Counter(), Counter(), set()
    for part in ("noun", "verb", "adj", "adv"):
        for line in (WORDNET / f"data.{part}").read_text().splitlines():
            if not line.startswith("  "):
                gloss = line.split("|", 1)[1].lower()
                definitions.update(re.findall(r"[a-z']+", gloss))
                for quoted in re.findall(r'"([^"]*)"', gloss):
                    examples.update(re.findall(r"[a-z']+", quoted))
        lines = (WORDNET / f"index.{part}").read_text().splitlines()
        forms |= {line.split(" ", 1)[0] for line in lines if not line.startswith("  ")}
    return definitions, examples, forms


def _inflected(word: str, forms: set[str]) -> bool:
    """Whether the word is a plural, a past or a participle of a dictionary form."""
    for ending in ("s", "es", "ed", "d", "ing"):
        base = word.removesuffix(ending)
        if base != word and len(base) >= 3:
            undoubled = base[:-1] if base[-1] == base[-2] else base
            if {base, base + "e", undoubled} & forms:
                return True
    return word.endswith(("ies", "ied")) and word[:-3] + "y" in forms


def _bible() -> Counter:
    text = subprocess.run(
        ["bible", "-f", "gen1:1-rev22:21"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return Counter(re.findall(r"[a-z']+", text.lower()))


def _sounds() -> dict[str, set[str]]:
    import pocketsphinx

    sounds: dict[str, set[str]] = {}
    for line in (Path(pocketsphinx.get_model_path()) / "en-us/cmudict-en-us.dict").read_text().splitlines():
        word, sound = line.split(" ", 1)
        sounds.setdefault(re.sub(r"\(\d+\)$", "", word), set()).add(sound)
    return sounds


def choose() -> list[str]:
    """The words, sorted."""
    definitions, examples, forms = _wordnet()
    bible, sounds = _bible(), _sounds()
    frequent = {word for counts in (definitions, examples) for word, _ in counts.most_common(1500)}
    sentences = " ".join(
        (Path(__file__).parent / "texts" / f"{name}.txt").read_text()
        for name in ("everyday", "hard", "paragraphs")
    )
    used_stems = {stem(word) for word in re.findall(r"[a-z]+", sentences.lower())}
    taken: list[str] = []
    taken_sounds: set[str] = set()
    pool = [word for word in KNOWN.read_text().split() if re.fullmatch("[a-z]{3,10}", word)]
    for word in sorted(pool, key=lambda word: hashlib.sha1(word.encode()).hexdigest()):
        ordinary = 3 <= examples[word] <= 12 and bible[word] <= 40 and word not in frequent | UNWANTED
        if not ordinary or word not in sounds or word not in forms or _inflected(word, forms):
            continue
        if stem(word) in used_stems or sounds[word] & taken_sounds:
            continue
        used_stems.add(stem(word))
        taken_sounds |= sounds[word]
        taken.append(word)
        if len(taken) == COUNT:
            return sorted(taken)
    raise ValueError(f"the rule gives {len(taken)} words only, {COUNT} are wanted")


if __name__ == "__main__":
    print("\n".join(choose()))
