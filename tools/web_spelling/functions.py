"""The functions of the spelling modules -> JavaScript.

A part of Python is enough: strings, patterns and their matches, tuples and comprehensions. What is not known here is
an error, never a guess. Both languages cut strings alike (`s[a:b]` is `s.slice(a, b)`), call a missing group and an
empty string false, and differ in what they offer: that is web/text/python.js.
"""

from __future__ import annotations

import ast
from typing import Any

from web_spelling.calls import Calls
from web_spelling.expressions import ARITHMETIC, number, safe


class Translator(Calls):
    """Of one module: see Expressions."""

    def function(self, node: ast.FunctionDef, depth: int = 0) -> str:
        names = [a.arg for a in node.args.args + node.args.kwonlyargs]
        outer, self._lists = self._lists, set(self._lists)
        self._lists |= {
            a.arg for a in node.args.args if a.annotation and "list[" in ast.unparse(a.annotation)
        }
        defaults = [None] * (len(node.args.args) - len(node.args.defaults)) + list(node.args.defaults)
        defaults += node.args.kw_defaults
        written = [
            safe(name) + (f" = {self.expression(default)}" if default is not None else "")
            for name, default in zip(names, defaults, strict=True)
        ]
        inner = [n for n in ast.walk(node) if isinstance(n, ast.FunctionDef) and n is not node]
        theirs = {id(n) for f in inner for n in ast.walk(f)}
        local = _assigned(n for n in ast.walk(node) if id(n) not in theirs)
        outside = {
            name
            for n in ast.walk(node)
            if isinstance(n, ast.Nonlocal) and id(n) not in theirs
            for name in n.names
        }
        declared = sorted(local - set(names) - outside)
        pad = "  " * (depth + 1)
        body = [f"{pad}let {', '.join(map(safe, declared))};"] if declared else []
        body += self._block(node.body, depth + 1)
        self._lists = outer
        return "\n".join(
            [f"{'  ' * depth}function {safe(node.name)}({', '.join(written)}) {{", *body, "  " * depth + "}"]
        )

    def _block(self, body: list[ast.stmt], depth: int) -> list[str]:
        return [line for node in body for line in self._statement(node, depth)]

    def _statement(self, node: ast.stmt, depth: int) -> list[str]:
        pad = "  " * depth
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            return []  # its docstring
        if isinstance(node, (ast.Nonlocal, ast.ImportFrom)):
            self._lazy |= {alias.name for alias in getattr(node, "names", ()) if isinstance(alias, ast.alias)}
            return []
        if isinstance(node, ast.FunctionDef):
            return [self.function(node, depth)]
        if isinstance(node, ast.Return):
            return [f"{pad}return {self.expression(node.value)};" if node.value else f"{pad}return null;"]
        if isinstance(node, ast.Expr):
            return [f"{pad}{self.expression(node.value)};"]
        if isinstance(node, ast.Assign):
            targets = [self._target(target) for target in node.targets]
            self._remember(node.targets[0], node.value)
            return [f"{pad}{' = '.join(targets)} = {self.expression(node.value)};"]
        if isinstance(node, ast.AnnAssign) and node.value:
            if "list[" in ast.unparse(node.annotation):
                self._lists.add(node.target.id)
            return [f"{pad}{self._target(node.target)} = {self.expression(node.value)};"]
        if isinstance(node, ast.AugAssign):
            sign = ARITHMETIC[type(node.op)]
            return [f"{pad}{self._target(node.target)} {sign}= {self.expression(node.value)};"]
        if isinstance(node, ast.If):
            return self._if(node, depth)
        if isinstance(node, (ast.For, ast.While)):
            head = (
                f"while ({self.truth(node.test)})"
                if isinstance(node, ast.While)
                else f"for ({self._target(node.target)} of {self.expression(node.iter)})"
            )
            return [f"{pad}{head} {{", *self._block(node.body, depth + 1), f"{pad}}}"]
        if isinstance(node, (ast.Break, ast.Continue)):
            return [f"{pad}{'break' if isinstance(node, ast.Break) else 'continue'};"]
        raise ValueError(f"not translated: {ast.unparse(node)}")

    def _if(self, node: ast.If, depth: int) -> list[str]:
        pad = "  " * depth
        lines = [f"{pad}if ({self.truth(node.test)}) {{", *self._block(node.body, depth + 1)]
        rest = node.orelse
        while len(rest) == 1 and isinstance(rest[0], ast.If):
            lines += [
                f"{pad}}} else if ({self.truth(rest[0].test)}) {{",
                *self._block(rest[0].body, depth + 1),
            ]
            rest = rest[0].orelse
        if rest:
            lines += [f"{pad}}} else {{", *self._block(rest, depth + 1)]
        return [*lines, f"{pad}}}"]

    def _target(self, node: ast.expr) -> str:
        if isinstance(node, ast.Tuple):
            return f"[{', '.join(map(self._target, node.elts))}]"
        if isinstance(node, ast.Starred):
            self._lists.add(node.value.id)
            return f"...{self._target(node.value)}"
        if isinstance(node, ast.Name):
            return safe(node.id)
        if isinstance(node, ast.Subscript) and number(node.slice) == -1:
            held = self.expression(node.value)
            return f"{held}[{held}.length - 1]"
        raise ValueError(f"not translated: {ast.unparse(node)}")

    def _remember(self, target: ast.expr, value: ast.expr) -> None:
        if isinstance(target, ast.Name) and isinstance(value, (ast.List, ast.ListComp)):
            self._lists.add(target.id)


def _assigned(nodes: Any) -> set[str]:
    """Names that these statements bind; those of comprehensions and lambdas are their own."""
    nodes = list(nodes)
    own = set()
    for node in nodes:
        if isinstance(node, ast.comprehension):
            own |= {id(n) for n in ast.walk(node.target)}
    found = {
        n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store) and id(n) not in own
    }
    return found
