# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Kernels and the modules made of them, one at a time, with checks: for tests and benchmarks.

Stages call the table, the chains and the layers directly.
"""

from libc.string cimport memcpy

import numpy as np

from pocket_fast.cpu._dispatch cimport kernels
from pocket_fast.cpu._kernels cimport PF_F32, PF_PANEL, PF_SNAKE, pf_gemm
from pocket_fast.cpu._memory cimport Arena
from pocket_fast.cpu._team cimport pf_alone, pf_team
from pocket_fast.cpu.attention cimport Run
from pocket_fast.cpu.conv cimport ConvChain
from pocket_fast.cpu.packing cimport PackedLinear, plain_gemm, prepare_rows, prepared_bytes
from pocket_fast.cpu.packing import ACTIVATIONS
from pocket_fast.cpu.transformer cimport Stack, TransformerScratch


def carve(counted, cut, bint zeroed=False):
    """Where pieces of so many bytes begin in an arena, that counted and cut these. Raises as Arena."""
    cdef Arena arena = Arena(zeroed)
    cdef list lists = [cut, counted], places = []
    while arena.again():
        places = [<size_t>arena.take(nbytes) - <size_t>arena.base for nbytes in lists.pop()]
    return places, arena.size


def linear(x, PackedLinear weight, y, *, scale=None, skip=None, active=None, activation=None, snake=None,
           rows=None, Py_ssize_t x_row=-1, Py_ssize_t x_tap=0, panels=None):
    """y = (x W^T + bias) * scale + skip; active = activation(y); in place, one thread.

    x (M, K) float32 (or flat, with x_row and x_tap in floats for convolutions), y and active (M, N) or
    None, scale (N,) or (M, N), skip (M, N); snake (2, N) instead of an activation's name: the two factors of
    each channel. rows, panels: (first, end) to compute, default all.
    Raises ValueError for shapes that do not chain.
    """
    cdef pf_gemm g
    cdef int n = weight.c.n, m
    cdef const float[::1] flat = x.reshape(-1)
    cdef const float[:, ::1] scales
    cdef const float[:, ::1] skips
    cdef const float[:, ::1] snakes
    cdef float[:, ::1] ys
    cdef float[:, ::1] actives
    out = y if y is not None else active
    m = out.shape[0]
    if x_row < 0:
        x_row = weight.c.k * weight.c.taps
        x_tap = weight.c.k
        if x.shape != (m, x_row):
            raise ValueError(f"linear: x {x.shape}, expected {(m, x_row)}")
    reach = (m - 1) * x_row + (weight.c.taps - 1) * x_tap + weight.c.k
    others = [v for v in (y, active, skip) if v is not None]
    if (any(v.shape != (m, n) for v in others) or (m and flat.shape[0] < reach)
            or (scale is not None and scale.shape not in ((n,), (m, n)))
            or (snake is not None and snake.shape != (2, n))):
        raise ValueError(f"linear: x {x.shape}, weight ({n}, {weight.c.k} * {weight.c.taps}), out {out.shape}, "
                         f"skip {np.shape(skip)}, scale {np.shape(scale)}, snake {np.shape(snake)}")
    r0, r1 = (0, m) if rows is None else rows
    p0, p1 = (0, weight.c.panels) if panels is None else panels
    if not 0 <= r0 <= r1 <= m or not 0 <= p0 <= p1 <= weight.c.panels:
        raise ValueError(f"linear: rows {rows} of {m}, panels {panels} of {weight.c.panels}")
    if m == 0 or n == 0:
        return
    plain_gemm(&g, &flat[0] if flat.shape[0] else NULL, x_row, NULL, n)
    g.x_tap = x_tap
    g.w, g.w_panel, g.bias = weight.c.w, weight.c.w_panel, weight.c.bias
    g.k, g.taps, g.n = weight.c.k, weight.c.taps, n
    if y is not None:
        ys = y
        g.y = &ys[0, 0]
    if active is not None:
        actives = active
        g.a = &actives[0, 0]
        g.a_row = n
        g.activation = ACTIVATIONS[activation]
    if snake is not None:
        snakes = snake
        g.activation, g.snake = PF_SNAKE, &snakes[0, 0]
    if scale is not None:
        scales = np.atleast_2d(scale)
        g.scale = &scales[0, 0]
        g.scale_row = n if scale.ndim == 2 else 0
    if skip is not None:
        skips = skip
        g.skip = &skips[0, 0]
        g.skip_row = n
    cdef Arena arena = Arena()
    cdef void *prepared
    while arena.again():
        prepared = arena.take(prepared_bytes(m, max(reach, x_row), 1))
    cdef pf_team team = pf_alone(prepared)
    prepare_rows(kernels(), &team, &weight.c, &g, m)
    kernels().gemm[weight.c.kind](&g, r0, r1, p0, p1)


def norm(float[::1] y, const float[::1] x, float eps, weight=None, bias=None, scale=None, shift=None):
    """y = normalised x [* weight + bias] [* (1 + scale) + shift], all (n,) float32, n >= 1."""
    cdef const float[::1] w, b, s, t
    cdef const float *p[4]
    if y.shape[0] != x.shape[0] or x.shape[0] == 0:
        raise ValueError(f"norm: x ({x.shape[0]},), y ({y.shape[0]},)")
    for pair in (weight, bias), (scale, shift):
        if any(v is not None for v in pair) and any(np.shape(v) != (x.shape[0],) for v in pair):
            raise ValueError(f"norm: weight and bias, scale and shift come in pairs of shape ({x.shape[0]},)")
    p[0] = p[1] = p[2] = p[3] = NULL
    if weight is not None:
        w, b = weight, bias
        p[0], p[1] = &w[0], &b[0]
    if scale is not None:
        s, t = scale, shift
        p[2], p[3] = &s[0], &t[0]
    kernels().norm(&y[0], &x[0], <int>x.shape[0], eps, p[0], p[1], p[2], p[3])


def rms_norm(float[::1] y, const float[::1] x, float eps, const float[::1] weight):
    """y = x / sqrt(mean(x^2) + eps) * weight, all (n,) float32, n >= 1."""
    if not x.shape[0] == y.shape[0] == weight.shape[0] or x.shape[0] == 0:
        raise ValueError(f"rms_norm: x ({x.shape[0]},), y ({y.shape[0]},), weight ({weight.shape[0]},)")
    kernels().rms_norm(&y[0], &x[0], <int>x.shape[0], eps, &weight[0])


def rope(float[::1] x, const float[::1] cos, const float[::1] sin):
    """Rotate x (2 * half,), real parts first, in place by cos, sin (half,)."""
    if x.shape[0] != 2 * cos.shape[0] or cos.shape[0] != sin.shape[0] or x.shape[0] == 0:
        raise ValueError(f"rope: x ({x.shape[0]},), cos ({cos.shape[0]},), sin ({sin.shape[0]},)")
    kernels().rope(&x[0], &cos[0], &sin[0], <int>cos.shape[0])


def softmax(float[::1] p, float scale, first, second=(0, 0)):
    """softmax(scale * p) over two ranges of places, zero elsewhere, in place; len(p) a multiple of 32.

    The second range comes after the first or is empty; one of them is not.
    """
    cdef int n = <int>p.shape[0]
    a0, a1 = first
    b0, b1 = second
    if (n == 0 or n % PF_PANEL or not 0 <= a0 <= a1 <= n or not 0 <= b0 <= b1 <= n
            or (a0 == a1 and b0 == b1) or (b0 < b1 and b0 < a1)):
        raise ValueError(f"softmax: {n} places, ranges {first} and {second}")
    kernels().softmax(&p[0], n, scale, a0, a1, b0, b1)


def activate(float[::1] y, const float[::1] x, name, const float[:, ::1] snake=None):
    """y = x under the activation of that name (packing.ACTIVATIONS), (n,) float32.

    snake (2, n), then name is None: y = x + snake[1] * sin(snake[0] * x)^2.
    """
    cdef pf_gemm g
    if y.shape[0] != x.shape[0] or (snake is not None and (snake.shape[0] != 2 or snake.shape[1] != x.shape[0])):
        raise ValueError(f"activate: x ({x.shape[0]},), y ({y.shape[0]},), snake {np.shape(snake)}")
    if x.shape[0]:   # the epilogue of an empty product, where all activations are computed
        plain_gemm(&g, NULL, 0, NULL, 0)
        g.w, g.w_panel, g.bias = &x[0], 0, NULL   # with k = 0 nothing of w is read
        g.k, g.taps, g.n = 0, 1, <int>x.shape[0]
        g.skip, g.a, g.activation = &x[0], &y[0], ACTIVATIONS[name]
        if snake is not None:
            g.activation, g.snake = PF_SNAKE, &snake[0, 0]
        kernels().gemm[PF_F32](&g, 0, 1, 0, (g.n + PF_PANEL - 1) // PF_PANEL)


def affine(float[::1] y, const float[::1] x, const float[::1] scale, const float[::1] shift):
    """y = x * scale + shift, (n,) float32."""
    if not x.shape[0] == y.shape[0] == scale.shape[0] == shift.shape[0]:
        raise ValueError("affine: lengths differ")
    if x.shape[0]:
        kernels().affine(&y[0], &x[0], &scale[0], &shift[0], <int>x.shape[0])


def upsample(float[:, ::1] y, const float[::1] old, const float[::1] now, const float[:, ::1] w_old,
             const float[:, ::1] w_new):
    """y[j] = w_old[j] * old + w_new[j] * now; y, w_old, w_new (stride, C), old, now (C,) float32."""
    shape = (y.shape[0], old.shape[0])
    if (y.shape[1] != shape[1] or now.shape[0] != shape[1] or (w_old.shape[0], w_old.shape[1]) != shape
            or (w_new.shape[0], w_new.shape[1]) != shape or 0 in shape):
        raise ValueError(f"upsample: shapes do not chain to {shape}")
    kernels().upsample(&y[0, 0], &old[0], &now[0], &w_old[0, 0], &w_new[0, 0], <int>shape[1], <int>shape[0])


def depthwise(float[:, ::1] y, const float[:, ::1] x, const float[:, ::1] w, const float[::1] bias):
    """y[t] = bias + sum over taps of w[tap] * x[t + tap]; y (T, C), x (T + taps - 1, C), w (taps, C), bias (C,)."""
    cdef Py_ssize_t t, rows = y.shape[0], channels = y.shape[1], taps = w.shape[0]
    if (x.shape[0] != rows + taps - 1 or x.shape[1] != channels or w.shape[1] != channels or bias.shape[0] != channels
            or 0 in (rows, channels, taps)):
        raise ValueError(f"depthwise: x {np.shape(x)}, w {np.shape(w)}, bias {np.shape(bias)}, y {np.shape(y)}")
    for t in range(rows):
        kernels().depthwise(&y[t, 0], &x[t, 0], &w[0, 0], &bias[0], <int>channels, <int>taps)


def convolve(ConvChain chain, const float[:, ::1] x, float[::1] state, bint first):
    """One piece through a finished chain, on one thread: x (rows or fewer, channels) -> (rows, channels) float32.

    state (state_floats,): what the chain remembers, zeros before the first piece; updated. Pieces are whole
    numbers of strides, except the last.
    """
    cdef Arena arena = Arena()
    cdef void *prepared
    cdef float *scratch
    cdef int rows = <int>x.shape[0]
    expected = (chain.buffers[chain.input].rows, chain.buffers[chain.input].channels)
    if not 0 < rows <= expected[0] or x.shape[1] != expected[1] or state.shape[0] != chain.state_floats:
        raise ValueError(f"convolve: x {np.shape(x)}, {state.shape[0]} floats of state; expected at most {expected}, "
                         f"{chain.state_floats}")
    y = np.empty((chain.rows_in(chain.output, rows), chain.buffers[chain.output].channels), dtype=np.float32)
    cdef float[:, ::1] out = y
    while arena.again():
        prepared = arena.take(chain.prepared_bytes)
        scratch = arena.floats(chain.scratch_floats)
    cdef pf_team team = pf_alone(prepared)
    cdef float *past = &state[0] if state.shape[0] else scratch       # of no floats: any address will do
    chain.begin(scratch, past)
    memcpy(chain.rows_of(chain.input, scratch), &x[0, 0], x.shape[0] * x.shape[1] * sizeof(float))
    chain.run(kernels(), &team, scratch, rows, first, 1, 0)
    memcpy(&out[0, 0], chain.rows_of(chain.output, scratch), out.shape[0] * out.shape[1] * sizeof(float))
    chain.end(scratch, past, rows)
    return y


def span(Stack stack, int capacity):
    """Memory of the keys and values of `capacity` positions, a multiple of 32, of every layer; flat float32."""
    if capacity < 1 or capacity % PF_PANEL:
        raise ValueError(f"span: {capacity} positions, expected a positive multiple of {PF_PANEL}")
    return np.zeros(stack.span_floats(capacity), dtype=np.float32)


def transform(Stack stack, float[:, ::1] x, float[::1] span, int capacity, int length):
    """x (rows, d) through all layers, in place, one thread.

    span: of `capacity` positions, after `length` rows that went before; a ring if attention is windowed
    (then capacity is at least the window and the rows), else with room for these rows.
    """
    cdef int rows = <int>x.shape[0], r, d = stack.d
    cdef Arena arena = Arena()
    cdef void *prepared
    cdef TransformerScratch s
    cdef Run run
    cdef float *data
    if (rows == 0 or x.shape[1] != d or span.shape[0] != stack.span_floats(capacity)
            or (stack.heads.context + rows if stack.heads.context else length + rows) > capacity):
        raise ValueError(f"transform: x {np.shape(x)} after {length} rows in {capacity} places of {span.shape[0]} floats")
    cdef int positions = capacity if stack.heads.context else length + rows
    while arena.again():
        prepared = arena.take(prepared_bytes(rows, stack.widest, 1))
        stack.cut(&s, arena, rows, 1, positions)
    cdef pf_team team = pf_alone(prepared)
    data = &span[0]
    run.prefix.length = 0
    run.own.blocks, run.own.block, run.own.length = &data, capacity, length
    run.first, run.rows = 0, rows
    for r in range(rows):
        memcpy(s.hidden + r * s.hidden_row, &x[r, 0], d * sizeof(float))
    stack.forward(kernels(), &team, &s, &run, 1, rows, False)
    for r in range(rows):
        memcpy(&x[r, 0], s.hidden + r * s.hidden_row, d * sizeof(float))
