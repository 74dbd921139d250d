"""The Dockerfile and .dockerignore name what there is. tools/check_image.py builds and runs the image."""

import json
import re
import shlex
from pathlib import Path

import pytest

from tracked import ROOT, tracked_files

DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
IGNORE = (ROOT / ".dockerignore").read_text(encoding="utf-8")


def instructions(text):
    """[(stage, instruction, its words)]: lines that end in a backslash go on, comments are none."""
    stage, found = -1, []
    text = re.sub(r"^\s*#.*\n", "", text, flags=re.MULTILINE)
    for line in re.sub(r"\\\n", " ", text).splitlines():
        if not line.strip():
            continue
        instruction, _, rest = line.strip().partition(" ")
        stage += instruction.upper() == "FROM"
        words = json.loads(rest) if rest.startswith("[") else shlex.split(rest)
        found.append((stage, instruction.upper(), words))
    return found


def pattern(line):
    """A line of .dockerignore as a regular expression: a folder stands for all below it."""
    parts = re.split(r"(\*\*/?|\*|\?)", line.strip("/"))
    wild = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return re.compile("".join(wild.get(part, re.escape(part)) for part in parts) + "(?:/.*)?")


def sent(names, ignore):
    """The files that `docker build` sees: for each, the last line that matches decides."""
    kept = []
    lines = [line.strip() for line in ignore.splitlines() if line.strip() and not line.startswith("#")]
    for name in names:
        wanted = True
        for line in lines:
            if pattern(line.removeprefix("!")).fullmatch(name):
                wanted = line.startswith("!")
        if wanted:
            kept.append(name)
    return kept


def copied(text, names):
    """{source: the files it brings} of every COPY and ADD from the context."""
    found = {}
    for _, instruction, words in instructions(text):
        if instruction in ("COPY", "ADD") and not any(word.startswith("--from=") for word in words):
            *sources, _ = [word for word in words if not word.startswith("--")]
            for source in sources:
                found[source] = [n for n in names if source == "." or pattern(source).fullmatch(n)]
    return found


def test_the_rules_of_ignoring():
    names = ["a.c", "src/a.c", "src/x/b.so", "src/x/__pycache__/c.pyc", "docs/d.md", "notes.md"]
    assert sent(names, "*\n!src\n**/*.so\n**/__pycache__\n") == ["src/a.c"]
    assert sent(names, "# all\n*.md\n") == names[:-1]
    assert sent(names, "**/*.md\n!docs/*.md") == names[:-1]
    assert sent(names, "src/?/\n") == [n for n in names if not n.startswith("src/x/")]


@pytest.mark.parametrize(
    ("text", "empty"),
    [
        ("COPY a.c b.c ./", ["b.c"]),
        ("COPY --chown=1 src \\\n  lib /x/", ["lib"]),
        ('COPY ["src", "has space", "/x"]', ["has space"]),
        ("ADD gone* /x\nCOPY --from=build /opt/gone /opt/gone", ["gone*"]),
    ],
)
def test_a_missing_file_is_seen(text, empty):
    assert [source for source, files in copied(text, ["a.c", "src/a.c"]).items() if not files] == empty


def test_every_copied_path_is_in_the_clone_and_sent():
    context = sent(tracked_files(), IGNORE)
    sources = copied(DOCKERFILE, context)
    assert sources
    assert [source for source, files in sources.items() if not files] == []
    assert set(context) == {name for files in sources.values() for name in files}  # and nothing else is sent


def test_every_line_of_the_ignore_file_is_about_something():
    exceptions = [line[1:] for line in IGNORE.splitlines() if line.startswith("!")]
    assert exceptions
    names = tracked_files()
    assert [line for line in exceptions if not any(pattern(line).fullmatch(n) for n in names)] == []


def test_what_the_build_reads_is_copied():
    """The sources whole, and the files that pyproject.toml and CMakeLists.txt name."""
    names = tracked_files()
    files = {name for found in copied(DOCKERFILE, sent(names, IGNORE)).values() for name in found}
    assert {name for name in names if name.startswith(("csrc/", "src/"))} <= files
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    named = {"pyproject.toml", "CMakeLists.txt", re.search(r'^readme = "(.*)"', project, re.MULTILINE)[1]}
    named |= set(json.loads(re.search(r"^license-files = (.*)", project, re.MULTILINE)[1]))
    cmake = (ROOT / "CMakeLists.txt").read_text(encoding="utf-8")
    named |= {word for word in re.findall(r"[\w./-]+", cmake) if Path(ROOT / word).is_file()}
    assert named <= files


def test_what_goes_from_stage_to_stage_was_made():
    """A folder that one stage copies from another is made by a command there."""
    said = instructions(DOCKERFILE)
    stages = {words[2]: stage for stage, name, words in said if name == "FROM" and len(words) == 3}
    for stage, name, words in said:
        for origin in [word[len("--from=") :] for word in words if word.startswith("--from=")]:
            assert name == "COPY"
            assert stages[origin] < stage
            made = " ".join(" ".join(w) for s, n, w in said if s == stages[origin] and n == "RUN")
            for path in words[1:-1]:
                assert path in made


def test_it_serves_as_a_user_without_rights():
    last = max(stage for stage, _, _ in instructions(DOCKERFILE))
    said = [(name, words) for stage, name, words in instructions(DOCKERFILE) if stage == last]
    (user,) = (words for name, words in said if name == "USER")
    (makes,) = (words for name, words in said if name == "RUN")
    assert user[0] in makes[makes.index("useradd") :]
    names = [name for name, _ in said]
    assert names.index("USER") > max(i for i, name in enumerate(names) if name in ("RUN", "COPY"))
    (port,) = (words[0] for name, words in said if name == "EXPOSE")
    (check,) = (words for name, words in said if name == "HEALTHCHECK")
    assert f":{port}/health" in " ".join(check)
