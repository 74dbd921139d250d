#!/usr/bin/env bash
# Everything that only a GPU can tell, in one run of at most ten minutes: that the kernels are right on it, that
# compute-sanitizer finds nothing, and how fast it is.
#
#     tools/check_cuda.sh [OUT]
#
# Writes OUT/cuda.json and OUT/cuda.md (default: build/cuda), the page for docs/gpu.md. Exits with an error if a test or
# the sanitizer failed; what could not be done for lack of something is said, and counts as nothing.
#
# It takes a machine with NVIDIA's driver, a C compiler and Python 3.10 or later. What Python needs comes from PyPI, or,
# without a network, from a folder of wheels: WHEELS=FOLDER; packages that are installed already (CuPy, PyTorch) are used.
# pip download -d FOLDER scikit-build-core cython cython-cmake ninja pytest soxr sentencepiece tokenizers soundfile ...
# PYTHON: which one; QWEN3=no leaves Qwen3-TTS out, which has the largest files to write.
set -uo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
out=${1:-$root/build/cuda}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$out"
failed=0
step() { printf '\n=== %s (%ss)\n' "$1" "$SECONDS"; }
run() { # NAME LIMIT COMMAND...: a part that may fail without ending the rest
  local name=$1 limit=$2
  shift 2
  timeout -k 10 "$limit" "$@" 2>&1 | tee "$out/$name.log" | tail -n 25
  local rc=${PIPESTATUS[0]}
  echo "$name: $([ "$rc" -eq 0 ] && echo passed || echo "FAILED ($rc)")" | tee -a "$out/summary.txt"
  [ "$rc" -eq 0 ] || failed=1
}
: >"$out/summary.txt"

step "build"
"${PYTHON:-python3}" -m venv --system-site-packages "$work/venv"
python=$work/venv/bin/python
index=()
[ -z "${WHEELS:-}" ] || index=(--no-index --find-links "$WHEELS")
"$python" -m pip install -q "${index[@]}" scikit-build-core cython cython-cmake ninja pytest || exit 1
# without isolation, so that the same wheels serve the build; the runtime's packages come from where the others do
extra=$("$python" -c "import cupy" 2>/dev/null || echo "[cuda]")
"$python" -m pip install -q "${index[@]}" --no-build-isolation -Cbuild-dir="$work/cmake" "$root$extra" || exit 1
"$python" -c "import cupy" || { echo "CuPy cannot be had: nothing to check"; exit 1; }
(cd "$work" && "$python" -m pocket_fast info)

export POCKET_FAST_CUDA_TESTS=gpu PYTHONDONTWRITEBYTECODE=1
cd "$root" || exit 1

step "kernels and stages against the reference, on the GPU"
run stages 70 "$python" -m pytest -q -p no:cacheprovider tests/cuda_on_cpu/test_stages.py tests/cuda_on_cpu/test_qwen3_stages.py

step "whole texts against the CPU"
run speech 70 "$python" -m pytest -q -p no:cacheprovider tests/cuda_on_cpu/test_speech.py tests/cuda_on_cpu/test_qwen3_speech.py

step "how fast"
models=(english english_2m_2026-10)
[ "${QWEN3:-yes}" = no ] || models+=(qwen3-tts-12hz-1.7b-customvoice)
run table 210 "$python" tools/measure_cuda.py --seconds 180 --json "$out/cuda.json" --page "$out/cuda.md" "${models[@]}"

step "compute-sanitizer"
if command -v compute-sanitizer >/dev/null; then
  for tool in memcheck racecheck; do
    PYTHONPATH=tests run "$tool" 50 compute-sanitizer --tool "$tool" --error-exitcode 9 \
      "$python" -m cuda_on_cpu.exercise gpu tiny tiny-odd qwen3-tiny-base-wide
  done
else
  echo "compute-sanitizer is not installed: left out" | tee -a "$out/summary.txt"
fi

step "done"
cat "$out/summary.txt"
[ ! -e "$out/cuda.md" ] || cat "$out/cuda.md"
exit "$failed"
