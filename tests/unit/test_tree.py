"""The shape of the source tree: who imports whom, when, and how long a file is."""

import ast
import graphlib
import json
import re
from pathlib import Path

import pytest

from fresh_python import run_python

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "pocket_fast"

# What each part of the package may import besides itself.
LEAF = {"errors"}
BELOW_API = {"errors", "text", "audio", "weights", "models", "engine"}
ABOVE_FAMILIES = {"errors", "text", "audio", "weights", "api", "models.contract", "models.catalog"}
ALLOWED = {
    "__init__": {"api", "errors"},
    "__main__": {"cli"},
    "errors": set(),
    "text": LEAF,
    "audio": LEAF,
    "weights": LEAF,
    "stages": LEAF,
    "cpu": LEAF | {"stages"},
    "cuda": LEAF | {"stages"},
    "models": {"errors", "text", "audio", "weights"},
    "engine": {"errors", "models.contract"},
    "api": BELOW_API | {"cpu", "cuda"},
    "server": ABOVE_FAMILIES,
    "cli": ABOVE_FAMILIES | {"server", "cpu", "cuda"},
}
FAMILIES = sorted(path.name for path in (PACKAGE / "models").iterdir() if (path / "__init__.py").exists())
BACKENDS = {"cpu", "cuda"}
SLOW_TO_IMPORT = {
    "scipy",
    "huggingface_hub",
    "filelock",
    "soundfile",
    "av",
    "sentencepiece",
    "tokenizers",
    "safetensors",
    "num2words",
    "soxr",
    "yaml",
    "tqdm",
    "cupy",
}
NEVER = {"torch", "pocket_tts", "pytest", "tests", "tools", "reference", "benches"}


def module_of(path):
    """('models', 'pocket', 'voice') of src/pocket_fast/models/pocket/voice.py"""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts


def imports_of_python(path):
    """(module, names imported from it, whether it runs when the file is imported)"""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    package = ("pocket_fast", *path.relative_to(PACKAGE).parent.parts)
    lazy = set()
    for node in ast.walk(tree):
        later = isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
        if later or (isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)):
            lazy.update(ast.walk(node))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for name in node.names:
                yield name.name, [], node not in lazy
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join([*base, *([node.module] if node.module else [])])
            yield module, [n.name for n in node.names], node not in lazy


def imports_of_cython(path):
    """The same of a .pyx or .pxd, where imports stand on lines of their own at the top."""
    pattern = r"^\s*(?:from\s+([\w.]+)\s+c?import\s+(\([^)]*\)|[^\n#]*)|c?import\s+([\w.]+))"
    for line in re.finditer(pattern, path.read_text(encoding="utf-8"), re.MULTILINE):
        names = [n.split()[0] for n in (line[2] or "").strip("()").split(",") if n.strip()]
        yield line[1] or line[3], names, True


def imports():
    """(file, its module, imported module, imported names, at import) of the whole package"""
    for path in sorted(PACKAGE.rglob("*.p*")):
        find = {".py": imports_of_python, ".pyx": imports_of_cython, ".pxd": imports_of_cython}
        for imported, names, at_import in find.get(path.suffix, lambda _: ())(path):
            yield path, module_of(path), imported, names, at_import


def ours(imported, names):
    """The parts of this package behind one import, as dotted paths below pocket_fast."""
    if imported.split(".")[0] != "pocket_fast":
        return []
    inside = imported.split(".")[1:]
    if inside:
        return [
            ".".join([*inside, name]) if (PACKAGE.joinpath(*inside)).is_dir() else ".".join(inside)
            for name in names or [""]
        ]
    return [name for name in names if (PACKAGE / name).is_dir() or (PACKAGE / f"{name}.py").exists()]


def test_the_walk_sees_imports():
    found = {(".".join(module), part) for _, module, *rest in imports() for part in ours(*rest[:2])}
    assert ("cpu.pocket.backbone", "cpu.attention") in found
    assert ("cpu.pocket.backend", "cpu.pocket.backbone") in found
    assert any(a.startswith("text.") and b == "errors" for a, b in found)  # a relative import


def test_directions():
    wrong = []
    for path, module, imported, names, _ in imports():
        for part in ours(imported, names):
            own, family = module[0], module[:2]
            same = part.split(".")[0] == own
            if same and own == "models" and len(module) > 2 and len(part.split(".")) > 2:
                same = tuple(part.split(".")[:2]) == family  # one family never imports another
            if not same and not any(part == a or part.startswith(a + ".") for a in ALLOWED[own]):
                wrong.append(f"{path.relative_to(ROOT)} imports {part}")
    assert wrong == []


