// Made by tools/make_web_spelling.py of text/spelling/roman.py: change that, and run it again.

import { fullMatch, isUpper, stripEnd, sub, subset, title } from "../python.js";
import { cardinal, ordinal } from "./cardinal.js";
import { LETTERS } from "./initials.js";
import { year } from "./number_words.js";
import { take } from "./rules.js";
import { END, said } from "./spoken.js";

let _NUMBERED, _SMALL, _BRACKETED, _LETTERED, _SURELY_ROMAN, _CENTURY, _YEAR, _VALUES, _PARTS, _SMALL_PARTS, _RULERS, _PATTERN_1;
take("roman", (own) => ([_NUMBERED, _SMALL, _BRACKETED, _LETTERED, _SURELY_ROMAN, _CENTURY, _YEAR, _VALUES, _PARTS, _SMALL_PARTS, _RULERS, _PATTERN_1] = own));

export function say_items(text) {
  text = sub(_BRACKETED, _bracketed, text);
  return sub(_LETTERED, (m) => said(LETTERS.get(m[1].toUpperCase())), text);
}

export function say_roman(text) {
  text = sub(_NUMBERED, _numbered, text);
  text = sub(_SMALL, _small, text);
  text = sub(_CENTURY, (m) => (m[1] ? said(ordinal(value(m[1]))) : m[0]), text);
  return sub(_YEAR, _year, text);
}

export function is_surely_roman(capitals) {
  return Boolean(fullMatch(_SURELY_ROMAN, capitals));
}

export function value(roman) {
  let values;
  values = [...roman.toUpperCase()].map((letter) => _VALUES.get(letter));
  return [...values.entries()].map(([i, v]) => ((v < Math.max(...values.slice(i))) ? -v : v)).reduce((a, b) => a + Number(b), 0);
}

function _numbered(found) {
  let after, is_heading, is_last, name, roman;
  [name, roman, after] = [title(stripEnd(found[1], END)), found[2], found[3]];
  is_heading = isUpper(found[1][0]);
  if ((!roman || ((roman === "I") && (name !== "War") && ((after == null) || ((after.slice(0, 4) === " and") && !is_heading))))) {
    return found[0];
  }
  if (_PARTS.has(name)) {
    return `${found[1]} ${said(cardinal(value(roman)))}`;
  }
  if (_RULERS.has(name)) {
    return `${found[1]} ${said(("the " + ordinal(value(roman))))}`;
  }
  if (((name === "The") && fullMatch(_SURELY_ROMAN, roman))) {
    return `${found[1]} ${said(ordinal(value(roman)))}`;
  }
  is_last = ((after != null) && (after.slice(0, 1) !== " "));
  if (((roman.length > 1) && subset(new Set(roman), new Set("IVX")) && ((found[1] === name) || is_last))) {
    return `${found[1]} ${said(cardinal(value(roman)))}`;
  }
  return found[0];
}

function _small(found) {
  if ((!_SMALL_PARTS.has(title(found[1])) || !fullMatch(_PATTERN_1, found[2].toUpperCase()))) {
    return found[0];
  }
  return `${found[1]} ${said(cardinal(value(found[2])))}`;
}

function _bracketed(found) {
  let bracket, roman;
  [bracket, roman] = [(found[1] || found[3] || ""), (found[2] || found[4])];
  if (!fullMatch(_PATTERN_1, roman.toUpperCase())) {
    return found[0];
  }
  return ((bracket + said(cardinal(value(roman)))) + ")");
}

function _year(found) {
  let n;
  n = value(found[1]);
  return (((found[1].length > 3) && ((1100 <= n) && (n < 2100))) ? said(year(n)) : found[0]);
}
