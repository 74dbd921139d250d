"""AAC by FFmpeg's encoder, through PyAV, which only machines that want it have."""

from __future__ import annotations

from contextlib import suppress
from importlib.util import find_spec
from typing import Any

import numpy as np

from pocket_fast.audio.codecs import RawEncoder
from pocket_fast.audio.formats import FORMATS
from pocket_fast.audio.sink import Outbox, Sink
from pocket_fast.errors import UnsupportedError

_BIT_RATE = 64_000
_BLOCK = 1024  # samples of a frame of AAC


def can_encode() -> bool:
    """Whether PyAV is installed. It is not imported for that: it takes a fifth of a second."""
    return find_spec("av") is not None


class AacEncoder(RawEncoder):
    """AAC in ADTS frames, each sent when it is complete; the first 1024 samples that are decoded are the encoder's.

    Raises UnsupportedError where PyAV is not installed.
    """

    def __init__(self, sink: Sink, sample_rate: int) -> None:
        super().__init__(sink)
        if not can_encode():
            others = " ".join(name for name in FORMATS if name != "aac")
            raise UnsupportedError(
                "writing AAC needs PyAV, which is not installed: pip install 'pocket-fast[aac]', or choose another of: "
                f"{others}"
            )
        self._rate = sample_rate
        self._waiting = np.zeros(0, np.float32)  # less than a block
        self._done = 0
        self._container: Any = None
        self._made = Outbox()  # what the sink raises had better not go through PyAV's callbacks

    def start(self) -> None:
        import av

        self._container = av.open(self._made, "w", format="adts", options={"flush_packets": "1"})
        self._stream = self._container.add_stream("aac", rate=self._rate, layout="mono")
        self._stream.bit_rate = _BIT_RATE

    def put(self, x: np.ndarray) -> None:
        x = np.concatenate([self._waiting, x])
        whole = len(x) // _BLOCK * _BLOCK
        for start in range(0, whole, _BLOCK):
            self._encode(x[start : start + _BLOCK])
        self._waiting = x[whole:].copy()

    def finish(self) -> None:
        if len(self._waiting):
            self._encode(self._waiting)
        self._container.mux(self._stream.encode(None))
        self._container.close()
        self._sink.write(self._made.take())

    def drop(self) -> None:
        if self._container is not None:
            with suppress(Exception):  # nobody wants its end any more
                self._container.close()

    def _encode(self, x: np.ndarray) -> None:
        import av

        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(x[None]), format="fltp", layout="mono")
        frame.sample_rate, frame.pts = self._rate, self._done
        self._done += len(x)
        self._container.mux(self._stream.encode(frame))
        self._sink.write(self._made.take())
