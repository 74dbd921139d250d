// Made by tools/make_web_spelling.py of text/spelling/capitals.py: change that, and run it again.

import {
  capitalize,
  endsWithAny,
  findAll,
  findEach,
  fullMatch,
  has,
  isUpper,
  partition,
  removeSuffix,
  search,
  sub,
  title,
} from "../python.js";
import {
  ALSO_WORDS,
  COUNTABLE,
  NAMES,
  READ_AS,
  SHORT,
  SHORT_AMONG_OTHERS,
  SMALL_SOUNDS,
  SOUNDS,
  SPELLED,
} from "./acronyms.js";
import { cardinal } from "./cardinal.js";
import { LETTERS, is_glued, letters, single_letter } from "./initials.js";
import { is_surely_roman, value } from "./roman.js";
import { take } from "./rules.js";
import { is_speakable } from "./speakable.js";
import { END, START, said } from "./spoken.js";

let _PIECE, _TOKEN, _CAPITALS, _HYPHENED, _PREFIXES, _CONTRACTED, _AFTER_THE_TRADE, _BEFORE_THE_COUNTRY, _AFTER_THE_COUNTRY, _MIXED, _LOWER_THEN_UPPER, _HUMP, _UNSPEAKABLE, _AFTER_SIGN, _SURNAME, _SHOUTED_ENDING, _READ_MIXED, _MIXED_NAME, _PATTERN_1, _PATTERN_2;
take("capitals", (own) => ([_PIECE, _TOKEN, _CAPITALS, _HYPHENED, _PREFIXES, _CONTRACTED, _AFTER_THE_TRADE, _BEFORE_THE_COUNTRY, _AFTER_THE_COUNTRY, _MIXED, _LOWER_THEN_UPPER, _HUMP, _UNSPEAKABLE, _AFTER_SIGN, _SURNAME, _SHOUTED_ENDING, _READ_MIXED, _MIXED_NAME, _PATTERN_1, _PATTERN_2] = own));

export function part_capitals(text) {
  text = sub(_MIXED_NAME, (m) => said(_READ_MIXED.get(m[0])), text);
  text = sub(_MIXED, _humps, text);
  text = sub(_SHOUTED_ENDING, (m) => m[0].toLowerCase(), text);
  text = sub(_LOWER_THEN_UPPER, (m) => said(LETTERS.get(m[0].toUpperCase())), text);
  return sub(_AFTER_SIGN, (m) => said((LETTERS.get(m[1]) + "s")), text);
}

export function say_capitals(text) {
  text = sub(_UNSPEAKABLE, (m) => (!SMALL_SOUNDS.has(m[0]) ? said(letters(m[0])) : m[0]), text);
  return sub(_PIECE, _sentence, text);
}

function _humps(found) {
  let word;
  word = found[0];
  if ((isUpper(word) || (isUpper(word.slice(0, -1)) && (word.at(-1) === "s")))) {
    return word;
  }
  if (fullMatch(_SURNAME, word)) {
    return capitalize(word);
  }
  return (READ_AS.has(word.toUpperCase()) ? said(READ_AS.get(word.toUpperCase())) : [...findAll(_HUMP, word)].join(" "));
}

function _sentence(piece) {
  let contexts, is_at_mark;
  is_at_mark = ((piece.index + piece[0].length) < piece.input.length);
  contexts = (search(_PATTERN_1, piece[0]) ? _contexts(piece[0]) : new Map([]));
  return sub(_CAPITALS, (word) => _capitals(word, contexts.get(word.index), is_at_mark), piece[0]);
}

function _contexts(piece) {
  let index, is_alone, stretches, token, tokens, words;
  tokens = [...findEach(_TOKEN, piece)].filter((token) => (token[0][0] !== START));
  stretches = [[]];
  for ([index, token] of [...tokens.entries()]) {
    if (isUpper(_base(token[0]))) {
      stretches.at(-1).push(index);
    } else if (stretches.at(-1).length) {
      stretches.push([]);
    }
  }
  is_alone = ((tokens.length === 1) && !has(piece, START));
  words = ["", ...[...tokens].map((token) => token[0].toUpperCase()), ""];
  return new Map([...stretches].flatMap((stretch) => [(is_alone || ((stretch.length > 1) && [...stretch].some((i) => _is_word(tokens[i][0]))))].flatMap((shouted) => [...stretch].map((index) => [tokens[index].index, [shouted, words[index], words[(index + 2)]]]))));
}

