/* The threads of one stage call: rank, size, and a barrier that yields.
 *
 * Why not OpenMP's barrier: it spins for milliseconds before it sleeps, so with another busy
 * process on the same cores one descheduled thread costs the others their time slice. This one
 * spins briefly (a barrier between kernels is reached within microseconds) and then gives way. */
#ifndef PF_TEAM_H
#define PF_TEAM_H

#include <stddef.h>

#ifdef _OPENMP
#include <omp.h>
#define pf_openmp() 1
#define pf_rank() omp_get_thread_num()
#define pf_size() omp_get_num_threads()
#define pf_max_threads() omp_get_max_threads()
#else
#define pf_openmp() 0
#define pf_rank() 0
#define pf_size() 1
#define pf_max_threads() 1
#endif

/* The threads that OpenMP keeps for the calling one end. While there are more of all threads' together than CPUs, gcc's
 * does not spin between regions: it puts them to sleep, and every region has to wake them. */
#if defined(_OPENMP) && defined(__GNUC__) && !defined(__clang__) && __GNUC__ >= 9
#define pf_let_go() ((void)omp_pause_resource_all(omp_pause_soft))
#else
#define pf_let_go() ((void)0)
#endif

#ifdef _WIN32
#define WIN32_LEAN_AND_MEAN /* and none of its macros with common names */
#define NOMINMAX
#include <windows.h>
#define pf_yield() SwitchToThread()
#else
#include <sched.h>
#define pf_yield() sched_yield()
#endif

#if defined(__x86_64__) || defined(_M_X64)
#include <immintrin.h>
#define pf_pause() _mm_pause()
#elif defined(__aarch64__)
#define pf_pause() __asm__ volatile("yield")
#else
#define pf_pause() ((void)0)
#endif

enum { PF_SPINS = 2000 };

typedef struct {
    int arrived;
    char line[60]; /* waiters read `generation`: keep the counter off their cache line */
    unsigned generation;
} pf_barrier;

typedef struct {
    int rank, size;
    pf_barrier *barrier;
    char *scratch; /* shared by the team: the rows of one product as its weights want them */
    size_t each;   /* bytes of scratch that are a member's own: the same for every product, or one member
                    * would write where another still reads the rows of the product before */
} pf_team;

/* This thread's place in the enclosing parallel region; bytes: of scratch. */
static inline pf_team pf_this_team(pf_barrier *barrier, void *scratch, size_t bytes) {
    pf_team t = {pf_rank(), pf_size(), barrier, (char *)scratch, 0};
    t.each = bytes / (size_t)t.size / 64 * 64;
    return t;
}

/* A team of one: the same code, for one thread's private share of the work. */
static inline pf_team pf_alone(void *scratch) {
    pf_team t = {0, 1, 0, (char *)scratch, 0};
    return t;
}

/* Everything written before it by any member is visible to every member after it. */
static inline void pf_wait(const pf_team *t) {
    if (t->size == 1) return;
    pf_barrier *b = t->barrier;
    const unsigned generation = __atomic_load_n(&b->generation, __ATOMIC_ACQUIRE);
    if (__atomic_add_fetch(&b->arrived, 1, __ATOMIC_ACQ_REL) == t->size) {
        b->arrived = 0;
        __atomic_store_n(&b->generation, generation + 1, __ATOMIC_RELEASE);
        return;
    }
    for (int spins = 0; __atomic_load_n(&b->generation, __ATOMIC_ACQUIRE) == generation; spins++) {
        if (spins < PF_SPINS) pf_pause();
        else pf_yield();
    }
}

/* [*lo, *hi): this member's share of n things, in equal blocks of `grain`. */
static inline void pf_share(const pf_team *t, int n, int grain, int *lo, int *hi) {
    const int blocks = (n + grain - 1) / grain;
    *lo = (int)((long long)blocks * t->rank / t->size) * grain;
    *hi = (int)((long long)blocks * (t->rank + 1) / t->size) * grain;
    if (*lo > n) *lo = n;
    if (*hi > n) *hi = n;
}
#endif
