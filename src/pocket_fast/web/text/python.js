// What Python's str and re do, where JavaScript does something else. Spelling is translated from Python onto these.
//
// Patterns are global ones (/.../g): where a search begins is their lastIndex, which everything here sets first.

const SPACES = "\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000";
const START = new RegExp(`^[${SPACES}]+`);
const BLANKS = new RegExp(`[${SPACES}]+`);
const NOT_BLANK = new RegExp(`[^${SPACES}]`, "g");
const ONLY_SPACE = new RegExp(`^[${SPACES}]+$`);
const LINE_END = /\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]/;
const sticky = new WeakMap();
const whole = new WeakMap();

/** The listed words. */
export const words = (listed) => new Set(listed.split(" "));

// --- patterns ------------------------------------------------------------------------------------------

function again(cache, pattern, source, flags) {
  if (!cache.has(pattern)) cache.set(pattern, new RegExp(source, flags));
  return cache.get(pattern);
}

function from(pattern, text, start) {
  pattern.lastIndex = start;
  return pattern.exec(text);
}

/** The first match, or null. */
export function search(pattern, text, start = 0) {
  return from(pattern, text, start);
}

/** The match that begins at `start`, or null. */
export function matchAt(pattern, text, start = 0) {
  const { source, flags } = pattern;
  return from(again(sticky, pattern, source, flags.replace("g", "y")), text, start);
}

/** The match of all of the text, or null. */
export function fullMatch(pattern, text) {
  const { source, flags } = pattern;
  return from(again(whole, pattern, `^(?:${source})$`, flags.replace("g", "y")), text, 0);
}

export function findEach(pattern, text) {
  return [...text.matchAll(pattern)];
}

/** The texts of all matches; of group 1 if the pattern has one. */
export function findAll(pattern, text) {
  return findEach(pattern, text).map((match) => (match.length > 1 ? match[1] : match[0]));
}

/** Replaces all matches: by what a function makes of each, or by a text in which \1 is a group. */
export function sub(pattern, replacement, text) {
  if (typeof replacement === "string") {
    const plain = replacement;
    replacement = plain.includes("\\")
      ? (match) => plain.replace(/\\(\d)/g, (_, group) => match[group] ?? "")
      : () => plain;
  }
  pattern.lastIndex = 0;
  return text.replace(pattern, (...found) => {
    const at = found.findLastIndex((value) => typeof value === "number");
    const match = found.slice(0, at);
    match.index = found[at];
    match.input = text;
    return replacement(match);
  });
}

// --- strings -------------------------------------------------------------------------------------------

export const isAlpha = (text) => /^\p{L}+$/u.test(text);
export const isAlnum = (text) => /^[\p{L}\p{N}]+$/u.test(text);
export const isDecimal = (text) => /^\p{Nd}+$/u.test(text);
export const isSpace = (text) => ONLY_SPACE.test(text);
export const isAscii = (text) => /^[\x00-\x7f]*$/.test(text);
export const isUpper = (text) => /\p{Uppercase}/u.test(text) && !/[\p{Lowercase}\p{Lt}]/u.test(text);
export const isLower = (text) => /\p{Lowercase}/u.test(text) && !/[\p{Uppercase}\p{Lt}]/u.test(text);

/** Decimal digits, and the raised, lowered and encircled ones. */
export function isDigit(text) {
  return /^(?:\p{Nd}|[²³¹\u1369-\u1371\u19da⁰⁴-⁹₀-₉①-⑨⑴-⑼⒈-⒐⓪⓵-⓽⓿❶-❾➀-➈➊-➒]|[\u{10a40}-\u{10a43}\u{10e60}-\u{10e68}\u{11052}-\u{1105a}\u{1f100}-\u{1f10a}])+$/u.test(
    text,
  );
}

export function title(text) {
  return text.replace(/\p{L}+/gu, (word) => capitalize(word));
}

