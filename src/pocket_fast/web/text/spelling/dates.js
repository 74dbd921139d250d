// Made by tools/make_web_spelling.py of text/spelling/dates.py: change that, and run it again.

import { int, matchAt, sub, table, title } from "../python.js";
import { cardinal, ordinal } from "./cardinal.js";
import { year } from "./number_words.js";
import { ends_sentence, said } from "./spoken.js";

const _MONTHS = ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"];
const _ISO = /(?<![\d/\-])(\d{4})([\-/])(\d{1,2})\2(\d{1,2})(?![\d/\-])(?:T(?=\d\d:))?/g;
const _SLASHED = /(?<![\d/.\-])(\d{1,2})([\-/.])(\d{1,2})\2(\d{4}|(?<=\/)\d\d)(?![\d/\-])/g;
const _ON = /((?<![A-Za-z])(?:[Oo]n|(?:Mon|Tue|Tues|Wed|Thu|Thur|Thurs|Fri|Sat|Sun|[MTWFS][a-z]{2,5}day),?) )(\d{1,2})\/(\d{1,2})(?![\d/]|\.\d)/g;
const _MONTH_FIRST = /(?<![A-Za-z])(January|February|March|April|May|June|July|August|September|October|November|December|JANUARY|FEBRUARY|MARCH|APRIL|MAY|JUNE|JULY|AUGUST|SEPTEMBER|OCTOBER|NOVEMBER|DECEMBER|january|february|march|april|june|july|august|september|october|november|december|(?:JAN|FEB|MAR|APR|JUN|JUL|AUG|SEPT|SEP|OCT|NOV|DEC)(?![A-Z])\.?|(?:Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept|Sep|Oct|Nov|Dec)(?![a-z])\.?) (\d{1,2})(?:st|nd|rd|th)?(?: ?[\-–] ?(\d{1,2})(?:st|nd|rd|th)?)?(?:,? ((?:1\d|20)\d\d)(?![\d:%]|[.,]\d)|,((?:1\d|20)\d\d)(?![\d:%]|[.,]\d)|(?![\wµ²³Ω/:]|[.,\-]\d))/g;
const _DAY_FIRST = /(?:(?<![A-Za-z])[Tt]he )?(?<![\wµ²³Ω/:.,\-])(\d{1,2})(?:st|nd|rd|th)?(?: of |[ \-])(January|February|March|April|May|June|July|August|September|October|November|December|JANUARY|FEBRUARY|MARCH|APRIL|MAY|JUNE|JULY|AUGUST|SEPTEMBER|OCTOBER|NOVEMBER|DECEMBER|january|february|march|april|june|july|august|september|october|november|december|(?:JAN|FEB|MAR|APR|JUN|JUL|AUG|SEPT|SEP|OCT|NOV|DEC)(?![A-Z])\.?|(?:Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept|Sep|Oct|Nov|Dec)(?![a-z])\.?)(?:,? ((?:1\d|20)\d\d)(?![\d:%]|[.,]\d)|-((?:1\d|20)\d\d)(?![\d:%]|[.,]\d))?(?![A-Za-z\d])/g;
const _MONTH_YEAR = /(?<![A-Za-z])(January|February|March|April|May|June|July|August|September|October|November|December|JANUARY|FEBRUARY|MARCH|APRIL|MAY|JUNE|JULY|AUGUST|SEPTEMBER|OCTOBER|NOVEMBER|DECEMBER|january|february|march|april|june|july|august|september|october|november|december|(?:JAN|FEB|MAR|APR|JUN|JUL|AUG|SEPT|SEP|OCT|NOV|DEC)(?![A-Z])\.?|(?:Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept|Sep|Oct|Nov|Dec)(?![a-z])\.?),? ((?:1\d|20)\d\d)(?![\d:%]|[.,]\d)/g;
const _MONTH_OF_YEAR = /(?<![\d/.\-])(0?[1-9]|1[0-2])\/((?:19|20)\d\d)(?![\d/])/g;
const _ISO_MONTH = /(?<![\d/.,\-])((?:19|20)\d\d)-(0[1-9]|1[0-2])(?![\d/\-]|[.,]\d)/g;
const _SEASON = /(?<![\d/.,])((?:19|20)\d\d)\/(\d\d)(?![\d/]|[.,]\d)/g;
const _OLD_YEAR = /(?<![\d.,])(\d{3,4})(?= ?(?:BCE?|CE|B\.C\.|C\.E\.|A\.D\.|AD)(?![A-Za-z]))/g;
const _DAYS = table("Mon: Monday; Tue: Tuesday; Wed: Wednesday; Thu: Thursday; Fri: Friday; Sat: Saturday; Sun: Sunday");
const _SHOUTED_DAYS = /(?<![A-Za-z])(MON|TUES?|WED|THU(?:RS?)?|FRI|SAT|SUN)(?![A-Z])\.? ?([\-–/]|TO) ?(MON|TUES?|WED|THU(?:RS?)?|FRI|SAT|SUN)(?![A-Z])\.?/g;
const _DAY_TO_DAY = /(?<![A-Za-z])(Mon|Tues?|Wed|Thu(?:rs?)?|Fri|Sat|Sun)(?![a-z])\.? ?([\-–/]|to) ?(Mon|Tues?|Wed|Thu(?:rs?)?|Fri|Sat|Sun)(?![a-z])\.?/g;
const _DAY_BEFORE = /(?<![A-Za-z])(Mon|Tues?|Wed|Thu(?:rs?)?|Fri|Sat|Sun)(?![a-z])\.?(?=,? \x02|,? (January|February|March|April|May|June|July|August|September|October|November|December|JANUARY|FEBRUARY|MARCH|APRIL|MAY|JUNE|JULY|AUGUST|SEPTEMBER|OCTOBER|NOVEMBER|DECEMBER|january|february|march|april|june|july|august|september|october|november|december|(?:JAN|FEB|MAR|APR|JUN|JUL|AUG|SEPT|SEP|OCT|NOV|DEC)(?![A-Z])\.?|(?:Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept|Sep|Oct|Nov|Dec)(?![a-z])\.?))/g;
const _MONTH_TO_MONTH = /(?<![A-Za-z\-])(January|February|March|April|May|June|July|August|September|October|November|December|JANUARY|FEBRUARY|MARCH|APRIL|MAY|JUNE|JULY|AUGUST|SEPTEMBER|OCTOBER|NOVEMBER|DECEMBER|january|february|march|april|june|july|august|september|october|november|december|(?:JAN|FEB|MAR|APR|JUN|JUL|AUG|SEPT|SEP|OCT|NOV|DEC)(?![A-Z])\.?|(?:Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept|Sep|Oct|Nov|Dec)(?![a-z])\.?) ?[\-–] ?(January|February|March|April|May|June|July|August|September|October|November|December|JANUARY|FEBRUARY|MARCH|APRIL|MAY|JUNE|JULY|AUGUST|SEPTEMBER|OCTOBER|NOVEMBER|DECEMBER|january|february|march|april|june|july|august|september|october|november|december|(?:JAN|FEB|MAR|APR|JUN|JUL|AUG|SEPT|SEP|OCT|NOV|DEC)(?![A-Z])\.?|(?:Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept|Sep|Oct|Nov|Dec)(?![a-z])\.?)(?![A-Za-z])/g;
const _TO_TIME = /((?<=\d)|(?<=[ap]m)|(?<=[ap]\.m\.)) ?[\-–] ?(?=\d{1,2}(?::\d\d| ?[ap]\.?m))/g;
const _TIME = /(?<![\d:.,])(\d{1,2}):([0-5]\d)(?::([0-5]\d)(?:\.\d{1,9})?(?:[+\-][01]\d:[0-5]\d(?!\d))?)?[Zh]?(?![\d:])(?: ?([AaPp])(?:\.[Mm]\.?|[Mm](?![A-Za-z])))?/g;
const _BRITISH = /(?<![\d:.,$£€])(\d{1,2})\.(?=[0-5]\d ?[ap]\.?m(?![A-Za-z]))/g;
const _MILITARY = /((?<![A-Za-z])(?:at|by|until|from|before|after|to) )?(?<![\d.,:\-])([01]\d|2[0-4])([0-5]\d) ?h(?:ours|rs|)(?![A-Za-z])/g;
const _FRENCH = /(?<![\d:.,])([01]?\d|2[0-3])h([0-5]\d)(?![\wµ²³Ω:])/g;
const _HOUR = /(?<![\d:.,/\-])(\d{1,2}) ?([AaPp])(?:\.[Mm]\.?|[Mm](?![A-Za-z]))/g;
const _DURATION = /(?<![\wµ²³Ω.,:])(?:(\d{1,4})h ?)?(\d{1,4})m(?:in)?(?: ?(\d{1,2})s(?:ec)?)?(?![A-Za-z\d²³/])/g;
const _WEEKDAYS_AND_MONTHS = / (?:(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day|(January|February|March|April|May|June|July|August|September|October|November|December|JANUARY|FEBRUARY|MARCH|APRIL|MAY|JUNE|JULY|AUGUST|SEPTEMBER|OCTOBER|NOVEMBER|DECEMBER|january|february|march|april|june|july|august|september|october|november|december|(?:JAN|FEB|MAR|APR|JUN|JUL|AUG|SEPT|SEP|OCT|NOV|DEC)(?![A-Z])\.?|(?:Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept|Sep|Oct|Nov|Dec)(?![a-z])\.?)|[A-Z]{2,4}T(?:(?<=[\wµ²³Ω])(?![\wµ²³Ω])|(?<![\wµ²³Ω])(?=[\wµ²³Ω])))/g;

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
