/* Which row of kernels a CPU takes that lacks one feature: what the compiler is asked about the CPU is faked.
 *
 *     cc -Icsrc tests/c/check_isa.c && ./a.out
 *
 * For the CPUs that no emulator at hand knows, such as those with the older AVX-512 instructions alone. */
#include <stdio.h>
#include <string.h>

#define PF_HAVE_AVX512
#define PF_HAVE_AVX2
#define PF_HAVE_BASELINE
static const char *lacking;
#define __builtin_cpu_init() (void)0
#define __builtin_cpu_supports(name) strcmp(name, lacking)
#include "../../csrc/pf_isa.c"

const pf_kernels pf_kernels_avx512 = {.isa = "avx512"}, pf_kernels_avx2 = {.isa = "avx2"};
const pf_kernels pf_kernels_baseline = {.isa = "baseline"};

int main(void) {
    static const char *const expected[][2] = {
        {"nothing", "avx512"}, {"avx512bf16", "avx2"}, {"avx512vnni", "avx2"}, {"avx512vl", "avx2"},
        {"avx512dq", "avx2"},  {"avx512bw", "avx2"},   {"avx512f", "avx2"},    {"fma", "baseline"},
        {"avx2", "baseline"},
    };
    int failures = 0;
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        int row = 0;
        lacking = expected[i][0];
        while (!pf_isa_usable(row)) row++; /* the rule of set_isa */
        const int ok = !strcmp(pf_isa_name(row), expected[i][1]);
        printf("without %-10s  %s%s\n", lacking, pf_isa_name(row), ok ? "" : "  FAILED");
        failures += !ok;
    }
    return failures != 0;
}
