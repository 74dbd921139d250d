"""A long text -> chunks of whole sentences that the model can speak one at a time.

Behaviour: pocket-tts 4.0.1, chunk by chunk. Marks are found among the token ids, not the characters,
so where a tokenizer fuses a mark with its neighbour (`."`) there is no boundary.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Iterator
from itertools import chain, pairwise

from ..errors import ConfigError, TextError
from .pauses import is_spoken
from .prepare import TextRules, prepare
from .tokenizer import Tokenizer

log = logging.getLogger("pocket_fast.text")

_UNDECODABLE = "\ufffd"  # what one byte of a longer UTF-8 character decodes to
_WINDOW = 8  # tokens; any number gives the same answer, this one is rarely too short


def split(text: str, tokenizer: Tokenizer, max_tokens: int, rules: TextRules) -> Iterator[str]:
    """The chunks of `text`, as they are found, each a non-blank str to be prepared again before it is spoken.

    Whole sentences are packed while their token counts sum to at most `max_tokens` (or never, with
    rules.sentences_apart); a longer sentence is cut after `, ; :` (and between words, with that rule).
    Words are never cut: a chunk that stays too long is logged as a warning.
    Time is linear in the text. Raises TextError (nothing to speak), ConfigError (max_tokens < 1), both at once.
    """
    if max_tokens < 1:
        raise ConfigError(f"max_tokens must be at least 1, got {max_tokens}; 50 is the usual value")
    prepared = prepare(text, rules)[0].strip()
    ids = tokenizer.encode(prepared)
    said = tokenizer.decode(ids)
    if not (any(map(is_spoken, said)) if rules.sentences_apart else said):
        raise TextError(f"the tokenizer finds nothing to speak in {prepared[:40]!r}")
    return _chunks(ids, tokenizer, max_tokens, rules)


def longest(text: str, tokenizer: Tokenizer) -> tuple[int, str]:
    """The tokens of the longest piece of `text` without a mark to cut at, and that piece: about what split() finds."""
    ids = tokenizer.encode(text)
    edges = [0, *_after_marks(ids, _marks(tokenizer, ".!...?") | _marks(tokenizer, ",;:")), len(ids)]
    start, end = max(pairwise(edges), key=lambda edge: edge[1] - edge[0])
    return end - start, tokenizer.decode(ids[start:end]).strip()


def _chunks(ids: list[int], tokenizer: Tokenizer, max_tokens: int, rules: TextRules) -> Iterator[str]:
    sentences = _sentences(ids, tokenizer)
    if rules.sentences_apart:
        groups = ([sentence] for sentence in sentences if any(map(is_spoken, sentence[1])))
    else:
        groups = iter([sentences])
    told = False
    for group in groups:
        for chunk in _pack(_shorten(group, tokenizer, max_tokens, rules.sentences_apart), max_tokens):
            count = len(tokenizer.encode(chunk))
            if count > max_tokens and not told:
                told = True  # once for a text: it may be all of its thousands of chunks
                log.warning(
                    "a chunk of %d tokens (limit %d) may lose words; add punctuation near %r",
                    count,
                    max_tokens,
                    chunk[:50],
                )
            yield chunk


def _sentences(ids: list[int], tokenizer: Tokenizer) -> Iterator[tuple[int, str]]:
    cuts = (
        cut
        for cut in _after_marks(ids, _marks(tokenizer, ".!...?"))
        if not _inside_number(ids, cut, tokenizer.decode)
    )
    return _slices(ids, cuts, tokenizer)


def _shorten(
    sentences: Iterable[tuple[int, str]], tokenizer: Tokenizer, max_tokens: int, between_words: bool
) -> Iterator[tuple[int, str]]:
    clause_marks = _marks(tokenizer, ",;:")
    for count, sentence in sentences:
        clauses = [(count, sentence)]
        if count > max_tokens:
            ids = tokenizer.encode(sentence.strip())
            cuts = _after_marks(ids, clause_marks)
            if cuts:
                clauses = list(_slices(ids, cuts, tokenizer))
        for size, clause in clauses:
            if between_words and size > max_tokens:
                yield from ((len(tokenizer.encode(word)), word) for word in clause.split())
            else:
                yield size, clause


def _pack(segments: Iterable[tuple[int, str]], max_tokens: int) -> Iterator[str]:
    parts: list[str] = []
    total = 0
    for count, segment in segments:
        if parts and total + count > max_tokens:
            yield " ".join(parts).strip()
            parts, total = [], 0
        if parts or segment:  # an empty segment may follow in a chunk, never open one
            parts.append(segment)
            total += count
    if parts:
        yield " ".join(parts).strip()


def _marks(tokenizer: Tokenizer, marks: str) -> set[int]:
    # The first id is the bare word-start piece that the tokenizer puts before the text.
    return set(tokenizer.encode(marks)[1:])


def _after_marks(ids: list[int], marks: Collection[int]) -> list[int]:
    """Indices of the first token after each run of marks, so that `?!` and `....` stay together."""
    return [i for i in range(1, len(ids)) if ids[i - 1] in marks and ids[i] not in marks]


def _slices(ids: list[int], cuts: Iterable[int], tokenizer: Tokenizer) -> Iterator[tuple[int, str]]:
    for start, end in pairwise(chain([0], cuts, [len(ids)])):
        yield end - start, tokenizer.decode(ids[start:end])


def _inside_number(ids: list[int], cut: int, decode: Callable[[list[int]], str]) -> bool:
    """Whether decoded ids[:cut] ends in a digit and a period, and decoded ids[cut:] starts with a digit.

    Only a few tokens around the cut are decoded: all of them would cost quadratic time. The answer is the
    same because the windows never begin or end inside a character that is spelled in byte pieces
    (decoders turn broken characters, or the whole run of byte pieces, into U+FFFD), and because
    decoders drop characters (the word-start space) only at the beginning.
    """
    left = _last_two(ids, cut, decode)
    if len(left) < 2 or left[1] != "." or not left[0].isdigit():
        return False
    return _first(ids, cut, decode).isdigit()


def _last_two(ids: list[int], cut: int, decode: Callable[[list[int]], str]) -> str:
    size = _WINDOW
    while True:
        start = max(cut - size, 0)
        while start > 0 and _UNDECODABLE in decode([ids[start]]):
            start -= 1
        tail = decode(ids[start:cut])[-2:]
        if len(tail) == 2 or start == 0:
            return tail
        size *= 2


def _first(ids: list[int], cut: int, decode: Callable[[list[int]], str]) -> str:
    size = _WINDOW
    while True:
        end = min(cut + size, len(ids))
        while end < len(ids) and _UNDECODABLE in decode([ids[end]]):
            end += 1
        head = decode(ids[cut:end])[:1]
        if head or end == len(ids):
            return head
        size *= 2
