// Plays speech while it is made: await player.play(tts.stream(text)).

import { Player } from "./player.js";

const AHEAD = 10; // seconds that are taken from a stream before they are heard

export class SpeechPlayer {
  #player = new Player((report) => this.#heard(report));
  #position = 0;
  #running = null; // {rate, chunks, complete, stopped, ended, finish}
  #stir = () => {};
  #onstate;
  state = "still"; // or "waiting", "playing", "paused"
  level = 0; // of what was heard in the latest thirtieth of a second, 0 to 1 (root mean square)
  gaps = 0; // times the sound ran dry

  /** onstate(player): told whenever state, level or position change. */
  constructor(onstate = () => {}) {
    this.#onstate = onstate;
  }

  /** Seconds that were heard. */
  get position() {
    return this.#running ? this.#position / this.#running.rate : 0;
  }

  /**
   * Plays a stream of samples (Float32Array) from its start, in place of what is being played; resolves when the last
   * one was heard, or when it was stopped. A stream that fails ends the sound, and rejects. Browsers want a click or a
   * key before the first sound of a page.
   * @param {AsyncIterable<Float32Array>} stream
   */
  async play(stream, rate = 24000) {
    this.stop();
    const running = { rate, chunks: [], complete: false, stopped: false };
    running.ended = new Promise((finish) => (running.finish = finish));
    this.#running = running;
    this.#position = this.gaps = 0;
    this.#player.load(running);
    this.#player.play();
    this.#show("waiting", 0);
    let taken = 0;
    try {
      for await (const chunk of stream) {
        if (running.stopped) return; // which ends the stream
        this.#player.push(chunk);
        taken += chunk.length;
        while (taken - this.#position > AHEAD * rate && !running.stopped) await new Promise((go) => (this.#stir = go));
      }
    } catch (error) {
      if (!running.stopped) this.stop();
      throw error;
    }
    if (running.stopped) return;
    this.#player.finish();
    running.complete = true;
    if (taken) await running.ended;
    else this.stop();
  }

  pause() {
    this.#player.pause();
    if (this.#running) this.#show("paused", 0);
  }

  resume() {
    if (this.#running) this.#player.play();
  }

  /** Ends the sound, and the computing within a frame. */
  stop() {
    const running = this.#running;
    if (!running) return;
    this.#running = null;
    running.stopped = true;
    this.#player.pause();
    running.finish();
    this.#stir();
    this.#show("still", 0);
  }

  #heard({ position, playing, sounding, ended, gaps, level }) {
    if (!this.#running) return;
    this.#position = position;
    this.gaps = gaps;
    this.#stir();
    if (ended) return this.stop();
    this.#show(playing ? (sounding ? "playing" : "waiting") : "paused", level);
  }

  #show(state, level) {
    this.state = state;
    this.level = level;
    this.#onstate(this);
  }
}
