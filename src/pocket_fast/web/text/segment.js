// A text -> pieces of a vocabulary: the best path of a unigram model, merges, or single characters.
//
// Each gives strings; what is no piece is one character, and judged by whoever asked.

/** Where characters begin, and the end. */
function edges(text) {
  const found = [];
  for (let i = 0; i < text.length; i += text.codePointAt(i) > 0xffff ? 2 : 1) found.push(i);
  found.push(text.length);
  return found;
}

/**
 * The path with the highest sum of scores.
 * scores: Map from pieces to numbers; longest: characters of the longest; unknown: the score of a character that is no
 * piece; round: how sums are rounded (sentencepiece adds in float32, tokenizers in double).
 */
export function bestPath(text, { scores, longest, unknown, round }) {
  const at = edges(text);
  const last = at.length - 1;
  const best = new Float64Array(last + 1);
  const from = new Int32Array(last + 1).fill(-1);
  const reach = (end, start, score) => {
    const sum = round(score + best[start]);
    if (from[end] < 0 || sum > best[end]) {
      best[end] = sum;
      from[end] = start;
    }
  };
  for (let start = 0; start < last; start++) {
    let single = false;
    for (let end = start + 1; end <= last && end - start <= longest; end++) {
      const score = scores.get(text.slice(at[start], at[end]));
      if (score === undefined) continue;
      reach(end, start, score);
      single ||= end === start + 1;
    }
    if (!single) reach(start + 1, start, unknown);
  }
  const pieces = [];
  for (let end = last; end > 0; end = from[end]) pieces.push(text.slice(at[from[end]], at[end]));
  return pieces.reverse();
}

/** Single characters. */
export const characters = (text) => [...text];

/**
 * Neighbours become one as long as there is a pair that may: the pair of the lowest rank first, then the leftmost.
 * rank(left, right): a number, or undefined where two do not become one.
 */
export function merged(text, rank) {
  const pieces = [...text];
  const next = pieces.map((_, i) => i + 1);
  const before = pieces.map((_, i) => i - 1);
  const heap = new Heap();
  const offer = (left) => {
    const right = next[left];
    if (left < 0 || right >= pieces.length) return;
    const value = rank(pieces[left], pieces[right]);
    if (value !== undefined) heap.push([value, left, pieces[left], pieces[right]]);
  };
  for (let i = 0; i < pieces.length - 1; i++) offer(i);
  for (let found = heap.pop(); found; found = heap.pop()) {
    const [, left, a, b] = found;
    const right = next[left];
    if (pieces[left] !== a || right >= pieces.length || pieces[right] !== b) continue; // one of them has become more
    pieces[left] = a + b;
    pieces[right] = null;
    next[left] = next[right];
    if (next[right] < pieces.length) before[next[right]] = left;
    offer(before[left]);
    offer(left);
  }
  return pieces.filter((piece) => piece !== null);
}

/** The smallest first, by rank and then by place. */
class Heap {
  #items = [];

  push(item) {
    const items = this.#items;
    let at = items.length;
    items.push(item);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBefore(item, items[parent])) break;
      items[at] = items[parent];
      at = parent;
    }
    items[at] = item;
  }

  pop() {
    const items = this.#items;
    const first = items[0];
    const item = items.pop();
    if (items.length === 0) return first;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= items.length) break;
      if (child + 1 < items.length && isBefore(items[child + 1], items[child])) child += 1;
      if (!isBefore(items[child], item)) break;
      items[at] = items[child];
      at = child;
    }
    items[at] = item;
    return first;
  }
}

const isBefore = (a, b) => a[0] < b[0] || (a[0] === b[0] && a[1] < b[1]);

/** Bytes -> text; every byte that is no part of a character is U+FFFD, as in sentencepiece. */
export function textOfBytes(bytes) {
  let text = "";
  for (let i = 0; i < bytes.length; ) {
    const size = characterSize(bytes, i);
    text += size ? decoder.decode(bytes.subarray(i, i + size)) : "\ufffd";
    i += size || 1;
  }
  return text;
}

/** Bytes of the character at `at`, 0 if there is none. */
function characterSize(bytes, at) {
  const size = bytes[at] < 0x80 ? 1 : bytes[at] < 0xe0 ? 2 : bytes[at] < 0xf0 ? 3 : 4;
  if (at + size > bytes.length) return 0;
  try {
    return strict.decode(bytes.subarray(at, at + size)).length ? size : 0;
  } catch {
    return 0;
  }
}

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
