from __future__ import annotations

import logging
import random
from dataclasses import replace

import pytest

from awkward_texts import MAX_TOKENS, RULES, random_text
from planned import split
from pocket_fast.errors import ConfigError, TextError
from pocket_fast.text import split as module
from pocket_fast.text.prepare import TextRules
from pocket_fast.text.tokenizer import Tokenizer

PLAIN = TextRules()


def byte_tokenizer() -> Tokenizer:
    """One token per UTF-8 byte after a word-start token that decodes to nothing; broken bytes: one U+FFFD."""
    return Tokenizer(
        lambda text: [256, *text.encode()],
        lambda ids: bytes(i for i in ids if i < 256).decode("utf-8", "replace"),
        257,
    )


def strict_byte_tokenizer() -> Tokenizer:
    """As above, but one broken character turns every byte into U+FFFD."""

    def decode(ids: list[int]) -> str:
        data = bytes(i for i in ids if i < 256)
        try:
            return data.decode()
        except UnicodeDecodeError:
            return "\ufffd" * len(data)

    return replace(byte_tokenizer(), decode=decode)


def sparse_tokenizer() -> Tokenizer:
    """One token per character, with twenty tokens that decode to nothing before each."""
    return Tokenizer(
        lambda text: [0] + [i for c in text for i in (*[0] * 20, ord(c))],
        lambda ids: "".join(chr(i) for i in ids if i),
        0x110000,
    )


FAKES = [byte_tokenizer, strict_byte_tokenizer, sparse_tokenizer]
NUMERALS = ["3", "5", ".", ".", ".", "!", "²", "٣", "五", "é", "\ufffd", "😀", " ", "  ", "the", ","]


def check_decimal_rule(tokenizer: Tokenizer, seed: int) -> None:
    """The window's answer equals that of decoding the whole text on both sides."""
    rng = random.Random(seed)
    marks = set(tokenizer.encode(".!...?")[1:])
    seen = {True: 0, False: 0}
    for _ in range(150):
        ids = tokenizer.encode("".join(rng.choices(NUMERALS, k=rng.randint(2, 40))))
        for cut in range(1, len(ids)):
            if ids[cut - 1] not in marks or ids[cut] in marks:
                continue
            left, right = tokenizer.decode(ids[:cut]), tokenizer.decode(ids[cut:])
            expected = left[-1:] == "." and left[-2:-1].isdigit() and right[:1].isdigit()
            assert module._inside_number(ids, cut, tokenizer.decode) == expected, (left, right)
            seen[expected] += 1
    assert min(seen.values()) > 20


@pytest.mark.parametrize("window", [1, 2, 3, module._WINDOW])
def test_decimal_rule_needs_only_a_window(tiny, monkeypatch, window):
    monkeypatch.setattr(module, "_WINDOW", window)
    check_decimal_rule(tiny, seed=window)


@pytest.mark.parametrize("window", [1, 2, 3, module._WINDOW])
@pytest.mark.parametrize("make", FAKES)
def test_decimal_rule_with_other_decoders(make, monkeypatch, window):
    monkeypatch.setattr(module, "_WINDOW", window)
    # A cut between empty tokens and their character is no difference to the whole-text answer either.
    check_decimal_rule(make(), seed=window)


@pytest.mark.parametrize(
    "text",
    ["a.b.", "1.2.", "1.\ufffd", "٣.٥", "Hello, you. ", "word ", "中文. ", "1.      ", "!"],
)
def test_work_is_linear_in_the_text(tiny, text):
    def tokens_handled(copies: int) -> int:
        handled = 0

        def encode(text):
            nonlocal handled
            ids = tiny.encode(text)
            handled += len(ids)
            return ids

        def decode(ids):
            nonlocal handled
            handled += len(ids)
            return tiny.decode(ids)

        split(text * copies, Tokenizer(encode, decode, 400), 20, PLAIN)
        return handled

    assert tokens_handled(2000) < 2.2 * tokens_handled(1000)


def test_megabyte_text_keeps_every_word(tiny):
    sentence = "It costs 3.14 dollars, or so they said. "
    chunks = split(sentence * 26_000, tiny, 40, PLAIN)
    assert len(chunks) == 26_000
    assert set(chunks) == {sentence.strip()}


@pytest.mark.parametrize("max_tokens", [0, -1])
def test_max_tokens_below_one_is_refused(tiny, max_tokens):
    with pytest.raises(ConfigError, match="max_tokens"):
        split("Hello.", tiny, max_tokens, PLAIN)


def test_text_that_tokenizes_to_nothing_is_refused():
    with pytest.raises(TextError, match="nothing to speak"):
        split("Hello.", Tokenizer(lambda text: [], lambda ids: "", 1), 50, PLAIN)


def test_lone_surrogate_is_refused(tiny):
    with pytest.raises(TextError, match="surrogate"):
        split("a\udfffb", tiny, 50, PLAIN)


def test_nul_does_not_truncate(tiny):
    assert split("One\0two. Three\0four.", tiny, 1, PLAIN) == ["One\0two.", "Three\0four."]


