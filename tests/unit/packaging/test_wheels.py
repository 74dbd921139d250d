"""What is said of wheels, in pyproject.toml and to the workflow that builds them, agrees and names files that exist."""

import fnmatch
import json
import re
import subprocess
import sys

import pytest
import yaml

from tracked import ROOT, tracked_files

tomllib = pytest.importorskip("tomllib", reason="Python 3.10 reads no TOML")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
BUILD = PROJECT["tool"]["cibuildwheel"]


def versions():
    """(3, 10), ... of the classifiers, in order."""
    found = re.findall(r"Python :: 3\.(\d+)", "\n".join(PROJECT["project"]["classifiers"]))
    return [(3, int(minor)) for minor in found]


def workflow():
    path = ROOT / ".github" / "workflows" / "wheels.yml"
    if not path.exists():
        pytest.skip("not a git clone: no workflows")
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def test_every_version_that_is_promised_has_a_wheel():
    assert BUILD["build"].split() == [f"cp{major}{minor}-*" for major, minor in versions()]
    assert PROJECT["project"]["requires-python"] == ">={}.{}".format(*versions()[0])
    (limited,) = re.fullmatch(r"cp3(\d+)", PROJECT["tool"]["scikit-build"]["wheel"]["py-api"]).groups()
    assert (3, int(limited)) in versions()


def test_commands_name_files_that_exist():
    text = json.dumps(BUILD)
    named = re.findall(r"\{project\}/([\w./-]+)", text)
    assert "tools/check_wheel.py" in named
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_every_wheel_is_tried():
    assert any("check_wheel.py --installed" in command for command in BUILD["test-command"])
    assert not BUILD.get("test-skip")
    assert all("test-command" not in part for part in BUILD["overrides"])


@pytest.mark.parametrize(
    ("platform", "architectures", "expected"),
    [
        ("linux", "x86_64", ["manylinux_x86_64", "musllinux_x86_64"]),
        ("linux", "aarch64", ["manylinux_aarch64", "musllinux_aarch64"]),
        ("macos", "x86_64", ["macosx_x86_64"]),
        ("macos", "arm64", ["macosx_arm64"]),
        ("windows", "AMD64", ["win_amd64"]),
    ],
)
def test_cibuildwheel_takes_it(platform, architectures, expected):
    """Its own reading of the configuration: a wheel for every version and kind of system, and no other."""
    pytest.importorskip("cibuildwheel", reason="not installed: pip install cibuildwheel")
    words = ["--print-build-identifiers", "--platform", platform, "--archs", architectures, ROOT]
    done = subprocess.run(
        [sys.executable, "-m", "cibuildwheel", *map(str, words)], capture_output=True, text=True, check=True
    )
    wanted = {f"cp{major}{minor}-{end}" for major, minor in versions() for end in expected}
    assert set(done.stdout.split()) == wanted


def test_the_workflow_builds_on_a_machine_of_every_kind():
    """What `archs = auto64` makes of each: its own architecture."""
    jobs = workflow()["jobs"]
    kinds = {
        "Linux x86_64": "ubuntu-*[0-9]",
        "Linux aarch64": "ubuntu-*-arm",
        "macOS arm64": "macos-1[4-9]",
        "macOS x86_64": "macos-*-intel",
        "Windows x64": "windows-20*",
    }
    machines = jobs["wheels"]["strategy"]["matrix"]["machine"]
    assert BUILD["archs"] == ["auto64"]
    assert [k for k, name in kinds.items() if len(fnmatch.filter(machines, name)) != 1] == []
    assert len(machines) == len(kinds)
    commands = "\n".join(step.get("run", "") for job in jobs.values() for step in job["steps"])
    assert re.search(r"cibuildwheel==\d", commands), "the builder's version is not fixed"
    assert "--sdist" in commands


def test_the_workflow_publishes_tags_only():
    jobs = workflow()["jobs"]
    assert jobs["publish"]["if"] == "startsWith(github.ref, 'refs/tags/v')"
    assert set(jobs["publish"]["needs"]) == set(jobs) - {"publish"}
    writes = [name for name, job in jobs.items() if "write" in json.dumps(job.get("permissions", {}))]
    assert writes == ["publish"]
    assert workflow()["permissions"] == {"contents": "read"}


def test_the_workflow_watches_files_that_exist():
    watched = workflow()[True]["pull_request"]["paths"]  # YAML takes `on` for a truth value
    names = tracked_files()
    assert [pattern for pattern in watched if not fnmatch.filter(names, pattern)] == []
