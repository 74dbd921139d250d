// Made by tools/make_web_spelling.py of text/spelling/abbreviations.py: change that, and run it again.

import { isUpper, search, sub, title } from "../python.js";
import { letters } from "./initials.js";
import { take } from "./rules.js";
import { ends_sentence, said } from "./spoken.js";

let _COUNTED, _BEFORE_NUMBER, _LIVES, _LIFE, _CENTURY, _NUMERO, _PAGE, _TITLES, _WORDS, _STREET, _STREETS, _RANK, _SPECIES, _WITHOUT_PERIOD, _ANY_CAPITAL, _SHORT, _LATIN, _IN_HASTE, _HASTY, _SMALL_TITLES, _SCIENCES, _SMALL_TITLE, _SHOUTED, _WORD, _PLACE, _NAME_BEFORE, _SUN, _PHD;
take("abbreviations", (own) => ([_COUNTED, _BEFORE_NUMBER, _LIVES, _LIFE, _CENTURY, _NUMERO, _PAGE, _TITLES, _WORDS, _STREET, _STREETS, _RANK, _SPECIES, _WITHOUT_PERIOD, _ANY_CAPITAL, _SHORT, _LATIN, _IN_HASTE, _HASTY, _SMALL_TITLES, _SCIENCES, _SMALL_TITLE, _SHOUTED, _WORD, _PLACE, _NAME_BEFORE, _SUN, _PHD] = own));

export function expand_before_numbers(text) {
  text = sub(_LIFE, (m) => (said(_LIVES.get(m[1])) + " "), text);
  text = sub(_CENTURY, " century", text);
  text = sub(_NUMERO, (said("number") + " "), text);
  text = sub(_PAGE, (m) => said(((m[1] === "pp") ? "pages" : "page")), text);
  return sub(_BEFORE_NUMBER, _before_number, text);
}

export function expand(text) {
  text = sub(_PHD, _phd, text);
  text = sub(_HASTY, (m) => said(_IN_HASTE.get(m[0].toLowerCase())), text);
  text = sub(_SHOUTED, _shouted, text);
  text = sub(_SMALL_TITLE, (m) => said(_SMALL_TITLES.get(m[1])), text);
  text = sub(_SCIENCES, (m) => said(`${letters(m[1])} ess see`), text);
  text = sub(_STREET, _street, text);
  text = sub(_RANK, (m) => said(_TITLES.get(m[1])), text);
  text = sub(_SPECIES, (m) => (said(letters(m[1])) + " "), text);
  text = sub(_SUN, (m) => said(((m[1] === "Sat") ? "Saturday" : "Sunday")), text);
  text = sub(_PLACE, _place, text);
  return sub(_WORD, _word, text);
}

export function expand_latin(text) {
  return sub(_LATIN, (m) => said(_SHORT.get((m[1] || m[2]).toLowerCase())), text);
}

export function is_abbreviation(word) {
  return (_TITLES.has(word) || _WORDS.has(word) || ["St", "Dr", "Sat", "Sun"].includes(word) || (word.length === 1));
}

function _shouted(found) {
  let small, word;
  word = (found[1] || found[2] || found[3]);
  small = (["VS", "ETC", "APPROX"].includes(word) ? word.toLowerCase() : title(word));
  return (small + found[0].slice(word.length));
}

function _before_number(found) {
  let words;
  words = (_COUNTED.get(found[1]) || _COUNTED.get(found[1].toLowerCase()));
  return (words ? (said(words) + " ") : found[0]);
}

function _phd(found) {
  let stop;
  stop = (found[0].endsWith(".") && ends_sentence(found.input, (found.index + found[0].length)));
  return (said("pee aitch dee") + (stop ? "." : ""));
}

function _place(found) {
  let at, before, is_before_capital, opens_name, stop, text, words;
  [text, at] = [found.input, (found.index + found[0].length)];
  before = text.slice(Math.max(0, (found.index - 24)), found.index);
  is_before_capital = ((text.slice(at, (at + 1)) === " ") && isUpper(text.slice((at + 1), (at + 2))));
  opens_name = (is_before_capital && !search(_NAME_BEFORE, before));
  stop = (ends_sentence(text, at, true) && !opens_name);
  words = new Map([["St", ["Street", "Saint"]], ["Dr", ["Drive", "Doctor"]]]).get(found[1])[Number(opens_name)];
  return ((said(words) + (found[2] || "")) + ((stop && found[0].endsWith(".")) ? "." : ""));
}

function _street(found) {
  let quarter;
  quarter = (found[3] ? ` ${_STREETS.get(found[3])}` : "");
  return (found[1] + said((_STREETS.get(found[2]) + quarter)));
}

function _word(found) {
  let has_period, stop, word;
  [word, has_period] = [found[1], found[0].endsWith(".")];
  if ((!has_period && !_WITHOUT_PERIOD.has(word))) {
    return found[0];
  }
  if (_TITLES.has(word)) {
    return (said(_TITLES.get(word)) + (found[2] || ""));
  }
  if (!_WORDS.has(word)) {
    return found[0];
  }
  stop = (has_period && ends_sentence(found.input, (found.index + found[0].length), _ANY_CAPITAL.has(word)));
  return ((said(_WORDS.get(word)) + (found[2] || "")) + (stop ? "." : ""));
}
