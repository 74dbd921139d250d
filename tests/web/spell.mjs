// JSON lines of texts on standard input -> JSON lines of what is said of them.

import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

import { ours } from "./spelling.mjs";

const spell = await ours(pathToFileURL(`${process.argv[2]}/`));
for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(spell(JSON.parse(line)))}\n`);
}
