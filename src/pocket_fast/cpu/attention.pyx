# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Causal attention over key/value spans held in the panel form of packed weights.

q k^T and p v are then calls of the one matrix kernel: keys are a matrix with a column per position,
values one with a row per position. Masked scores are exactly zero, so a sum does not depend on how
much room a span has or on how many rows a call brings. Blocks begin at fixed positions and are summed
in their order, so it does not depend on the calls that filled them either.
"""

from libc.math cimport sqrtf
from libc.stdint cimport uint16_t, uint32_t

import numpy as np

from pocket_fast.cpu._kernels cimport PF_BF16, PF_PANEL, pf_gemm, pf_kernels
from pocket_fast.cpu._memory import widen
from pocket_fast.cpu._team cimport pf_share, pf_team
from pocket_fast.cpu.packing cimport plain_gemm
from pocket_fast.cpu.packing import round_to_bf16

cdef enum:
    SCORE_ROWS = 8        # query rows whose scores are held at a time


def rope_order(int heads, int dim):
    """Row order that makes interleaved rotary pairs (2i, 2i + 1) into halves [real | imaginary], per head.

    (heads * dim,) int64. Scores do not change, because queries and keys are permuted alike.
    """
    one = np.concatenate([np.arange(0, dim, 2), np.arange(1, dim, 2)])
    return (np.arange(heads)[:, None] * dim + one[None, :]).reshape(-1)


def to_panels(flat, keys, values):
    """Fill one layer of a span from keys, values (length, kv, dim) float32 in upstream's order.

    flat (kv, numbers of a head) zeroed: float32, or uint16 for bfloat16, to which they are rounded.
    """
    length, kv, dim = keys.shape
    padded = (dim + PF_PANEL - 1) // PF_PANEL * PF_PANEL
    capacity, pair = flat.shape[1] // (dim + padded), 1 if flat.dtype == np.float32 else 2
    k = np.zeros((kv, capacity, dim), dtype=flat.dtype)
    v = np.zeros((kv, capacity, padded), dtype=flat.dtype)
    if pair == 2:
        keys, values = round_to_bf16(keys), round_to_bf16(values)
    k[:, :length] = keys.transpose(1, 0, 2)[:, :, rope_order(1, dim)]
    v[:, :length, :dim] = values.transpose(1, 0, 2)
    panels = flat[:, :capacity * dim].reshape(kv, capacity // PF_PANEL, dim // pair, PF_PANEL, pair)
    panels[:] = k.reshape(kv, -1, PF_PANEL, dim // pair, pair).swapaxes(2, 3)
    panels = flat[:, capacity * dim:].reshape(kv, padded // PF_PANEL, capacity // pair, PF_PANEL, pair)
    panels[:] = v.reshape(kv, capacity // pair, pair, -1, PF_PANEL).transpose(0, 3, 1, 4, 2)


def from_panels(flat, int length, int dim):
    """Keys and values (2, length, kv, dim) float32 in upstream's order, of one layer of a span: undoes to_panels."""
    kv = flat.shape[0]
    padded = (dim + PF_PANEL - 1) // PF_PANEL * PF_PANEL
    capacity, pair = flat.shape[1] // (dim + padded), 1 if flat.dtype == np.float32 else 2
    keys = flat[:, :capacity * dim].reshape(kv, -1, dim // pair, PF_PANEL, pair).swapaxes(2, 3)
    values = flat[:, capacity * dim:].reshape(kv, -1, capacity // pair, PF_PANEL, pair).transpose(0, 2, 4, 1, 3)
    keys, values = keys.reshape(kv, capacity, dim), values.reshape(kv, capacity, padded)
    back = np.argsort(rope_order(1, dim))
    return widen(np.stack([keys[:, :length, back].transpose(1, 0, 2), values[:, :length, :dim].transpose(1, 0, 2)]))


cdef Py_ssize_t span_head(const Heads *heads, int block) noexcept nogil:
    """Memory of one head's keys and values of `block` positions in one layer, in floats."""
    cdef Py_ssize_t padded = (heads.dim + PF_PANEL - 1) // PF_PANEL * PF_PANEL
    return block * (heads.dim + padded) // (2 if heads.kind == PF_BF16 else 1)


cdef const char *_keys(const Heads *heads, const Span *span, int block, int layer, int head) noexcept nogil:
    """A head's keys in one of the blocks; its values follow after `span.block` of them."""
    return <const char *>(span.blocks[block] + (layer * heads.kv + head) * span_head(heads, span.block))


cdef Py_ssize_t _element(const Heads *heads) noexcept nogil:
    """Bytes of one number of a key or a value."""
    return 2 if heads.kind == PF_BF16 else 4


cdef Py_ssize_t score_floats(const Heads *heads, int positions) noexcept nogil:
    """Scratch of one thread when rows attend to at most `positions` positions, in whole cache lines."""
    cdef Py_ssize_t rows = max(<int>SCORE_ROWS, heads.n // heads.kv)
    return (rows * (positions + 2 * PF_PANEL) + 15) // 16 * 16


cdef void attend(const pf_kernels *kernels, const pf_team *team, const Heads *heads, int layer, Run *runs, int n_runs,
                 float *qkv, Py_ssize_t qkv_row, const float *q_norm, const float *k_norm, float eps, const float *cos,
                 const float *sin, float *out, Py_ssize_t out_row, float *scores, bint keys_only) noexcept nogil:
    """[Norm], rotate, append keys and values, attend: this thread's (stream, key/value head) pairs.

    qkv (rows, heads.n + 2 heads.kv heads): queries, keys, values, overwritten; q_norm, k_norm (dim,): weights
    of an RMSNorm of each query and key head, or NULL; cos, sin (rows, dim / 2);
    out (rows, heads.n * dim); scores: this thread's score_floats. keys_only: append, nothing else.
    """
    cdef int lo, hi, item, head
    cdef Run *run
    pf_share(team, n_runs * heads.kv, 1, &lo, &hi)
    for item in range(lo, hi):     # all streams of one head in a row: a voice they share stays in the cache
        run, head = &runs[item % n_runs], item // n_runs
        if q_norm != NULL:
            _norm_heads(kernels, heads, run, head, qkv, qkv_row, q_norm, k_norm, eps)
        _append(kernels, heads, run, layer, head, qkv, qkv_row, cos, sin)
        if not keys_only:
            _attend_head(kernels, heads, run, layer, head, qkv, qkv_row, out, out_row, scores)


cdef void _norm_heads(const pf_kernels *kernels, const Heads *heads, const Run *run, int head, float *qkv,
                      Py_ssize_t qkv_row, const float *q_norm, const float *k_norm, float eps) noexcept nogil:
    """RMSNorm of this head's queries and keys, in place."""
    cdef int group = heads.n // heads.kv, dim = heads.dim, t, h
    cdef float *row
    for t in range(run.first, run.first + run.rows):
        row = qkv + t * qkv_row
        for h in range(head * group, (head + 1) * group):
            kernels.rms_norm(row + h * dim, row + h * dim, dim, eps, q_norm)
        kernels.rms_norm(row + (heads.n + head) * dim, row + (heads.n + head) * dim, dim, eps, k_norm)


cdef void _append(const pf_kernels *kernels, const Heads *heads, Run *run, int layer, int head, float *qkv,
                  Py_ssize_t qkv_row, const float *cos, const float *sin) noexcept nogil:
    """Rotate this head's queries and keys, then write its keys and values into the run's own span."""
    cdef int group = heads.n // heads.kv, dim = heads.dim, half = heads.dim // 2, t, h, place
    cdef int block = run.own.block
    cdef char *keys
    cdef char *values
    cdef float *row
    cdef float *k
    cdef float *v
    for t in range(run.first, run.first + run.rows):
        row = qkv + t * qkv_row
        k = row + (heads.n + head) * dim
        v = row + (heads.n + heads.kv + head) * dim
        for h in range(head * group, (head + 1) * group):
            kernels.rope(row + h * dim, cos + t * half, sin + t * half, half)
        kernels.rope(k, cos + t * half, sin + t * half, half)
        place = run.own.length + t - run.first
        keys = <char *>_keys(heads, &run.own, 0 if heads.context else place // block, layer, head)
        values = keys + <Py_ssize_t>block * dim * _element(heads)
        if heads.kind == PF_BF16:
            _write_bf16(<uint16_t *>keys, <uint16_t *>values, k, v, dim, block, place % block)
        else:
            _write_f32(<float *>keys, <float *>values, k, v, dim, block, place % block)


cdef void _write_f32(float *keys, float *values, const float *k, const float *v, int dim, int block,
                     int slot) noexcept nogil:
    """Key k and value v (dim,) into place `slot` of a head's block."""
    cdef int c
    for c in range(dim):
        keys[(<Py_ssize_t>(slot // PF_PANEL) * dim + c) * PF_PANEL + slot % PF_PANEL] = k[c]
    for c in range(dim):
        values[(<Py_ssize_t>(c // PF_PANEL) * block + slot) * PF_PANEL + c % PF_PANEL] = v[c]


cdef void _write_bf16(uint16_t *keys, uint16_t *values, const float *k, const float *v, int dim, int block,
                      int slot) noexcept nogil:
    """_write_f32 in pairs: of neighbours in a key, of neighbouring positions for a value."""
    cdef int c
    for c in range(dim):
        keys[((<Py_ssize_t>(slot // PF_PANEL) * (dim // 2) + c // 2) * PF_PANEL + slot % PF_PANEL) * 2 + c % 2] = _bf16(k[c])
    for c in range(dim):
        values[((<Py_ssize_t>(c // PF_PANEL) * (block // 2) + slot // 2) * PF_PANEL + c % PF_PANEL) * 2 + slot % 2] = (
            _bf16(v[c]))


cdef uint16_t _bf16(float x) noexcept nogil:
    """To nearest even on every instruction set; NaN stays NaN."""
    cdef uint32_t bits = (<uint32_t *>&x)[0]
    if bits & 0x7FFFFFFF > 0x7F800000:
        return <uint16_t>(bits >> 16 | 0x40)
    return <uint16_t>((bits + 0x7FFF + (bits >> 16 & 1)) >> 16)


cdef void _attend_head(const pf_kernels *kernels, const Heads *heads, const Run *run, int layer, int head,
                       const float *qkv, Py_ssize_t qkv_row, float *out, Py_ssize_t out_row,
                       float *scores) noexcept nogil:
    """softmax(q k^T / sqrt(dim)) v for every query head that shares this key/value head."""
    cdef int group = heads.n // heads.kv, h, t, n
    if run.rows == 1:     # the group's heads are the rows: one pass over keys and values serves them all
        _attend_block(kernels, heads, run, layer, head, qkv + run.first * qkv_row + head * group * heads.dim, heads.dim,
                      out + run.first * out_row + head * group * heads.dim, heads.dim, group, 0, 0, scores)
        return
    for h in range(head * group, (head + 1) * group):
        t = 0
        while t < run.rows:
            n = min(<int>SCORE_ROWS, run.rows - t)
            _attend_block(kernels, heads, run, layer, head, qkv + (run.first + t) * qkv_row + h * heads.dim, qkv_row,
                          out + (run.first + t) * out_row + h * heads.dim, out_row, n, t, 1, scores)
            t += n


cdef void _attend_block(const pf_kernels *kernels, const Heads *heads, const Run *run, int layer, int head,
                        const float *q, Py_ssize_t q_row, float *out, Py_ssize_t out_row, int rows, int t, int step,
                        float *scores) noexcept nogil:
    """`rows` queries; the first stands at row t of the run, each next one `step` rows later."""
    cdef int prefix = run.prefix.length, ring = run.own.block
    cdef int own = run.own.length + t + (rows - 1) * step + 1                  # places of own in use by then
    cdef int aligned = (prefix + PF_PANEL - 1) // PF_PANEL * PF_PANEL          # own scores start at a panel
    cdef int r, at, oldest, slot, width
    cdef float scale = 1 / sqrtf(<float>heads.dim)
    cdef float *p
    cdef pf_gemm g
    if heads.context:
        own = min(own, ring)
    width = aligned + (own + PF_PANEL - 1) // PF_PANEL * PF_PANEL
    plain_gemm(&g, NULL, 0, NULL, 0)
    g.bias = NULL
    g.taps = 1
    g.x = q
    g.x_row = q_row
    g.y_row = width
    if prefix:
        g.y = scores
        _scores(kernels, heads, &run.prefix, prefix, layer, head, &g, rows)
    g.y = scores + aligned
    _scores(kernels, heads, &run.own, own, layer, head, &g, rows)
    for r in range(rows):
        p = scores + <Py_ssize_t>r * width
        at = run.own.length + t + r * step                                     # this query's position in own
        if not heads.context:
            kernels.softmax(p, width, scale, 0, prefix, aligned, aligned + at + 1)
            continue
        slot = at % ring
        oldest = max(0, at - heads.context + 1)
        if oldest // ring == at // ring:                                       # the window lies in one piece
            kernels.softmax(p, width, scale, oldest % ring, slot + 1, 0, 0)
        else:                                                                  # or around the end of the ring
            kernels.softmax(p, width, scale, 0, slot + 1, oldest % ring, own)
    g.y = out
    g.y_row = out_row
    g.x_row = width
    if prefix:
        g.x = scores
        _weigh(kernels, heads, &run.prefix, prefix, layer, head, &g, rows)
    g.x = scores + aligned
    _weigh(kernels, heads, &run.own, own, layer, head, &g, rows)


cdef void _scores(const pf_kernels *kernels, const Heads *heads, const Span *span, int n, int layer, int head,
                  pf_gemm *g, int rows) noexcept nogil:
    """g.y = g.x keys^T over the first n places of the span."""
    cdef int first = 0
    g.k = heads.dim
    g.w_panel = heads.dim * PF_PANEL * _element(heads)
    while first < n:
        g.n = min(n - first, span.block)
        g.w = _keys(heads, span, first // span.block, layer, head)
        kernels.gemm[heads.kind](g, 0, rows, 0, (g.n + PF_PANEL - 1) // PF_PANEL)
        g.y += span.block
        first += span.block


cdef void _weigh(const pf_kernels *kernels, const Heads *heads, const Span *span, int n, int layer, int head,
                 pf_gemm *g, int rows) noexcept nogil:
    """g.y = g.x values [+ g.skip] over the first n places of the span."""
    cdef int first = 0
    g.n = heads.dim
    g.w_panel = span.block * PF_PANEL * _element(heads)
    while first < n:
        g.k = min(n - first, span.block)
        g.w = _keys(heads, span, first // span.block, layer, head) + span.block * heads.dim * _element(heads)
        kernels.gemm[heads.kind](g, 0, rows, 0, (heads.dim + PF_PANEL - 1) // PF_PANEL)
        g.skip = g.y
        g.skip_row = g.y_row
        g.x += span.block
        first += span.block
