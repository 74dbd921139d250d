from pocket_fast.cpu._kernels cimport pf_kernels
from pocket_fast.cpu._memory cimport Arena, ArenaPool, WeightStore
from pocket_fast.cpu._team cimport pf_barrier, pf_team
from pocket_fast.cpu.attention cimport Run
from pocket_fast.cpu.conv cimport ConvChain
from pocket_fast.cpu.packing cimport Linear
from pocket_fast.cpu.transformer cimport Stack, TransformerScratch


cdef class CodecStream:
    """What one direction of a codec remembers of one utterance."""
    cdef Arena memory                 # of these, one behind the other:
    cdef float *front                 # the histories of the chains
    cdef float *up
    cdef float *back
    cdef float *own                   # the subclass's
    cdef float *keys                  # and values
    cdef readonly int places          # positions that they have room for
    cdef readonly Py_ssize_t frames   # frames seen
    cdef bint busy
    cdef object owner


cdef class Middle:
    """A transformer between two chains."""
    cdef Stack stack
    cdef Linear input_proj            # n = 0: none
    cdef Linear output_proj
    cdef const float *norm            # an RMSNorm before output_proj, or NULL
    cdef int rows                     # most rows of one call
    cdef readonly Py_ssize_t widest   # floats of the widest row any product reads
    cdef Py_ssize_t prepared_bytes(self, int rows, int threads) noexcept nogil
    cdef void place(self, Run *run, float **keys, int places, Py_ssize_t position, int first, int rows) noexcept nogil
    cdef void run(self, const pf_kernels *k, const pf_team *team, TransformerScratch *s, Run *runs, int lanes, int rows,
                  const float *x, int x_width, float *y, int y_width, Py_ssize_t lane_floats) noexcept nogil


cdef struct Room:
    # Scratch for one stream at a time: a thread's own, and the first one that all threads share.
    char *prepared
    float *front
    float *up
    float *back
    float *own
    TransformerScratch middle


cdef struct Pass:
    # The frames of one call for one stream, through a chain, the transformer and the other chains.
    float *front               # what the stream remembers
    float *up
    float *back
    float *own
    float *keys
    int places
    Py_ssize_t seen            # frames before
    int frames                 # the last one may be shorter:
    int rows                   # of the first chain's input
    const char *x
    char *y


cdef struct Lanes:
    # Of the streams that go to the last chain together: scratch of the chains before it, and their runs.
    float *scratch             # (streams, floats): front, then up
    Py_ssize_t floats
    TransformerScratch middle
    Run *runs
    char *prepared
    Py_ssize_t prepared_bytes


cdef class Codec:
    """A chain of convolutions, a transformer, another chain or two; over batches of streams."""
    cdef WeightStore store
    cdef ArenaPool lists              # of what a call takes: its streams and its scratch
    cdef ArenaPool pool               # the scratch
    cdef ConvChain front
    cdef Middle middle
    cdef ConvChain up                 # what comes next while rows are few and weights many; or None
    cdef bint together                # there is one, and streams go through it together
    cdef ConvChain back
    cdef readonly int threads
    cdef object pace
    cdef int unit                     # rows of front's input in a frame
    cdef int steps                    # rows of the transformer in a frame
    cdef int block                    # frames that go through in one piece
    cdef Py_ssize_t x_frame           # bytes of a frame that come in, and go out
    cdef Py_ssize_t y_frame
    cdef Py_ssize_t own_state         # floats that the subclass keeps in a stream, and uses in a piece
    cdef Py_ssize_t own_scratch
    cdef _assemble(self, WeightStore store, ConvChain front, Middle middle, ConvChain up, ConvChain back, int unit,
                   int block, int threads)
    cdef CodecStream _stream(self, int places)
    cdef int _furnish(self, Room *room, Arena arena, int threads, int places) except -1
    cdef Py_ssize_t _prepared_bytes(self, int threads) noexcept nogil
    cdef _run(self, list streams, int rows, const void *x, Py_ssize_t x_stream, void *y, Py_ssize_t y_stream,
              int threads)
    cdef int _furnish_lanes(self, Lanes *lanes, Arena arena, int n, int threads, int places) except -1
    cdef void _part(self, pf_barrier *barrier, Room *rooms, int threads, int n, Pass *passes,
                    Lanes *lanes) noexcept nogil
    cdef void _go_together(self, const pf_kernels *k, const pf_team *team, Room *room, Lanes *lanes, int n,
                           Pass *passes, int frame, int frames) noexcept nogil
    cdef void _go_on(self, const pf_kernels *k, const pf_team *team, Room *room, const Lanes *lanes, int i,
                     const Pass *p, int frame, int frames) noexcept nogil
    cdef float *_between(self, Room *room) noexcept nogil
    cdef void _through(self, const pf_kernels *k, const pf_team *team, Room *room, const Pass *p) noexcept nogil
    cdef int _head(self, const pf_kernels *k, const pf_team *team, Room *room, const Pass *p, int frame, int rows,
                   float *to) noexcept nogil
    cdef void _tail(self, const pf_kernels *k, const pf_team *team, Room *room, const Pass *p, int frame,
                    int rows) noexcept nogil
    cdef void _sound(self, const pf_kernels *k, const pf_team *team, Room *room, const Pass *p, int frame, int rows,
                     const float *x) noexcept nogil
    cdef void _enter(self, const pf_kernels *k, const char *x, int rows, float *to, float *state,
                     float *scratch) noexcept nogil
    cdef void _leave(self, const float *out, int rows, char *y) noexcept nogil
