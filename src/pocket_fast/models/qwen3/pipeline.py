"""The frame loop of Qwen3-TTS: talker -> code 0 -> code predictor -> codec decoder, for a batch of utterances.

One frame is 16 codes, 80 ms. The talker takes a row in and gives a hidden vector and the logits of code 0; from
both the code predictor draws codes 1 to 15; the sum of all their embeddings, and the text's next row, is what the
talker takes in next. Source: the technical report (arXiv:2601.15621) and qwen-tts 0.1.1.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np

from pocket_fast.models.decoding import decode_rows
from pocket_fast.models.qwen3.config import ModelConfig
from pocket_fast.models.qwen3.prompt import Embedder, Plan, Prompt

# The official decoder cuts speech in blocks, each begun anew with some frames before it.
BLOCK_FRAMES, BLOCK_CONTEXT = 300, 25
# Frames that are the same in all codes, one after the other, before a speech is given up: real pauses vary.
_STUCK_FRAMES = 38
# The last of the talker's vocabulary: no codes, and never drawn but for the end of speech.
_SPECIAL_IDS = 1024
_LEAST_FRAMES = 2  # end of speech is not drawn before: what the official sampler calls min_new_tokens

_log = logging.getLogger("pocket_fast")


@dataclass(frozen=True)
class Sampling:
    """How the codes of one utterance are drawn, and how many frames it may have.

    talker, predictor: draws of the stages (do_sample, top_k, top_p, temperature), for code 0 and codes 1 to 15.
    in_blocks: decode as the official package does, BLOCK_FRAMES at a time; the sound differs after the first block.
    """

    talker: Any
    predictor: Any
    repetition_penalty: float
    in_blocks: bool = False


@dataclass(frozen=True)
class Chunk:
    """What one utterance speaks: at most max_frames frames."""

    text: str
    plan: Plan
    max_frames: int


class Reference:
    """A recording's codes (n, 16) int32: what the codec has heard before it speaks in that voice.

    The stream that has heard them is kept, and copied for every utterance after the first.
    """

    def __init__(self, codes: np.ndarray):
        self.codes = np.ascontiguousarray(codes, dtype=np.int32)
        self._heard: WeakKeyDictionary[Qwen3Model, dict[bool, CodecStream]] = WeakKeyDictionary()

    def heard(self, model: Qwen3Model) -> dict[bool, CodecStream]:
        """Of a model, which may be loaded anew elsewhere, by Sampling.in_blocks."""
        return self._heard.setdefault(model, {})

    def last_sample(self, model: Qwen3Model, in_blocks: bool) -> np.ndarray:
        """(1,) float32: what the recording ends with when it is decoded. Known once an utterance has begun with it."""
        return self.heard(model)[in_blocks].last


class CodecStream:
    """The codec's side of one utterance: the decoder's stream and, in blocks, what the next one begins with."""

    def __init__(self, stream: Any, in_blocks: bool):
        self.stream = stream
        self.last = np.zeros(1, dtype=np.float32)  # sample
        self._latest: deque[np.ndarray] | None = deque(maxlen=BLOCK_CONTEXT) if in_blocks else None
        self._drawn = 0  # frames: the last one may not have been decoded yet
        self._again = 0  # of the latest frames, how many were heard again

    def copy(self) -> CodecStream:
        """Another one that has heard the same."""
        twin = CodecStream(self.stream.copy(), self._latest is not None)
        twin.last, twin._drawn, twin._again = self.last, self._drawn, self._again
        if self._latest is not None and twin._latest is not None:
            twin._latest.extend(self._latest)
        return twin

    @property
    def context_left(self) -> int:
        """Frames to be heard again before the next one can be decoded; mostly none."""
        if self._latest is None or self._drawn == 0 or self._drawn % BLOCK_FRAMES:
            return 0
        return len(self._latest) - self._again

    def begin_context(self) -> np.ndarray:
        """The next of them, (16,), to be decoded; before the first the stream begins anew."""
        assert self._latest is not None
        if self._again == 0:
            self.stream.reset()
        return self._latest[self._again]

    def end_context(self) -> None:
        """It was decoded."""
        self._again += 1

    def draw(self) -> None:
        """Take note of a frame that will be decoded."""
        self._drawn += 1

    def hear(self, codes: np.ndarray) -> None:
        """Take note of a frame that is decoded now."""
        self._again = 0
        if self._latest is not None:
            self._latest.append(codes)


class Qwen3Utterance:
    """One chunk in flight."""

    def __init__(
        self,
        chunk: Chunk,
        prompt: Prompt,
        sampling: Sampling,
        uniforms: np.random.Generator,
        talker: Any,
        codec: CodecStream,
        vocabulary: int,
        reference: Reference | None,
        frame_rows: int,
    ):
        self.chunk = chunk
        self.prompt = prompt
        self.row = prompt.rows(len(prompt) - 1, len(prompt))[
            0
        ]  # what the talker takes in with the next frame
        self.sampling = sampling
        self.uniforms = uniforms
        self.talker = talker
        self.codec = codec
        self.reference = reference
        self.unheard = 0 if reference is None else len(reference.codes)  # of its frames, by the codec
        self.frame_rows = frame_rows  # as many rows of a prompt take as long as a frame that the codec hears
        self.seen = np.zeros(vocabulary, dtype=np.uint8)  # codes 0 drawn so far
        self.codes: np.ndarray | None = None  # of the frame before
        self.frames = 0
        self.same = 0
        self.ended = False  # its end of speech was drawn
        self.done = False

    @property
    def rows_left(self) -> int:
        """Rows of the prompt that the talker has not taken in yet."""
        return max(0, len(self.prompt) - 1 - self.talker.offset)

    @property
    def prompt_left(self) -> int:
        """See contract.Utterance: rows, and frames that the codec has to hear, of the recording or once more."""
        if self.done:
            return 0
        return self.rows_left + self.frame_rows * (self.unheard + self.codec.context_left)

    @property
    def nbytes(self) -> int:
        """Of keys and values, and of the codec's memory."""
        return self.talker.nbytes + self.codec.stream.nbytes

    def advance(self, codes: np.ndarray, embedding: np.ndarray) -> None:
        """Take note of a frame just drawn, codes (16,) int32, and of the sum of its embeddings (H,)."""
        self.row = embedding + self.prompt.beside(self.frames)
        self.same = self.same + 1 if self.codes is not None and np.array_equal(codes, self.codes) else 0
        self.codes = codes
        self.frames += 1
        self.codec.draw()
        self.done = self.frames >= self.chunk.max_frames or self.same >= _STUCK_FRAMES

    def check_end(self) -> None:
        """A warning in the log if this is done although its speech did not end."""
        if self.ended:
            return
        why = "one frame came again and again" if self.same >= _STUCK_FRAMES else "no end of speech"
        _log.warning(
            "Stopped after %d frames (%s): what was said may be cut or babbled, another seed may do better: %.60r",
            self.frames,
            why,
            self.chunk.text,
        )