def of_family(path):
    """The family whose own file this is, below models/, stages/, cpu/, cuda/ or api/, or web/, which has one family
    alone; None for what all share."""
    part, *below = path.relative_to(PACKAGE).with_suffix("").parts
    if part == "web":
        return "pocket"
    if part not in ("models", "stages", "cpu", "cuda", "api") or not below:
        return None
    return next((f for f in FAMILIES if below[0] == f or below[0].startswith(f"{f}_")), None)


def shared_files(*suffixes):
    """(path below the package, text) of the files that belong to no family."""
    for path in sorted(PACKAGE.rglob("*")):
        if path.suffix in suffixes and of_family(path) is None:
            yield path.relative_to(PACKAGE).as_posix(), path.read_text(encoding="utf-8")


def test_who_names_a_family():
    """By its own name, not that of the package or of the program whose behaviour is followed. The lists of public
    names may, and the one table that has a line for each."""
    name = re.compile(rf"(?i)({'|'.join(FAMILIES)})(?![-_]?fast|[-_]tts)")
    found = {
        path: name.findall(text)
        for path, text in shared_files(".py", ".pyx", ".pxd", ".js", ".html", ".css")
        if name.search(text)
    }
    table = found.pop("models/catalog.py")
    assert len(table) == len(set(table))
    del found["api/__init__.py"], found["__init__.py"]
    assert found == {}


def test_settings_are_listed_once():
    """In the family's table: the command line and the server read them off it."""
    from pocket_fast.models.catalog import families

    settings = [setting for family in families() for setting in family.settings]
    names = {name for s in settings for name in (s.name, *s.also, s.spelling, s.old_option)}
    names -= {"", "steps", "language"}  # words of English
    names -= {"instruct", "--instruct"}  # what OpenAI calls instructions
    names -= {f"--{option.name}" for family in families() for option in family.model_options}
    word = re.compile(rf"(?<![\w-])({'|'.join(map(re.escape, names))})(?![\w-])")
    found = {
        path: word.findall(text)
        for path, text in shared_files(".py")
        if path.startswith(("cli/", "server/")) and word.search(text)
    }
    assert len(names) > 5
    assert found == {}


def test_no_circles():
    """Not even through imports inside functions: what needs each other is one thing, or three."""
    files = {".".join(module_of(path)) for path in PACKAGE.rglob("*.py*") if path.suffix in (".py", ".pyx")}
    needs = {}
    for _, module, imported, names, _ in imports():
        for part in ours(imported, names):
            while part not in files and "." in part:
                part = part.rpartition(".")[0]
            if part != (module_name := ".".join(module)):
                needs.setdefault(module_name, set()).add(part)
    graphlib.TopologicalSorter(needs).prepare()  # raises CycleError, which names them


def test_backends_are_chosen_when_a_model_is_loaded():
    wrong = [
        f"{path.relative_to(ROOT)} imports {part} at import"
        for path, module, imported, names, at_import in imports()
        for part in ours(imported, names)
        if at_import and module[0] not in BACKENDS and part.split(".")[0] in BACKENDS
    ]
    assert wrong == []


def test_only_the_dispatcher_links_the_kernels():
    links = re.findall(r"target_link_libraries\((\w+) \w+ pf_isa\)", (ROOT / "CMakeLists.txt").read_text())
    assert links == ["_dispatch"]


def test_no_oracles_and_no_test_code():
    wrong = [f"{p.relative_to(ROOT)}: {i}" for p, _, i, *_ in imports() if i.split(".")[0] in NEVER]
    assert wrong == []


def test_slow_libraries_are_imported_where_they_are_used():
    wrong = [
        f"{path.relative_to(ROOT)} imports {imported} at import"
        for path, _, imported, _, at_import in imports()
        if at_import and imported.split(".")[0] in SLOW_TO_IMPORT
    ]
    assert wrong == []


@pytest.mark.parametrize(
    "code", ["import pocket_fast", "from pocket_fast import TTSModel, export_model_state"]
)
def test_importing_the_package_stays_cheap(code):
    done = run_python(f"{code}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))")
    assert done.returncode == 0, done.stderr
    loaded = {name.split(".")[0] for name in json.loads(done.stdout)}
    assert not loaded & (SLOW_TO_IMPORT | NEVER)
    assert "pocket_fast.cpu" not in done.stdout


def test_files_are_short():
    suffixes = {".py", ".pyx", ".pxd", ".c", ".h", ".inl", ".cu", ".cuh", ".sh", ".js", ".mjs"}
    long = {}
    for folder in ("src", "csrc", "tests", "tools", "benches"):
        for path in (ROOT / folder).rglob("*"):
            if path.suffix in suffixes:
                lines = len(path.read_text(encoding="utf-8").splitlines())
                if lines > 400:
                    long[str(path.relative_to(ROOT))] = lines
    assert long == {}
