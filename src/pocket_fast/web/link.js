// The other end of service.js: requests as promises, sound as it comes.

import { UnsupportedError, unpacked } from "./errors.js";

/**
 * A link to an engine that is not there yet.
 * @param {"worker" | "main"} where
 */
export async function connect(where) {
  const { port1, port2 } = new MessageChannel();
  if (where === "main") {
    const { serve } = await import("./service.js");
    const close = serve(port2);
    port2.unref?.(); // Node: what waits for an answer keeps a program alive, not what could give one
    return new Link(port1, close);
  }
  if (typeof Worker === "function") {
    const worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module", name: "pocket-fast" });
    const link = new Link(port1, () => worker.terminate(), worker);
    worker.onerror = (event) => link.break(event.message || "its files could not be loaded");
    worker.postMessage({ port: port2 }, [port2]);
    return link;
  }
  const { Worker: Thread } = await import(/* @vite-ignore */ /* webpackIgnore: true */ "node:worker_threads");
  const thread = new Thread(new URL("./worker.js", import.meta.url), { workerData: { port: port2 }, transferList: [port2] });
  const link = new Link(port1, () => thread.terminate(), thread);
  thread.on("error", (error) => link.break(error.message));
  return link;
}

export class Link {
  #port;
  #stop;
  #pending = new Map(); // id -> {resolve, reject, hear}
  #count = 0;
  #broken = null;
  #held; // what keeps a program alive outside browsers: only while something is asked

  constructor(port, stop, worker = null) {
    this.#port = port;
    this.#stop = stop;
    this.#held = [port, worker];
    port.onmessage = ({ data }) => this.#take(data);
    this.#hold(false);
  }

  #hold(isAsked) {
    for (const each of this.#held) each?.[isAsked ? "ref" : "unref"]?.();
  }

  /**
   * -> {id, done}: done is a promise of the result. hear: told of {progress} and of {sound, computed}.
   * signal: ends it; the promise is then rejected with the signal's reason.
   */
  ask(method, message = {}, { hear, signal, transfer = [] } = {}) {
    const id = ++this.#count;
    const done = new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      if (this.#broken) return reject(this.#broken);
      const stop = () => {
        this.tell("cancel", id);
        this.#settle(id);
        reject(signal.reason);
      };
      const forget = () => signal?.removeEventListener("abort", stop);
      signal?.addEventListener("abort", stop, { once: true });
      this.#pending.set(id, { resolve, reject, hear, forget });
      this.#hold(true);
      this.#port.postMessage({ ...message, id, method }, transfer);
    });
    return { id, done };
  }

  /** Of what is going on under an id: no answer. */
  tell(method, id, message = {}, transfer = []) {
    this.#port.postMessage({ ...message, id, method }, transfer);
  }

  /** The thread failed: nothing will be answered any more. */
  break(why) {
    this.#end(new UnsupportedError(`the engine's worker stopped: ${why}; try {engine: "main"}`));
  }

  /** Ends the thread, and with `error` whatever is going on. */
  close(error) {
    this.#end(error);
    this.#port.close();
    this.#stop();
  }

  #end(error) {
    this.#broken = error;
    for (const id of [...this.#pending.keys()]) this.#settle(id)?.reject(this.#broken);
  }

  #settle(id) {
    const waiting = this.#pending.get(id);
    this.#pending.delete(id);
    waiting?.forget();
    if (!this.#pending.size) this.#hold(false);
    return waiting;
  }

  /** A listener that fails ends what it listens to. */
  #tellOf(id, { hear }, news) {
    try {
      hear?.(news);
    } catch (error) {
      this.tell("cancel", id);
      this.#settle(id).reject(error);
    }
  }

  #take({ id, result, error, ...news }) {
    const waiting = this.#pending.get(id);
    if (!waiting) return;
    if (news.progress || news.sound) this.#tellOf(id, waiting, news);
    else if (error) this.#settle(id).reject(unpacked(error));
    else this.#settle(id).resolve(result);
  }
}
