"""The frame loop of Pocket TTS: backbone -> flow head -> codec decoder, for a batch of utterances."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from pocket_fast.models.decoding import decode_rows
from pocket_fast.models.pocket.config import ModelConfig
from pocket_fast.models.pocket.flow import NoiseSource
from pocket_fast.models.pocket.prompt import Chunk

# End of speech is ignored this long: before speech starts, some voices cross the threshold.
FRAMES_BEFORE_EOS = 6
_FADES_PER_SECOND = 200  # a chunk fades in over 5 ms: a fresh decoder starts with a small step

_log = logging.getLogger("pocket_fast")


@dataclass(frozen=True)
class Sampling:
    """How latents are drawn and when speech ends."""

    temperature: float
    eos_threshold: float
    decode_steps: int = 1
    noise_clamp: float | None = None


class PocketUtterance:
    """One chunk in flight."""

    def __init__(
        self,
        chunk: Chunk,
        sampling: Sampling,
        noise: NoiseSource,
        backbone: Any,
        codec: Any,
        bos: np.ndarray,
    ):
        self.chunk = chunk
        self.sampling = sampling
        self.noise = noise
        self.backbone = backbone
        self.codec = codec
        self.latent = bos
        self.frames = 0  # drawn so far
        self.ends_at: int | None = None  # frames in all, once end of speech was found
        self.done = False

    @property
    def prompt_left(self) -> int:
        """Tokens of the text that the backbone has not seen yet."""
        return max(0, len(self.chunk.tokens) - self.backbone.length)

    @property
    def nbytes(self) -> int:
        """Of keys and values, as far as they are written, and of the codec's memory."""
        stream = self.backbone
        return stream.nbytes * stream.length // stream.capacity + self.codec.nbytes

    def hear_eos(self, logit: float) -> bool:
        """Take in the logit of the frame just drawn; True if this frame is already past the end."""
        over = float(logit) > self.sampling.eos_threshold  # a threshold may be more than 32 bits hold
        if self.ends_at is None and self.frames >= FRAMES_BEFORE_EOS and over:
            self.ends_at = self.frames + self.chunk.frames_after_eos
        self.done = self.ends_at is not None and self.frames >= self.ends_at
        return self.done

    def advance(self) -> None:
        """Count the frame just drawn; done if it was the last."""
        self.frames += 1
        self.done = self.frames in (self.ends_at, self.chunk.max_frames)

    def check_end(self) -> None:
        """Complain about a chunk that is done although its speech did not end: as a warning in the log, or as
        a RuntimeError when KPOCKET_TTS_ERROR_WITHOUT_EOS is 1."""
        if self.ends_at is not None:
            return
        if os.environ.get("KPOCKET_TTS_ERROR_WITHOUT_EOS", "0") == "1":
            raise RuntimeError(f"no end of speech within {self.frames} frames: {self.chunk.text[:60]!r}")
        _log.warning(
            "No end of speech within %d frames, stopped there; the text may be cut or babbled: %.60r",
            self.frames,
            self.chunk.text,
        )


class PocketFrame(NamedTuple):
    """A frame drawn but not decoded."""

    utterance: PocketUtterance
    latent: np.ndarray
    first: bool
    sound: np.ndarray | None  # where the backend makes it in the same go


