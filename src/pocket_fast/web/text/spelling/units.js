// Made by tools/make_web_spelling.py of text/spelling/units.py: change that, and run it again.

import { has, partition, removeSuffix, search, strip, sub } from "../python.js";
import { amount, is_singular, number } from "./number_words.js";
import { take } from "./rules.js";
import { END, ends_sentence, said } from "./spoken.js";

let _COUNTED, _COUNT, _MILLIONS, _SPORTS, _UNITS, _SINGLE_CAPITALS, _LABEL, _MEASURED, _TWO, _RATE, _LONE, _SQUARES, _MORE_NAMES, _HEIGHT, _FEET_INCHES, _INCHES, _VOLTS_AMPS, _DEGREES, _SIZED, _FEET, _SIZE, _ANGLE, _WINDS, _PER, _SHARES, _PRICE, _SHORT_PERIODS;
take("units", (own) => ([_COUNTED, _COUNT, _MILLIONS, _SPORTS, _UNITS, _SINGLE_CAPITALS, _LABEL, _MEASURED, _TWO, _RATE, _LONE, _SQUARES, _MORE_NAMES, _HEIGHT, _FEET_INCHES, _INCHES, _VOLTS_AMPS, _DEGREES, _SIZED, _FEET, _SIZE, _ANGLE, _WINDS, _PER, _SHARES, _PRICE, _SHORT_PERIODS] = own));

export function say_units(text) {
  text = sub(_ANGLE, _angle, sub(_TWO, "\\1 / ", text));
  text = sub(_FEET_INCHES, _feet_inches, sub(_HEIGHT, "\\1'\\2''", text));
  text = sub(_FEET, (m) => said(([...[...[...m.slice(1)].filter(Boolean)].map((each) => number(each))].join(" by ") + " feet")), text);
  text = sub(_SIZE, (m) => said(([...[...[...m.slice(1)].filter(Boolean)].map((each) => amount(each))].join(" by ") + " inches")), text);
  text = sub(_INCHES, (m) => said(`${amount(m[1])} inch${(is_singular(m[1]) ? "" : "es")}`), text);
  text = sub(_SIZED, (m) => said(`${amount((m[1] || m[2]))} inch`), text);
  text = sub(_VOLTS_AMPS, (m) => said(`${number(m[1])} volts, ${number(m[2])} amps`), text);
  text = sub(_SPORTS, (m) => said(`${number(m[1])} kay`), text);
  text = sub(_MILLIONS, (m) => said(`${number(m[1])} million`), text);
  text = sub(_COUNT, (m) => said(`${number(m[1])} ${_COUNTED.get(m[2])}`), text);
  text = sub(_MEASURED, _measured, text);
  text = text.split("%").join(said("percent"));
  return sub(_PER, (m) => `${END} per ${_one((m[1] || m[2]))}`, text);
}

export function say_lone_units(text) {
  if (has(text, "/")) {
    text = sub(_RATE, _rate, text);
    text = sub(_PRICE, (m) => `${said(_MORE_NAMES.get(m[1]))} per ${_one(m[2])}`, text);
    text = sub(_SHARES, _share, text);
  }
  text = sub(_DEGREES, (m) => said(`degrees ${((m[1] === "C") ? "Celsius" : "Fahrenheit")}`), text);
  text = sub(_SQUARES, (m) => ((m[1] || "") + said(_name((m[2] || m[4]), (m[3] || "²"), Boolean(m[1])))), text);
  return sub(_LONE, (m) => ((m[1] || "") + said(_name(m[2], m[3], Boolean(m[1])))), text);
}

function _one(unit) {
  if (_SHORT_PERIODS.has(unit)) {
    return _SHORT_PERIODS.get(unit);
  }
  return (_UNITS.has(unit) ? _name(unit, null, true) : unit);
}

function _share(found) {
  let each, power, thing, time, unit;
  [thing, each, unit, power, time] = found.slice(1);
  return (`${thing} per ` + (each ? _one(each) : said(_raised(_name((unit || time), null, true), (unit || time), power))));
}

