# cython: language_level=3
"""Which instruction set runs: one kernel table per process, chosen at import.

`POCKET_FAST_ISA` forces one (baseline, avx2, avxvnni, avx512vnni, avx512, amx on x86-64; neon, neon_dotprod,
neon_i8mm on arm64). A name that is not built in, or that this CPU cannot run, is an error: there is no silent fallback.
"""

import os

from pocket_fast.errors import UnsupportedError

from pocket_fast.cpu._kernels cimport (
    pf_isa_count, pf_isa_name, pf_isa_table, pf_isa_usable, pf_kernels
)

cdef const pf_kernels *_active = NULL


cdef const pf_kernels *kernels() noexcept nogil:
    return _active


def isas():
    """[(name, usable here)] of the instruction sets in this build, best first."""
    return [((<bytes>pf_isa_name(i)).decode(), bool(pf_isa_usable(i))) for i in range(pf_isa_count())]


def isa():
    """Name of the instruction set in use."""
    return (<bytes>_active.isa).decode()


def set_isa(name):
    """Use the instruction set `name` from the next stage call on; None: the best usable one.

    For tests. Packed weights and streams stay valid, for layouts do not depend on the instruction set, unless the
    product of those weights is one that the set lacks: a model with "dot" in it crashes where has_bf16_dot() is
    False. Results are bitwise reproducible within one set, not across all (docs/instruction-sets.md). Raises
    UnsupportedError.
    """
    global _active
    built = isas()
    if name is None:
        name = next(known for known, usable in built if usable)
    for i, (known, usable) in enumerate(built):
        if known == name:
            if not usable:
                raise UnsupportedError(
                    f"instruction set {name!r} is built in, but this CPU cannot run it; "
                    f"usable here: {', '.join(n for n, ok in built if ok)}"
                )
            _active = pf_isa_table(i)
            return
    raise UnsupportedError(
        f"instruction set {name!r} is not in this build; built in: {', '.join(n for n, _ in built)}. "
        "Unset POCKET_FAST_ISA to use the best one"
    )


set_isa(os.environ.get("POCKET_FAST_ISA") or None)
