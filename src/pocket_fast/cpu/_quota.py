"""How many CPUs' worth of time this process's control groups leave it: of a container, a service or a pod.

Linux counts them in two ways. Version 2 has one tree of groups, each with `cpu.max`; version 1 a tree for each kind of
resource, with `cpu.cfs_quota_us` and `cpu.cfs_period_us`; a system may have both. A group is bound by those that it is
in, too: the tightest on the way up counts. Where a process is in its tree says /proc/self/cgroup, where a tree is
mounted /proc/self/mountinfo; in a container it may be mounted from the container's own group on, or the path may be
that on the host. cgroups(7), Documentation/admin-guide/cgroup-v1 and cgroup-v2.rst of Linux.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import NamedTuple

_ESCAPE = re.compile(r"\\([0-7]{3})")  # of blanks in mountinfo
# Where trees are mounted by custom, if nobody says.
_USUAL = (("", "/sys/fs/cgroup"), ("", "/sys/fs/cgroup/unified"))
_USUAL += (("cpu", "/sys/fs/cgroup/cpu"), ("cpu", "/sys/fs/cgroup/cpu,cpuacct"))


class _Mount(NamedTuple):
    """A tree that is mounted: its kind ("" is version 2, "cpu" that one of version 1), which of its groups is mounted,
    and where."""

    kind: str
    group: PurePosixPath
    place: Path


def cpu_quota(root: Path = Path("/")) -> float | None:
    """CPUs' worth of time in all that this process may use, None without a limit. root: where /proc and /sys are."""
    groups = dict(_groups(_text(root / "proc/self/cgroup")))
    mounts = [*_mounts(_text(root / "proc/self/mountinfo"))]
    mounts += [_Mount(kind, PurePosixPath("/"), Path(place)) for kind, place in _USUAL]
    found = [
        quota
        for mount in mounts
        for folder in _way_up(mount, groups.get(mount.kind, PurePosixPath("/")), root)
        if (quota := _quota(folder, mount.kind)) is not None
    ]
    return min(found, default=None)


def _groups(lines: str) -> Iterator[tuple[str, PurePosixPath]]:
    """(kind of tree, this process's group in it): `0::/a/b` and `4:cpu,cpuacct:/a/b`."""
    for line in lines.splitlines():
        number, _, rest = line.partition(":")
        kinds, _, path = rest.partition(":")
        if number == "0" and not kinds:
            yield "", PurePosixPath(path or "/")
        elif "cpu" in kinds.split(","):
            yield "cpu", PurePosixPath(path or "/")


def _mounts(lines: str) -> Iterator[_Mount]:
    """Lines of mountinfo: fields, a dash, the type of the file system, its source, its options."""
    for line in lines.splitlines():
        before, dash, after = line.partition(" - ")
        fields, rest = before.split(), after.split()
        if not dash or len(fields) < 5 or len(rest) < 3:
            continue
        group, place = (_ESCAPE.sub(lambda found: chr(int(found[1], 8)), field) for field in fields[3:5])
        if rest[0] == "cgroup2":
            yield _Mount("", PurePosixPath(group), Path(place))
        elif rest[0] == "cgroup" and "cpu" in rest[2].split(","):
            yield _Mount("cpu", PurePosixPath(group), Path(place))


def _way_up(mount: _Mount, group: PurePosixPath, root: Path) -> Iterator[Path]:
    """The folders of the group and of all that it is in, as far as they are mounted."""
    top = root / mount.place.relative_to(mount.place.anchor)
    inside = _below(group, mount.group)
    # A path of the host's means nothing where the container's own group is mounted: that alone is there.
    if inside is None or not (top / inside).is_dir():
        inside = PurePosixPath()
    yield top / inside
    for outer in inside.parents:
        yield top / outer


def _below(group: PurePosixPath, mounted: PurePosixPath) -> PurePosixPath | None:
    """The group's path from the one that is mounted, None if it is not below it."""
    if ".." in group.parts:  # seen from a namespace whose root it is not in
        return None
    try:
        return group.relative_to(mounted)
    except ValueError:
        return None


def _quota(folder: Path, kind: str) -> float | None:
    """What one group allows."""
    try:
        if kind == "cpu":
            quota, period = (int(_text(folder / f"cpu.cfs_{what}_us")) for what in ("quota", "period"))
        else:
            quota, period = map(int, _text(folder / "cpu.max").split()[:2])
    except ValueError:  # there is no such file, or it says `max`
        return None
    return quota / period if quota > 0 and period > 0 else None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return ""