class Qwen3Frame(NamedTuple):
    """A frame drawn but not decoded: codes (16,) int32."""

    utterance: Qwen3Utterance
    codes: np.ndarray
    sound: np.ndarray | None  # where the backend makes it in the same go


class Qwen3Model:
    """A loaded model as the engine drives it: config and stages. Holds nothing of any utterance."""

    def __init__(self, config: ModelConfig, stages: Any):
        self.config = config
        self.stages = stages
        self.sample_rate = config.sample_rate
        self.samples_per_frame: int = stages.decoder.samples_per_frame
        self.threads: int = stages.threads
        self.most_together: int = stages.most_together
        self.most_in_a_row: int = stages.most_in_a_row
        self._end = config.talker_config.codec_eos_token_id
        self._codes = config.talker_config.vocab_size - _SPECIAL_IDS
        self._embedder = Embedder(stages.talker, config, stages.predictor.embed)
        self._frame_rows = max(1, round(stages.decoder.macs_per_frame / stages.talker.macs_per_row))

    def prepare(self, streams: int) -> None:
        """See contract.SpeechModel."""
        self.stages.prepare(streams, self._codes, self._end)

    def thread_limit(self) -> int:
        """See contract.SpeechModel."""
        return self.stages.thread_limit()

    def begin(
        self, chunk: Chunk, voice: Any, sampling: Sampling, seed: tuple[int, ...] | None
    ) -> Qwen3Utterance:
        """An utterance of the chunk; nothing is computed yet.

        voice: who speaks (models.qwen3.voice), as the chunk was planned for.
        """
        reference = voice.reference
        prompt = self._embedder.prompt(
            chunk.plan,
            None if voice.item is None else voice.item.ref_spk_embedding,
            None if reference is None else reference.codes,
        )
        heard = None if reference is None else reference.heard(self).get(sampling.in_blocks)
        codec = (
            CodecStream(self.stages.decoder.stream(), sampling.in_blocks) if heard is None else heard.copy()
        )
        return Qwen3Utterance(
            chunk,
            prompt,
            sampling,
            np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed))),
            self.stages.talker.stream(),
            codec,
            self.config.talker_config.vocab_size,
            reference if heard is None else None,
            self._frame_rows,
        )

    def prompt(self, utterances: Sequence[Qwen3Utterance], rows: int, threads: int = 0) -> None:
        """See contract.SpeechModel."""
        most, streams, pieces = rows, [], []
        for u in utterances:
            if taken := min(rows, u.rows_left):
                seen = u.talker.offset
                streams.append(u.talker)
                pieces.append(u.prompt.rows(seen, seen + taken))
                rows -= taken
        if pieces:
            self.stages.talker.prefill(streams, pieces, threads)
        for u in utterances:
            while u.prompt_left and not u.rows_left and (rows >= self._frame_rows or rows == most):
                self._hear(u, threads)
                rows -= self._frame_rows

    def _hear(self, u: Qwen3Utterance, threads: int) -> None:
        """One frame of what the codec has to hear: of the recording, or once more."""
        if u.codec.context_left:
            self._hear_again(u.codec, threads)
            return
        reference = u.reference
        assert reference is not None
        codes = reference.codes[len(reference.codes) - u.unheard]
        pcm = self._decode([u.codec], codes[None], threads)
        u.codec.draw()
        u.codec.hear(codes)
        u.codec.last = pcm[0, -1:]
        u.unheard -= 1
        if u.unheard == 0:
            reference.heard(self).setdefault(u.sampling.in_blocks, u.codec.copy())
            u.reference = None

    def _hear_again(self, stream: CodecStream, threads: int) -> None:
        """One frame, whose sound was heard at the end of the block before."""
        self._decode([stream], stream.begin_context()[None], threads)
        stream.end_context()

    def predict(self, utterances: Sequence[Qwen3Utterance], threads: int = 0) -> list[Qwen3Frame]:
        """See contract.SpeechModel."""
        n, groups, width = len(utterances), self.stages.predictor.draws + 1, self.stages.talker.hidden_dim
        rows = np.stack([u.row for u in utterances])
        uniforms = np.stack([u.uniforms.random(groups) for u in utterances])
        codes, embeddings = np.empty((n, groups), np.int32), np.empty((n, width), np.float32)
        sounds: Sequence[np.ndarray | None] = [None] * n
        if self.stages.frame is None:
            self._draw(utterances, rows, uniforms, codes, embeddings, threads)
        else:
            sounds = self._whole(utterances, rows, uniforms, codes, embeddings)

        frames = []
        for u, row, embedding, sound in zip(utterances, codes, embeddings, sounds, strict=True):
            if row[0] == self._end:
                u.ended = u.done = True
            else:
                u.advance(row, embedding)
                frames.append(Qwen3Frame(u, row, sound))
        return frames

    def _draw(self, utterances, rows, uniforms, codes, embeddings, threads) -> None:
        """Codes (n, 16) and embeddings (n, H) of the next frame of each, out; after the end only code 0."""
        talker, predictor = self.stages.talker, self.stages.predictor
        hidden = np.empty_like(embeddings)
        logits = np.empty((len(utterances), talker.vocab), dtype=np.float32)
        talker.step([u.talker for u in utterances], rows, hidden, logits, threads)
        codes[:, 0] = self.stages.first_codes(
            logits,
            [u.sampling.talker for u in utterances],
            uniforms[:, 0].copy(),
            *self._first_of(utterances),
            codes=self._codes,
            end=self._end,
        )
        going = np.flatnonzero(codes[:, 0] != self._end)
        if len(going):
            drawn, made = codes[going], np.empty((len(going), talker.hidden_dim), np.float32)
            draws = [utterances[i].sampling.predictor for i in going]
            rest = np.ascontiguousarray(uniforms[going, 1:])
            predictor.predict(hidden[going], drawn, rest, draws, made, threads)
            codes[going], embeddings[going] = drawn, made

    def _whole(self, utterances, rows, uniforms, codes, embeddings) -> np.ndarray:
        """As _draw, on a backend that has all stages in one; and the sound (n, samples_per_frame)."""
        sound = np.empty((len(utterances), self.samples_per_frame), dtype=np.float32)
        first = self.stages.first(
            [u.sampling.talker for u in utterances], *self._first_of(utterances), self._codes, self._end
        )
        self.stages.frame(
            [u.talker for u in utterances],
            [u.codec.stream for u in utterances],
            rows,
            uniforms,
            first,
            [u.sampling.predictor for u in utterances],
            codes,
            embeddings,
            sound,
        )
        return sound

    def _first_of(
        self, utterances: Sequence[Qwen3Utterance]
    ) -> tuple[np.ndarray, list[np.ndarray], np.ndarray]:
        """What the draw of code 0 takes besides: penalties, what was drawn before, whether speech may end."""
        return (
            np.array([u.sampling.repetition_penalty for u in utterances]),
            [u.seen for u in utterances],
            np.array([u.frames >= _LEAST_FRAMES for u in utterances]),
        )

    def decode(self, frames: Sequence[Qwen3Frame], threads: int = 0) -> list[np.ndarray]:
        """See contract.SpeechModel."""
        streams = [frame.utterance.codec for frame in frames]
        if frames[0].sound is not None:
            pcm = np.stack([frame.sound for frame in frames])
        else:
            codes = np.stack([frame.codes for frame in frames])
            decoders = [stream.stream for stream in streams]
            pcm = decode_rows(self.stages.decoder, decoders, codes, self.samples_per_frame, threads)
        for stream, frame in zip(streams, frames, strict=True):
            stream.hear(frame.codes)
        return [row.copy() for row in pcm] if len(pcm) > 1 else list(pcm)  # no listener holds another's sound

    def _decode(self, streams: Sequence[CodecStream], codes: np.ndarray, threads: int) -> np.ndarray:
        """One frame of each: codes (n, 16) -> (n, samples_per_frame) float32."""
        pcm = np.empty((len(streams), self.samples_per_frame), dtype=np.float32)
        self.stages.decoder.decode([s.stream for s in streams], np.ascontiguousarray(codes), pcm, threads)
        return pcm
