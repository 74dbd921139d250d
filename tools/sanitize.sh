#!/bin/sh
# Run the tests of the compiled core under AddressSanitizer and UndefinedBehaviorSanitizer:
#
#     tools/sanitize.sh [FOLDER] [PYTEST ARGUMENTS]
#     POCKET_FAST_FUZZ=1000 tools/sanitize.sh build/sanitize tests/unit/cpu/test_fuzz_stages.py
#
# The second one tries a thousand models of random sizes (without it: 100). Builds into FOLDER (default:
# build/sanitize; kept, so that a second run is quick), and stops at the first finding: in this build every piece
# of scratch has a guard behind it (_memory.pyx). Needs gcc and its libasan and libubsan; leaks are not counted,
# because CPython leaks by design. Races are for check_races.sh.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
work=${1:-$root/build/sanitize}
[ $# -eq 0 ] || shift
python=${PYTHON:-python3}

[ -x "$work/venv/bin/python" ] || "$python" -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet "$root[test]" \
    -Cbuild-dir="$work/cmake" -Ccmake.build-type=RelWithDebInfo -Cinstall.strip=false \
    -Ccmake.define.PF_SANITIZE=address,undefined

cc=${CC:-gcc}
cd "$root"
[ $# -gt 0 ] || set -- tests/unit/cpu tests/parity/test_cpu_modules.py tests/parity/test_cpu_golden.py
LD_PRELOAD="$($cc -print-file-name=libasan.so) $($cc -print-file-name=libubsan.so)" \
ASAN_OPTIONS=detect_leaks=0:abort_on_error=1:allocator_may_return_null=1 \
UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1 \
PYTHONMALLOC=malloc POCKET_FAST_FUZZ=${POCKET_FAST_FUZZ:-100} \
    "$work/venv/bin/python" -m pytest -p no:cacheprovider --capture=sys "$@"