def test_long_sentence_without_marks_stays_whole_with_a_warning(tiny, caplog):
    text = "Word " * 5000
    with caplog.at_level(logging.WARNING, logger="pocket_fast.text"):
        chunks = split(text, tiny, 50, PLAIN)
    assert chunks == [text.strip() + "."]
    assert [record.name for record in caplog.records] == ["pocket_fast.text"]
    message = caplog.records[0].getMessage()
    assert str(len(tiny.encode(chunks[0]))) in message
    assert "limit 50" in message
    assert len(message) < 200


def test_no_warning_when_every_chunk_fits(tiny, caplog):
    with caplog.at_level(logging.DEBUG, logger="pocket_fast.text"):
        text = "The sea, the rain, the light."
        assert split(text, tiny, len(tiny.encode(text)), PLAIN) == [text]
    assert caplog.records == []


def test_runs_of_marks_stay_together(tiny):
    assert split("What?! No!!! Oh.... Yes", tiny, 1, PLAIN) == ["What?!", "No!!!", "Oh....", "Yes."]


def test_a_mark_fused_with_a_quote_is_no_boundary(tiny):
    text = 'He said "Go." Then he went.'
    assert len(tiny.encode('a."')) < len(tiny.encode('a.b"')), "the tokenizer no longer fuses the two"
    assert split(text, tiny, 1, PLAIN) == [text]


def test_long_sentence_is_cut_at_clauses_and_packed(tiny):
    clause = len(tiny.encode("the sea,"))
    text = "the sea, the sea; the sea: the sea"
    assert split(text, tiny, clause, PLAIN) == ["The sea,", "the sea;", "the sea:", "the sea."]
    assert split(text, tiny, 2 * clause + 2, PLAIN) == ["The sea, the sea;", "the sea: the sea."]


@pytest.mark.parametrize("name", ["plain", "english", "german", "bare"])
def test_random_texts_lose_no_letter_and_never_end_up_blank(tiny, name):
    rng = random.Random(len(name))
    rules = TextRules(**RULES[name])
    for _ in range(120):
        text = "a" + random_text(rng)
        chunks = split(text, tiny, rng.choice(MAX_TOKENS), rules)
        assert all(chunk == chunk.strip() != "" for chunk in chunks)
        letters = [c for c in "".join(chunks).lower() if c.isalnum()]
        assert letters == [c for c in text.lower() if c.isalnum()]


def test_blanks_before_a_long_sentence_do_not_count(tiny):
    text = "A.     the sea, the sea, the sea."
    max_tokens = len(tiny.encode("A.")) + len(tiny.encode("the sea,"))
    assert split(text, tiny, max_tokens, PLAIN) == ["A. the sea,", "the sea,", "the sea."]


def test_empty_segments_never_open_a_chunk():
    segments = [(1, ""), (2, "a"), (1, ""), (2, "b"), (1, ""), (4, "c")]
    assert list(module._pack(segments, 3)) == ["a", "b", "c"]


def test_splitting_is_pure(tiny):
    text = "One, two; three. Four 4.5 five!"
    assert split(text, tiny, 3, PLAIN) == split(text, tiny, 3, PLAIN)


APART = TextRules(sentences_apart=True)


def test_sentences_apart():
    text = "Yes. No! Why?! It is 3.5... ok"
    assert len(split(text, byte_tokenizer(), 50, PLAIN)) == 1
    assert split(text, byte_tokenizer(), 50, APART) == ["Yes.", "No!", "Why?!", "It is 3.5...", "ok."]


def test_sentences_apart_leave_out_those_that_say_nothing():
    characters = byte_tokenizer()
    assert split(". . ! Yes. . . No", characters, 50, APART) == ["Yes.", "No."]
    with pytest.raises(TextError, match="nothing to speak"):
        split(". . .", characters, 50, APART)


def test_with_sentences_apart_what_stays_too_long_is_cut_between_words(caplog):
    characters = byte_tokenizer()
    assert split("one two, three four five six, seven", characters, 12, APART) == [
        "One two,",
        "three four",
        "five six,",
        "seven.",
    ]
    assert split("one two three. four", characters, 9, APART) == ["One two", "three.", "four."]
    assert caplog.messages == []
    long = "x" * 40
    assert split(f"one {long} two", characters, 9, APART) == ["One", long, "two."]
    assert "a chunk of 41 tokens (limit 9)" in caplog.text


def test_sentences_apart_lose_no_letter():
    rng, characters = random.Random(7), byte_tokenizer()
    for _ in range(200):
        text = "a" + random_text(rng)
        chunks = split(text, characters, rng.choice((1, 9, 40, 130)), APART)
        assert all(chunk == chunk.strip() != "" for chunk in chunks)
        letters = [c for c in "".join(chunks).lower() if c.isalnum()]
        assert letters == [c for c in text.lower() if c.isalnum()]


@pytest.mark.parametrize("most", [12, 40, 130])
def test_sentences_apart_keep_to_the_limit(most):
    rng, characters = random.Random(most), byte_tokenizer()
    for _ in range(50):
        text = " ".join(
            "abcdefgh"[: rng.randint(1, 8)] + rng.choice(["", "", "", ",", "."]) for _ in range(80)
        )
        for chunk in split(text, characters, most, APART):
            assert len(characters.encode(" ".join(chunk.split()))) <= most
