# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The CPU at its limits, several threads at once: multiply-adds in registers, and reads.

What to make of it is machine.py's business.
"""

from cython.parallel cimport prange

from pocket_fast.cpu._dispatch cimport kernels
from pocket_fast.cpu._kernels cimport PF_DOT, PF_F32, PF_INT8, PF_READ, pf_kernels
from pocket_fast.cpu._memory cimport WeightStore

KINDS = {"float32": PF_F32, "bfloat16": PF_DOT, "int8": PF_INT8}   # by the numbers that are multiplied


def products():
    """Names of the products that the instruction set in use has."""
    return [name for name, kind in KINDS.items() if kernels().peak[<int>kind] != NULL]


def multiply(product, int threads, int rounds):
    """Operations that `threads` threads have done in `rounds` rounds each; a round is some dozens of instructions."""
    cdef const pf_kernels *k = kernels()
    cdef int kind = KINDS[product]
    cdef int i
    cdef double done = 0
    if k.peak[kind] == NULL:
        raise ValueError(f"product {product!r}: this instruction set has {', '.join(products())}")
    for i in prange(threads, nogil=True, num_threads=threads, schedule="static", chunksize=1):
        done += k.peak[kind](rounds)
    return done


cdef class Memory:
    """nbytes for each of `threads` threads, on pages as weights have them."""
    cdef WeightStore store
    cdef float *data
    cdef Py_ssize_t each
    cdef int threads

    def __init__(self, int threads, Py_ssize_t nbytes):
        self.threads = threads
        self.each = max(nbytes // 4 // PF_READ, 1) * PF_READ
        self.store = WeightStore()
        self.data = <float *>self.store.take(4 * self.each * threads)
        cdef Py_ssize_t i
        for i in range(self.each * threads):
            self.data[i] = 1.0

    def read(self, int times):
        """Bytes that the threads have read, each its own `times` times, and the sum of the numbers there."""
        cdef const pf_kernels *k = kernels()
        cdef int i
        cdef double found = 0
        for i in prange(self.threads, nogil=True, num_threads=self.threads, schedule="static", chunksize=1):
            found += _read(k, self.data + self.each * i, self.each, times)
        return 4 * self.each * self.threads * times, found


cdef double _read(const pf_kernels *k, const float *x, Py_ssize_t n, int times) noexcept nogil:
    cdef double found = 0
    for _ in range(times):
        found += k.sum(x, n)
    return found
