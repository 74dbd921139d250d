"""The committed goldens of Qwen3-TTS: what qwen-tts 0.1.1 computed on the tiny models, and how to read it.

One file for each tiny model, flat arrays (tools/make_qwen3_golden.py writes them; N counts RECORDED[model]):

checksum                            of the weights it was recorded with
N.ids, N.instruct, N.words (n,)     token ids: of the text with its frame, of the instruction, of the recording's words
N.uniforms (max_new_tokens, 16)     the numbers it was drawn by
N.rows (n, H), N.trailing, N.pad    the prompt, the text for the frames after it
N.codes (frames, 16), N.samples     the speech, one sample in EVERY
hidden (n, H), logits (vocabulary,) after the rows of speech 0: the talker's final norm, the last row's logits
predicted (15, 64)                  logits of the codes of its first frame, given those codes

Of the base models also, I counting RECORDINGS: I.code (frames, 16) and I.vector (H,), which no resampler but the
official one makes exactly.

Of the first model alone, since the codec is the same in all: I.recording (n,), 16 bits at its own rate; decoded and
chunked, the samples of random_codes(CODEC_FRAMES), one in EVERY, and of random_codes(CHUNKED_FRAMES), one in
EVERY_OF_MANY.
"""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np

from ..golden import weights_checksum
from .cases import RECORDED, RECORDINGS
from .prompt import Prompt, Reference
from .tiny import tiny_config
from .weights import lively_weights


def golden_path(name) -> Path:
    return Path(__file__).resolve().parents[2] / "parity" / f"golden_{name.replace('-', '_')}.npz"


def load_golden(name):
    """(config, weights, recording) of a tiny model; the recording a dict of arrays."""
    config = tiny_config(name)
    weights = lively_weights(config)
    with np.load(golden_path(name)) as file:
        recording = dict(file)
    assert weights_checksum(weights) == recording["checksum"], (
        "not the weights the golden was recorded with: run tools/make_qwen3_golden.py"
    )
    return config, weights, recording


def speeches(name, recording):
    """For each recorded speech: its case, ids, instruct, words (None where there are none), uniforms, prompt, codes,
    samples."""
    for n, case in enumerate(RECORDED[name]):
        values = {k.removeprefix(f"{n}."): v for k, v in recording.items() if k.startswith(f"{n}.")}
        prompt = Prompt(values.pop("rows"), values.pop("trailing"), values.pop("pad"))
        optional = {"instruct": None, "words": None}
        yield SimpleNamespace(case=case, prompt=prompt, **{**optional, **values})


def recorded_voice(recording, speech):
    """The arguments of Model.prompt that say who speaks, as recorded: the encoders have no part in them."""
    case = speech.case
    if case.voice is None:
        return {"speaker": case.speaker}
    i = RECORDINGS.index(case.voice)
    reference = None if speech.words is None else Reference(speech.words, recording[f"{i}.code"])
    return {"speaker": recording[f"{i}.vector"], "reference": reference}
