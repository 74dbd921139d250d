"""Output arrays that notice every write outside what a test allows."""

from __future__ import annotations

import math

import numpy as np

GUARD = 64
MARK = np.uint32(0x7FC5F00D)  # a NaN that no computation produces


class Guarded:
    """`array`: float32 of any shape, all marked NaN, between guard words; `skew` floats off alignment."""

    def __init__(self, shape, skew=0):
        first, count = GUARD + skew, math.prod(np.atleast_1d(shape))
        self.words = np.full(first + count + GUARD, MARK, np.uint32)
        self.inside = slice(first, first + count)
        self.array = self.words[self.inside].view(np.float32).reshape(shape)

    def fill(self, values):
        """For arrays that a kernel changes in place."""
        self.array[...] = values
        return self

    def check(self, written=True):
        """Fails unless exactly the places of the mask `written` were written, and no guard word was."""
        outside = np.delete(self.words, self.inside)
        assert (outside == MARK).all(), "wrote outside the array"
        kept = self.array.view(np.uint32) == MARK
        written = np.broadcast_to(written, self.array.shape)
        assert not kept[written].any(), "left a place of its range unwritten"
        assert kept[~written].all(), "wrote a place outside its range"


def same_bits(a, b):
    """Equal shape and equal bits: NaN equals itself, -0 differs from 0."""
    a, b = np.ascontiguousarray(a), np.ascontiguousarray(b)
    return a.shape == b.shape and a.dtype == b.dtype and a.tobytes() == b.tobytes()
