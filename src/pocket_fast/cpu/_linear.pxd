"""A packed matrix, as products and those who pack it see it. Declarations only."""

ctypedef struct Linear:
    # A packed matrix: n output channels by taps * k inputs, in panels (see pf_kernels.h).
    const void *w
    Py_ssize_t w_panel
    const float *bias
    int kind
    int n
    int k
    int taps
    int panels
