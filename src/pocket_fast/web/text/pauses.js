// A text with pauses -> what to speak and how long to be silent in between. As text/pauses.py.

import { TextError } from "../errors.js";
import { checkText } from "./prepare.js";
import { fullMatch, matchAt, strip, sub } from "./python.js";

export const MARKER = /\[pause:([0-9]+)(?:\.([0-9]+))?(ms|s)\]/g;
const PART_OF_MARKER = /\[pause:([0-9]*)(\.?)([0-9]*)(m?s?)/g;
const MARKER_OR_NATURAL = new RegExp(`${MARKER.source}|\\.{3,}|(?<![0-9]),|,(?![0-9])`, "g");
const DOTS_MS = 500;
const COMMA_MS = 200;
const WORDLESS_MS = 500;
const MOST_DIGITS = 15;
const SPOKEN_MARKS = "%&@§";
const SILENT_SIGNS = "|~∼～";
const LINE = /([^\p{L}\p{N}_\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000])\1\1+/gu;

/**
 * Cut `text` at its pause markers and, with `natural`, at `...` and commas.
 * @returns {(string | number)[]} what to speak, and silences in samples; no two of them in a row
 */
export function cutAtPauses(text, natural, sampleRate) {
  checkText(text);
  if (!strip(sub(MARKER, "", text)) && ![...text.matchAll(MARKER)].some(milliseconds)) {
    throw new TextError("the text to speak is blank; give at least one word");
  }
  const pauses = natural ? MARKER_OR_NATURAL : MARKER;
  if (text.search(pauses) < 0) return hasWords(text) ? [text] : [wordless(sampleRate)];
  text = sub(MARKER, (marker) => (milliseconds(marker) ? marker[0] : " "), text);
  const cut = [];
  let start = 0;
  for (const pause of text.matchAll(pauses)) {
    addSpeech(cut, text.slice(start, pause.index));
    addSilence(cut, Math.floor((milliseconds(pause) * sampleRate) / 1000));
    start = pause.index + pause[0].length;
  }
  addSpeech(cut, text.slice(start));
  return cut.length ? cut : [wordless(sampleRate)];
}

/** What is heard of a text with nothing to say in it, in samples. */
export const wordless = (sampleRate) => Math.floor((WORDLESS_MS * sampleRate) / 1000);

/** Whether there is anything to say in it: more than marks, emoji, and lines of one sign. */
export const hasWords = (text) => [...text.replace(LINE, "")].some(isSpoken);

function addSpeech(cut, piece) {
  if (hasWords(piece)) cut.push(strip(piece));
}

function addSilence(cut, samples) {
  if (typeof cut.at(-1) === "number") cut[cut.length - 1] += samples;
  else if (samples) cut.push(samples);
}

/** How long a match of MARKER (or a natural pause) lasts. */
export function milliseconds([all, whole, decimals, unit]) {
  if (unit === undefined) return all === "," ? COMMA_MS : DOTS_MS;
  if (whole.length > MOST_DIGITS) {
    throw new TextError(`a pause has ${whole.length} digits; at most ${MOST_DIGITS} are allowed`);
  }
  if (unit === "ms") return Number(whole);
  return Number(whole) * 1000 + Number((decimals ?? "").padEnd(3, "0").slice(0, 3));
}

/** Letters, digits and signs that have a name; not marks, quotes, brackets, blanks, controls, pictures (emoji). */
export function isSpoken(character) {
  if (/\p{So}/u.test(character)) {
    const code = character.codePointAt(0);
    return code < 0x2190 || (code >= 0x2460 && code < 0x2500) || (code >= 0x3200 && code < 0x3400);
  }
  if (/[\p{Sc}\p{Sm}]/u.test(character)) return !SILENT_SIGNS.includes(character);
  return /[\p{L}\p{N}]/u.test(character) || SPOKEN_MARKS.includes(character);
}

/** A marker at a place of a text; null; or undefined while more text could make one of it. */
export function markerAt(text, start) {
  const marker = matchAt(MARKER, text, start);
  if (marker) return marker;
  const rest = text.slice(start);
  return "[pause:".startsWith(rest.slice(0, 8)) || fullMatch(PART_OF_MARKER, rest) ? undefined : null;
}
