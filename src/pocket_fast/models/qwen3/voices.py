"""Voices by name: the speakers of a model, and who stands for the names that OpenAI's clients send."""

from __future__ import annotations

from collections.abc import Mapping

from pocket_fast.errors import VoiceError, WordsError
from pocket_fast.models.qwen3.choices import speakers
from pocket_fast.models.qwen3.config import ModelConfig
from pocket_fast.models.qwen3.voice import spoken_words

DEFAULT_TEXT = "Hello world. This voice was made on an ordinary computer, from nothing but these words."

# Of the customvoice models, as their configs have them; for lists made without fetching one.
RELEASED_SPEAKERS = (
    "aiden",
    "dylan",
    "eric",
    "ono_anna",
    "ryan",
    "serena",
    "sohee",
    "uncle_fu",
    "vivian",
)

# The first of these that a model has speaks when no voice is given.
_DEFAULT_SPEAKERS = ("ryan", "vivian")

# Men for men, women for women; those who speak a Chinese dialect last.
_ALIASES = {
    "alloy": "vivian",
    "ash": "ryan",
    "ballad": "aiden",
    "cedar": "uncle_fu",
    "coral": "serena",
    "echo": "aiden",
    "fable": "dylan",
    "marin": "sohee",
    "nova": "serena",
    "onyx": "uncle_fu",
    "sage": "ono_anna",
    "shimmer": "sohee",
    "verse": "eric",
}


def voice_aliases(config: ModelConfig) -> Mapping[str, str]:
    """OpenAI's names, and who of this model's speakers stands for them; none where it has no speakers."""
    known = speakers(config)
    return {name: who if who in known else known[0] for name, who in _ALIASES.items()} if known else {}


def default_voice(config: ModelConfig) -> str | None:
    """Who speaks when no voice is given; None where a model has no speakers."""
    known = speakers(config)
    return next((name for name in (*_DEFAULT_SPEAKERS, *known) if name in known), None)


def check_recordings(config: ModelConfig) -> None:
    """Raises VoiceError unless the model takes recordings as voices."""
    if config.tts_model_type == "base":
        return
    known = speakers(config)
    has = f"its voices are {', '.join(known)}" if known else "describe the voice in words instead (instruct)"
    raise VoiceError(f"a {config.tts_model_type} model takes no recordings, base models do; {has}")


def check_words(config: ModelConfig, words: str | None) -> None:
    """Raises WordsError unless they can be what a recording says, to a model that is told so; None are no words."""
    if words is None:
        return
    if config.tts_model_type != "base":
        raise WordsError(
            "the words of a recording are for base models, which take recordings; leave them out"
        )
    spoken_words(words)
