/* The instruction sets of this build, best first, and whether this CPU can run them. */
#include "pf_kernels.h"

#ifdef PF_HAVE_AVX512
extern const pf_kernels pf_kernels_avx512;
#endif
#ifdef PF_HAVE_AVX2
extern const pf_kernels pf_kernels_avx2;
#endif
#ifdef PF_HAVE_NEON
extern const pf_kernels pf_kernels_neon;
#endif
#ifdef PF_HAVE_BASELINE
extern const pf_kernels pf_kernels_baseline;
#endif

#if defined(PF_HAVE_AVX512) || defined(PF_HAVE_AVX2)
/* __builtin_cpu_supports also checks that the operating system saves the registers. */
static int have_avx2(void) {
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}
#endif
#ifdef PF_HAVE_AVX512
static int have_avx512(void) {
    return have_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512bf16");
}
#endif
#if defined(PF_HAVE_NEON) || defined(PF_HAVE_BASELINE)
static int always(void) { return 1; }
#endif

static const struct {
    const pf_kernels *table;
    int (*usable)(void);
} rows[] = {
#ifdef PF_HAVE_AVX512
    {&pf_kernels_avx512, have_avx512},
#endif
#ifdef PF_HAVE_AVX2
    {&pf_kernels_avx2, have_avx2},
#endif
#ifdef PF_HAVE_NEON
    {&pf_kernels_neon, always},
#endif
#ifdef PF_HAVE_BASELINE
    {&pf_kernels_baseline, always},
#endif
};

int pf_isa_count(void) { return (int)(sizeof rows / sizeof rows[0]); }
const char *pf_isa_name(int i) { return rows[i].table->isa; }
int pf_isa_usable(int i) { return rows[i].usable(); }
const pf_kernels *pf_isa_table(int i) { return rows[i].table; }
