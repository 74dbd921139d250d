// Made by tools/make_web_spelling.py of text/spelling/symbols.py: change that, and run it again.

import { has, sub } from "../python.js";
import { take } from "./rules.js";
import { said } from "./spoken.js";

let _SYMBOLS, _OR, _COMPOUND, _SYMBOL;
take("symbols", (own) => ([_SYMBOLS, _OR, _COMPOUND, _SYMBOL] = own));

export function say_symbols(text) {
  let pattern, words;
  if (has(text, "/")) {
    text = sub(_OR, (pair) => pair[0].split("/").join(" or "), text);
  }
  for ([pattern, words] of _COMPOUND) {
    text = sub(pattern, words, text);
  }
  return sub(_SYMBOL, (symbol) => said(_SYMBOLS.get(symbol[0])), text);
}
