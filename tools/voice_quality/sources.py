"""Who speaks: a model with a voice, or its teacher, which is the truth. Both remember what they said."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from voice.speech import Timbre
from voice.teachers import Teacher
from voice_quality.features import RATE
from voice_quality.texts import spoken_words

if TYPE_CHECKING:
    from pocket_fast import TTSModel

_AT_ONCE = 32  # texts the engine speaks together
_SEED = 1
_GAP = RATE // 5  # silence between the sentences of a prompt
NO_END = "No end of speech"  # how the package's warning begins


class Truth:
    """The teacher of all timbres in one."""

    _lock = threading.Lock()  # espeak-ng's library has one state

    def __init__(self, timbre: Timbre, teacher: Teacher):
        self.timbre = timbre
        self._teacher = teacher
        self._said: dict[str, np.ndarray] = {}

    def say(self, texts: Sequence[str]) -> list[np.ndarray]:
        """(n,) float32 at 24 kHz each."""
        with Truth._lock:
            for text in texts:
                if text not in self._said:
                    self._said[text] = self._teacher.render(text, self.timbre)
        return [self._said[text] for text in texts]

    def prompt(self, texts: Sequence[str], seconds: float) -> np.ndarray:
        """The first `seconds` of the texts one after the other."""
        sounds = [np.pad(sound, (0, _GAP)) for sound in self.say(texts)]
        return np.concatenate(sounds)[: int(seconds * RATE)]


class Speaker:
    """A model with the state of a voice. endless: the texts in which an end of speech was not found."""

    _lock = threading.Lock()  # the package's log does not say whose speech it was

    def __init__(self, model: TTSModel, state: Any):
        self.model = model
        self.endless: set[str] = set()
        self._state = state
        self._said: dict[str, np.ndarray] = {}

    def say(self, texts: Sequence[str]) -> list[np.ndarray]:
        """(n,) float32 at 24 kHz each."""
        with Speaker._lock, _Warnings() as warnings:
            new = [text for text in dict.fromkeys(texts) if text not in self._said]
            with ThreadPoolExecutor(_AT_ONCE) as threads:
                self._said.update(zip(new, threads.map(self._speak, new), strict=True))
            self.endless |= {text for text in new if any(_holds(text, chunk) for chunk in warnings.endless)}
        return [self._said[text] for text in texts]

    def _speak(self, text: str) -> np.ndarray:
        return self.model.generate_audio(self._state, text, seed=_SEED)


def _holds(text: str, chunk: str) -> bool:
    return f" {' '.join(spoken_words(chunk))} " in f" {' '.join(spoken_words(text))} "


class Codec:
    """The truth after the model's encoder and decoder: the best that its latents can say."""

    def __init__(self, model: TTSModel, folder: Path | None, truth: Truth):
        """folder: that of the config file, if the model has one."""
        from pocket_fast.models.pocket.loading import load

        weights = load(model.config, folder, None, progress=False).weights
        self._stages = model.stages
        self._mean, self._std = (
            weights[f"flow_lm.emb_{kind}"].astype(np.float32) for kind in ("mean", "std")
        )
        self._truth = truth

    def say(self, texts: Sequence[str]) -> list[np.ndarray]:
        """(n,) float32 at 24 kHz each."""
        encoder, decoder = self._stages.encoder, self._stages.decoder
        said = []
        for sound in self._truth.say(texts):
            whole = np.pad(sound, (0, -len(sound) % encoder.samples_per_frame))
            latents = (encoder.encode(encoder.stream(), whole) - self._mean) / self._std
            pcm = np.empty((len(latents), decoder.samples_per_frame), dtype=np.float32)
            stream = decoder.stream()
            for k in range(len(latents)):
                decoder.decode([stream], latents[k : k + 1], pcm[k : k + 1])
            said.append(pcm.ravel())
        return said


class _Warnings(logging.Handler):
    """Takes the package's warnings while in `with`, and keeps the chunks of those about missing ends."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.endless: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if str(record.msg).startswith(NO_END):
            self.endless.append(str(record.args[1]))

    def __enter__(self) -> _Warnings:
        log = logging.getLogger("pocket_fast")
        log.addHandler(self)
        self._propagated, log.propagate = log.propagate, False
        return self

    def __exit__(self, *error: object) -> None:
        log = logging.getLogger("pocket_fast")
        log.removeHandler(self)
        log.propagate = self._propagated
