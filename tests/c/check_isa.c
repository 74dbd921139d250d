/* Which row of kernels an x86-64 CPU takes that lacks some features: what it is asked about itself is faked.
 *
 *     cc -Icsrc tests/c/check_isa.c && ./a.out
 *
 * For the CPUs that no emulator at hand knows: those with AVX-512 or AVX-VNNI, or parts of them. */
#include <cpuid.h>
#include <stdio.h>
#include <string.h>

#define PF_HAVE_AVX512
#define PF_HAVE_AVX512VNNI
#define PF_HAVE_AVXVNNI
#define PF_HAVE_AVX2
#define PF_HAVE_BASELINE
static const char *lacking;
#define __builtin_cpu_init() (void)0
#define __builtin_cpu_supports(name) !strstr(lacking, name)

/* Leaf 7 as CPUs with and without AVX-VNNI answer; one that has no subleaf 1 may answer anything there. */
static int cpuid(unsigned leaf, unsigned subleaf, unsigned *a, unsigned *b, unsigned *c, unsigned *d) {
    *b = *c = *d = 0;
    if (leaf != 7 || strstr(lacking, "leaf 7")) return 0;
    if (subleaf == 0) *a = !strstr(lacking, "subleaf 1");
    else *a = strstr(lacking, "avxvnni") ? ~(1u << 4) : 1u << 4;
    return 1;
}
#define __get_cpuid_count cpuid
#include "../../csrc/pf_isa.c"

const pf_kernels pf_kernels_avx512 = {.isa = "avx512"}, pf_kernels_avx512vnni = {.isa = "avx512vnni"};
const pf_kernels pf_kernels_avxvnni = {.isa = "avxvnni"};
const pf_kernels pf_kernels_avx2 = {.isa = "avx2"}, pf_kernels_baseline = {.isa = "baseline"};

int main(void) {
    static const char *const expected[][2] = {
        {"nothing", "avx512"},           {"avxvnni", "avx512"},
        {"avx512bf16", "avx512vnni"},    {"avx512vnni", "avxvnni"},
        {"avx512vl", "avxvnni"},         {"avx512dq", "avxvnni"},
        {"avx512bw", "avxvnni"},         {"avx512f", "avxvnni"},
        {"avx512bf16 avxvnni", "avx512vnni"},
        {"avx512f avxvnni", "avx2"},     {"avx512vnni avxvnni", "avx2"},
        {"avx512f, subleaf 1", "avx2"},  {"avx512f, leaf 7", "avx2"},
        {"fma", "baseline"},             {"avx2", "baseline"},
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
