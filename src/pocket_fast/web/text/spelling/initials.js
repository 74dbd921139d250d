// Made by tools/make_web_spelling.py of text/spelling/initials.py: change that, and run it again.

import { matchAt, search, strip, sub } from "../python.js";
import { take } from "./rules.js";
import { END, START, ends_sentence, said } from "./spoken.js";

let _DOTTED, _INITIAL, _INITIAL_BEFORE, _THING_BEFORE, _AFTER_LETTER;
export let LETTERS;
take("initials", (own) => ([LETTERS, _DOTTED, _INITIAL, _INITIAL_BEFORE, _THING_BEFORE, _AFTER_LETTER] = own));

export function say_initials(text) {
  return sub(_INITIAL, _initial, sub(_DOTTED, _dotted, text));
}

export function letters(word) {
  return [...[...word.toUpperCase()].map((letter) => LETTERS.get(letter))].join(" ");
}

export function single_letter(found, is_at_mark) {
  let end, is_last, is_thing, letter, named, start, suffix, text;
  [letter, suffix] = [found[1], found[2]];
  [text, start, end] = [found.input, found.index, (found.index + found[0].length)];
  named = (Boolean(suffix) || is_glued(found));
  if (("Ii".includes(letter) && !named)) {
    return "I";
  }
  if (((letter === "a") && !named)) {
    return letter;
  }
  if (((letter === "A") && !named)) {
    is_last = ((end === text.length) && (is_at_mark || (start > 0)));
    is_thing = search(_THING_BEFORE, text.slice(Math.max(0, (start - 12)), start));
    if (!(is_last || is_thing || matchAt(_AFTER_LETTER, text, end))) {
      return (strip(text.slice(Math.max(0, (start - 2)), start)) ? "a" : letter);
    }
  }
  return said((LETTERS.get(letter.toUpperCase()) + (suffix || "").toLowerCase()));
}

export function is_glued(found) {
  let text;
  text = found.input;
  return ([END, START].includes(text.slice((found.index - 1), found.index)) || (text.slice((found.index + found[0].length), ((found.index + found[0].length) + 1)) === START));
}

function _dotted(found) {
  let stop;
  stop = (found[0].endsWith(".") && ends_sentence(found.input, (found.index + found[0].length)));
  return (said(letters(found[0].split(".").join(""))) + (stop ? "." : ""));
}

function _initial(found) {
  let before, text;
  text = found.input;
  before = text.slice(Math.max(0, (found.index - 12)), found.index);
  if ((ends_sentence(text, (found.index + 2)) || search(_THING_BEFORE, before))) {
    return found[0];
  }
  if (((found[1] === "I") && !search(_INITIAL_BEFORE, before))) {
    return found[0];
  }
  return (said(letters(found[1])) + " ");
}
