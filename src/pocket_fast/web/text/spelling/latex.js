// Made by tools/make_web_spelling.py of text/spelling/latex.py: change that, and run it again.

import { count, has, isDigit, range, sub, table, words } from "../python.js";

const _DOLLARS = /(?:\$\$([^$]{1,500})\$\$|(?<![\p{L}\p{N}_$\\])\$(?![\t-\r\x1c- \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\p{Nd}])([^$\n]{1,300}?)(?<![\t-\r\x1c- \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\\])\$(?![\p{L}\p{N}_$]))/gu;
const _NUMBERS = /(?<![\p{L}\p{N}_$\\])\$(\p{Nd}[^$\n]{0,100}[=\^\\_+*{}][^$\n]{0,100})(?<![\t-\r\x1c- \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000])\$(?![\p{L}\p{N}_$])/gu;
const _BRACKETS = /\\[()\[\]]/gu;
const _BOUNDED = /\\(int|sum|prod) ?_ ?\{?([^{}\^\t-\r\x1c- \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]{1,20})\}? ?\^ ?\{?([^{}\t-\r\x1c- \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]{1,10}?)(?:\}|(?=[\t-\r\x1c- \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\\$])|$)/gu;
const _BOUNDED_NAMES = table("int: integral; sum: sum; prod: product");
const _FRACTION = /\\[dt]?frac ?\{([^{}]{0,100})\} ?\{([^{}]{0,100})\}/gu;
const _ROOT = /\\sqrt ?(?:\[(\p{Nd})\])? ?\{([^{}]{0,100})\}/gu;
const _STYLED = /\\(?:text|textbf|textit|mathrm|mathbf|mathbb|mathcal|mathit|operatorname|emph|boxed|hat|bar|vec) ?\{([^{}]{0,100})\}/gu;
const _RAISED = /\^ ?\{([^{}\t-\r\x1c- \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]{1,20})\}/gu;
const _LOWERED = /(?<=[A-Za-z\p{Nd})])_(?:\{([^{}]{1,40})\}|([A-Za-z\p{Nd}])(?![A-Za-z\p{Nd}]))/gu;
const _COMMAND = /\\([A-Za-z]{1,20})/gu;
const _SPACE = /\\(?:[,;:! ]|quad|qquad|\\)/gu;
const _SIGNS = table("times: ×; cdot: ×; div: ÷; pm: ±; mp: ±; leq: ≤; le: ≤; geq: ≥; ge: ≥; neq: ≠; ne: ≠; approx: ≈; sim: ~; equiv: ≡; cong: ≅; propto: ∝; infty: ∞; to: →; rightarrow: →; Rightarrow: →; implies: implies; iff: if and only if; sum: ∑; prod: ∏; int: ∫; partial: ∂; nabla: ∇; in: ∈; notin: ∉; forall: ∀; exists: ∃; emptyset: ∅; cup: ∪; cap: ∩; subset: ⊂; subseteq: ⊆; land: ∧; lor: ∨; degree: °; circ: °; ldots: ...; cdots: ...; dots: ...; therefore: ∴; because: ∵; lim: the limit of; log: log; ln: log; sin: sine; cos: cosine; tan: tangent; exp: exp; max: max; min: min; mod: mod; varepsilon: ε; varphi: φ");
const _SILENT = words("Big begin big displaystyle end item left qquad quad right");
const _GREEK = words("alpha beta chi delta epsilon eta gamma iota kappa lambda mu nu omega omicron phi pi psi rho sigma tau theta upsilon xi zeta");
const _NESTED = 3;

export function say_formulas(text) {
  let _;
  if ((!has(text, "\\") && (count(text, "$") < 2))) {
    return text;
  }
  text = sub(_NUMBERS, "\\1", sub(_DOLLARS, (m) => (m[1] || m[2]), text));
  if (!has(text, "\\")) {
    return text;
  }
  text = sub(_SPACE, " ", sub(_BRACKETS, " ", text));
  text = sub(_BOUNDED, (m) => ` the ${_BOUNDED_NAMES.get(m[1])} from ${m[2]} to ${m[3]} of `, text);
  for (_ of range(_NESTED)) {
    text = sub(_STYLED, "\\1", text);
    text = sub(_ROOT, (m) => (((m[1] === "3") ? " the cube root of " : " √") + m[2]), text);
    text = sub(_FRACTION, _fraction, sub(_RAISED, "^\\1", text));
  }
  text = sub(_LOWERED, (m) => ` ${(m[1] || m[2])}`, text);
  return sub(_COMMAND, _command, text);
}

function _fraction(found) {
  let above, below;
  [above, below] = found.slice(1);
  return ((isDigit(above) && isDigit(below)) ? ` ${above}/${below} ` : ` ${above} over ${below} `);
}

function _command(found) {
  let name;
  name = found[1];
  if (_GREEK.has(name.toLowerCase())) {
    return ` ${name.toLowerCase()} `;
  }
  if (_SILENT.has(name)) {
    return " ";
  }
  return (_SIGNS.has(name) ? ` ${_SIGNS.get(name)} ` : found[0]);
}
