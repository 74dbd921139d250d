"""The CPU time that control groups leave: folders as Linux shows them, of every version and kind of nesting."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pocket_fast.cpu._quota import cpu_quota

V2 = "30 24 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate"
V1 = "34 25 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,nosuid shared:15 - cgroup cgroup rw,cpu,cpuacct"
OTHER = """22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
25 22 0:23 / /sys/fs/cgroup ro shared:9 - tmpfs tmpfs ro,mode=755
33 25 0:28 / /sys/fs/cgroup/memory rw shared:14 - cgroup cgroup rw,memory
35 25 0:30 / /sys/fs/cgroup/cpuset rw shared:16 - cgroup cgroup rw,cpuset
"""


@pytest.fixture
def quota(tmp_path):
    """quota(groups, mounts, files) -> the quota with these lines of /proc/self and these files below /."""

    def quota(groups, mounts, files):
        shutil.rmtree(tmp_path / "root", ignore_errors=True)
        root = tmp_path / "root"
        for name, text in {**files, "proc/self/cgroup": groups, "proc/self/mountinfo": mounts}.items():
            if text is not None:
                path = root / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
        return cpu_quota(root)

    return quota


def v2(**groups):
    """Files of version 2: v2(a__b="100000 100000") is /sys/fs/cgroup/a/b/cpu.max."""
    return {
        f"sys/fs/cgroup/{group.strip('_').replace('__', '/')}/cpu.max": text + "\n"
        for group, text in groups.items()
    }


def v1(place, **groups):
    files = {}
    for group, (limit, period) in groups.items():
        folder = f"{place}/{group.strip('_').replace('__', '/')}"
        files |= {f"{folder}/cpu.cfs_quota_us": f"{limit}\n", f"{folder}/cpu.cfs_period_us": f"{period}\n"}
    return files


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("max 100000", None),
        ("250000 100000", 2.5),
        ("5000 10000", 0.5),
        ("max", None),
        ("", None),
        ("odd", None),
        ("-1 100000", None),
        ("100000 0", None),
        ("100000", None),
    ],
)
def test_a_container_with_a_namespace_of_its_own(quota, text, expected):
    assert quota("0::/\n", OTHER + V2, v2(_=text)) == expected


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (v2(system__slice__tts="150000 100000"), 1.5),
        (v2(system__slice__tts="max 100000", system__slice="300000 100000", system="max 100000"), 3),
        (v2(system__slice__tts="400000 100000", system__slice="max 100000", system="200000 100000"), 2),
        (v2(system__slice__tts="400000 100000", other="100000 100000"), 4),
        (v2(system__slice__tts="max 100000"), None),
        ({}, None),
    ],
)
def test_a_service_and_what_it_is_in(quota, files, expected):
    """systemd's CPUQuota= of a service, of its slice, of the slice above."""
    assert (
        quota("0::/system/slice/tts\n", OTHER + V2, {"sys/fs/cgroup/cgroup.procs": "", **files}) == expected
    )


def test_the_whole_tree_in_a_container(quota):
    """--cgroupns=host, where the tree of the host is there."""
    path = "kubepods__pod1__container"
    files = v2(**{path: "max 100000", "kubepods__pod1": "350000 100000", "kubepods": "800000 100000"})
    assert quota("0::/kubepods/pod1/container\n", V2, files) == 3.5


def test_a_part_of_the_tree_in_a_container(quota):
    """--cgroupns=host, where the container's own group is what is mounted."""
    mount = V2.replace(" / /sys", " /kubepods/pod1/container /sys")
    assert quota("0::/kubepods/pod1/container\n", mount, v2(_="150000 100000")) == 1.5
    assert (
        quota("0::/kubepods/pod1/container/inner\n", mount, v2(_="300000 100000", inner="200000 100000")) == 2
    )
    assert quota("0::/somewhere/else\n", mount, v2(_="150000 100000")) == 1.5


@pytest.mark.parametrize("path", ["/../sibling", "/../../a/b", "/gone/from/here"])
def test_a_group_that_cannot_be_seen(quota, path):
    """What is mounted still counts: the process is in it, or was when it began."""
    assert quota(f"0::{path}\n", V2, v2(_="200000 100000")) == 2


