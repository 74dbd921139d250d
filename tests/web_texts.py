"""Texts that JavaScript and Python must read alike: of the table of readings, awkward ones, and made up of both."""

from __future__ import annotations

import random

from awkward_texts import HAND_WRITTEN, random_text
from text_cases import readings

_SIGNS = (
    "0123456789.,:;!?'\"()[]{}<>/\\|-–—_+*=^~#@&%$£€¥°²³½µΩ×→ \t\n"
    "éßÄøłñçğıİſKﬁ…’‘“”«»\u00a0\u00ad\u200b\u2028\x02\x03\x1a\x1f\x85αβπΔ中あ한ع०५๓"
)
_PIECES = (
    *(
        "http://a.co/b-1",
        "me@x.org",
        "www.x.com",
        "C:\\x",
        "~/a/b.py",
        "#tag",
        "#ff8800",
        ":-)",
        "<3",
        "&amp;",
        "&#39;",
    ),
    *(
        "&NotEqualTilde;",
        "&notin",
        "&#8217t",
        "<b>",
        "</td><td>",
        "<br/>",
        "[1]",
        "[a](b)",
        "![c](d)",
        "\\frac{1}{2}",
    ),
    *(
        "$x^2$",
        "\\(a\\)",
        "1,234,567",
        "12.5%",
        "$3.50",
        "€1.2bn",
        "5'11\"",
        "10:30pm",
        "2026-11-26",
        "3/4",
        "4th",
    ),
    *(
        "1990s",
        "IV.",
        "XIV",
        "Henry VIII",
        "U.S.",
        "e.g.",
        "Dr.",
        "St.",
        "No. 5",
        "km/h",
        "5kg",
        "20°C",
        "v1.2.3",
    ),
    *(
        "RTX 4090",
        "i7-8700K",
        "+1 555 123 4567",
        "0800 123 456",
        "A/B",
        "and/or",
        "DON'T",
        "NASA",
        "WiFi",
        "iPhone",
    ),
    *(
        "macOS",
        "CEOs",
        "TV's",
        "IT IS",
        "THE US ARMY",
        "â€™",
        "itâ€™s",
        "don�t",
        "𝐇𝐞𝐥𝐥𝐨",
        "𝟙𝟚",
        "😀",
        "👩‍👩‍👧",
        "\n- ",
        "\n\n",
    ),
    *(
        "\n1. ",
        "\n> ",
        "| a | b |",
        "\n---\n",
        "- \n",
        "-\n",
        "ⅣⅫ",
        "①②",
        "⅓",
        "10⁻⁵",
        "x₂",
        "★★★☆☆",
        "№ 7",
        "100,00,000",
    ),
    *(
        "123456789012345678",
        "1 000 000",
        "[pause:500ms]",
        "[pause:1.5s]",
        "[pause:0ms]",
        "[pause:",
        "...",
        "?!",
        "ʼtis",
    ),
)


def mixed(rng: random.Random) -> str:
    """Pieces of what is special, one after the other, with blanks or without."""
    words = [
        rng.choice((rng.choice(_PIECES), rng.choice(_SIGNS), _word(rng))) for _ in range(rng.randint(1, 14))
    ]
    return rng.choice(("", " ", " ")).join(words)


def _word(rng: random.Random) -> str:
    word = "".join(rng.choice("aeioubcdfglmnprstwxyz") for _ in range(rng.randint(1, 8)))
    return rng.choice((word, word, word.upper(), word.title(), word + "."))


def spoiled(rng: random.Random, text: str) -> str:
    """A text with a few characters put in, taken away or doubled."""
    characters = list(text)
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(characters) + 1)
        characters[at : at + rng.randint(0, 2)] = rng.choice((rng.choice(_SIGNS), rng.choice(_PIECES), ""))
    return "".join(characters)


def web_texts(count: int, seed: int) -> list[str]:
    """The whole table of readings and of awkward texts first, then made up ones: `count` in all."""
    rng = random.Random(seed)
    table = [text for text, _ in readings()]
    texts = [*table, *HAND_WRITTEN]
    while len(texts) < count:
        texts += [
            random_text(rng),
            mixed(rng),
            spoiled(rng, rng.choice(table)),
            f"{rng.choice(table)}{rng.choice((' ', chr(10), ', '))}{rng.choice(table)}",
        ]
    return texts[:count]
