// PocketTTS: a model in a browser, or wherever JavaScript runs.

import { ConfigError, UnsupportedError, VoiceError, WeightsError, packed, shown } from "./errors.js";
import { connect } from "./link.js";
import { isSafetensors } from "./safetensors.js";
import { absolute, bytesOf, forget, isAddress, piecesOf } from "./source.js";
import { SpeechStream } from "./stream.js";
import { loadWasm } from "./wasm.js";
import { toInt16, wav } from "./sound/wav.js";

const ENGINES = ["worker", "main"];
const CLOSED = "this model was closed; load it again";
const PIECE = 1 << 18; // bytes that are handed to the worker at a time
const OPTIONS = "signal seed voice pauses temperature steps noiseClamp eosThreshold framesAfterEos maxTokens".split(" ");

/** A voice that a model has heard. */
export class Voice {
  constructor(number, positions, name) {
    this.number = number;
    this.positions = positions;
    this.name = name;
  }
}

export class PocketTTS {
  #link;
  #wasm;
  #engine;
  #about = null;
  #voice = null; // a Voice, or null for none
  #named = new Map(); // name -> promise of a Voice
  #mine = new WeakSet(); // voices that this model has heard
  #last = null;
  #ready = false;

  /** Use load(). */
  constructor(link, wasm, engine) {
    this.#link = link;
    this.#wasm = wasm;
    this.#engine = engine;
  }

