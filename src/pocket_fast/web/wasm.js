// The WebAssembly module: which of its builds runs here, and where it comes from.

import { DownloadError, UnsupportedError } from "./errors.js";
import { absolute, bytesOf } from "./source.js";

// Modules of one function each, which only an engine with the feature accepts.
const PROBES = {
  // i8x16.relaxed_swizzle
  relaxed: [1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 15, 1, 13, 0, 65, 1, 253, 15, 65, 2, 253, 15, 253, 128, 2, 11],
  // i8x16.popcnt
  simd128: [1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11],
};

/** The builds of the module, the fastest first. */
export const BUILDS = Object.keys(PROBES);

/** The fastest build that this engine runs, or null. */
export function bestBuild() {
  const runs = (build) => WebAssembly.validate(Uint8Array.from([0, 97, 115, 109, 1, 0, 0, 0, ...PROBES[build]]));
  return BUILDS.find(runs) ?? null;
}

/**
 * Fetch and compile the module; load() does so itself where nobody did before.
 * @param {object} [options]
 * @param {string | URL} [options.url] the folder that holds relaxed.wasm and simd128.wasm (default: that of this file),
 *   or one .wasm file
 * @param {"relaxed" | "simd128"} [options.build] default: the best that runs here
 * @param {AbortSignal} [options.signal]
 * @returns {Promise<{module: WebAssembly.Module, build: string, bytes: number}>}
 */
export async function loadWasm({ url = new URL("./", import.meta.url), build = bestBuild(), signal } = {}) {
  if (!BUILDS.includes(build)) {
    throw new UnsupportedError(
      build === null
        ? "this browser has no WebAssembly SIMD; Chrome 91, Firefox 89, Safari 16.4, Node 20 or later have it"
        : `unknown build ${JSON.stringify(build)}; use ${BUILDS.map((name) => `'${name}'`).join(" or ")}`,
    );
  }
  const place = absolute(url);
  const file = place.pathname.endsWith(".wasm") ? place : new URL(`${build}.wasm`, place.href.replace(/\/?$/, "/"));
  const bytes = await bytesOf(file, signal);
  try {
    return { module: await WebAssembly.compile(bytes), build, bytes: bytes.byteLength };
  } catch (error) {
    if (!(error instanceof WebAssembly.CompileError)) throw error; // a policy that forbids it says so itself
    throw new DownloadError(`${file} is no WebAssembly module that runs here (${error.message})`);
  }
}
