// One thing that was said: the request, its samples, and what was measured.

import { wav } from "./wav.js";

export const BLOCK = 240; // samples behind one pair of peaks, 10 ms

export class Clip {
  chunks = []; // Int16Array each
  length = 0;
  lows = []; // per BLOCK samples, -1..1
  highs = [];
  peak = 0; // of them all
  complete = false;
  whole = false; // false at the end: cancelled, or the connection broke
  firstAudio = null; // ms
  elapsed = 0; // ms, until the latest samples arrived
  gaps = 0;

  /** request: {text, voice, sample, seed, ...}; expected: seconds it will last, a guess. */
  constructor(request, rate, expected) {
    Object.assign(this, { request, rate, expected });
  }

  get seconds() {
    return this.length / this.rate;
  }

  get voice() {
    return this.request.sample?.name ?? (this.request.voice || "default voice");
  }

  /** Samples that a picture of the clip is wide: while it grows, what is expected. */
  get span() {
    let span = this.complete ? this.length : this.expected * this.rate;
    while (span < this.length) span *= 1.25;
    return Math.max(1, Math.round(span));
  }

  push(chunk) {
    for (let i = 0; i < chunk.length; i++) {
      const block = Math.floor((this.length + i) / BLOCK);
      const value = chunk[i] / 32768;
      this.peak = Math.max(this.peak, Math.abs(value));
      if (block === this.lows.length) {
        this.lows.push(value);
        this.highs.push(value);
      } else if (value < this.lows[block]) this.lows[block] = value;
      else if (value > this.highs[block]) this.highs[block] = value;
    }
    this.chunks.push(chunk);
    this.length += chunk.length;
  }

  finish(whole) {
    const all = new Int16Array(this.length);
    let at = 0;
    for (const chunk of this.chunks) {
      all.set(chunk, at);
      at += chunk.length;
    }
    this.chunks = [all];
    this.complete = true;
    this.whole = whole;
  }

  wav() {
    return wav(this.chunks, this.rate);
  }

  /** A file name out of the first words. */
  fileName(suffix) {
    const words = this.request.text.normalize("NFD").toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
    return `${words.slice(0, 6).join("-").slice(0, 48) || "speech"}.${suffix}`;
  }
}
