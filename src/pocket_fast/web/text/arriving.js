// Text that arrives piece by piece, as a language model emits it -> passages that may be spoken already.
// The rules and their reasons are those of text/arriving.py.

import { TextError } from "../errors.js";
import { MARKER, hasWords, isSpoken, markerAt, milliseconds } from "./pauses.js";
import { checkText } from "./prepare.js";
import {
  afterBlanks,
  count,
  fullMatch,
  isAlnum,
  isAlpha,
  isDigit,
  isLower,
  isSpace,
  length,
  matchAt,
  search,
  strip,
  sub,
  words,
} from "./python.js";

const GROWTH = 3;
const PATIENCE = 60;
const SLICE = 10_000;
const WRAPPED = 50;
const LEAST = 12;
const CLAUSE_LENGTH = 40;

const SPACE_CLASS = "\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000";
const ENDS = ".!?…‽؟۔।॥።։";
const TIGHT_ENDS = "。！？｡";
const TIGHT_CLAUSES = "，、；：—";
const MARKS = `${ENDS}${TIGHT_ENDS},;:،؛，、；：`;
const CANDIDATE = new RegExp(
  `[${SPACE_CLASS}]{1,64}|\\[|[${ENDS}]{1,64}|[${TIGHT_ENDS}]{1,64}|[,;:،؛–\\-]{1,64}|[${TIGHT_CLAUSES}]{1,64}`,
  "g",
);
const CLOSERS = new RegExp(`(?:["'”’“)\\]}»«›‹*_\`」』）】]|[ \\xa0\\u202f][»›](?=[${SPACE_CLASS}.,;:!?…)])){0,64}`, "g");
const OPENERS = /["'“”„‘’«»‹›({¿¡*_`]{0,64}/g;
const FEW_BLANKS = new RegExp(`[${SPACE_CLASS}]{0,64}`, "g");
const DIGITS = /[0-9]+/g;
const LAST_WORD = new RegExp(`[^${SPACE_CLASS}"'“„‘’«»(\\[{/*_–—\\-]*$`, "g");
const ROMAN = /[IVXLC]+/g;
const ABBREVIATIONS = words(
  "Mr Mrs Ms Mx Dr Prof Rev Hon Gen Col Maj Capt Cpt Lt Sgt Cpl Adm Gov Sen Rep Pres St Mt Ft Jr Sr " +
    "Inc Ltd Co Corp Bros Dept Univ vs cf ca approx incl excl resp al " +
    "Hr Hrn Fr Dipl Ing Mio Mrd Tsd Str Abs bzw bspw bzgl evtl ggf inkl sog vgl zzgl v.Chr n.Chr " +
    "MM Mme Mmes Mlle Me Mgr Ste env ex " +
    "Sra Srta Sres Dra Dña Ud Uds Vd Lic Gral Av Avda EE ej aprox " +
    "Sig Sigg Sig.ra Sig.na Dott Dott.ssa Prof.ssa Avv Arch Geom Rag On cfr " +
    "Profa Exmo Exma Exa Eng " +
    "dhr Dhr mevr Mevr mw Mw dr drs ir ing mr prof bijv bv evt zgn " +
    "MR MRS MS DR PROF REV GEN COL CAPT LT SGT GOV SEN REP ST MT FT JR SR VS",
);

// What ends at a place; the later ones end the earlier ones too.
const [NOTHING, SPACE, CLAUSE, SENTENCE, PARAGRAPH, PAUSE] = [0, 1, 2, 3, 4, 5];

/** Gathers the pieces of one text. */
class Arriving {
  #text = ""; // from the beginning of the next passage
  #column = 0; // of that beginning, in its line
  #growth = 1;
  #isFirst = true; // nothing was said before
  #at = 0; // what is before has been judged
  #speaks = false;
  #lastClause = 0; // where it could be cut if need be
  #isNumber = false; // whether more digits at its end tell nothing

  /** The passages that are complete now, in order. null and undefined, which clients of language models give where
   * there is no text, are none. */
  push(piece) {
    if (piece == null) return [];
    checkText(piece);
    const passages = [];
    for (const part of slicesOf(piece)) {
      this.#text += part;
      if (this.#isNumber && fullMatch(DIGITS, part)) continue;
      if (this.#at === 0) this.#drop(0);
      for (let cut = this.#findCut(); cut; cut = this.#findCut()) {
        passages.push(strip(this.#text.slice(0, cut)));
        this.#isFirst = false;
        this.#drop(cut);
        this.#growth = Math.min(this.#growth + 1, GROWTH);
      }
    }
    return passages;
  }

  /** What is left: one passage, or none if nothing in it can be spoken and other passages came before it. */
  finish() {
    const rest = strip(this.#text);
    const isAll = this.#isFirst;
    this.#begin();
    const said = sub(MARKER, "", rest);
    return hasWords(said) || (isAll && strip(said)) ? [rest] : [];
  }

  /** As finish, for a text whose writer failed: only what is whole of the rest, up to the end of a sentence. */
  breakOff() {
    const ends = places(`${this.#text}\n`).filter(([, kind]) => kind >= SENTENCE);
    this.#text = this.#text.slice(0, Math.max(0, ...ends.map(([at]) => at)));
    return this.finish();
  }

  #begin() {
    this.#text = "";
    this.#column = 0;
    this.#growth = 1;
    this.#isFirst = true;
    this.#drop(0);
  }

  #drop(cut) {
    const next = afterBlanks(this.#text, cut);
    this.#column = column(this.#text, next, this.#column);
    this.#text = this.#text.slice(next);
    this.#at = 0;
    this.#speaks = false;
    this.#lastClause = 0;
    this.#isNumber = false;
  }

  /** The end of the first passage, or 0 if that has not arrived yet. */
  #findCut() {
    this.#isNumber = false;
    const least = LEAST * this.#growth;
    const clause = CLAUSE_LENGTH * this.#growth;
    const enough = { [SPACE]: clause + PATIENCE, [CLAUSE]: clause, [SENTENCE]: least, [PARAGRAPH]: 0 };
    for (let found = search(CANDIDATE, this.#text, this.#at); found; found = search(CANDIDATE, this.#text, this.#at)) {
      const start = found.index;
      this.#speaks ||= [...this.#text.slice(this.#at, start)].some(isSpoken);
      this.#at = start;
      const judged = judge(this.#text, found, this.#column);
      if (!judged) {
        this.#isNumber = "0123456789".includes(this.#text.at(-1));
        return 0;
      }
      let kind;
      [kind, this.#at] = judged;
      if (kind === PAUSE) return this.#at;
      if (kind === NOTHING || !this.#speaks) continue;
      const reached = length(this.#text.slice(0, this.#at));
      if (reached >= enough[kind]) return kind === SPACE ? this.#lastClause || this.#at : this.#at;
      if (kind === CLAUSE && reached >= least) this.#lastClause = this.#at;
    }
    this.#speaks ||= [...this.#text.slice(this.#at)].some(isSpoken);
    this.#at = this.#text.length;
    return 0;
  }
}

/**
 * The passages of a text that arrives in `pieces`, each as soon as it is complete. What the pieces throw is thrown
 * after the sentences that were whole before it.
 * @param {AsyncIterable<string> | Iterable<string>} pieces
 */
export async function* passages(pieces) {
  const arriving = new Arriving();
  try {
    for await (const piece of pieces) yield* arriving.push(piece);
  } catch (error) {
    yield* arriving.breakOff();
    throw error;
  }
  yield* arriving.finish();
}

/** Where a text that is all there may be cut: [index, what ends there]. */
function places(text) {
  const found = [];
  let at = 0;
  for (let candidate = search(CANDIDATE, text, at); candidate; candidate = search(CANDIDATE, text, at)) {
    const judged = judge(text, candidate, 0);
    if (!judged) break;
    const [kind, end] = judged;
    at = end;
    if (kind >= SPACE && kind <= PARAGRAPH) found.push([at, kind]);
  }
  return found;
}

/** Parts of at most SLICE characters. */
function* slicesOf(piece) {
  if (piece.length <= SLICE) return yield piece;
  const all = [...piece];
  for (let start = 0; start < all.length; start += SLICE) yield all.slice(start, start + SLICE).join("");
}

/** The character that begins at a place, and the one that ends there; "" where there is none. */
const after = (text, at) => (at < text.length ? String.fromCodePoint(text.codePointAt(at)) : "");
const before = (text, at) => [...text.slice(Math.max(0, at - 2), at)].at(-1) ?? "";

/** [what ends at a candidate, where exactly]; null while that depends on what comes next. */
function judge(text, found, firstColumn) {
  if (found[0] === "[") return judgeBracket(text, found.index);
  return isSpace(found[0]) ? judgeBlank(text, found, firstColumn) : judgeMark(text, found);
}

function judgeBracket(text, start) {
  const marker = markerAt(text, start);
  if (marker) return [lasts(marker) ? PAUSE : NOTHING, start + marker[0].length];
  return marker === undefined ? null : [NOTHING, start + 1];
}

/** Characters before `place` in its line, if there are `first` before `text`. */
function column(text, place, first) {
  const newline = place ? text.lastIndexOf("\n", place - 1) : -1;
  return newline < 0 ? first + length(text.slice(0, place)) : length(text.slice(newline + 1, place));
}

function judgeBlank(text, found, firstColumn) {
  const [blank] = found;
  const start = found.index;
  const end = start + blank.length;
  if (count(blank, "\n") > 1) return [PARAGRAPH, end];
  if (end === text.length) return null;
  const [left, right] = [before(text, start), after(text, end)];
  const isNewline = blank.includes("\n");
  if (right === "[") return beforeBracket(text, end, isNewline ? SENTENCE : NOTHING, end);
  if (isNewline && !isLower(right)) {
    const isWrapped = isAlnum(right) && column(text, start, firstColumn) >= WRAPPED;
    if (!isWrapped) return [SENTENCE, end];
  }
  const isBetweenWords = isAlnum(left) && isAlnum(right) && !(isDigit(left) && isDigit(right));
  return [isBetweenWords && strip(blank, "\u00a0\u202f") ? SPACE : NOTHING, end];
}

function judgeMark(text, found) {
  const [mark] = found;
  const start = found.index;
  const ending = (pattern, at) => at + matchAt(pattern, text, at)[0].length;
  const end = ending(CLOSERS, start + mark.length);
  const blankEnd = ending(FEW_BLANKS, end);
  const letter = ending(OPENERS, blankEnd);
  const newline = text.slice(end, blankEnd).includes("\n");
  if (letter === text.length && !newline) return null;
  const isTight = (TIGHT_ENDS + TIGHT_CLAUSES).includes(mark[0]);
  const isDash = !strip(mark, "-–—");
  let kind = (ENDS + TIGHT_ENDS).includes(mark[0]) ? SENTENCE : CLAUSE;
  if (
    (end === blankEnd && !isTight) ||
    (mark === "." && isAbbreviation(text, start)) ||
    (isDash && !isTight && !isSpace(text.slice(Math.max(0, start - 1), start))) // `Vor- und Nachteile`
  ) {
    return [NOTHING, end];
  }
  if (newline) return [kind, end];
  if (text[blankEnd] === "[") return beforeBracket(text, blankEnd, kind, end);
  const next = after(text, letter);
  if (
    MARKS.includes(text[blankEnd]) || // `. . .`, `? !`
    (mark === "." && (isDigit(next) || isOrdinal(text, start))) ||
    (isDash && isDigit(next))
  ) {
    return [NOTHING, end];
  }
  if (isLower(next) && !isTight) kind = CLAUSE;
  return [kind, end];
}

/** A pause belongs to what it follows: speech fades out before it. */
function beforeBracket(text, bracket, kind, end) {
  const marker = markerAt(text, bracket);
  if (marker) return [lasts(marker) ? NOTHING : kind, end];
  return marker === undefined ? null : [kind, end];
}

function lasts(marker) {
  try {
    return milliseconds(marker) > 0;
  } catch (error) {
    if (error instanceof TextError) return true; // absurdly long; whoever plans the passage says so
    throw error;
  }
}

/** Whether the word before `period` is known as one, an initial, or of the form `U.S` and `z.B`. */
function isAbbreviation(text, period) {
  const word = wordBefore(text, period);
  if (ABBREVIATIONS.has(word)) return true;
  const parts = word.split(".");
  return parts.every(isAlpha) && Math.max(...parts.map(length)) <= Math.min(parts.length, 2);
}

function isOrdinal(text, period) {
  const word = wordBefore(text, period);
  return (isDigit(word) && length(word) <= 2) || Boolean(fullMatch(ROMAN, word));
}

const wordBefore = (text, end) => search(LAST_WORD, [...text.slice(Math.max(0, end - 48), end)].slice(-24).join(""))[0];
