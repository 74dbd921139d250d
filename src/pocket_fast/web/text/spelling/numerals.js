// Made by tools/make_web_spelling.py of text/spelling/numerals.py: change that, and run it again.

import {
  grouped,
  has,
  int,
  isDigit,
  partition,
  search,
  splitBlanks,
  splitOnce,
  strip,
  sub,
} from "../python.js";
import { cardinal, ordinal } from "./cardinal.js";
import { amount, code, digits, number, plural, year } from "./number_words.js";
import { take } from "./rules.js";
import { said } from "./spoken.js";

let _SPACED, _SWISS, _INDIAN, _DOTTED, _COMMA, _ROUND, _GERMAN, _LISTED, _PADDED, _SOFTWARE, _SCIENTIFIC, _VERSION, _PRERELEASE, _MINUS, _ORDINAL, _DECADE, _SHORT_YEAR, _TIMES, _PAIR, _MANY, _TIMES_MORE, _OR_ORDINAL, _SPLIT_ORDINAL, _PART_WITH_LETTERS, _LETTER_POWER, _PRODUCT, _POWER, _SUPERSCRIPT, _FRACTION, _RANGE, _RATIO, _VERSE, _OLD_YEAR, _PLAIN, _REST, _PATTERN_1, _PATTERN_2, _PATTERN_3, _PATTERN_4;
take("numerals", (own) => ([_SPACED, _SWISS, _INDIAN, _DOTTED, _COMMA, _ROUND, _GERMAN, _LISTED, _PADDED, _SOFTWARE, _SCIENTIFIC, _VERSION, _PRERELEASE, _MINUS, _ORDINAL, _DECADE, _SHORT_YEAR, _TIMES, _PAIR, _MANY, _TIMES_MORE, _OR_ORDINAL, _SPLIT_ORDINAL, _PART_WITH_LETTERS, _LETTER_POWER, _PRODUCT, _POWER, _SUPERSCRIPT, _FRACTION, _RANGE, _RATIO, _VERSE, _OLD_YEAR, _PLAIN, _REST, _PATTERN_1, _PATTERN_2, _PATTERN_3, _PATTERN_4] = own));

export function say_groups(text) {
  text = sub(_SPACED, (m) => _american(m[0], " "), text);
  text = sub(_SWISS, (m) => sub(_PATTERN_1, ",", m[0]), text);
  text = sub(_INDIAN, (m) => `${grouped(m[0].split(",").join(""))}`, text);
  text = sub(_DOTTED, (m) => _american(m[0], "."), text);
  text = sub(_GERMAN, (m) => ((m[1] === "Mio") ? " million" : " billion"), sub(_ROUND, "", text));
  text = sub(_COMMA, _decimal_comma, text);
  text = sub(_PADDED, "\\1\\2", text);
  return sub(_SCIENTIFIC, (m) => ` × 10^${m[1]}${m[2]}`, text);
}

export function say_verses(text) {
  return sub(_VERSE, (m) => `${m[1]} ${said(`${number(m[2])} ${number(m[3])}`)}`, text);
}

export function say_series(text) {
  text = sub(_PATTERN_2, "version ", text);
  text = sub(_SOFTWARE, _software, text);
  text = sub(_PAIR, (m) => said(_pair(m)), text);
  text = sub(_MANY, (m) => said(plural(splitBlanks(cardinal(int(("1" + m[1].split(",").join(""))))).at(-1))), text);
  text = sub(_DECADE, (m) => said(plural(number(m[1], true))), text);
  text = sub(_TIMES, (m) => (m[1] + said(_times(m))), text);
  text = sub(_PRERELEASE, " \\1 \\2", text);
  return sub(_VERSION, (m) => said([...[...m[0].split(".")].map((each) => number(each))].join(" point ")), text);
}

export function mark_minus(text) {
  return sub(_PATTERN_3, "−\\1", sub(_MINUS, "−", text));
}

