"""Text -> the chunks a Pocket TTS model speaks, each with its tokens and its limits."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from numbers import Integral

from pocket_fast.errors import ConfigError, TextError, shown
from pocket_fast.models.pocket import builtin
from pocket_fast.models.pocket.config import ModelConfig
from pocket_fast.text.pauses import Silence, cut_at_pauses, wordless
from pocket_fast.text.prepare import TextRules, prepare, vanishes
from pocket_fast.text.split import longest, split
from pocket_fast.text.tokenizer import Tokenizer

# Upstream's estimate of how long a text can take: three tokens a second, and two seconds to spare.
TOKENS_PER_SECOND = 3.0
SPARE_SECONDS = 2.0
# Beyond this there was no mark to cut at for pages on end; english takes half a minute for such a prompt.
MOST_TOKENS = 10_000


@dataclass(frozen=True)
class Chunk:
    """What one utterance speaks: at most max_frames frames, `frames_after_eos` of them after end of speech."""

    text: str
    tokens: tuple[int, ...]
    frames_after_eos: int
    max_frames: int


def text_rules(config: ModelConfig, model: str | None = None) -> TextRules:
    """The text options of a config, and what a model of that name needs besides."""
    return TextRules(
        pad_with_spaces_for_short_inputs=config.pad_with_spaces_for_short_inputs,
        remove_semicolons=config.remove_semicolons,
        append_terminal_punctuation=config.append_terminal_punctuation,
        capitalize_first_letter=config.capitalize_first_letter,
        replace_characters=config.replace_characters,
        **(builtin.TEXT_RULES if model == builtin.NAME else {}),
    )


def plan(
    text: str,
    tokenizer: Tokenizer,
    config: ModelConfig,
    *,
    rules: TextRules | None = None,
    max_tokens: int | None = None,
    frames_after_eos: int | None = None,
    natural_pauses: bool = False,
) -> Iterator[Chunk | Silence]:
    """Everything to speak and to be silent, in order, as it is found; nothing for what vanishes when it is spelled out
    or replaced. What is wrong with any of the text is raised before anything is found, nearly always: a piece that is
    just too long may be noticed only when its turn comes.

    rules None: those of the config; max_tokens None: that of the rules.
    frames_after_eos None: the config's recommendation, else upstream's guess by the number of words.
    Raises TextError for a blank text, or one without punctuation for pages; ConfigError for limits out of range.
    """
    if not (frames_after_eos is None or (isinstance(frames_after_eos, Integral) and frames_after_eos >= 0)):
        raise ConfigError(
            f"frames_after_eos: expected a whole number of at least 0 or None, got {shown(frames_after_eos)}"
        )
    if frames_after_eos is None:
        frames_after_eos = config.model_recommended_frames_after_eos
    rules = rules or text_rules(config)
    max_tokens = rules.max_tokens if max_tokens is None else max_tokens
    pieces: list[Iterator[str] | Silence] = []  # all of them are looked at before the first is spoken
    for piece in cut_at_pauses(text, natural_pauses, config.mimi.sample_rate):
        if isinstance(piece, Silence):
            pieces.append(piece)
            continue
        words = piece.text
        if rules.spell_out:
            from pocket_fast.text.spell import spell_out

            words = spell_out(words)
        if not vanishes(words, rules):
            if len(words.encode()) > MOST_TOKENS and not rules.sentences_apart:  # a token has a byte at least
                _check_length(*longest(prepare(words, rules)[0], tokenizer))
            pieces.append(split(words, tokenizer, max_tokens, rules))
    if not pieces and not any(map(str.isalnum, text)):
        yield wordless(config.mimi.sample_rate)
    for chunks in pieces:
        if isinstance(chunks, Silence):
            yield chunks
            continue
        for chunk in chunks:
            prepared, guess = prepare(chunk, rules)
            tokens = tuple(tokenizer.encode(prepared))
            _check_length(len(tokens), prepared)
            seconds = len(tokens) / TOKENS_PER_SECOND + SPARE_SECONDS
            yield Chunk(
                text=prepared,
                tokens=tokens,
                frames_after_eos=guess + 2 if frames_after_eos is None else int(frames_after_eos),
                max_frames=math.ceil(seconds * config.mimi.frame_rate),
            )


def _check_length(tokens: int, text: str) -> None:
    if tokens > MOST_TOKENS:
        raise TextError(
            f"{tokens} tokens without a mark to cut at, at most {MOST_TOKENS} can be spoken in one go; "
            f"add punctuation after {text[:40]!r}"
        )