function _base(word) {
  return ((word.length > 2) ? sub(_PATTERN_2, "", word) : word);
}

function _is_word(written) {
  let word;
  if (((written === "I") || endsWithAny(written, ["'T", "'RE", "'LL", "'VE", "'M", "'D"]))) {
    return true;
  }
  word = partition(written, "'")[0];
  if (SHORT.has(word)) {
    return true;
  }
  return ((word.length > 2) && !(SPELLED.has(word) || ALSO_WORDS.has(word) || NAMES.has(word) || READ_AS.has(word)) && is_speakable(word.toLowerCase()));
}

function _capitals(found, context, is_at_mark) {
  let after, apostrophe, base, before, behind, end, glued, hyphened, shouted, start, suffix, text, words;
  if (found[1]) {
    return single_letter(found, is_at_mark);
  }
  [shouted, before, after] = (context || [false, "", ""]);
  [base, apostrophe, suffix] = partition(found[0], "'");
  if ((base.length === 1)) {
    return said(_joined(base, suffix));
  }
  if ((_CONTRACTED.includes(suffix) || ((base === "IT") && (suffix === "S")))) {
    return said(found[0].toLowerCase());
  }
  [text, start, behind] = [found.input, found.index, (found.index + found[0].length)];
  glued = (is_glued(found) || (text.slice(behind, (behind + 2)) === `-${START}`));
  hyphened = fullMatch(_HYPHENED, ((text.slice(Math.max(0, (start - 3)), start) + " ") + text.slice(behind, (behind + 3))));
  end = ((base.at(-1) === "s") ? "s" : "");
  if ((hyphened && _PREFIXES.includes(base))) {
    words = base.toLowerCase();
  } else {
    shouted = ((shouted || Boolean(hyphened)) && !((base === "AM") && (text.slice((start - 2), start) === `${END} `)));
    words = (_as_word(removeSuffix(base, "s"), shouted, glued, before, after) + end);
  }
  return said((words + (apostrophe + suffix).toLowerCase()));
}

function _joined(letter, rest) {
  if ((letter === "I")) {
    return `I'${rest.toLowerCase()}`;
  }
  if (((letter === "Y") || (rest === "CLOCK"))) {
    return `${letter}'${rest}`.toLowerCase();
  }
  return `${letter}'${capitalize(rest)}`;
}

function _as_word(capitals, shouted, glued, before, after) {
  let is_word;
  if (READ_AS.has(capitals)) {
    return READ_AS.get(capitals);
  }
  if (is_surely_roman(capitals)) {
    return cardinal(value(capitals));
  }
  if (NAMES.has(capitals)) {
    return title(capitals);
  }
  if (SOUNDS.has(capitals)) {
    return capitals.toLowerCase();
  }
  if ((capitals.length === 2)) {
    is_word = (!glued && (SHORT.has(capitals) || (shouted && SHORT_AMONG_OTHERS.has(capitals))));
  } else if ((capitals === "WHO")) {
    is_word = (shouted || !["THE", "BY", "AT"].includes(before));
  } else if (((capitals.at(-1) === "S") && COUNTABLE.has(capitals.slice(0, -1)))) {
    return (letters(capitals.slice(0, -1)) + "s");
  } else {
    is_word = ((shouted || !ALSO_WORDS.has(capitals)) && !SPELLED.has(capitals) && is_speakable(capitals.toLowerCase()));
  }
  if (((capitals === "US") && is_word)) {
    is_word = (Boolean(before) && !_BEFORE_THE_COUNTRY.has(before) && !_AFTER_THE_COUNTRY.has(after));
  }
  if (((capitals === "IT") && is_word)) {
    is_word = !_AFTER_THE_TRADE.has(after);
  }
  return (is_word ? capitals.toLowerCase() : letters(capitals));
}
