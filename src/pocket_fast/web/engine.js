// A loaded model, and the one utterance that it speaks; nothing here waits for anything but its bundle.

import { HEADER, readBundle } from "./bundle.js";
import { ConfigError, SettingError, WeightsError, shown } from "./errors.js";
import { Memory } from "./memory.js";
import { plan, speller } from "./text/plan.js";
import { loadTokenizer } from "./text/tokenizer.js";
import { Voices } from "./voices.js";

const PROMPT_ROWS = 32; // tokens that are taken in at a time: about a frame's work
const FADES_PER_SECOND = 200;

/** Names of settings in JavaScript -> those of the bundle, which are Python's. */
export const SETTINGS = {
  temperature: "temperature",
  steps: "steps",
  noiseClamp: "noise_clamp",
  eosThreshold: "eos_threshold",
  framesAfterEos: "frames_after_eos",
  maxTokens: "max_tokens",
};

export class Engine {
  #memory;
  #model;
  #tokenizer;
  #spell;
  computed = 0; // ms in the module

  /**
   * Takes in a bundle, piece by piece, where it is going to stay.
   * @param {WebAssembly.Module} module
   * @param {AsyncIterable<Uint8Array>} pieces
   * @param {(received: number, total: number) => void} progress
   */
  static async load(module, pieces, progress) {
    const memory = await Memory.start(module);
    const { at, bytes, crc } = await takeIn(memory, pieces, progress);
    const model = memory.calls.pw_open(at, bytes, crc) || memory.fail(WeightsError);
    const engine = new Engine(memory, model, at, bytes);
    engine.#spell = await speller(engine.about);
    delete engine.about.spelling; // which is large, and of no use to anyone else
    return engine;
  }

  constructor(memory, model, at, bytes) {
    this.#memory = memory;
    this.#model = model;
    const { about, tokenizer, voices } = readBundle(memory.bytes(at, bytes));
    this.about = about;
    this.voices = new Voices(memory, model, about, (name) => {
      const found = voices.get(name);
      return found && memory.bytes(at + found.offset, found.bytes).slice();
    });
    this.#tokenizer = loadTokenizer(about.tokenizer.kind, tokenizer, about.tokenizer.pieces);
  }

  get bytes() {
    return this.#memory.size;
  }

  /** The chunks and silences of a text. */
  plan(text, options) {
    return plan(text, this.#tokenizer, this.about, this.#spell, options);
  }

  /** options checked against what the bundle says may be asked; null and undefined are left out. */
  checkSettings(options) {
    const checked = {};
    for (const [name, theirs] of Object.entries(SETTINGS)) {
      const value = options[name];
      if (value == null) continue;
      const setting = this.about.settings.find((known) => known.name === theirs);
      if (!setting) throw new SettingError(`${name}: this model has no such setting`, name);
      const { type, least = -Infinity, above = -Infinity, most = Infinity, absurd = Infinity, expected } = setting;
      const fits = typeof value === "number" && Number.isFinite(value) && (type !== "int" || Number.isInteger(value));
      if (!fits || value < least || value <= above || value > most) {
        throw new SettingError(`${name}: expected ${expected}, got ${shown(value)}`, name);
      }
      if (value > absurd) {
        throw new SettingError(`${name}: expected ${expected}, and of at most ${absurd}, got ${shown(value)}`, name);
      }
      checked[name] = value;
    }
    return checked;
  }

  // --- speech ----------------------------------------------------------------------------------------

  /**
   * The frames of a chunk, (samples_per_frame) float32 each, and null after every step that made no sound.
   * voice: a number, or null for none; seed: uint32 words; fades: into a silence.
   */
  *speak(chunk, voice, seed, settings, fades) {
    const { calls } = this.#memory;
    const { defaults } = this.about;
    const asked = { ...defaultsOf(defaults), ...settings };
    const started = performance.now();
    this.#memory.lend(Uint32Array.from(seed), (at) => this.#memory.check(calls.pw_seed(this.#model, at, seed.length)));
    const tokens = Int32Array.from(chunk.tokens);
    this.#memory.lend(tokens, (at) =>
      this.#memory.check(
        calls.pw_begin(
          this.#model,
          voice === null ? 0 : this.voices.at(voice),
          at,
          tokens.length,
          chunk.maxFrames,
          chunk.framesAfterEos,
          asked.eosThreshold,
          asked.temperature,
          asked.noiseClamp,
          asked.steps,
        ),
      ),
    );
    this.computed += performance.now() - started;
    while (this.#timed(() => calls.pw_prompt(this.#model, PROMPT_ROWS)) > 0) yield null;
    let held = null;
    while (this.#timed(() => calls.pw_predict(this.#model))) {
      const at = this.#timed(() => calls.pw_decode(this.#model));
      const sound = this.#memory.floats(at, this.about.samples_per_frame).slice();
      if (held || !fades) yield fades ? held : sound;
      else yield null;
      if (fades) held = sound;
    }
    if (held) yield fadedOut(held, Math.floor(this.about.sample_rate / FADES_PER_SECOND));
  }

