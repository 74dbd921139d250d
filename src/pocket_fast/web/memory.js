// The WebAssembly module at work: its memory, and its errors as exceptions.

import { ConfigError, UnsupportedError, VoiceError, WeightsError } from "./errors.js";

const ERRORS = { [-1]: UnsupportedError, [-2]: WeightsError, [-3]: VoiceError, [-4]: ConfigError };

export class Memory {
  /** @param {WebAssembly.Module} module */
  static async start(module) {
    const { exports } = await WebAssembly.instantiate(module, {});
    exports._initialize?.();
    return new Memory(exports);
  }

  constructor(exports) {
    this.calls = exports;
  }

  get size() {
    return this.calls.memory.buffer.byteLength;
  }

  /** A view of so many bytes; until something allocates. */
  bytes(at, count) {
    return new Uint8Array(this.calls.memory.buffer, at, count);
  }

  floats(at, count) {
    return new Float32Array(this.calls.memory.buffer, at, count);
  }

  /** Calls use(address, view) with room for a typed array, which is in there unless `empty`; gives the room back. */
  lend(array, use, empty = false) {
    const at = this.alloc(array.byteLength);
    try {
      const view = new array.constructor(this.calls.memory.buffer, at, array.length);
      if (!empty) view.set(array);
      return use(at, view);
    } finally {
      this.calls.pw_free(at);
    }
  }

  alloc(count) {
    return this.calls.pw_alloc(count) || this.fail(UnsupportedError);
  }

  /** The result of a call that gives an error below 0. */
  check(result) {
    return result < 0 ? this.fail(ERRORS[result] ?? ConfigError) : result;
  }

  /** Throws the module's last error. */
  fail(Kind) {
    const at = this.calls.pw_error();
    const all = new Uint8Array(this.calls.memory.buffer, at);
    const said = new TextDecoder().decode(all.slice(0, all.indexOf(0)));
    throw new Kind(said || "the browser gives a page no more memory; close other tabs or take a smaller model");
  }
}