function _rate(found) {
  let below, below_power, count, over, power, under, unit;
  [unit, power, count, below, below_power] = found.slice(1);
  over = (_MORE_NAMES.get(unit) || _name(unit, power, false));
  under = (_MORE_NAMES.get(below) || _name(below, null, !count));
  return said(`${over} per ${(count ? "one hundred " : "")}${_raised(under, below, below_power)}`);
}

function _angle(found) {
  let degrees, minutes, parts, seconds, wind, words;
  [degrees, minutes, seconds, wind] = found.slice(1);
  if (!(minutes || wind)) {
    return found[0];
  }
  parts = [[degrees, "degree"], [minutes, "minute"], [seconds, "second"]];
  words = [...[...parts].filter(([n, unit]) => n).map(([n, unit]) => `${number(n)} ${unit}${((n === "1") ? "" : "s")}`)].join(" ");
  return said((wind ? `${words} ${_WINDS.get(wind)}` : words));
}

function _feet_inches(length) {
  let feet, half, inches, whole;
  [feet, inches] = [length[1], (length[2] || length[3])];
  inches = inches.split(" 1/2").join(".5").split("1/2").join(".5");
  half = (inches.endsWith(".5") ? " and a half" : "");
  whole = removeSuffix(inches, ".5");
  return said(`${number(feet)} ${((feet === "1") ? "foot" : "feet")} ${number(whole)}${half} inch${(((whole === "1") && !half) ? "" : "es")}`);
}

function _measured(found) {
  let an, article, before, below, below_power, count, digit, full_stop, glue, high, is_bare_capital, is_one, is_part, length, low, many, name, period, power, shape, unit, words;
  [article, low, high, glue, shape, unit, power, length, digit, count, below, below_power, period] = found.slice(1);
  [unit, power] = [(unit || length), (power || digit)];
  is_bare_capital = (Boolean(glue) && _SINGLE_CAPITALS.includes(unit) && !(below || power));
  before = found.input.slice(Math.max(0, (found.index - 20)), found.index);
  if ((is_bare_capital && ("JN".includes(unit) || search(_LABEL, before)))) {
    return found[0];
  }
  words = (high ? `${amount(low)} to ${amount(high)}` : amount(low));
  is_part = (has(low, "/") && !has(low, " ") && !high);
  if ((is_part && has(words, " over "))) {
    [words, is_part] = [((unit === "mmHg") ? words : words.split(" over ").join(" or ")), false];
    is_one = false;
  }
  is_one = (is_part || Boolean(article) || (glue === "-") || (!high && is_singular(low)));
  if (shape) {
    power = ((shape[0] === "s") ? "²" : "³");
  }
  name = _name(unit, power, is_one);
  if ((is_part && (glue !== "-"))) {
    words = ((low === "1/2") ? "half" : words);
    an = (("aeio".includes(name[0]) || name.startsWith("hour")) ? "an" : "a");
    name = ((words === "half") ? `${an} ${name}` : `of ${an} ${name}`);
  }
  if (below) {
    many = (count ? `${number(strip(count))} ` : "");
    name += ` per ${many}${_raised(_name(below, null, !many), below, below_power)}`;
  }
  full_stop = (period && ends_sentence(found.input, (found.index + found[0].length), true));
  return (((article || "") + said(`${words}${((glue === "-") ? "-" : " ")}${name}`)) + (full_stop ? "." : ""));
}

function _name(unit, power, is_one) {
  let _, many, name, one;
  if ((unit === "in")) {
    name = (is_one ? "inch" : "inches");
  } else {
    [one, _, many] = partition(_UNITS.get(unit), "|");
    name = (is_one ? one.split("+").join("") : (many || one).split("+").join("s"));
  }
  if (!power) {
    return name;
  }
  if ((unit === "s")) {
    return `${name} ${("²2".includes(power.at(-1)) ? "squared" : "cubed")}`;
  }
  return `${("²2".includes(power.at(-1)) ? "square" : "cubic")} ${name}`;
}

function _raised(name, unit, power) {
  if (!power) {
    return name;
  }
  if (["s", "h", "min"].includes(unit)) {
    return `${name} ${("²2".includes(power.at(-1)) ? "squared" : "cubed")}`;
  }
  return `${("²2".includes(power.at(-1)) ? "square" : "cubic")} ${name}`;
}
