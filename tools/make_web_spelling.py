"""Write the spelling of web/text in JavaScript out of that in Python (src/pocket_fast/text).

    python tools/make_web_spelling.py [--check]

The rules are many, grow, and must be the same in both: so they are written once. Their functions become the modules of
web/text/spelling; their words and patterns, which are most of them, become spelling.json, which goes into the bundle of
a model that spells, so that no page loads them for another. What no translation could make well is written by hand
(folding.js, cardinal.js, entities.js, rules.js). --check writes nothing and tells whether something would change. Needs
Python 3.11 or later.
"""

from __future__ import annotations

import argparse
import ast
import functools
import hashlib
import importlib
import inspect
import json
import re
import sys
import unicodedata
from html.entities import html5
from pathlib import Path
from typing import Any

from pocket_fast.text.spelling import folding, markup
from web_spelling.expressions import quoted
from web_spelling.functions import Translator
from web_spelling.patterns import javascript

TEXT = Path(__file__).resolve().parents[1] / "src" / "pocket_fast" / "web" / "text"
FOLDER = TEXT / "spelling"
BEFORE_FOLDING = ("latex", "lines", "markup")
# Python functions whose JavaScript is written by hand, and where.
BY_HAND = {
    "cardinal": "cardinal",
    "ordinal": "cardinal",
    "_of_entity": "entities",
    "_of_number": "entities",
    "_character": "entities",
    "fold": "folding",
    "mend": "folding",
}
_WIDTH = 110
_UNNAMED = "⨁"


def modules() -> dict[str, Any]:
    """The modules to translate, by name: spell itself and the steps that it takes."""
    import pocket_fast.text.spelling as package

    names = sorted(
        path.stem for path in Path(package.__file__).parent.glob("*.py") if path.stem != "__init__"
    )
    names.remove("folding")
    found = {name: importlib.import_module(f"pocket_fast.text.spelling.{name}") for name in names}
    return {**found, "spell": importlib.import_module("pocket_fast.text.spell")}


class Module:
    """One file: its functions translated, and the names they need."""

    def __init__(self, name: str, module: Any):
        self.name, self.module = name, module
        tree = ast.parse(inspect.getsource(module))
        self.folded = name not in BEFORE_FOLDING
        self.translator = Translator(module, self.folded)
        self.functions = {
            node.name: self.translator.function(node)
            for node in tree.body
            if isinstance(node, ast.FunctionDef)
            and node.name not in BY_HAND
            and node.name not in ("table", "word_set")
        }
        self.elsewhere = {
            alias.name: (node.module or "").rpartition(".")[2]
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and node.level
            for alias in node.names
        }

    def needs(self) -> dict[str, set[str]]:
        """Names of other files, by file."""
        found: dict[str, set[str]] = {}
        for name in self.translator.names:
            home = BY_HAND.get(name) or self.elsewhere.get(name)
            if home:
                found.setdefault(home, set()).add(name)
        return found

    def constants(self, wanted: set[str]) -> dict[str, Any]:
        """Those of this module that its functions, or other files, use: as they stand in spelling.json."""
        used = (self.translator.names | wanted) - set(self.functions) - set(self.elsewhere) - set(BY_HAND)
        values = {
            name: constant(value, self.folded)
            for name, value in vars(self.module).items()
            if name in used and not inspect.ismodule(value) and not inspect.isfunction(value)
        }
        return {**values, **{name: _pattern(written) for name, written in self.translator.patterns.items()}}

    def source(self, wanted: set[str]) -> str:
        lines = [_head(f"{'spelling/' if self.name != 'spell' else ''}{self.name}.py"), ""]
        if self.translator.helpers:
            lines.append(_import(sorted(self.translator.helpers), "../python.js"))
        constants = [*self.constants(wanted)]
        needs = {**self.needs(), **({"rules": {"take"}} if constants else {})}
        lines += [_import(sorted(names), f"./{home}.js") for home, names in sorted(needs.items())]
        lines += ["", *_taken(self.name, constants, wanted)]
        for name, written in self.functions.items():
            lines += ["", ("export " if name in wanted else "") + written]
        return "\n".join(lines) + "\n"


def constant(value: Any, folded: bool) -> Any:
    """A constant of Python as JSON: itself, or {its kind: what it is made of}, which rules.js reads."""
    if isinstance(value, re.Pattern):
        return _pattern(javascript(value, folded=folded))
    if isinstance(value, (set, frozenset)):
        words = sorted(value)
        return (
            {"letters": "".join(words)}
            if all(len(word) == 1 for word in words)
            else {"words": " ".join(words)}
        )
    if isinstance(value, dict):
        return _table(value)
    if isinstance(value, (tuple, list)):
        return [constant(item, folded) for item in value]
    if isinstance(value, (str, int, float)) and not isinstance(value, bool):
        return value
    raise ValueError(f"a constant of type {type(value).__name__} is not translated")


def _pattern(written: str) -> dict[str, list[str]]:
    source, _, flags = written[1:].rpartition("/")
    return {"pattern": [source, flags]}


def _table(table: dict) -> dict[str, Any]:
    if all(isinstance(k, int) for k in table):
        table = {chr(k): chr(v) for k, v in table.items()}
    plain = all(
        isinstance(v, str) and v and not re.search(r"[;\n]|: |^\s|\s$", k + v) for k, v in table.items()
    )
    if plain:
        return {"table": "; ".join(f"{k}: {v}" for k, v in table.items())}
    return {"map": [[k, v] for k, v in table.items()]}


