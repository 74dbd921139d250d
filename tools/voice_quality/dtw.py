"""Dynamic time warping of many pairs at once, and what is read off it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.lib.stride_tricks import as_strided

Pair = tuple[np.ndarray, np.ndarray]

_CELLS = 8_000_000  # of cost matrices held at once
_DECIBELS = 10 / np.log(10) * np.sqrt(2)


def align(costs: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The cheapest monotone paths through cost matrices, from the first corner to the last.

    costs (n, m, b), of which the first rows (b,) and columns (b,) count; a step goes one row, one column or both
    ahead. Returns the sum of the costs on each path (b,) and its number of cells (b,).
    """
    n, m, batch = costs.shape
    totals, cells = np.zeros(batch, dtype=np.float32), np.zeros(batch, dtype=np.int32)
    # By diagonals: cell (i, d - i) comes from (i - 1, d - i) and (i, d - 1 - i) of the diagonal before or from
    # (i - 1, d - 1 - i) of the one before that. Row i is at i + 1; at 0 there is nothing to come from, but the start.
    before, last, now = (_Diagonal(n, batch) for _ in range(3))
    before.sums[0] = 0
    row, column, one = costs.strides
    for d in range(n + m - 1):
        low, high = max(0, d - m + 1), min(n, d + 1)
        here = as_strided(costs[low, d - low :], (high - low, batch), (row - column, one))
        above, left, both = slice(low, high), slice(low + 1, high + 1), slice(low, high)
        straight = np.where(last.sums[above] <= last.sums[left], last.cells[above], last.cells[left])
        sums = np.minimum(last.sums[above], last.sums[left])
        now.cells[left] = np.where(before.sums[both] <= sums, before.cells[both], straight) + 1
        now.sums[left] = np.minimum(before.sums[both], sums) + here
        done = np.flatnonzero(rows + columns - 2 == d)
        totals[done], cells[done] = now.sums[rows[done], done], now.cells[rows[done], done]
        before, last, now = last, now, before
        now.sums[0] = np.inf
    return totals, cells


class _Diagonal:
    """The cheapest paths to the cells of a diagonal."""

    def __init__(self, rows: int, batch: int):
        self.sums = np.full((rows + 1, batch), np.inf, dtype=np.float32)
        self.cells = np.zeros((rows + 1, batch), dtype=np.int32)


def mean_costs(pairs: Iterable[Pair]) -> np.ndarray:
    """(pairs,): the mean Euclidean distance of rows along the path of each pair of (n, c) and (m, c)."""
    pairs = list(pairs)
    means = np.zeros(len(pairs))
    for group in _groups(pairs):
        lengths = np.array([[len(side) for side in pairs[k]] for k in group])
        costs = np.zeros((*lengths.max(axis=0), len(group)), dtype=np.float32)
        for place, k in enumerate(group):
            a, b = pairs[k]
            costs[: len(a), : len(b), place] = distances(a, b)
        totals, cells = align(costs, lengths[:, 0], lengths[:, 1])
        means[group] = totals / cells
    return means


def _groups(pairs: Sequence[Pair]) -> Iterator[list[int]]:
    """The numbers of the pairs, those of similar lengths together, as many as may be held at once."""
    group: list[int] = []
    rows = columns = 0
    for k in sorted(range(len(pairs)), key=lambda k: len(pairs[k][0]) + len(pairs[k][1])):
        a, b = pairs[k]
        rows, columns = max(rows, len(a)), max(columns, len(b))
        if group and (len(group) + 1) * rows * columns > _CELLS:
            yield group
            group, rows, columns = [], len(a), len(b)
        group.append(k)
    if group:
        yield group


def distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(n, m): Euclidean distances of the rows of a (n, c) and b (m, c)."""
    squares = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1)[None] - 2 * a @ b.T
    return np.sqrt(np.maximum(squares, 0))


def distortion(pairs: Iterable[Pair]) -> np.ndarray:
    """(pairs,): mel-cepstral distortion in dB of cepstra (n, 13) and (m, 13).

    10 / ln 10 * sqrt(2 sum over c1..c12 of the squared difference), mean along the path that makes it least;
    the level, c0, does not count.
    """
    return _DECIBELS * mean_costs((a[:, 1:], b[:, 1:]) for a, b in pairs)


def retrieved(said: Sequence[np.ndarray], truths: Sequence[np.ndarray]) -> np.ndarray:
    """(sentences,) bool: whether truth k is the nearest of all truths to what was said as k.

    Cepstra (n, 13), c0 without its mean, every other frame.
    """
    levelled = [
        [np.column_stack([c[:, 0] - c[:, 0].mean(), c[:, 1:]])[::2] for c in group]
        for group in (said, truths)
    ]
    costs = mean_costs((a, b) for a in levelled[0] for b in levelled[1])
    return costs.reshape(len(said), len(truths)).argmin(axis=1) == np.arange(len(said))
