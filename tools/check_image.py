"""Build the Dockerfile and run the image, without Docker.

    python tools/check_image.py [FOLDER]

buildah builds it from the working tree, .dockerignore and all, on a Debian made by debootstrap that stands in for
the official Python image (with its own Python, of whatever version). Then the image's command is started as the
image's user, in a network and a process tree of its own: its health check must pass, it must speak, be able to keep
what it fetches in the volume, and end well when it is told to. As root; FOLDER (default: build/image) is kept, so
that a second run is quicker. Debian packages: buildah debootstrap iproute2
"""

from __future__ import annotations

import argparse
import io
import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
import wave
from pathlib import Path

import debian

ROOT = Path(__file__).resolve().parents[1]
SUITE = "trixie"  # the Debian that python:3-slim is made of


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", type=Path, default=ROOT / "build" / "image")
    parser.add_argument("--inside", metavar="CONTAINER", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    folder = arguments.folder.absolute()
    os.environ.update(
        STORAGE_DRIVER="vfs", BUILDAH_ISOLATION="chroot"
    )  # what works where there is no container
    if arguments.inside:
        run_image(folder, arguments.inside)
        return
    if missing := debian.missing("buildah", "debootstrap", "ip", "unshare"):
        sys.exit(f"needs {', '.join(missing)}: the image was not built")
    folder.mkdir(parents=True, exist_ok=True)
    make_bases(folder)
    built = buildah(folder, "bud", "--layers", "--format=docker", "--pull-never", "--tag=pocket-fast", ROOT)
    (folder / "build.log").write_text(built)
    container = buildah(folder, "from", "--pull-never", "pocket-fast").strip()
    try:
        apart = ["unshare", "--net", "--pid", "--fork", "--mount-proc"]
        subprocess.run([*apart, sys.executable, __file__, str(folder), "--inside", container], check=True)
    finally:
        buildah(folder, "rm", container)


def make_bases(folder: Path) -> None:
    """The images that the Dockerfile begins with, from Debian's packages."""
    made = folder / "bases.made"
    if made.exists():
        return
    base = folder / "base"
    debian.make_root(base, SUITE, ["python3-dev", "python3-venv"])
    (base / "usr/local/bin/python").symlink_to("/usr/bin/python3")
    for name in set(re.findall(r"^FROM (\S+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE)):
        container = buildah(folder, "from", "scratch").strip()
        buildah(folder, "copy", "-q", container, base, "/")
        buildah(folder, "commit", "-q", "--rm", container, f"docker.io/library/{name}")
    made.touch()


def run_image(folder: Path, container: str) -> None:
    """What Docker does with it. In namespaces of its own: the port is free, and the processes are the image's."""
    debian.run("ip", "link", "set", "lo", "up")
    config = json.loads(buildah(folder, "inspect", container))["Docker"]["config"]
    assert config["User"] not in ("", "root", "0"), config["User"]
    (port,) = (int(name.split("/")[0]) for name in config["ExposedPorts"])
    kind, *check = config["Healthcheck"]["Test"]
    assert kind == "CMD", kind

    def healthy() -> bool:
        return (
            subprocess.run(command(folder, "run", container, "--", *check), capture_output=True).returncode
            == 0
        )

    started = [*config["Entrypoint"], *(config["Cmd"] or [])]
    server = subprocess.Popen(command(folder, "run", container, "--", *started))
    deadline = time.monotonic() + 60
    while not healthy():
        assert server.poll() is None, f"exit code {server.returncode}"
        assert time.monotonic() < deadline, "the health check did not pass within a minute"
    process = process_of(started[1:])
    assert 0 not in (process.stat().st_uid, process.stat().st_gid), "it runs as root"
    hear(port)
    environment = dict(line.split("=", 1) for line in config["Env"])
    for name in ("HF_HOME", "POCKET_FAST_CACHE"):
        assert any(environment[name].startswith(f"{volume}/") for volume in config["Volumes"]), environment[
            name
        ]
        buildah(folder, "run", container, "--", "mkdir", "-p", environment[name])
    os.kill(int(process.name), signal.SIGTERM)
    assert server.wait(30) == 0, f"exit code {server.returncode} after SIGTERM"
    assert not healthy(), "the health check passes without a server"
    print(f"image: built, healthy, speaks as {config['User']}, stops when told to")


def process_of(arguments: list[str]) -> Path:
    """Its folder in /proc, by what follows the name of the program."""
    for process in Path("/proc").glob("[0-9]*"):
        program, *rest = (process / "cmdline").read_text().rstrip("\0").split("\0")
        if rest == arguments and Path(program).name.startswith("python"):
            return process
    raise AssertionError(f"no process {arguments}")


def hear(port: int) -> None:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/v1/audio/speech",
        json.dumps({"model": "tts-1", "input": "Hello there.", "response_format": "wav"}).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=60) as answer, wave.open(io.BytesIO(answer.read())) as sound:
        assert sound.getframerate() == 24000
        assert len(sound.readframes(1 << 24)) > 10 * 2 * 1920


def buildah(folder: Path, *arguments: object) -> str:
    return debian.run(*command(folder, *arguments))


def command(folder: Path, *arguments: object) -> list[str]:
    return ["buildah", "--root", f"{folder}/store", "--runroot", f"{folder}/run", *map(str, arguments)]


if __name__ == "__main__":
    main()
