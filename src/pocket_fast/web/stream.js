// One text's speech on its way: an async iterable of frames, and the object of the Rust port to pull from.

const HEARD_AT_ONCE = 8; // frames between two messages that more may be made

export class SpeechStream {
  #begin;
  #outer;
  #abort = new AbortController();
  #frames = []; // {sound, computed}
  #started = null;
  #over = false;
  #error = null;
  #waiting = []; // those who wait for the next frame
  #taken = 0;
  #link = null;
  #stats = { samples: 0, computeMs: 0, chunksMerged: 0 };
  #leave = () => this.#stopped();

  /** begin(hear, signal) -> {took(frames), finished}: asks for the speech; called when somebody first listens. */
  constructor(begin, signal) {
    this.#begin = begin;
    this.#outer = signal;
  }

  /** The next 80 ms, or less at the end of a pause; null at the end. @returns {Promise<Float32Array | null>} */
  async nextChunk() {
    const frame = await this.#next();
    this.#stats = frame
      ? { samples: frame.sound.length, computeMs: frame.computed, chunksMerged: 1 }
      : { samples: 0, computeMs: 0, chunksMerged: 0 };
    return frame?.sound ?? null;
  }

  /** At least `least` samples, less at the end; null when there are none. */
  async nextChunkMinSamples(least) {
    const frames = [];
    let samples = 0;
    while (samples < Math.max(1, least)) {
      const frame = await this.#next();
      if (!frame) break;
      frames.push(frame);
      samples += frame.sound.length;
    }
    const computeMs = frames.reduce((sum, { computed }) => sum + computed, 0);
    this.#stats = { samples, computeMs, chunksMerged: frames.length };
    if (!frames.length) return null;
    const all = new Float32Array(samples);
    frames.reduce((at, { sound }) => (all.set(sound, at), at + sound.length), 0);
    return all;
  }

  /** Of the latest chunk: {samples, computeMs, chunksMerged}. */
  lastChunkStats() {
    return this.#stats;
  }

  /** Ends it; what is being computed ends within a frame. */
  stop() {
    this.#end(null);
    this.#frames = [];
    this.#abort.abort(new DOMException("It was stopped.", "AbortError"));
  }

  [Symbol.asyncIterator]() {
    return {
      next: async () => {
        const value = await this.nextChunk();
        return value === null ? { done: true, value: undefined } : { done: false, value };
      },
      return: async () => {
        this.stop();
        return { done: true, value: undefined };
      },
      [Symbol.asyncIterator]() {
        return this;
      },
    };
  }

  async #next() {
    this.#started ??= this.#start();
    await this.#started;
    while (!this.#frames.length && !this.#over) await new Promise((resolve) => this.#waiting.push(resolve));
    if (this.#outer?.aborted && !this.#abort.signal.aborted) this.#stopped();
    if (!this.#frames.length) {
      if (this.#error) throw this.#error;
      return null;
    }
    this.#taken += 1;
    if (this.#taken % HEARD_AT_ONCE === 0) this.#link.took(HEARD_AT_ONCE);
    return this.#frames.shift();
  }

  async #start() {
    if (this.#over) return;
    if (this.#outer?.aborted) return this.#stopped();
    this.#outer?.addEventListener("abort", this.#leave);
    try {
      this.#link = await this.#begin((frame) => {
        this.#frames.push(frame);
        this.#wake();
      }, this.#abort.signal);
      this.#link.finished.then(
        () => this.#end(null),
        (error) => this.#end(error),
      );
    } catch (error) {
      this.#end(error);
    }
  }

  #wake() {
    for (const go of this.#waiting.splice(0)) go();
  }

  /** The caller's signal: nothing more is heard, not even what is there already. */
  #stopped() {
    if (this.#frames.length) this.#over = false; // all of it was made, but not all was heard
    this.#frames = [];
    this.#end(this.#outer.reason);
    this.#abort.abort(this.#outer.reason);
  }

  #end(error) {
    if (this.#over) return;
    this.#over = true;
    this.#error = error;
    this.#outer?.removeEventListener("abort", this.#leave);
    this.#wake();
  }
}
