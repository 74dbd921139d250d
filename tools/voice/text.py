"""The sentences the built-in model learns from, all of clean provenance.

Sources, as Debian packages: the King James Bible (bible-kjv), Jane Austen's six novels (r-cran-janeaustenr) and
The Devil's Dictionary (dict-devil), all in the public domain; the example sentences of WordNet 3.0 (wordnet-base,
free for any purpose); the word list SCOWL (wamerican-large, free for any purpose). The rest is made by grammar.py.
Held-out sentences and held-out words (voice_quality/texts) occur in none of them.
"""

from __future__ import annotations

import itertools
import random
import re
import subprocess
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from voice.grammar import Grammar

MOST = 120  # characters of a sentence
ALPHABET = " ',-.?!" + "".join(chr(ord("A") + i) + chr(ord("a") + i) for i in range(26))
HELD_OUT = Path(__file__).parent.parent / "voice_quality" / "texts"

_SHARES = {
    "examples": 0.22,
    "novels": 0.14,
    "bible": 0.08,
    "devil": 0.02,
    "patterns": 0.17,
    "lists": 0.25,
    "words": 0.07,
    "pairs": 0.05,
}


def corpus(count: int, seed: int = 1) -> list[str]:
    """`count` different sentences in the form the model is given: capital first, `.`, `?` or `!` last."""
    draw = random.Random(seed)
    lexicon = [word for word in _lexicon() if word.lower() not in _held_out_words()]
    grammar = Grammar(draw, lexicon)
    read = {
        "examples": list(_wordnet_examples()),
        "novels": list(_novels()),
        "bible": list(_bible()),
        "devil": list(_devils_dictionary()),
    }
    short = [text for text in read["examples"] + read["novels"] if len(text) < 45]
    make = {
        "patterns": grammar.sentence,
        "lists": lambda: grammar.word_list(MOST),
        "words": grammar.single_word,
        "pairs": lambda: " ".join([*_clauses(draw.choice(short), draw)[:1], grammar.sentence()]),
    }
    refused = _Refused()
    chosen: dict[str, None] = {}
    for kind, share in _SHARES.items():
        wanted = len(chosen) + round(share * count)
        made = itertools.islice(iter(make[kind], None), 50 * count) if kind in make else ()
        for text in _clauses_of(read[kind], draw) if kind in read else made:
            if len(chosen) >= wanted:
                break
            if text not in refused:
                chosen[text] = None
    sentences = list(chosen)
    draw.shuffle(sentences)
    return sentences


class _Refused:
    """Whether a sentence must not be learned: wrong form, or held out."""

    def __init__(self) -> None:
        self._words = _held_out_words()
        self._sentences = {_plain(text) for text in held_out_sentences()}
        self._form = re.compile(f"[{re.escape(ALPHABET)}]{{2,{MOST}}}")

    def __contains__(self, text: str) -> bool:
        if not self._form.fullmatch(text) or not text[0].isupper() or text[-1] not in ".?!":
            return True
        return _plain(text) in self._sentences or not self._words.isdisjoint(_plain(text).split())


def held_out_sentences() -> Iterator[str]:
    """Every sentence of the evaluation."""
    for name in ("everyday", "hard", "numbers", "paragraphs"):
        for line in (HELD_OUT / f"{name}.txt").read_text().splitlines():
            yield from re.findall(r"[^.?!]+[.?!]", line)


def _held_out_words() -> frozenset[str]:
    return frozenset((HELD_OUT / "words.txt").read_text().split())


def _plain(text: str) -> str:
    return " ".join(re.findall(r"[a-z']+", text.lower()))


def _tidy(text: str) -> str:
    """Quotes and brackets dropped; colons, semicolons and dashes as commas; one space between words."""
    text = re.sub(r"``|''|[\"()\[\]_*]", "", text)
    text = re.sub(r"\s*(?:[;:]|--+|\.{2,})\s*", ", ", text)
    text = re.sub(r"\b([A-Z])([A-Z]+)\b", lambda match: match[1] + match[2].lower(), text)
    text = re.sub(r"\s+([,.?!])", r"\1", re.sub(r"\s+", " ", text))
    text = re.sub(r"([.?!])[.?!]+", r"\1", text)
    return re.sub(r",[,\s]*(?=[,.?!])", "", text).strip(" ,")


def _clauses_of(texts: Iterable[str], draw: random.Random) -> Iterator[str]:
    texts = list(texts)
    draw.shuffle(texts)
    for text in texts:
        yield from _clauses(text, draw)


def _clauses(text: str, draw: random.Random) -> list[str]:
    """A sentence cut at commas into pieces no longer than lengths drawn at random, each made a sentence."""
    pieces: list[str] = []
    most = 0
    for part in re.split(r"(?<=,) ", text):
        if pieces and len(pieces[-1]) + 1 + len(part) <= most:
            pieces[-1] += " " + part
        else:
            pieces.append(part)
            most = draw.randint(10, MOST)
    return [_ended(piece) for piece in pieces if len(piece) > 1]


def _ended(text: str) -> str:
    text = text.strip(" ,-'")
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "?", "!")) else text + "."


def _sentences(prose: str) -> Iterator[str]:
    for text in re.split(r"(?<=[.?!])['\"]?\s+(?=[\"'_A-Z])", prose):
        if not re.search(r"\b(?:Mr|Mrs|Dr|St|etc|viz|[A-Z])\.", text):
            yield _tidy(text)


def _wordnet_examples() -> Iterator[str]:
    for kind in ("noun", "verb", "adj", "adv"):
        for line in Path(f"/usr/share/wordnet/data.{kind}").read_text("latin-1").splitlines():
            for example in re.findall(r'"([^"]+)"', line.partition(" | ")[2]):
                yield _tidy(example)


def _bible() -> Iterator[str]:
    verses = subprocess.run(
        ["bible", "-f", "gen1:1-rev22:21"], capture_output=True, text=True, check=True
    ).stdout
    for line in verses.splitlines():
        yield _tidy(line.partition(" ")[2])


def _novels() -> Iterator[str]:
    """The novels in R's data file: zlib streams, each behind its length, of strings behind theirs."""
    data = Path("/usr/lib/R/site-library/janeaustenr/data/Rdata.rdb").read_bytes()
    while len(data) > 5:
        stream = zlib.decompressobj()
        table = stream.decompress(data[4:])
        data = stream.unused_data
        lines = []
        for match in re.finditer(rb"\x00\x04\x00\x09(....)", table, re.DOTALL):
            size = int.from_bytes(match[1], "big")
            lines.append(table[match.end() : match.end() + size].decode("latin-1") if size < 1000 else "")
        yield from _sentences(" ".join(line.strip() or ". " for line in lines))


def _devils_dictionary() -> Iterator[str]:
    packed = Path("/usr/share/dictd/devil.dict.dz").read_bytes()
    yield from _sentences(zlib.decompress(packed, wbits=31).decode("utf-8", "replace"))


def _lexicon() -> Iterator[str]:
    for word in Path("/usr/share/dict/american-english-large").read_text().split():
        if re.fullmatch(r"[A-Za-z][a-z]*", word) and not re.fullmatch(r"[ivxlcIVXLC]+", word):
            yield word
