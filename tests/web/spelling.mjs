// What spells out as the built-in model does, given the folder of the JavaScript package (a URL).

import { readFileSync } from "node:fs";
import { deflateSync } from "node:zlib";

/** changed: makes other rules of the text of ours; version: what they say that they are of. */
export async function ours(folder, changed = (rules) => rules, version = undefined) {
  const { speller } = await import(new URL("text/plan.js", folder));
  const given = JSON.parse(readFileSync(new URL("text/spelling.json", folder), "utf-8"));
  const rules = deflateSync(changed(JSON.stringify(given.rules))).toString("base64");
  return speller({ text_rules: { spell_out: true }, spelling: { version: version ?? given.version, rules } });
}
