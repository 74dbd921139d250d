/* The instruction sets of this build, best first, and whether this CPU can run them. */
#include "pf_kernels.h"

#ifdef PF_HAVE_AVXVNNI
#include <cpuid.h>
#endif
#if defined(PF_HAVE_NEON_DOTPROD) || defined(PF_HAVE_NEON_I8MM)
#if defined(__linux__)
#include <sys/auxv.h>
#elif defined(__APPLE__)
#include <sys/sysctl.h>
#endif
#endif

#ifdef PF_HAVE_AVX512
extern const pf_kernels pf_kernels_avx512;
#endif
#ifdef PF_HAVE_AVX512VNNI
extern const pf_kernels pf_kernels_avx512vnni;
#endif
#ifdef PF_HAVE_AVXVNNI
extern const pf_kernels pf_kernels_avxvnni;
#endif
#ifdef PF_HAVE_AVX2
extern const pf_kernels pf_kernels_avx2;
#endif
#ifdef PF_HAVE_NEON_I8MM
extern const pf_kernels pf_kernels_neon_i8mm;
#endif
#ifdef PF_HAVE_NEON_DOTPROD
extern const pf_kernels pf_kernels_neon_dotprod;
#endif
#ifdef PF_HAVE_NEON
extern const pf_kernels pf_kernels_neon;
#endif
#ifdef PF_HAVE_BASELINE
extern const pf_kernels pf_kernels_baseline;
#endif

#if defined(PF_HAVE_AVX512) || defined(PF_HAVE_AVX512VNNI) || defined(PF_HAVE_AVXVNNI) || defined(PF_HAVE_AVX2)
/* __builtin_cpu_supports also checks that the operating system saves the registers. */
static int have_avx2(void) {
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}
#endif
#if defined(PF_HAVE_AVX512) || defined(PF_HAVE_AVX512VNNI)
static int have_avx512vnni(void) {
    return have_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512vnni");
}
#endif
#ifdef PF_HAVE_AVX512
static int have_avx512(void) { return have_avx512vnni() && __builtin_cpu_supports("avx512bf16"); }
#endif
#ifdef PF_HAVE_AVXVNNI
/* CPUID leaf 7, subleaf 1, EAX bit 4: not every compiler knows the feature by name. */
static int have_avxvnni(void) {
    unsigned a, b, c, d;
    if (!have_avx2() || !__get_cpuid_count(7, 0, &a, &b, &c, &d) || a < 1) return 0; /* a: the last subleaf */
    return __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a >> 4 & 1);
}
#endif

#if defined(PF_HAVE_NEON_DOTPROD) || defined(PF_HAVE_NEON_I8MM)
/* What the kernel says that the CPU has; systems that are not asked here have plain NEON. The numbers are the
 * kernel's own (AT_HWCAP with HWCAP_ASIMDDP, AT_HWCAP2 with HWCAP2_I8MM), which older headers lack. */
#if defined(__linux__)
static int have_dotprod(void) { return (int)(getauxval(16) >> 20 & 1); }
static int have_i8mm(void) { return have_dotprod() && (getauxval(26) >> 13 & 1); }
#elif defined(__APPLE__)
static int has(const char *feature) {
    int yes = 0;
    size_t size = sizeof yes;
    return !sysctlbyname(feature, &yes, &size, NULL, 0) && yes;
}
static int have_dotprod(void) { return has("hw.optional.arm.FEAT_DotProd"); }
static int have_i8mm(void) { return have_dotprod() && has("hw.optional.arm.FEAT_I8MM"); }
#else
static int have_dotprod(void) { return 0; }
static int have_i8mm(void) { return 0; }
#endif
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
#ifdef PF_HAVE_AVX512VNNI
    {&pf_kernels_avx512vnni, have_avx512vnni},
#endif
#ifdef PF_HAVE_AVXVNNI
    {&pf_kernels_avxvnni, have_avxvnni},
#endif
#ifdef PF_HAVE_AVX2
    {&pf_kernels_avx2, have_avx2},
#endif
#ifdef PF_HAVE_NEON_I8MM
    {&pf_kernels_neon_i8mm, have_i8mm},
#endif
#ifdef PF_HAVE_NEON_DOTPROD
    {&pf_kernels_neon_dotprod, have_dotprod},
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
