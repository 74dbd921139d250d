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
import { said } from "./spoken.js";

const _SPACED = /(?<![\wµ²³Ω.,])(?<!\d )[1-9]\d{0,2}(?:(?: \d{3}){2,5}(?:,\d{1,2})?| 000| \d{3},\d{1,2})(?!,?\d)(?! \d)/g;
const _SWISS = /(?<![\wµ²³Ω,'])(?<!\d\.)[1-9]\d{0,2}(?:(?:'\d{3}){1,5}|(?:_\d{3}){1,5})(?![\d'_])/g;
const _INDIAN = /(?<![\d,])(?<!\d\.)[1-9]\d?(?:,\d\d){1,6},\d{3}(?![\d,])/g;
const _DOTTED = /(?<![\wµ²³Ω.,])[1-9]\d{0,2}(?:(?:\.\d{3}){2,5}(?:,\d{1,2})?|\.\d{3},\d{1,2})(?![\d,]|\.\d)/g;
const _COMMA = /(?:(?<![\d,(])(?<!\d\.)(\d{1,6}),(\d{1,2}|\d{4,12})(?!\d|[.,]\d| (?:and|or|&) \d)|(?<=\()(\d{1,6}),(\d{1,2})(?![\d)]|[.,]\d))/g;
const _ROUND = /(?<=\d)\/[\-–](?![\wµ²³Ω])/g;
const _GERMAN = /(?<=\d) (M(?:io|rd))(?![A-Za-z])\.?/g;
const _LISTED = /(?:pages|rows|lines|columns|items|chapters|verses|numbers|questions|rooms|steps|days|figures|games) $/gi;
const _PADDED = /(?<![A-Za-z])((?:chapter|lesson|track|day|episode|season|level|part|unit|step|round|week|month|volume|page|section|question|exercise|figure|table|item|act|scene|book|phase|stage|game|match|race|slide|take|verse|version|module|number|no\.|vol\.|ch\.) )0+([1-9]\d?)(?!\d|[.,:/\-]\d)/gi;
const _SOFTWARE = /(?<![A-Za-z])([Vv]ersion|[Rr]elease|Python|Java|PHP|Ruby|Perl|Go|Rust|Node|Django|Rails|React|Angular|Ubuntu|Debian|Fedora|Android|iOS|iPadOS|macOS|Windows|Linux|Kernel|kernel|Firefox|Chrome|Safari|PostgreSQL|Postgres|MySQL|SQLite|Redis|CUDA|PyTorch|NumPy|Kubernetes|Docker) (\d{1,3})\.(\d{2})(?![\d%]|\.\d)/g;
const _SCIENTIFIC = /(?<=\d)[eE]\+?(-?)(\d{1,3})(?![\wµ²³Ω]|\.[\wµ²³Ω])/g;
const _VERSION = /(?<![\d.])\d{1,15}(?:\.\d{1,15}){2,9}(?!\.?\d)/g;
const _PRERELEASE = /(?<=\d)-?(alpha|beta|rc|dev|pre|preview|post|snapshot)\.?(\d{0,3})(?![\wµ²³Ω])/g;
const _MINUS = /(?<![\wµ²³Ω.,)\]%°\^\-\x03])-(?=[$£€¥₹]?\.?\d)/g;
const _ORDINAL = /(?<![\d/\^])(?<!\^-)(?<!\d[.,])(\d{1,3}(?:,\d{3}){1,4}|\d{1,15})(?:st|nd|rd|th|ST|ND|RD|TH)(?![A-Za-z])/g;
const _DECADE = /'?(?<![A-Za-z\d.,])(\d0|\d{3,4})'?s(?![A-Za-z'])/g;
const _SHORT_YEAR = /(?<![\wµ²³Ω'])'(\d\d)(?![\wµ²³Ω'])/g;
const _TIMES = /(\d{1,15})( ?[xX×*] ?)(?=(\d{1,15})(?!\d))/g;
const _PAIR = /(?<![\d/])(?:(24)[/x](7)(\/365)?|(9)\/(11)|(50)\/(50))(?![\d/])/g;
const _MANY = /(?<![\d.,])1(00|,?000|,?000,?000)'?s(?= of )/g;
const _TIMES_MORE = /(\d)[xX×](?![A-Za-z\d]| ?[\-+=*/\^])/g;
const _OR_ORDINAL = /(?<=\d(?:st|nd|rd|th))\/(?=\d)/g;
const _SPLIT_ORDINAL = /(?<=\d) (?=(?:st|nd|rd|th)(?![A-Za-z']))/g;
const _PART_WITH_LETTERS = /(?<![\d/])(\d{1,4}\/\d{1,4})(?:st|nd|rd|th)s?(?![A-Za-z])/g;
const _LETTER_POWER = /(?<=[A-Za-z\d)\]])\^[({]?(-?)([A-Za-z])[)}]?(?![A-Za-z\d])/g;
const _PRODUCT = /(?:(?<=[\d)]) ?\* ?(?=\()|(?<=\)) ?\* ?(?=[\d(])|(?<=[\wµ²³Ω]) \* (?=\d)|(?<=\d) \* (?=[\wµ²³Ω]))/g;
const _POWER = /(?<=[A-Za-z\d)\]])\^(-?)(\d{1,15})(?!\d|\.\d)/g;
const _SUPERSCRIPT = /(?<=[A-Za-z\d)\]\x03])([²³])/g;
const _FRACTION = /(?<![\d/\^])(?<!\^-)(?<!\d[.,])(?:\d{1,4} )?\d{1,4}\/\d{1,4}(?![\d/])(?!\d|\.\d)/g;
const _RANGE = /(?<![\d/\^])(?<!\^-)(?<!\d[.,])((?:\d{1,4} )?\d{1,4}\/\d{1,4}(?![\d/])|(?:(?:\d{1,3}(?:,\d{3}){1,5}(?!\d)|\d{1,15})(?:\.\d{1,15})?|(?<![A-Za-z\d])\.\d{1,15})) ?[\-–] ?((?:\d{1,4} )?\d{1,4}\/\d{1,4}(?![\d/])|(?:(?:\d{1,3}(?:,\d{3}){1,5}(?!\d)|\d{1,15})(?:\.\d{1,15})?|(?<![A-Za-z\d])\.\d{1,15}))(?!\d|\.\d)( ?=)?/g;
const _RATIO = /(?<=\d):(?=\d)/g;
const _VERSE = /(?<![A-Za-z])((?:Gen|Ex|Exod|Lev|Num|Deut|Josh|Judg|Sam|Kgs|Chr|Neh|Ps|Prov|Eccl|Isa|Jer|Ezek|Dan|Hos|Mic|Matt|Rom|Cor|Gal|Eph|Phil|Col|Thess|Tim|Heb|Jas|Pet|Rev)\.?|Genesis|Exodus|Leviticus|Numbers|Deuteronomy|Joshua|Judges|Ruth|Samuel|Kings|Chronicles|Ezra|Nehemiah|Esther|Job|Psalms?|Proverbs|Ecclesiastes|Isaiah|Jeremiah|Ezekiel|Daniel|Hosea|Joel|Amos|Jonah|Micah|Matthew|Mark|Luke|John|Acts|Romans|Corinthians|Galatians|Ephesians|Philippians|Colossians|Thessalonians|Timothy|Titus|Hebrews|James|Peter|Jude|Revelation|Quran|Qur'an|Surah) (\d{1,3}):(\d{1,3})(?![\d:]| ?[ap]\.?m)/g;
const _OLD_YEAR = /(?<=(?:(?<=[\wµ²³Ω])(?![\wµ²³Ω])|(?<![\wµ²³Ω])(?=[\wµ²³Ω]))[Ii]n )(10\d\d)(?![\d,:/\-]|\.\d)/g;
const _PLAIN = /(?<![\d/\^])(?<!\^-)(?<!\d[.,])((?:\d{1,3}(?:,\d{3}){1,5}(?!\d)|\d{1,15})(?:\.\d{1,15})?|(?<![A-Za-z\d])\.\d{1,15})(?!\d|\.\d)('?s(?![A-Za-z]))?/g;
const _REST = /\d{1,15}/g;
const _PATTERN_1 = /['_]/g;
const _PATTERN_2 = /(?:(?<=[\wµ²³Ω])(?![\wµ²³Ω])|(?<![\wµ²³Ω])(?=[\wµ²³Ω]))(?:v\.? ?(?=\d)|V(?=\d\.\d))/g;
const _PATTERN_3 = /([$£€¥₹])-(?=\.?\d)/g;
const _PATTERN_4 = /(?<=\d)\.(?=\d)/g;

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
