#!/usr/bin/env bash
# The NEON kernels, cross-compiled and run under emulation, as CPUs of several ages: each takes the row of kernels
# that it should, and every row that it can run is right and has the same bits as the others.
# Debian packages: gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user
set -euo pipefail
cd "$(dirname "$0")/.."
for program in aarch64-linux-gnu-gcc qemu-aarch64; do
  command -v "$program" >/dev/null || { echo "$program is not installed: NEON kernels not checked"; exit 0; }
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
compile=(aarch64-linux-gnu-gcc -std=gnu11 -Wall -Wextra -ffp-contract=off -Icsrc)
row() { "${compile[@]}" -O3 "-march=$2" "-DPF_ISA=$1" -c csrc/pf_table.c -o "$work/$1.o"; } # as in CMakeLists.txt
row neon armv8-a
row neon_dotprod armv8.2-a+dotprod
row neon_i8mm armv8.2-a+dotprod+i8mm
"${compile[@]}" -O1 -static -DPF_HAVE_NEON -DPF_HAVE_NEON_DOTPROD -DPF_HAVE_NEON_I8MM \
  csrc/pf_isa.c tests/c/check_kernels.c "$work"/*.o -lm -o "$work/check"   # gcc 12 fails on it at -O3
for expected in cortex-a72=neon neoverse-n1=neon_dotprod max=neon_i8mm; do
  cpu=${expected%=*} best=${expected#*=}
  echo "$cpu"
  qemu-aarch64 -cpu "$cpu" "$work/check" | tee "$work/log"
  read -r taken _ <"$work/log"
  [ "$taken" = "$best" ] || { echo "FAILED: takes $taken, expected $best"; exit 1; }
  awk '$2 == "results" { print $3 }' "$work/log" >>"$work/results"
done
[ "$(sort -u "$work/results" | wc -l)" = 1 ] || { echo "FAILED: the rows have different bits"; exit 1; }
