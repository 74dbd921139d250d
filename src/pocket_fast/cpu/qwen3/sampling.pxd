ctypedef struct Drawing:
    bint do_sample
    int top_k             # 0: all
    float temperature
    float below           # 1 - top_p, as float32; 0: nothing is cut


cdef class Draw:
    cdef Drawing c
    cdef readonly double top_p
    cdef readonly double temperature


cdef Py_ssize_t pick_floats(int n) noexcept nogil
cdef int pick(const float *logits, int n, const Drawing *draw, double uniform, float *scratch) noexcept nogil
