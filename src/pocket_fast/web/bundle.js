// The one file of a model, as it lies in the module's memory: docs/web-bundle.md.

import { WeightsError } from "./errors.js";

export const HEADER = 64; // bytes, that tell one bundle from another: its size and checksum are among them
const SECTIONS = { description: 24, tokenizer: 32, voices: 40 };

/** What the bundle of `bytes` (a view that is valid now) says of itself: {about, tokenizer, voices}. */
export function readBundle(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const span = (name) => [0, 4].map((next) => view.getUint32(SECTIONS[name] + next, true));
  const section = (name) => {
    const [offset, length] = span(name);
    return bytes.subarray(offset, offset + length);
  };
  let about;
  try {
    about = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(section("description")));
  } catch (error) {
    throw new WeightsError(`the bundle's description cannot be read (${error.message}); export the model again`);
  }
  const [start] = span("voices");
  const voices = new Map(
    Object.entries(about.voices ?? {}).map(([name, { offset, bytes }]) => [name, { offset: start + offset, bytes }]),
  );
  return { about, tokenizer: section("tokenizer").slice(), voices };
}
