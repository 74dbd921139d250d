/* The instruction sets of this build, best first, and whether this CPU can run them. */
#include "pf_kernels.h"

#ifdef PF_HAVE_AVX2 /* as every build for x86-64 has */
#include <cpuid.h>
#include <immintrin.h>
#endif
#if defined(PF_HAVE_AMX) && defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif
#if defined(PF_HAVE_NEON_DOTPROD) || defined(PF_HAVE_NEON_I8MM)
#if defined(__linux__)
#include <sys/auxv.h>
#elif defined(__APPLE__)
#include <sys/sysctl.h>
#endif
#endif

#ifdef PF_HAVE_AMX
extern const pf_kernels pf_kernels_amx;
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

#ifdef PF_HAVE_AVX2
/* The CPU is asked, not the compiler: __builtin_cpu_supports needs a library that clang-cl does not link, and older
 * compilers do not know the newer names. */
typedef struct { unsigned a, b, c, d; } registers;

static registers cpuid(unsigned leaf, unsigned subleaf) {
    registers r = {0}, none = {0};
    if (subleaf > 0 && cpuid(leaf, 0).a < subleaf) return none; /* what leaf 7 says of its subleaves */
    return __get_cpuid_count(leaf, subleaf, &r.a, &r.b, &r.c, &r.d) ? r : none;
}
static int all(unsigned value, unsigned bits) { return (value & bits) == bits; }

enum {
    FMA = 1 << 12, OSXSAVE = 1 << 27, AVX = 1 << 28, /* leaf 1, c */
    AVX2 = 1 << 5, AVX512F = 1 << 16, AVX512DQ = 1 << 17, AVX512BW = 1 << 30, AVX512VL = (int)(1u << 31), /* leaf 7, b */
    AVX512VNNI = 1 << 11, /* leaf 7, c */
    AVXVNNI = 1 << 4, AVX512BF16 = 1 << 5, /* leaf 7.1, a */
    AMX_BF16 = 1 << 22, AMX_TILE = 1 << 24, AMX_INT8 = 1 << 25, /* leaf 7, d */
    XMM_YMM = 6, ZMM = 0xe0, TILES = 3 << 17, /* XCR0 */
};

/* Whether the operating system keeps these registers when it changes between programs. */
__attribute__((target("xsave"))) static int are_saved(unsigned which) {
    return all(cpuid(1, 0).c, OSXSAVE) && all((unsigned)_xgetbv(0), which);
}

static int have_avx2(void) {
    return all(cpuid(1, 0).c, FMA | AVX) && are_saved(XMM_YMM) && all(cpuid(7, 0).b, AVX2);
}
#ifdef PF_HAVE_AVXVNNI
static int have_avxvnni(void) { return have_avx2() && all(cpuid(7, 1).a, AVXVNNI); }
#endif
#if defined(PF_HAVE_AMX) || defined(PF_HAVE_AVX512) || defined(PF_HAVE_AVX512VNNI)
static int have_avx512vnni(void) {
#ifdef __APPLE__ /* macOS begins to keep them when a program first uses them */
    const unsigned kept = XMM_YMM;
#else
    const unsigned kept = XMM_YMM | ZMM;
#endif
    return have_avx2() && are_saved(kept) && all(cpuid(7, 0).c, AVX512VNNI) &&
           all(cpuid(7, 0).b, AVX512F | AVX512DQ | AVX512BW | AVX512VL);
}
#endif
#if defined(PF_HAVE_AVX512) || defined(PF_HAVE_AMX)
static int have_avx512(void) { return have_avx512vnni() && all(cpuid(7, 1).a, AVX512BF16); }
#endif
#ifdef PF_HAVE_AMX
/* A process has to ask Linux for the tiles' registers, whose 8 KB then count when it changes between threads; refused
 * where a thread's stack for signals has no room for them. Other systems have ways of their own: not used there. */
static int have_amx(void) {
#ifdef __linux__
    enum { ARCH_REQ_XCOMP_PERM = 0x1023, TILE_DATA = 18 };
    return have_avx512() && are_saved(TILES) && all(cpuid(7, 0).d, AMX_BF16 | AMX_TILE | AMX_INT8) &&
           syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, TILE_DATA) == 0;
#else
    return 0;
#endif
}
#endif
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
#ifdef PF_HAVE_AMX
    {&pf_kernels_amx, have_amx},
#endif
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
