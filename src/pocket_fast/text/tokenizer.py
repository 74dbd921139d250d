"""Tokenizer files -> one small object; sentencepiece and tokenizers do the work."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ConfigError, NotFoundError, shown

if TYPE_CHECKING:
    import tokenizers

_JSON_KINDS = ("tokenizers", "json")
_FLAGS = ("single_word", "lstrip", "rstrip", "normalized", "special")  # of an added token

# How text is cut into words before their bytes are merged. What is no word: one digit; a run of marks, with the blank
# before it and the newlines behind; newlines; blanks, without the one that belongs to the word behind them.
_WORD_START = r"[^\r\n\p{L}\p{N}]?"
_UPPER, _LOWER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
_BLANKS = r"\s*[\r\n]+|\s+(?!\S)|\s+"
SPLITS = {
    "qwen2": "|".join(
        [
            r"(?i:'s|'t|'re|'ve|'m|'ll|'d)",
            _WORD_START + r"\p{L}+",
            r"\p{N}",
            r" ?[^\s\p{L}\p{N}]+[\r\n]*",
            _BLANKS,
        ]
    ),
    "mistral": "|".join(
        [
            _WORD_START + f"{_UPPER}*{_LOWER}+",
            _WORD_START + f"{_UPPER}+{_LOWER}*",
            r"\p{N}",
            r" ?[^\s\p{L}\p{N}]+[\r\n/]*",
            _BLANKS,
        ]
    ),
}


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
        raise ConfigError(f"unknown tokenizer kind {shown(kind)}; use 'sentencepiece' or 'tokenizers'")
    data = _read(path, "check tokenizer_path in the config")
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


def check_split(split: str) -> None:
    """Raises ConfigError unless load_byte_level knows this way of cutting text."""
    if not isinstance(split, str) or split not in SPLITS:
        raise ConfigError(f"unknown tokenizer split {shown(split)}; use {' or '.join(map(repr, SPLITS))}")


def load_byte_level(vocab: Path, merges: Path, config: Path, *, split: str = "qwen2") -> Tokenizer:
    """Read a byte-level BPE tokenizer in the three files of its sources: vocab.json, merges.txt, tokenizer_config.json.

    Text is normalised (NFC), cut into words, and the bytes of each word are merged; the added tokens of the config are
    found first, in the text as it came. Nothing is put before or behind.

    split: how text is cut. "qwen2", the default, is what models with these files were trained with. "mistral" cuts
    inside words where the case changes (`iPhone` gives `i`, `Phone`; `McDonald` gives `Mc`, `Donald`), counts marks
    that combine with letters as letters, knows no contractions, and lets slashes follow a run of marks: transformers
    4.57.3 puts it in place of the other when told to "fix" the regular expression of a local folder whose vocabulary
    has more than 100,000 entries and whose config.json names a later version than 4.57.2, whatever the model. It is
    there for the same ids as programs that load folders so.

    Raises NotFoundError (no such file) and ConfigError (unknown split, damaged or contradictory files).
    """
    check_split(split)
    entries, pairs, settings = (
        _read(path, "it belongs to the model's folder") for path in (vocab, merges, config)
    )
    try:
        ids = json.loads(entries)
        model = _byte_level(ids, _merges(pairs.decode("utf-8")), split)
    except Exception as error:  # the library raises bare Exception
        raise ConfigError(
            f"'{vocab}' and '{merges}' are no usable byte-level vocabulary: {_first_line(error)}; fetch them again"
        ) from error
    try:
        added = json.loads(settings)["added_tokens_decoder"]
        wanted = {int(number): _added_token(fields) for number, fields in added.items()}
    except Exception as error:
        raise ConfigError(
            f"'{config}' has no usable added_tokens_decoder: {type(error).__name__}: {_first_line(error)}; "
            "fetch it again"
        ) from error
    model.add_tokens([token for _, token in sorted(wanted.items(), key=lambda item: item[0])])
    for number, token in wanted.items():
        found = model.token_to_id(token.content)
        if found != number:
            raise ConfigError(
                f"'{config}': the added token {token.content!r} should be {number}, with the {len(ids)} entries of "
                f"'{vocab}' it becomes {found}; the files do not belong together"
            )

    def encode(text: str) -> list[int]:
        return model.encode(text, add_special_tokens=False).ids

    def decode(numbers: list[int]) -> str:
        return model.decode(numbers, skip_special_tokens=False)

    return Tokenizer(encode, decode, 1 + max(model.get_vocab().values()))  # there may be gaps


def _byte_level(ids: dict[str, int], merges: list[tuple[str, str]], split: str) -> tokenizers.Tokenizer:
    from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers

    model = Tokenizer(models.BPE(vocab=ids, merges=merges))
    missing = [symbol for symbol in sorted(pre_tokenizers.ByteLevel.alphabet()) if symbol not in ids]
    if missing:  # text with these bytes would silently lose them
        raise ValueError(f"{len(missing)} of the 256 bytes have no entry, the first is {missing[0]!r}")
    model.normalizer = normalizers.NFC()
    model.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(SPLITS[split]), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    model.decoder = decoders.ByteLevel()
    return model


def _merges(text: str) -> list[tuple[str, str]]:
    """The pairs of a merges.txt, in order; a first line with the version of the format is none."""
    pairs = []
    for number, line in enumerate(text.split("\n"), 1):
        words = line.split()
        if not words or (number == 1 and line.startswith("#version:")):
            continue
        if len(words) != 2:
            raise ValueError(f"line {number} of the merges is {line[:40]!r}, expected two symbols")
        pairs.append((words[0], words[1]))
    return pairs


def _added_token(fields: dict[str, str | bool]) -> tokenizers.AddedToken:
    from tokenizers import AddedToken

    content = fields["content"]
    if not content or not isinstance(content, str):
        raise ValueError(f"a token's content is {content!r}")
    return AddedToken(content, **{name: fields[name] for name in _FLAGS if name in fields})


def _read(path: Path, advice: str) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise NotFoundError(f"no tokenizer file at '{path}'; {advice}") from None
    except OSError as error:
        raise ConfigError(f"cannot read the tokenizer file '{path}': {error.strerror}") from error


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
