// The words and patterns that the functions of spelling go by. They come with the model (docs/web-bundle.md), made by
// tools/make_web_spelling.py; each module says here what takes its own.

import { splitOnce, words } from "../python.js";

const takers = new Map(); // of each module
let current = null; // what they have taken

const KINDS = {
  pattern: ([source, flags]) => new RegExp(source, flags),
  words,
  letters: (listed) => new Set(listed),
  table: (listed) => new Map(listed.split("; ").map((entry) => splitOnce(entry, ": "))),
  map: (pairs) => new Map(pairs),
};

/** put: gets the constants of the module of that name, in their order, before a text is spelled. */
export function take(name, put) {
  takers.set(name, put);
}

/** Makes every module's constants those of `rules`, which read() gave. */
export function use(rules) {
  if (rules === current) return;
  for (const [name, values] of rules) takers.get(name)(values);
  current = rules;
}

/** packed: JSON, compressed, in base 64, as a bundle has it. */
export async function read(packed) {
  const bytes = Uint8Array.from(atob(packed), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  const rules = await new Response(stream).json();
  return Object.entries(rules).map(([name, values]) => [name, values.map(make)]);
}

function make(value) {
  if (Array.isArray(value)) return value.map(make);
  if (typeof value !== "object") return value;
  const [[kind, given]] = Object.entries(value);
  return KINDS[kind](given);
}
