// Text to speak -> text the model was trained on: one line, a capital, a final mark. As text/prepare.py.

import { TextError } from "../errors.js";
import { isUpper, splitBlanks, strip, stripEnd } from "./python.js";

const FINAL_MARKS = ".!?…";
const WEAK_MARKS = ",;:-–—";
const CLOSERS = "\"'”’)]»";
const MARK_THEN_WEAK = /(?<=[.!?…])[\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]*[,;:]/g;
const ONE_OR_TWO_BLANKS = /[ \n\r]{1,2}/g;
const SHORT_WORDS = 5;
const PADDING = " ".repeat(8);

/**
 * How the text of one model is prepared: `text_rules` of its bundle.
 * @typedef {object} TextRules
 * @property {boolean} pad_with_spaces_for_short_inputs
 * @property {boolean} remove_semicolons
 * @property {boolean} append_terminal_punctuation
 * @property {boolean} capitalize_first_letter
 * @property {Record<string, string>} replace_characters
 * @property {boolean} spell_out
 * @property {boolean} sentences_apart
 * @property {number} max_tokens
 */

/** `text` itself, if it is one that UTF-8 can hold; else TextError. */
export function checkText(text) {
  if (typeof text !== "string") throw new TextError(`the text to speak must be a string, got ${typeof text}`);
  const lone = /\p{Surrogate}/u.exec(text);
  if (lone) {
    const code = lone[0].charCodeAt(0).toString(16).toUpperCase();
    throw new TextError(
      `the text holds a lone surrogate (U+${code}) at character ${[...text.slice(0, lone.index)].length};` +
        " read it as UTF-8 or replace that character",
    );
  }
  return text;
}

/**
 * One text, or one chunk of it, ready for the tokenizer.
 * @returns {[string, number]} it, and how many frames to speak on after the end of speech, by the number of words
 */
export function prepare(text, rules) {
  text = strip(checkText(text));
  text = replaced(text, rules.replace_characters);
  if (!text) throw new TextError("the text to speak is blank; give at least one word");
  text = text.replace(ONE_OR_TWO_BLANKS, " ");
  if (rules.remove_semicolons) text = text.replaceAll(";", ",");
  const guess = splitBlanks(text).length < SHORT_WORDS ? 3 : 1;
  if (rules.capitalize_first_letter) {
    const [first] = text;
    text = (isUpper(first) ? first : first.toUpperCase()) + text.slice(first.length);
  }
  if (rules.append_terminal_punctuation) text = endSentence(text);
  if (rules.pad_with_spaces_for_short_inputs && splitBlanks(text).length < SHORT_WORDS) text = PADDING + text;
  return [text, guess];
}

/** Whether nothing is left of it once characters are replaced. */
export const vanishes = (text, rules) => !replaced(strip(text), rules.replace_characters);

function replaced(text, mapping) {
  if (Object.keys(mapping).length === 0) return text;
  const mapped = Array.from(text, (character) => (Object.hasOwn(mapping, character) ? mapping[character] : character));
  return splitBlanks(mapped.join("")).join(" ").replace(MARK_THEN_WEAK, "");
}

/** A final period where the last word has none; without it that word is often spoken badly. */
function endSentence(text) {
  const core = stripEnd(text, `${CLOSERS} `);
  const last = core.at(-1);
  if (!last || FINAL_MARKS.includes(last)) return text;
  if (!WEAK_MARKS.includes(last)) return `${text}.`;
  return `${stripEnd(core, `${WEAK_MARKS} `)}.${strip(text.slice(core.length))}`;
}
