// Made by tools/make_web_spelling.py of text/spelling/roman.py: change that, and run it again.

import { fullMatch, isUpper, stripEnd, sub, subset, title, words } from "../python.js";
import { cardinal, ordinal } from "./cardinal.js";
import { LETTERS } from "./initials.js";
import { year } from "./number_words.js";
import { END, said } from "./spoken.js";

const _NUMBERED = /(?<![A-Za-z'\-])([A-Za-z]{2,20}\x03?) (?=[IVXLC])(C{0,3}(?:XL|XC|L?X{0,3})(?:IX|IV|V?I{0,3}))(?![A-Za-z\-])(?=(?:'s)?(?:( of| and [A-Z]|[^A-Za-z' ]|$)|))/g;
const _SMALL = /(?<![A-Za-z'\-])([A-Za-z]{2,20}) ([ivxl]{2,7}|[vx])(?![A-Za-z'\-])/g;
const _BRACKETED = /(?<![A-Za-z'])(?:(\(?)([ivx]{2,5}|[IVX]{2,5})|(\()(i))\)/g;
const _LETTERED = /(?<![\wµ²³Ω)\]])\(([A-HJ-Za-hj-z])\)(?![\wµ²³Ω(])/g;
const _SURELY_ROMAN = /(?:X{0,3}V?I{2,3}|X{1,3}I[VX]|X{1,3}V?I{1,3}(?<=[^\n][^\n][^\n])|XXV)/g;
const _CENTURY = /(?<![A-Za-z'\-])((?:X(?:X|))?(?:I[VX]|V?I{0,3}))(?=(?:[ \-](?:and|to) [IVX]{1,5})? ?-?(?:[Cc]entur|CENTUR))/g;
const _YEAR = /(?<![A-Za-z'\-])(M{1,2}(?:CM|CD|D?C{0,3})(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3}))(?![A-Za-z'\-])/g;
const _VALUES = new Map([["I", 1], ["V", 5], ["X", 10], ["L", 50], ["C", 100], ["D", 500], ["M", 1000]]);
const _PARTS = words("Act Appendix Article Book Bowl Canto Chapter Class Episode Exhibit Figure Grade Group Lesson Level Mark Page Part Phase Psalm Round Scene Schedule Section Stage Step Table Title Type Unit Volume War");
const _SMALL_PARTS = words("Act Appendix Article Book Canto Chapter Episode Exhibit Figure Footnote Grade Lesson Level Note Page Pages Part Phase Psalm Round Scene Schedule Section Stage Step Table Title Unit Volume");
const _RULERS = words("Afonso Albert Alexander Alfonso Andrew Antiochus Artaxerxes Baldwin Beatrix Benedict Boniface Carl Carlos Catherine Charles Christian Clement Cleopatra Constantine Darius Edward Elizabeth Felipe Ferdinand Francis Frederick George Gregory Gustav Haakon Harald Henry Innocent Ivan James Juan Justinian Karl Leo Leopold Louis Manuel Margrethe Mary Napoleon Nicholas Otto Paul Pedro Peter Philip Pius Ptolemy Rameses Ramses Richard Robert Rudolf Seleucus Sigismund Sixtus Stephen Theodosius Umberto Urban Victoria Wenceslaus Wilhelm William Xerxes");
const _PATTERN_1 = /(?=[IVXLC])(C{0,3}(?:XL|XC|L?X{0,3})(?:IX|IV|V?I{0,3}))/g;

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
