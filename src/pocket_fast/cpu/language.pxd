from pocket_fast.cpu._kernels cimport pf_kernels
from pocket_fast.cpu._memory cimport ArenaPool, WeightStore
from pocket_fast.cpu._team cimport pf_barrier, pf_team
from pocket_fast.cpu.attention cimport Run
from pocket_fast.cpu.packing cimport Linear
from pocket_fast.cpu.transformer cimport Stack, TransformerScratch


cdef class Sequence:
    """What one utterance remembers: the keys and values of its positions."""
    cdef Stack stack
    cdef list held                # Block objects
    cdef float **blocks           # and their memory
    cdef int block                # positions of each
    cdef bint grows
    cdef readonly int length      # positions of its own that it holds
    cdef bint busy
    cdef open(self, Stack stack, int block, bint grows)
    cdef make_room(self, int n)
    cdef void place(self, Run *run) noexcept


cdef class LanguageModel:
    """A transformer over a batch of sequences, and what its prompts and steps have in common."""
    cdef Stack stack
    cdef WeightStore store
    cdef ArenaPool pool
    cdef object pace
    cdef readonly int threads
    cdef Linear _pack(self, weight, bias=*)
    cdef _project(self, rows, const Linear *w, int activation=*)
    cdef _check(self, Sequence s, i, n)
    cdef _prefill(self, list batch, int threads)
    cdef _forward(self, list streams, list counts, const float[:, ::1] x, float *out, float *logits, int threads)
    cdef void _part(self, pf_barrier *barrier, void *prepared, Py_ssize_t nbytes, TransformerScratch *scratch,
                    Run *runs, int n_runs, int rows, const float *x, float *out, float *logits,
                    bint prompt) noexcept nogil
    cdef void _enter(self, const pf_kernels *k, const pf_team *team, TransformerScratch *scratch, int rows,
                     const float *x) noexcept nogil
    cdef void _leave(self, const pf_kernels *k, const pf_team *team, TransformerScratch *scratch, int rows,
                     float *out, float *logits) noexcept nogil
