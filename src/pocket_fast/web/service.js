// The engine behind a message port: in a worker, or on the thread of whoever asks.
//
// Requests are {id, method, ...}, answers {id, result} or {id, error}; before that may come {id, progress} and
// {id, sound, computed}. {id, method: "cancel"} ends what is going on under that id within a frame.

import { Engine, checkSeed, seedWords } from "./engine.js";
import { TextError, packed } from "./errors.js";
import { piecesOf } from "./source.js";
import { passages } from "./text/arriving.js";

const AHEAD = 64; // frames that are made before their listener asks for more
const WARM_FRAMES = 4;

/** Answers what comes through a port. -> close(), which ends all that is going on within a frame. */
export function serve(port) {
  const service = new Service(port);
  port.onmessage = ({ data }) => service.take(data);
  return () => service.close();
}

class Service {
  #port;
  #engine = null;
  #tasks = new Map(); // id -> Task, of what is going on
  #turn = Promise.resolve(); // of who may use the one utterance
  #waiting = 0;

  constructor(port) {
    this.#port = port;
  }

  take(message) {
    const { id, method } = message;
    const task = this.#tasks.get(id);
    if (method === "cancel") task?.cancel();
    else if (method === "more") task?.allow(message.frames);
    else if (method === "piece") task?.put(message);
    else this.#answer(id, method, message);
  }

  async close() {
    for (const task of this.#tasks.values()) task.cancel();
    this.#port.close();
    await this.#turn;
    this.#engine?.close();
    this.#engine = null;
  }

  async #answer(id, method, message) {
    const task = new Task();
    this.#tasks.set(id, task);
    const reply = (answer, transfer = []) => this.#port.postMessage({ id, ...answer }, transfer);
    try {
      const [result, transfer] = (await this[method](message, task, reply)) ?? [];
      reply({ result }, transfer);
    } catch (error) {
      reply({ error: packed(error) });
    }
    this.#tasks.delete(id);
  }

  async load({ module, source, cache }, task, reply) {
    const pieces = source === null ? task.pieces() : piecesOf(source, { cache, signal: task.signal });
    const watched = stoppable(pieces, task);
    this.#engine = await Engine.load(module, watched, (received, total) => reply({ progress: [received, total] }));
    task.check();
    return [this.#engine.about];
  }

  async voice({ name, given, where, truncate }, task) {
    const voice = await this.#alone(task, () =>
      name === undefined ? this.#hear(task, given, where, truncate) : this.#engine.voices.byName(name),
    );
    return [{ number: voice, positions: this.#engine.voices.positions(voice) }];
  }

  async exportVoice({ voice }, task) {
    return [await this.#alone(task, () => this.#engine.voices.file(voice))];
  }

  async forgetVoice({ voice }, task) {
    await this.#alone(task, () => this.#engine.voices.forget(voice));
  }

  async stats() {
    return [{ memory: this.#engine.bytes }];
  }

  /** A few frames that nobody hears, so that the first ones are made as fast as all others. */
  async warmUp({ voice }, task) {
    await this.#alone(task, async () => {
      const [chunk] = this.#engine.plan(this.#engine.about.defaults.text ?? "A.", {}).filter((p) => typeof p === "object");
      let frames = 0;
      if (!chunk) return;
      for (const sound of this.#engine.speak(chunk, voice, seedWords(0, 0), {}, false)) {
        if (sound) frames += 1;
        if (frames === WARM_FRAMES || this.#waiting || task.cancelled) break;
        await breathe();
      }
    });
  }

  /**
   * Sound of a text, or of the pieces of one that is still being written (arrives). Answered when all of it is out.
   * Whole: as one array, which comes with the answer.
   */
  async speak({ text, arrives, options, voice, seed, whole }, task, reply) {
    const settings = this.#engine.checkSettings(options);
    const { maxTokens, framesAfterEos } = settings;
    const planned = { maxTokens, framesAfterEos, naturalPauses: options.pauses };
    const started = performance.now();
    const made = [];
    const stats = { samples: 0, frames: 0, chunks: 0, cutOff: 0, firstSound: null, computed: 0 };
    seed = checkSeed(seed);
    const send = async (sound, computed) => {
      stats.firstSound ??= performance.now() - started;
      stats.samples += sound.length;
      if (whole) made.push(sound);
      else {
        reply({ sound, computed }, [sound.buffer]);
        await task.mayGoOn(AHEAD, () => this.#waiting > 0);
      }
    };
    await this.#alone(task, async () => {
      for await (const parts of arrives ? this.#parts(task, planned) : [this.#whole(text, planned)]) {
        await this.#sayAll(parts, task, { voice, seed, settings, stats, send });
      }
    });
    stats.elapsed = performance.now() - started;
    const all = whole ? joined(made, stats.samples) : null;
    return [{ stats, sound: all }, all ? [all.buffer] : []];
  }

  #whole(text, planned) {
    const parts = this.#engine.plan(text, planned);
    if (!parts.length) throw new TextError("the text is blank to this model: it has no words for any of its characters");
    return parts;
  }

  /** The parts of each passage of a text that arrives. */
  async *#parts(task, planned) {
    let said = false;
    for await (const passage of passages(task.pieces())) {
      const parts = this.#engine.plan(passage, planned);
      said ||= parts.length > 0;
      yield parts;
    }
    if (!said) throw new TextError("the text is blank: nothing came that can be spoken");
  }

  async #sayAll(parts, task, { voice, seed, settings, stats, send }) {
    const size = this.#engine.about.samples_per_frame;
    for (const [i, part] of parts.entries()) {
      if (typeof part === "number") {
        for (let left = part; left > 0; left -= size) await send(new Float32Array(Math.min(size, left)), 0);
        continue;
      }
      const words = seedWords(seed, stats.chunks++);
      let computed = this.#engine.computed;
      for (const sound of this.#engine.speak(part, voice, words, settings, typeof parts[i + 1] === "number")) {
        task.check();
        if (sound) {
          const spent = this.#engine.computed - computed;
          [computed, stats.computed] = [this.#engine.computed, stats.computed + spent];
          stats.frames += 1;
          await send(sound, spent);
        }
        await breathe();
        task.check();
      }
      if (!this.#engine.heardEnd) stats.cutOff += 1;
    }
  }

  async #hear(task, given, where, truncate) {
    const steps = this.#engine.voices.hear(given, where, truncate);
    let step = steps.next();
    while (!step.done) {
      await breathe();
      step = task.cancelled ? steps.return() : steps.next();
    }
    task.check();
    return step.value;
  }

  /** Runs when all before it are done: the module speaks one utterance at a time. */
  async #alone(task, run) {
    const before = this.#turn;
    let done;
    this.#turn = new Promise((resolve) => (done = resolve));
    this.#waiting += 1;
    await before;
    this.#waiting -= 1;
    try {
      task.check();
      return await run();
    } finally {
      done();
    }
  }
}

