// Made by tools/make_web_spelling.py of text/spelling/money.py: change that, and run it again.

import { matchAt, partition, search, strip, stripStart, sub } from "../python.js";
import { number } from "./number_words.js";
import { take } from "./rules.js";
import { said } from "./spoken.js";

let _NAMES, _SAME, _SCALES, _PREFIXED, _SUFFIXED, _PENCE, _NAMED_THINGS, _ARTICLE;
take("money", (own) => ([_NAMES, _SAME, _SCALES, _PREFIXED, _SUFFIXED, _PENCE, _NAMED_THINGS, _ARTICLE] = own));

export function say_money(text) {
  text = sub(_PREFIXED, _prefixed, text);
  text = sub(_SUFFIXED, _suffixed, text);
  return sub(_PENCE, (m) => said(`${number(m[1])} ${((m[1] === "1") ? "penny" : "pence")}`), text);
}

function _prefixed(money) {
  let _, code, high, is_adjective, low, many, name, one, other, scale, short, symbol, words;
  [symbol, code, other, low, high, scale, _, short] = money.slice(1);
  scale = (scale || _SCALES.get((short || "").toLowerCase()));
  name = (symbol || code || other);
  [one, many, ..._] = _currency(name);
  is_adjective = (Boolean(search(_ARTICLE, money.input.slice(Math.max(0, (money.index - 4)), money.index))) || (money.input.slice((money.index + money[0].length), ((money.index + money[0].length) + 1)) === "-") || Boolean(matchAt(_NAMED_THINGS, money.input, (money.index + money[0].length))));
  if (!(high || scale || is_adjective)) {
    return said(_money(low, name));
  }
  words = number(low);
  if (high) {
    words += ` to ${number(high)}`;
  }
  if (scale) {
    words += ` ${(_SCALES.get(scale) ?? scale)}`;
  }
  return said(`${words} ${((is_adjective || ((low === "1") && !(high || scale))) ? one : many)}`);
}

function _suffixed(money) {
  let _, amount, code, scale, short, symbol;
  [amount, scale, _, short, symbol, code] = money.slice(1);
  scale = (scale || _SCALES.get((short || "").toLowerCase()));
  if (scale) {
    return said(`${number(amount)} ${(_SCALES.get(scale) ?? scale)} ${_currency((symbol || code))[1]}`);
  }
  return said(_money(amount, (symbol || code)));
}

function _currency(name) {
  let known;
  known = (_NAMES.get((_SAME.get(name) ?? name)) || _NAMES.get(name.at(-1)));
  return known.split("|");
}

function _money(written, name) {
  let _, cent, cents, decimals, hundredths, many, one, whole, words;
  [one, many, ...hundredths] = _currency(name);
  [whole, _, decimals] = partition(written, ".");
  if ((!hundredths.length && !strip(decimals, "0"))) {
    written = whole;
  }
  if (((decimals.length !== 2) || !hundredths.length)) {
    return `${number(written)} ${((written === "1") ? one : many)}`;
  }
  [cent, cents] = hundredths;
  words = [];
  if ((strip(whole, "0") || (decimals === "00"))) {
    words.push(`${number(whole)} ${((whole === "1") ? one : many)}`);
  }
  if ((decimals !== "00")) {
    words.push(`${number(stripStart(decimals, "0"))} ${((decimals === "01") ? cent : cents)}`);
  }
  return [...words].join(" and ");
}
