"""Worked examples: what pocket-tts 4.0.1 does with the released English tokenizer."""

from __future__ import annotations

import pytest

from awkward_texts import RULES
from planned import split
from pocket_fast.errors import TextError
from pocket_fast.text.prepare import TextRules, prepare

ENGLISH = TextRules(**RULES["english"])
POINTS = (
    "The first point is short. The second point is a little longer than the first one, but it still fits."
    " The third point makes the whole paragraph exceed the limit of fifty tokens."
)
TIMES = (
    "It was the best of times, it was the worst of times, it was the age of wisdom, it was the age of"
    " foolishness, it was the epoch of belief, it was the epoch of incredulity"
)

# text, max_tokens, rules, [(chunk, prepared or None if equal, tokens or None if unknown, guess + 2)]
EXAMPLES = [
    ("hello world", 50, "english", [("Hello world.", None, 3, 5)]),
    ("hello world", 50, "padded", [("Hello world.", "        Hello world.", 11, 5)]),
    ("Hello there, my friend,", 50, "english", [("Hello there, my friend.", None, 7, 5)]),
    ('He said "stop"', 50, "english", [('He said "stop".', None, 8, 5)]),
    ('She asked, "Why?"', 50, "english", [('She asked, "Why?"', None, 7, 5)]),
    (
        "It costs 3.14 dollars. Really.",
        4,
        "english",
        [("It costs 3.14 dollars.", None, 12, 5), ("Really.", None, 3, 5)],
    ),
    ("I have 3. 5 are missing.", 4, "english", [("I have 3. 5 are missing.", None, 11, 3)]),
    (
        "Wait... what? No!! Yes.",
        3,
        "english",
        [
            ("Wait...", None, 2, 5),
            ("what?", "What?", 2, 5),
            ("No!!", None, 3, 5),
            ("Yes.", None, 2, 5),
        ],
    ),
    (
        "line one\nline two\r\nline three",
        50,
        "english",
        [("Line one line two line three.", None, 8, 3)],
    ),
    ("one; two; three", 50, "semicolons", [("One, two, three.", None, 6, 5)]),
    ("‘Quoted’ it’s fine", 50, "english", [("'Quoted' it's fine.", None, 11, 5)]),
    (
        f"{POINTS} And the fourth ends it.",
        50,
        "english",
        [(POINTS, None, 49, 3), ("And the fourth ends it.", None, 8, 3)],
    ),
    (
        "one, two, three, four, five, six, seven, eight, nine, ten, eleven",
        10,
        "english",
        [
            ("One, two, three, four, five,", "One, two, three, four, five.", 10, 3),
            ("six, seven, eight, nine, ten,", "Six, seven, eight, nine, ten.", 11, 3),
            ("eleven.", "Eleven.", 5, 5),
        ],
    ),
    ('She said "Go." Then left.', 4, "english", [('She said "Go." Then left.', None, 9, 3)]),
    ("A. B. C. D.", 4, "english", [("A. B.", None, 4, 5), ("C. D.", None, 4, 5)]),
    ("See example.com now", 50, "english", [("See example. com now.", None, None, 5)]),
    (
        "See example.com now",
        4,
        "english",
        [("See example.", None, 4, 5), ("com now.", "Com now.", 3, 5)],
    ),
    ("Hello – world —", 50, "small", [("Hello , world.", None, 5, 5)]),
    ("«Bonjour?», dit-elle : (oui)", 50, "french", [("Bonjour? dit-elle , oui.", None, 15, 5)]),
    (
        "Bye… Ok then. Fine",
        3,
        "english",
        [("Bye… Ok then.", None, 9, 5), ("Fine.", None, 3, 5)],
    ),
    ("Hello world :)", 50, "english", [("Hello world. )", None, 5, 5)]),
    (
        "Dr. Smith met Mr. Jones at 5 p.m. on Main St. yesterday.",
        50,
        "english",
        [("Dr. Smith met Mr. Jones at 5 p. m. on Main St. yesterday.", None, 24, 3)],
    ),
    (
        TIMES,
        20,
        "english",
        [
            ("It was the best of times, it was the worst of times,", TIMES[:51] + ".", 14, 3),
            (
                "it was the age of wisdom, it was the age of foolishness,",
                "It was the age of wisdom, it was the age of foolishness.",
                17,
                3,
            ),
            ("it was the epoch of belief,", "It was the epoch of belief.", 10, 3),
            ("it was the epoch of incredulity.", "It was the epoch of incredulity.", 12, 3),
        ],
    ),
    ("hello [pause:500ms] world", 50, "english", [("Hello [pause:500ms] world.", None, 14, 5)]),
    ("-- ", 50, "english", [(".", None, 2, 5)]),
    ("ßtraße ist da", 50, "english", [("SStraße ist da.", None, 10, 5)]),
    ('"', 50, "english", [('"', None, 1, 5)]),
]


def rules_named(name: str) -> TextRules:
    if name == "semicolons":
        return TextRules(**RULES["english"], remove_semicolons=True)
    return TextRules(**RULES[name])


@pytest.mark.parametrize(("text", "max_tokens", "rules", "expected"), EXAMPLES)
def test_worked_example(english, text, max_tokens, rules, expected):
    rules = rules_named(rules)
    chunks = split(text, english, max_tokens, rules)
    assert chunks == [chunk for chunk, *_ in expected]
    for chunk, prepared, tokens, frames_after_eos in expected:
        text, guess = prepare(chunk, rules)
        assert text == (prepared or chunk)
        assert guess + 2 == frames_after_eos
        assert tokens in (None, len(english.encode(text)))


def test_blank_text_is_refused(english):
    with pytest.raises(TextError, match="blank"):
        split("   ", english, 50, ENGLISH)


def test_known_encodings(english):
    assert english.encode("Hello world.") == [2994, 578, 263]
    assert english.encode("Bye…") == [2022, 336, 230, 132, 170]
    assert english.encode(".!...?") == [260, 263, 682, 799, 292]
    assert english.encode(",;:") == [260, 262, 1230, 3244]
    assert english.decode([2994, 578, 263]) == "Hello world."