export function say_numbers(text) {
  text = sub(_POWER, _power, sub(_PRODUCT, " × ", text));
  text = sub(_LETTER_POWER, (m) => (said(`to the power of${(m[1] ? " minus" : "")}`) + ` ${m[2]}`), text);
  text = sub(_PART_WITH_LETTERS, "\\1", sub(_SPLIT_ORDINAL, "", sub(_OR_ORDINAL, " or ", text)));
  text = sub(_ORDINAL, (m) => said(ordinal(int(m[1].split(",").join("")))), text);
  text = sub(_SHORT_YEAR, (m) => said(splitOnce(year((1900 + int(m[1]))), " ")[1]), text);
  text = sub(_TIMES_MORE, (m) => (m[1] + said("times")), text);
  text = sub(_RANGE, _range, text);
  text = sub(_FRACTION, (m) => said(amount(m[0])), text);
  text = sub(_OLD_YEAR, (m) => said(year(int(m[1]))), text);
  text = sub(_RATIO, said("to"), text);
  text = sub(_PLAIN, _plain, text);
  text = sub(_PATTERN_4, said("point"), text);
  text = sub(_REST, (m) => said(number(m[0])), text);
  return sub(_SUPERSCRIPT, (m) => said(((m[1] === "²") ? "squared" : "cubed")), text);
}

function _american(written, group) {
  let comma, decimals, whole;
  [whole, comma, decimals] = partition(written, ",");
  return (whole.split(group).join(",") + (comma ? ("." + decimals) : ""));
}

function _decimal_comma(found) {
  let decimals, is_list, whole;
  [whole, decimals] = [(found[1] || found[3]), (found[2] || found[4])];
  is_list = ((whole.length > 3) && (decimals.length > 3));
  if ((is_list || search(_LISTED, found.input.slice(Math.max(0, (found.index - 12)), found.index)))) {
    return `${whole}, ${decimals}`;
  }
  return `${whole}.${decimals}`;
}

function _software(found) {
  let behind, major, minor, name;
  [name, major, minor] = found.slice(1);
  behind = ((minor[0] === "0") ? `oh ${cardinal(int(minor))}` : `point ${code(minor)}`);
  return `${name} ${said(`${cardinal(int(major))} ${behind}`)}`;
}

function _power(power) {
  let exponent, minus;
  [minus, exponent] = power.slice(1);
  if ((!minus && ["2", "3"].includes(exponent))) {
    return said(((exponent === "2") ? "squared" : "cubed"));
  }
  return said(`to the power of ${(minus ? "minus " : "")}${number(exponent)}`);
}

function _times(times) {
  let first, is_size, second, sign;
  [first, sign, second] = times.slice(1);
  is_size = ((Math.min(first.length, second.length) > 2) || ((first === second) && "xX".includes(strip(sign))));
  return (is_size ? "by" : "times");
}

function _pair(pair) {
  let words;
  words = [...[...pair.slice(1)].filter((n) => (n && (n[0] !== "/"))).map((n) => number(n))].join(" ");
  return (pair[3] ? `${words}, three sixty-five` : words);
}

function _range(span) {
  let equals, high, is_minus, is_spaced, low, words;
  [low, high, equals] = span.slice(1);
  if (((high.length > 2) && (high[0] === "0") && isDigit(high))) {
    return (said(`${number(low, true)} dash ${digits(high)}`) + (equals || ""));
  }
  is_spaced = (has(span[0], " - ") && !(low + high).includes("/"));
  is_minus = (Boolean(equals) || (is_spaced && (_value(low) >= _value(high))));
  if ([low, high].some((end) => has(end, "/"))) {
    words = [amount(low), amount(high)];
  } else {
    words = [number(low, true), number(high, true)];
  }
  return (said(`${words[0]} ${(is_minus ? "minus" : "to")} ${words[1]}`) + (equals || ""));
}

function _value(written) {
  return Number(written.split(",").join(""));
}

function _plain(found) {
  let words;
  words = number(found[1], true);
  return said((found[2] ? plural(words) : words));
}
