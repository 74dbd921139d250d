// A loaded model, its voices, and the one utterance that it speaks; nothing here waits for anything.

import { HEADER, readBundle } from "./bundle.js";
import { ConfigError, SettingError, VoiceError, WeightsError, shown } from "./errors.js";
import { Memory } from "./memory.js";
import { prepareRecording, readWav } from "./recording.js";
import { isSafetensors, readVoiceFile, writeVoiceFile } from "./safetensors.js";
import { getReady, plan } from "./text/plan.js";
import { loadTokenizer } from "./text/tokenizer.js";

const MOST_FRAMES = 16; // PW_MOST_FRAMES
const PROMPT_ROWS = 16; // tokens that are taken in at a time: about a frame's work
const LARGEST = 1e12; // of a key or a value
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
  #voices = new Map(); // number -> {at, positions}
  #named = new Map(); // name -> number
  #bundled; // name -> {offset, bytes}
  #bundle; // where it lies
  #tokenizer;
  #numbers = 0;
  #tokens = { at: 0, room: 0 };
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
    await getReady(engine.about.text_rules);
    return engine;
  }

  constructor(memory, model, at, bytes) {
    this.#memory = memory;
    this.#model = model;
    const { about, tokenizer, voices } = readBundle(memory.bytes(at, bytes));
    this.about = about;
    this.#bundle = at;
    this.#bundled = voices;
    this.#tokenizer = loadTokenizer(about.tokenizer.kind, tokenizer, about.tokenizer.pieces);
  }

  get bytes() {
    return this.#memory.size;
  }

  /** The chunks and silences of a text. */
  plan(text, options) {
    return plan(text, this.#tokenizer, this.about, options);
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

  // --- voices ----------------------------------------------------------------------------------------

  /** The number of a voice of the bundle. */
  voiceByName(name) {
    if (this.#named.has(name)) return this.#named.get(name);
    const found = this.#bundled.get(name);
    if (!found) {
      const names = [...this.#bundled.keys()].join(", ") || "none: give it a recording or an exported voice";
      throw new VoiceError(`no voice ${shown(name)} in this bundle; it has ${names}`);
    }
    const file = this.#memory.bytes(this.#bundle + found.offset, found.bytes).slice();
    const number = this.#run(this.#ofFile(file, name));
    this.#named.set(name, number);
    return number;
  }

  /** A voice of a file's bytes, or of decoded {channels, rate}: its number, in steps between which others may work. */
  *hear(given, where, truncate) {
    if (given.channels) return yield* this.#ofRecording(given, truncate);
    if (isSafetensors(given)) return yield* this.#ofFile(given, where);
    const wav = readWav(given);
    if (!wav) throw new VoiceError(`${where}: neither a voice state nor a recording that can be read here`);
    return yield* this.#ofRecording(wav, truncate);
  }

  forgetVoice(number) {
    const voice = this.#voices.get(number);
    if (!voice) return;
    this.#voices.delete(number);
    this.#memory.calls.pw_voice_free(voice.at);
  }

  positions(number) {
    return this.#voices.get(number).positions;
  }

  /** A voice as a file: export-voice's form. */
  exportVoice(number) {
    const { at, positions } = this.#voices.get(number);
    const { layers, kv_heads: heads, head_dim: width } = this.about;
    const shape = [2, 1, positions, heads, width];
    const caches = Array.from({ length: layers }, (_, layer) => this.#readLayer(at, layer, 2 * positions * heads * width));
    return writeVoiceFile(caches, shape);
  }

  #run(steps) {
    let step = steps.next();
    while (!step.done) step = steps.next();
    return step.value;
  }

  *#ofFile(bytes, where) {
    const { rows, layers } = readVoiceFile(bytes, where);
    if (rows) return yield* this.#ofRows(bytes, rows, where);
    const { layers: count, kv_heads: heads, head_dim: width } = this.about;
    const [first] = layers;
    const fits = layers.length === count && layers.every((l) => l.width[0] === heads && l.width[1] === width);
    if (!first || !fits || layers.some((l) => l.positions !== first.positions)) {
      throw new VoiceError(
        `${where}: made for another model: ${layers.length} layers of ${first?.width.join(" x ")}; expected ${count} of ` +
          `${heads} x ${width}`,
      );
    }
    const voice = this.#newVoice(first.positions, where);
    return yield* this.#keep(voice, function* () {
      for (const [i, layer] of layers.entries()) {
        const cache = bytes.slice(layer.offset, layer.offset + layer.bytes);
        this.#memory.lend(cache, (at) =>
          this.#memory.check(this.#memory.calls.pw_voice_layer(voice.at, i, at, layer.dtype, layer.length)),
        );
      }
      for (let i = 0; i < count; i++) this.#checkLayer(voice.at, i, 2 * first.positions * heads * width, where);
    });
  }

  *#ofRows(bytes, rows, where) {
    const { width, bos_before_voice: bos } = this.about;
    const [one, count, theirs] = rows.shape;
    if (rows.shape.length !== 3 || one !== 1 || theirs !== width || !count || rows.type !== "F32") {
      throw new VoiceError(
        `${where}: audio_prompt (${rows.shape.join(", ")}) ${rows.type}, this model needs (1, length, ${width}) F32`,
      );
    }
    const voice = this.#newVoice(count + (bos ? 1 : 0), where);
    const all = new Float32Array(bytes.slice(rows.offset, rows.offset + 4 * count * width).buffer);
    return yield* this.#keep(voice, function* () {
      for (let row = 0; row < count; row += MOST_FRAMES) {
        const n = Math.min(MOST_FRAMES, count - row);
        this.#memory.lend(all.slice(row * width, (row + n) * width), (at) =>
          this.#memory.check(this.#memory.calls.pw_voice_rows(voice.at, at, n)),
        );
        yield;
      }
    });
  }

  *#ofRecording(recording, truncate) {
    if (!this.about.cloning) {
      throw new VoiceError(
        "this model cannot clone a voice: it was exported from weights without cloning. Use a voice of the bundle, or " +
          "export a model with cloning",
      );
    }
    const samples = prepareRecording(recording, this.about, truncate);
    const { samples_per_frame: size, bos_before_voice: bos } = this.about;
    const frames = samples.length / size;
    const voice = this.#newVoice(frames + (bos ? 1 : 0), "voice prompt");
    return yield* this.#keep(voice, function* () {
      for (let frame = 0; frame < frames; frame += 2) {
        const n = Math.min(2, frames - frame);
        this.#memory.lend(samples.subarray(frame * size, (frame + n) * size), (at) =>
          this.#memory.check(this.#memory.calls.pw_voice_hear(voice.at, at, n)),
        );
        yield;
      }
    });
  }

  #newVoice(positions, where) {
    const { voice_positions: most, voice_seconds: seconds } = this.about.limits;
    if (positions > most) {
      throw new VoiceError(
        `${where}: a voice of ${positions} positions; expected at most ${seconds} s (${most} positions): export the ` +
          "first 30 s (truncate)",
      );
    }
    const at = this.#memory.calls.pw_voice_new(this.#model, positions) || this.#memory.fail(VoiceError);
    return { at, positions };
  }

  /** The number of a voice once it is made; what fails half-way leaves nothing behind. */
  *#keep(voice, make) {
    let whole = false;
    try {
      yield* make.call(this);
      whole = this.#memory.calls.pw_voice_left(voice.at) === 0;
    } finally {
      if (!whole) this.#memory.calls.pw_voice_free(voice.at);
    }
    this.#voices.set(++this.#numbers, voice);
    return this.#numbers;
  }

  #readLayer(voice, layer, count) {
    return this.#memory.lend(
      new Float32Array(count),
      (at) => {
        this.#memory.check(this.#memory.calls.pw_voice_read(voice, layer, at));
        return this.#memory.floats(at, count).slice();
      },
      true,
    );
  }

  #checkLayer(voice, layer, count, where) {
    const odd = this.#readLayer(voice, layer, count).find((value) => !(Math.abs(value) <= LARGEST));
    if (odd === undefined) return;
    const what = Number.isFinite(odd) ? `a number of ${odd.toPrecision(3)}` : "NaN or infinity";
    throw new VoiceError(`${where}: the voice state holds ${what}; export it again`);
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
          voice === null ? 0 : this.#voices.get(voice).at,
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
