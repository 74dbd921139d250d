"""Calls of functions, methods and patterns -> JavaScript."""

from __future__ import annotations

import ast
import re

from web_spelling.expressions import Expressions, called, safe
from web_spelling.patterns import javascript

# Methods whose JavaScript is a function of web/text/python.js with the object in front.
_HELPERS = {
    **{"title": "title", "capitalize": "capitalize", "isupper": "isUpper", "islower": "isLower"},
    **{"isalpha": "isAlpha", "isalnum": "isAlnum", "isdigit": "isDigit", "isdecimal": "isDecimal"},
    **{"isspace": "isSpace", "isascii": "isAscii", "splitlines": "splitLines", "partition": "partition"},
    **{"rpartition": "partitionLast", "removesuffix": "removeSuffix", "removeprefix": "removePrefix"},
    **{"strip": "strip", "lstrip": "stripStart", "rstrip": "stripEnd", "translate": "translate"},
    **{"count": "count", "isdisjoint": "disjoint"},
}
_PATTERN_METHODS = ("sub", "search", "match", "fullmatch", "findall", "finditer")
_PATTERN_HELPERS = {
    "match": "matchAt",
    "fullmatch": "fullMatch",
    "findall": "findAll",
    "finditer": "findEach",
}
# Functions and methods that are one expression of their arguments; {0} of a method is its object.
_FUNCTIONS = {
    **{"any": "{0}.some(Boolean)", "float": "Number({0})", "str": "String({0})", "next": "{0}[0]"},
    **{"sum": "{0}.reduce((a, b) => a + Number(b), 0)", "set": "new Set({0})"},
    **{"divmod": "[Math.floor({0} / {1}), {0} % {1}]", "enumerate": "[...{0}.entries()]"},
    **{"filter": "[...{1}].filter(Boolean)"},
}
_FUNCTION_HELPERS = ("int", "range", "pairwise")
_METHODS = {
    **{"start": "{0}.index", "end": "({0}.index + {0}[0].length)", "groups": "{0}.slice(1)"},
    **{"lower": "{0}.toLowerCase()", "upper": "{0}.toUpperCase()", "append": "{0}.push({1})"},
    **{"replace": "{0}.split({1}).join({2})", "startswith": "{0}.startsWith({1})"},
    **{"endswith": "{0}.endsWith({1})"},
}


