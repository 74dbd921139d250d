// Recordings: WAV files in, another rate, an end on a pause. As audio/read.py and resample.py.

import { AudioError } from "./errors.js";
import { oneVoice } from "./sound/channels.js";

const PROMPT_SECONDS = 30;
const FRAME_S = 0.02;
const FADE_S = 0.02;
const PAUSE_S = 0.08;
const FLOOR_DB = 35;
const ABSURD = 1e9;
const MOST_TERMS = 50_000;

/** {channels, rate} of a WAV file; null where it is none, or of a kind that is not known here. */
export function readWav(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const tag = (at) => String.fromCharCode(...bytes.subarray(at, at + 4));
  if (bytes.length < 12 || tag(0) !== "RIFF" || tag(8) !== "WAVE") return null;
  let format = null;
  for (let at = 12; at + 8 <= bytes.length; ) {
    const size = view.getUint32(at + 4, true);
    if (tag(at) === "fmt " && at + 24 <= bytes.length) format = readFormat(view, at + 8, size);
    if (tag(at) === "data") return format && readSamples(view, at + 8, Math.min(size, bytes.length - at - 8), format);
    at += 8 + size + (size % 2);
  }
  throw new AudioError("voice prompt: a WAV file without samples; record it again");
}

function readFormat(view, at, size) {
  let kind = view.getUint16(at, true);
  if (kind === 0xfffe && size >= 26) kind = view.getUint16(at + 24, true); // WAVE_FORMAT_EXTENSIBLE
  const [channels, rate, bits] = [view.getUint16(at + 2, true), view.getUint32(at + 4, true), view.getUint16(at + 14, true)];
  const read = {
    "1:8": (i) => (view.getUint8(i) - 128) / 128,
    "1:16": (i) => view.getInt16(i, true) / 32768,
    "1:24": (i) => (view.getUint16(i, true) + view.getInt8(i + 2) * 65536) / 8388608,
    "1:32": (i) => view.getInt32(i, true) / 2147483648,
    "3:32": (i) => view.getFloat32(i, true),
    "3:64": (i) => view.getFloat64(i, true),
  }[`${kind}:${bits}`];
  return read && channels && rate ? { channels, rate, bytes: bits / 8, read } : null;
}

function readSamples(view, start, size, { channels, rate, bytes, read }) {
  const count = Math.floor(size / (bytes * channels));
  return {
    rate,
    channels: Array.from({ length: channels }, (_, c) =>
      Float32Array.from({ length: count }, (_, i) => read(start + (i * channels + c) * bytes)),
    ),
  };
}

/** Samples at another rate, by a polyphase filter: SciPy's default for resample_poly (Kaiser 5.0). */
function resample(samples, rate, target) {
  if (rate === target) return samples;
  const common = gcd(rate, target);
  const [up, down] = [target / common, rate / common];
  if (Math.max(up, down) > MOST_TERMS) {
    throw new AudioError(`cannot resample from ${rate} Hz to ${target} Hz; convert the file to ${target} Hz first`);
  }
  const half = 10 * Math.max(up, down);
  const taps = lowPass(half, 1 / Math.max(up, down), up);
  const made = new Float32Array(Math.ceil((samples.length * up) / down));
  for (let n = 0; n < made.length; n++) {
    // of a signal with up - 1 zeros between samples: taps[half + n * down - i * up] * samples[i]
    const at = n * down;
    const first = Math.max(0, Math.ceil((at - half) / up));
    const last = Math.min(samples.length - 1, Math.floor((at + half) / up));
    let sum = 0;
    for (let i = first; i <= last; i++) sum += taps[half + at - i * up] * samples[i];
    made[n] = sum;
  }
  return made;
}

/** A low-pass filter of 2 * half + 1 taps that ends at `cutoff` of half the rate; they add up to `gain`. */
function lowPass(half, cutoff, gain) {
  const taps = Float64Array.from({ length: 2 * half + 1 }, (_, i) => {
    const x = i - half;
    const sinc = x === 0 ? 1 : Math.sin(Math.PI * cutoff * x) / (Math.PI * cutoff * x);
    return cutoff * sinc * bessel(5 * Math.sqrt(Math.max(0, 1 - (x / half) ** 2)));
  });
  const sum = taps.reduce((a, b) => a + b, 0);
  return taps.map((tap) => (tap / sum) * gain);
}

/** The modified Bessel function of order 0. */
function bessel(x) {
  let [sum, term] = [1, 1];
  for (let k = 1; term > 1e-17 * sum; k++) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
}

const gcd = (a, b) => (b ? gcd(b, a % b) : a);

/** Without its trailing silence, faded out and followed by 80 ms of zeros. */
function endOnPause(samples, rate) {
  const frame = Math.max(1, Math.floor(FRAME_S * rate));
  const count = Math.floor(samples.length / frame);
  if (count === 0) return samples;
  const levels = Float32Array.from({ length: count }, (_, i) => {
    let squares = 0;
    for (const value of samples.subarray(i * frame, (i + 1) * frame)) squares += value * value;
    return 20 * Math.log10(Math.sqrt(squares / frame) + 1e-12);
  });
  const floor = levels.reduce((a, b) => Math.max(a, b), -Infinity) - FLOOR_DB;
  const end = (levels.findLastIndex((level) => level > floor) + 1) * frame;
  const fade = Math.min(Math.floor(FADE_S * rate), end);
  const ended = new Float32Array(end + Math.floor(PAUSE_S * rate));
  ended.set(samples.subarray(0, end));
  for (let i = 0; i < fade; i++) ended[end - fade + i] *= 1 - i / Math.max(fade - 1, 1);
  return ended;
}

/** A recording as the encoder takes it: one channel at the model's rate, ended on a pause, in whole frames. */
export function prepareRecording({ channels, rate }, { sample_rate: target, samples_per_frame: frame, limits }, truncate) {
  let samples = oneVoice(channels);
  if (truncate) samples = samples.subarray(0, Math.floor(PROMPT_SECONDS * rate));
  samples = resample(samples, rate, target);
  if (samples.length === 0) {
    throw new AudioError("voice prompt: no samples; expected speech, best 5 to 30 seconds of it");
  }
  const seconds = samples.length / target;
  if (seconds > limits.voice_seconds) {
    throw new AudioError(
      `voice prompt: ${seconds.toFixed(0)} s of sound; expected at most ${limits.voice_seconds} s, best 5 to 30; use ` +
        "its first 30 s (truncate)",
    );
  }
  const odd = samples.find((value) => !(Math.abs(value) < ABSURD));
  if (odd !== undefined) throw new AudioError(`voice prompt: a sample of ${odd}; expected numbers in [-1, 1]`);
  const ended = endOnPause(samples, target);
  const whole = new Float32Array(Math.ceil(ended.length / frame) * frame);
  whole.set(ended);
  return whole;
}
