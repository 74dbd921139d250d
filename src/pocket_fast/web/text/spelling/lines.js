// Made by tools/make_web_spelling.py of text/spelling/lines.py: change that, and run it again.

import {
  characterAt,
  fullMatch,
  isAlnum,
  isAlpha,
  isLower,
  length,
  matchAt,
  part,
  search,
  splitLines,
  strip,
  stripEnd,
  words,
} from "../python.js";
import { value } from "./roman.js";

const _WRAPPED = 50;
const _BULLET = /(?:(?:[\-*+–—>:]|#{1,6})[ \t]+|[•‣◦▪▫■□◆◇●○⁃∙·➤►▶▸❯→➔➜★☆✓✔✅☑✗✘❌❖]️?[ \t]*(?![•‣◦▪▫■□◆◇●○⁃∙·➤►▶▸❯→➔➜★☆✓✔✅☑✗✘❌❖\p{Nd}]))/gu;
const _QUOTE = /(?:>[ \t]?)+(?![\p{Nd}=.$\-])/gu;
const _CHECKBOX = /\[[ xX✓✔]\][ \t]+/gu;
const _NUMBERED = /(?:\*\*|__)?\(?(\p{Nd}{1,3})[.)][ \t]+(?=[A-Za-z"'“‘(*_\[])/gu;
const _ROMAN = /(?:\(?([ivx]{1,5})\)[ \t]+(?=[^\t-\r\x1c- \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000])|(I{2,3}|I[VX]|VI{0,3}|X{1,2}(?:I[VX]|V?I{0,3}))\.[ \t]+(?=[A-Z][a-z]))/gu;
const _LETTERED = /\(?([A-HJ-Za-z])\)[ \t]+(?=[^\t-\r\x1c- \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000])/gu;
const _RULE = /(?:(?:[\-=_*~#+][ \t]*){2,}|\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)+\|?|\|[ \t]*:?-+:?[ \t]*\|)/gu;
const _FENCE = /(?:`{3,}|~{3,})[ \t]*[\p{L}\p{N}_+#.\-]{0,20}/gu;
const _DEFINITION = /\[[^\[\]\^]{1,100}\]:[ \t]*<?[^\t-\r\x1c- \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]{1,2000}(?:[ \t]+(?:"[^"]*"|'[^']*'|\([^()]*\)))?/gu;
const _NOTE = /\[\^[^\[\]\t-\r\x1c- \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]{1,40}\]:[ \t]*/gu;
const _ROW = /\|([^\n]*)\|/gu;
const _CLOSERS = "\"'”’)]»*_ \t";
const _MARKS = ".!?…,;:。！？、؟-–—|";
const _FIRST_PARTS = words("best cold deep double eight eighty fifty first five forty four free full good great half hard high hot large left long low never nine ninety non old quick right second self seven seventy short single six sixty slow small soft ten third thirty three twenty two well white wide year");
const _CONJUNCTION = /(?:and|or|to|nor|but|as)(?:(?<=[\p{L}\p{N}_])(?![\p{L}\p{N}_])|(?<![\p{L}\p{N}_])(?=[\p{L}\p{N}_]))/gu;
const _PATTERN_1 = /[A-Za-z']{0,20}-$/gu;
const _PATTERN_2 = /-[A-Za-z']*-$/gu;

export function join_lines(text) {
  let before, between, is_item, joined, line, lines, paragraph, written;
  lines = splitLines(text);
  if (((lines.length === 1) && isAlpha(part(lines[0], 0, 1)) && isLower(part(lines[0], 1, 2)))) {
    return strip(text);
  }
  joined = [];
  before = "";
  paragraph = false;
  for (written of lines) {
    [line, is_item] = _line(strip(written));
    if (!line) {
      paragraph = true;
      continue;
    }
    if (before) {
      between = _between(before, line, (paragraph || is_item));
      if ((between == null)) {
        joined[joined.length - 1] = part(joined.at(-1), 0, -1);
      } else if (((between === ". ") && isLower(part(line, 0, 2)))) {
        line = (characterAt(line, 0).toUpperCase() + part(line, 1));
      }
      joined.push((between || ""));
    }
    joined.push(line);
    [before, paragraph] = [line, false];
  }
  return [...joined].join("");
}

function _line(line) {
  let bare, found, item, quoted, row;
  if ((!line || fullMatch(_RULE, line) || fullMatch(_FENCE, line) || fullMatch(_DEFINITION, line))) {
    return ["", false];
  }
  if ((isAlpha(characterAt(line, 0)) && !matchAt(_ROMAN, line) && (part(line, 1, 2) !== ")"))) {
    return [line, false];
  }
  quoted = _without(_QUOTE, line);
  bare = _without(_CHECKBOX, _without(_NOTE, _without(_BULLET, quoted)));
  if (((characterAt(line, 0) === "#") && (bare !== quoted))) {
    bare = stripEnd(bare, "# \t");
  }
  if ((row = fullMatch(_ROW, bare))) {
    return [[...[...[...row[1].split("|")].map((each) => strip(each))].filter((cell) => cell)].join(", "), true];
  }
  if ((found = matchAt(_ROMAN, bare))) {
    return [`${value((found[1] || found[2]))}, ${bare.slice((found.index + found[0].length))}`, true];
  }
  for (item of [_NUMBERED, _LETTERED]) {
    if ((found = matchAt(item, bare))) {
      return [`${found[1].toUpperCase()}, ${bare.slice((found.index + found[0].length))}`, true];
    }
  }
  return [bare, (bare !== quoted)];
}

function _without(start, line) {
  let found;
  found = matchAt(start, line);
  return (found ? line.slice((found.index + found[0].length)) : line);
}

function _between(before, after, is_break) {
  let first, is_wrapped, keeps;
  if (((characterAt(before, -1) === "-") && isAlpha(part(before, -2, -1)) && isLower(characterAt(after, 0)) && !is_break)) {
    if (matchAt(_CONJUNCTION, after)) {
      return " ";
    }
    first = search(_PATTERN_1, part(before, -24));
    keeps = ((first == null) || _FIRST_PARTS.has(part(first[0], 0, -1).toLowerCase()) || search(_PATTERN_2, part(before, -24)));
    return (keeps ? "" : null);
  }
  if (_MARKS.includes(part(stripEnd(before, _CLOSERS), -1))) {
    return " ";
  }
  is_wrapped = (isAlnum(characterAt(after, 0)) && (length(before) >= _WRAPPED));
  return ((is_break || !(isLower(characterAt(after, 0)) || is_wrapped)) ? ". " : " ");
}
