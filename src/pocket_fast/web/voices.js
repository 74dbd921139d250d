// The voices that a model has heard, by numbers: of its bundle, of recordings, of files.

import { VoiceError, shown } from "./errors.js";
import { prepareRecording, readWav } from "./recording.js";
import { isSafetensors, readVoiceFile, writeVoiceFile } from "./safetensors.js";

const MOST_FRAMES = 16; // PW_MOST_FRAMES
const HEARD_AT_ONCE = 2; // frames of a recording between which others may work
const LARGEST = 1e12; // of a key or a value

export class Voices {
  #memory;
  #model;
  #about;
  #bundled;
  #voices = new Map(); // number -> {at, positions}
  #named = new Map(); // name -> number
  #numbers = 0;

  /** about: the description of the bundle; bundled(name) -> the bytes of a voice in it, or undefined. */
  constructor(memory, model, about, bundled) {
    this.#memory = memory;
    this.#model = model;
    this.#about = about;
    this.#bundled = bundled;
  }

  /** The number of a voice of the bundle. */
  byName(name) {
    if (this.#named.has(name)) return this.#named.get(name);
    const file = this.#bundled(name);
    if (!file) {
      const names = Object.keys(this.#about.voices ?? {}).join(", ") || "none: give it a recording or an exported voice";
      throw new VoiceError(`no voice ${shown(name)} in this bundle; it has ${names}`);
    }
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

  /** Gives its memory back; not while it speaks. */
  forget(number) {
    const voice = this.#get(number);
    this.#voices.delete(number);
    for (const [name, named] of this.#named) if (named === number) this.#named.delete(name);
    this.#memory.calls.pw_voice_free(voice.at);
  }

  positions(number) {
    return this.#get(number).positions;
  }

  /** Where it lies. */
  at(number) {
    return this.#get(number).at;
  }

  /** A voice as a file: export-voice's form. */
  file(number) {
    const { at, positions } = this.#get(number);
    const { layers, kv_heads: heads, head_dim: width } = this.#about;
    const shape = [2, 1, positions, heads, width];
    const caches = Array.from({ length: layers }, (_, layer) => this.#readLayer(at, layer, 2 * positions * heads * width));
    return writeVoiceFile(caches, shape);
  }

  #get(number) {
    const voice = this.#voices.get(number);
    if (!voice) throw new VoiceError("this voice was forgotten; load it again");
    return voice;
  }

  #run(steps) {
    let step = steps.next();
    while (!step.done) step = steps.next();
    return step.value;
  }

  *#ofFile(bytes, where) {
    const { rows, layers } = readVoiceFile(bytes, where);
    if (rows) return yield* this.#ofRows(bytes, rows, where);
    const { layers: count, kv_heads: heads, head_dim: width } = this.#about;
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
    const { width, bos_before_voice: bos } = this.#about;
    const [one, count, theirs] = rows.shape;
    if (rows.shape.length !== 3 || one !== 1 || theirs !== width || !count || rows.type !== "F32") {
      throw new VoiceError(
        `${where}: audio_prompt (${rows.shape.join(", ")}) ${rows.type}, this model needs (1, length, ${width}) F32`,
      );
    }
    const voice = this.#newVoice(count + (bos ? 1 : 0), where);
    const all = new Float32Array(bytes.slice(rows.offset, rows.offset + 4 * count * width).buffer);
    return yield* this.#keep(voice, () => this.#give("pw_voice_rows", voice, all, width, MOST_FRAMES));
  }

  *#ofRecording(recording, truncate) {
    if (!this.#about.cloning) {
      throw new VoiceError(
        "this model cannot clone a voice: it was exported from weights without cloning. Use a voice of the bundle, or " +
          "export a model with cloning",
      );
    }
    const samples = prepareRecording(recording, this.#about, truncate);
    const { samples_per_frame: size, bos_before_voice: bos } = this.#about;
    const frames = samples.length / size;
    const voice = this.#newVoice(frames + (bos ? 1 : 0), "voice prompt");
    return yield* this.#keep(voice, () => this.#give("pw_voice_hear", voice, samples, size, HEARD_AT_ONCE));
  }

  /** Rows of so many numbers to a function of the module, at most so many at once. */
  *#give(name, voice, numbers, size, most) {
    const rows = numbers.length / size;
    for (let row = 0; row < rows; row += most) {
      const n = Math.min(most, rows - row);
      const part = numbers.subarray(row * size, (row + n) * size);
      this.#memory.lend(part, (at) => this.#memory.check(this.#memory.calls[name](voice.at, at, n)));
      yield;
    }
  }

  #newVoice(positions, where) {
    const { voice_positions: most, voice_seconds: seconds } = this.#about.limits;
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
}
