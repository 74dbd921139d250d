/* Enough of CUDA C++ to compile the kernels of src/pocket_fast/cuda/kernels with the host's compiler.
 *
 * The blocks of a launch run one after the other. The threads of a block are fibres: one runs until it waits, for its
 * warp (shuffles, matrix instructions) or for its block (__syncthreads), then another does. The order of blocks, warps
 * and lanes is the launch's to choose, so that a race gives another result in another order. What threads share comes
 * from the heap, anew for each block and full of NaN, so that nobody reads what nobody wrote, and the address sanitizer
 * sees its ends. A block whose threads wait for different things ends the program with a message. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#include <algorithm>
#include <random>
#include <utility>
#include <vector>

#define PF_ON_CPU 1
#define __global__
#define __device__
#define __forceinline__ inline
#define __align__(n)

struct alignas(16) float4 { float x, y, z, w; };
struct alignas(16) uint4 { unsigned x, y, z, w; };
struct dim3 { unsigned x, y, z; };
static inline uint4 make_uint4(unsigned x, unsigned y, unsigned z, unsigned w) { return {x, y, z, w}; }

using std::max;
using std::min;

static inline float __uint_as_float(unsigned bits) { float v; memcpy(&v, &bits, 4); return v; }
static inline unsigned __float_as_uint(float v) { unsigned bits; memcpy(&bits, &v, 4); return bits; }

static dim3 threadIdx, blockIdx, blockDim, gridDim;    /* of whoever runs */

namespace fibres {

enum State { READY, IN_WARP, IN_BLOCK, OVER };
enum { STACK = 128 << 10, MOST = 1024, WARP = 32, SLOT = 64 };

struct Fibre {
    void *sp;               /* the one or the other, see below */
    ucontext_t context;
    char *stack;
    State state;
    int kind;          /* of what it waits for with its warp */
    unsigned turns;    /* what it has waited for with its warp so far */
};

static Fibre all[MOST];
static int current;
static char slots[MOST / WARP][2][WARP][SLOT];
struct Shared { int id; size_t size; void *memory; };
static std::vector<Shared> shared;

struct Job { void (*run)(void *); void *what; };
static Job job;

static void fail(const char *what) {
    fprintf(stderr, "cuda_on_cpu: block (%u, %u, %u), thread %d: %s\n", blockIdx.x, blockIdx.y, blockIdx.z, current, what);
    abort();
}

#if defined(__x86_64__) && !defined(__CET__)
/* what a call may not change, kept on the one stack while the other is in use */
static void *home_sp;
extern "C" void pf_swap(void **from, void *to);
asm(R"(
.text
.type pf_swap,@function
pf_swap:
    push %rbp; push %rbx; push %r12; push %r13; push %r14; push %r15
    mov %rsp, (%rdi)
    mov %rsi, %rsp
    pop %r15; pop %r14; pop %r13; pop %r12; pop %rbx; pop %rbp
    ret
.size pf_swap,.-pf_swap
)");
static void enter();
static void begin(Fibre &f) {
    void **top = reinterpret_cast<void **>(f.stack + STACK) - 2;    /* as behind a call, of 16 bytes */
    top[1] = nullptr;
    top[0] = reinterpret_cast<void *>(&enter);
    f.sp = top - 6;
    memset(f.sp, 0, 6 * sizeof(void *));
}
static inline void leave(Fibre &f) { pf_swap(&f.sp, home_sp); }
static inline void visit(Fibre &f) { pf_swap(&home_sp, f.sp); }
#else
static ucontext_t home_context;
static void enter();
static void begin(Fibre &f) {
    getcontext(&f.context);
    f.context.uc_stack.ss_sp = f.stack;
    f.context.uc_stack.ss_size = STACK;
    f.context.uc_link = nullptr;
    makecontext(&f.context, &enter, 0);
}
static inline void leave(Fibre &f) { swapcontext(&f.context, &home_context); }
static inline void visit(Fibre &f) { swapcontext(&home_context, &f.context); }
#endif

static void enter() {
    job.run(job.what);
    all[current].state = OVER;
    leave(all[current]);
    abort();
}

static void wait(State state, int kind) {
    Fibre &f = all[current];
    f.state = state;
    f.kind = kind;
    leave(f);
}

static void run_thread(int i) {
    current = i;
    threadIdx = {static_cast<unsigned>(i), 0, 0};
    visit(all[i]);
}

/* A warp until all of its lanes wait for the block, or are through. */
static void run_warp(int first, int lanes, const std::vector<int> &order) {
    for (;;) {
        int waiting = 0, kind = -1;
        bool stopped = false;
        for (int i : order) {
            if (i >= lanes) continue;
            Fibre &f = all[first + i];
            if (f.state == READY) run_thread(first + i);
            if (f.state == IN_WARP) {
                if (kind >= 0 && f.kind != kind) fail("the lanes of its warp wait for different things");
                kind = f.kind;
                waiting++;
            } else {
                stopped = true;
            }
        }
        if (!waiting) return;
        if (stopped) fail("some lanes of its warp wait for all of them, others do not");
        for (int i = 0; i < lanes; i++) all[first + i].state = READY;
    }
}

static std::vector<int> sequence(int n, unsigned order, std::mt19937 &dice) {
    std::vector<int> found(n);
    for (int i = 0; i < n; i++) found[i] = order == 1 ? n - 1 - i : i;
    if (order > 1) std::shuffle(found.begin(), found.end(), dice);
    return found;
}

static void run_block(int threads, unsigned order, std::mt19937 &dice) {
    for (int i = 0; i < threads; i++) {
        all[i].state = READY;
        all[i].turns = 0;
        if (!all[i].stack) all[i].stack = static_cast<char *>(malloc(STACK));
        begin(all[i]);
    }
    const int warps = (threads + WARP - 1) / WARP;
    for (;;) {
        for (int warp : sequence(warps, order, dice))
            run_warp(WARP * warp, std::min<int>(WARP, threads - WARP * warp), sequence(WARP, order, dice));
        int over = 0;
        for (int i = 0; i < threads; i++) over += all[i].state == OVER;
        if (over == threads) break;
        if (over) fail("some threads of the block are through, others wait for them");
        for (int i = 0; i < threads; i++) all[i].state = READY;
    }
    for (Shared &s : shared) free(s.memory);
    shared.clear();
}

static void run(dim3 grid, int threads, unsigned order, Job what) {
    if (threads > MOST || threads < 1) fail("too many threads for a block");
    std::mt19937 dice(order);
    job = what;
    blockDim = {static_cast<unsigned>(threads), 1, 1};
    gridDim = grid;
    const int blocks = grid.x * grid.y * grid.z;
    for (int i : sequence(blocks, order, dice)) {
        blockIdx = {i % grid.x, i / grid.x % grid.y, i / grid.x / grid.y};
        run_block(threads, order, dice);
    }
}

/* What `id` is of this block's, the first one to ask has it made. */
static void *share(int id, size_t size) {
    for (const Shared &s : shared)
        if (s.id == id && s.size == size) return s.memory;
    void *memory = aligned_alloc(16, (size + 15) / 16 * 16);
    memset(memory, 0xff, size);
    shared.push_back({id, size, memory});
    return memory;
}

/* Give something to the lanes of the warp; what lane i gave is at slot i of the result. All of them must come. */
template <class T>
static const char (*exchange(const T &given, int kind))[SLOT] {
    static_assert(sizeof(T) <= SLOT, "too much for a slot");
    const int warp = current / WARP;
    char(*slot)[SLOT] = slots[warp][all[current].turns++ % 2];
    memcpy(slot[current % WARP], &given, sizeof given);
    wait(IN_WARP, kind);
    return slot;
}

template <class T>
static T from_lane(const char (*slot)[SLOT], int lane) {
    T v;
    memcpy(&v, slot[lane], sizeof v);
    return v;
}

/* Kernels from arguments as the driver takes them: addresses of the values. */
template <class... A> struct Call {
    void (*kernel)(A...);
    void **arguments;
    template <size_t... I> void go(std::index_sequence<I...>) { kernel(*static_cast<A *>(arguments[I])...); }
    static void run(void *self) { static_cast<Call *>(self)->go(std::index_sequence_for<A...>()); }
};

template <class... A>
static void launch(void (*kernel)(A...), void **arguments, dim3 grid, int threads, unsigned order) {
    Call<A...> call = {kernel, arguments};
    run(grid, threads, order, {&Call<A...>::run, &call});
}

template <class T> constexpr char letter() {
    return std::is_pointer<T>::value ? 'p' : std::is_floating_point<T>::value ? (sizeof(T) == 4 ? 'f' : 'd')
                                                                              : (sizeof(T) == 4 ? 'i' : 'q');
}
template <class... A> static const char *signature(void (*)(A...)) {
    static const char letters[] = {letter<A>()..., 0};
    return letters;
}

}  // namespace fibres

