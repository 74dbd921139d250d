"""Token ids and a mode -> what the talker takes in before the first frame, and beside each frame after it.

Every row is a sum: of T(id), a text token brought to the talker's width, and of E(id), a row of its codec table; in
some the voice's x-vector or a frame of its recording stands in the place of E. So a prompt is planned in ids first.
Source: the order of rows in qwen-tts 0.1.1, found by running it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pocket_fast.models.qwen3.config import ModelConfig
from pocket_fast.models.qwen3.texts import Spoken

NONE = -1  # no id: nothing is added
_TEXT_BLOCK = 16  # ids that are embedded together while frames are drawn


@dataclass(frozen=True)
class Plan:
    """A prompt in ids.

    text, codec (n,): T and E of these are added up in each row, where they are not NONE; x_vector: the row that the
    voice's x-vector is added to, or None; frames: how many of the last rows the frames of its recording are added to.
    trailing (m,): T of these is added to the first frames after the prompt, one each.
    """

    text: np.ndarray
    codec: np.ndarray
    trailing: np.ndarray
    x_vector: int | None = None
    frames: int = 0


def plan_prompt(
    config: ModelConfig,
    spoken: Spoken,
    *,
    description: Sequence[int] = (),
    language: int | None = None,
    speaker: int | None = None,
    x_vector: bool = False,
    words: Sequence[int] = (),
    frames: int = 0,
    whole: bool = True,
) -> Plan:
    """The prompt for one text.

    description: ids of Texts.description; language: an id, or None for "auto"; speaker: an id of the codec's
    vocabulary, or x_vector: the voice has one; frames: of the voice's recording, if the model goes on from it, and
    words: ids of what is said in it. whole: all of the text comes before the first frame, else a token beside each.
    """
    talker = config.talker_config
    pad, end = config.tts_pad_token_id, config.tts_eos_token_id
    rows = _Rows()
    rows.add(description)
    rows.add(spoken.role)
    thought = [talker.codec_nothink_id, talker.codec_think_bos_id, talker.codec_think_eos_id]
    if language is not None:
        thought = [talker.codec_think_id, talker.codec_think_bos_id, language, talker.codec_think_eos_id]
    rows.add(pad, thought)
    if speaker is not None:
        rows.add(pad, [speaker])
    x_vector_row = len(rows.text) if x_vector else None
    if x_vector:
        rows.add([pad])
    rows.add([config.tts_bos_token_id], talker.codec_pad_id)
    trailing = [pad]
    if frames:
        text, codec = [*words, *spoken.body, end], [talker.codec_bos_id, *[NONE] * frames]
        if whole:
            rows.add(text, talker.codec_pad_id)
            rows.add(pad, codec)
        else:
            n = len(codec)
            rows.add((text + [pad] * n)[:n], codec)
            trailing = text[n:] or [pad]
    elif whole:
        rows.add([*spoken.body, end], talker.codec_pad_id)
        rows.add([pad], talker.codec_bos_id)
    else:
        rows.add(spoken.body[:1] or [config.im_end_token_id], talker.codec_bos_id)  # of no text, its end
        trailing = [*spoken.body[1:], end]
    return Plan(np.array(rows.text), np.array(rows.codec), np.array(trailing), x_vector_row, frames)


class _Rows:
    """The ids of the rows so far."""

    def __init__(self) -> None:
        self.text: list[int] = []
        self.codec: list[int] = []

    def add(self, text: Sequence[int] | int, codec: Sequence[int] | int = NONE) -> None:
        """One row for each id of one of them; a single number stands in all of these rows."""
        n = len(text) if not isinstance(text, int) else len(codec) if not isinstance(codec, int) else 1
        self.text += [text] * n if isinstance(text, int) else text
        self.codec += [codec] * n if isinstance(codec, int) else codec


class Embedder:
    """Plans -> rows, for one loaded model; may be used from several threads.

    talker: embed_text(ids) and embed_codec(ids) -> (n, H) float32; embed_frames: codes (frames, G) -> (frames, H), the
    sum of the embeddings of each frame's codes. pad (H,): of the text's padding.
    """

    def __init__(self, talker: Any, config: ModelConfig, embed_frames: Callable[[np.ndarray], np.ndarray]):
        self.talker = talker
        self.embed_frames = embed_frames
        constants = (config.tts_pad_token_id, config.tts_bos_token_id, config.tts_eos_token_id)
        self.constants = dict(zip(constants, talker.embed_text(list(constants)), strict=True))
        self.pad = self.constants[config.tts_pad_token_id]

    def prompt(
        self, plan: Plan, x_vector: np.ndarray | None = None, codes: np.ndarray | None = None
    ) -> Prompt:
        """The rows of a plan; x_vector (H,) and codes (frames, G) of its voice, where the plan has a place for them."""
        return Prompt(self, plan, x_vector, codes)


class Prompt:
    """What an utterance begins with, in rows of the talker's width H, float32, made when they are asked for: of a long
    text they take as long as speech of seconds."""

    def __init__(self, embedder: Embedder, plan: Plan, x_vector: np.ndarray | None, codes: np.ndarray | None):
        self._embedder = embedder
        self._plan = plan
        self._x_vector = x_vector
        self._codes = codes
        self._known: dict[int, np.ndarray] = dict(embedder.constants)  # T of text ids

    def __len__(self) -> int:
        """Rows that are taken in before the first frame."""
        return len(self._plan.text)

    def rows(self, first: int, last: int) -> np.ndarray:
        """(last - first, H), of those that are taken in before the first frame."""
        plan, embedder = self._plan, self._embedder
        rows = self._text(plan.text[first:last])
        codec = plan.codec[first:last]
        named = codec != NONE
        rows[named] += embedder.talker.embed_codec(codec[named])
        if plan.x_vector is not None and first <= plan.x_vector < last:
            rows[plan.x_vector - first] += np.asarray(self._x_vector, dtype=np.float32)
        spoken = len(plan.text) - plan.frames  # from here on a frame of the recording each
        if plan.frames and last > spoken:
            rows[max(spoken - first, 0) :] += embedder.embed_frames(
                self._codes[max(first - spoken, 0) : last - spoken]
            )
        return rows

    def beside(self, frame: int) -> np.ndarray:
        """(H,), to be added to the row of that frame; not to be changed."""
        trailing = self._plan.trailing
        if frame >= len(trailing):
            return self._embedder.pad
        if int(trailing[frame]) not in self._known:
            self._embed(trailing[frame : frame + _TEXT_BLOCK])
        return self._known[int(trailing[frame])]

    def _text(self, ids: np.ndarray) -> np.ndarray:
        """T of each id, (n, H)."""
        self._embed(ids)
        return np.stack([self._known[i] for i in ids.tolist()])

    def _embed(self, ids: np.ndarray) -> None:
        """Have T of these ids known; each different one is computed once, the constants never again."""
        unknown = [i for i in np.unique(ids).tolist() if i not in self._known]
        if unknown:
            self._known.update(zip(unknown, self._embedder.talker.embed_text(unknown), strict=True))