/** Something that is going on: whether it is still wanted, how much its listener has taken, and what comes for it. */
class Task {
  cancelled = false;
  #abort = new AbortController();
  #sent = 0;
  #taken = 0;
  #pieces = [];
  #stir = null;

  get signal() {
    return this.#abort.signal;
  }

  cancel() {
    this.cancelled = true;
    this.#abort.abort();
    this.#stir?.();
  }

  check() {
    if (this.cancelled) throw new DOMException("It was stopped.", "AbortError");
  }

  /** Its listener has taken so many frames more. */
  allow(frames) {
    this.#taken += frames;
    this.#stir?.();
  }

  /** Counts a frame that was sent, and waits while too many have not been taken; not where others wait for it. */
  async mayGoOn(most, isHurried) {
    this.#sent += 1;
    while (this.#sent - this.#taken >= most && !isHurried()) {
      await Promise.race([new Promise((resolve) => (this.#stir = resolve)), later(50)]);
      this.check();
    }
  }

  /** {piece}, {end: true} or {failure}. */
  put(message) {
    this.#pieces.push(message);
    this.#stir?.();
  }

  /** What is put, until its end. */
  async *pieces() {
    for (;;) {
      while (!this.#pieces.length) {
        await new Promise((resolve) => (this.#stir = resolve));
        this.check();
      }
      const { piece, end, failure } = this.#pieces.shift();
      if (failure) throw Object.assign(new Error(failure.message), failure);
      if (end) return;
      yield piece;
    }
  }
}

async function* stoppable(pieces, task) {
  for await (const piece of pieces) {
    task.check();
    yield piece;
  }
}

const later = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Lets messages in. Timers would take 4 ms. */
const breathe = (() => {
  if (typeof setImmediate === "function") return () => new Promise((resolve) => setImmediate(resolve));
  let resolve = null;
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = () => resolve();
  return () =>
    new Promise((go) => {
      resolve = go;
      port2.postMessage(null);
    });
})();

function joined(parts, length) {
  const all = new Float32Array(length);
  parts.reduce((at, part) => (all.set(part, at), at + part.length), 0);
  return all;
}
