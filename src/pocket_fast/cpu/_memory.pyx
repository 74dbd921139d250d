# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Aligned memory: arenas, zeroed blocks for streams, and the store of packed weights."""

from libc.stdlib cimport calloc, free, malloc
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
    #ifdef _WIN32
    #include <malloc.h>
    static void *pf_alloc(size_t align, size_t n) { return _aligned_malloc(n, align); }
    static void pf_free(void *p) { _aligned_free(p); }
    #else
    static void *pf_alloc(size_t align, size_t n) {
        void *p = 0;
        return posix_memalign(&p, align, n) ? 0 : p;
    }
    static void pf_free(void *p) { free(p); }
    #endif

    /* AddressSanitizer knows of one piece of memory where an arena has many: it is told where each ends. */
    #if defined(__has_feature)
    #define PF_ASAN __has_feature(address_sanitizer)
    #elif defined(__SANITIZE_ADDRESS__)
    #define PF_ASAN 1
    #else
    #define PF_ASAN 0
    #endif
    #if PF_ASAN
    #include <sanitizer/asan_interface.h>
    enum { PF_GUARD = 64 };
    static void pf_forbid(void *p, size_t n) { __asan_poison_memory_region(p, n); }
    static void pf_permit(void *p, size_t n) { __asan_unpoison_memory_region(p, n); }
    #else
    enum { PF_GUARD = 0 };
    static void pf_forbid(void *p, size_t n) { (void)p; (void)n; }
    static void pf_permit(void *p, size_t n) { (void)p; (void)n; }
    #endif
    """
    enum: PF_GUARD
    void pf_huge(void *p, size_t n) nogil
    void *pf_alloc(size_t align, size_t n) nogil
    void pf_free(void *p) nogil
    void pf_forbid(void *p, size_t n) nogil
    void pf_permit(void *p, size_t n) nogil

cdef enum:
    IDLE
    COUNTING
    CUTTING

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
    """Memory for as many pieces as a list takes:

        while arena.again():
            x = arena.floats(rows * width)
            y = ...

    The list is run twice. First its pieces are only counted, then, in as much memory, they are cut: what a call
    needs is said by what takes it, and a piece that does not fit is an error before anybody computes. Inside the
    loop nothing is read or written through them. Pieces begin at cache lines. The memory is kept for the next call,
    and what stood in it is anything; zeroed: it is zero, and for one list only (a stream's state).
    """

    def __cinit__(self, bint zeroed=False):
        self.raw = NULL
        self.base = NULL
        self.size = self.used = self.counted = 0
        self.round = IDLE
        self.zeroed = zeroed

    def __dealloc__(self):
        free(self.raw)

    cdef bint again(self) except -1:
        """Whether the list is to be run (again). Raises MemoryError, or RuntimeError where its two runs differ."""
        if self.round == CUTTING:
            if self.used != self.counted:
                raise RuntimeError(f"an arena's list took {self.used} bytes, and had counted {self.counted}")
            self.round = IDLE
            return False
        if self.round == COUNTING:
            self._reserve(self.used)
        self.counted = self.used
        self.used = 0
        self.round += 1
        return True

    cdef int _reserve(self, Py_ssize_t nbytes) except -1:
        """At least nbytes at a cache line."""
        if nbytes > self.size or self.zeroed:
            free(self.raw)
            self.size = 0
            # calloc, not memset: a stream has room for the longest answer, and pages it never reaches cost nothing
            self.raw = calloc(1, nbytes + LINE) if self.zeroed else malloc(nbytes + LINE)
            if self.raw == NULL:
                raise MemoryError(f"{'stream state' if self.zeroed else 'scratch'}: cannot allocate {nbytes} bytes")
            self.base = <char *>((<size_t>self.raw + LINE - 1) // LINE * LINE)
            self.size = nbytes
        if not self.zeroed:
            pf_forbid(self.base, self.size)
        return 0

    cdef void *take(self, Py_ssize_t nbytes) except? NULL:
        """The next nbytes; NULL while they are counted. Raises RuntimeError beyond what was counted."""
        cdef char *p = NULL
        if nbytes < 0 or self.round == IDLE:
            raise RuntimeError(f"a piece of {nbytes} bytes was taken from an arena that is not being cut")
        if self.round == CUTTING:
            if nbytes > self.size - self.used:
                raise RuntimeError(f"a piece of {nbytes} bytes does not fit: {self.used} of {self.size} are taken")
            p = self.base + self.used
            pf_permit(p, nbytes)
        self.used += (nbytes + LINE - 1) // LINE * LINE + (0 if self.zeroed else PF_GUARD)
        return p

    cdef float *floats(self, Py_ssize_t count) except? NULL:
        return <float *>self.take(count * <Py_ssize_t>sizeof(float))


cdef class ArenaPool:
    def __cinit__(self):
        self.free = []

    cdef Arena take(self):
        cdef Arena arena = self.free.pop() if self.free else Arena()
        arena.round = IDLE     # whoever had it may have given up in the middle
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
        pf_free(self.data)


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
