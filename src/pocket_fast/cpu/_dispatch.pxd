from pocket_fast.cpu._kernels cimport pf_kernels

cdef const pf_kernels *kernels() noexcept nogil
