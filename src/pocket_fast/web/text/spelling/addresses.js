// Made by tools/make_web_spelling.py of text/spelling/addresses.py: change that, and run it again.

import { disjoint, findAll, has, isAlpha, isAscii, isDecimal, stripEnd, sub } from "../python.js";
import { LETTERS, letters } from "./initials.js";
import { code } from "./number_words.js";
import { take } from "./rules.js";
import { said } from "./spoken.js";

let _MAIL, _URL, _HOST, _NUMERIC_HOST, _FILE, _WINDOWS_PATH, _UNIX_PATH, _HASHTAG, _COLOUR, _HUMP, _SMILEY, _LOVES, _WORD_OR_SIGN, _SIGNS, _LETTERS, _VOWELS, _PATTERN_1, _PATTERN_2;
take("addresses", (own) => ([_MAIL, _URL, _HOST, _NUMERIC_HOST, _FILE, _WINDOWS_PATH, _UNIX_PATH, _HASHTAG, _COLOUR, _HUMP, _SMILEY, _LOVES, _WORD_OR_SIGN, _SIGNS, _LETTERS, _VOWELS, _PATTERN_1, _PATTERN_2] = own));

export function say_addresses(text) {
  let pattern;
  text = sub(_SMILEY, " ", sub(_LOVES, "love ", text));
  for (pattern of [_URL, _MAIL, _HOST, _NUMERIC_HOST, _WINDOWS_PATH, _UNIX_PATH, _FILE]) {
    text = sub(pattern, _address, text);
  }
  if (has(text, "#")) {
    text = sub(_COLOUR, (m) => said(("hash " + _letter_by_letter(m[1]))), text);
    text = sub(_HASHTAG, (m) => `${said("hashtag")} ${sub(_HUMP, " ", m[1])}`, text);
  }
  return text;
}

function _address(found) {
  let address, rest, words;
  address = stripEnd(found[0], ".,;:!?)]}'*_");
  rest = found[0].slice(address.length);
  address = sub(_PATTERN_1, "", address);
  address = sub(_PATTERN_2, "", address);
  address = (stripEnd(address, "/") || address);
  words = [...[...[...findAll(_WORD_OR_SIGN, address)].map((each) => _part(each))].filter(Boolean)].join(" ");
  return ((words ? said(words) : "") + rest);
}

function _part(part) {
  let spelled;
  if (((part.length === 1) && LETTERS.has(part.toUpperCase()))) {
    return LETTERS.get(part.toUpperCase());
  }
  if ((isAlpha(part) && isAscii(part))) {
    spelled = (_LETTERS.has(part.toLowerCase()) || ((part.length > 1) && disjoint(_VOWELS, part)));
    return (spelled ? letters(part) : part);
  }
  return (isDecimal(part) ? code(part) : (_SIGNS.get(part) ?? ""));
}

function _letter_by_letter(run) {
  return [...[...run].map((sign) => (LETTERS.get(sign.toUpperCase()) || code(sign)))].join(" ");
}
