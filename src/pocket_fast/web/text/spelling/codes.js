// Made by tools/make_web_spelling.py of text/spelling/codes.py: change that, and run it again.

import { findAll, has, int, isAlpha, isLower, isUpper, search, strip, sub, words } from "../python.js";
import { cardinal } from "./cardinal.js";
import { LETTERS } from "./initials.js";
import { code, number } from "./number_words.js";
import { said } from "./spoken.js";

const _NAME = /(?<![\wµ²³Ω.,$€£¥#/&\x02\x03\-])(?=[A-Za-z\-]{1,20}\d)([A-Za-z]{1,20}(?:-[A-Za-z]{1,12}){0,2})(-?)(\d{1,15}(?:\.\d{1,4}(?!\d))?(?:[A-Za-z]{1,4}\d{0,4}){0,3}(?:-\d{1,5}(?:\.\d)?[A-Za-z]{0,3}){0,3})(?![A-Za-z\d]|[.,:/]\d|-\d|[€£¥%°])/g;
const _KEY = /(?<![\wµ²³Ω\-])(?:[\dA-Fa-f]{7,64}(?:-[\dA-Fa-f]{4,12}){0,4}|(?:[\dA-Fa-f]{2}[:\-]){5}[\dA-Fa-f]{2})(?![\wµ²³Ω\-])/g;
const _HEXADECIMAL = /(?<![\wµ²³Ω])0x([\dA-Fa-f]{1,16})(?![\wµ²³Ω])/g;
const _CODEC = /(?<![\wµ²³Ω.])([A-Z])\.(\d{3})(?![\d.]\d|\d)/g;
const _WORLD_WAR = /(?<![A-Za-z\d])WW([12])(?![A-Za-z\d])/g;
const _WIRELESS = /(?<![\wµ²³Ω.])802\.(\d{1,2})([a-z]{1,2})?(?![\wµ²³Ω.]\d|[\wµ²³Ω])/g;
const _EPISODE = /(?<![A-Za-z\d])S(\d{1,2}) ?E(\d{1,3})(?![A-Za-z\d])/g;
const _AFTER_NUMBER = /(?<![\wµ²³Ω.,$€£¥\-])(?:(\d{4})(KF|KS|K|XTX|XT|X3D|X|T[iI]|H[XSQ]?|U|GE?)|(480|576|720|1080|1440|2160)([pi]))(?![A-Za-z\d/²³\^\-])/g;
const _MODEL = /(?<![A-Za-z\d'.$\-])([A-Z]{2,5}) (\d{4})(?![\wµ²³Ω%°]|[,.:/\-]\d|-[A-Za-z]| ?[\-–] ?\d| (?:BCE?|CE|AD|BC)(?:(?<=[\wµ²³Ω])(?![\wµ²³Ω])|(?<![\wµ²³Ω])(?=[\wµ²³Ω])))/g;
const _LABELLED = /(?<![A-Za-z\d'.$\-])(Boeing|Airbus|Nokia|Peugeot|Porsche|Ferrari|Ryzen \d|GeForce|Radeon|Xeon|Core|Windows|Flight|Route|Highway|Room|Error|Channel|Suite|Gate|Bus|Exit|Train|Interstate|Form) (\d{3,4})(?![\wµ²³Ω%°]|[,.:/\-]\d|-[A-Za-z]| ?[\-–] ?\d| (?:BCE?|CE|AD|BC)(?:(?<=[\wµ²³Ω])(?![\wµ²³Ω])|(?<![\wµ²³Ω])(?=[\wµ²³Ω])))/gi;
const _PLANE = /(?<![\wµ²³Ω.,\-])(7[0-8]7)-([89]|10|[1-9]00)(ER|LR|F)?(?![\wµ²³Ω\-])/g;
const _MONEY = words("AU AUD BRL CAD CHF CNY CZK DKK EUR GBP HK HKD HUF ILS INR JPY KRW MXN NOK NZ NZD PLN RMB RS RUB SEK SGD THB TRY US USD ZAR");
const _POWERS = words("cm2 cm3 dm2 dm3 ft2 ft3 in2 in3 km2 m2 m3 mi2 mm2 mm3 s2 yd2");
const _INFLECTED = ["s", "st", "nd", "rd", "th", "S", "ST", "ND", "RD", "TH"];
const _PIECE = /(?:\d+(?:\.\d+)?|[A-Za-z]+|-)/g;
const _PATTERN_1 = /[A-Fa-f]/g;
const _PATTERN_2 = /\d/g;
const _PATTERN_3 = /[\dA-Fa-f]{1,4}/g;

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
