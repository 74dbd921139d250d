# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Weights packed once at load, and the product that uses them.

How a matrix is packed decides how it is multiplied:
    as stored   float32 or bfloat16 weights, widened in registers; float32 arithmetic
    "dot"       bfloat16 weights and inputs, float32 sums; needs the CPU's instructions for it
    "int8"      8-bit weights with a scale per output, inputs quantised row by row, exact integer sums
    "int4"      the same with 4-bit weights, of which 32 share a step and an offset (integers.pyx)
"""

from cython.parallel cimport prange
from libc.stdint cimport uint16_t
from libc.string cimport memcpy

import numpy as np

from pocket_fast.cpu._dispatch cimport kernels
from pocket_fast.cpu._kernels cimport (
    PF_BF16, PF_CLAMP, PF_DOT, PF_ELU, PF_ERF_GELU, PF_F32, PF_FEW, PF_GELU, PF_GROUP, PF_INT4, PF_INT8, PF_NONE,
    PF_PANEL, PF_RELU, PF_ROWS, PF_SILU, pf_gemm, pf_kernels
)
from pocket_fast.cpu._memory cimport WeightStore
from pocket_fast.cpu._memory import widen
from pocket_fast.cpu._team cimport pf_share, pf_team, pf_wait
from pocket_fast.cpu.integers cimport FEW_ROWS, LINE, integer_bytes, pack_integers, prepare_integers, whole_lines

# what a name is enough for; gelu: its tanh form, erf_gelu: the exact one, clamp: to [-1, 1]
ACTIVATIONS = {None: PF_NONE, "elu": PF_ELU, "gelu": PF_GELU, "silu": PF_SILU, "erf_gelu": PF_ERF_GELU,
               "relu": PF_RELU, "clamp": PF_CLAMP}

INTEGERS = {"int8": PF_INT8, "int4": PF_INT4}

cdef enum:
    WORTH_SHARING = 1 << 18   # weights: below, a parallel region costs more than it saves


cdef class PackedLinear:
    """One matrix in panel form; its memory belongs to `store`."""

    @property
    def shape(self):
        """(outputs, inputs), inputs counted over all taps."""
        return self.c.n, self.c.k * self.c.taps

    @property
    def taps(self):
        return self.c.taps

    @property
    def nbytes(self):
        return self.c.panels * self.c.w_panel


def has_bf16_dot():
    """Whether the instruction set in use can multiply as "dot" does."""
    return kernels().gemm[PF_DOT] != NULL


def pack_linear(WeightStore store, weight, bias=None, *, scale=None, lines=None, inputs=None, int taps=1, order=None,
                str product=None, int threads=1):
    """Pack `weight` (n, taps * k): float32 stays float32, bfloat16 (given as uint16) stays bfloat16.

    weight may be a list of matrices of one dtype that stand one below the other: n is then their rows together.
    product: None, "dot", "int8" or "int4" (see the module); integers take no taps. A few outputs are always float32.
    scale: (n,) float32 of a weight that integers.pyx has quantised already, in *source* order, for the product it was
    quantised for; lines (n, 2 groups) int8 and the number of inputs as well, if that is "int4". Lists if weight is one.
    order: source row of every output row (n,) int, or None; bias: (n,) float32 in *output* order or None.
    float16 is widened to float32 (exact). Raises ValueError for another dtype or a shape that does not chain.
    """
    given = weight if isinstance(weight, list) else [weight]
    if isinstance(scale, list):
        scale = None if all(s is None for s in scale) else np.concatenate([np.atleast_1d(s) for s in scale])
    line_sources = lines if isinstance(lines, list) else [] if lines is None else [lines]
    line_sources = [np.ascontiguousarray(l) for l in line_sources if l is not None]
    sources = [w.astype(np.float32) if w.dtype == np.float16 else w for w in given]
    dtype = sources[0].dtype
    stored = {"int8": np.int8, "int4": np.uint8}.get(product)
    if any(w.dtype != dtype for w in sources) or (
            dtype not in (np.float32, np.uint16) and (dtype not in (np.int8, np.uint8) or scale is None)):
        raise ValueError(
            f"pack_linear: weight is {', '.join(str(w.dtype) for w in given)}, expected float32, float16, bfloat16 as "
            "uint16, or integers and a scale"
        )
    if any(w.ndim != 2 or w.shape[1] % taps or w.shape[1] != sources[0].shape[1] for w in sources):
        raise ValueError(f"pack_linear: weight {', '.join(str(w.shape) for w in given)}, expected (n, {taps} * k)")
    sources = [np.ascontiguousarray(w) for w in sources]
    cdef Py_ssize_t n = sum([len(w) for w in sources]), k = sources[0].shape[1] // taps, groups
    if dtype == np.uint8:
        groups, k = k // (PF_GROUP // 2), -1 if inputs is None else inputs
        whole = sources[0].shape[1] == groups * (PF_GROUP // 2) and (k + PF_GROUP - 1) // PF_GROUP == groups
        if not whole or sum([len(l) for l in line_sources]) != n or any(
                l.dtype != np.int8 or l.shape[1:] != (2 * groups,) for l in line_sources):
            raise ValueError(
                f"pack_linear: a weight {(n, sources[0].shape[1])} in 4 bits of {inputs} inputs, lines "
                f"{', '.join(str(l.shape) for l in line_sources)}; expected {PF_GROUP // 2} bytes and two of a line for "
                f"each {PF_GROUP} inputs"
            )
    if bias is not None and np.size(bias) != n:
        raise ValueError(f"pack_linear: bias {np.shape(bias)} for {n} outputs")
    if scale is not None and (dtype != stored or n <= PF_FEW or np.shape(scale) != (n,)):
        raise ValueError(
            f"pack_linear: scale {np.shape(scale)} of a weight {(n, k * taps)} of {dtype}, product {product}; "
            f"expected one per output of more than {PF_FEW}, of an int8 weight for int8, a uint8 one for int4"
        )
    if n * k * taps < WORTH_SHARING:
        threads = 1
    order = np.arange(n) if order is None else np.asarray(order)
    if order.shape != (n,) or (n and (order.min() < 0 or order.max() >= n)):
        raise ValueError(f"pack_linear: order has {np.size(order)} rows, expected a permutation of {n}")

    cdef PackedLinear packed = PackedLinear()
    cdef Linear *c = &packed.c
    packed.store = store
    c.n, c.k, c.taps = <int>n, <int>k, taps
    c.bias = store.vector(bias)
    if n <= PF_FEW:
        c.kind, c.panels = PF_ROWS, 1
        c.w = store.vector(np.concatenate(sources)[order])
        c.w_panel = n * k * taps * 4
    elif product in INTEGERS:
        if taps != 1:
            raise ValueError(f"pack_linear: {product} takes one tap")
        c.kind = INTEGERS[product]
        pack_integers(c, store, sources, None if scale is None else np.ascontiguousarray(scale[order], np.float32),
                      _addresses(line_sources, order) if line_sources else None, _addresses(sources, order), threads)
    else:
        _pack_floats(packed, sources, product == "dot", order, threads)
    for w in given:
        store.release(w)
    return packed


cdef _addresses(list sources, order):
    """(n,) intp: where each output's row of the contiguous `sources` begins."""
    rows = [w.__array_interface__["data"][0] + w.strides[0] * np.arange(len(w), dtype=np.intp) for w in sources]
    return np.concatenate(rows)[order]


