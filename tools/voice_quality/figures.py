"""What is measured on one speaker, each set once however many gates ask for it."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from voice_quality.dictation import Dictation, word_errors
from voice_quality.dtw import distortion, retrieved
from voice_quality.features import cepstra, duration_ratio, speech_part
from voice_quality.recognise import Recogniser, sets_of
from voice_quality.texts import lines, sentences_of, single_sentences

SENTENCES_AT_ONCE = 50  # among which the recogniser, or the ear for cepstra, has to choose
WORDS_AT_ONCE = 20


class Source(Protocol):
    """Who speaks, see sources.py."""

    def say(self, texts: list[str]) -> list[np.ndarray]:
        """A sound for each text."""
        ...


class Figures:
    """Figures of one source; `limit`: with the first so many texts of each set."""

    def __init__(
        self, source: Source, recogniser: Recogniser, dictation: Dictation, limit: int | None = None
    ):
        self.source = source
        self._recogniser = recogniser
        self._dictation = dictation
        self._limit = limit
        self._recognised: dict[str, np.ndarray] = {}
        self._written: dict[str, list[str]] = {}

    def texts(self, name: str) -> list[str]:
        """The texts of a set."""
        return lines(name, self._limit)

    def recognised(self, name: str) -> np.ndarray:
        """bool: which items of everyday, hard, words or paragraphs (there: sentences) were recognised."""
        if name not in self._recognised:
            texts = self.texts(name)
            sounds = self.source.say(texts)
            if name == "paragraphs":
                found = self._recogniser.whole([sentences_of(text) for text in texts], sounds)
            else:
                size = WORDS_AT_ONCE if name == "words" else SENTENCES_AT_ONCE
                found = self._recogniser.named(texts, sounds, size)
            self._recognised[name] = found
        return self._recognised[name]

    def written(self, name: str) -> list[str]:
        """What the open recogniser writes for each item of a set."""
        if name not in self._written:
            self._written[name] = self._dictation.heard(self.source.say(self.texts(name)))
        return self._written[name]

    def word_errors(self, name: str) -> np.ndarray:
        """(n, 2): words that it got wrong in each item of a set, and how many there are."""
        return word_errors(self.texts(name), self.written(name))

    def items(self, name: str) -> list[str]:
        """What recognised(name) speaks of."""
        texts = self.texts(name)
        return texts if name != "paragraphs" else [s for text in texts for s in sentences_of(text)]

    def cepstra(self, name: str) -> list[np.ndarray]:
        """(t, 13) of the speech in each item of a set."""
        return [cepstra(speech_part(sound)) for sound in self.source.say(self.texts(name))]

    def distortion(self, name: str, truth: Figures) -> np.ndarray:
        """dB for each item, see dtw.distortion."""
        return distortion(zip(self.cepstra(name), truth.cepstra(name), strict=True))

    def retrieved(self, truth: Figures) -> np.ndarray:
        """bool: which everyday sentences are nearest to their own truth among 50."""
        said, meant = self.cepstra("everyday"), truth.cepstra("everyday")
        right = np.zeros(len(said), dtype=bool)
        for chosen in sets_of(len(said), SENTENCES_AT_ONCE):
            right[chosen] = retrieved([said[k] for k in chosen], [meant[k] for k in chosen])
        return right

    def single_sentences(self) -> list[str]:
        """The sentences of everyday, hard and paragraphs."""
        return single_sentences(self._limit)

    def duration_ratios(self, truth: Figures) -> np.ndarray:
        """Speech duration over the truth's for each of single_sentences, said alone."""
        texts = self.single_sentences()
        pairs = zip(self.source.say(texts), truth.source.say(texts), strict=True)
        return np.array([duration_ratio(sound, meant) for sound, meant in pairs])