  #timed(call) {
    const started = performance.now();
    const result = this.#memory.check(call());
    this.computed += performance.now() - started;
    return result;
  }

  /** Whether the speech of the last chunk ended by itself, not because it had become too long. */
  get heardEnd() {
    return Boolean(this.#memory.calls.pw_heard_eos(this.#model));
  }

  close() {
    this.#memory.calls.pw_close(this.#model);
    this.#memory = this.#model = null;
  }
}

function defaultsOf({ temperature, eos_threshold: eosThreshold, steps, noise_clamp: noiseClamp }) {
  return { temperature, eosThreshold, steps: steps ?? 1, noiseClamp: noiseClamp ?? 0 };
}

function fadedOut(sound, samples) {
  const n = Math.min(samples, sound.length);
  for (let i = 0; i < n; i++) sound[sound.length - n + i] *= 1 - i / Math.max(n - 1, 1);
  return sound;
}

/** The words that NumPy seeds with for (seed, number of the chunk): uint32 each, the lowest first. */
export function seedWords(seed, number) {
  return [seed, number].flatMap((value) => {
    const words = [];
    for (let left = BigInt(value); left > 0n || !words.length; left >>= 32n) words.push(Number(left & 0xffffffffn));
    return words;
  });
}

/** A seed as it may be given; none is one by chance. */
export function checkSeed(seed) {
  if (seed == null) return crypto.getRandomValues(new Uint32Array(4)).reduce((sum, word) => (sum << 32n) | BigInt(word), 0n);
  if (typeof seed === "bigint" ? seed >= 0n : Number.isSafeInteger(seed) && seed >= 0) return seed;
  throw new ConfigError(`seed: expected a whole number of at least 0 or none, got ${shown(seed)}`);
}

async function takeIn(memory, pieces, progress) {
  const header = new Uint8Array(HEADER);
  let [at, total, received, crc] = [0, 0, 0, 0];
  for await (let piece of pieces) {
    if (received < HEADER) {
      const part = piece.subarray(0, HEADER - received);
      header.set(part, received);
      received += part.length;
      piece = piece.subarray(part.length);
      if (received < HEADER) continue;
      total = memory.lend(header, (where) => memory.calls.pw_bundle_bytes(where)) || memory.fail(WeightsError);
      at = memory.alloc(total);
      memory.bytes(at, HEADER).set(header);
    }
    if (received + piece.length > total) {
      throw new WeightsError(`the bundle is longer than the ${total} bytes it says it has; fetch it again`);
    }
    if (piece.length) {
      memory.bytes(at + received, piece.length).set(piece);
      crc = memory.calls.pw_crc32(crc, at + received, piece.length) >>> 0;
      received += piece.length;
    }
    progress(received, total);
  }
  if (!at) throw new WeightsError(`a bundle of ${received} bytes, too short for its header; export the model again`);
  return { at, bytes: received, crc };
}
