"""Frames to sound by a stage that takes as many of every stream: they may be of any streams, as many as there are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np


def decode_rows(
    decoder: Any, streams: Sequence[Any], rows: np.ndarray, samples: int, threads: int
) -> np.ndarray:
    """(n, samples) float32 of rows (n, width), each of the stream that stands in its place; those of a stream in order.

    Streams with as many rows go together.
    """
    places: dict[int, list[int]] = {}
    for i, stream in enumerate(streams):
        places.setdefault(id(stream), []).append(i)
    pcm = np.empty((len(rows), samples), dtype=np.float32)
    for count in sorted({len(found) for found in places.values()}):
        alike = [found for found in places.values() if len(found) == count]
        order = [i for found in alike for i in found]
        one_by_one = order == list(range(len(rows)))
        made = pcm if one_by_one else np.empty((len(order), samples), dtype=np.float32)
        given = rows if one_by_one else rows[order]
        decoder.decode([streams[found[0]] for found in alike], given, made, threads, frames=count)
        if not one_by_one:
            pcm[order] = made
    return pcm
