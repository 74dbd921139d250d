// The waveform of a clip, drawn while it grows; a slider for pointer and keys.

import { BLOCK } from "./clip.js";

const PITCH = 3; // px from bar to bar
const BAR = 2;
const QUIET = 0.3; // peaks below this do not fill the height

export const clock = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;

export class Wave {
  #clip = null;
  #position = 0;
  #frame = 0;

  /** box: the element with the slider's role, a canvas in it; onseek(sample), ontoggle() for space and enter. */
  constructor(box, onseek, ontoggle) {
    this.box = box;
    this.canvas = box.querySelector("canvas");
    this.onseek = onseek;
    this.ontoggle = ontoggle;
    new ResizeObserver(() => this.#draw()).observe(box);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#draw());
    box.addEventListener("keydown", (event) => this.#key(event));
    box.addEventListener("pointerdown", (event) => {
      box.setPointerCapture(event.pointerId);
      this.#point(event);
    });
    box.addEventListener("pointermove", (event) => {
      if (box.hasPointerCapture(event.pointerId)) this.#point(event);
    });
  }

  /** Shows a clip heard up to a sample. */
  show(clip, position) {
    this.#clip = clip;
    this.#position = position;
    const seconds = position / clip.rate;
    this.box.setAttribute("aria-valuemax", clip.seconds.toFixed(1));
    this.box.setAttribute("aria-valuenow", seconds.toFixed(1));
    this.box.setAttribute("aria-valuetext", `${clock(seconds)} of ${clock(clip.seconds)}`);
    this.#frame ||= requestAnimationFrame(() => this.#draw());
  }

  #seek(sample) {
    if (this.#clip) this.onseek(Math.round(Math.max(0, Math.min(sample, this.#clip.length))));
  }

  #point({ clientX }) {
    const { left, width } = this.box.getBoundingClientRect();
    this.#seek(((clientX - left) / width) * (this.#clip?.span ?? 0));
  }

  #key(event) {
    if (!this.#clip || event.ctrlKey || event.metaKey || event.altKey) return;
    const { rate, length } = this.#clip;
    const steps = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -5, PageUp: 5 };
    if (event.key === "Home") this.#seek(0);
    else if (event.key === "End") this.#seek(length);
    else if (event.key in steps) this.#seek(this.#position + steps[event.key] * rate);
    else if (event.key === " " || event.key === "Enter") this.ontoggle();
    else return;
    event.preventDefault();
  }

  #draw() {
    this.#frame = 0;
    const { clientWidth: width, clientHeight: height } = this.box;
    const scale = window.devicePixelRatio || 1;
    this.canvas.width = Math.round(width * scale);
    this.canvas.height = Math.round(height * scale);
    const pen = this.canvas.getContext("2d");
    pen.scale(scale, scale);
    const style = getComputedStyle(this.box);
    const paint = { heard: "--accent", ahead: "--wave", missing: "--line" };
    const bars = { heard: new Path2D(), ahead: new Path2D(), missing: new Path2D() };
    const span = this.#clip?.span ?? 1;
    const count = Math.floor((width + PITCH - BAR) / PITCH);
    const half = height / 2;
    const gain = (0.94 * half) / Math.max(QUIET, this.#clip?.peak ?? 0);
    for (let i = 0; i < count; i++) {
      const from = (i / count) * span;
      const kind = !this.#clip || from >= this.#clip.length ? "missing" : from < this.#position ? "heard" : "ahead";
      const [low, high] = kind === "missing" ? [0, 0] : this.#peaks(from, ((i + 1) / count) * span);
      const tall = Math.max(BAR, gain * (high - low));
      bars[kind].roundRect(i * PITCH, half - (gain * (high + low) + tall) / 2, BAR, tall, BAR / 2);
    }
    for (const kind in bars) {
      pen.fillStyle = style.getPropertyValue(paint[kind]);
      pen.fill(bars[kind]);
    }
  }

  #peaks(from, to) {
    const { lows, highs } = this.#clip;
    const first = Math.floor(from / BLOCK);
    const end = Math.min(lows.length, Math.max(first + 1, Math.ceil(to / BLOCK)));
    let low = 0;
    let high = 0;
    for (let i = first; i < end; i++) {
      low = Math.min(low, lows[i]);
      high = Math.max(high, highs[i]);
    }
    return [low, high];
  }
}
