"""From a text to the chunks that are spoken: tokens, limits, silences."""

import dataclasses
import re
import sys
import types
from pathlib import Path

import numpy as np
import pytest

from planned import plan
from pocket_fast.errors import ConfigError, TextError
from pocket_fast.models.pocket import builtin
from pocket_fast.models.pocket.catalog import LANGUAGES
from pocket_fast.models.pocket.prompt import Chunk, text_rules
from pocket_fast.text.arriving import Arriving
from pocket_fast.text.pauses import Silence
from pocket_fast.text.tokenizer import Tokenizer, load_tokenizer
from tiny_stages import config

TINY = config("tiny")
TOKENIZER = Path(__file__).resolve().parents[2] / "data" / "tiny_tokenizer.model"


@pytest.fixture(scope="module")
def tokenizer():
    return load_tokenizer(TOKENIZER, "sentencepiece", 400)


@pytest.fixture
def planned(tokenizer):
    def planned(text, settings=TINY, max_tokens=50, **how):
        return plan(text, tokenizer, settings, max_tokens=max_tokens, **how)

    return planned


def always(count):
    """A tokenizer that finds `count` tokens in everything."""
    return Tokenizer(lambda text: [5] * count, lambda ids: "Hello.", 10)


# Worked examples of pocket-tts 4.0.1: tokens -> frames at 12.5 frames a second.
LIMITS = {1: 30, 2: 34, 3: 38, 4: 42, 5: 46, 7: 55, 8: 59, 9: 63, 10: 67, 11: 71, 12: 75, 14: 84, 15: 88}
LIMITS |= {17: 96, 24: 125, 49: 230, 5000: 20859}


@pytest.mark.parametrize(("tokens", "frames"), LIMITS.items())
def test_the_limit_of_frames(tokens, frames):
    (chunk,) = plan("Hello.", always(tokens), TINY, max_tokens=5000)
    assert (len(chunk.tokens), chunk.max_frames) == (tokens, frames)


def test_the_limit_follows_the_frame_rate():
    (chunk,) = plan("Hello.", always(3), config("tiny-odd"), max_tokens=50)
    assert chunk.max_frames == 75  # 3 s at 25 frames a second


def test_a_chunk_is_prepared_again(planned, tokenizer):
    first, second = planned("it is one, it is two", max_tokens=8)
    assert (first.text, second.text) == ("It is one.", "It is two.")
    for chunk in (first, second):
        assert list(chunk.tokens) == tokenizer.encode(chunk.text)
        assert all(type(token) is int for token in chunk.tokens)


@pytest.mark.parametrize(("text", "frames"), [("One two three four.", 5), ("One two three four five.", 3)])
def test_frames_after_the_end_by_the_number_of_words(planned, text, frames):
    assert [c.frames_after_eos for c in planned(text)] == [frames]


def test_frames_after_the_end_by_config_and_by_argument(planned):
    settings = dataclasses.replace(TINY, model_recommended_frames_after_eos=7)
    for given, found in [(None, 7), (0, 0), (4, 4), (np.int64(2), 2), (10**9, 10**9)]:
        assert [c.frames_after_eos for c in planned("Hello. Hello.", settings, frames_after_eos=given)] == [
            found
        ]
    settings = dataclasses.replace(TINY, model_recommended_frames_after_eos=0)
    assert planned("Hello.", settings)[0].frames_after_eos == 0


@pytest.mark.parametrize("bad", [-1, 1.5, "3"])
def test_bad_frames_after_the_end(planned, bad):
    with pytest.raises(ConfigError, match=f"frames_after_eos: expected a whole number .* got {bad!r}"):
        planned("Hello.", frames_after_eos=bad)


def test_bad_limits(planned):
    with pytest.raises(ConfigError, match="max_tokens must be at least 1, got 0"):
        planned("Hello.", max_tokens=0)


def kinds(parts):
    return [p.samples if isinstance(p, Silence) else p.text for p in parts]


def test_pauses_cut_and_every_piece_is_a_text_of_its_own(planned):
    settings = dataclasses.replace(TINY, pad_with_spaces_for_short_inputs=True)
    assert kinds(planned("hello [pause:500ms] wide world[pause:1.5s]", settings)) == [
        "        Hello.",
        12000,
        "        Wide world.",
        36000,
    ]
    assert kinds(planned("a [pause:250ms] b", config("tiny-odd")))[1] == 2000  # at 8 kHz
    assert kinds(planned("[pause:2s]")) == [48000]
    assert kinds(planned("Well... yes, no")) == ["Well... yes, no."]
    assert kinds(planned("Well... yes, no", natural_pauses=True)) == ["Well.", 12000, "Yes.", 4800, "No."]


def test_markers_come_before_replacements(planned):
    """Most released models delete brackets."""
    settings = dataclasses.replace(TINY, replace_characters={"[": "", "]": ""})
    assert kinds(planned("a[pause:100ms]b [c]", settings)) == ["A.", 2400, "B c."]


