"""Write the spelling of web/text/spelling in JavaScript out of that in Python (src/pocket_fast/text).

    python tools/make_web_spelling.py [--check]

The rules are many, grow, and must be the same in both: so they are written once. What no translation could make well
is written by hand beside it (folding.js, cardinal.js, entities.js) and gets its tables from here. --check writes
nothing and tells whether something would change. Needs Python 3.11 or later.
"""

from __future__ import annotations

import argparse
import ast
import functools
import importlib
import inspect
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

FOLDER = Path(__file__).resolve().parents[1] / "src" / "pocket_fast" / "web" / "text" / "spelling"
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

    def constants(self, wanted: set[str]) -> dict[str, str]:
        """Those of this module that its functions, or other files, use."""
        used = (self.translator.names | wanted) - set(self.functions) - set(self.elsewhere) - set(BY_HAND)
        values = {
            name: self._constant(value)
            for name, value in vars(self.module).items()
            if name in used and not inspect.ismodule(value) and not inspect.isfunction(value)
        }
        return {**values, **self.translator.patterns}

    def _constant(self, value: Any) -> str:
        if isinstance(value, re.Pattern):
            return javascript(value, folded=self.folded)
        if isinstance(value, str):
            return quoted(value)
        if isinstance(value, (set, frozenset)):
            words = sorted(value)
            if all(len(word) == 1 for word in words):
                return f"new Set({quoted(''.join(words))})"
            empty = "" in value
            return f"words({quoted(' '.join(filter(None, words)))}{', true' if empty else ''})"
        if isinstance(value, dict):
            return _table(value)
        if isinstance(value, (tuple, list)):
            return f"[{', '.join(map(self._constant, value))}]"
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return repr(value)
        raise ValueError(f"{self.name}: a constant of type {type(value).__name__} is not translated")

    def source(self, wanted: set[str]) -> str:
        constants = self.constants(wanted)
        helpers = set(self.translator.helpers)
        helpers |= {name for name in ("words", "table") if any(f"{name}(" in c for c in constants.values())}
        lines = [_head(f"{'spelling/' if self.name != 'spell' else ''}{self.name}.py"), ""]
        if helpers:
            lines.append(_import(sorted(helpers), "../python.js"))
        lines += [_import(sorted(names), f"./{home}.js") for home, names in sorted(self.needs().items())]
        lines.append("")
        for name, value in constants.items():
            lines.append(f"{'export ' if name in wanted else ''}const {name} = {value};")
        for name, written in self.functions.items():
            lines += ["", ("export " if name in wanted else "") + written]
        return "\n".join(lines) + "\n"


def _table(table: dict) -> str:
    if all(isinstance(k, int) for k in table):
        table = {chr(k): chr(v) for k, v in table.items()}
    plain = all(
        isinstance(v, str) and not re.search(r"[;\n]|^\s|\s$", k + v) and ": " not in k and v
        for k, v in table.items()
    )
    if plain and all(v for v in table.values()):
        return f"table({quoted('; '.join(f'{k}: {v}' for k, v in table.items()))})"
    pairs = ", ".join(f"[{quoted(k)}, {quoted(v) if isinstance(v, str) else v}]" for k, v in table.items())
    return f"new Map([{pairs}])"


def _head(source: str) -> str:
    return f"// Made by tools/make_web_spelling.py of text/{source}: change that, and run it again."


def _import(names: list[str], path: str) -> str:
    line = f'import {{ {", ".join(names)} }} from "{path}";'
    if len(line) <= _WIDTH:
        return line
    return "\n".join(["import {", *(f"  {name}," for name in names), f'}} from "{path}";'])


def characters() -> str:
    """What folding.js and entities.js have to know of characters."""
    replaced: dict[str, str] = {}
    for character, plain in folding._REPLACED.items():
        replaced[plain] = replaced.get(plain, "") + character
    greek = {}
    for code in (*range(0x391, 0x3AA), *range(0x3B1, 0x3CA)):
        if chr(code) not in folding._LIKE_UNITS and (name := unicodedata.name(chr(code), "").split()):
            greek[chr(code)] = name[-1].lower()
    patterns = {
        name: javascript(value, folded=False)
        for name, value in vars(folding).items()
        if isinstance(value, re.Pattern)
    }
    bare = sorted(markup._BARE | {name for name in html5 if not name.endswith(";")})
    windows = "".join(bytes([code]).decode("cp1252", "replace") for code in range(128, 160))
    names: dict[str, str] = {name[:-1]: value for name, value in html5.items() if name.endswith(";")}
    lines = [
        _head("spelling/folding.py and html.entities"),
        "",
        _import(["table", "words"], "../python.js"),
        "",
        f"export const KEPT = new Set({quoted(''.join(sorted(folding.KEPT)))});",
        "export const REPLACED = [",
        *(f"  [{quoted(plain)}, {quoted(all_of_it)}]," for plain, all_of_it in replaced.items()),
        "];",
        f"export const GREEK = {_table(greek)};",
        f"export const LIKE_UNITS = new Map({[[k, v] for k, v in folding._LIKE_UNITS.items()]});".replace(
            "'", '"'
        ),
        f"export const NUMERIC = {quoted(numeric())};",
        f"export const WINDOWS = {quoted(windows)};",
        *(f"export const {name} = {value};" for name, value in patterns.items()),
        f"export const BARE = words({quoted(' '.join(bare))});",
        f"export const ENTITIES = {quoted(entities(names))};",
        "",
    ]
    return "\n".join(lines)


def numeric() -> str:
    """Values of the characters that are numbers but no digits: `2160+1,2,3 ...`, code in hexadecimal."""
    runs: list[tuple[int, list[str]]] = []
    for code in range(sys.maxunicode + 1):
        character = chr(code)
        if unicodedata.category(character) == "Nl" or 0x2460 <= code <= 0x249B or 0x2776 <= code <= 0x2793:
            value = f"{unicodedata.numeric(character):.0f}"
            if runs and runs[-1][0] + len(runs[-1][1]) == code:
                runs[-1][1].append(value)
            else:
                runs.append((code, [value]))
    return " ".join(f"{code:x}+{','.join(values)}" for code, values in runs)


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


def sources() -> dict[str, str]:
    """The text of every file, by its name."""
    known = {name: Module(name, module) for name, module in modules().items()}
    wanted: dict[str, set[str]] = {"spell": {"spell_out"}}
    for module in known.values():
        for home, names in module.needs().items():
            wanted.setdefault(home, set()).update(names)
    by_hand = {"number_words": {"plural"}}
    for home, names in by_hand.items():
        wanted.setdefault(home, set()).update(names)
    found = {f"{name}.js": module.source(wanted.get(name, set())) for name, module in known.items()}
    return {**found, "characters.js": characters()}


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    changed = []
    for name, text in sources().items():
        path = FOLDER / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            changed.append(name)
            if not check:
                path.write_text(text, encoding="utf-8")
    print("\n".join(changed) or "nothing to change")
    return 1 if check and changed else 0


if __name__ == "__main__":
    raise SystemExit(main())
