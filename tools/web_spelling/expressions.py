"""Expressions of Python -> JavaScript. Calls are in calls.py, statements in functions.py, which says what for."""

from __future__ import annotations

import ast
import json
from typing import Any

_COMPARED = {
    ast.Eq: "===",
    ast.NotEq: "!==",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
}
ARITHMETIC = {ast.Add: "+", ast.Sub: "-", ast.Mod: "%"}
_RESERVED = (
    "case",
    "class",
    "const",
    "default",
    "enum",
    "function",
    "in",
    "let",
    "new",
    "of",
    "this",
    "typeof",
)
_RESERVED += ("var", "void", "with")


class Expressions:
    """Of one module. helpers: names of python.js that were used; names: those of the module that were."""

    def __init__(self, module: Any, folded: bool):
        self._module = module
        self._folded = folded
        self.helpers: set[str] = set()
        self.names: set[str] = set()
        self.patterns: dict[str, str] = {}  # of patterns inside functions: name -> literal
        self._signatures = _signatures()
        self._lists: set[str] = set()  # names of the function that are lists
        self._lazy: set[str] = set()  # names that it imports itself

    def truth(self, node: ast.expr) -> str:
        """An expression where only its truth counts: an empty list is true in JavaScript."""
        held = node.value if isinstance(node, ast.Subscript) else node
        if isinstance(held, ast.Name) and held.id in self._lists and not _is_text_of(node):
            return f"{self.expression(node)}.length"
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            return f"!{self.truth(node.operand)}"
        if isinstance(node, ast.BoolOp):
            return self._bool(node, self.truth)
        return self.expression(node)

    def expression(self, node: ast.expr) -> str:
        write = getattr(self, f"_{type(node).__name__.lower()}", None)
        if write is None:
            raise ValueError(f"not translated: {ast.unparse(node)}")
        return write(node)

    def _helper(self, name: str, *arguments: str) -> str:
        self.helpers.add(name)
        return f"{name}({', '.join(arguments)})"

    def _name(self, node: ast.Name) -> str:
        if hasattr(self._module, node.id):
            self.names.add(node.id)
        return safe(node.id)

    def _constant(self, node: ast.Constant) -> str:
        if node.value is None:
            return "null"
        return quoted(node.value) if isinstance(node.value, str) else json.dumps(node.value)

    def _joinedstr(self, node: ast.JoinedStr) -> str:
        parts = []
        for part in node.values:
            if isinstance(part, ast.Constant):
                parts.append(
                    quoted(part.value)[1:-1].replace('\\"', '"').replace("`", "\\`").replace("${", "\\${")
                )
            elif part.format_spec is not None:
                if (
                    ast.unparse(part.format_spec) not in ("f','", "','")
                    or ast.unparse(part.value.func) != "int"
                ):
                    raise ValueError(f"not translated: {ast.unparse(part)}")
                parts.append(f"${{{self._helper('grouped', self.expression(part.value.args[0]))}}}")
            else:
                parts.append(f"${{{self.expression(part.value)}}}")
        return f"`{''.join(parts)}`"

    def _ifexp(self, node: ast.IfExp) -> str:
        return f"({self.truth(node.test)} ? {self.expression(node.body)} : {self.expression(node.orelse)})"

    def _bool(self, node: ast.BoolOp, write: Any) -> str:
        sign = " && " if isinstance(node.op, ast.And) else " || "
        return f"({sign.join(map(write, node.values))})"

    def _boolop(self, node: ast.BoolOp) -> str:
        return self._bool(node, self.expression)

    def _unaryop(self, node: ast.UnaryOp) -> str:
        if isinstance(node.op, ast.Not):
            return f"!{self.truth(node.operand)}"
        return f"-{self.expression(node.operand)}"

    def _binop(self, node: ast.BinOp) -> str:
        left, right = self.expression(node.left), self.expression(node.right)
        if (
            isinstance(node.op, ast.Mult)
            and isinstance(node.left, ast.Constant)
            and isinstance(node.left.value, str)
        ):
            return f"{left}.repeat(Number({right}))"
        return f"({left} {ARITHMETIC[type(node.op)]} {right})"

    def _compare(self, node: ast.Compare) -> str:
        sides = [node.left, *node.comparators]
        parts = [
            self._compared(op, left, right)
            for op, left, right in zip(node.ops, sides, sides[1:], strict=False)
        ]
        return parts[0] if len(parts) == 1 else f"({' && '.join(parts)})"

    def _compared(self, op: ast.cmpop, left: ast.expr, right: ast.expr) -> str:
        a, b = self.expression(left), self.expression(right)
        if isinstance(op, (ast.Is, ast.IsNot)) and b == "null":
            return f"({a} {'==' if isinstance(op, ast.Is) else '!='} null)"
        if isinstance(op, (ast.In, ast.NotIn)):
            found = self._has(right, b, a)
            return f"!{found}" if isinstance(op, ast.NotIn) else found
        if isinstance(op, ast.LtE) and isinstance(left, ast.Call) and called(left) == "set":
            return self._helper("subset", a, b)
        return f"({a} {_COMPARED[type(op)]} {b})"

    def _has(self, container: ast.expr, written: str, item: str) -> str:
        if isinstance(container, ast.Name) and isinstance(self._value(container), (dict, frozenset, set)):
            return f"{written}.has({item})"
        if isinstance(container, (ast.Tuple, ast.Constant, ast.BinOp)) or isinstance(
            self._value(container), (str, tuple)
        ):
            return f"{written}.includes({item})"
        return self._helper("has", written, item)

    def _value(self, node: ast.expr) -> Any:
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "string":
            return ""
        return getattr(self._module, node.id, None) if isinstance(node, ast.Name) else None

    def _subscript(self, node: ast.Subscript) -> str:
        held = self.expression(node.value)
        if isinstance(node.slice, ast.Slice):
            ends = [node.slice.lower, node.slice.upper]
            if not self._folded and all(end is None or number(end) is not None for end in ends):
                return self._helper(
                    "part", held, *(str(number(end)) for end in ends if end or end is ends[0])
                )
            arguments = [self.expression(end) if end else "0" for end in ends if end or end is ends[0]]
            return f"{held}.slice({', '.join(arguments)})"
        if isinstance(node.value, ast.Dict) or isinstance(self._value(node.value), dict):
            return f"{held}.get({self.expression(node.slice)})"
        index = number(node.slice)
        if (
            not self._folded
            and index in (0, -1)
            and isinstance(node.value, ast.Name)
            and node.value.id in ("line", "before", "after")
        ):
            return self._helper("characterAt", held, str(index))
        if index is not None and index < 0:
            return f"{held}.at({index})"
        key = self.expression(node.slice)
        if isinstance(node.slice, ast.Name) and node.slice.id.startswith(("is_", "opens_")):
            key = f"Number({key})"
        return f"{held}[{key}]"

    def _tuple(self, node: ast.Tuple | ast.List | ast.Set) -> str:
        return f"[{', '.join(map(self.expression, node.elts))}]"

    _list = _tuple

    def _starred(self, node: ast.Starred) -> str:
        return f"...{self.expression(node.value)}"

    def _dict(self, node: ast.Dict) -> str:
        pairs = [
            f"[{self.expression(k)}, {self.expression(v)}]"
            for k, v in zip(node.keys, node.values, strict=True)
        ]
        return f"new Map([{', '.join(pairs)}])"

    def _namedexpr(self, node: ast.NamedExpr) -> str:
        return f"({safe(node.target.id)} = {self.expression(node.value)})"

    def _lambda(self, node: ast.Lambda) -> str:
        return f"({', '.join(safe(a.arg) for a in node.args.args)}) => {self.expression(node.body)}"

    def _comprehension(self, element: str, generators: list[ast.comprehension]) -> str:
        first, *others = generators
        target = self._target(first.target)
        made = self._list_of(first.iter)
        for test in first.ifs:
            made += f".filter(({target}) => {self.truth(test)})"
        if others:
            return f"{made}.flatMap(({target}) => {self._comprehension(element, others)})"
        return made if element == target else f"{made}.map(({target}) => {element})"

    def _list_of(self, node: ast.expr) -> str:
        written = self.expression(node)
        if isinstance(node, ast.Call) and called(node) == "enumerate":
            return written
        if isinstance(node, (ast.List, ast.Tuple)):
            return written
        return f"[...{written}]"

    def _generatorexp(self, node: ast.GeneratorExp | ast.ListComp) -> str:
        return self._comprehension(self.expression(node.elt), node.generators)

    _listcomp = _generatorexp

    def _dictcomp(self, node: ast.DictComp) -> str:
        pair = f"[{self.expression(node.key)}, {self.expression(node.value)}]"
        return f"new Map({self._comprehension(pair, node.generators)})"


