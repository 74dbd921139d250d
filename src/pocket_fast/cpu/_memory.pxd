cdef class Arena:
    """Memory of one stage call at a time, cut into pieces that mean nothing between calls."""
    cdef void *raw
    cdef char *base
    cdef readonly Py_ssize_t size
    cdef Py_ssize_t used
    cdef Py_ssize_t counted
    cdef int round
    cdef readonly bint zeroed
    cdef bint again(self) except -1
    cdef void *take(self, Py_ssize_t nbytes) except? NULL
    cdef float *floats(self, Py_ssize_t count) except? NULL
    cdef int _reserve(self, Py_ssize_t nbytes) except -1


cdef class ArenaPool:
    """Arenas not in use; a call takes one and gives it back, so two calls never share one."""
    cdef list free
    cdef Arena take(self)
    cdef void give(self, Arena arena)


cdef class Block:
    """One zeroed, 64-byte aligned allocation."""
    cdef void *raw
    cdef float *data
    cdef readonly Py_ssize_t count


cdef class WeightStore:
    """Memory of all packed weights of a model: few large blocks on 2 MB pages, never moved."""
    cdef list blocks
    cdef char *at
    cdef Py_ssize_t left
    cdef readonly Py_ssize_t used
    cdef readonly object release
    cdef void *take(self, Py_ssize_t nbytes) except NULL
    cdef float *vector(self, values) except? NULL
