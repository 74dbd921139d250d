"""The tokenizer: one token per character, as a SentencePiece model."""

from __future__ import annotations

import functools
import io
from pathlib import Path

from voice.text import ALPHABET

COUNT = len(ALPHABET) + 1  # rows of the embedding, less the one for padding; <unk> is the first


@functools.cache
def tokenizer_model() -> bytes:
    """The serialised model: the same characters get the same ids every time.

    The package's splitter drops the first piece of a lone punctuation mark, so the space before a text has to
    be a piece of its own and no piece may hold a mark together with anything else: characters do.
    """
    import sentencepiece

    model = io.BytesIO()
    words = (letter.strip() * (count + 1) for count, letter in enumerate(reversed(ALPHABET)))
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(" ".join(words).split()),
        model_writer=model,
        model_type="char",
        vocab_size=COUNT,
        character_coverage=1.0,
        normalization_rule_name="identity",
        remove_extra_whitespaces=False,
        unk_id=0,
        bos_id=-1,
        eos_id=-1,
        pad_id=-1,
        minloglevel=2,
    )
    return model.getvalue()


@functools.cache
def _tokenizer():
    import sentencepiece

    return sentencepiece.SentencePieceProcessor(model_proto=tokenizer_model())


def encode(text: str) -> list[int]:
    """The ids of the text, the space before it included."""
    return _tokenizer().encode(text)


def write_tokenizer(path: Path) -> None:
    """Writes tokenizer.model."""
    path.write_bytes(tokenizer_model())
