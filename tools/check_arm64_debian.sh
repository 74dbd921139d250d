#!/usr/bin/env bash
# The whole package on arm64: pip builds it inside an emulated Debian, and its tests run there.
#
#     tools/check_arm64_debian.sh [FOLDER] [PYTEST ARGUMENTS]
#
# FOLDER (default: build/arm64; kept, so that a second run is quicker) takes 1 GB: Debian 12 and what pip installs.
# Without arguments: the tests end to end, of parity and of the core with a CPU that has everything, and those of the
# choice and the products with CPUs that lack the newer instructions. On a core of its own that is some two hours, ten
# minutes of it the build. On a busy machine, tests fail that wait for a process a minute or two.
#
# Nothing outside FOLDER is changed, as root neither: the emulator is registered in a user namespace of its own
# (Linux 6.7). The C compiler is this machine's cross compiler, seen through /host, at its native speed; all else
# is emulated. Debian packages: mmdebstrap qemu-user-static gcc-aarch64-linux-gnu libc6-dev-arm64-cross
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)

inside_debian() { # emulated, in the source tree
  export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 CC=/usr/local/bin/cc PATH=/venv/bin:$PATH
  [ -x /venv/bin/ninja ] || {
    python3 -m venv /venv
    pip install --quiet scikit-build-core cython cython-cmake cmake ninja setuptools wheel
  }
  pip install --quiet --no-build-isolation --config-settings build-dir=/build "$root[test]"
  python -m pocket_fast info
  if [ $# -gt 0 ]; then
    run_tests "$@"
    return
  fi
  local cpu failed=0
  for cpu in cortex-a72 neoverse-n1; do
    QEMU_CPU=$cpu run_tests tests/unit/cpu/test_{dispatch,kernel_products,twin_rows}.py || failed=1
  done
  run_tests tests/e2e || failed=1
  run_tests tests/parity tests/unit/cpu -k "not numpy_golden and not numpy_reference" || failed=1 # NumPy's own
  return $failed
}
run_tests() { python -m pytest -p no:cacheprovider "$@"; }

inside_namespace() { # of users, mounts and processes: nothing here outlives this script
  local debian=$1 magic mask
  mount -t binfmt_misc none /proc/sys/fs/binfmt_misc
  magic='\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00'
  mask='\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff'
  echo ":arm64:M::$magic:$mask:$(command -v qemu-aarch64-static):F" >/proc/sys/fs/binfmt_misc/register
  mount --rbind / "$debian/host"
  mount --rbind /dev "$debian/dev"
  mount --rbind /sys "$debian/sys"
  mount --rbind /etc/ssl "$debian/etc/ssl"
  mount -t proc proc "$debian/proc"
  exec chroot "$debian" /bin/bash "/host$root/tools/check_arm64_debian.sh" --inside-debian "${@:2}"
}

unpack_debian() {
  local debian=$1 tool
  mkdir -p "$debian"
  mmdebstrap --quiet --architectures=arm64 --variant=extract --skip=output/dev bookworm - \
    --include=bash,coreutils,findutils,grep,sed,procps,git,python3,python3-dev,python3-venv,libgomp1,libstdc++6 |
    tar -x --no-same-owner -C "$debian"
  mkdir -p "$debian"/{dev,host,proc,sys,usr/local/bin}
  # this machine's programs find their loader, their libraries and the compiler's own files
  for tool in lib64 lib/x86_64-linux-gnu usr/lib/x86_64-linux-gnu usr/lib/gcc-cross usr/aarch64-linux-gnu; do
    ln -sfn "/host/$tool" "$debian/$tool"
  done
  for tool in ar ranlib nm strip ld objcopy objdump; do
    ln -sf "/host/usr/bin/aarch64-linux-gnu-$tool" "$debian/usr/local/bin/$tool"
  done
  printf '#!/bin/sh\nexec /host/usr/bin/aarch64-linux-gnu-gcc "$@"\n' >"$debian/usr/local/bin/cc"
  chmod +x "$debian/usr/local/bin/cc"
  ln -s bash "$debian/bin/sh" # the last step: without it all is done again
}

case ${1:-} in
--inside-debian)
  cd "$root"
  inside_debian "${@:2}"
  exit
  ;;
--inside-namespace) inside_namespace "${@:2}" ;;
esac
for program in mmdebstrap qemu-aarch64-static aarch64-linux-gnu-gcc; do
  command -v "$program" >/dev/null || { echo "$program is not installed" >&2; exit 1; }
done
debian=$(realpath -m "${1:-$root/build/arm64}")
[ $# -eq 0 ] || shift
[ -e "$debian/bin/sh" ] || unpack_debian "$debian"
exec unshare --user --map-root-user --mount --pid --fork --mount-proc \
  "$root/tools/check_arm64_debian.sh" --inside-namespace "$debian" "$@"