class PocketModel:
    """A loaded model as the engine drives it: config and stages. Holds nothing of any utterance."""

    def __init__(self, config: ModelConfig, stages: Any):
        self.config = config
        self.stages = stages
        self.sample_rate = config.mimi.sample_rate
        self.samples_per_frame: int = stages.decoder.samples_per_frame
        self.threads: int = stages.threads
        self.most_together: int = stages.most_together
        self.most_in_a_row: int = stages.most_in_a_row
        self._fade = np.linspace(0, 1, self.sample_rate // _FADES_PER_SECOND, dtype=np.float32)

    def prepare(self, streams: int) -> None:
        """See contract.SpeechModel."""
        self.stages.prepare(streams)

    def thread_limit(self) -> int:
        """See contract.SpeechModel."""
        return self.stages.thread_limit()

    def begin(
        self, chunk: Chunk, prefix: Any, sampling: Sampling, seed: tuple[int, ...] | None
    ) -> PocketUtterance:
        """An utterance of the chunk's text after the voice `prefix` (None: no voice); nothing is computed yet."""
        stream = self.stages.backbone.stream(len(chunk.tokens) + chunk.max_frames, prefix)
        return PocketUtterance(
            chunk,
            sampling,
            NoiseSource(seed, sampling.temperature, sampling.noise_clamp),
            stream,
            self.stages.decoder.stream(),
            self.stages.backbone.bos_latent,
        )

    def prompt(self, utterances: Sequence[PocketUtterance], rows: int, threads: int = 0) -> None:
        """See contract.SpeechModel."""
        streams, pieces = [], []
        for u in utterances:
            if taken := min(rows, u.prompt_left):
                seen = u.backbone.length
                streams.append(u.backbone)
                pieces.append(self.stages.backbone.embed_text(u.chunk.tokens[seen : seen + taken]))
                rows -= taken
        self.stages.backbone.prefill(streams, pieces, threads)

    def predict(self, utterances: Sequence[PocketUtterance], threads: int = 0) -> list[PocketFrame]:
        """See contract.SpeechModel. Utterances sampled with different numbers of steps are drawn in groups."""
        n = len(utterances)
        latents = np.stack([u.latent for u in utterances])
        noise = np.empty_like(latents)
        for row, u in zip(noise, utterances, strict=True):
            u.noise.draw(row)
        eos = np.empty(n, dtype=np.float32)
        sounds: Sequence[np.ndarray | None] = [None] * n
        if self.stages.frame is None:
            hidden = np.empty((n, self.stages.backbone.hidden_dim), dtype=np.float32)
            self.stages.backbone.step([u.backbone for u in utterances], latents, hidden, threads)
            self._sample(utterances, hidden, noise, latents, eos, threads)
        else:
            sounds = self._whole(utterances, latents, noise, eos)

        frames = []
        for u, latent, logit, sound in zip(utterances, latents, eos, sounds, strict=True):
            if not u.hear_eos(logit):
                u.latent = latent
                frames.append(PocketFrame(u, latent, u.frames == 0, sound))
                u.advance()
        return frames

    def decode(self, frames: Sequence[PocketFrame], threads: int = 0) -> list[np.ndarray]:
        """See contract.SpeechModel. The first frame of an utterance fades in."""
        if frames[0].sound is not None:
            pcm = np.stack([frame.sound for frame in frames])
        else:
            latents = np.stack([frame.latent for frame in frames])
            streams = [frame.utterance.codec for frame in frames]
            pcm = decode_rows(self.stages.decoder, streams, latents, self.samples_per_frame, threads)
        for row, frame in zip(pcm, frames, strict=True):
            if frame.first:
                row[: len(self._fade)] *= self._fade[: len(row)]
        return [row.copy() for row in pcm] if len(pcm) > 1 else list(pcm)  # no listener holds another's sound

    def past(self, u: PocketUtterance) -> Any:
        """Everything a finished utterance remembers, as a prefix to continue from.

        Upstream runs one step more than it emits before it sees that speech has ended; so does this.
        """
        ran = u.backbone.length - len(u.chunk.tokens)
        if u.ends_at is not None and ran == u.frames < u.chunk.max_frames:
            hidden = np.empty((1, self.stages.backbone.hidden_dim), dtype=np.float32)
            self.stages.backbone.step([u.backbone], u.latent[None], hidden)
        return u.backbone.freeze()

    def _whole(self, utterances, latents, noise, eos) -> np.ndarray:
        """One frame of each from latent to sound (n, samples_per_frame), on a backend that has all stages in one."""
        sound = np.empty((len(utterances), self.samples_per_frame), dtype=np.float32)
        steps = [u.sampling.decode_steps for u in utterances]
        for count in sorted(set(steps)):
            rows = [i for i, s in enumerate(steps) if s == count]
            part, logits, made = latents[rows], np.empty_like(eos[rows]), np.empty_like(sound[rows])
            who = [utterances[i] for i in rows]
            streams, codecs = [u.backbone for u in who], [u.codec for u in who]
            self.stages.frame(streams, codecs, part, noise[rows], logits, made, count)
            latents[rows], eos[rows], sound[rows] = part, logits, made
        return sound

    def _sample(self, utterances, hidden, noise, latents, eos, threads) -> None:
        steps = [u.sampling.decode_steps for u in utterances]
        for count in sorted(set(steps)):
            if len(set(steps)) == 1:
                self.stages.flow_head.sample(hidden, noise, latents, eos, count, threads)
                return
            rows = [i for i, s in enumerate(steps) if s == count]
            part, logits = np.empty_like(latents[rows]), np.empty(len(rows), dtype=np.float32)
            self.stages.flow_head.sample(hidden[rows], noise[rows], part, logits, count, threads)
            latents[rows], eos[rows] = part, logits
