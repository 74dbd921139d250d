#!/bin/sh
# Run the tests of the compiled core's threads under ThreadSanitizer:
#
#     tools/check_races.sh [FOLDER] [PYTEST ARGUMENTS]
#
# Builds into FOLDER (default: build/races; kept, so that a second run is quick), prints every race found, and
# fails if there was one. It takes clang, because LLVM's OpenMP comes with a tool (Archer) that tells
# ThreadSanitizer what a parallel region orders, and gcc's does not; a Python that begins with ThreadSanitizer's
# runtime, made here; and the kernels in their baseline form, because ThreadSanitizer does not see loads and
# stores of more than 16 bytes. Tests that start another Python are left out: Archer's setting does not reach it.
# Debian packages: clang libomp-dev, and a Python with its shared library.
#
# It does see: of the 25 barriers in the stages, each taken out alone, 20 were reported (one of them had the right
# samples all the same); two are for bfloat16 products, which the baseline has not, and three follow another.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
work=${1:-$root/build/races}
[ $# -eq 0 ] || shift
python=${PYTHON:-python3}
archer=$(clang -print-resource-dir)/../../libarcher.so
[ -e "$archer" ] || { echo "libarcher.so not found: install libomp-dev" >&2; exit 1; }

[ -x "$work/venv/bin/python" ] || "$python" -m venv "$work/venv"
CC=clang "$work/venv/bin/python" -m pip install --quiet "$root[test]" \
    -Cbuild-dir="$work/cmake" -Ccmake.build-type=RelWithDebInfo -Cinstall.strip=false \
    -Ccmake.define.PF_SANITIZE=thread

cat >"$work/main.c" <<'C'
#include <Python.h>
int main(int argc, char **argv) { return Py_BytesMain(argc, argv); }
C
flags=$("$work/venv/bin/python" - <<'PYTHON'
from sysconfig import get_config_var as var, get_paths
where = var("LIBDIR")
print(f"-I{get_paths()['include']} -L{where} -Wl,-rpath,{where} -lpython{var('LDVERSION')}")
PYTHON
)
# shellcheck disable=SC2086
clang -fsanitize=thread -rdynamic "$work/main.c" $flags -o "$work/venv/bin/python-races"
echo "called_from_lib:libomp.so" >"$work/suppressions"

case $(uname -m) in x86_64) export POCKET_FAST_ISA=baseline ;; esac
export OPENBLAS_NUM_THREADS=1 OMP_TOOL_LIBRARIES="$archer" TSAN_OPTIONS="suppressions=$work/suppressions"
cd "$root"
[ $# -gt 0 ] || set -- tests/unit/cpu -k "not avx and not test_fork"
setarch -R "$work/venv/bin/python-races" -m pytest -p no:cacheprovider --capture=sys "$@"   # its fixed shadow memory
