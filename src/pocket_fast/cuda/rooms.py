"""What a call of so many streams works in: sizes that batches come in, and what the host tells the GPU of each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pocket_fast.cuda.device import Device, address
from pocket_fast.cuda.transformer import Places

BUCKETS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
NOBODY = -1  # the position of a row that is nobody's


def bucket_for(streams: int) -> int:
    """The smallest batch that has room for so many."""
    for size in BUCKETS:
        if streams <= size:
            return size
    return (streams + BUCKETS[-1] - 1) // BUCKETS[-1] * BUCKETS[-1]


def buckets_up_to(streams: int) -> list[int]:
    """The sizes of batches of 1 to so many streams."""
    return [size for size in BUCKETS if size <= bucket_for(streams)]


class Told:
    """Numbers that the host fills in before a call: one piece of memory, sent at once.

    fields: {name: (shape, dtype)}; each is an array of the host by its name, and an address on the device by at().
    """

    def __init__(self, device: Device, fields: dict[str, tuple[tuple[int, ...], Any]]):
        self._device, self._offsets, at = device, {}, 0
        for name, (shape, dtype) in fields.items():
            self._offsets[name] = at
            at += (int(np.prod(shape)) * np.dtype(dtype).itemsize + 15) // 16 * 16
        self._host = device.host((at // 4,), np.float32)
        self._held = device.zeros(at // 4)
        for name, (shape, dtype) in fields.items():
            first = self._offsets[name] // 4
            size = int(np.prod(shape)) * np.dtype(dtype).itemsize // 4
            setattr(self, name, self._host[first : first + size].view(dtype).reshape(shape))

    def at(self, name: str) -> np.uint64:
        return address(self._held, self._offsets[name] // 4)

    def send(self) -> None:
        self._device.send(self._held, self._host)


def places_told(told: Any, pitch: int, page: int, ring: bool) -> Places:
    """Of fields tables, streams and positions."""
    return Places(told.at("tables"), pitch, told.at("streams"), told.at("positions"), page, ring)


class Answer:
    """What a call leaves on the device, (rows, width) float32, and a place on the host that it is copied to."""

    def __init__(self, device: Device, rows: int, width: int):
        self.held = device.zeros((rows, width))
        self._device, self._host = device, device.host((rows, width), np.float32)

    def fetch(self, rows: int, out: np.ndarray) -> None:
        """The first rows, as wide as `out` is."""
        self._device.fetch(self.held, self._host)
        out[...] = self._host[:rows, : out.shape[1]]


def distinct(streams: Sequence[Any], what: str) -> None:
    """Raises RuntimeError if one is there twice."""
    if len({id(s) for s in streams}) < len(streams):
        raise RuntimeError(f"{what}: this stream is twice in one batch")
