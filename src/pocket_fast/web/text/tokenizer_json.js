// tokenizer.json of the `tokenizers` library: unigram and merged (BPE) pieces, with byte pieces or without, as they are
// made of SentencePiece models. Whatever else such a file may ask for is refused, by its name.

import { bestPath, merged, textOfBytes } from "./segment.js";

const UNKNOWN_PENALTY = 10;

/** @param {Uint8Array} bytes */
export function openJson(bytes) {
  return new JsonTokenizer(JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes)));
}

function unknown(what, value) {
  throw new Error(`${what} ${JSON.stringify(value)} is not known`);
}

class JsonTokenizer {
  #ids; // piece -> id
  #names; // id -> piece
  #special = new Set(); // ids that are not decoded
  #added; // pattern of the tokens that are found first, or null
  #cut;
  #unknownId;
  #byteFallback;
  #fuse;

  constructor(file) {
    for (const part of ["truncation", "padding", "post_processor"]) if (file[part]) unknown(part, file[part].type ?? file[part]);
    const model = file.model;
    for (const part of ["dropout", "continuing_subword_prefix", "end_of_word_suffix", "ignore_merges"]) {
      if (model[part]) unknown(part, model[part]);
    }
    this.#byteFallback = Boolean(model.byte_fallback);
    if (model.type === "Unigram") this.#openUnigram(model);
    else if (model.type === "BPE") this.#openMerges(model);
    else unknown("a model of type", model.type);
    this.#names = new Map([...this.#ids].map(([piece, id]) => [id, piece]));
    this.#add(file.added_tokens ?? []);
    this.normalise = normaliser(file.normalizer);
    this.words = preTokenizer(file.pre_tokenizer);
    this.join = decoder(file.decoder);
    this.pieces = this.#names.size;
    this.encode = this.encode.bind(this);
    this.decode = this.decode.bind(this);
  }

