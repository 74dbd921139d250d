// Made by tools/make_web_spelling.py of text/spelling/spoken.py: change that, and run it again.

import { isUpper, matchAt, words } from "../python.js";

export const START = "\x02";
export const END = "\x03";
const _OPENERS = words("A An And Are As At But By Can Come Could Did Do Does For From Give Go Had Has Have He Her Here His How However I I'd I'll I'm I've If In Is It It's Its Let Let's Many May Maybe Most My No Not Nothing Now Of On Once One Or Our Perhaps Please Shall She Should Since So Some Soon Still That That's The Their Then There There's These They This Those Though Thus To Today Tomorrow Two Was We Well Were What When Where Which While Who Whose Why Will With Would Yes Yet You Your");
const _NEXT = /["')\]\x03]{0,4}( ?)["'(\[]{0,4}([A-Za-z][A-Za-z']{0,20})?([^\n]?)/g;

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
