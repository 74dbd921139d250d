// SentencePiece .model files: unigram and merged (BPE) pieces and single characters, with byte pieces or without.
//
// No normalisation beyond blanks is known: a file with a map of characters, or with anything else that would change
// ids, is refused.

import { bestPath, characters, merged, textOfBytes } from "./segment.js";

const WORD_START = "▁";
const UNKNOWN_PENALTY = 10;
const UNIGRAM = 1;
const BPE = 2;
const CHAR = 4;
const [NORMAL, UNKNOWN, CONTROL, , , BYTE] = [1, 2, 3, 4, 5, 6];

/** @param {Uint8Array} bytes */
export function openSentencePiece(bytes) {
  return new SentencePiece(readModel(bytes));
}

class SentencePiece {
  #model;
  #ids = new Map(); // of pieces that text can become
  #bytes = new Map(); // byte -> id
  #cut;

  constructor(model) {
    this.#model = model;
    const scores = new Map();
    model.pieces.forEach(({ piece, type, score }, id) => {
      if (type === NORMAL) {
        this.#ids.set(piece, id);
        scores.set(piece, score);
      } else if (type === BYTE) this.#bytes.set(parseInt(piece.slice(3, 5), 16), id);
    });
    const all = [...scores.values()];
    const lowest = all.reduce((a, b) => Math.min(a, b), Infinity);
    const unigram = {
      scores,
      longest: Math.max(...[...scores.keys()].map((piece) => [...piece].length)),
      unknown: Math.fround(lowest - UNKNOWN_PENALTY),
      round: Math.fround,
    };
    const rank = (left, right) => {
      const score = scores.get(left + right);
      return score === undefined ? undefined : -score;
    };
    this.#cut = {
      [UNIGRAM]: (text) => bestPath(text, unigram),
      [BPE]: (text) => merged(text, rank),
      [CHAR]: characters,
    }[model.type];
    this.pieces = model.pieces.length;
    this.encode = this.encode.bind(this);
    this.decode = this.decode.bind(this);
  }

  encode(text) {
    const ids = [];
    let wasUnknown = false;
    for (const piece of this.#cut(this.#normalised(text))) {
      const id = this.#ids.get(piece);
      if (id !== undefined) ids.push(id);
      else if (this.#model.byteFallback) ids.push(...this.#spelled(piece));
      else if (!wasUnknown) ids.push(this.#model.unknownId);
      wasUnknown = id === undefined;
    }
    return ids;
  }

  decode(ids) {
    let text = "";
    let run = []; // bytes of characters
    let atStart = true;
    const flush = () => {
      text += textOfBytes(Uint8Array.from(run));
      if (run.length) atStart = false;
      run = [];
    };
    for (const id of ids) {
      const { piece, type } = this.#model.pieces[id];
      if (type === BYTE) {
        run.push(parseInt(piece.slice(3, 5), 16));
        continue;
      }
      flush();
      if (type === CONTROL) continue;
      let words = type === UNKNOWN ? this.#model.unknownSurface : piece;
      if (atStart && (this.#model.prefix || this.#model.squeeze) && words.startsWith(WORD_START)) {
        words = words.slice(1);
        if (!this.#model.squeeze) atStart = false;
      }
      words = words.replaceAll(WORD_START, " ");
      if (words) atStart = false;
      text += words;
    }
    flush();
    return text;
  }

  #spelled(character) {
    return Array.from(new TextEncoder().encode(character), (byte) => this.#bytes.get(byte));
  }

  #normalised(text) {
    const { prefix, squeeze } = this.#model;
    if (squeeze) text = text.replace(/^ +/, "").replace(/ {2,}/g, " ");
    if (!text) return "";
    text = (prefix ? " " : "") + text;
    text = text.replaceAll(" ", WORD_START);
    return squeeze ? text.replace(/▁+$/, "") : text;
  }
}

// --- the file: a message of protocol buffers -----------------------------------------------------------

function readModel(bytes) {
  const pieces = [];
  const trainer = { 3: UNIGRAM, 35: 0, 40: 0, 44: " ⁇ " };
  const normalizer = { 3: 1, 4: 1, 5: 1 };
  const denormalizer = {};
  for (const [field, value] of fields(bytes)) {
    if (field === 1) pieces.push(readPiece(value));
    else if (field === 2) readInto(trainer, value, [44]);
    else if (field === 3) readInto(normalizer, value, []);
    else if (field === 5) readInto(denormalizer, value, []);
  }
  const unknown = pieces.filter(({ type }) => type === UNKNOWN);
  if (unknown.length !== 1) throw new Error(`${unknown.length} pieces stand for what is unknown, expected 1`);
  if (![UNIGRAM, BPE, CHAR].includes(trainer[3])) throw new Error(`models of type ${trainer[3]} are not known`);
  if (normalizer[2]?.length || denormalizer[2]?.length) throw new Error("it maps characters, which is not known here");
  if (!normalizer[5]) throw new Error("blanks that are no ▁ are not known");
  if (trainer[24]) throw new Error("blanks at the ends of words are not known");
  const odd = pieces.find(({ type }) => ![NORMAL, UNKNOWN, CONTROL, BYTE].includes(type));
  if (odd) throw new Error(`pieces of type ${odd.type} (${JSON.stringify(odd.piece)}) are not known`);
  const byteFallback = Boolean(trainer[35]);
  const count = pieces.filter(({ type }) => type === BYTE).length;
  if (byteFallback && count !== 256) throw new Error(`${count} pieces for bytes, expected 256`);
  return {
    pieces,
    type: trainer[3],
    byteFallback,
    unknownId: pieces.indexOf(unknown[0]),
    unknownSurface: trainer[44],
    prefix: Boolean(normalizer[3]),
    squeeze: Boolean(normalizer[4]),
  };
}

function readPiece(bytes) {
  const found = { piece: "", score: 0, type: NORMAL };
  for (const [field, value] of fields(bytes)) {
    if (field === 1) found.piece = text(value);
    else if (field === 2) found.score = new DataView(value.buffer, value.byteOffset).getFloat32(0, true);
    else if (field === 3) found.type = value;
  }
  return found;
}

function readInto(found, bytes, texts) {
  for (const [field, value] of fields(bytes)) found[field] = texts.includes(field) ? text(value) : value;
}

const text = (bytes) => new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);

/** [number of the field, its value: a number, or bytes] of a message. */
function* fields(bytes) {
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let place = 1; ; place *= 128) {
      if (at >= bytes.length) throw new Error("it is cut off");
      const byte = bytes[at++];
      value += (byte & 127) * place;
      if (byte < 128) return value;
    }
  };
  const take = (count) => {
    if (at + count > bytes.length) throw new Error("it is cut off");
    at += count;
    return bytes.subarray(at - count, at);
  };
  while (at < bytes.length) {
    const key = varint();
    const kind = key % 8;
    const field = Math.floor(key / 8);
    if (kind === 0) yield [field, varint()];
    else if (kind === 1) yield [field, take(8)];
    else if (kind === 2) yield [field, take(varint())];
    else if (kind === 5) yield [field, take(4)];
    else throw new Error(`it has a field of kind ${kind}`);
  }
}
