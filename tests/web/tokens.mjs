// JSON lines [text] or [null, ids] on standard input -> JSON lines of ids and of texts, by a tokenizer file of a kind.

import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const [, , module, file, kind, pieces] = process.argv;
const { loadTokenizer } = await import(pathToFileURL(module));
const tokenizer = loadTokenizer(kind, readFileSync(file), Number(pieces));
for await (const line of createInterface({ input: process.stdin })) {
  const [text, ids] = JSON.parse(line);
  process.stdout.write(`${JSON.stringify(ids ? tokenizer.decode(ids) : tokenizer.encode(text))}\n`);
}