@pytest.mark.parametrize("kinds", ["cpu,cpuacct", "cpuacct,cpu", "cpu"])
def test_version_1(quota, kinds):
    place = f"sys/fs/cgroup/{kinds}"
    mount = V1.replace("cpu,cpuacct", kinds)
    groups = f"12:memory:/docker/x\n7:cpuset:/\n4:{kinds}:/docker/x\n1:name=systemd:/docker/x\n"
    assert quota(groups, OTHER + mount, v1(place, docker__x=(150000, 100000))) == 1.5
    assert quota(groups, OTHER + mount, v1(place, docker__x=(-1, 100000))) is None
    assert quota(groups, OTHER + mount, v1(place, docker__x=(-1, 100000), docker=(50000, 25000))) == 2
    assert quota(groups, OTHER + mount, v1(place, docker__x=(400000, 100000), _=(300000, 100000))) == 3
    assert quota(groups, OTHER + mount, v1(place, docker__y=(100000, 100000))) is None


def test_version_1_in_a_container(quota):
    """Docker and Kubernetes mount the container's own group, at the usual place; its path is that on the host."""
    mount = V1.replace(" / /sys", " /kubepods/pod1/x /sys")
    files = v1("sys/fs/cgroup/cpu,cpuacct", _=(250000, 100000))
    assert quota("4:cpu,cpuacct:/kubepods/pod1/x\n", OTHER + mount, files) == 2.5


def test_both_versions_at_once(quota):
    """Version 1 has the CPUs, version 2 only what systemd needs; or the other way round."""
    unified = V2.replace("/sys/fs/cgroup rw", "/sys/fs/cgroup/unified rw")
    groups = "4:cpu,cpuacct:/a\n0::/a\n"
    files = v1("sys/fs/cgroup/cpu,cpuacct", a=(300000, 100000))
    assert (
        quota(groups, OTHER + V1 + "\n" + unified, {**files, "sys/fs/cgroup/unified/a/cgroup.procs": ""}) == 3
    )
    files["sys/fs/cgroup/unified/a/cpu.max"] = "200000 100000"
    assert quota(groups, OTHER + V1 + "\n" + unified, files) == 2


def test_unusual_places(quota):
    mount = V2.replace(" /sys/fs/cgroup ", r" /mnt/control\040groups ")
    assert quota("0::/a b\n", mount, {"mnt/control groups/a b/cpu.max": "100000 100000"}) == 1


@pytest.mark.parametrize(
    ("groups", "files"),
    [
        ("0::/a/b\n", v2(a__b="200000 100000")),
        (None, v2(_="200000 100000")),
        ("4:cpu,cpuacct:/a\n", v1("sys/fs/cgroup/cpu,cpuacct", a=(200000, 100000))),
        ("4:cpu:/a\n", v1("sys/fs/cgroup/cpu", a=(-1, 100000), _=(200000, 100000))),
    ],
)
def test_nobody_says_where_they_are_mounted(quota, groups, files):
    assert quota(groups, None, files) == 2


@pytest.mark.parametrize("text", ["", "nonsense\n", "0::\n", ":::\n", "a b c - d\n", "4:cpu\n", "\0\n"])
def test_files_that_make_no_sense(quota, text):
    assert quota(text, text, {}) is None
    assert quota(text, text, v2(_="200000 100000")) == 2


def test_a_system_without_them(tmp_path):
    assert cpu_quota(tmp_path) is None


def test_this_system_is_read():
    quota = cpu_quota()
    assert quota is None or quota > 0


@pytest.mark.skipif(shutil.which("unshare") is None, reason="no unshare on this system")
@pytest.mark.skipif(not Path("/sys/fs/cgroup").is_dir(), reason="no control groups on this system")
def test_from_the_outside(tmp_path):
    """The same through the real paths, with other files mounted over them."""
    (tmp_path / "cgroup/service").mkdir(parents=True)
    (tmp_path / "cgroup/service/cpu.max").write_text("100000 100000")
    (tmp_path / "self").write_text("0::/service\n")
    code = "from pocket_fast.cpu._quota import cpu_quota; print(cpu_quota())"
    script = (
        f"mount --bind {tmp_path}/cgroup /sys/fs/cgroup && "
        f"exec {sys.executable} -c 'import subprocess, sys, os; "
        f'os.system("mount --bind {tmp_path}/self /proc/" + str(os.getpid()) + "/cgroup"); {code}\''
    )
    done = subprocess.run(["unshare", "-m", "sh", "-c", script], capture_output=True, text=True, check=False)
    if "mount" in done.stderr or "unshare" in done.stderr:
        pytest.skip(f"mounting is not allowed here: {done.stderr.strip()[:100]}")
    assert done.stdout.strip() == "1.0", done.stderr
