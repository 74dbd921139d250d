"""Frames of any streams, in any order: each to its own stream, and back to its own place."""

import numpy as np
import pytest

from pocket_fast.models.decoding import decode_rows


class Decoder:
    """Of every row: how many its stream had before, and the row's number."""

    def __init__(self):
        self.calls = []

    def decode(self, streams, rows, out, threads=0, *, frames=1):
        assert rows.shape == out.shape == (len(streams) * frames, 1)
        self.calls.append((len(streams), frames, threads))
        for i, stream in enumerate(streams):
            for t in range(i * frames, (i + 1) * frames):
                out[t] = 100 * len(stream) + rows[t]
                stream.append(None)


@pytest.mark.parametrize(
    ("order", "calls"),
    [
        ("a", [(1, 1)]),
        ("abc", [(3, 1)]),
        ("aa", [(1, 2)]),
        ("aabb", [(2, 2)]),
        ("abab", [(2, 2)]),
        ("abcbcd", [(2, 1), (2, 2)]),
        ("baaab", [(1, 2), (1, 3)]),
    ],
)
def test_those_with_as_many_go_together(order, calls):
    streams = {name: [] for name in order}
    decoder = Decoder()
    rows = np.arange(len(order), dtype=np.float32)[:, None]
    found = decode_rows(decoder, [streams[name] for name in order], rows, 1, 3)
    expected = [100 * order[:i].count(name) + i for i, name in enumerate(order)]
    assert found.dtype == np.float32
    assert found[:, 0].tolist() == expected
    assert decoder.calls == [(*call, 3) for call in calls]
