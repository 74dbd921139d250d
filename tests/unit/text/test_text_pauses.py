from __future__ import annotations

import random
from itertools import pairwise

import pytest

from awkward_texts import random_text
from pocket_fast.errors import TextError
from pocket_fast.text.pauses import MARKER, Pauses, Silence, Spoken, cut_at_pauses, milliseconds


def items(text: str, natural: bool = False, sample_rate: int = 24000) -> list[str | int]:
    return [
        item.text if isinstance(item, Spoken) else item.samples
        for item in cut_at_pauses(text, natural, sample_rate)
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hello [pause:500ms] world", ["Hello", 12000, "world"]),
        ("a[pause:1.5s]b", ["a", 36000, "b"]),
        ("[pause:2s]", [48000]),
        ("[pause:2s] . [pause:1s]", [72000]),
        ("[pause:1s]Hi[pause:1s]", [24000, "Hi", 24000]),
        ("a [pause:1s][pause:1ms]\n[pause:2.75ms] b", ["a", 24000 + 24 + 48, "b"]),
        ("[pause:0ms]Hi", ["Hi"]),
        ("[pause:0.2ms]Hi", ["Hi"]),
        ("Hello,[pause:0.0009s]world", ["Hello, world"]),
        ("Hello [pause:0s] [pause:1s]world", ["Hello", 24000, "world"]),
        ("a[pause:1.001s]b", ["a", 24024, "b"]),
        ("a[pause:0.29s]b", ["a", 6960, "b"]),
        ("a[pause:1.9999s]b", ["a", 1999 * 24, "b"]),
        ("a[pause:007ms]b", ["a", 168, "b"]),
        ("a[pause:100000s]b", ["a", 2_400_000_000, "b"]),
        ("Hello... world, twice[pause:1s]", ["Hello... world, twice", 24000]),
    ],
)
def test_markers(text, expected):
    assert items(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "[PAUSE:500ms] hi",
        "[pause:500] hi",
        "[pause: 500ms] hi",
        "[pause:.5s] hi",
        "[pause:5.s] hi",
        "[pause:-5s] hi",
        "[pause:1e3ms] hi",
        "[pause:٣s] hi",
        "[pause:5s hi",
        "[pause:5m] hi",
        "[pause:]",
    ],
)
@pytest.mark.parametrize("natural", [False, True])
def test_what_is_no_marker_is_read(text, natural):
    assert items(text, natural) == [text]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hello... world", ["Hello", 12000, "world"]),
        ("Hello, world", ["Hello", 4800, "world"]),
        ("I paid 1,000 dollars, twice", ["I paid 1,000 dollars", 4800, "twice"]),
        ("Wait....... what", ["Wait", 12000, "what"]),
        ("Hello... [pause:500ms] world, done", ["Hello", 24000, "world", 4800, "done"]),
        ("Hi…there", ["Hi…there"]),
        ("Wait.. what", ["Wait.. what"]),
        ("1, 2", ["1", 4800, "2"]),
        ("1,a,2,٣", ["1", 4800, "a", 4800, "2", 4800, "٣"]),
        ("a,,b", ["a", 9600, "b"]),
        ("1,[pause:0ms]2", ["1", 4800, "2"]),
        ("1[pause:1s],2", ["1", 28800, "2"]),
        ("..[pause:1s]..", [24000]),
        (",", [4800]),
        ("...", [12000]),
        ("Hi.", ["Hi."]),
    ],
)
def test_natural_pauses(text, expected):
    assert items(text, natural=True) == expected


@pytest.mark.parametrize("text", ["hello", "  hello, world...\n", "[pause:x]", "👍 5", "*a*"])
def test_a_text_without_pauses_is_unchanged(text):
    assert cut_at_pauses(text) == [Spoken(text)]


WORDLESS = [".", "?!", '" )', "«»", "-–—", "\x00", "\u200b", "。", "¿", "...", "…", "•", "_", "\\"]
WORDLESS += ["👍", "❤️", "👍🏽", "👨‍👩‍👧", "🇩🇪", "☺", "♪♫", "★ ★", "✓", "☎", "→→→", "─────", "🫠 🫡"]
WORDLESS += ["***", "* * *", "---", "===", "###", "~~~", "~", "|", "```", "^", "//", "#", "🙂, 🙃!"]


@pytest.mark.parametrize("text", [*WORDLESS, "...\n\n👍", " . ", "[pause:0.4ms]👍", " [pause:0.5ms] . "])
@pytest.mark.parametrize("natural", [False, True])
def test_marks_and_emoji_alone_are_a_short_silence(text, natural):
    (silence,) = items(text, natural)
    assert silence in (12000, 4800)  # the latter for a comma
    assert cut_at_pauses(text, natural, 16000)[0].samples == silence * 2 // 3


