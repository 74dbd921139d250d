"""Texts -> token ids, with the words around them that the models were trained with.

A text to speak is the answer of an assistant; a description comes before it, from a user. User text is not escaped:
a literal `<|im_end|>` in it becomes the special token, as in qwen-tts 0.1.1.
"""

from __future__ import annotations

from dataclasses import dataclass

from pocket_fast.errors import ConfigError
from pocket_fast.models.qwen3.config import ModelConfig
from pocket_fast.text.tokenizer import Tokenizer, load_byte_level
from pocket_fast.weights.folders import HubFolder, LocalFolder

FILES = ("vocab.json", "merges.txt", "tokenizer_config.json")

_BEFORE = "<|im_start|>assistant\n"
_AFTER = "<|im_end|>\n"

# How many ids these are. A model takes its text from between them by their number, whatever they are: a text that
# begins with newlines has its first ones in the last of _ROLE.
_ROLE = 3
_AFTER_WORDS = 2
_AFTER_SPEECH = _AFTER_WORDS + _ROLE


@dataclass(frozen=True)
class Spoken:
    """A text as the talker takes it: the ids of who speaks, and of what is said."""

    role: tuple[int, ...]
    body: tuple[int, ...]


@dataclass(frozen=True)
class Texts:
    """The tokenizer of a model, and what goes around its texts."""

    tokenizer: Tokenizer

    def speech(self, text: str) -> Spoken:
        """A text to speak. Its body may be empty."""
        ids = self.tokenizer.encode(f"{_BEFORE}{text}{_AFTER}{_BEFORE}")
        return Spoken(tuple(ids[:_ROLE]), tuple(ids[_ROLE:-_AFTER_SPEECH]))

    def words(self, text: str) -> tuple[int, ...]:
        """What is said in a recording."""
        return tuple(self.tokenizer.encode(f"{_BEFORE}{text}{_AFTER}")[_ROLE:-_AFTER_WORDS])

    def description(self, text: str) -> tuple[int, ...]:
        """A description of the voice, or an instruction how to speak; nothing for an empty one."""
        return tuple(self.tokenizer.encode(f"<|im_start|>user\n{text}{_AFTER}")) if text else ()


def load_texts(
    config: ModelConfig, folder: LocalFolder | HubFolder, *, split: str = "qwen2", progress: bool = True
) -> Texts:
    """Read the tokenizer in a model's folder; split: see load_byte_level.

    Raises NotFoundError, FetchError, or ConfigError: damaged files, or a tokenizer of another model.
    """
    vocab, merges, settings = (folder.fetch(name, progress=progress) for name in FILES)
    tokenizer = load_byte_level(vocab, merges, settings, split=split)
    entries = config.talker_config.text_vocab_size
    if tokenizer.n_bins > entries:
        raise ConfigError(
            f"{folder}: the tokenizer has {tokenizer.n_bins} entries, the config says text_vocab_size = {entries}; "
            "use the tokenizer this model was trained with"
        )
    for text, count, first in (
        (_BEFORE, _ROLE, config.im_start_token_id),
        (_AFTER, _AFTER_WORDS, config.im_end_token_id),
    ):
        ids = tokenizer.encode(text)
        if len(ids) != count or ids[0] != first:
            raise ConfigError(
                f"{folder}: the tokenizer gives {text!r} the ids {ids}, this model needs {count}, the first {first}; "
                "use the tokenizer this model was trained with"
            )
    return Texts(tokenizer)
