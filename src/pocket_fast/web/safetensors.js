// Voice states in files: .safetensors, as export-voice writes them.

import { VoiceError } from "./errors.js";

const DTYPES = { F32: 0, BF16: 1, F16: 2 }; // PW_FLOAT32, ...
const MODULE = /^transformer\.layers\.(\d+)\.self_attn$/;
const LONGEST_HEADER = 1 << 20;

/** Whether bytes begin as such a file does. */
export function isSafetensors(bytes) {
  return bytes.length > 9 && headerLength(bytes) < LONGEST_HEADER && bytes[8] === 0x7b;
}

/**
 * What a voice file holds, without its numbers: `layers`, {offset, bytes, dtype, length, shape, positions} each, or
 * `rows` of an audio_prompt, {offset, dtype, shape}. Offsets count from the first byte.
 */
export function readVoiceFile(bytes, where) {
  const tensors = readHeader(bytes, where);
  const names = Object.keys(tensors);
  if (names.length === 1 && names[0] === "audio_prompt") return { rows: tensors.audio_prompt };
  const layers = [];
  for (const name of names) {
    const [module, tensor, ...more] = name.split("/");
    const layer = MODULE.exec(module)?.[1];
    if (layer === undefined || tensor === undefined || more.length) {
      throw new VoiceError(`${where}: not a voice state: it holds a tensor ${JSON.stringify(name)}`);
    }
    (layers[layer] ??= {})[tensor] = tensors[name];
  }
  return { layers: Array.from(layers, (found, i) => readLayer(found, i, bytes, where)) };
}

function readLayer(found, i, bytes, where) {
  if (!found?.cache) throw new VoiceError(`${where}: not a voice state: no layer ${i} in it`);
  const { cache } = found;
  const positions = positionsUsed(found, bytes);
  const [two, one, length, ...width] = cache.shape;
  if (cache.shape.length !== 5 || two !== 2 || one !== 1 || !(positions > 0 && positions <= length)) {
    throw new VoiceError(
      `${where}: layer ${i} has a cache (${cache.shape.join(", ")}) with ${positions} positions used; expected ` +
        "(2, 1, at least that many, heads, width) and at least 1",
    );
  }
  return { ...cache, length, width, positions };
}

function positionsUsed({ offset, current_end: end }, bytes) {
  if (!offset) return end?.shape[0] ?? 0; // an older form: the length is the count
  if (!["I64", "I32"].includes(offset.type)) return 0;
  return new DataView(bytes.buffer, bytes.byteOffset + offset.offset).getInt32(0, true);
}

const headerLength = (bytes) => Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));

function readHeader(bytes, where) {
  const start = 8 + headerLength(bytes);
  let header;
  try {
    header = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(8, start)));
  } catch {
    throw new VoiceError(`${where}: not a .safetensors file, or a damaged one; export the voice again`);
  }
  const tensors = {};
  for (const [name, { dtype, shape, data_offsets: span }] of Object.entries(header)) {
    if (name === "__metadata__") continue;
    if (start + span[1] > bytes.length) throw new VoiceError(`${where}: it is cut off; export the voice again`);
    if (/cache$|^audio_prompt$/.test(name) && !(dtype in DTYPES)) {
      throw new VoiceError(`${where}: ${name} is ${dtype}, expected F32, F16 or BF16; export it again`);
    }
    tensors[name] = { offset: start + span[0], bytes: span[1] - span[0], type: dtype, dtype: DTYPES[dtype], shape };
  }
  return tensors;
}

/** A voice state in such a file: caches (layers) of Float32Array, (2, 1, positions, heads, width) each. */
export function writeVoiceFile(caches, shape) {
  const positions = shape[2];
  const header = {};
  const parts = [];
  let at = 0;
  const put = (name, dtype, shape, data) => {
    header[name] = { dtype, shape, data_offsets: [at, at + data.byteLength] };
    parts.push(data);
    at += data.byteLength;
  };
  caches.forEach((cache, i) => put(`transformer.layers.${i}.self_attn/cache`, "F32", shape, cache));
  caches.forEach((_, i) => {
    put(`transformer.layers.${i}.self_attn/offset`, "I64", [1], new BigInt64Array([BigInt(positions)]));
    put(`transformer.layers.${i}.self_attn/pad`, "I64", [1], new BigInt64Array(1));
  });
  const text = JSON.stringify(header);
  const written = new TextEncoder().encode(text.padEnd(Math.ceil(text.length / 8) * 8));
  const length = new BigUint64Array([BigInt(written.length)]);
  return new Blob([length, written, ...parts], { type: "application/octet-stream" });
}
