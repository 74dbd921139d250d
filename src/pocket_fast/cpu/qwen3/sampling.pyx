# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""From logits to a code: greedy, or the temperature, the top k, the top p and the inverse distribution function.

Randomness comes in as a uniform number per draw, so a draw is a function of its logits. Order of the steps, ties
and precision (float32 scores and probabilities, cumulative sums in float64, the cut at top p compared in float32)
are those of transformers' logits processors (4.57) on a CPU.
"""

from libc.limits cimport INT_MAX
from libc.math cimport INFINITY, expf

import numpy as np

cdef double LEAST = 1e-6     # and most that logits are divided by
cdef double MOST = 1e6


cdef class Draw:
    """How one code is drawn; its fields are read-only.

    do_sample: False takes the largest logit, the first of equals. Else: logits are divided by temperature (beyond
    1e-6 and 1e6 by these: all that would change is quotients that overflow); those below the top_k-th largest are
    dropped (0 keeps all, what equals the top_k-th stays); then the least likely, as long as together they have at
    most 1 - top_p. Raises ValueError for a temperature that is not above 0, a top_p outside [0, 1], a negative top_k.
    """

    def __init__(self, bint do_sample=True, top_k=50, double top_p=1.0, double temperature=0.9):
        if do_sample and not 0 < temperature < INFINITY:
            raise ValueError(f"temperature {temperature}: expected a number above 0 (do_sample=False takes the likeliest)")
        if not 0 <= top_p <= 1:
            raise ValueError(f"top_p {top_p}: expected a probability from 0 to 1")
        if top_k < 0:
            raise ValueError(f"top_k {top_k}: expected a number of codes, or 0 for all of them")
        self.top_p, self.temperature = top_p, temperature
        self.c.do_sample, self.c.top_k = do_sample, min(top_k, INT_MAX)
        self.c.temperature = min(max(temperature, LEAST), MOST)
        self.c.below = 1 - top_p

    @property
    def do_sample(self):
        return self.c.do_sample

    @property
    def top_k(self):
        return self.c.top_k

    def __repr__(self):
        return (f"Draw(do_sample={bool(self.c.do_sample)}, top_k={self.c.top_k}, top_p={self.top_p}, "
                f"temperature={self.temperature})")


cdef Py_ssize_t pick_floats(int n) noexcept nogil:
    """Floats of scratch that pick() needs for n logits."""
    return 4 * <Py_ssize_t>n


cdef int pick(const float *logits, int n, const Drawing *draw, double uniform, float *scratch) noexcept nogil:
    """The index of the code that `uniform` in [0, 1) draws from logits (n,), n > 0; -inf is never drawn.

    The first index whose cumulative probability, in order of index, exceeds uniform. scratch: pick_floats(n).
    """
    cdef float *scores = scratch
    cdef float *p = scratch + n
    cdef int *kept = <int *>(scratch + 2 * <Py_ssize_t>n)      # indices, ascending
    cdef int *order = <int *>(scratch + 3 * <Py_ssize_t>n)
    cdef int i, m = 0, best = 0
    cdef float least = -INFINITY
    cdef double sum
    if not draw.do_sample:
        for i in range(1, n):
            if logits[i] > logits[best]:
                best = i
        return best
    for i in range(n):
        scores[i] = logits[i] / draw.temperature
    if 0 < draw.top_k < n:
        least = _kth_largest(scores, n, draw.top_k, p)
    for i in range(n):
        if scores[i] >= least and scores[i] > -INFINITY:
            scores[m] = scores[i]
            kept[m] = i
            m += 1
    if draw.below > 0:
        _softmax(p, scores, m)
        m = _drop_unlikely(scores, p, kept, order, m, draw.below)
    _softmax(p, scores, m)
    sum = 0
    for i in range(m):
        sum += p[i]
        if p[i] > 0:
            best = kept[i]
        if sum > uniform:
            break
    return best     # rounding may leave the whole sum below uniform: then the last that is possible


cdef void _softmax(float *p, const float *scores, int m) noexcept nogil:
    cdef int i
    cdef float top = -INFINITY, all
    cdef double sum = 0
    for i in range(m):
        top = max(top, scores[i])
    for i in range(m):
        p[i] = expf(scores[i] - top)
        sum += p[i]
    all = <float>sum
    for i in range(m):
        p[i] /= all


cdef float _kth_largest(const float *x, int n, int k, float *heap) noexcept nogil:
    """The k-th largest of x, 0 < k <= n: the root of a heap (k,) of the k largest."""
    cdef int i
    for i in range(k):
        heap[i] = x[i]
    for i in range(k // 2 - 1, -1, -1):
        _sift_values(heap, k, i)
    for i in range(k, n):
        if x[i] > heap[0]:
            heap[0] = x[i]
            _sift_values(heap, k, 0)
    return heap[0]


cdef void _sift_values(float *heap, int n, int at) noexcept nogil:
    """Restore a min-heap whose place `at` may be too large."""
    cdef float value = heap[at]
    cdef int child = 2 * at + 1
    while child < n:
        if child + 1 < n and heap[child + 1] < heap[child]:
            child += 1
        if heap[child] >= value:
            break
        heap[at] = heap[child]
        at, child = child, 2 * child + 1
    heap[at] = value


cdef int _drop_unlikely(float *scores, const float *p, int *kept, int *order, int m, float below) noexcept nogil:
    """Drop the least likely of m candidates (of equals the first), as long as their sum is at most `below`.

    One always stays. Closes the gaps in scores and kept, and returns how many are left. As quickselect: places in
    order[:lo] are dropped and sum up to `dropped`, those in order[hi:] stay, what is between is undecided.
    """
    cdef int i, lo = 0, hi = m, at = 0, place, pivot
    cdef double dropped = 0, lower
    for i in range(m):
        order[i] = i
        if _before(scores, at, i):
            at = i
    if m:                   # the likeliest stays
        hi -= 1
        order[at], order[hi] = hi, at
    while lo < hi:
        pivot = order[lo + (hi - lo) // 2]
        at, lower = lo, 0
        for i in range(lo, hi):
            place = order[i]
            if not _before(scores, pivot, place):
                lower += p[place]
                order[i], order[at] = order[at], place
                at += 1
        if <float>(dropped + lower) <= below:
            dropped += lower
            lo = at
        else:               # so the pivot stays
            hi = _to_end(order, lo, at, pivot)
    for i in range(lo):
        kept[order[i]] = -1
    at = 0
    for i in range(m):
        if kept[i] >= 0:
            scores[at] = scores[i]
            kept[at] = kept[i]
            at += 1
    return at


cdef int _to_end(int *order, int lo, int hi, int place) noexcept nogil:
    """Swap `place` to the end of order[lo:hi]; returns where that is."""
    cdef int i = lo
    while order[i] != place:
        i += 1
    order[i], order[hi - 1] = order[hi - 1], place
    return hi - 1


cdef bint _before(const float *scores, int a, int b) noexcept nogil:
    return scores[a] < scores[b] or (scores[a] == scores[b] and a < b)


def pick_codes(const float[:, ::1] logits, draws, const double[::1] uniforms, penalties, seen, may_end, *, int codes,
               int end):
    """Code 0 of the next frame of B streams, or the end of their speech: (B,) int32.

    logits (B, V) float32, unchanged; draws: a Draw each; uniforms (B,) float64 in [0, 1); penalties (B,): what a
    code drawn before is made less likely by (1: not at all); seen: a (V,) uint8 array each, nonzero where a code was
    drawn before: the code that is drawn now is set in it; may_end (B,): whether speech may end here. Ids from
    `codes` on are never drawn, but for `end`. In this order: penalty, forbidden ids, the draw.
    Raises ValueError for shapes that do not fit, penalties that are not above 0, an `end` outside the vocabulary.
    """
    cdef int n = <int>logits.shape[1], i, j
    cdef Py_ssize_t batch = logits.shape[0]
    cdef Draw draw
    cdef unsigned char[::1] drawn
    cdef float penalty
    if (not len(draws) == len(penalties) == len(seen) == len(may_end) == uniforms.shape[0] == batch
            or any(np.shape(s) != (n,) for s in seen) or not 0 < codes <= n or not 0 <= end < n):
        raise ValueError(
            f"pick_codes: logits ({batch}, {n}), {len(draws)} draws, {uniforms.shape[0]} uniforms, {len(penalties)} "
            f"penalties, {len(may_end)} may_end, seen {[np.shape(s) for s in seen]}, ids below {codes} and {end}; "
            f"expected {batch} of each, seen ({n},), ids of the {n}"
        )
    if any(not isinstance(d, Draw) for d in draws):
        raise TypeError(f"pick_codes: draws {draws}, expected a Draw for each row")
    if not all(p > 0 for p in penalties):
        raise ValueError(f"pick_codes: penalties {list(penalties)}, expected numbers above 0")
    found = np.empty(batch, dtype=np.int32)
    cdef float[::1] scratch = np.empty(n + pick_floats(n), dtype=np.float32)
    for i in range(<int>batch):
        draw, drawn, penalty = draws[i], seen[i], min(max(<double>penalties[i], LEAST), MOST)
        for j in range(n):
            scratch[j] = logits[i, j]
            if drawn[j]:
                scratch[j] = scratch[j] * penalty if scratch[j] < 0 else scratch[j] / penalty
            if (j >= codes and j != end) or (j == end and not may_end[i]):
                scratch[j] = -INFINITY
        j = pick(&scratch[0], n, &draw.c, uniforms[i], &scratch[n])
        drawn[j] = 1
        found[i] = j
    return found