def test_long_pieces_are_cut_between_pauses(planned):
    parts = kinds(
        planned("One one one. Two two two. [pause:1s] Three three three. Four four.", max_tokens=10)
    )
    assert parts == ["One one one.", "Two two two.", 24000, "Three three three.", "Four four."]


@pytest.mark.parametrize("text", ["", "  \n\t ", "\u00a0", "[pause:0ms]"])
def test_nothing_to_speak(planned, text):
    with pytest.raises(TextError, match="blank"):
        planned(text)


@pytest.mark.parametrize("text", ["...", "👍", "<<", "><", " - "])
def test_marks_alone_are_silence(planned, text):
    settings = dataclasses.replace(TINY, replace_characters={"<": "", ">": ""})
    assert kinds(planned(text, settings)) == [12000]
    first, *silences, last = kinds(planned(f"Yes.[pause:100ms]{text}[pause:100ms]No.", settings))
    assert (first, sum(silences), last) == ("Yes.", 4800, "No.")


def test_text_options_of_the_config():
    changes = {
        "pad_with_spaces_for_short_inputs": True,
        "remove_semicolons": True,
        "append_terminal_punctuation": False,
        "capitalize_first_letter": False,
        "replace_characters": {"a": "b"},
    }
    rules = text_rules(dataclasses.replace(TINY, **changes))
    assert {name: getattr(rules, name) for name in changes} == changes


def test_chunks_compare_by_value(planned):
    assert planned("Hello.") == planned("Hello.")
    assert isinstance(planned("Hello.")[0], Chunk)


def test_pages_without_punctuation_are_refused_at_some_length(planned):
    assert len(planned("on " * 5000)[0].tokens) > 5000
    with pytest.raises(TextError, match=r"tokens without a mark to cut at, at most 10000 .* after 'on on"):
        planned("Fine. " + "on " * 10_000)


# --- the built-in model ---------------------------------------------------------------------------


@pytest.fixture
def spelled(monkeypatch):
    """spelled(text) -> what the built-in model is given, with a speller that knows one number."""
    spell = types.ModuleType("pocket_fast.text.spell")
    spell.spell_out = lambda text: re.sub(
        "[☃你好]", "", text.replace("3.5", "three point five").replace("$", "dollars ")
    ).strip()
    monkeypatch.setitem(sys.modules, spell.__name__, spell)
    characters = Tokenizer(
        lambda text: [0, *map(ord, text)], lambda ids: "".join(chr(i) for i in ids if i), 0x110000
    )

    def spelled(text, **how):
        return kinds(plan(text, characters, TINY, rules=text_rules(TINY, builtin.NAME), **how))

    return spelled


def test_the_built_in_model_is_given_words(spelled, planned):
    text = "it is $3.5. [pause:1s] and 3.5"
    assert spelled(text) == ["It is dollars three point five.", 24000, "And three point five."]
    assert kinds(planned(text)) == ["It is $3.5.", 24000, "And 3.5."]


def test_pauses_are_found_before_words_are_spelled_out(spelled, monkeypatch):
    seen = []
    monkeypatch.setattr(
        sys.modules["pocket_fast.text.spell"], "spell_out", lambda text: seen.append(text) or text
    )
    assert spelled("One [pause:500ms] two.") == ["One.", 12000, "Two."]
    assert seen == ["One", "two."]


def test_the_built_in_model_is_given_single_sentences_of_120_characters(spelled):
    sentence = "a" * 39 + " " + "b" * 39 + ", " + "c" * 38 + "."
    assert len(sentence) == 120
    assert spelled(f"Yes. No! {sentence} {sentence}") == ["Yes.", "No!", *[sentence.capitalize()] * 2]
    assert len(spelled(sentence, max_tokens=50)) == 3


def test_what_vanishes_when_spelled_out_is_left_out(spelled):
    assert spelled("Well. [pause:1s] 你 [pause:1s] Yes.") == ["Well.", 24000, 24000, "Yes."]
    assert spelled("Well. [pause:1s] ☃ [pause:1s] Yes.") == ["Well.", 48000, "Yes."]
    assert spelled("你好") == []
    assert spelled("☃") == [12000]


def test_text_in_pieces_is_spelled_out_alike_however_it_is_cut(spelled):
    text = "It costs $3.5 today. Or is it 3.5? [pause:1s] I do not know, and 3.5 is little.\nWell."
    whole = [part for passage in passages_of([text]) for part in spelled(passage)]
    assert "It costs dollars three point five today." in whole
    for cut in range(len(text)):
        pieces = [text[:cut], text[cut:]]
        assert [part for passage in passages_of(pieces) for part in spelled(passage)] == whole


def passages_of(pieces):
    arriving = Arriving()
    return [passage for piece in pieces for passage in arriving.push(piece)] + arriving.finish()


def test_only_the_built_in_model_has_such_rules():
    for name in (None, *LANGUAGES):
        rules = text_rules(TINY, name)
        assert (rules.spell_out, rules.sentences_apart, rules.max_tokens) == (False, False, 50)
