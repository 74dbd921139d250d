"""Tokenizer files -> one small object; sentencepiece and tokenizers do the work."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..errors import ConfigError, NotFoundError

_JSON_KINDS = ("tokenizers", "json")


@dataclass(frozen=True)
class Tokenizer:
    """Text <-> token ids in [0, n_bins). `encode` adds no begin or end token; both may run in threads."""

    encode: Callable[[str], list[int]]
    decode: Callable[[list[int]], str]
    n_bins: int


def load_tokenizer(path: Path, kind: str, n_bins: int) -> Tokenizer:
    """Read a SentencePiece model or a `tokenizers` JSON file.

    kind: 'sentencepiece', 'tokenizers' or 'json'; a path ending in `.json` is read as JSON whatever kind
    says. Raises NotFoundError (no such file) and ConfigError (unknown kind, damaged file, or a
    vocabulary that has not n_bins entries: the embedding table would not fit it).
    """
    path = Path(path)
    if kind not in ("sentencepiece", *_JSON_KINDS):
        raise ConfigError(f"unknown tokenizer kind {kind!r}; use 'sentencepiece' or 'tokenizers'")
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise NotFoundError(f"no tokenizer file at '{path}'; check tokenizer_path in the config") from None
    except OSError as error:
        raise ConfigError(f"cannot read the tokenizer file '{path}': {error.strerror}") from error
    is_json = kind in _JSON_KINDS or path.suffix == ".json"
    name = "tokenizers JSON file" if is_json else "SentencePiece model"
    try:
        encode, decode, size = _open_json(data) if is_json else _open_sentencepiece(data)
    except Exception as error:  # the libraries raise bare Exception and RuntimeError
        raise ConfigError(f"'{path}' is not a usable {name}: {_first_line(error)}; fetch it again") from error
    if size != n_bins:
        raise ConfigError(
            f"the tokenizer '{path}' has {size} entries, the config says n_bins = {n_bins};"
            " use the tokenizer this model was trained with"
        )
    return Tokenizer(encode, decode, size)


def _open_sentencepiece(data: bytes):
    import sentencepiece

    model = sentencepiece.SentencePieceProcessor()
    model.LoadFromSerializedProto(data)
    return model.encode, model.decode, model.vocab_size()


def _open_json(data: bytes):
    import tokenizers

    model = tokenizers.Tokenizer.from_buffer(data)

    def encode(text: str) -> list[int]:
        return model.encode(text).ids

    return encode, model.decode, model.get_vocab_size()


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
