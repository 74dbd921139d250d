/* Which row of kernels an x86-64 CPU takes that lacks some features: what it is asked about itself is faked.
 *
 *     cc -Icsrc tests/c/check_isa.c && ./a.out
 *
 * For the CPUs that no emulator at hand knows: those with AMX, AVX-512 or AVX-VNNI, or parts of them. */
#include <cpuid.h>
#include <immintrin.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PF_HAVE_AMX
#define PF_HAVE_AVX512
#define PF_HAVE_AVX512VNNI
#define PF_HAVE_AVXVNNI
#define PF_HAVE_AVX2
#define PF_HAVE_BASELINE
static const char *lacking;
static unsigned unless(const char *name, int bit) { return strstr(lacking, name) ? 0 : 1u << bit; }

/* As a CPU with everything answers, less what is lacking. Where it has no subleaf 1 it may answer anything. */
static int answer(unsigned leaf, unsigned subleaf, unsigned *a, unsigned *b, unsigned *c, unsigned *d) {
    *a = *b = *c = *d = 0;
    if (leaf == 7 && strstr(lacking, "leaf 7")) return 0;
    if (leaf == 1) *c = unless("fma", 12) | unless("osxsave", 27) | unless("avx1", 28);
    if (leaf == 7 && subleaf == 0) {
        *a = unless("subleaf 1", 0);
        *b = unless("avx2", 5) | unless("avx512f", 16) | unless("avx512dq", 17) | unless("avx512bw", 30) |
             unless("avx512vl", 31);
        *c = unless("avx512vnni", 11);
        *d = unless("amxbf16", 22) | unless("amxtile", 24) | unless("amxint8", 25);
    }
    if (leaf == 7 && subleaf == 1) *a = unless("avxvnni", 4) | unless("avx512bf16", 5);
    return 1;
}
static unsigned long long saved(void) {
    return 3 | unless("ymm", 2) | unless("zmm", 5) | unless("zmm", 6) | unless("zmm", 7) | unless("tiles", 17) |
           unless("tiles", 18);
}
static long permission(void) { return strstr(lacking, "permission") ? -1 : 0; }
#undef _xgetbv
#define _xgetbv(which) saved()
#define __get_cpuid_count answer
#define syscall(...) permission()
#include "../../csrc/pf_isa.c"

const pf_kernels pf_kernels_amx = {.isa = "amx"};
const pf_kernels pf_kernels_avx512 = {.isa = "avx512"}, pf_kernels_avx512vnni = {.isa = "avx512vnni"};
const pf_kernels pf_kernels_avxvnni = {.isa = "avxvnni"};
const pf_kernels pf_kernels_avx2 = {.isa = "avx2"}, pf_kernels_baseline = {.isa = "baseline"};

int main(void) {
    static const char *const expected[][2] = {
        {"nothing", "amx"},              {"avxvnni", "amx"},
        {"amxbf16", "avx512"},           {"amxtile", "avx512"},
        {"amxint8", "avx512"},           {"tiles", "avx512"},
        {"permission", "avx512"},
        {"avx512bf16", "avx512vnni"},    {"avx512vnni", "avxvnni"},
        {"avx512vl", "avxvnni"},         {"avx512dq", "avxvnni"},
        {"avx512bw", "avxvnni"},         {"avx512f", "avxvnni"},
        {"avx512bf16 avxvnni", "avx512vnni"},
        {"avx512f avxvnni", "avx2"},     {"avx512vnni avxvnni", "avx2"},
        {"avx512f, subleaf 1", "avx2"},  {"subleaf 1", "avx512vnni"},
        {"zmm", "avxvnni"},              {"ymm zmm", "baseline"},
        {"osxsave", "baseline"},         {"leaf 7", "baseline"},
        {"fma", "baseline"},             {"avx2", "baseline"},
        {"avx1", "baseline"},
    };
    int failures = 0;
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        int row = 0;
        lacking = expected[i][0];
        while (!pf_isa_usable(row)) row++; /* the rule of set_isa */
        const int ok = !strcmp(pf_isa_name(row), expected[i][1]);
        printf("without %-20s  %s%s\n", lacking, pf_isa_name(row), ok ? "" : "  FAILED");
        failures += !ok;
    }
    return failures != 0;
}
