"""A recogniser that has to choose: pocketsphinx with a grammar of nothing but the sentences that may come.

Free dictation would judge the synthesiser's accent; the choice among 50 sentences is right for its own speech and
tells at once when a model drops or blurs words. The acoustic model comes inside pocketsphinx' wheel.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

import numpy as np

from voice_quality.features import RATE, speech_part
from voice_quality.texts import FOLDER, spoken_words

_RATE = 16000
_LEVEL = 0.05  # rms of the speech
# Digital silence, which synthesisers make, is nothing the recogniser has ever heard: it loses the sentence.
_NOISE = 0.1  # of the speech's rms
_AROUND = 4800  # samples before and after, 0.3 s


def grammar(alternatives: Iterable[Sequence[str]], many: bool = False) -> str:
    """A JSGF grammar of one of the alternatives, each a sequence of words; `many`: of one or more of them."""
    choice = " | ".join(" ".join(words) for words in alternatives)
    return f"#JSGF V1.0;\ngrammar held_out;\n<one> = {choice};\npublic <said> = <one>{'+' if many else ''};\n"


def sets_of(count: int, size: int) -> list[list[int]]:
    """Numbers below count in sets of at most `size`, those of a set far apart from each other."""
    step = math.ceil(count / size)
    return [list(range(first, count, step)) for first in range(step)]


def prepared(sound: np.ndarray) -> bytes:
    """16-bit samples at 16 kHz of a sound (n,) at 24 kHz: its speech at one level, in soft noise."""
    from scipy.signal import resample_poly

    speech = np.pad(resample_poly(speech_part(sound), _RATE, RATE), _AROUND)
    rms = np.sqrt(np.mean(speech[_AROUND:-_AROUND] ** 2))
    noise = np.random.default_rng(1).standard_normal(len(speech)) * _NOISE
    heard = (speech / max(rms, 1e-6) + noise) * _LEVEL
    return (heard * 32767).clip(-32768, 32767).astype(np.int16).tobytes()


class Decoder:
    """The recogniser in this process."""

    def __init__(self) -> None:
        import pocketsphinx

        self._decoder = pocketsphinx.Decoder(lm=None, loglevel="FATAL", samprate=_RATE)
        for line in (FOLDER / "pronunciations.txt").read_text(encoding="ascii").splitlines():
            word, sound = line.split(" ", 1)
            if self._decoder.lookup_word(word) is None:
                self._decoder.add_word(word, sound, False)
        self._decoder.reinit_feat()

    def hear(
        self, alternatives: Sequence[Sequence[str]], sounds: Iterable[bytes], many: bool
    ) -> list[list[str]]:
        """What it takes each prepared sound for: the words of an alternative (of several if `many`), or less."""
        unknown = {
            word for words in alternatives for word in words if self._decoder.lookup_word(word) is None
        }
        if unknown:
            raise ValueError(f"add to {FOLDER.name}/pronunciations.txt: {', '.join(sorted(unknown))}")
        self._decoder.add_jsgf_string("held_out", grammar(alternatives, many))
        self._decoder.activate_search("held_out")
        heard = []
        for sound in sounds:
            self._decoder.start_utt()
            self._decoder.process_raw(sound, full_utt=True)
            self._decoder.end_utt()
            found = self._decoder.hyp()
            heard.append(found.hypstr.split() if found else [])
        return heard


_decoder: Any = None


def _hear(*task: Any) -> list[list[str]]:
    global _decoder
    _decoder = _decoder or Decoder()
    return _decoder.hear(*task)


class Recogniser:
    """Recognisers in processes of their own. Close it, or use it in `with`."""

    def __init__(self, workers: int):
        self._pool = ProcessPoolExecutor(workers, mp_context=get_context("spawn"))

    def named(self, texts: Sequence[str], sounds: Sequence[np.ndarray], size: int) -> np.ndarray:
        """(texts,) bool: whether each sound is taken for its own text, among sets of `size` texts."""
        words = [spoken_words(text) for text in texts]
        right = np.zeros(len(texts), dtype=bool)
        tasks = [
            (chosen, self._ask([words[k] for k in chosen], [sounds[k] for k in chosen]))
            for chosen in sets_of(len(texts), size)
        ]
        for chosen, heard in tasks:
            right[chosen] = [said == words[k] for k, said in zip(chosen, heard.result(), strict=True)]
        return right

    def intact(
        self, paragraphs: Sequence[Sequence[str]], sounds: Sequence[np.ndarray], size: int
    ) -> np.ndarray:
        """(all sentences,) bool: whether each sentence of each paragraph is heard whole and in its turn.

        The recogniser may hear any sentences of `size` in any order, and each also without its first or its last
        word, which is what gets lost where two sentences meet.
        """
        words = [[spoken_words(sentence) for sentence in paragraph] for paragraph in paragraphs]
        step = max(1, size // max(len(paragraph) for paragraph in paragraphs))
        tasks = []
        for first in range(0, len(words), step):
            whole = [sentence for paragraph in words[first : first + step] for sentence in paragraph]
            torn = [part for sentence in whole for part in (sentence[1:], sentence[:-1])]
            tasks.append(self._ask(whole + torn, sounds[first : first + step], many=True))
        heard = [said for task in tasks for said in task.result()]
        return np.array(
            [
                found
                for said, paragraph in zip(heard, words, strict=True)
                for found in in_turn(said, paragraph)
            ]
        )

    def _ask(self, alternatives, sounds, many: bool = False) -> Future:
        return self._pool.submit(_hear, alternatives, [prepared(sound) for sound in sounds], many)

    def close(self) -> None:
        """End the processes."""
        self._pool.shutdown(cancel_futures=True)

    def __enter__(self) -> Recogniser:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def in_turn(heard: Sequence[str], sentences: Sequence[Sequence[str]]) -> list[bool]:
    """Which of the sentences stand whole in what was heard, each after the ones before it."""
    found, at = [], 0
    for sentence in sentences:
        ends = [
            end
            for end in range(at + len(sentence), len(heard) + 1)
            if list(heard[end - len(sentence) : end]) == list(sentence)
        ]
        found.append(bool(ends))
        at = ends[0] if ends else at
    return found
