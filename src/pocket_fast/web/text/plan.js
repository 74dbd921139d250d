// A text -> everything to speak and to be silent, in order: models/pocket/prompt.py.

import { ConfigError, TextError, WeightsError } from "../errors.js";
import { cutAtPauses, wordless } from "./pauses.js";
import { prepare, vanishes } from "./prepare.js";
import { isAlnum } from "./python.js";
import { split } from "./split.js";

/**
 * What spells texts out as the model of this description wants it; for models that know only letters, and loaded by
 * those alone. Raises WeightsError where its rules are others than this package understands.
 * @returns {Promise<(text: string) => string>}
 */
export async function speller({ text_rules: rules, spelling: given }) {
  if (!rules.spell_out) return (text) => text;
  const [{ spell_out: spellOut, VERSION }, { read, use }] = await Promise.all([
    import("./spelling/spell.js"),
    import("./spelling/rules.js"),
  ]);
  if (given?.version !== VERSION) {
    throw new WeightsError(
      `the bundle's spelling is of version ${given?.version ?? "0"}, this package's of ${VERSION}; export the model ` +
        "again, with the pocket_fast of the same version as this package",
    );
  }
  const own = await read(given.rules);
  return (text) => {
    use(own);
    return spellOut(text);
  };
}

/**
 * @typedef {object} Chunk what one utterance speaks
 * @property {string} text
 * @property {number[]} tokens
 * @property {number} framesAfterEos
 * @property {number} maxFrames
 */

/**
 * about: the description of a bundle; spell: of speller(about). options: {maxTokens, framesAfterEos, naturalPauses}.
 * @returns {(Chunk | number)[]} chunks, and silences in samples; nothing for what vanishes when it is spelled out
 */
export function plan(text, tokenizer, about, spell, { maxTokens, framesAfterEos, naturalPauses = false } = {}) {
  const { text_rules: rules, limits, sample_rate: sampleRate, defaults } = about;
  framesAfterEos ??= defaults.frames_after_eos;
  if (!(framesAfterEos == null || (Number.isInteger(framesAfterEos) && framesAfterEos >= 0))) {
    throw new ConfigError(
      `frames_after_eos: expected a whole number of at least 0 or none, got ${JSON.stringify(framesAfterEos)}`,
    );
  }
  const planned = [];
  for (const piece of cutAtPauses(text, naturalPauses, sampleRate)) {
    if (typeof piece === "number") {
      planned.push(piece);
      continue;
    }
    const words = spell(piece);
    if (vanishes(words, rules)) continue;
    for (const chunk of split(words, tokenizer, maxTokens ?? rules.max_tokens, rules)) {
      const [prepared, guess] = prepare(chunk, rules);
      const tokens = tokenizer.encode(prepared);
      if (tokens.length > limits.most_tokens) {
        throw new TextError(
          `${tokens.length} tokens without a mark to cut at, at most ${limits.most_tokens} can be spoken in one go; ` +
            `add punctuation after ${JSON.stringify(prepared.slice(0, 40))}`,
        );
      }
      const seconds = tokens.length / limits.tokens_per_second + limits.spare_seconds;
      planned.push({
        text: prepared,
        tokens,
        framesAfterEos: framesAfterEos ?? guess + 2,
        maxFrames: Math.ceil(seconds * about.frame_rate),
      });
    }
  }
  if (!planned.length && ![...text].some(isAlnum)) planned.push(wordless(sampleRate));
  return planned;
}
