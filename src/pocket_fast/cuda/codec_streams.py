"""What the codecs of all families share: a chain of convolutions, a transformer, a chain of convolutions.

As cpu/codec_streams.pyx, but all streams of a batch go through together. What a stream remembers is one piece of
memory: the pasts of both chains, and a ring of keys and values, which is a page that is used again and again.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from pocket_fast.cuda.chain import Chain, ChainRoom
from pocket_fast.cuda.device import Device, address
from pocket_fast.cuda.matrices import Matrix, Rows, rows_of, vector
from pocket_fast.cuda.rooms import NOBODY, Told, bucket_for, distinct, places_told
from pocket_fast.cuda.transformer import Scratch, Stack, launch_norm


class CodecStream:
    """What one direction of a codec remembers of one utterance. places: positions that it has room for."""

    def __init__(self, codec: Codec, places: int):
        self.codec, self.places = codec, places
        self.frames = 0  # seen
        keys = codec.middle.stack.page_floats(places)
        front, back = codec.front.state_floats, codec.back.state_floats
        self.memory = codec.device.zeros(front + back + keys)
        # of the pasts of both chains, and of the keys and values
        self.addresses = [int(address(self.memory, floats)) for floats in (0, front, front + back)]

    @property
    def nbytes(self) -> int:
        return self.memory.nbytes

    def reset(self) -> None:
        """As new."""
        with self.codec.device:
            self.codec.device.clear(self.memory)
        self.frames = 0

    def copy(self) -> CodecStream:
        """Another stream that has heard the same."""
        other = CodecStream(self.codec, self.places)
        with self.codec.device:
            self.codec.device.copy(other.memory, self.memory)
        other.frames = self.frames
        return other


class Middle:
    """stack between projections where widths differ; see cpu/codec_streams.pyx."""

    def __init__(
        self,
        device: Device,
        stack: Stack,
        *,
        input_proj: tuple[np.ndarray, ...] | None = None,
        output_proj: tuple[np.ndarray, ...] | None = None,
        norm: np.ndarray | None = None,
        product: str | None = None,
    ):
        self.device, self.stack = device, stack
        self.input_proj = None if input_proj is None else Matrix(device, *input_proj, product=product)
        self.output_proj = None if output_proj is None else Matrix(device, *output_proj, product=product)
        self._norm = vector(device, norm)

    def places(self, rows: int) -> int:
        """Positions of a ring for the attention window and the rows of a call."""
        return self.stack.context + rows

    @property
    def macs_per_row(self) -> int:
        return self.stack.macs_per_row + sum(
            m.n * m.k for m in (self.input_proj, self.output_proj) if m is not None
        )

    def run(self, s: Scratch, rows: int, per_stream: int, places: Any, x: Rows, y: Rows, width: int) -> None:
        """`rows` rows of x, per_stream of each stream, through the transformer into y, of `width` columns."""
        hidden = rows_of(s.hidden)
        hidden = Rows(hidden.at, hidden.row, per_stream * hidden.row)
        if self.input_proj is not None:
            self.input_proj.apply(x, rows, per_stream=per_stream, y=hidden)
        else:
            self._copy(hidden, x, rows, per_stream, width=s.hidden.shape[1])
        self.stack.forward(s, rows, places)
        if self._norm is not None:
            plain = rows_of(s.hidden)
            launch_norm(self.device, plain, plain, rows, self.stack.d, self.stack.eps, self._norm, rms=True)
        if self.output_proj is not None:
            self.output_proj.apply(hidden, rows, per_stream=per_stream, y=y)
        else:
            self._copy(y, hidden, rows, per_stream, width)

    def _copy(self, y: Rows, x: Rows, rows: int, per_stream: int, width: int) -> None:
        launch_repack(self.device, y, width, x, width, per_stream, rows // per_stream)


class CodecRoom:
    """What a call for `streams` streams works in."""

    def __init__(self, codec: Codec, streams: int, places: int):
        device, rows = codec.device, streams * codec.steps
        fields: dict[str, Any] = {
            "tables": ((streams,), np.uint64),
            "front": ((streams,), np.uint64),
            "back": ((streams,), np.uint64),
            "frames": ((streams,), np.int32),
            "streams": ((rows,), np.int32),
            "positions": ((rows,), np.int32),
        }
        self.streams, self.rows = streams, rows
        self.told = Told(device, fields)
        self.told.streams[:] = np.repeat(np.arange(streams), codec.steps)
        self.told.positions[:] = NOBODY
        self.places = places_told(self.told, 1, places, True)
        self.front, self.back = ChainRoom(codec.front, streams), ChainRoom(codec.back, streams)
        self.scratch = Scratch(codec.middle.stack, rows)
        self.given = device.zeros((streams, codec.given_floats))
        self.left = device.zeros((streams, codec.left_floats))
        self.given_host = device.host((streams, codec.given_floats), np.float32)
        self.left_host = device.host((streams, codec.left_floats), np.float32)
        self.play: Callable[[], None] | None = None

    def leave_alone(self) -> None:
        """What is launched now is for nobody."""
        self.told.positions[:] = NOBODY
        self.told.front[:] = self.told.back[:] = self.told.tables[:] = 0
        self.told.send()

    def tell(self, codec: Codec, streams: Sequence[CodecStream]) -> None:
        """Fill in whose frame this is."""
        told, n, steps = self.told, len(streams), codec.steps
        told.front[n:] = told.back[n:] = told.tables[n:] = 0
        told.front[:n], told.back[:n], told.tables[:n] = np.array([s.addresses for s in streams], np.uint64).T
        told.frames[:n] = [s.frames for s in streams]
        told.positions[n * steps :] = NOBODY
        told.positions[: n * steps] = (told.frames[:n, None] * steps + np.arange(steps)).reshape(-1)
        told.send()


class Codec(ABC):
    """One frame of every stream at a time. given_floats, left_floats: of a frame, what comes in and what goes out."""

    def __init__(
        self,
        device: Device,
        front: Chain,
        middle: Middle,
        back: Chain,
        given_floats: int,
        left_floats: int,
    ):
        self.device, self.front, self.middle, self.back = device, front, middle, back
        self.given_floats, self.left_floats = given_floats, left_floats
        self.steps = front.buffers[front.output].rows
        self.threads = 1
        self._rooms: dict[tuple[int, int], CodecRoom] = {}

    def stream(self) -> CodecStream:
        """A fresh one."""
        return CodecStream(self, self.middle.places(self.steps))

    @property
    def macs_per_frame(self) -> float:
        """Multiply-adds of one frame, attention left out."""
        return self.front.macs + self.back.macs + self.steps * self.middle.macs_per_row

    # --- what a codec says ---------------------------------------------------------------------

    @abstractmethod
    def enter(self, room: CodecRoom) -> None:
        """Launch what makes the rows of the first chain's input of room.given."""

    @abstractmethod
    def leave(self, room: CodecRoom) -> None:
        """Launch what makes room.left of the rows of the last chain's output."""

    # --- running -------------------------------------------------------------------------------

    def launch_frame(self, room: CodecRoom, rows: int | None = None) -> None:
        """All launches of a frame; rows: of the first chain's input, where a stream ends with less than a frame."""
        front, back, told = self.front, self.back, room.told
        steps = self.steps if rows is None else front.rows_in(front.output, rows)
        front.begin(room.front, told.at("front"))
        self.enter(room)
        front.run(room.front, told.at("frames"), rows)
        front.end(room.front, told.at("front"))
        back.begin(room.back, told.at("back"))
        self.middle.run(
            room.scratch,
            steps * room.streams,
            steps,
            room.places,
            room.front.rows[front.output],
            room.back.rows[back.input],
            back.buffers[back.input].width,
        )
        back.run(room.back, told.at("frames"), steps)
        self.leave(room)
        back.end(room.back, told.at("back"))

    def room(self, streams: int, places: int | None = None) -> CodecRoom:
        """One for so many streams, ready to play."""
        key = bucket_for(streams), self.middle.places(self.steps) if places is None else places
        if key not in self._rooms:
            room = self._rooms[key] = CodecRoom(self, *key)
            room.leave_alone()
            room.play = self.device.record(lambda: self.launch_frame(room))
        return self._rooms[key]

    def frame(self, streams: Sequence[CodecStream], given: np.ndarray, out: np.ndarray) -> None:
        """One frame of every stream: given (B, given_floats) of any 32-bit type -> out (B, left_floats) float32.

        At the end of a stream that is alone, `given` may be shorter, if its rows are of one float.
        """
        distinct(streams, "codec")
        with self.device:
            for s in streams:
                if s is None or s.codec is not self:
                    raise ValueError("this codec stream belongs to another codec")
            room = self.room(len(streams), streams[0].places)
            count = given.shape[1]
            room.given_host[: len(streams), :count] = given.view(np.float32)
            room.tell(self, streams)
            self.device.send(room.given, room.given_host)
            assert room.play is not None
            if count == self.given_floats:
                room.play()
            else:
                self.launch_frame(room, count)
            self.device.fetch(room.left, room.left_host)
            out[...] = room.left_host[: len(streams)]
            for s in streams:
                s.frames += 1