cdef _pack_floats(PackedLinear packed, list sources, bint dot, order, int threads):
    cdef Linear *c = &packed.c
    if dot and sources[0].dtype == np.float32:
        sources = [round_to_bf16(w) for w in sources]
    cdef Py_ssize_t element = sources[0].dtype.itemsize
    c.kind = PF_F32 if element == 4 else PF_DOT if dot else PF_BF16
    c.panels = (c.n + PF_PANEL - 1) // PF_PANEL
    c.w_panel = c.taps * (c.k if element == 4 else (c.k + 1) // 2 * 2) * PF_PANEL * element
    c.w = packed.store.take(c.panels * c.w_panel)
    cdef const Py_ssize_t[::1] rows = _addresses(sources, order)
    cdef int p
    if c.n and c.k:
        for p in prange(c.panels, nogil=True, schedule="static", num_threads=threads):
            _pack_panel(c, p, &rows[0])


def round_to_bf16(values):
    """float32 to bfloat16 bits (uint16), to nearest even."""
    bits = np.ascontiguousarray(values, dtype=np.float32).view(np.uint32)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(np.uint16)


def halve_exact(WeightStore store, weights):
    """weights {name: array} with its float32 matrices as bfloat16 bits, if that loses nothing in any of them.

    Half the memory, the same bits in every product. Else, and where nothing is float32, weights as they are. The
    sources of copies are released.
    """
    matrices = {name: array for name, array in weights.items() if array.ndim > 1 and array.dtype == np.float32}
    if any(_has_low_bits(array) for array in matrices.values()):
        return weights
    halved = {}
    for name, array in matrices.items():
        halved[name] = (np.ascontiguousarray(array).view(np.uint32) >> 16).astype(np.uint16)
        store.release(array)
    return {**weights, **halved}


def _has_low_bits(array):
    """Whether any of these float32 has more digits than bfloat16. The first few tell, nearly always."""
    bits = np.ascontiguousarray(array).reshape(-1).view(np.uint32)
    return bool((bits[:4096] & 0xFFFF).any()) or bool((bits & 0xFFFF).any())


cdef void _pack_panel(const Linear *c, int panel, const Py_ssize_t *addresses) noexcept nogil:
    cdef const void *rows[PF_PANEL]
    cdef int j, row
    cdef char *to = <char *>c.w + panel * c.w_panel
    for j in range(PF_PANEL):
        row = panel * PF_PANEL + j
        rows[j] = <const void *>addresses[row] if row < c.n else NULL
    if c.kind == PF_F32:
        kernels().pack_f32(<float *>to, <const float *const *>rows, c.k * c.taps)
    else:
        kernels().pack_bf16(<uint16_t *>to, <const uint16_t *const *>rows, c.k, c.taps)


cdef void apply_linear(const pf_kernels *kernels, const pf_team *team, const Linear *w,
                       pf_gemm *g, int rows) noexcept nogil:
    """This thread's share of `rows` rows of w; every member of the team calls it.

    x, x_row, x_tap, y, a, skip, scale and their pitches are the caller's; the rest comes from w. Rows that
    must be prepared are put in team.scratch (prepared_bytes), with barriers if they are many.
    """
    prepare_rows(kernels, team, w, g, rows)
    share_linear(kernels, team, w, g, rows)


cdef void share_linear(const pf_kernels *kernels, const pf_team *team, const Linear *w,
                       pf_gemm *g, int rows) noexcept nogil:
    """apply_linear of rows that are prepared. Matrices of one shape give a thread the same share."""
    cdef int lo, hi
    g.w = w.w
    g.w_panel = w.w_panel
    g.bias = w.bias
    g.k = w.k
    g.taps = w.taps
    g.n = w.n
    # Split what is bigger, so that each thread streams only its half of it: the weights (the same
    # slice every step: it stays in that core's cache) or, for many rows, the activations.
    cdef bint many_rows = rows >= 2 * kernels.tile_rows * team.size
    cdef bint light_weights = rows * (<Py_ssize_t>w.k * w.taps + w.n) > <Py_ssize_t>w.n * w.k * w.taps
    if many_rows and (light_weights or w.panels < 4 * team.size):
        pf_share(team, rows, kernels.tile_rows, &lo, &hi)
        kernels.gemm[w.kind](g, lo, hi, 0, w.panels)
    else:
        pf_share(team, w.panels, 1, &lo, &hi)
        kernels.gemm[w.kind](g, 0, rows, lo, hi)


cdef void plain_gemm(pf_gemm *g, const float *x, Py_ssize_t x_row, float *y, Py_ssize_t y_row) noexcept nogil:
    """Set the caller's part of g: y = w x [+ bias], nothing else. Callers change what differs."""
    g.x = x
    g.x_row = x_row
    g.x_tap = 0
    g.scale = NULL
    g.scale_row = 0
    g.skip = NULL
    g.skip_row = 0
    g.y = y
    g.y_row = y_row
    g.a = NULL
    g.a_row = 0
    g.activation = PF_NONE
    g.snake = NULL
    g.lane = g.lane_floats = 0


cdef Py_ssize_t narrowed_bytes(Py_ssize_t count) noexcept nogil:
    """Of the bfloat16 copy of `count` floats."""
    return whole_lines(count * <Py_ssize_t>sizeof(uint16_t))


cdef Py_ssize_t prepared_bytes(int rows, Py_ssize_t widest, int threads) noexcept nogil:
    """Bytes of team.scratch for products of up to `rows` rows that cover at most `widest` floats each."""
    cdef int few = min(rows, <int>FEW_ROWS)
    return max(max(integer_bytes(few, widest), narrowed_bytes(few * widest)) * threads,
               max(integer_bytes(rows, widest), narrowed_bytes(rows * widest)))


cdef void prepare_rows(const pf_kernels *kernels, const pf_team *team, const Linear *w, pf_gemm *g,
                       int rows) noexcept nogil:
    """Bring `rows` rows of g.x into the form w is multiplied with, in team.scratch."""
    if w.kind == PF_INT8 or w.kind == PF_INT4:
        prepare_integers(kernels, team, w.kind, g, rows, w.k)
    elif w.kind == PF_DOT:
        _narrow(kernels, team, g, rows, w.k, w.taps)


cdef Py_ssize_t gathered_bytes(const Linear *w, int rows) noexcept nogil:
    """Of team.scratch, for gather_rows of so many rows in all."""
    return rows * _gathered_row(w) * <Py_ssize_t>(sizeof(uint16_t) if w.kind == PF_DOT else sizeof(float))


cdef Py_ssize_t _gathered_row(const Linear *w) noexcept nogil:
    """Pitch of gathered rows, in elements: never a multiple of 4 KB, which would alias in L1."""
    return whole_lines(<Py_ssize_t>w.taps * w.k) + LINE // 2


cdef void gather_rows(const pf_kernels *kernels, const pf_team *team, const Linear *w, pf_gemm *g, int lanes,
                      int rows) noexcept nogil:
    """Bring `rows` rows of each of several lanes, which begin g.lane_floats apart, one behind the other to team.scratch,
    in the form w is multiplied with; w is not "int8". share_linear is then for lanes * rows rows. With barriers."""
    cdef Py_ssize_t pitch = _gathered_row(w)
    cdef int lo, hi, r, tap
    cdef const float *x
    cdef float *to = <float *>team.scratch
    cdef uint16_t *narrow = <uint16_t *>team.scratch
    pf_wait(team)      # nobody still reads the rows of the product before
    pf_share(team, lanes * rows, 1, &lo, &hi)
    for r in range(lo, hi):
        x = g.x + (r // rows) * g.lane_floats + (r % rows) * g.x_row
        for tap in range(w.taps):
            if w.kind == PF_DOT:
                kernels.narrow_bf16(narrow + r * pitch + tap * <Py_ssize_t>w.k, x + tap * g.x_tap, w.k)
            else:
                memcpy(to + r * pitch + tap * <Py_ssize_t>w.k, x + tap * g.x_tap, w.k * sizeof(float))
    pf_wait(team)
    g.x, g.x_row, g.x_tap = to, pitch, w.k
    g.q, g.lane = narrow, rows


cdef void _narrow(const pf_kernels *kernels, const pf_team *team, pf_gemm *g, int rows, int k, int taps) noexcept nogil:
    """Point g at a bfloat16 copy of everything its rows cover, at the same pitches (rows may overlap)."""
    cdef int lo, hi
    cdef Py_ssize_t count = (rows - 1) * g.x_row + (taps - 1) * g.x_tap + k
    cdef uint16_t *to = <uint16_t *>team.scratch
    if rows <= FEW_ROWS:
        to = <uint16_t *>(team.scratch + team.rank * team.each)
        kernels.narrow_bf16(to, g.x, count)
    else:
        pf_wait(team)
        pf_share(team, <int>count, 64, &lo, &hi)
        kernels.narrow_bf16(to + lo, g.x + lo, hi - lo)
        pf_wait(team)
    g.q = to
