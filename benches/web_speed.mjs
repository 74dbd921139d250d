// What the WebAssembly of the package takes for a frame, in Node, on one thread:
//     node benches/web_speed.mjs MODEL.pfweb ... [--module relaxed] [--frames 100] [--rounds 5]
// Each round of every file comes once after the other, so that what else runs on the machine meets them all alike. The
// figures are medians of the rounds: milliseconds per frame of the language model and of the codec, how many seconds of
// speech a second makes, and how long the first frame of a text of 40 tokens takes once the model is warm.
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { parseArgs } from 'node:util';

const HEADER = 64;
const { values: options, positionals: paths } = parseArgs({
  allowPositionals: true,
  options: {
    module: { type: 'string', default: 'relaxed' },
    frames: { type: 'string', default: '100' },
    rounds: { type: 'string', default: '5' },
  },
});
const code = readFileSync(new URL(`../src/pocket_fast/web/${options.module}.wasm`, import.meta.url));

async function open(path) {
  const { exports: wasm } = (await WebAssembly.instantiate(code, {})).instance;
  wasm._initialize?.();
  const file = readFileSync(path);
  const bundle = wasm.pw_alloc(file.length);
  new Uint8Array(wasm.memory.buffer, bundle, file.length).set(file);
  const started = performance.now();
  const model = wasm.pw_open(bundle, file.length, wasm.pw_crc32(0, bundle + HEADER, file.length - HEADER));
  const opening = performance.now() - started;
  const view = new DataView(wasm.memory.buffer);
  if (!model) {
    const words = new Uint8Array(wasm.memory.buffer, wasm.pw_error(), 300);
    throw new Error(`${path}: ${new TextDecoder().decode(words.subarray(0, words.indexOf(0)))}`);
  }
  const [at, size] = [24, 28].map((offset) => view.getUint32(bundle + offset, true));
  const text = new Uint8Array(wasm.memory.buffer, bundle + at, size);
  return { path, wasm, model, opening, about: JSON.parse(new TextDecoder().decode(text)), rounds: [] };
}

// A voice of ten seconds of silence as rows, so that every model has one.
function voice({ wasm, model, about }) {
  const positions = 125;
  const handle = wasm.pw_voice_new(model, positions);
  const rows = wasm.pw_alloc(4 * about.width);
  new Float32Array(wasm.memory.buffer, rows, about.width).fill(0.01);
  for (let i = 0; i < positions; i++) wasm.pw_voice_rows(handle, rows, 1);
  return handle;
}

function round(loaded, frames) {
  const { wasm, model } = loaded;
  loaded.voice ??= voice(loaded);
  const tokens = wasm.pw_alloc(4 * 40);
  new Int32Array(wasm.memory.buffer, tokens, 40).fill(5);
  const started = performance.now();
  wasm.pw_begin(model, loaded.voice, tokens, 40, frames, 0, 1e9, 0, 0, 1);
  wasm.pw_prompt(model, 40);
  let language = 0;
  let codec = 0;
  let first = 0;
  for (let i = 0; i < frames; i++) {
    const a = performance.now();
    wasm.pw_predict(model);
    const b = performance.now();
    wasm.pw_decode(model);
    const c = performance.now();
    if (i === 0) first = c - started;
    language += (b - a) / frames;
    codec += (c - b) / frames;
  }
  wasm.pw_free(tokens);
  loaded.rounds.push({ language, codec, first });
}

function median(numbers) {
  return numbers.sort((a, b) => a - b)[numbers.length >> 1];
}

const all = [];
for (const path of paths) all.push(await open(path));
for (const loaded of all) round(loaded, 10); // the engine's slower compiler at first
for (let i = 0; i < Number(options.rounds); i++) for (const loaded of all) round(loaded, Number(options.frames));
console.log(`Node ${process.versions.node}, ${options.module}`);
console.log('model                         language  codec   x real time  first sound  opened in  memory');
for (const { path, wasm, rounds, opening, about } of all) {
  const [language, codec, first] = ['language', 'codec', 'first'].map((what) => median(rounds.map((r) => r[what])));
  const speed = 1000 / about.frame_rate / (language + codec);
  const memory = wasm.memory.buffer.byteLength / 1e6;
  const cells = [
    basename(path).padEnd(30),
    language.toFixed(2).padStart(7),
    codec.toFixed(2).padStart(8),
    speed.toFixed(1).padStart(13),
    `${first.toFixed(0)} ms`.padStart(13),
    `${opening.toFixed(0)} ms`.padStart(11),
    `${memory.toFixed(0)} MB`.padStart(8),
  ];
  console.log(cells.join(''));
}
