"""What an implementation puts on the disk: itself and everything it needs, the interpreter left out."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from importlib.metadata import Distribution, distributions

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


def needed(
    requirements: Iterable[str], path: list[str], unused: Collection[str] = ()
) -> dict[str, Distribution]:
    """{name: distribution} of the requirements ("pocket-tts", "mlx[cpu]") and of what those require in turn.

    path: the sys.path of the interpreter they are installed for; unused: names to leave out, with what only they
    require. Raises LookupError for one that is not there.
    """
    there = {canonicalize_name(d.metadata["Name"]): d for d in reversed(list(distributions(path=path)))}
    found: dict[str, Distribution] = {}
    todo = [Requirement(text) for text in requirements]
    seen: set[tuple[str, str]] = set()
    while todo:
        requirement = todo.pop()
        name = canonicalize_name(requirement.name)
        if name in unused:
            continue
        if name not in there:
            raise LookupError(f"{name} is needed and not installed")
        found[name] = there[name]
        for extra in {"", *requirement.extras}:
            if (name, extra) not in seen:
                seen.add((name, extra))
                below = (Requirement(text) for text in there[name].requires or ())
                todo += [r for r in below if r.marker is None or r.marker.evaluate({"extra": extra})]
    return found


def size_mib(found: Iterable[Distribution]) -> float | None:
    """MiB of all files the distributions list; None if one is installed from its source tree."""
    total = 0
    for distribution in found:
        origin = json.loads(distribution.read_text("direct_url.json") or "{}")
        if origin.get("dir_info", {}).get("editable"):
            return None
        files = {distribution.locate_file(file) for file in distribution.files or ()}
        total += sum(file.stat().st_size for file in files if file.exists())
    return total / 2**20