def _taken(name: str, constants: list[str], wanted: set[str]) -> list[str]:
    """The lines with which a module gets its constants when there are some (rules.js)."""
    if not constants:
        return []
    own, shared = ([n for n in constants if (n in wanted) == of] for of in (False, True))
    lines = [f"let {', '.join(own)};"] if own else []
    lines += [f"export let {', '.join(shared)};"] if shared else []
    return [*lines, f'take("{name}", (own) => ([{", ".join(constants)}] = own));']


def _head(source: str) -> str:
    return f"// Made by tools/make_web_spelling.py of text/{source}: change that, and run it again."


def _import(names: list[str], path: str) -> str:
    line = f'import {{ {", ".join(names)} }} from "{path}";'
    if len(line) <= _WIDTH:
        return line
    return "\n".join(["import {", *(f"  {name}," for name in names), f'}} from "{path}";'])


def characters() -> dict[str, Any]:
    """What folding.js and entities.js have to know of characters."""
    greek = {}
    for code in (*range(0x391, 0x3AA), *range(0x3B1, 0x3CA)):
        if chr(code) not in folding._LIKE_UNITS and (name := unicodedata.name(chr(code), "").split()):
            greek[chr(code)] = name[-1].lower()
    bare = sorted(markup._BARE | {name for name in html5 if not name.endswith(";")})
    windows = "".join(bytes([code]).decode("cp1252", "replace") for code in range(128, 160))
    names: dict[str, str] = {name[:-1]: value for name, value in html5.items() if name.endswith(";")}
    patterns = {name: value for name, value in vars(folding).items() if isinstance(value, re.Pattern)}
    found = {
        "KEPT": folding.KEPT,
        "REPLACED": folding._REPLACED,
        "GREEK": greek,
        "LIKE_UNITS": folding._LIKE_UNITS,
        "NUMERIC": numeric(),
        "WINDOWS": windows,
        **patterns,
        "BARE": frozenset(bare),
        "ENTITIES": entities(names),
    }
    return {name: constant(value, False) for name, value in found.items()}


def numeric() -> dict[str, str]:
    """Values of the characters that are numbers but no digits."""
    return {
        chr(code): f"{unicodedata.numeric(chr(code)):.0f}"
        for code in range(sys.maxunicode + 1)
        if unicodedata.category(chr(code)) == "Nl" or 0x2460 <= code <= 0x249B or 0x2776 <= code <= 0x2793
    }


def entities(names: dict[str, str]) -> str:
    """`name value name value`, sorted, each name without what it shares with the one before: 0 to 9, then the rest."""
    parts, before = [], ""
    for name in sorted(names):
        shared = 0
        while shared < min(9, len(name), len(before)) and name[shared] == before[shared]:
            shared += 1
        value = _UNNAMED if _has_no_name(names[name]) else names[name]
        if not value.strip() or " " in value:
            value = "%" + value.encode("utf-16-be").hex()
        parts.append(f"{shared}{name[shared:]} {value}")
        before = name
    return " ".join(parts)


@functools.cache
def _mentioned() -> frozenset[str]:
    """Characters that any rule could have to do with."""
    return frozenset("".join(inspect.getsource(module) for module in (*modules().values(), folding)))


def _has_no_name(value: str) -> bool:
    """Whether it is a sign of which spelling leaves nothing, as of all others like it; one stands for them all."""
    sign, *marks = value
    return (
        unicodedata.category(sign) in ("Sm", "So")
        and not {sign, *marks} & _mentioned()
        and all(unicodedata.category(mark) == "Mn" for mark in marks)
        and folding.fold(value) == " "
    )


def sources() -> dict[Path, str]:
    """The text of every file."""
    known = {name: Module(name, module) for name, module in modules().items()}
    wanted: dict[str, set[str]] = {"spell": {"spell_out"}, "number_words": {"plural"}}
    for module in known.values():
        for home, names in module.needs().items():
            wanted.setdefault(home, set()).update(names)
    rules = {name: module.constants(wanted.get(name, set())) for name, module in known.items()}
    rules = {name: values for name, values in rules.items() if values} | {"characters": characters()}
    found = {f"{name}.js": module.source(wanted.get(name, set())) for name, module in known.items()}
    names = [*rules["characters"]]
    found["characters.js"] = "\n".join(
        [
            _head("spelling/folding.py and html.entities"),
            "",
            _import(["take"], "./rules.js"),
            "",
            *_taken("characters", names, {*names}),
            "",
        ]
    )
    functions = _version(found)
    found["spell.js"] += f"\nexport const VERSION = {quoted(functions)}; // of what the constants are for\n"
    data = {"version": functions, "rules": {name: [*values.values()] for name, values in rules.items()}}
    return {
        **{FOLDER / name: text for name, text in found.items()},
        TEXT / "spelling.json": json.dumps(data, ensure_ascii=False, separators=(",", ":")) + "\n",
    }


def _version(functions: dict[str, str]) -> str:
    """Of the files that the constants are for: another one where any of them was changed."""
    by_hand = {
        name: (FOLDER / f"{name}.js").read_text(encoding="utf-8") for name in {*BY_HAND.values(), "rules"}
    }
    return hashlib.sha256(json.dumps(sorted({**functions, **by_hand}.items())).encode()).hexdigest()[:12]


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    changed = []
    for path, text in sources().items():
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            changed.append(path.name)
            if not check:
                path.write_text(text, encoding="utf-8")
    print("\n".join(changed) or "nothing to change")
    return 1 if check and changed else 0


if __name__ == "__main__":
    raise SystemExit(main())
