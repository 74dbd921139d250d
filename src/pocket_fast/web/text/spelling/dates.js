// Made by tools/make_web_spelling.py of text/spelling/dates.py: change that, and run it again.

import { int, matchAt, sub, title } from "../python.js";
import { cardinal, ordinal } from "./cardinal.js";
import { year } from "./number_words.js";
import { take } from "./rules.js";
import { ends_sentence, said } from "./spoken.js";

let _MONTHS, _ISO, _SLASHED, _ON, _MONTH_FIRST, _DAY_FIRST, _MONTH_YEAR, _MONTH_OF_YEAR, _ISO_MONTH, _SEASON, _OLD_YEAR, _DAYS, _SHOUTED_DAYS, _DAY_TO_DAY, _DAY_BEFORE, _MONTH_TO_MONTH, _TO_TIME, _TIME, _BRITISH, _MILITARY, _FRENCH, _HOUR, _DURATION, _WEEKDAYS_AND_MONTHS;
take("dates", (own) => ([_MONTHS, _ISO, _SLASHED, _ON, _MONTH_FIRST, _DAY_FIRST, _MONTH_YEAR, _MONTH_OF_YEAR, _ISO_MONTH, _SEASON, _OLD_YEAR, _DAYS, _SHOUTED_DAYS, _DAY_TO_DAY, _DAY_BEFORE, _MONTH_TO_MONTH, _TO_TIME, _TIME, _BRITISH, _MILITARY, _FRENCH, _HOUR, _DURATION, _WEEKDAYS_AND_MONTHS] = own));

export function say_dates(text) {
  text = sub(_ISO, (m) => _date(m[0], int(m[1]), int(m[3]), int(m[4]), m[0].endsWith("T")), text);
  text = sub(_SLASHED, _slashed, text);
  text = sub(_ON, (m) => (m[1] + _date(`${m[2]}/${m[3]}`, null, int(m[2]), int(m[3]))), text);
  text = sub(_MONTH_FIRST, _month_first, text);
  text = sub(_DAY_FIRST, _day_first, text);
  text = sub(_MONTH_OF_YEAR, (m) => said(`${_MONTHS[(int(m[1]) - 1)]} ${year(int(m[2]))}`), text);
  text = sub(_SEASON, _season, sub(_ISO_MONTH, _iso_month, text));
  text = sub(_OLD_YEAR, (m) => said(year(int(m[1]))), text);
  return sub(_MONTH_YEAR, (m) => `${said(_month(m[1]))} ${m[2]}`, text);
}

export function say_months(text) {
  return sub(_MONTH_TO_MONTH, (m) => said(`${_month(m[1])} to ${_month(m[2])}`), text);
}

export function say_days(text) {
  text = sub(_SHOUTED_DAYS, _day_to_day, sub(_DAY_TO_DAY, _day_to_day, text));
  return sub(_DAY_BEFORE, (m) => said(_DAYS.get(m[1].slice(0, 3))), text);
}

export function say_times(text) {
  text = sub(_MILITARY, _military, sub(_DURATION, _duration, text));
  text = sub(_TO_TIME, said("to"), sub(_BRITISH, "\\1:", sub(_FRENCH, "\\1:\\2", text)));
  text = sub(_TIME, _time, text);
  return sub(_HOUR, _hour, text);
}

function _date(written, y, month, day, is_followed = false) {
  let words;
  if (!(((1 <= month) && (month <= 12)) && ((1 <= day) && (day <= 31)))) {
    return written;
  }
  words = `${_MONTHS[(month - 1)]} ${ordinal(day)}`;
  return (said(((y == null) ? words : `${words}, ${year(y)}`)) + (is_followed ? ", " : ""));
}

function _slashed(date) {
  let first, second, y;
  [first, second, y] = [int(date[1]), int(date[3]), int(date[4])];
  if ((date[4].length === 2)) {
    y += ((y < 50) ? 2000 : 1900);
  }
  if (((first > 12) || (date[2] === "."))) {
    [first, second] = [second, first];
  }
  return _date(date[0], y, first, second);
}

