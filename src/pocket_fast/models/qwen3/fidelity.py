"""How near a Qwen3-TTS model of integers stays to the one it was made from: what stages make of the same past."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pocket_fast.models.qwen3.consistency import CONTROL_IDS
from pocket_fast.models.qwen3.prompt import Prompt
from pocket_fast.weights.fidelity import decibels


@dataclass(frozen=True)
class Heard:
    """What was spoken, always by the likeliest code, in T frames.

    rows (T, H): what the talker took in for each; hidden (T, H): what it made of that; codes (T, G) int32.
    """

    rows: np.ndarray
    hidden: np.ndarray
    codes: np.ndarray


def speech_report(exact: Any, near: Any, prompts: Sequence[Prompt], frames: int) -> list[str]:
    """A table of the stages `near` over `exact`, where both hear the past that `exact` spoke.

    prompts: the same one as each embedded it. Each frame's other codes follow from the first code that `exact` drew.
    """
    spoken = speak(exact, prompts[0], frames)
    again = speak(near, prompts[1], frames, spoken)
    same = spoken.codes == again.codes
    title = f"{near.compute_type} over {exact.compute_type}, {frames} frames"
    return [
        title,
        f"{'talker output, signal to noise':<62}{decibels(spoken.hidden, again.hidden):>6.1f} dB",
        f"{'first codes that are the same':<62}{100 * same[:, 0].mean():>7.1f} %",
        f"{'other codes that are the same':<62}{100 * same[:, 1:].mean():>7.1f} %",
    ]


def speak(stages: Any, prompt: Prompt, frames: int, heard: Heard | None = None) -> Heard:
    """The likeliest codes of so many frames; the speech never ends.

    heard: what was said before each frame, whatever this model would have said; None: its own.
    """
    talker, predictor = stages.talker, stages.predictor
    groups = predictor.draws + 1
    rows, hidden = (np.empty((frames, talker.hidden_dim), dtype=np.float32) for _ in range(2))
    codes = np.empty((frames, groups), dtype=np.int32)
    logits = np.empty((1, talker.vocab), dtype=np.float32)
    embedding = np.empty((1, talker.hidden_dim), dtype=np.float32)
    likeliest, uniforms = [stages.draw(do_sample=False)], np.zeros((1, groups - 1))
    stream, before = talker.stream(), prompt.rows(0, len(prompt))
    talker.prefill([stream], [before[:-1]])
    row = before[-1]
    for t in range(frames):
        here = slice(t, t + 1)
        rows[t] = row if heard is None else heard.rows[t]
        talker.step([stream], rows[here], hidden[here], logits)
        first = int(logits[0, :-CONTROL_IDS].argmax())
        codes[t, 0] = first if heard is None else heard.codes[t, 0]
        predictor.predict(hidden[here], codes[here], uniforms, likeliest, embedding)
        codes[t, 0] = first
        row = embedding[0] + prompt.beside(t)
    return Heard(rows, hidden, codes)