@pytest.mark.parametrize("piece", WORDLESS)
def test_pieces_with_nothing_to_say_are_skipped(piece):
    assert items(f"One[pause:1s]{piece}[pause:1s]two") == ["One", 48000, "two"]


@pytest.mark.parametrize(
    "piece", ["5", "é", "あ", "😀 a", "1️⃣", "&", "%", "$", "+", '"a', "٣", "©", "℃", "½", "->"]
)
def test_pieces_with_something_to_say_are_kept(piece):
    assert items(f"One[pause:1s] {piece} [pause:1s]two") == ["One", 24000, piece, 24000, "two"]


def test_sample_rate():
    assert items("a[pause:1.5s]b[pause:1ms]c", sample_rate=44100) == ["a", 66150, "b", 44, "c"]
    assert items("a, b", natural=True, sample_rate=16000) == ["a", 3200, "b"]
    assert items("a[pause:1ms]b", sample_rate=500) == ["a", "b"]


@pytest.mark.parametrize("text", ["", " \n\t", "\u00a0\u2003", "[pause:0ms]", " [pause:0.5ms]\n[pause:0s]"])
def test_blank_text_is_refused(text):
    with pytest.raises(TextError, match="blank"):
        cut_at_pauses(text)


def test_absurd_number_is_refused():
    with pytest.raises(TextError, match="5000 digits"):
        cut_at_pauses("a[pause:" + "9" * 5000 + "s]b")
    assert items("a[pause:1." + "9" * 5000 + "s]b") == ["a", 1999 * 24, "b"]


@pytest.mark.parametrize("text", [None, b"a[pause:1s]b", "a\udc80[pause:1s]"])
def test_unusable_text_is_refused(text):
    with pytest.raises(TextError):
        cut_at_pauses(text)


def test_random_texts_keep_every_spoken_character_and_merge_silences():
    rng = random.Random(5)
    for _ in range(500):
        text = " [pause:300ms] ".join(random_text(rng) for _ in range(rng.randint(2, 4)))
        result = cut_at_pauses(text, natural=rng.random() < 0.5)
        for item, following in pairwise(result):
            assert not (isinstance(item, Silence) and isinstance(following, Silence)), text
        spoken = [item.text for item in result if isinstance(item, Spoken)]
        assert all(piece == piece.strip() != "" for piece in spoken)
        assert all(item.samples > 0 for item in result if isinstance(item, Silence))
        left = text.replace("[pause:300ms]", "").replace("[pause:1s]", "")
        assert [c for c in "".join(spoken) if c.isalnum()] == [c for c in left if c.isalnum()]


# --- arriving --------------------------------------------------------------------------------------


def test_pauses_of_a_text_that_arrives():
    """As many milliseconds as in the whole, however it is cut."""
    dice = random.Random(1)
    bits = [
        "[pause:",
        "[",
        "]",
        "ms]",
        "s]",
        "m",
        "s",
        "1",
        "25",
        "0",
        ".",
        ".5",
        "a ",
        "[pause:1s]",
        "[pause:[pause:2ms]",
    ]
    for _ in range(500):
        text = "a " + "".join(dice.choice(bits) for _ in range(dice.randrange(12)))
        expected = sum(milliseconds(marker) for marker in MARKER.finditer(text))
        for most in (1, 2, 7, 100):
            pauses, at = Pauses(), 0
            while at < len(text):
                step = dice.randint(1, most)
                pauses.push(text[at : at + step])
                at += step
            assert pauses.milliseconds == expected, text


def test_no_text_that_arrives_is_kept_whole():
    for bit in ("[", "[pause:", "1", "[pause:1", "a", ".", "[pause:1.1"):
        pauses = Pauses()
        pauses.push("[pause:")
        for _ in range(1000):
            pauses.push(bit)
        assert len(pauses._rest) < 40
        assert pauses.milliseconds == 0


def test_absurd_numbers_that_arrive():
    for digits in ("9" * 16, "0" * 20, "1" * 1000):
        pauses = Pauses()
        for character in f"[pause:{digits}s":
            pauses.push(character)
        with pytest.raises(TextError, match="digits"):
            pauses.push("]")
    pauses = Pauses()
    for character in f"[pause:1.{'9' * 5000}s]":
        pauses.push(character)
    assert pauses.milliseconds == 1999
