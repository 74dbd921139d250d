"""Debian in a folder, for tools that try this package on other systems. Needs root, debootstrap and Debian's mirror."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")


def make_root(folder: Path, suite: str, packages: list[str]) -> None:
    """A small Debian with these packages, unless it is there. It trusts what this machine trusts."""
    made = folder.with_name(f"{folder.name}.made")
    if made.exists():
        return
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    words = ",".join([*packages, "ca-certificates"])
    scripts = Path("/usr/share/debootstrap/scripts")
    script = scripts / (suite if (scripts / suite).exists() else "sid")  # younger than this debootstrap
    run("debootstrap", "--variant=minbase", f"--include={words}", suite, folder, mirror(), script)
    if CERTIFICATES.exists():  # of a proxy, perhaps
        shutil.copy(CERTIFICATES, folder / CERTIFICATES.relative_to("/"))
    made.touch()


def unpack(folder: Path, suite: str, packages: list[str]) -> None:
    """The files of these packages alone, without what they need, unless they are there."""
    if folder.exists():
        return
    work = folder.with_name(f"{folder.name}.apt")
    for name in ("lists/partial", "archives/partial"):
        (work / name).mkdir(parents=True, exist_ok=True)
    key = "/usr/share/keyrings/debian-archive-keyring.gpg"
    (work / "sources.list").write_text(f"deb [signed-by={key}] {mirror()} {suite} main\n")
    places = {
        "Dir::Etc::sourcelist": work / "sources.list",
        "Dir::Etc::sourceparts": "-",
        "Dir::State::lists": work / "lists",
        "Dir::State::status": "/dev/null",  # what is installed here is no candidate
        "Dir::Cache::archives": work / "archives",
        "APT::Sandbox::User": "root",
    }
    apt = ["apt-get", "-q", *(f"-o{name}={value}" for name, value in places.items())]
    run(*apt, "update")
    run(*apt, "download", *packages, cwd=work)
    partly = folder.with_name(f"{folder.name}.part")
    for archive in work.glob("*.deb"):
        run("dpkg-deb", "--extract", archive, partly)
    partly.rename(folder)


def mirror() -> str:
    return run("apt-get", "indextargets", "--format", "$(REPO_URI)").split()[0]


def missing(*programs: str) -> list[str]:
    """Which of them are not installed; root is one, too."""
    return [name for name in programs if not shutil.which(name)] + (["root's rights"] if os.geteuid() else [])


def run(*words: object, **options) -> str:
    """What it printed. If it fails: all that it said, and the end."""
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, **options)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, words))}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}")
    return done.stdout
