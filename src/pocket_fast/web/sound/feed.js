// The samples of one clip and the place that is being heard. Runs where the sound is made: in the audio thread.

const SHORTEST_LEAD = 0.16; // seconds, two frames of the model
const LONGEST_LEAD = 3;

export class Feed {
  lead = 0; // samples that must have arrived before sound starts, or goes on after a gap
  gaps = 0;
  sounding = false;
  latest = 0; // the last sample that went out
  #squares = 0; // of what went out since the latest report
  #heard = 0;

  /** Begins an empty clip. A clip that ran dry leaves its longer lead to the next one, others a shorter one. */
  reset(id, rate) {
    const lead = this.gaps ? this.lead : this.lead * 0.75;
    this.lead = Math.max(lead, SHORTEST_LEAD * rate);
    this.longest = LONGEST_LEAD * rate;
    this.id = id;
    this.chunks = []; // Int16Array or Float32Array each: never copied together, so that nothing here takes long
    this.starts = []; // the place of each one's first sample
    this.length = this.position = this.index = 0;
    this.complete = this.playing = false;
    this.gaps = 0;
    this.jumped = true;
  }

  push(chunk) {
    this.starts.push(this.length);
    this.chunks.push(chunk);
    this.length += chunk.length;
  }

  finish() {
    this.complete = true;
  }

  play() {
    this.playing = true;
  }

  pause() {
    this.playing = false;
  }

  seek(position) {
    this.position = Math.max(0, Math.min(position, this.length));
    this.index = 0;
    this.jumped = true;
  }

  /** Fills `out` (Float32Array). Where the sound starts, stops or jumps, this block joins the two: nothing clicks. */
  read(out) {
    const before = this.sounding;
    this.sounding = this.playing && this.#enough(out.length);
    if (this.sounding) this.#copy(out);
    else out.fill(0);
    if (before !== this.sounding || this.jumped) {
      for (let i = 0; i < out.length; i++) out[i] = (out[i] * i + this.latest * (out.length - i)) / out.length;
    }
    this.jumped = false;
    this.latest = out.at(-1);
    for (let i = 0; i < out.length; i++) this.#squares += out[i] * out[i];
    this.#heard += out.length;
  }

  report() {
    const { id, position, sounding, gaps } = this;
    const ended = this.complete && position === this.length;
    const level = Math.sqrt(this.#squares / Math.max(this.#heard, 1));
    this.#squares = this.#heard = 0;
    return { id, position, playing: this.playing && !ended, sounding, ended, gaps, level };
  }

  #enough(count) {
    const left = this.length - this.position;
    if (this.complete) return left > 0;
    if (!this.sounding || this.jumped) return left >= Math.max(this.lead, count);
    if (left >= count) return true;
    this.gaps += 1;
    this.lead = Math.min(2 * this.lead, this.longest);
    return false;
  }

  #copy(out) {
    let done = 0;
    while (done < out.length && this.position < this.length) {
      while (this.starts[this.index + 1] <= this.position) this.index += 1;
      const chunk = this.chunks[this.index];
      const from = this.position - this.starts[this.index];
      const count = Math.min(out.length - done, chunk.length - from);
      const scale = chunk instanceof Int16Array ? 1 / 32768 : 1;
      for (let i = 0; i < count; i++) out[done + i] = chunk[from + i] * scale;
      done += count;
      this.position += count;
    }
    out.fill(0, done);
  }
}