class Calls(Expressions):
    """Expressions with calls in them."""

    def _call(self, node: ast.Call) -> str:
        if isinstance(node.func, ast.Attribute):
            return self._method(node)
        name = called(node)
        if name in ("any", "all") and isinstance(node.args[0], ast.GeneratorExp):
            return self._any(node.args[0], "some" if name == "any" else "every")
        arguments = [self.expression(a) for a in node.args]
        if name in self._signatures and (hasattr(self._module, name) or name in self._lazy):
            self.names.add(name)
            return f"{safe(name)}({', '.join(self._arguments(name, node, arguments))})"
        builtin = getattr(self, f"_call_{name}", None)
        if node.keywords and (builtin or name in (*_FUNCTIONS, *_FUNCTION_HELPERS)):
            raise ValueError(f"not translated: {ast.unparse(node)}")
        if builtin:
            return builtin(node, *arguments)
        if name in _FUNCTIONS:
            return _filled(_FUNCTIONS[name], node, arguments)
        if name in _FUNCTION_HELPERS:
            return self._helper(name, *arguments)
        return f"{self.expression(node.func)}({', '.join(arguments)})"

    def _arguments(self, name: str, node: ast.Call, arguments: list[str]) -> list[str]:
        order = self._signatures[name]
        for keyword in node.keywords:
            at = order.index(keyword.arg)
            arguments += ["undefined"] * (at - len(arguments))
            arguments.append(self.expression(keyword.value))
        return arguments

    def _any(self, node: ast.GeneratorExp, method: str) -> str:
        (only,) = node.generators
        made = self._list_of(only.iter)
        target = self._target(only.target)
        return f"{made}.{method}(({target}) => {self.truth(node.elt)})"

    def _call_len(self, node: ast.Call, item: str) -> str:
        return (
            f"{item}.length"
            if self._folded or ast.unparse(node) == "len(lines)"
            else self._helper("length", item)
        )

    def _call_bool(self, node: ast.Call, item: str) -> str:
        return f"Boolean({self.truth(node.args[0])})"

    def _call_max(self, node: ast.Call, *arguments: str) -> str:
        return f"Math.max({', '.join(arguments) if len(arguments) > 1 else f'...{arguments[0]}'})"

    def _call_min(self, node: ast.Call, *arguments: str) -> str:
        return f"Math.min({', '.join(arguments)})"

    def _call_map(self, node: ast.Call, function: str, items: str) -> str:
        if isinstance(node.args[0], ast.Lambda):
            return f"[...{items}].map({function})"
        return f"[...{items}].map((each) => {function}(each))"

    def _attribute(self, node: ast.Attribute) -> str:
        if node.attr == "string":
            return f"{self.expression(node.value)}.input"
        if isinstance(node.value, ast.Name) and node.value.id == "str":
            self.helpers.add(_HELPERS[node.attr])
            return _HELPERS[node.attr]
        raise ValueError(f"not translated: {ast.unparse(node)}")

    def _method(self, node: ast.Call) -> str:
        name, held = node.func.attr, node.func.value
        if isinstance(held, ast.Name) and held.id == "re":
            pattern, *rest = node.args
            return self._pattern_call(name, self._pattern(pattern), [self.expression(a) for a in rest])
        if isinstance(held, ast.Name) and held.id == "str":
            return f"[...{self.expression(node.args[1])}].map({self._attribute(node.args[0])})"
        arguments = [self.expression(a) for a in node.args]
        written = self.expression(held)
        if name in _PATTERN_METHODS:
            return self._pattern_call(name, written, arguments)
        if name in ("get", "join", "split"):
            return getattr(self, f"_method_{name}")(node, written, arguments)
        if name == "endswith" and isinstance(node.args[0], ast.Tuple):
            return self._helper("endsWithAny", written, *arguments)
        if name in _METHODS and not (name == "startswith" and isinstance(node.args[0], ast.Tuple)):
            return _filled(_METHODS[name], node, [written, *arguments])
        if name not in _HELPERS:
            raise ValueError(f"not translated: {ast.unparse(node)}")
        return self._helper(_HELPERS[name], written, *arguments)

    def _pattern_call(self, name: str, pattern: str, arguments: list[str]) -> str:
        return self._helper(_PATTERN_HELPERS.get(name, name), pattern, *arguments)

    def _pattern(self, node: ast.expr) -> str:
        """A pattern written where it is used: it gets a name."""
        value = eval(compile(ast.Expression(node), "", "eval"), vars(self._module))
        literal = javascript(re.compile(value), folded=self._folded)
        return next((n for n, known in self.patterns.items() if known == literal), None) or self._new_pattern(
            literal
        )

    def _new_pattern(self, literal: str) -> str:
        name = f"_PATTERN_{len(self.patterns) + 1}"
        self.patterns[name] = literal
        return name

    def _method_get(self, node: ast.Call, held: str, arguments: list[str]) -> str:
        default = f" ?? {arguments[1]}" if len(arguments) > 1 else ""
        return f"({held}.get({arguments[0]}){default})" if default else f"{held}.get({arguments[0]})"

    def _method_join(self, node: ast.Call, held: str, arguments: list[str]) -> str:
        return f"{self._list_of(node.args[0])}.join({held})"

    def _method_split(self, node: ast.Call, held: str, arguments: list[str]) -> str:
        if len(arguments) == 1:
            return f"{held}.split({arguments[0]})"
        return (
            self._helper("splitOnce", held, arguments[0]) if arguments else self._helper("splitBlanks", held)
        )


def _filled(template: str, node: ast.Call, arguments: list[str]) -> str:
    """Raises ValueError for arguments that it has no place for."""
    if len(arguments) != int(max(re.findall(r"\{(\d)\}", template))) + 1:
        raise ValueError(f"not translated: {ast.unparse(node)}")
    return template.format(*arguments)
