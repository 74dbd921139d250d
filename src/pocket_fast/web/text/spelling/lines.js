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
} from "../python.js";
import { value } from "./roman.js";
import { take } from "./rules.js";

let _WRAPPED, _BULLET, _QUOTE, _CHECKBOX, _NUMBERED, _ROMAN, _LETTERED, _RULE, _FENCE, _DEFINITION, _NOTE, _ROW, _CLOSERS, _MARKS, _FIRST_PARTS, _CONJUNCTION, _PATTERN_1, _PATTERN_2;
take("lines", (own) => ([_WRAPPED, _BULLET, _QUOTE, _CHECKBOX, _NUMBERED, _ROMAN, _LETTERED, _RULE, _FENCE, _DEFINITION, _NOTE, _ROW, _CLOSERS, _MARKS, _FIRST_PARTS, _CONJUNCTION, _PATTERN_1, _PATTERN_2] = own));

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
