"""A recogniser that has to choose: pocketsphinx with a grammar of nothing but the sentences that may come.

Free dictation would judge the synthesiser's accent; the choice among 50 sentences is right for its own speech and
tells at once when a model drops or blurs words. The acoustic model comes inside pocketsphinx' wheel.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

import numpy as np

from voice_quality.features import HOP, RATE, speech_part
from voice_quality.texts import FOLDER, spoken_words

Words = Sequence[str]

_RATE = 16000
_LEVEL = 0.05  # rms of the speech
# The recogniser has never heard digital silence, which synthesisers make: it loses the sentence. In more noise than
# this the upper formants of a dark voice drown, and it loses the sentence's end.
_NOISE = 0.02  # of the speech's rms
_AROUND = 0.3  # seconds of it before and after
_TO_GET_USED = 3  # sounds heard before the verdicts begin
_TO_HEAR = 8  # seconds of a paragraph


def grammar(alternatives: Iterable[Words], many: bool = False) -> str:
    """A JSGF grammar of one of the alternatives; `many`: of one or more of them."""
    choice = " | ".join(" ".join(words) for words in alternatives)
    return f"#JSGF V1.0;\ngrammar held_out;\n<one> = {choice};\npublic <said> = <one>{'+' if many else ''};\n"


def sets_of(count: int, size: int) -> list[list[int]]:
    """Numbers below count in sets of at most `size`, those of a set far apart from each other."""
    step = math.ceil(count / size)
    return [list(range(first, count, step)) for first in range(step)]


def prepared(speech: np.ndarray) -> bytes:
    """16-bit samples at 16 kHz of speech (n,) at 24 kHz: always as loud, in soft noise that begins before it."""
    from scipy.signal import resample_poly

    rms = max(np.sqrt(np.mean(speech**2)), 1e-6)
    quiet = np.pad(resample_poly(speech, _RATE, RATE) / rms, int(_AROUND * _RATE))
    noise = np.random.default_rng(1).standard_normal(len(quiet)) * _NOISE
    return ((quiet + noise) * _LEVEL * 32767).clip(-32768, 32767).astype(np.int16).tobytes()


class Decoder:
    """The recogniser in this process."""

    def __init__(self) -> None:
        self._narrow = _pocketsphinx()
        self._wide = _pocketsphinx(beam=1e-100, pbeam=1e-100, wbeam=1e-80)  # five times slower

    def choose(self, alternatives: Sequence[Words], sounds: Iterable[np.ndarray]) -> list[list[str]]:
        """What it takes each sound (n,) for: the words of an alternative, or less."""
        speeches = [speech_part(sound) for sound in sounds]
        _listen_for(self._narrow, alternatives, anew=True)
        for speech in speeches[:_TO_GET_USED]:
            _heard(self._narrow, speech)
        return [[word for word, _, _ in _heard(self._narrow, speech)] for speech in speeches]

    def whole(self, sentences: Sequence[Words], sound: np.ndarray) -> list[bool]:
        """Whether each sentence of a paragraph (n,) is heard in its turn, its first and its last word too.

        First the recogniser may hear these sentences in any order; then, of each that it heard in its turn, it has to
        choose between the whole of it and all but the first or the last word, which is what gets lost at seams.
        """
        speech = speech_part(sound)
        # after something unexpected the narrow one loses all the rest
        for decoder in (self._narrow, self._wide):
            _listen_for(decoder, sentences, many=True, anew=True)
            _heard(decoder, speech[: _TO_HEAR * RATE])
            heard = _heard(decoder, speech)
            starts = in_turn([word for word, _, _ in heard], sentences)
            if None not in starts:
                break
        found = []
        for sentence, start in zip(sentences, starts, strict=True):
            if start is None:
                found.append(False)
                continue
            last = start + len(sentence) - 1
            before = heard[start - 1][2] if start else 0
            after = heard[last + 1][1] if last + 1 < len(heard) else len(speech)
            alone = speech[(before + heard[start][1]) // 2 : (heard[last][2] + after) // 2]
            _listen_for(decoder, [sentence, sentence[1:], sentence[:-1]])
            found.append([word for word, _, _ in _heard(decoder, speech_part(alone))] == list(sentence))
        return found


def _pocketsphinx(**options: float) -> Any:
    import pocketsphinx

    decoder = pocketsphinx.Decoder(lm=None, loglevel="FATAL", samprate=_RATE, **options)
    for line in (FOLDER / "pronunciations.txt").read_text(encoding="ascii").splitlines():
        word, sound = line.split(" ", 1)
        if decoder.lookup_word(word) is None:
            decoder.add_word(word, sound, False)
    return decoder


def _listen_for(decoder: Any, alternatives: Sequence[Words], many: bool = False, anew: bool = False) -> None:
    """Expect one of the alternatives, or `many`; `anew`: forget what was heard before, which each verdict hangs on a
    little, because the recogniser gets used to a speaker and a channel."""
    words = {word for words in alternatives for word in words}
    if unknown := sorted(word for word in words if decoder.lookup_word(word) is None):
        raise ValueError(f"add to {FOLDER.name}/pronunciations.txt: {', '.join(unknown)}")
    decoder.add_jsgf_string("held_out", grammar(alternatives, many))
    decoder.activate_search("held_out")
    if anew:
        decoder.reinit_feat()


def _heard(decoder: Any, speech: np.ndarray) -> list[tuple[str, int, int]]:
    """The words, and from which to which sample of the speech; or none."""
    decoder.start_utt()
    decoder.process_raw(prepared(speech), full_utt=True)
    decoder.end_utt()
    if decoder.hyp() is None:
        return []

    def sample(frame: int) -> int:
        return min(max(0, frame * HOP - int(_AROUND * RATE)), len(speech))

    return [
        (re.sub(r"\(\d+\)$", "", piece.word), sample(piece.start_frame), sample(piece.end_frame + 1))
        for piece in decoder.seg()
        if piece.word[0] not in "<[(+"  # silence and noise
    ]


_decoder: Any = None


def _run(method: str, *task: Any) -> Any:
    global _decoder
    _decoder = _decoder or Decoder()
    return getattr(_decoder, method)(*task)


class Recogniser:
    """Decoders in processes of their own. Close it, or use it in `with`."""

    def __init__(self, workers: int):
        self._pool = ProcessPoolExecutor(workers, mp_context=get_context("spawn"))

    def named(self, texts: Sequence[str], sounds: Sequence[np.ndarray], size: int) -> np.ndarray:
        """(texts,) bool: whether each sound is taken for its own text, among sets of `size` texts."""
        words = [spoken_words(text) for text in texts]
        right = np.zeros(len(texts), dtype=bool)
        sets = sets_of(len(texts), size)
        tasks = [
            self._pool.submit(_run, "choose", [words[k] for k in each], [sounds[k] for k in each])
            for each in sets
        ]
        for each, task in zip(sets, tasks, strict=True):
            right[each] = [heard == words[k] for k, heard in zip(each, task.result(), strict=True)]
        return right

    def whole(self, paragraphs: Sequence[Sequence[str]], sounds: Sequence[np.ndarray]) -> np.ndarray:
        """(all sentences,) bool: whether each sentence of each paragraph is heard in its turn, see Decoder.whole."""
        tasks = [
            self._pool.submit(_run, "whole", [spoken_words(sentence) for sentence in sentences], sound)
            for sentences, sound in zip(paragraphs, sounds, strict=True)
        ]
        return np.concatenate([task.result() for task in tasks])

    def close(self) -> None:
        """End the processes."""
        self._pool.shutdown(cancel_futures=True)

    def __enter__(self) -> Recogniser:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def in_turn(heard: Words, sentences: Sequence[Words]) -> list[int | None]:
    """Where each of the sentences begins in what was heard, after those before it; None where it is not."""
    found: list[int | None] = []
    at = 0
    for sentence in sentences:
        places = range(at, len(heard) - len(sentence) + 1)
        start = next((k for k in places if list(heard[k : k + len(sentence)]) == list(sentence)), None)
        found.append(start)
        at = at if start is None else start + len(sentence)
    return found
