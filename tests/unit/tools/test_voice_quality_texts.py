"""tools/voice_quality/texts: the held-out texts are what the evaluation says they are."""

import re
import sys
from pathlib import Path

import pytest
from num2words import num2words

sys.path.append(str(Path(__file__).resolve().parents[3] / "tools"))
from voice_quality.texts import FOLDER, lines, sentences_of, single_sentences, spoken_words

SENTENCES = {"everyday": (200, 15, 70), "hard": (100, 60, 120), "numbers": (50, 25, 75)}


@pytest.mark.parametrize("name", SENTENCES)
def test_sentences_have_the_promised_form(name):
    count, shortest, longest = SENTENCES[name]
    assert len(lines(name)) == count
    for line in lines(name):
        assert shortest <= len(line) <= longest, line
        assert re.fullmatch(r"[A-Z][A-Za-z',.?! -]*[.?!]", line), line


def test_paragraphs_are_ten_sentences_that_end_themselves():
    assert len(lines("paragraphs")) == 20
    for paragraph in lines("paragraphs"):
        sentences = sentences_of(paragraph)
        assert " ".join(sentences) == paragraph
        assert len(set(sentences)) == 10
        for sentence in sentences:
            assert 20 <= len(sentence) <= 70, sentence
            assert re.fullmatch(r"[A-Z][A-Za-z', -]*[.?!]", sentence), sentence


def test_every_sentence_of_numbers_holds_one():
    written = " ".join(num2words(n, to=kind) for n in range(101) for kind in ("cardinal", "ordinal"))
    numbers = set(re.findall("[a-z]+", written)) | {"dozen"}
    for line in lines("numbers"):
        assert numbers & set(re.findall("[a-z]+", line.lower())), line


def test_no_two_sentences_are_the_same_words():
    words = [tuple(spoken_words(sentence)) for sentence in [*single_sentences(), *lines("numbers")]]
    assert len(set(words)) == len(words) == 550


def test_no_held_out_word_is_in_a_sentence():
    words = lines("words")
    assert len(set(words)) == len(words) == 500
    assert all(re.fullmatch("[a-z]{3,10}", word) for word in words)
    heard = {word for sentence in single_sentences() for word in spoken_words(sentence)}
    assert not heard & set(words)


def test_every_word_has_a_pronunciation():
    pocketsphinx = pytest.importorskip("pocketsphinx", reason="pocketsphinx says how its words sound")
    dictionary = (Path(pocketsphinx.get_model_path()) / "en-us/cmudict-en-us.dict").read_text()
    known = {line.split()[0] for line in dictionary.splitlines()}
    ours = (FOLDER / "pronunciations.txt").read_text().splitlines()
    said = {word for text in single_sentences() + lines("words") for word in spoken_words(text)}
    assert said <= known | {line.split(" ", 1)[0] for line in ours}
    sounds = {sound for line in dictionary.splitlines() for sound in line.split()[1:]}
    assert {sound for line in ours for sound in line.split()[1:]} <= sounds


def test_a_limit_keeps_a_tenth_of_the_paragraphs():
    assert lines("hard", 20) == lines("hard")[:20]
    assert lines("paragraphs", 11) == lines("paragraphs")[:2]
    assert len(single_sentences(20)) == 20 + 20 + 2 * 10


def test_words_lose_marks_but_not_apostrophes_inside():
    assert spoken_words("Don't! 'Twas well-known, he said.") == [
        "don't",
        "twas",
        "well",
        "known",
        "he",
        "said",
    ]
