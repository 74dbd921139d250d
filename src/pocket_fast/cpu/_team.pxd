cdef extern from "_team.h" nogil:
    ctypedef struct pf_barrier:
        int arrived
        unsigned generation
    ctypedef struct pf_team:
        int rank
        int size
        pf_barrier *barrier
        char *scratch
        size_t each

    int pf_openmp()
    int pf_max_threads()
    void pf_let_go()
    pf_team pf_this_team(pf_barrier *barrier, void *scratch, size_t bytes)
    pf_team pf_alone(void *scratch)
    void pf_wait(const pf_team *team)
    void pf_share(const pf_team *team, int n, int grain, int *lo, int *hi)
