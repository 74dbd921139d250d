"""The engine: drives utterances frame by frame and hands their sound out in order."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator

import numpy as np

from pocket_fast.models.contract import SpeechModel, Utterance

_FADES_PER_SECOND = 200  # 5 ms each
_SILENCE_BLOCK = 24000  # longest array of zeros handed out at once

Begin = Callable[[], Utterance]


def speak(
    model: SpeechModel,
    parts: Iterable[Begin | int],
    stop: threading.Event | None = None,
    finished: Callable[[Utterance], None] = lambda utterance: None,
) -> Iterator[np.ndarray]:
    """The sound of `parts` in order, (samples,) float32 arrays as they are made.

    A part is a function that begins an utterance, called when its turn comes, or a number of silent
    samples. Speech before a silence fades out over its last 5 ms, so that a pause never clicks; between
    two utterances nothing is changed. `stop` ends everything within one frame. `finished` is told of
    every utterance that was spoken to its end.
    """
    parts = list(parts)
    for i, part in enumerate(parts):
        if isinstance(part, int):
            yield from _silence(part, stop)
            continue
        if stop is not None and stop.is_set():
            return
        utterance = part()
        if i + 1 < len(parts) and isinstance(parts[i + 1], int):
            fade = model.sample_rate // _FADES_PER_SECOND
            yield from _fading_out(_frames(model, utterance, stop), utterance, fade)
        else:
            yield from _frames(model, utterance, stop)
        if utterance.done:
            finished(utterance)


def _frames(model: SpeechModel, utterance: Utterance, stop: threading.Event | None) -> Iterator[np.ndarray]:
    while not utterance.done and not (stop is not None and stop.is_set()):
        (frame,) = model.step([utterance])
        if len(frame):
            yield frame


def _fading_out(frames: Iterator[np.ndarray], utterance: Utterance, fade: int) -> Iterator[np.ndarray]:
    """`frames`, one late, because only the next one tells whether this was the last: it loses `fade` samples."""
    last = None
    for frame in frames:
        if last is not None:
            yield last
        last = frame
    if last is not None:
        if utterance.done:
            n = min(fade, len(last))
            last[len(last) - n :] *= np.linspace(1, 0, n, dtype=np.float32)
        yield last


def _silence(samples: int, stop: threading.Event | None) -> Iterator[np.ndarray]:
    while samples > 0 and not (stop is not None and stop.is_set()):
        block = min(samples, _SILENCE_BLOCK)
        yield np.zeros(block, dtype=np.float32)
        samples -= block