#define PF_SHARED(type, name, count) \
    type *const name = static_cast<type *>(fibres::share(__COUNTER__, sizeof(type) * (count)))

static inline void __syncthreads() { fibres::wait(fibres::IN_BLOCK, 0); }

template <class T>
static inline T __shfl_xor_sync(unsigned, T v, int mask) {
    return fibres::from_lane<T>(fibres::exchange(v, 1), fibres::current % 32 ^ mask);
}

template <class T>
static inline T __shfl_up_sync(unsigned, T v, int by) {
    const int lane = fibres::current % 32;
    const T other = fibres::from_lane<T>(fibres::exchange(v, 2), lane >= by ? lane - by : lane);
    return other;
}

static inline unsigned pf_round(float v) {
    const unsigned bits = __float_as_uint(v);
    return v != v ? 0x7fffu : (bits + 0x7fffu + (bits >> 16 & 1)) >> 16;
}
static inline unsigned pf_narrow(float low, float high) { return pf_round(low) | pf_round(high) << 16; }

struct PfTile { unsigned a[4], b[2]; };
static inline void pf_multiply_tile(float d[4], const unsigned a[4], const unsigned b[2]) {
    PfTile given = {{a[0], a[1], a[2], a[3]}, {b[0], b[1]}};
    const auto slot = fibres::exchange(given, 3);
    const int lane = fibres::current % 32;
    auto half = [](unsigned two, int which) { return __uint_as_float(which ? two & 0xffff0000u : two << 16); };
    for (int i = 0; i < 4; i++) {
        const int row = lane / 4 + i / 2 * 8, column = lane % 4 * 2 + i % 2;
        for (int k = 0; k < 16; k++) {
            const int quarter = k % 8 / 2;
            const PfTile left = fibres::from_lane<PfTile>(slot, row % 8 * 4 + quarter);
            const PfTile right = fibres::from_lane<PfTile>(slot, column * 4 + quarter);
            d[i] += half(left.a[row / 8 + k / 8 * 2], k % 2) * half(right.b[k / 8], k % 2);
        }
    }
}
