#!/usr/bin/env bash
# An older CPU takes the row of kernels that it can run, and computes with it what it must:
#
#     tools/check_old_cpu.sh [PYTHON]
#
# PYTHON (default: python3) has pocket_fast installed from a wheel. It runs under qemu-user as CPUs of several
# ages and must give the very samples that this CPU gives when it is told to use the same row. NumPy's own wheels
# refuse a CPU without SSE4.2, so the oldest are tried with the kernels alone. qemu has neither AVX-512 nor AVX-VNNI:
# which of their parts a CPU must have is asked of the dispatcher with a faked CPU. Needs gcc; Debian package: qemu-user
set -euo pipefail
cd "$(dirname "$0")/.."
python=${1:-python3}
if ! command -v qemu-x86_64 >/dev/null || [ "$(uname -m)" != x86_64 ]; then
  echo "qemu-x86_64 is not installed, or this is not x86-64: older CPUs not tried"
  exit 0
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

gcc -std=gnu11 -Wall -Wextra -Icsrc tests/c/check_isa.c -o "$work/isa"
"$work/isa"
compile=(gcc -std=gnu11 -Wall -Wextra -ffp-contract=off -Icsrc)
"${compile[@]}" -O3 -DPF_ISA=baseline -c csrc/pf_table.c -o "$work/table.o"
"${compile[@]}" -O1 -static -DPF_HAVE_BASELINE csrc/pf_isa.c tests/c/check_kernels.c "$work/table.o" -lm -o "$work/kernels"
qemu-x86_64 -cpu qemu64,-pni "$work/kernels"   # SSE2 and nothing more

cat >"$work/speak.py" <<'PYTHON'
import hashlib, itertools, sys, wave
import numpy as np
from pocket_fast import TTSModel
from pocket_fast.cpu import _dispatch

with wave.open("ref.wav") as sound:
    pcm = np.frombuffer(sound.readframes(sound.getframerate()), "<i2").astype(np.float32) / 32768
digest = hashlib.sha256()
for compute_type in ("float32", "int8_float32"):
    model = TTSModel.load_model(config=sys.argv[1], compute_type=compute_type)
    voice = model.get_state_for_audio_prompt(pcm)
    for frame in itertools.islice(model.generate_audio_stream(voice, "Hello world.", seed=1), 5):
        assert np.isfinite(frame).all()
        digest.update(frame.tobytes())
print(_dispatch.isa(), digest.hexdigest()[:16])
PYTHON
"$python" tools/make_synthetic_model.py "$work/tiny" --model tiny >/dev/null
# NumPy too has code for each CPU, which rounds differently; it is kept to its oldest here and there.
NPY_DISABLE_CPU_FEATURES=$("$python" -c \
  'from numpy._core._multiarray_umath import __cpu_dispatch__ as names; print(*names)')
export NPY_DISABLE_CPU_FEATURES
speak=("$python" -W ignore "$work/speak.py" "$work/tiny/config.yaml")
for expected in Nehalem=baseline SandyBridge=baseline Haswell=avx2 EPYC=avx2; do
  cpu=${expected%=*} row=${expected#*=}
  here=$(POCKET_FAST_ISA=$row "${speak[@]}")
  there=$(qemu-x86_64 -cpu "$cpu" "${speak[@]}" 2>"$work/errors") || { cat "$work/errors"; exit 1; }
  echo "$cpu: $there"
  [ "$there" = "$here" ] || { echo "FAILED: this CPU gives $here"; exit 1; }
done
