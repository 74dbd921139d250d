# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The kernels one at a time, with checks: for tests and benchmarks. Stages call the table directly."""

import numpy as np

from pocket_fast.cpu._dispatch cimport kernels
from pocket_fast.cpu._kernels cimport PF_ELU, PF_GELU, PF_NONE, PF_PANEL, PF_SILU, pf_gemm
from pocket_fast.cpu.packing cimport PackedLinear, plain_gemm

ACTIVATIONS = {None: PF_NONE, "elu": PF_ELU, "gelu": PF_GELU, "silu": PF_SILU}


def linear(x, PackedLinear weight, y, *, scale=None, skip=None, active=None, activation=None, rows=None,
           Py_ssize_t x_row=-1, Py_ssize_t x_tap=0, panels=None):
    """y = (x W^T + bias) * scale + skip; active = activation(y); in place, one thread.

    x (M, K) float32 (or flat, with x_row and x_tap in floats for convolutions), y and active (M, N) or
    None, scale (N,) or (M, N), skip (M, N). rows, panels: (first, end) to compute, default all.
    Raises ValueError for shapes that do not chain.
    """
    cdef pf_gemm g
    cdef int n = weight.c.n, m
    cdef const float[::1] flat = x.reshape(-1)
    cdef const float[:, ::1] scales
    cdef const float[:, ::1] skips
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
            or (scale is not None and scale.shape not in ((n,), (m, n)))):
        raise ValueError(f"linear: x {x.shape}, weight ({n}, {weight.c.k} * {weight.c.taps}), out {out.shape}, "
                         f"skip {np.shape(skip)}, scale {np.shape(scale)}")
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
    if scale is not None:
        scales = np.atleast_2d(scale)
        g.scale = &scales[0, 0]
        g.scale_row = n if scale.ndim == 2 else 0
    if skip is not None:
        skips = skip
        g.skip = &skips[0, 0]
        g.skip_row = n
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


def activate(float[::1] y, const float[::1] x, str name):
    """y = elu, gelu (tanh form) or silu of x, (n,) float32."""
    if y.shape[0] != x.shape[0]:
        raise ValueError(f"activate: x ({x.shape[0]},), y ({y.shape[0]},)")
    if x.shape[0]:
        kernels().activate(&y[0], &x[0], x.shape[0], ACTIVATIONS[name])


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
