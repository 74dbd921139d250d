#!/usr/bin/env bash
# The NEON kernels, cross-compiled and run under emulation, with and without the dot-product instructions.
# Debian packages: gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user
set -euo pipefail
cd "$(dirname "$0")/.."
for program in aarch64-linux-gnu-gcc qemu-aarch64; do
  command -v "$program" >/dev/null || { echo "$program is not installed: NEON kernels not checked"; exit 0; }
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for flags in -march=armv8-a -march=armv8.2-a+dotprod; do
  compile=(aarch64-linux-gnu-gcc -std=gnu11 -Wall -Wextra "$flags" -DPF_ISA=neon -Icsrc)
  "${compile[@]}" -O3 -ffp-contract=off -c csrc/pf_table.c -o "$work/table.o"
  "${compile[@]}" -O1 -static "$work/table.o" tests/c/check_kernels.c -lm -o "$work/check"   # gcc 12 fails on it at -O3
  echo "$flags"
  qemu-aarch64 -cpu max "$work/check"
done