  #openUnigram({ vocab, unk_id }) {
    this.#ids = new Map(vocab.map(([piece], id) => [piece, id]));
    const scores = new Map(vocab);
    const path = {
      scores,
      longest: Math.max(...vocab.map(([piece]) => [...piece].length)),
      unknown: vocab.reduce((least, [, score]) => Math.min(least, score), Infinity) - UNKNOWN_PENALTY,
      round: (value) => value,
    };
    this.#unknownId = unk_id ?? undefined;
    this.#fuse = true;
    this.#cut = (text) => bestPath(text, path);
  }

  #openMerges({ vocab, merges, unk_token, fuse_unk }) {
    this.#ids = new Map(Object.entries(vocab));
    const ranks = new Map(merges.map((pair, rank) => [Array.isArray(pair) ? pair.join(" ") : pair, rank]));
    this.#unknownId = unk_token == null ? undefined : this.#ids.get(unk_token);
    this.#fuse = Boolean(fuse_unk);
    this.#cut = (text) => this.#mergedKnown(text, (left, right) => ranks.get(`${left} ${right}`));
  }

  /** Characters that are no pieces are never merged: they are what they are before merging begins. */
  #mergedKnown(text, rank) {
    return merged(text, (left, right) => (this.#ids.has(left) && this.#ids.has(right) ? rank(left, right) : undefined));
  }

  #add(tokens) {
    for (const token of tokens) {
      for (const flag of ["single_word", "lstrip", "rstrip", "normalized"]) if (token[flag]) unknown(`a token with ${flag}`, token.content);
      this.#ids.set(token.content, token.id);
      this.#names.set(token.id, token.content);
      if (token.special) this.#special.add(token.id);
    }
    const written = tokens.map(({ content }) => content).sort((a, b) => b.length - a.length);
    const escaped = written.map((content) => content.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&"));
    this.#added = escaped.length ? new RegExp(`(${escaped.join("|")})`, "u") : null;
  }

  encode(text) {
    const parts = this.#added ? text.split(this.#added) : [text];
    return parts.flatMap((part, i) => (i % 2 ? [this.#ids.get(part)] : part ? this.#encodeWords(this.normalise(part)) : []));
  }

  #encodeWords(text) {
    return this.words(text).flatMap((word) => this.#encodeWord(word));
  }

  #encodeWord(word) {
    const ids = [];
    let wasUnknown = false;
    for (const piece of this.#cut(word)) {
      const id = this.#ids.get(piece);
      if (id !== undefined) ids.push(id);
      else {
        const bytes = this.#byteFallback && this.#spelled(piece);
        if (bytes) ids.push(...bytes);
        else if (this.#unknownId === undefined) throw new Error(`no piece for ${JSON.stringify(piece)}`);
        else if (!(wasUnknown && this.#fuse)) ids.push(this.#unknownId);
      }
      wasUnknown = id === undefined;
    }
    return ids;
  }

  #spelled(piece) {
    const ids = Array.from(new TextEncoder().encode(piece), (byte) =>
      this.#ids.get(`<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`),
    );
    return ids.includes(undefined) ? null : ids;
  }

  decode(ids) {
    const pieces = [];
    for (const id of ids) if (!this.#special.has(id) && this.#names.has(id)) pieces.push(this.#names.get(id));
    return this.join(pieces);
  }
}

function normaliser(part) {
  if (!part) return (text) => text;
  if (part.type === "Sequence") {
    const steps = part.normalizers.map(normaliser);
    return (text) => steps.reduce((held, step) => step(held), text);
  }
  if (part.type === "Prepend") return (text) => (text ? part.prepend + text : text);
  if (part.type === "Replace") return replacer(part);
  return unknown("a normalizer", part.type);
}

function replacer({ pattern, content }) {
  if (pattern?.String === undefined) unknown("a pattern", pattern);
  return (text) => text.replaceAll(pattern.String, () => content);
}

function preTokenizer(part) {
  if (!part) return (text) => (text ? [text] : []);
  if (part.type !== "Metaspace") unknown("a pre_tokenizer", part.type);
  const { replacement, prepend_scheme = part.add_prefix_space === false ? "never" : "always", split = true } = part;
  if (!["always", "never"].includes(prepend_scheme)) unknown("a Metaspace that is prepended", prepend_scheme);
  return (text) => {
    if (!text) return [];
    text = text.replaceAll(" ", replacement);
    if (prepend_scheme === "always" && !text.startsWith(replacement)) text = replacement + text;
    return split ? text.split(new RegExp(`(?=${replacement})`, "u")) : [text];
  };
}

/** pieces -> text */
function decoder(part) {
  const step = decoderStep(part);
  return (pieces) => step(pieces).join("");
}

function decoderStep(part) {
  if (!part) return (pieces) => (pieces.length ? [pieces.join(" ")] : []);
  if (part.type === "Sequence") {
    const steps = part.decoders.map(decoderStep);
    return (pieces) => steps.reduce((held, step) => step(held), pieces);
  }
  if (part.type === "Replace") {
    const replace = replacer(part);
    return (pieces) => pieces.map(replace);
  }
  if (part.type === "Fuse") return (pieces) => [pieces.join("")];
  if (part.type === "ByteFallback") return joinedBytes;
  if (part.type === "Strip") {
    const { content, start, stop } = part;
    if (stop) unknown("a Strip at the end of", content);
    return (pieces) => pieces.map((piece) => stripped(piece, content, start));
  }
  if (part.type === "Metaspace") {
    const { replacement, prepend_scheme = part.add_prefix_space === false ? "never" : "always" } = part;
    const first = prepend_scheme === "never" ? " " : "";
    return (pieces) => pieces.map((piece, i) => piece.replaceAll(replacement, i === 0 ? first : " "));
  }
  return unknown("a decoder", part.type);
}

function stripped(piece, content, most) {
  let at = 0;
  while (at < most && piece[at] === content) at += 1;
  return piece.slice(at);
}

/** Runs of byte pieces as text; a run that is none as one U+FFFD for each. */
function joinedBytes(pieces) {
  const made = [];
  let run = [];
  const flush = () => {
    if (!run.length) return;
    const text = textOfBytes(Uint8Array.from(run));
    if (text.includes("\ufffd") && !isText(run)) made.push(...run.map(() => "\ufffd"));
    else made.push(text);
    run = [];
  };
  for (const piece of pieces) {
    const byte = /^<0x([0-9A-F]{2})>$/.exec(piece);
    if (byte) run.push(parseInt(byte[1], 16));
    else {
      flush();
      made.push(piece);
    }
  }
  flush();
  return made;
}

function isText(bytes) {
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(Uint8Array.from(bytes));
    return true;
  } catch {
    return false;
  }
}
