// A long text -> chunks of whole sentences that the model can speak one at a time. As text/split.py.

import { ConfigError, TextError } from "../errors.js";
import { isSpoken } from "./pauses.js";
import { prepare } from "./prepare.js";
import { isDigit, splitBlanks, strip } from "./python.js";

const UNDECODABLE = "\ufffd";
const WINDOW = 8;

/** The chunks of `text`, each to be prepared again before it is spoken. */
export function split(text, tokenizer, maxTokens, rules) {
  if (!(maxTokens >= 1)) {
    throw new ConfigError(`max_tokens must be at least 1, got ${maxTokens}; 50 is the usual value`);
  }
  const prepared = strip(prepare(text, rules)[0]);
  const sentences = sentencesOf(prepared, tokenizer);
  const groups = rules.sentences_apart
    ? sentences.filter(([, sentence]) => [...sentence].some(isSpoken)).map((sentence) => [sentence])
    : [sentences];
  const chunks = groups.flatMap((group) => pack(shorten(group, tokenizer, maxTokens, rules.sentences_apart), maxTokens));
  if (!chunks.length) {
    throw new TextError(`the tokenizer finds nothing to speak in ${JSON.stringify(prepared.slice(0, 40))}`);
  }
  return chunks;
}

function sentencesOf(text, tokenizer) {
  const ids = tokenizer.encode(text);
  const cuts = afterMarks(ids, marks(tokenizer, ".!...?")).filter((cut) => !isInsideNumber(ids, cut, tokenizer.decode));
  return slices(ids, cuts, tokenizer);
}

/** [tokens, text] of the clauses of sentences that are too long; and of their words, with `betweenWords`. */
function shorten(sentences, tokenizer, maxTokens, betweenWords) {
  const clauseMarks = marks(tokenizer, ",;:");
  return sentences.flatMap(([count, sentence]) => {
    let clauses = [[count, sentence]];
    if (count > maxTokens) {
      const ids = tokenizer.encode(strip(sentence));
      const cuts = afterMarks(ids, clauseMarks);
      if (cuts.length) clauses = slices(ids, cuts, tokenizer);
    }
    return clauses.flatMap(([size, clause]) =>
      betweenWords && size > maxTokens
        ? splitBlanks(clause).map((word) => [tokenizer.encode(word).length, word])
        : [[size, clause]],
    );
  });
}

function pack(segments, maxTokens) {
  const packed = [];
  let parts = [];
  let total = 0;
  for (const [count, segment] of segments) {
    if (parts.length && total + count > maxTokens) {
      packed.push(strip(parts.join(" ")));
      [parts, total] = [[], 0];
    }
    if (parts.length || segment) {
      parts.push(segment);
      total += count;
    }
  }
  if (parts.length) packed.push(strip(parts.join(" ")));
  return packed;
}

// The first id is the bare word-start piece that the tokenizer puts before the text.
const marks = (tokenizer, written) => new Set(tokenizer.encode(written).slice(1));

/** Indices of the first token after each run of marks, so that `?!` and `....` stay together. */
function afterMarks(ids, marks) {
  const found = [];
  for (let i = 1; i < ids.length; i++) if (marks.has(ids[i - 1]) && !marks.has(ids[i])) found.push(i);
  return found;
}

function slices(ids, cuts, tokenizer) {
  const edges = [0, ...cuts, ids.length];
  return edges.slice(1).map((end, i) => [end - edges[i], tokenizer.decode(ids.slice(edges[i], end))]);
}

/** Whether decoded ids[:cut] ends in a digit and a period, and decoded ids[cut:] starts with a digit. */
function isInsideNumber(ids, cut, decode) {
  const left = lastTwo(ids, cut, decode);
  if (left.length < 2 || left[1] !== "." || !isDigit(left[0])) return false;
  return isDigit(first(ids, cut, decode));
}

function lastTwo(ids, cut, decode) {
  for (let size = WINDOW; ; size *= 2) {
    let start = Math.max(cut - size, 0);
    while (start > 0 && decode([ids[start]]).includes(UNDECODABLE)) start -= 1;
    const tail = [...decode(ids.slice(start, cut))].slice(-2);
    if (tail.length === 2 || start === 0) return tail;
  }
}

function first(ids, cut, decode) {
  for (let size = WINDOW; ; size *= 2) {
    let end = Math.min(cut + size, ids.length);
    while (end < ids.length && decode([ids[end]]).includes(UNDECODABLE)) end += 1;
    const [head = ""] = decode(ids.slice(cut, end));
    if (head || end === ids.length) return head;
  }
}