export function capitalize(text) {
  const [first = ""] = text;
  return first.toUpperCase() + text.slice(first.length).toLowerCase();
}

/** Without blanks, or any of `characters`, at its beginning and end. */
export function strip(text, characters) {
  return stripEnd(stripStart(text, characters), characters);
}

export function stripStart(text, characters) {
  if (characters === undefined) return text.replace(START, "");
  let start = 0;
  while (start < text.length && characters.includes(text[start])) start += 1;
  return text.slice(start);
}

export function stripEnd(text, characters) {
  let end = text.length;
  while (end > 0 && (characters === undefined ? isSpace(text[end - 1]) : characters.includes(text[end - 1]))) end -= 1;
  return text.slice(0, end);
}

/** Its words: what stands between blanks. */
export function splitBlanks(text) {
  const stripped = strip(text);
  return stripped ? stripped.split(BLANKS) : [];
}

export function splitOnce(text, mark) {
  const at = text.indexOf(mark);
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + mark.length)];
}

export function splitLines(text) {
  const lines = text.split(LINE_END);
  if (lines.at(-1) === "") lines.pop();
  return lines;
}

/** [what is before the first `mark`, it, what is after]; the text and two empty ones if there is none. */
export function partition(text, mark) {
  const [before, after] = splitOnce(text, mark);
  return after === undefined ? [text, "", ""] : [before, mark, after];
}

/** The same at the last `mark`; two empty ones and the text if there is none. */
export function partitionLast(text, mark) {
  const at = text.lastIndexOf(mark);
  return at < 0 ? ["", "", text] : [text.slice(0, at), mark, text.slice(at + mark.length)];
}

export const removePrefix = (text, start) => (text.startsWith(start) ? text.slice(start.length) : text);
export const removeSuffix = (text, end) => (text.endsWith(end) ? text.slice(0, text.length - end.length) : text);
export const endsWithAny = (text, ends) => ends.some((end) => text.endsWith(end));
export const count = (text, part) => text.split(part).length - 1;
export const translate = (text, map) => Array.from(text, (character) => map.get(character) ?? character).join("");

/** Whether a list or a text has an item in it, or a set or a Map. */
export function has(container, item) {
  return container.has ? container.has(item) : container.includes(item);
}

// --- characters, where one may be two halves -----------------------------------------------------------

export const length = (text) => [...text].length;

/** text[start:end] of whole characters, for numbers that are small. */
export function part(text, start, end) {
  const reach = 2 * Math.max(Math.abs(start), Math.abs(end ?? 0)) + 2;
  if (!/[\ud800-\udfff]/.test(text.slice(0, reach) + text.slice(-reach))) return text.slice(start, end);
  return [...text].slice(start, end).join("");
}

/** text[0] or text[-1] of whole characters. */
export function characterAt(text, index) {
  return index ? part(text, -1) : part(text, 0, 1);
}

// --- numbers and lists ---------------------------------------------------------------------------------

/** A whole number; a BigInt where it would not fit. */
export function int(digits) {
  return digits.length > 15 ? BigInt(digits) : Number(digits);
}

/** Digits in groups of three. */
export function grouped(digits) {
  return digits.replace(/\B(?=(?:\d{3})+$)/g, ",");
}

export function range(start, end, step = 1) {
  if (end === undefined) [start, end] = [0, start];
  return Array.from({ length: Math.max(0, Math.ceil((end - start) / step)) }, (_, i) => start + i * step);
}

export const pairwise = (items) => items.slice(1).map((item, i) => [items[i], item]);
export const subset = (some, all) => [...some].every((item) => all.has(item));
export const disjoint = (set, text) => ![...text].some((character) => set.has(character));

/** Where text goes on behind the blanks at `start`. */
export function afterBlanks(text, start) {
  NOT_BLANK.lastIndex = start;
  return NOT_BLANK.exec(text)?.index ?? text.length;
}
