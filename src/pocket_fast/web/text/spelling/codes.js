// Made by tools/make_web_spelling.py of text/spelling/codes.py: change that, and run it again.

import { findAll, has, int, isAlpha, isLower, isUpper, search, strip, sub } from "../python.js";
import { cardinal } from "./cardinal.js";
import { LETTERS } from "./initials.js";
import { code, number } from "./number_words.js";
import { take } from "./rules.js";
import { said } from "./spoken.js";

let _NAME, _KEY, _HEXADECIMAL, _CODEC, _WORLD_WAR, _WIRELESS, _EPISODE, _AFTER_NUMBER, _MODEL, _LABELLED, _PLANE, _MONEY, _POWERS, _INFLECTED, _PIECE, _PATTERN_1, _PATTERN_2, _PATTERN_3;
take("codes", (own) => ([_NAME, _KEY, _HEXADECIMAL, _CODEC, _WORLD_WAR, _WIRELESS, _EPISODE, _AFTER_NUMBER, _MODEL, _LABELLED, _PLANE, _MONEY, _POWERS, _INFLECTED, _PIECE, _PATTERN_1, _PATTERN_2, _PATTERN_3] = own));

export function say_names(text) {
  text = sub(_EPISODE, (m) => said(`season ${cardinal(int(m[1]))} episode ${cardinal(int(m[2]))}`), text);
  text = sub(_HEXADECIMAL, (m) => said(`zero ex ${_spelled(m[1])}`), sub(_KEY, _key, text));
  text = sub(_WORLD_WAR, (m) => said(`World War ${code(m[1])}`), text);
  text = sub(_WIRELESS, _wireless, text);
  text = sub(_CODEC, (m) => said(`${LETTERS.get(m[1])} ${code(m[2])}`), text);
  text = sub(_PLANE, _plane, text);
  text = sub(_NAME, _name, text);
  text = sub(_MODEL, (m) => (_MONEY.has(m[1]) ? m[0] : `${m[1]} ${said(code(m[2]))}`), text);
  text = sub(_LABELLED, (m) => `${m[1]} ${said(code(m[2]))}`, text);
  return sub(_AFTER_NUMBER, (m) => said(`${code((m[1] || m[3]))} ${_letters((m[2] || m[4]))}`), text);
}

function _name(found) {
  let head, hyphen, is_small, is_word, pieces, tail, words;
  [head, hyphen, tail] = found.slice(1);
  pieces = findAll(_PIECE, tail);
  is_small = isLower(head);
  is_word = ((is_small && (head.length > 1)) || ((head.length > 6) && !isUpper(head)));
  if (([...pieces].some((piece) => _INFLECTED.includes(piece)) || (_MONEY.has(head.toUpperCase()) && !hyphen) || _POWERS.has(found[0]) || (["v", "V"].includes(head) && !hyphen && ((head === "v") || has(tail, "."))) || (hyphen && is_word))) {
    return found[0];
  }
  words = [...[...pieces].filter((piece) => (piece !== "-")).map((piece) => _piece(piece))].join(" ");
  if ((is_small && (head.length === 1))) {
    return said(`${LETTERS.get(head.toUpperCase())} ${words}`);
  }
  return ((head + ((pieces.length < 3) ? hyphen : " ".repeat(Number(Boolean(hyphen))))) + said(words));
}

function _piece(piece) {
  if (isAlpha(piece)) {
    return _letters(piece);
  }
  if (has(piece, ".")) {
    return number(piece);
  }
  if (((piece.length === 5) && (piece[0] !== "0"))) {
    return `${cardinal(int(piece.slice(0, 2)))} ${code(piece.slice(2))}`;
  }
  return code(piece);
}

function _letters(run) {
  if ((isUpper(run) || (run.length < 3))) {
    return _spelled(run);
  }
  return run;
}

function _key(found) {
  let groups;
  if (!(search(_PATTERN_1, found[0]) && search(_PATTERN_2, found[0]))) {
    return found[0];
  }
  groups = findAll(_PATTERN_3, found[0]);
  return said([...[...groups].map((each) => _spelled(each))].join(", "));
}

function _spelled(run) {
  return [...[...run.toUpperCase()].map((sign) => (LETTERS.get(sign) || code(sign)))].join(" ");
}

function _wireless(found) {
  return said(strip(`eight oh two dot ${code(found[1])} ${_letters((found[2] || ""))}`));
}

function _plane(found) {
  let suffix;
  suffix = (found[3] ? ` ${_letters(found[3])}` : "");
  return said(`${code(found[1])} ${code(found[2])}${suffix}`);
}