class SoundCodec(Codec):
    """A codec whose last chain makes sound: left_floats samples of a frame, of rows that may be wider."""

    def leave(self, room: CodecRoom) -> None:
        out = self.back.buffers[self.back.output]
        to = Rows(rows_of(room.left).at, 1, self.left_floats)
        x = room.back.rows[self.back.output]
        launch_repack(self.device, to, 1, x, out.width, self.left_floats, room.streams)


class HearingCodec(Codec):
    """A codec whose first chain hears given_floats samples of a frame, and whose last leaves one row."""

    def enter(self, room: CodecRoom) -> None:
        x, to = Rows(rows_of(room.given).at, 1, self.given_floats), room.front.rows[self.front.input]
        width = self.front.buffers[self.front.input].width
        launch_repack(self.device, to, width, x, 1, self.given_floats, room.streams)

    def leave(self, room: CodecRoom) -> None:
        width = self.left_floats
        x = room.back.rows[self.back.output]
        launch_repack(self.device, rows_of(room.left), width, x, width, 1, room.streams)


def launch_repack(
    device: Device, y: Rows, y_width: int, x: Rows, x_width: int, per_stream: int, streams: int
) -> None:
    """Rows of x_width floats to rows of y_width, which have nothing between them; what is missing is zero."""
    total = per_stream * y_width * streams
    device.launch(
        "repack",
        ((total + 255) // 256,),
        256,
        y.at,
        np.int64(y.stream),
        y_width,
        x.at,
        np.int64(x.stream),
        x_width,
        per_stream,
        streams,
    )
