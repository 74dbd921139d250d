"""Text to speak -> text the model was trained on: one line, a capital, a final mark.

Behaviour: pocket-tts 4.0.1, so that the tokens (and hence the audio) are the same.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from ..errors import ConfigError, TextError

_FINAL_MARKS = ".!?…"
_WEAK_MARKS = ",;:-–—"
_CLOSERS = "\"'”’)]»"

# A deleted quote leaves "Hi?, she said": the model would stop, then stumble over the comma.
_MARK_THEN_WEAK = re.compile(r"(?<=[.!?…])\s*[,;:]")
# A run of k blanks becomes ceil(k / 2) spaces. Odd, but the reference's tokens depend on it.
_ONE_OR_TWO_BLANKS = re.compile(r"[ \n\r]{1,2}")
_SHORT_WORDS = 5
_PADDING = " " * 8


@dataclass(frozen=True)
class TextRules:
    """How the text of one model is prepared; the first fields are those of the model's YAML config.

    spell_out: numbers, symbols and the like are written as words first. sentences_apart: every sentence is a chunk of
    its own, and one that is too long between its marks too is cut between words. max_tokens: of a chunk, where the
    caller asks for no other number.

    Raises ConfigError when a key of `replace_characters` is not one character or a value is no string.
    """

    pad_with_spaces_for_short_inputs: bool = False
    remove_semicolons: bool = False
    append_terminal_punctuation: bool = True
    capitalize_first_letter: bool = True
    replace_characters: Mapping[str, str] = field(default_factory=dict, hash=False)
    spell_out: bool = False
    sentences_apart: bool = False
    max_tokens: int = 50

    def __post_init__(self):
        for old, new in self.replace_characters.items():
            if not (isinstance(old, str) and len(old) == 1 and isinstance(new, str)):
                raise ConfigError(
                    f"replace_characters maps one character to a string, got {old!r}: {new!r};"
                    " quote both in the YAML file"
                )


def check_text(text: str) -> str:
    """`text` itself, if it is a str that UTF-8 can hold; else TextError.

    NUL and other control characters pass: tokenizers have byte pieces for them.
    """
    if not isinstance(text, str):
        raise TextError(f"the text to speak must be a str, got {type(text).__name__}; decode bytes first")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise TextError(
            f"the text holds a lone surrogate (U+{ord(text[error.start]):04X}) at character {error.start};"
            " read it as UTF-8 or replace that character"
        ) from None
    return text


def prepare(text: str, rules: TextRules) -> tuple[str, int]:
    """One text, or one chunk of it, ready for the tokenizer.

    Returns (prepared, guess): guess is the number of 80 ms frames to speak on after the end of speech
    was detected, before the margin that the pipeline adds (short texts get 3, others 1).
    Raises TextError when nothing but whitespace is there, before or after the replacements.
    """
    text = check_text(text).strip()
    if rules.replace_characters:
        text = _replace(text, rules.replace_characters)
    if not text:
        raise TextError("the text to speak is blank; give at least one word")
    text = _ONE_OR_TWO_BLANKS.sub(" ", text)
    if rules.remove_semicolons:
        text = text.replace(";", ",")
    guess = 3 if len(text.split()) < _SHORT_WORDS else 1
    if rules.capitalize_first_letter:
        first = text[0]
        text = (first if first.isupper() else first.upper()) + text[1:]
    if rules.append_terminal_punctuation:
        text = _end_sentence(text)
    if rules.pad_with_spaces_for_short_inputs and len(text.split()) < _SHORT_WORDS:
        text = _PADDING + text
    return text, guess


def vanishes(text: str, rules: TextRules) -> bool:
    """Whether nothing is left of it once characters are replaced."""
    return not (_replace(text, rules.replace_characters) if rules.replace_characters else text.strip())


def _replace(text: str, mapping: Mapping[str, str]) -> str:
    mapped = text.translate({ord(old): new for old, new in mapping.items()})
    return _MARK_THEN_WEAK.sub("", " ".join(mapped.split()))


def _end_sentence(text: str) -> str:
    """A final period where the last word has none; without it that word is often spoken badly."""
    core = text.rstrip(_CLOSERS + " ")
    last = core[-1:]
    if not last or last in _FINAL_MARKS:
        return text
    if last not in _WEAK_MARKS:
        return f"{text}."  # after the closers: '."' is one token and would hide the period
    closers = text[len(core) :].strip()
    return f"{core.rstrip(_WEAK_MARKS + ' ')}.{closers}"
