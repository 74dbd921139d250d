// JSON lines [method, ...] on standard input -> JSON lines of answers, of one model that is spoken with: see
// tests/unit/web/test_web_speech.py. Sound goes as base64 of float32.

import { createReadStream, readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const [, , folder, model, engine, build] = process.argv;
const { PocketTTS, loadWasm } = await import(new URL("index.js", pathToFileURL(`${folder}/`)));
const wasm = await loadWasm({ build });
const tts = await PocketTTS.load({ model: pathToFileURL(model), engine, wasm });
const base64 = (samples) => Buffer.from(samples.buffer, samples.byteOffset, samples.byteLength).toString("base64");
const exported = [];

// Frames that were made, where the engine is on this thread.
const { Engine } = await import(new URL("engine.js", pathToFileURL(`${folder}/`)));
const { speak } = Engine.prototype;
let made = 0;
Engine.prototype.speak = function* (...given) {
  for (const sound of speak.apply(this, given)) {
    if (sound) made += 1;
    yield sound;
  }
};

async function* late(pieces) {
  for (const piece of pieces) {
    await new Promise((resolve) => setTimeout(resolve, 1));
    if (piece === "!!!") throw new Error("the writer failed");
    yield piece;
  }
}

const METHODS = {
  about: () => ({ ready: tts.isReady, rate: tts.sampleRate, voices: tts.voices, voice: tts.voice?.name ?? null }),
  stats: () => tts.stats(),
  generate: async (text, options) => base64(await tts.generate(text, options)),
  async stream(text, options = {}) {
    const lengths = [];
    const parts = [];
    for await (const samples of tts.stream(Array.isArray(text) ? late(text) : text, options)) {
      lengths.push(samples.length);
      parts.push(...samples);
    }
    return { lengths, sound: base64(Float32Array.from(parts)) };
  },
  async wav(text, options) {
    const blob = await tts.generateWav(text, options);
    return { type: blob.type, bytes: Buffer.from(await blob.arrayBuffer()).toString("base64") };
  },
  /** Leaves, or aborts, after so many frames: how many were heard, and made after that. On this thread they can be
   * counted. */
  async leave(text, frames, how) {
    const abort = new AbortController();
    let before = 0;
    let heard = 0;
    try {
      for await (const _ of tts.stream(text, how === "abort" ? { signal: abort.signal } : {})) {
        heard += 1;
        if (heard < frames) continue;
        before = made;
        if (how === "leave") break;
        abort.abort();
      }
    } catch (error) {
      how = error.name;
    }
    await new Promise((resolve) => setTimeout(resolve, 300));
    return { heard, how, more: made - before };
  },
  /** Leaves a text that is still being written: whether its writer was told. */
  async abandon() {
    let told = false;
    const written = (async function* () {
      try {
        yield "Hello there. This is written. ";
        for (;;) {
          await new Promise((resolve) => setTimeout(resolve, 5));
          yield "And more. ";
        }
      } finally {
        told = true;
      }
    })();
    for await (const _ of tts.stream(written)) break;
    await new Promise((resolve) => setTimeout(resolve, 100));
    return told;
  },
  async closed() {
    const other = await PocketTTS.load({ model: pathToFileURL(model), engine, wasm, warmUp: false });
    const going = other.generate("This takes a while, and then some more of it. ".repeat(20)).catch((error) => error.message);
    await new Promise((resolve) => setTimeout(resolve, 20));
    other.close();
    const [answer, before] = [await going, made];
    await new Promise((resolve) => setTimeout(resolve, 300));
    const after = await other.generate("a").catch((error) => error.message);
    return [answer, after, other.isReady, engine === "worker" || made - before <= 1];
  },
  async pull(text, least) {
    const stream = tts.startStream(text);
    const first = await stream.nextChunk();
    const one = stream.lastChunkStats();
    const merged = await stream.nextChunkMinSamples(least);
    const stats = stream.lastChunkStats();
    stream.stop();
    return { first: first.length, merged: merged.length, one, stats, after: await stream.nextChunk() };
  },
  async voice(file, options) {
    const voice = await tts.loadVoice(file === null ? undefined : file.endsWith(".wav") ? readFileSync(file) : pathToFileURL(file), options);
    return voice.positions;
  },
  async exportVoice() {
    exported.push(await tts.exportVoice());
    return exported.at(-1).size;
  },
  async exportedVoice() {
    const voice = await tts.loadVoice(exported.at(-1));
    return voice.positions;
  },
  async forget() {
    const { voice } = tts;
    await tts.forgetVoice(voice);
    return { voice: tts.voice, error: await tts.generate("a", { voice }).catch((error) => error.message) };
  },
  async stranger() {
    const other = await PocketTTS.load({ model: pathToFileURL(model), engine, wasm, warmUp: false });
    return await tts.generate("a", { voice: other.voice }).finally(() => other.close());
  },
  /** What of another model's voice this one would do away with, or write. */
  async strangers() {
    const other = await PocketTTS.load({ model: pathToFileURL(model), engine, wasm, warmUp: false });
    const said = [];
    for (const act of ["forgetVoice", "exportVoice"]) {
      said.push(await tts[act](other.voice).then(() => act, (error) => error.message));
    }
    other.close();
    return said;
  },
  /** Aborts a text after its first frame, when all of its sound is there. */
  async abortLate(text) {
    const abort = new AbortController();
    const stream = tts.startStream(text, { signal: abort.signal });
    const { last } = await tts.stats();
    await stream.nextChunk();
    while ((await tts.stats()).last === last) await new Promise((resolve) => setTimeout(resolve, 5));
    abort.abort();
    const next = () => stream.nextChunk().catch((error) => error.name);
    return [await next(), await next()];
  },
  async both(first, second) {
    return (await Promise.all([tts.generate(first), tts.generate(second)])).map(base64);
  },
  /** failure: what is thrown when it is told of progress. */
  async load(kind, cut, failure) {
    const bytes = readFileSync(model);
    const part = cut === null ? bytes : bytes.subarray(0, cut);
    const read = new Response(part);
    if (kind === "read") await read.arrayBuffer();
    const source = {
      read: () => read,
      "no content": () => new Response(null, { status: 204 }),
      bytes: () => part,
      response: () => new Response(part),
      blob: () => new Blob([part]),
      "stream of text": () => new Blob(["text"]).stream().pipeThrough(new TextDecoderStream()),
      stream: () => createReadStream(model),
      nothing: () => `${pathToFileURL(model)}x`,
    }[kind]();
    const seen = [];
    const onProgress = ({ received, total }) => {
      if (failure) throw new Error(failure);
      seen.push([received, total]);
    };
    const other = await PocketTTS.load({ model: source, engine, wasm, onProgress });
    other.close();
    return { first: seen[0], last: seen.at(-1), ready: other.isReady };
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const [method, ...values] = JSON.parse(line);
  let answer;
  try {
    answer = await METHODS[method](...values);
  } catch (error) {
    answer = { error: error.name, message: error.message, setting: error.setting };
  }
  process.stdout.write(`${JSON.stringify(answer ?? null)}\n`);
}
// What is left (a worker, a port) must not keep a program alive.
