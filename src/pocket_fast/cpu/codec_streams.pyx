# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""What the codecs of all families share: a chain of convolutions, a transformer, another chain or two.

Everything is causal, so streaming equals offline, and a stream's memory does not grow where attention has a window:
convolution history and a ring of keys and values as long as the window. A codec says how what it is given enters
the first chain and what leaves the last one (`_enter`, `_leave`); streams, batches, threads and scratch are here.

Where weights are many and rows are few, streams go together, so that the weights are read once for all; else each
thread takes streams of its own, and nobody waits.
"""

from cython.parallel cimport parallel
from libc.string cimport memcpy, memset

from time import perf_counter

from pocket_fast.cpu._dispatch cimport kernels
from pocket_fast.cpu._kernels cimport PF_PANEL, pf_gemm, pf_kernels
from pocket_fast.cpu._memory cimport Arena, ArenaPool, WeightStore
from pocket_fast.cpu._pace import Pace
from pocket_fast.cpu._team cimport pf_alone, pf_barrier, pf_share, pf_team, pf_this_team, pf_wait
from pocket_fast.cpu.attention cimport Run
from pocket_fast.cpu.conv cimport GATHERED, ConvChain
from pocket_fast.cpu.packing cimport (
    Linear, PackedLinear, apply_linear, gather_rows, gathered_bytes, plain_gemm, prepared_bytes, share_linear
)
from pocket_fast.cpu.packing import pack_linear
from pocket_fast.cpu.transformer cimport Stack, TransformerScratch


cdef class CodecStream:
    @property
    def nbytes(self):
        return self.memory.size

    def reset(self):
        """As new. Allocates nothing."""
        memset(self.memory.base, 0, self.memory.size)
        self.frames = 0

    def copy(self):
        """Another stream that has heard the same. Raises RuntimeError while this one is in use."""
        if self.busy:
            raise RuntimeError("this stream is in use by another thread: it cannot be copied now")
        cdef CodecStream other = (<Codec>self.owner)._stream(self.places)
        memcpy(other.memory.base, self.memory.base, self.memory.size)
        other.frames = self.frames
        return other


cdef class Middle:
    """stack between projections where widths differ, at most `rows` rows a call.

    input_proj, output_proj: (weight, bias or None), or None; norm: weight of an RMSNorm before output_proj, or None.
    """

    def __cinit__(self, WeightStore store, Stack stack, int rows, *, input_proj=None, output_proj=None, norm=None,
                  str product=None, int threads=1):
        self.stack, self.rows = stack, rows
        self.input_proj.n = self.output_proj.n = 0
        cdef PackedLinear packed
        if input_proj is not None:
            packed = pack_linear(store, *input_proj, product=product, threads=threads)
            self.input_proj = packed.c
        if output_proj is not None:
            packed = pack_linear(store, *output_proj, product=product, threads=threads)
            self.output_proj = packed.c
        self.norm = store.vector(norm)
        self.widest = max(stack.widest, max(self.input_proj.k if self.input_proj.n else 0, self.output_proj.k))

    @property
    def window(self):
        """Places for the keys and values of the attention window and of the rows of a call; 0 without a window."""
        if not self.stack.heads.context:
            return 0
        return (self.stack.heads.context + self.rows + PF_PANEL - 1) // PF_PANEL * PF_PANEL

    cdef Py_ssize_t prepared_bytes(self, int rows, int threads) noexcept nogil:
        """Of team.scratch, for a team of so many with so many rows in all."""
        cdef Py_ssize_t gathered = gathered_bytes(&self.input_proj, rows) if self.input_proj.n else 0
        return max(prepared_bytes(rows, self.widest, threads), gathered)

    @property
    def macs_per_row(self):
        return (self.stack.macs_per_row + <double>self.input_proj.n * self.input_proj.k
                + <double>self.output_proj.n * self.output_proj.k)

    cdef void place(self, Run *run, float **keys, int places, Py_ssize_t position, int first, int rows) noexcept nogil:
        """Where a stream finds its past, and its `rows` rows."""
        run.prefix.length = 0
        run.own.blocks = keys
        run.own.block = places
        run.own.length = <int>position
        run.first, run.rows = first, rows

    cdef void run(self, const pf_kernels *k, const pf_team *team, TransformerScratch *s, Run *runs, int lanes, int rows,
                  const float *x, int x_width, float *y, int y_width, Py_ssize_t lane_floats) noexcept nogil:
        """`rows` rows of x of every lane, lane_floats apart, through the transformer into y. Ends in a barrier."""
        cdef pf_gemm g
        cdef int r, all = lanes * rows, lo, hi
        cdef Py_ssize_t at
        pf_share(team, all, 1, &lo, &hi)
        if self.input_proj.n:
            plain_gemm(&g, x, x_width, s.hidden, s.hidden_row)
            if lanes == 1:
                apply_linear(k, team, &self.input_proj, &g, rows)
            else:
                g.lane_floats = lane_floats
                gather_rows(k, team, &self.input_proj, &g, lanes, rows)
                g.lane = 0      # what comes out stands together
                share_linear(k, team, &self.input_proj, &g, all)
        else:
            for r in range(lo, hi):
                at = r // rows * lane_floats + r % rows * <Py_ssize_t>x_width
                memcpy(s.hidden + r * s.hidden_row, x + at, x_width * sizeof(float))
        pf_wait(team)
        self.stack.forward(k, team, s, runs, lanes, all, False)
        if self.norm != NULL:
            for r in range(lo, hi):
                k.rms_norm(s.hidden + r * s.hidden_row, s.hidden + r * s.hidden_row, self.stack.d, self.stack.eps,
                           self.norm)
            pf_wait(team)
        if self.output_proj.n:
            plain_gemm(&g, s.hidden, s.hidden_row, y, y_width)
            if lanes > 1:
                g.lane, g.lane_floats = rows, lane_floats
            apply_linear(k, team, &self.output_proj, &g, all)
        else:
            for r in range(lo, hi):
                at = r // rows * lane_floats + r % rows * <Py_ssize_t>y_width
                memcpy(y + at, s.hidden + r * s.hidden_row, y_width * sizeof(float))
        pf_wait(team)


cdef class Codec:
    cdef _assemble(self, WeightStore store, ConvChain front, Middle middle, ConvChain up, ConvChain back, int unit,
                   int block, int threads):
        """unit: rows of front's input in a frame; block: frames in one piece, which all have room for. up: None, or a
        chain whose streams go together, as through what is before it; back then has room for one frame."""
        self.store = store
        self.lists, self.pool = ArenaPool(), ArenaPool()
        self.threads = threads
        self.pace = Pace(threads)
        self.front, self.middle, self.up, self.back = front, middle, up, back
        self.together = up is not None
        self.unit, self.steps, self.block = unit, front.rows_in(front.output, unit), block

    def stream(self):
        """A fresh CodecStream."""
        return self._stream(self.middle.window)

    cdef CodecStream _stream(self, int places):
        cdef CodecStream s = CodecStream()
        s.memory = Arena(True)
        while s.memory.again():
            s.front = s.memory.floats(self.front.state_floats)
            s.up = s.memory.floats(self.up.state_floats if self.together else 0)
            s.back = s.memory.floats(self.back.state_floats)
            s.own = s.memory.floats(self.own_state)
            s.keys = s.memory.floats(self.middle.stack.span_floats(places))
        s.places = places
        s.owner = self
        return s

    @property
    def macs_per_frame(self):
        """Multiply-adds of one frame, attention left out."""
        last = self.back.macs * self.steps / self.back.rows
        if self.together:
            last = self.steps * self.up.macs / self.up.rows + self.back.macs
        return self.front.macs * self.unit / self.front.rows + last + self.steps * self.middle.macs_per_row

    cdef Py_ssize_t _prepared_bytes(self, int threads) noexcept nogil:
        """Of team.scratch, for a team of so many."""
        cdef Py_ssize_t most = max(self.front.prepared_bytes, self.back.prepared_bytes)
        if self.together:
            most = max(most, self.up.prepared_bytes)
        return max(self.middle.prepared_bytes(self.middle.rows, threads), most * threads)

    cdef int _furnish(self, Room *room, Arena arena, int threads, int places) except -1:
        """Take the scratch of a team of so many, whose stream has at most `places` places."""
        room.prepared = <char *>arena.take(self._prepared_bytes(threads))
        room.front = arena.floats(self.front.scratch_floats)
        room.up = arena.floats(self.up.scratch_floats if self.together else 0)
        room.back = arena.floats(self.back.scratch_floats)
        room.own = arena.floats(self.own_scratch)
        self.middle.stack.cut(&room.middle, arena, self.middle.rows, threads, places)
        return 0

    cdef int _furnish_lanes(self, Lanes *lanes, Arena arena, int n, int threads, int places) except -1:
        """Take what n streams need until they go on alone."""
        cdef int rows = n * self.block * self.steps
        lanes.floats = self.front.scratch_floats + self.up.scratch_floats
        lanes.scratch = arena.floats(n * lanes.floats)
        lanes.runs = <Run *>arena.take(n * sizeof(Run))
        self.middle.stack.cut(&lanes.middle, arena, rows, threads, places)
        lanes.prepared_bytes = max(self._prepared_bytes(threads), self.middle.prepared_bytes(rows, threads),
                                   <Py_ssize_t>GATHERED if n > 1 else 0)
        lanes.prepared = <char *>arena.take(lanes.prepared_bytes)
        return 0

    cdef _run(self, list streams, int rows, const void *x, Py_ssize_t x_stream, void *y, Py_ssize_t y_stream,
              int threads):
        """`rows` rows, one at least, of the first chain's input for every stream: whole frames, except at its end.

        x, y: what _enter and _leave take; x_stream, y_stream: bytes from one stream's data to the next's. y may be
        NULL if nothing is to leave. Raises ValueError for a stream of another codec, RuntimeError for one in use.
        """
        cdef int n = <int>len(streams), team, i, places = 0, taken = 0, frames = (rows + self.unit - 1) // self.unit
        cdef CodecStream s
        cdef Arena lists, scratch
        cdef Pass *passes, *p
        cdef Room *rooms
        cdef Lanes lanes
        cdef bint together = self.together and y != NULL
        cdef pf_barrier barrier
        barrier.arrived = barrier.generation = 0
        for s in streams:
            if s is None or s.owner is not self:
                raise ValueError("this codec stream belongs to another codec")
            places = max(places, s.places)
        team = self.pace.choose(n, self.macs_per_frame * n, threads)
        lists, scratch = self.lists.take(), self.pool.take()
        lanes.scratch = NULL
        try:
            while lists.again():
                passes = <Pass *>lists.take(n * sizeof(Pass))
                rooms = <Room *>lists.take(team * sizeof(Room))
            while scratch.again():
                for i in range(team):     # each thread's own; the first one is big enough for all of them together
                    self._furnish(&rooms[i], scratch, team if i == 0 else 1, places)
                if together:
                    self._furnish_lanes(&lanes, scratch, n, team, places)
            for i, s in enumerate(streams):
                if s.busy:
                    raise RuntimeError("this stream is already being decoded by another thread (or twice in one batch)")
                s.busy = True
                taken += 1
                p = &passes[i]
                p.front, p.up, p.back, p.own, p.keys, p.places = s.front, s.up, s.back, s.own, s.keys, s.places
                p.seen, p.frames, p.rows = s.frames, frames, rows
                p.x = <const char *>x + i * x_stream
                p.y = <char *>y + i * y_stream if y != NULL else NULL
            started = perf_counter()
            with nogil, parallel(num_threads=team):
                self._part(&barrier, rooms, team, n, passes, &lanes)
            if self.threads > 1 and not threads and y != NULL:
                self.pace.took(n, team, (perf_counter() - started) / frames)
            for s in streams:
                s.frames += frames
        finally:
            for s in streams[:taken]:
                s.busy = False
            self.lists.give(lists)
            self.pool.give(scratch)

    cdef void _part(self, pf_barrier *barrier, Room *rooms, int threads, int n, Pass *passes,
                    Lanes *lanes) noexcept nogil:
        """As many streams as the threads divide are taken whole, without waiting; all share each of the rest."""
        cdef pf_team team = pf_this_team(barrier, rooms[0].prepared, self._prepared_bytes(threads))
        cdef Room *room = &rooms[team.rank]
        cdef pf_team alone = pf_alone(room.prepared), many
        cdef const pf_kernels *k = kernels()
        cdef int i, frame = 0, frames = passes[0].frames, here, whole = n - n % team.size
        if lanes.scratch == NULL:
            i = team.rank
            while i < whole:
                self._through(k, &alone, room, &passes[i])
                i += team.size
            # the shared scratch is rank 0's, who starts a frame: no one touches it before the first barrier
            for i in range(whole, n):
                self._through(k, &team, &rooms[0], &passes[i])
            return
        many = pf_this_team(barrier, lanes.prepared, lanes.prepared_bytes)
        while frame < frames:
            here = min(self.block, frames - frame)
            self._go_together(k, &many, room, lanes, n, passes, frame, here)
            i = team.rank
            while i < whole:
                self._go_on(k, &alone, room, lanes, i, &passes[i], frame, here)
                i += team.size
            for i in range(whole, n):
                self._go_on(k, &team, &rooms[0], lanes, i, &passes[i], frame, here)
            frame += here

    cdef void _go_on(self, const pf_kernels *k, const pf_team *team, Room *room, const Lanes *lanes, int i,
                     const Pass *p, int frame, int frames) noexcept nogil:
        """Stream i alone, from where it has parted from the others: so many frames. Ends in a barrier."""
        cdef int last = self.up.output, rows = self.up.rows_in(last, self.steps), f
        cdef Py_ssize_t floats = rows * <Py_ssize_t>self.up.buffers[last].channels
        cdef const float *x = self.up.rows_of(last, lanes.scratch + i * lanes.floats + self.front.scratch_floats)
        for f in range(frames):
            self._sound(k, team, room, p, frame + f, rows, x + f * floats)

    cdef void _go_together(self, const pf_kernels *k, const pf_team *team, Room *room, Lanes *lanes, int n,
                           Pass *passes, int frame, int frames) noexcept nogil:
        """So many frames of every stream, up to where they part. Every member calls it; ends in a barrier."""
        cdef int i, lo, hi, unit = frames * self.unit, steps = frames * self.steps
        cdef float *lane
        cdef float *up = lanes.scratch + self.front.scratch_floats      # of the first lane
        cdef Pass *p
        pf_wait(team)       # of the frame before, every lane has been taken on
        pf_share(team, n, 1, &lo, &hi)
        for i in range(lo, hi):
            lane, p = lanes.scratch + i * lanes.floats, &passes[i]
            self.front.begin(lane, p.front)
            self.up.begin(up + i * lanes.floats, p.up)
            self._enter(k, p.x + frame * self.x_frame, unit, self.front.rows_of(self.front.input, lane), p.own,
                        room.own)
            self.middle.place(&lanes.runs[i], &p.keys, p.places, (p.seen + frame) * self.steps, i * steps, steps)
        pf_wait(team)
        self.front.run(k, team, lanes.scratch, unit, False, n, lanes.floats)
        for i in range(lo, hi):
            self.front.end(lanes.scratch + i * lanes.floats, passes[i].front, unit)
        self.middle.run(k, team, &lanes.middle, lanes.runs, n, steps,
                        self.front.rows_of(self.front.output, lanes.scratch),
                        self.front.buffers[self.front.output].channels, self.up.rows_of(self.up.input, up),
                        self.up.buffers[self.up.input].channels, lanes.floats)
        self.up.run(k, team, up, steps, False, n, lanes.floats)
        for i in range(lo, hi):
            self.up.end(up + i * lanes.floats, passes[i].up, steps)

    cdef void _through(self, const pf_kernels *k, const pf_team *team, Room *room, const Pass *p) noexcept nogil:
        """One stream's frames; every member calls it; ends in a barrier."""
        cdef int frame = 0, rows
        cdef float *between = self._between(room)
        while frame < p.frames:
            rows = min(self.block * self.unit, p.rows - frame * self.unit)
            rows = self._head(k, team, room, p, frame, rows, between)
            self._tail(k, team, room, p, frame, rows)
            frame += self.block

    cdef int _head(self, const pf_kernels *k, const pf_team *team, Room *room, const Pass *p, int frame, int rows,
                   float *to) noexcept nogil:
        """`rows` rows of input from `frame` on, through the transformer to `to`. Returns its rows. Ends in a barrier."""
        cdef int steps = self.front.rows_in(self.front.output, rows)
        cdef int width = self.back.buffers[self.back.input].channels
        cdef float *keys = p.keys
        cdef Run run
        if self.together:
            width = self.up.buffers[self.up.input].channels
        if team.rank == 0:
            self.front.begin(room.front, p.front)
            self._enter(k, p.x + frame * self.x_frame, rows, self.front.rows_of(self.front.input, room.front), p.own,
                        room.own)
        pf_wait(team)
        self.front.run(k, team, room.front, rows, p.seen + frame == 0, 1, 0)
        if team.rank == 0:
            self.front.end(room.front, p.front, rows)
        self.middle.place(&run, &keys, p.places, (p.seen + frame) * self.steps, 0, steps)
        self.middle.run(k, team, &room.middle, &run, 1, steps, self.front.rows_of(self.front.output, room.front),
                        self.front.buffers[self.front.output].channels, to, width, 0)
        return steps

    cdef float *_between(self, Room *room) noexcept nogil:
        """Where what comes out of the transformer goes."""
        if self.together:
            return self.up.rows_of(self.up.input, room.up)
        return self.back.rows_of(self.back.input, room.back)

    cdef void _tail(self, const pf_kernels *k, const pf_team *team, Room *room, const Pass *p, int frame,
                    int rows) noexcept nogil:
        """`rows` rows that came out of the transformer, through all that is behind it. Ends in a barrier."""
        if not self.together:
            self._sound(k, team, room, p, frame, rows, NULL)
            return
        if team.rank == 0:
            self.up.begin(room.up, p.up)
        pf_wait(team)
        self.up.run(k, team, room.up, rows, p.seen + frame == 0, 1, 0)
        if team.rank == 0:
            self.up.end(room.up, p.up, rows)
        self._sound(k, team, room, p, frame, self.up.rows_in(self.up.output, rows),
                    self.up.rows_of(self.up.output, room.up))

    cdef void _sound(self, const pf_kernels *k, const pf_team *team, Room *room, const Pass *p, int frame, int rows,
                     const float *x) noexcept nogil:
        """`rows` rows of x (NULL: of the last chain's input) through that chain and out. Ends in a barrier."""
        if team.rank == 0:
            self.back.begin(room.back, p.back)
            if x != NULL:
                memcpy(self.back.rows_of(self.back.input, room.back), x,
                       rows * <Py_ssize_t>self.back.buffers[self.back.input].channels * sizeof(float))
        pf_wait(team)
        self.back.run(k, team, room.back, rows, p.seen + frame == 0, 1, 0)
        if team.rank == 0:
            if p.y != NULL:
                self._leave(self.back.rows_of(self.back.output, room.back), self.back.rows_in(self.back.output, rows),
                            p.y + frame * self.y_frame)
            self.back.end(room.back, p.back, rows)
        pf_wait(team)

    cdef void _enter(self, const pf_kernels *k, const char *x, int rows, float *to, float *state,
                     float *scratch) noexcept nogil:
        """Fill `rows` rows of the first chain's input. Rank 0 calls it; state, scratch: the codec's own."""
        memcpy(to, x, <Py_ssize_t>rows * self.front.buffers[self.front.input].channels * sizeof(float))

    cdef void _leave(self, const float *out, int rows, char *y) noexcept nogil:
        """Take `rows` rows of the last chain's output. Rank 0 calls it."""
        memcpy(y, out, <Py_ssize_t>rows * self.back.buffers[self.back.output].channels * sizeof(float))
