#!/bin/sh
# Run the tests of the compiled core under AddressSanitizer and UndefinedBehaviorSanitizer:
#
#     tools/sanitize.sh [FOLDER] [PYTEST ARGUMENTS]
#
# Builds into FOLDER (default: build/sanitize; kept, so that a second run is quick) without OpenMP,
# whose runtime the sanitizers do not understand, and stops at the first finding. Needs gcc and its
# libasan and libubsan; leaks are not counted, because CPython leaks by design.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
work=${1:-$root/build/sanitize}
[ $# -eq 0 ] || shift
python=${PYTHON:-python3}

[ -x "$work/venv/bin/python" ] || "$python" -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet "$root[test]" \
    -Cbuild-dir="$work/cmake" -Ccmake.build-type=RelWithDebInfo -Cinstall.strip=false \
    -Ccmake.define.PF_SANITIZE=address,undefined -Ccmake.define.PF_OPENMP=OFF

cc=${CC:-gcc}
cd "$root"
LD_PRELOAD="$($cc -print-file-name=libasan.so) $($cc -print-file-name=libubsan.so)" \
ASAN_OPTIONS=detect_leaks=0:abort_on_error=1 \
UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1 \
PYTHONMALLOC=malloc \
    "$work/venv/bin/python" -m pytest -p no:cacheprovider --capture=sys \
    tests/unit/cpu tests/parity/test_cpu_modules.py tests/parity/test_cpu_golden.py "$@"
