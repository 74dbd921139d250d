// Made by tools/make_web_spelling.py of text/spelling/latex.py: change that, and run it again.

import { count, has, isDigit, range, sub } from "../python.js";
import { take } from "./rules.js";

let _DOLLARS, _NUMBERS, _BRACKETS, _BOUNDED, _BOUNDED_NAMES, _FRACTION, _ROOT, _STYLED, _RAISED, _LOWERED, _COMMAND, _SPACE, _SIGNS, _SILENT, _GREEK, _NESTED;
take("latex", (own) => ([_DOLLARS, _NUMBERS, _BRACKETS, _BOUNDED, _BOUNDED_NAMES, _FRACTION, _ROOT, _STYLED, _RAISED, _LOWERED, _COMMAND, _SPACE, _SIGNS, _SILENT, _GREEK, _NESTED] = own));

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
