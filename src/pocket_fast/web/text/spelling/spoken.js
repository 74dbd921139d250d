// Made by tools/make_web_spelling.py of text/spelling/spoken.py: change that, and run it again.

import { isUpper, matchAt } from "../python.js";
import { take } from "./rules.js";

let _OPENERS, _NEXT;
export let START, END;
take("spoken", (own) => ([START, END, _OPENERS, _NEXT] = own));

export function said(words) {
  return `${START}${words}${END}`;
}

export function ends_sentence(text, at, any_capital = false) {
  let after, blank, initial, word;
  [blank, word, after] = matchAt(_NEXT, text, at).slice(1);
  if (!word) {
    return !after;
  }
  if (!(blank && isUpper(word[0]))) {
    return false;
  }
  initial = ((after === ".") && (word.length === 1));
  return (any_capital || (_OPENERS.has(word) && !initial));
}