def quoted(text: str) -> str:
    """A JavaScript string of it."""
    return "".join(
        f"\\x{ord(c):02x}" if c < " " and c not in "\n\t\r" else c
        for c in json.dumps(text, ensure_ascii=False)
        .replace("\\u0002", "\x02")
        .replace("\\u0003", "\x03")
        .replace("\\u001a", "\x1a")
    )


def safe(name: str) -> str:
    return f"{name}_" if name in _RESERVED else name


def called(node: ast.Call) -> str:
    return node.func.id if isinstance(node.func, ast.Name) else ""


def number(node: ast.expr | None) -> int | None:
    if node is None:
        return 0
    try:
        value = ast.literal_eval(node)
    except ValueError:
        return None
    return value if isinstance(value, int) else None


def _is_text_of(node: ast.expr) -> bool:
    """Whether a subscript of a list of strings is one of its strings."""
    return (
        isinstance(node, ast.Subscript)
        and isinstance(node.value, ast.Name)
        and node.value.id in ("years", "lines")
    )


def _signatures() -> dict[str, list[str]]:
    from pathlib import Path

    import pocket_fast.text

    folder = Path(pocket_fast.text.__file__).parent
    found = {}
    for path in [folder / "spell.py", *sorted((folder / "spelling").glob("*.py"))]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef):
                found[node.name] = [a.arg for a in node.args.args + node.args.kwonlyargs]
    return found