  /**
   * Loads a bundle, as `pocket-fast export-web` writes it.
   * @param {object} options see index.d.ts
   */
  static async load({ model, voice, wasm, engine = "worker", cache = true, warmUp = true, onProgress, signal } = {}) {
    if (!ENGINES.includes(engine)) throw new ConfigError(`unknown engine ${shown(engine)}; use 'worker' or 'main'`);
    if (model == null) throw new ConfigError("model: expected an address, a Response, an ArrayBuffer, a File or a stream");
    signal?.throwIfAborted();
    const compiled = wasm?.module ? wasm : await loadWasm({ ...(wasm ?? {}), signal });
    const link = await connect(engine);
    try {
      const tts = new PocketTTS(link, compiled, engine);
      await tts.#load(model, cache, onProgress, signal);
      if (voice !== undefined) tts.#voice = await tts.#find(voice, signal);
      else if (tts.#about.defaults.voice) tts.#voice = await tts.#find(tts.#about.defaults.voice, signal);
      tts.#ready = true;
      if (warmUp) link.ask("warmUp", { voice: tts.#voice?.number ?? null }).done.catch(() => {});
      return tts;
    } catch (error) {
      link.close(error);
      throw error;
    }
  }

  async #load(model, cache, onProgress, signal) {
    const hear = ({ progress }) => onProgress?.({ received: progress[0], total: progress[1] });
    const ask = async (source) => {
      const { id, done } = this.#link.ask("load", { module: this.#wasm.module, source, cache }, { hear, signal });
      if (source === null) this.#feed(id, piecesOf(model, { signal }), true, done);
      return await done;
    };
    if (!isAddress(model) && !(typeof Blob !== "undefined" && model instanceof Blob)) this.#about = await ask(null);
    else {
      const source = isAddress(model) ? absolute(model).href : model;
      try {
        this.#about = await ask(source);
      } catch (error) {
        if (!(error instanceof WeightsError) || !cache || !isAddress(model)) throw error;
        if (!(await forget(model))) throw error;
        this.#about = await ask(source); // what was kept of it may have been what is damaged
      }
    }
  }

  /** Hands pieces, of bytes or of text, to what is going on under an id, until it is done. */
  async #feed(id, pieces, areBytes, done) {
    const iterator = pieces[Symbol.asyncIterator]?.() ?? pieces[Symbol.iterator]();
    const over = done.then(
      () => null,
      () => null,
    );
    try {
      for (;;) {
        const step = await Promise.race([iterator.next(), over]);
        if (!step) return void Promise.resolve(iterator.return?.()).catch(() => {}); // nobody listens any more
        if (step.done) break;
        if (areBytes) await this.#hand(id, step.value);
        else this.#link.tell("piece", id, { piece: await step.value });
      }
      this.#link.tell("piece", id, { end: true });
    } catch (error) {
      this.#link.tell("piece", id, { failure: packed(error) });
    }
  }

  async #hand(id, bytes) {
    if (!ArrayBuffer.isView(bytes)) {
      throw new ConfigError(`model: a stream of bytes was expected, this one has ${shown(bytes)}`);
    }
    for (let at = 0; at < bytes.length; at += PIECE) {
      const part = new Uint8Array(bytes.subarray(at, at + PIECE)); // its own, so that it can be handed over
      this.#link.tell("piece", id, { piece: part }, [part.buffer]);
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
  }

  /** Whether it can speak: from the end of load() until close(). */
  get isReady() {
    return this.#ready;
  }

  get sampleRate() {
    return this.#about.sample_rate;
  }

  /** What the bundle says of itself: model, compute_type, defaults, settings, limits ... (docs/web-bundle.md). */
  get about() {
    return this.#about;
  }

  /** Names of the voices in the bundle. */
  get voices() {
    return Object.keys(this.#about.voices ?? {});
  }

  /** The voice that speaks where no other is asked for; null: none. */
  get voice() {
    return this.#voice;
  }

  /**
   * A voice of a recording (WAV anywhere; in browsers whatever they can decode), of a file that `export-voice` or
   * exportVoice() wrote, or by its name in the bundle. It speaks from now on, where no other is asked for.
   * @returns {Promise<Voice>}
   */
  async loadVoice(source, options = {}) {
    this.#check();
    this.#voice = await this.#find(source, options.signal, options.truncate);
    return this.#voice;
  }

  /** Lets go of a voice's memory. */
  async forgetVoice(voice) {
    this.#own(voice);
    if (this.#voice === voice) this.#voice = null;
    if (voice.name) this.#named.delete(voice.name);
    await this.#link.ask("forgetVoice", { voice: voice.number }).done;
  }

  /** A voice as a file that loads in milliseconds: a Blob, .safetensors. */
  async exportVoice(voice = this.#voice) {
    if (!voice) throw new VoiceError("there is no voice to export; load one first");
    this.#own(voice);
    return await this.#link.ask("exportVoice", { voice: voice.number }).done;
  }

  async #find(source, signal, truncate = false) {
    if (source === null) return null;
    if (source instanceof Voice) return this.#own(source);
    if (typeof source === "string" && this.voices.includes(source)) return await this.#byName(source);
    if (typeof source === "string" && !/[/.:]/.test(source)) {
      const names = this.voices.join(", ") || "none: give it a recording or an exported voice";
      throw new VoiceError(`no voice ${shown(source)} in this bundle; it has ${names}`);
    }
    const where = isAddress(source) ? String(source) : (source?.name ?? "voice prompt");
    const bytes = await bytesOf(source, signal);
    const given = isSafetensors(bytes) || isWav(bytes) ? bytes.slice() : await decoded(bytes, this.sampleRate, where);
    const transfer = given.channels ? given.channels.map((channel) => channel.buffer) : [given.buffer];
    const { done } = this.#link.ask("voice", { given, where, truncate }, { signal, transfer });
    const { number, positions } = await done;
    return this.#heard(number, positions, null);
  }

  /** A voice that this model has heard: numbers of voices mean something else to every model. */
  #own(voice) {
    if (!this.#mine.has(voice)) throw new VoiceError("this voice was loaded by another model; load it with this one");
    return voice;
  }

  #heard(number, positions, name) {
    const voice = new Voice(number, positions, name);
    this.#mine.add(voice);
    return voice;
  }

  #byName(name) {
    if (!this.#named.has(name)) {
      const { done } = this.#link.ask("voice", { name });
      const heard = done.then(({ number, positions }) => this.#heard(number, positions, name));
      this.#named.set(name, heard);
      heard.catch(() => this.#named.delete(name));
    }
    return this.#named.get(name);
  }

  /** All of a text's speech. @returns {Promise<Float32Array>} */
  async generate(text, options = {}) {
    const { message, signal } = await this.#asked(text, options);
    const { id, done } = this.#link.ask("speak", { ...message, whole: true }, { signal });
    this.#feedText(id, text, done);
    const { sound, stats } = await done;
    this.#last = this.#measured(stats);
    return sound;
  }

  /** The same as a 16-bit WAV file. @returns {Promise<Blob>} */
  async generateWav(text, options = {}) {
    return wav([toInt16(await this.generate(text, options))], this.sampleRate);
  }

  /**
   * A text's speech as it is made, in frames of 80 ms; leaving the loop ends the computing within a frame.
   * @param {string | Iterable<string> | AsyncIterable<string>} text
   * @returns {AsyncIterableIterator<Float32Array>}
   */
  stream(text, options = {}) {
    return this.startStream(text, options)[Symbol.asyncIterator]();
  }

  /** The same as an object to pull from: nextChunk(), nextChunkMinSamples(n), lastChunkStats(). */
  startStream(text, options = {}) {
    this.#check();
    return new SpeechStream(async (hear, signal) => {
      const { message } = await this.#asked(text, options);
      const { id, done } = this.#link.ask("speak", { ...message, whole: false }, { hear, signal });
      this.#feedText(id, text, done);
      const finished = done.then(({ stats }) => (this.#last = this.#measured(stats)));
      return { took: (frames) => this.#link.tell("more", id, { frames }), finished };
    }, options?.signal);
  }

  /** What was measured: {build, engine, wasmBytes, memory, last: {seconds, elapsed, firstSound, realTime, ...}}. */
  async stats() {
    this.#check();
    const { memory } = await this.#link.ask("stats").done;
    const { build, bytes } = this.#wasm;
    return { build, engine: this.#engine, wasmBytes: bytes ?? null, memory, last: this.#last };
  }

  /** Gives all memory back. What is being spoken ends with an error. */
  close() {
    if (!this.#ready) return;
    this.#ready = false;
    this.#link.close(new ConfigError(CLOSED));
  }

  // The names of the Rust port.

  /** A WAV file as a `data:` address. */
  async generateWavBase64(text, options = {}) {
    const bytes = new Uint8Array(await (await this.generateWav(text, options)).arrayBuffer());
    let binary = "";
    for (let at = 0; at < bytes.length; at += 0x8000) binary += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
    return `data:audio/wav;base64,${btoa(binary)}`;
  }

  loadVoiceFromBuffer(wavFile, options) {
    return this.loadVoice(wavFile, options);
  }

  loadVoiceFromSafetensors(bytes, options) {
    return this.loadVoice(bytes, options);
  }

  #check() {
    if (!this.#ready) throw new ConfigError(CLOSED);
  }

  async #asked(text, asked) {
    const { signal, seed, voice, ...options } = asked ?? {};
    this.#check();
    const odd = Object.keys(options).find((name) => !OPTIONS.includes(name));
    if (odd) throw new ConfigError(`unknown option ${shown(odd)}; there are ${OPTIONS.join(", ")}`);
    const found = voice === undefined ? this.#voice : await this.#find(voice, signal);
    const arrives = isPieces(text);
    const given = { ...options, pauses: Boolean(options.pauses) };
    return { message: { text: arrives ? null : text, arrives, options: given, seed, voice: found?.number ?? null }, signal };
  }

  #feedText(id, text, done) {
    if (isPieces(text)) this.#feed(id, text, false, done);
  }

  #measured({ samples, elapsed, ...stats }) {
    const seconds = samples / this.sampleRate;
    return { ...stats, seconds, elapsed, realTime: (1000 * seconds) / elapsed };
  }
}

const isPieces = (text) => typeof text === "object" && text !== null && Boolean(text[Symbol.asyncIterator] ?? text[Symbol.iterator]);

const isWav = (bytes) => bytes[0] === 0x52 && bytes[1] === 0x49 && bytes[8] === 0x57 && bytes[9] === 0x41;

/** A recording in any form the browser reads: {channels, rate}. */
async function decoded(bytes, rate, where) {
  if (typeof OfflineAudioContext === "undefined") {
    throw new UnsupportedError(`${where}: only WAV files and voice states can be read here; convert it to WAV`);
  }
  let sound;
  try {
    sound = await new OfflineAudioContext(1, 1, rate).decodeAudioData(bytes.slice().buffer);
  } catch {
    throw new VoiceError(`${where}: neither a voice state nor a sound file that this browser reads; try WAV or MP3`);
  }
  return {
    rate: sound.sampleRate,
    channels: Array.from({ length: sound.numberOfChannels }, (_, i) => sound.getChannelData(i).slice()),
  };
}
