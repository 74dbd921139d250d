"""Formulas in TeX, as language models write them -> the signs that other steps have names for."""

from __future__ import annotations

import re

from .spoken import table, word_set

_DOLLARS = re.compile(r"\$\$([^$]{1,500})\$\$|(?<![\w$\\])\$(?![\s\d])([^$\n]{1,300}?)(?<![\s\\])\$(?![\w$])")
_NUMBERS = re.compile(r"(?<![\w$\\])\$(\d[^$\n]{0,100}[=^\\_+*{}][^$\n]{0,100})(?<!\s)\$(?![\w$])")
_BRACKETS = re.compile(r"\\[()\[\]]")
_ARGUMENT = r"\{([^{}]{0,100})\}"
_BOUNDED = re.compile(
    r"\\(int|sum|prod) ?_ ?\{?([^{}^\s]{1,20})\}? ?\^ ?\{?([^{}\s]{1,10}?)(?:\}|(?=[\s\\$])|\Z)"
)
_BOUNDED_NAMES = {"int": "integral", "sum": "sum", "prod": "product"}
_FRACTION = re.compile(rf"\\[dt]?frac ?{_ARGUMENT} ?{_ARGUMENT}")
_ROOT = re.compile(rf"\\sqrt ?(?:\[(\d)\])? ?{_ARGUMENT}")
_STYLED = re.compile(
    r"\\(?:text|textbf|textit|mathrm|mathbf|mathbb|mathcal|mathit|operatorname|emph|boxed|hat|bar|vec)"
    rf" ?{_ARGUMENT}"
)
_RAISED = re.compile(r"\^ ?\{([^{}\s]{1,20})\}")
_LOWERED = re.compile(r"(?<=[A-Za-z\d)])_(?:\{([^{}]{1,40})\}|([A-Za-z\d])(?![A-Za-z\d]))")
_COMMAND = re.compile(r"\\([A-Za-z]{1,20})")
_SPACE = re.compile(r"\\[,;:! ]|\\quad|\\qquad|\\\\")
_SIGNS = table("""
    times: ×; cdot: ×; div: ÷; pm: ±; mp: ±; leq: ≤; le: ≤; geq: ≥; ge: ≥; neq: ≠; ne: ≠; approx: ≈; sim: ~; equiv: ≡;
    cong: ≅; propto: ∝; infty: ∞; to: →; rightarrow: →; Rightarrow: →; implies: implies; iff: if and only if; sum: ∑;
    prod: ∏; int: ∫; partial: ∂; nabla: ∇; in: ∈; notin: ∉; forall: ∀; exists: ∃; emptyset: ∅; cup: ∪; cap: ∩;
    subset: ⊂; subseteq: ⊆; land: ∧; lor: ∨; degree: °; circ: °; ldots: ...; cdots: ...; dots: ...; therefore: ∴;
    because: ∵; lim: the limit of; log: log; ln: log; sin: sine; cos: cosine; tan: tangent; exp: exp; max: max;
    min: min; mod: mod; varepsilon: ε; varphi: φ
    """)
_SILENT = word_set("left right big Big displaystyle begin end item quad qquad")
_GREEK = word_set("""
    alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho sigma tau upsilon phi chi
    psi omega
    """)
_NESTED = 3


def say_formulas(text: str) -> str:
    """Text without a backslash or a pair of dollars comes back as it is."""
    if "\\" not in text and text.count("$") < 2:
        return text
    text = _NUMBERS.sub(r"\1", _DOLLARS.sub(lambda m: m[1] or m[2], text))
    if "\\" not in text:
        return text
    text = _SPACE.sub(" ", _BRACKETS.sub(" ", text))
    text = _BOUNDED.sub(lambda m: f" the {_BOUNDED_NAMES[m[1]]} from {m[2]} to {m[3]} of ", text)
    for _ in range(_NESTED):
        text = _STYLED.sub(r"\1", text)
        text = _ROOT.sub(lambda m: (" the cube root of " if m[1] == "3" else " √") + m[2], text)
        text = _FRACTION.sub(_fraction, _RAISED.sub(r"^\1", text))
    text = _LOWERED.sub(lambda m: f" {m[1] or m[2]}", text)
    return _COMMAND.sub(_command, text)


def _fraction(found: re.Match[str]) -> str:
    above, below = found.groups()
    return f" {above}/{below} " if above.isdigit() and below.isdigit() else f" {above} over {below} "


def _command(found: re.Match[str]) -> str:
    name = found[1]
    if name.lower() in _GREEK:
        return f" {name.lower()} "
    if name in _SILENT:
        return " "
    return f" {_SIGNS[name]} " if name in _SIGNS else found[0]
