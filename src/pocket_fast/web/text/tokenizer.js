// Tokenizer files -> {encode(text) -> ids, decode(ids) -> text, pieces}, the ids of Python's sentencepiece and tokenizers.

import { ConfigError } from "../errors.js";
import { openJson } from "./tokenizer_json.js";
import { openSentencePiece } from "./sentencepiece.js";

/**
 * kind: "sentencepiece" (a .model file) or "tokenizers" (a tokenizer.json); pieces: what its vocabulary must have.
 * Raises ConfigError where the file is damaged or has a feature that is not known here.
 * @param {Uint8Array} bytes
 */
export function loadTokenizer(kind, bytes, pieces) {
  const open = { sentencepiece: openSentencePiece, tokenizers: openJson }[kind];
  if (!open) throw new ConfigError(`unknown tokenizer kind ${JSON.stringify(kind)}; use 'sentencepiece' or 'tokenizers'`);
  const name = kind === "tokenizers" ? "tokenizers JSON file" : "SentencePiece model";
  let tokenizer;
  try {
    tokenizer = open(bytes);
  } catch (error) {
    throw new ConfigError(`the bundle's tokenizer is not a usable ${name}: ${error.message}; export the model again`);
  }
  if (tokenizer.pieces !== pieces) {
    throw new ConfigError(
      `the bundle's tokenizer has ${tokenizer.pieces} entries, its description says ${pieces}; export the model again`,
    );
  }
  return tokenizer;
}
