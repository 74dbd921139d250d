# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Aligned memory: scratch arenas, zeroed blocks for streams, and the store of packed weights."""

from libc.stdlib cimport calloc, free
from libc.string cimport memcpy

import numpy as np

cdef extern from *:
    """
    #include <stdlib.h>
    #ifdef __linux__
    #include <sys/mman.h>
    /* 2 MB pages: 5 to 17 % on the memory-bound steps, by fewer TLB misses */
    static void pf_huge(void *p, size_t n) { madvise(p, n, MADV_HUGEPAGE); }
    #else
    static void pf_huge(void *p, size_t n) { (void)p; (void)n; }
    #endif
    static void *pf_alloc(size_t align, size_t n) {
        void *p = 0;
        return posix_memalign(&p, align, n) ? 0 : p;
    }
    """
    void pf_huge(void *p, size_t n) nogil
    void *pf_alloc(size_t align, size_t n) nogil

cdef enum:
    LINE = 64
    HUGE_PAGE = 2 << 20
    STORE_BLOCK = 64 << 20   # address space, not memory: pages are committed when written


def widen(values):
    """`values` as float32 (exact); uint16 arrays are bfloat16 bits, the checkpoint's own form."""
    if values.dtype == np.uint16:
        return (values.astype(np.uint32) << 16).view(np.float32)
    return np.asarray(values, dtype=np.float32)


cdef class Arena:
    def __cinit__(self):
        self.base = NULL
        self.size = 0
        self.used = 0

    def __dealloc__(self):
        free(self.base)

    cdef int reserve(self, Py_ssize_t nbytes) except -1:
        """Rewind; grow to at least nbytes. Raises MemoryError."""
        self.used = 0
        if nbytes <= self.size:
            return 0
        free(self.base)
        self.size = 0
        self.base = <char *>pf_alloc(LINE, nbytes)
        if self.base == NULL:
            raise MemoryError(f"scratch arena: cannot allocate {nbytes} bytes")
        self.size = nbytes
        return 0

    cdef void *take(self, Py_ssize_t nbytes) noexcept nogil:
        """The next nbytes, aligned to 64. The caller reserved enough: NULL is a bug, not a case."""
        cdef char *p = self.base + self.used
        self.used += (nbytes + LINE - 1) // LINE * LINE
        return p if self.used <= self.size else NULL

    cdef float *floats(self, Py_ssize_t count) noexcept nogil:
        return <float *>self.take(count * <Py_ssize_t>sizeof(float))


cdef class ArenaPool:
    def __cinit__(self):
        self.free = []

    cdef Arena take(self, Py_ssize_t nbytes):
        cdef Arena arena = self.free.pop() if self.free else Arena()
        arena.reserve(nbytes)
        return arena

    cdef void give(self, Arena arena):
        self.free.append(arena)


cdef class Block:
    """dense: written whole at once, so on 2 MB pages where they fit (a voice: attention is 6 % of a step faster)."""

    def __cinit__(self, Py_ssize_t count, bint dense=False):
        cdef Py_ssize_t nbytes = max(count, 1) * <Py_ssize_t>sizeof(float)
        # calloc, not memset: a stream has room for the longest answer, and pages it never reaches cost nothing
        self.raw = calloc(1, nbytes + LINE)
        if self.raw == NULL:
            raise MemoryError(f"stream state: cannot allocate {nbytes} bytes; shorter chunks (max_tokens) need less")
        self.data = <float *>((<size_t>self.raw + LINE - 1) // LINE * LINE)
        cdef size_t first = (<size_t>self.raw + HUGE_PAGE - 1) // HUGE_PAGE * HUGE_PAGE
        cdef size_t end = (<size_t>self.raw + nbytes) // HUGE_PAGE * HUGE_PAGE
        if dense and first < end:
            pf_huge(<void *>first, end - first)
        self.count = count

    def __dealloc__(self):
        free(self.raw)


cdef class _StoreBlock:
    cdef char *data

    def __cinit__(self, Py_ssize_t nbytes):
        self.data = <char *>pf_alloc(HUGE_PAGE, nbytes)
        if self.data == NULL:
            raise MemoryError(f"weights: cannot allocate {nbytes} bytes")
        pf_huge(self.data, nbytes)

    def __dealloc__(self):
        free(self.data)


cdef class WeightStore:
    """release: called with every source array once it has been packed, so that its owner may let go of it."""

    def __cinit__(self, release=lambda array: None):
        self.release = release
        self.blocks = []
        self.at = NULL
        self.left = 0
        self.used = 0

    cdef void *take(self, Py_ssize_t nbytes) except NULL:
        """nbytes at a 64-byte boundary, valid as long as this store lives."""
        cdef Py_ssize_t whole = (max(nbytes, 1) + LINE - 1) // LINE * LINE
        cdef _StoreBlock block
        cdef char *p
        if whole > self.left:
            block = _StoreBlock(max(whole, <Py_ssize_t>STORE_BLOCK))
            self.blocks.append(block)
            self.at = block.data
            self.left = max(whole, <Py_ssize_t>STORE_BLOCK)
        p = self.at
        self.at += whole
        self.left -= whole
        self.used += whole
        return p

    cdef float *vector(self, values) except? NULL:
        """A float32 copy of `values` (any shape; None gives NULL)."""
        if values is None:
            return NULL
        cdef const float[::1] source = np.ascontiguousarray(widen(values)).reshape(-1)
        cdef float *p = <float *>self.take(source.shape[0] * <Py_ssize_t>sizeof(float))
        if source.shape[0]:
            memcpy(p, &source[0], source.shape[0] * sizeof(float))
        return p
