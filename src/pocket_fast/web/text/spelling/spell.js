// Made by tools/make_web_spelling.py of text/spell.py: change that, and run it again.

import { has, isAlpha, isLower, matchAt, search, splitBlanks, strip, stripStart, sub } from "../python.js";
import { expand, expand_before_numbers, expand_latin, is_abbreviation } from "./abbreviations.js";
import { say_addresses } from "./addresses.js";
import { part_capitals, say_capitals } from "./capitals.js";
import { fold, mend } from "./folding.js";
import { say_initials } from "./initials.js";
import { say_formulas } from "./latex.js";
import { join_lines } from "./lines.js";
import { strip_markup } from "./markup.js";
import { say_quantities } from "./quantities.js";
import { say_items, say_roman } from "./roman.js";
import { take } from "./rules.js";
import { END, START, said } from "./spoken.js";
import { say_symbols } from "./symbols.js";

let _QUANTITY, _DASH, _DOT, _WRAPPING, _NOT_SPOKEN, _APOSTROPHE, _ELISION, _POSSESSIVE, _LOOSE_HYPHEN, _MARKS, _TIGHT, _TIGHT_AT_LAST, _WORD_BEFORE, _OPENING, _PATTERN_1, _PATTERN_2, _PATTERN_3;
take("spell", (own) => ([_QUANTITY, _DASH, _DOT, _WRAPPING, _NOT_SPOKEN, _APOSTROPHE, _ELISION, _POSSESSIVE, _LOOSE_HYPHEN, _MARKS, _TIGHT, _TIGHT_AT_LAST, _WORD_BEFORE, _OPENING, _PATTERN_1, _PATTERN_2, _PATTERN_3] = own));

export function spell_out(text) {
  text = join_lines(strip_markup(say_formulas(mend(text))));
  text = [...splitBlanks(fold(text))].join(" ");
  text = expand_before_numbers(expand_latin(say_addresses(text)));
  text = _say_quantities(text);
  text = _only_words(say_symbols(say_items(text)));
  text = say_initials(expand(part_capitals(text)));
  text = say_capitals(say_roman(text));
  return _finish(text);
}

function _say_quantities(text) {
  if (!search(_QUANTITY, text)) {
    return text;
  }
  return say_quantities(text);
}

function _only_words(text) {
  text = sub(_DOT, ` ${said("dot")} `, text.split("(s)").join("s").split("[s]").join("s"));
  text = sub(_WRAPPING, _keep_apart, text);
  text = sub(_PATTERN_1, ",", sub(_DASH, ", ", text));
  text = _without_quotes(sub(_NOT_SPOKEN, " ", text));
  text = sub(_DASH, ", ", [...splitBlanks(text)].join(" "));
  text = [...splitBlanks(sub(_LOOSE_HYPHEN, " ", text))].join(" ");
  text = sub(_MARKS, _merged_but_abbreviations, text);
  return stripStart(sub(_TIGHT, " ", text), " ,.?!");
}

function _keep_apart(found) {
  let around;
  around = [found.input.slice((found.index - 1), found.index), found.input.slice((found.index + found[0].length), ((found.index + found[0].length) + 1))];
  return ((isAlpha(around[0]) && isAlpha(around[1])) ? " " : "");
}

function _without_quotes(text) {
  let is_open;
  is_open = false;
  function judge(found) {
    let after, before, follows, is_possessive, keep;
    [before, after] = [text.slice(Math.max(0, (found.index - 2)), found.index), text.slice((found.index + found[0].length), ((found.index + found[0].length) + 1))];
    is_possessive = ((before.slice(-1) === ".") && isAlpha(before.slice(0, 1)) && matchAt(_POSSESSIVE, text, (found.index + found[0].length)));
    follows = isAlpha(before.slice(-1));
    if ((isAlpha(after) || (after === START))) {
      if ((follows || is_possessive || (before.slice(-1) === END) || matchAt(_ELISION, text, ((found.index + found[0].length) - 1)))) {
        return "'";
      }
      is_open = true;
      return "";
    }
    keep = (follows && !is_open);
    is_open = false;
    return (keep ? "'" : "");
  }
  return sub(_APOSTROPHE, judge, text);
}

function _merged_but_abbreviations(found) {
  let marks, word;
  marks = found[0].split(" ").join("");
  word = search(_WORD_BEFORE, found.input.slice(Math.max(0, (found.index - 8)), found.index));
  if (((marks[0] === ".") && marks.slice(1) && (marks[1] !== ".") && word && is_abbreviation(word[0]))) {
    return ("." + _strongest(marks.slice(1), ""));
  }
  return _merged(found);
}

function _merged(found) {
  return _strongest(found[0].split(" ").join(""), found.input.slice((found.index + found[0].length), ((found.index + found[0].length) + 2)));
}

function _strongest(marks, after) {
  let mark;
  for (mark of "?!") {
    if (has(marks, mark)) {
      return mark;
    }
  }
  if ((!strip(marks, ",") || (has(marks, "..") && isLower(after.slice(1))))) {
    return ",";
  }
  return ".";
}

function _finish(text) {
  text = sub(_TIGHT_AT_LAST, " ", sub(_MARKS, _merged, text));
  text = sub(_OPENING, (m) => (m[1] + m[2].toUpperCase()), text);
  text = sub(_PATTERN_2, " ", text);
  text = [...splitBlanks(text.split(START).join("").split(END).join(""))].join(" ");
  return (search(_PATTERN_3, text) ? text : "");
}

export const VERSION = "2dee2a749a21"; // of what the constants are for
