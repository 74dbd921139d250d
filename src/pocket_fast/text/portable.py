"""What of the text side a model takes along into a page, where JavaScript reads it (web/text): its tokenizer, which
must ask for no more than is known there (told when a model is exported, not to whoever opens the page), and the words
and patterns of spelling."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..errors import ConfigError

_UNIGRAM, _BPE, _CHAR = 1, 2, 4
_NORMAL, _UNKNOWN, _CONTROL, _BYTE = 1, 2, 3, 6
# Fields of the messages of a SentencePiece model.
_PIECES, _TRAINER, _NORMALIZER, _DENORMALIZER = 1, 2, 3, 5
_PIECE_TYPE, _MODEL_TYPE, _SUFFIX, _CHARSMAP, _ESCAPED = 3, 3, 24, 2, 5

_STEPS = {
    "normalizer": ("Sequence", "Prepend", "Replace"),
    "pre_tokenizer": ("Metaspace",),
    "decoder": ("Sequence", "Replace", "Fuse", "ByteFallback", "Strip", "Metaspace"),
}
_NEVER = ("truncation", "padding", "post_processor")
_NEVER_IN_MODEL = ("dropout", "continuing_subword_prefix", "end_of_word_suffix", "ignore_merges")
_TOKEN_FLAGS = ("single_word", "lstrip", "rstrip", "normalized")


def web_spelling() -> dict[str, str]:
    """What a page needs to spell: the version of the functions that read it, and JSON, compressed, in base 64."""
    # Made by tools/make_web_spelling.py.
    path = Path(__file__).resolve().parents[1] / "web" / "text" / "spelling.json"
    made = json.loads(path.read_text(encoding="utf-8"))
    rules = json.dumps(made["rules"], ensure_ascii=False, separators=(",", ":")).encode()
    return {"version": made["version"], "rules": base64.b64encode(zlib.compress(rules, 9)).decode()}


def check_portable(data: bytes, kind: str) -> None:
    """Raises ConfigError for a file of that kind ('sentencepiece' or 'tokenizers') that JavaScript would refuse."""
    problems = _of_json(json.loads(data)) if kind == "tokenizers" else _of_sentencepiece(data)
    why = next(problems, None)
    if why:
        raise ConfigError(f"this model's tokenizer cannot be read in a browser: {why}")


def _of_json(file: dict[str, Any]) -> Iterator[str]:
    for part in _NEVER:
        if file.get(part):
            yield f"it has a {part}, which is not known there"
    model = file["model"]
    if model.get("type") not in ("Unigram", "BPE"):
        yield f"a model of type {model.get('type')} is not known there; Unigram and BPE are"
    yield from (f"{part} of its model is not known there" for part in _NEVER_IN_MODEL if model.get(part))
    for part, known in _STEPS.items():
        for step in _steps(file.get(part)):
            if step["type"] not in known:
                yield f"the {part} {step['type']} is not known there; {', '.join(known)} are"
            if step["type"] == "Replace" and "String" not in step["pattern"]:
                yield f"a {part} that replaces a pattern is not known there"
            if step["type"] == "Strip" and step["stop"]:
                yield f"a {part} that strips ends is not known there"
            if step.get("prepend_scheme", "always") not in ("always", "never"):
                yield f"a Metaspace that is prepended {step['prepend_scheme']} is not known there"
    for token in file.get("added_tokens") or ():
        if any(token.get(flag) for flag in _TOKEN_FLAGS):
            yield f"the token {token['content']!r} has flags that are not known there"


def _steps(part: dict[str, Any] | None) -> Iterator[dict[str, Any]]:
    if part:
        yield part
        for inner in part.get("normalizers", part.get("decoders", ())):
            yield from _steps(inner)


def _of_sentencepiece(data: bytes) -> Iterator[str]:
    messages = list(_fields(data))
    trainer, normalizer, denormalizer = (
        {field: value for number, message in messages if number == which for field, value in _fields(message)}
        for which in (_TRAINER, _NORMALIZER, _DENORMALIZER)
    )
    if trainer.get(_MODEL_TYPE, _UNIGRAM) not in (_UNIGRAM, _BPE, _CHAR):
        yield f"models of type {trainer[_MODEL_TYPE]} are not known there"
    if normalizer.get(_CHARSMAP) or denormalizer.get(_CHARSMAP):
        yield "it maps characters (train it with normalization_rule_name='identity')"
    if not normalizer.get(_ESCAPED, 1) or trainer.get(_SUFFIX):
        yield "it writes blanks in a way that is not known there"
    for message in (message for number, message in messages if number == _PIECES):
        fields = dict(_fields(message))
        kind = fields.get(_PIECE_TYPE, _NORMAL)
        if kind not in (_NORMAL, _UNKNOWN, _CONTROL, _BYTE):
            yield f"pieces of type {kind} ({fields[1].decode('utf-8', 'replace')!r}) are not known there"


def _fields(message: bytes) -> Iterator[tuple[int, Any]]:
    """(number, value) of each field of a protocol buffer's message: whole numbers, or bytes."""
    at = 0

    def varint() -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte = message[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while at < len(message):
        number, kind = divmod(varint(), 8)
        if kind == 0:
            yield number, varint()
            continue
        size = {1: 8, 5: 4}.get(kind) or varint()
        yield number, message[at : at + size]
        at += size