function _month_first(date) {
  let day, last, month, words, y, years;
  [month, day, last, ...years] = date.slice(1);
  y = (years[0] || years[1]);
  if (![day, (last || day)].every((d) => ((1 <= int(d)) && (int(d) <= 31)))) {
    return date[0];
  }
  words = `${_month(month)} ${ordinal(int(day))}`;
  if (last) {
    words += ` to ${ordinal(int(last))}`;
  }
  return said((y ? `${words}, ${year(int(y))}` : words));
}

function _day_first(date) {
  let day, month, stop, words, y, years;
  [day, month, ...years] = date.slice(1);
  if (!((1 <= int(day)) && (int(day) <= 31))) {
    return date[0];
  }
  y = (years[0] || years[1]);
  words = `the ${ordinal(int(day))} of ${_month(month)}`;
  stop = ((date[0].endsWith(".") && ends_sentence(date.input, (date.index + date[0].length), true)) ? "." : "");
  return (said((y ? `${words}, ${year(int(y))}` : words)) + stop);
}

function _iso_month(date) {
  if ((int(date[2]) === ((int(date[1]) + 1) % 100))) {
    return date[0];
  }
  return said(`${_MONTHS[(int(date[2]) - 1)]} ${year(int(date[1]))}`);
}

function _season(years) {
  let first, second;
  [first, second] = [int(years[1]), int(years[2])];
  return ((second === ((first + 1) % 100)) ? said(`${year(first)} to ${cardinal(second)}`) : years[0]);
}

function _day_to_day(days) {
  let first, last, sign;
  [first, sign, last] = days.slice(1);
  [first, last] = [first, last].map((name) => _DAYS.get(title(name.slice(0, 3))));
  return said(`${first} ${((sign === "/") ? "and" : "to")} ${last}`);
}

function _month(name) {
  return [..._MONTHS].filter((month) => month.startsWith(title(name.slice(0, 3))))[0];
}

function _duration(found) {
  let hours, minutes, parts, seconds;
  [hours, minutes, seconds] = found.slice(1);
  if (!(hours || seconds)) {
    return found[0];
  }
  parts = [[hours, "hour"], [minutes, "minute"], [seconds, "second"]];
  return said([...[...parts].filter(([n, unit]) => n).map(([n, unit]) => `${cardinal(int(n))} ${unit}${((n === "1") ? "" : "s")}`)].join(" "));
}

function _time(time) {
  let hour, minute, second, words;
  [hour, minute, second] = [int(time[1]), int(time[2]), int((time[3] || 0))];
  if ((hour > 24)) {
    return time[0];
  }
  words = [cardinal(hour)];
  if (minute) {
    words.push((((minute < 10) ? "oh " : "") + cardinal(minute)));
  } else if ((hour === 0)) {
    words = ["midnight"];
  } else if (!time[4]) {
    words.push(((hour <= 12) ? "o'clock" : "hundred"));
  }
  if (second) {
    words.push(`and ${cardinal(second)} second${((second > 1) ? "s" : "")}`);
  }
  return _with_half([...words].join(" "), time, time[4]);
}

function _military(time) {
  let before, hour, minute, minutes, oh;
  [before, hour, minute] = time.slice(1);
  if (!(before || (hour[0] === "0"))) {
    return time[0];
  }
  oh = ((hour[0] === "0") ? "oh " : "");
  minutes = ((minute === "00") ? "hundred" : cardinal(int(minute)));
  return ((before || "") + said(`${oh}${cardinal(int(hour))} ${minutes} hours`));
}

function _hour(hour) {
  if (!((1 <= int(hour[1])) && (int(hour[1]) <= 12))) {
    return hour[0];
  }
  return _with_half(cardinal(int(hour[1])), hour, hour[2]);
}

function _with_half(words, time, half) {
  let full_stop;
  if (!half) {
    return said(words);
  }
  full_stop = (time[0].endsWith(".") && ends_sentence(time.input, (time.index + time[0].length), true));
  if ((full_stop && matchAt(_WEEKDAYS_AND_MONTHS, time.input, (time.index + time[0].length)))) {
    full_stop = false;
  }
  return (said(`${words} ${("Aa".includes(half) ? "ay" : "pee")} em`) + (full_stop ? "." : ""));
}
