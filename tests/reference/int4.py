"""Weights in four bits, in NumPy: how they are found, what they stand for, and the product.

A row of weights has one scale; 32 of its inputs at a time, a group, share a step and an offset, both 8-bit integers:

    weight = scale * (step * integer - 8 * offset),  integer in [-8, 7], step in [0, 127], offset in [-127, 127]

so every weight is a whole number of scales, and products with 8-bit inputs are exact sums of integers. Step and offset
of a group are those of least squares: the straight line through (integer, weight), for the integers that the line
before gave, from sixteen first lines that leave out more or less of both ends. Everything is float32, in this order of
operations, so that the compiled quantiser can be held to the bit.
"""

import numpy as np

F32 = np.float32
GROUP = 32
_TINY = F32(1e-30)  # a step below is none
_CUTS = (0.0, 0.04, 0.08, 0.12)  # of a group's width, from either end
_STARTS = [
    (F32((1 - low - high) / 15), F32(low - 0.5 + 8 * (1 - low - high) / 15))
    for low in _CUTS
    for high in _CUTS
]
_REFINED = 2  # times


def grouped(weight):
    """(n, groups, 32) float32 of a matrix (n, k); the last group begins again where its inputs end."""
    n, k = weight.shape
    last = (k - 1) // GROUP * GROUP if k else 0
    places = np.arange((k + GROUP - 1) // GROUP * GROUP)
    places[last:] = last + (places[last:] - last) % max(k - last, 1)
    return weight.astype(F32)[:, places].reshape(n, -1, GROUP)


def _integers(weights, step, origin):
    """The integer in [-8, 7] nearest to each weight (..., 32) on its group's line (...)."""
    inverse = np.divide(F32(1), step, out=np.zeros_like(step), where=step > _TINY)
    return np.rint(np.clip((weights - origin[..., None]) * inverse[..., None], F32(-8), F32(7)))


def _sum(values):
    """Over the last axis, one after the other."""
    total = np.zeros(values.shape[:-1], F32)
    for i in range(values.shape[-1]):
        total = total + values[..., i]
    return total


def _line(weights, step, origin):
    """(step, origin, how much of the squares it explains) of least squares for the integers of another line."""
    q = _integers(weights, step, origin)
    ones, squares, both, total = _sum(q), _sum(q * q), _sum(q * weights), _sum(weights)
    spread = squares - ones * ones / F32(GROUP)
    shared = both - ones * total / F32(GROUP)
    found = np.divide(shared, spread, out=np.zeros_like(spread), where=spread > 0)
    return found, (total - found * ones) / F32(GROUP), shared * found


def lines(groups):
    """(step, origin) float32 of each group (..., 32)."""
    low, high = groups.min(-1), groups.max(-1)
    middle, width = (low + high) * F32(0.5), high - low
    weights = groups - middle[..., None]
    step, origin, explained = np.zeros_like(width), np.zeros_like(width), np.full_like(width, -1)

    def better(candidate):
        wins = candidate[2] > explained
        return [
            np.where(wins, new, old) for new, old in zip(candidate, (step, origin, explained), strict=True)
        ]

    for narrow, shift in _STARTS:
        step, origin, explained = better(_line(weights, width * narrow, width * shift))
    for _ in range(_REFINED):
        step, origin, explained = better(_line(weights, step, origin))
    return step, origin + middle


def quantize(weight):
    """(integers (n, groups, 32), steps (n, groups), offsets (n, groups), scales (n,)) of a matrix (n, k)."""
    groups = grouped(weight)
    step, origin = lines(groups)
    most = np.maximum(step / F32(127), np.abs(origin) / F32(8 * 127)).max(-1, initial=F32(0))
    scale = np.where(most > _TINY, most, F32(0))
    inverse = np.divide(F32(1), scale, out=np.zeros_like(scale), where=scale > 0)[:, None]
    steps = np.rint(np.clip(step * inverse, F32(0), F32(127)))
    offsets = np.rint(np.clip(-origin * inverse * F32(0.125), F32(-127), F32(127)))
    integers = _integers(groups, scale[:, None] * steps, -(scale[:, None] * (offsets * F32(8))))
    return integers, steps, offsets, scale


def whole(integers, steps, offsets, k):
    """(n, k): how many scales each weight is."""
    return (steps[..., None] * integers - 8 * offsets[..., None]).reshape(len(integers), -1)[:, :k]


def approximated(weight):
    """The weights (n, k) that stand for `weight`, float64."""
    integers, steps, offsets, scale = quantize(weight)
    return whole(integers, steps, offsets, weight.shape[1]) * scale[:, None].astype(float)


def product(x, weight):
    """x (m, k) float32 times weight (n, k): inputs in 8 bits row by row, exact sums, scaled once in float32."""
    top = np.abs(x).max(axis=1, keepdims=True, initial=F32(0))
    q = np.rint(x * np.divide(F32(127), top, out=np.zeros_like(top), where=top > 0))
    integers, steps, offsets, scale = quantize(weight)
    sums = q.astype(np.int64) @ whole(integers, steps, offsets, weight.shape[1]).astype(np.int64).T
    return sums.astype(F32) * (top / F32(127) * scale)
