from __future__ import annotations

import pickle

import pytest

from awkward_texts import RULES
from pocket_fast.errors import ConfigError, TextError
from pocket_fast.models.pocket.catalog import LANGUAGES, shipped_config
from pocket_fast.text.prepare import TextRules, prepare

PLAIN = TextRules()


def prepared(text: str, **rules) -> str:
    return prepare(text, TextRules(**rules))[0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("hello", "Hello."),
        ("hello,", "Hello."),
        ("hello -- ,;", "Hello."),
        ('"hello"', '"hello".'),
        ('"hello,"', '"hello."'),
        ("(hello -) ]", "(hello.) ]"),
        ('Really?" )', 'Really?" )'),
        ("Bye…", "Bye…"),
        (")", ")"),
        ("中文。", "中文。."),
    ],
)
def test_final_mark(text, expected):
    assert prepared(text) == expected


@pytest.mark.parametrize(("text", "expected"), [("ß.", "SS."), ("'a'.", "'a'."), ("É.", "É."), ("1.", "1.")])
def test_capital(text, expected):
    assert prepared(text) == expected


def test_each_option_off():
    text, guess = prepare(
        "one; two", TextRules(append_terminal_punctuation=False, capitalize_first_letter=False)
    )
    assert (text, guess) == ("one; two", 3)


def test_blanks_without_replacements():
    assert prepared("a\nb\r\nc   d     e\tf") == "A b c  d   e\tf."


def test_blanks_with_replacements():
    assert prepared("a\nb\r\nc   d\u00a0e\tf", replace_characters={"x": "y"}) == "A b c d e f."


def test_replacements_delete_a_weak_mark_after_a_final_one():
    rules = {"replace_characters": {'"': "", "’": "'"}}
    assert prepared('"Why?", she said: "it’s late!" ; yes', **rules) == "Why? she said: it's late! yes."
    assert prepared("Why?, yes", replace_characters={}) == "Why?, yes."
    assert prepared("Why?,, yes", **rules) == "Why?, yes."


@pytest.mark.parametrize(("words", "guess", "padding"), [(1, 3, 8), (4, 3, 8), (5, 1, 0), (9, 1, 0)])
def test_short_texts(words, guess, padding):
    text = " ".join(["Word"] * words)
    rules = TextRules(pad_with_spaces_for_short_inputs=True)
    assert prepare(text, rules) == (" " * padding + text + ".", guess)
    assert prepare(text, PLAIN) == (text + ".", guess)


def test_a_dash_counts_as_a_word_until_it_is_replaced():
    assert prepare("a b c d –", TextRules(pad_with_spaces_for_short_inputs=True)) == (" " * 8 + "A b c d.", 1)


@pytest.mark.parametrize("text", ["", "   ", "\n\r\t", "\u00a0\u2003\u2028", "\x1c\x85"])
def test_blank_text_is_refused(text):
    with pytest.raises(TextError, match="blank"):
        prepare(text, PLAIN)


def test_text_that_the_replacements_delete_is_refused():
    with pytest.raises(TextError, match="blank"):
        prepare("(( ))", TextRules(replace_characters={"(": "", ")": ""}))


@pytest.mark.parametrize("text", [None, b"hello", 5, ["hello"]])
def test_text_that_is_no_str_is_refused(text):
    with pytest.raises(TextError, match=type(text).__name__):
        prepare(text, PLAIN)


def test_lone_surrogate_is_refused_with_its_place():
    with pytest.raises(TextError, match=r"U\+D83D.*character 3"):
        prepare("abc\ud83d", PLAIN)


def test_control_characters_stay():
    assert prepared("nul\x00 in\x07side") == "Nul\x00 in\x07side."
    assert prepared("\x00") == "\x00."


@pytest.mark.parametrize("mapping", [{"ab": "c"}, {"": "c"}, {1: "c"}, {"a": None}, {"a": 1}])
def test_bad_replacements_are_refused(mapping):
    with pytest.raises(ConfigError, match="replace_characters"):
        TextRules(replace_characters=mapping)


def test_rules_compare_hash_and_pickle():
    rules = TextRules(remove_semicolons=True, replace_characters={"a": "b"})
    assert pickle.loads(pickle.dumps(rules)) == rules
    assert len({rules, TextRules(remove_semicolons=True, replace_characters={"a": "b"}), PLAIN}) == 2


def test_rules_are_those_of_the_shipped_models():
    """The rule sets of these tests are not invented: every shipped model uses one of them."""
    names = set(TextRules.__dataclass_fields__)
    known = [TextRules(**options) for options in RULES.values()]
    for language in LANGUAGES:
        config = shipped_config(language)
        options = {name: value for name, value in vars(config).items() if name in names}
        assert options, "the text options moved out of the top level of the config"
        assert TextRules(**options) in known, (language, options)
