// JSON lines [text, description, tokenizer file, options] on standard input -> what is planned, or the error;
// [pieces] -> the passages of a text that arrives in them.

import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

import { ours } from "./spelling.mjs";

const folder = pathToFileURL(`${process.argv[2]}/`);
const text = new URL("text/", folder);
const spell = await ours(folder);
const { loadTokenizer } = await import(new URL("tokenizer.js", text));
const { plan } = await import(new URL("plan.js", text));
const { passages } = await import(new URL("arriving.js", text));
const tokenizers = new Map();

async function answer([first, about, file, options]) {
  if (Array.isArray(first)) {
    const found = [];
    for await (const passage of passages(first)) found.push(passage);
    return found;
  }
  if (!tokenizers.has(file)) {
    const { kind, pieces } = about.tokenizer;
    tokenizers.set(file, loadTokenizer(kind, readFileSync(file), pieces));
  }
  return plan(first, tokenizers.get(file), about, about.text_rules.spell_out ? spell : (words) => words, options);
}

for await (const line of createInterface({ input: process.stdin })) {
  let result;
  try {
    result = await answer(JSON.parse(line));
  } catch (error) {
    result = { error: error.name, message: error.message };
  }
  process.stdout.write(`${JSON.stringify(result)}\n`);
}
