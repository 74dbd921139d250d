# cython: language_level=3
"""What Python needs to know about the threads (the rest is `_team.h`)."""

from pocket_fast.cpu._team cimport pf_let_go, pf_max_threads, pf_openmp


def has_openmp():
    """True if this build runs stages on several threads."""
    return bool(pf_openmp())


def openmp_max_threads():
    """OpenMP's limit for the calling thread (OMP_NUM_THREADS, threadpoolctl); 1 without OpenMP."""
    return pf_max_threads()


def end_helpers():
    """End the threads that helped the calling one, where that can be done; see _threads.let_go."""
    pf_let_go()
