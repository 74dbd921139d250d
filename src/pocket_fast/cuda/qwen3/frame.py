"""A whole frame of a batch as one recorded sequence: talker, the draw of code 0, code predictor, codec decoder.

What goes from one stage to the next stays on the GPU; the host hears of codes, embeddings and sound at once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from pocket_fast.cuda.codec_streams import CodecRoom, launch_repack
from pocket_fast.cuda.device import Device
from pocket_fast.cuda.language import StepRoom
from pocket_fast.cuda.matrices import Rows, rows_of
from pocket_fast.cuda.qwen3.codec import CodecDecoder
from pocket_fast.cuda.qwen3.predictor import CodePredictor, FrameRoom
from pocket_fast.cuda.qwen3.sampling import FirstTold, launch_pick
from pocket_fast.cuda.qwen3.talker import Talker
from pocket_fast.cuda.rooms import distinct


class First(NamedTuple):
    """How code 0 of every stream is drawn: see pick_codes of cpu/qwen3/sampling.pyx. codes, end: of its ids."""

    draws: Sequence[Any]
    penalties: Sequence[float]
    seen: Sequence[np.ndarray]
    may_end: Sequence[bool]
    codes: int
    end: int


class _Rooms(NamedTuple):
    talker: StepRoom
    first: FirstTold
    predictor: FrameRoom
    decoder: CodecRoom
    play: Callable[[], None]


class Frame:
    """The stages of a model, which may be used one by one as well. codes, end: as pick_codes takes them."""

    def __init__(self, device: Device, talker: Talker, predictor: CodePredictor, decoder: CodecDecoder):
        self.device, self.talker, self.predictor, self.decoder = device, talker, predictor, decoder
        self._rooms: dict[tuple[int, ...], _Rooms] = {}

    def __call__(
        self,
        streams: Sequence[Any],
        codecs: Sequence[Any],
        rows: np.ndarray,
        uniforms: np.ndarray,
        first: First,
        draws: Sequence[Any],
        codes: np.ndarray,
        embeddings: np.ndarray,
        sound: np.ndarray,
    ) -> None:
        """The next frame of B streams of the talker and of the decoder.

        rows (B, H): what the talker takes in; uniforms (B, G) float64, that of code 0 first; draws: of the other codes.
        Leaves codes (B, G) int32, embeddings (B, H) and sound (B, samples_per_frame) float32; where code 0 is the end,
        nothing of that row but code 0 means anything. Raises as the stages' own calls.
        """
        distinct(streams, "frame")
        n = len(streams)
        with self.device as device:
            for i, s in enumerate(streams):
                self.talker.check(s, i, 1)
            rooms = self.ready(n, first.codes, first.end, max(s.offset + 1 for s in streams))
            rooms.talker.tell(streams, rows)
            rooms.first.tell(first.draws, uniforms[:, 0], first.penalties, first.seen, first.may_end)
            told = rooms.predictor.told
            told.sampled[:] = 0
            for i, draw in enumerate(draws):
                draw.tell(told, i)
            told.uniforms[:n] = uniforms[:, 1:]
            told.send()
            rooms.decoder.tell(self.decoder, codecs)
            rooms.play()
            rooms.predictor.fetch(n, codes, embeddings)
            device.fetch(rooms.decoder.left, rooms.decoder.left_host)
            sound[...] = rooms.decoder.left_host[:n]
            for s, codec, seen, code in zip(streams, codecs, first.seen, codes[:, 0], strict=True):
                s.length += 1
                codec.frames += 1
                seen[code] = 1

    def ready(self, streams: int, codes: int, end: int, positions: int = 0) -> _Rooms:
        """The recorded sequence for so many streams, of so many positions each."""
        talker = self.talker.room(streams, positions)
        predictor, decoder = self.predictor.room(streams), self.decoder.room(streams)
        key = talker.bucket, talker.pitch, codes, end
        if key not in self._rooms:
            first = FirstTold(self.device, talker.bucket, self.talker.vocab)
            talker.leave_alone()
            decoder.leave_alone()
            first.leave_alone()
            play = self.device.record(lambda: self._launch(talker, first, predictor, decoder, codes, end))
            self._rooms[key] = _Rooms(talker, first, predictor, decoder, play)
        return self._rooms[key]

    def _launch(
        self,
        talker: StepRoom,
        first: FirstTold,
        predictor: FrameRoom,
        decoder: CodecRoom,
        codes: int,
        end: int,
    ) -> None:
        self.talker.launch_step(talker)
        hidden, logits = [rows_of(answer.held) for answer in talker.left]
        launch_pick(
            self.device,
            talker.bucket,
            predictor.codes.column(0),
            (logits.at, logits.row),
            self.talker.vocab,
            first.told,
            (first.told.at("uniforms"), 1),
            first.scratch,
            first.penalty(codes, end),
        )
        self.predictor.launch_passes(predictor, hidden)
        groups = self.predictor.groups
        drawn = Rows(predictor.codes.column(0)[0], groups, groups)
        launch_repack(self.device, rows_of(decoder.given), groups, drawn, groups, 1, decoder.streams)
        self.decoder.launch_frame(decoder)
