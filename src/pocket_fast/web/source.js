// Where bytes come from: an address, a Response, a buffer, a file, a stream -> pieces, one after the other.

import { HEADER } from "./bundle.js";
import { ConfigError, DownloadError } from "./errors.js";

const CACHE = "pocket-fast";
const PIECE = 1 << 20; // of a buffer, and of a file on disk

const nothing = () => {};
const isNode = typeof process !== "undefined" && Boolean(process.versions?.node);
// Not for bundlers to resolve: browsers never come here.
const nodeModule = (name) => import(/* @vite-ignore */ /* webpackIgnore: true */ `node:${name}`);

/** An absolute address, of what may be relative to the page; outside browsers to the working folder. */
export const absolute = (url) => new URL(url, globalThis.location?.href ?? `file://${isNode ? asPath(process.cwd()) : ""}/`);

const asPath = (folder) => encodeURI(folder).replace(/[?#]/g, encodeURIComponent);

/** Whether it is an address: a URL or a text. */
export const isAddress = (source) => typeof source === "string" || source instanceof URL;

/**
 * The pieces of a source, (bytes) Uint8Array each. Those of a buffer are views of it.
 * signal: stops it. cache: whether an address is kept in the browser's cache of this name.
 */
export async function* piecesOf(source, { signal, cache = false } = {}) {
  if (isAddress(source)) yield* piecesOfAddress(absolute(source), signal, cache);
  else if (source instanceof ArrayBuffer || ArrayBuffer.isView(source)) yield* piecesOfBuffer(source);
  else if (typeof Response !== "undefined" && source instanceof Response) yield* piecesOfResponse(source, signal);
  else if (typeof Blob !== "undefined" && source instanceof Blob) yield* piecesOfStream(source.stream(), signal);
  else if (source?.getReader) yield* piecesOfStream(source, signal);
  else if (source?.[Symbol.asyncIterator]) yield* source;
  else {
    throw new ConfigError(
      `expected an address, a Response, an ArrayBuffer, a File or a stream, got ${source?.constructor?.name ?? source}`,
    );
  }
}

/** All of it at once. */
export async function bytesOf(source, signal) {
  if (source instanceof ArrayBuffer) return new Uint8Array(source);
  if (ArrayBuffer.isView(source)) return new Uint8Array(source.buffer, source.byteOffset, source.byteLength);
  const pieces = [];
  let length = 0;
  for await (const piece of piecesOf(source, { signal })) {
    pieces.push(piece);
    length += piece.byteLength;
  }
  const all = new Uint8Array(length);
  pieces.reduce((at, piece) => (all.set(piece, at), at + piece.byteLength), 0);
  return all;
}

/** Forgets what was kept of an address. -> whether there was something */
export async function forget(url) {
  return Boolean(await (await openCache())?.delete(absolute(url).href).catch(nothing));
}

function* piecesOfBuffer(buffer) {
  const bytes = ArrayBuffer.isView(buffer)
    ? new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength)
    : new Uint8Array(buffer);
  for (let at = 0; at < bytes.length; at += PIECE) yield bytes.subarray(at, at + PIECE);
}

async function* piecesOfAddress(url, signal, cache) {
  if (url.protocol === "file:" && isNode) {
    yield* piecesOfFile(url, signal);
    return;
  }
  const kept = cache && /^https?:$/.test(url.protocol) ? await openCache() : null;
  yield* piecesOfResponse(await answer(url, signal, kept), signal, url);
}

async function* piecesOfFile(url, signal) {
  const { createReadStream } = await nodeModule("fs");
  try {
    yield* createReadStream(url, { highWaterMark: PIECE, signal });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new DownloadError(`${url} cannot be read: ${error.message}`);
  }
}

/** What an address answers: the copy that was kept, if it is still the same there; else it is fetched, and kept. */
async function answer(url, signal, kept) {
  const copy = await kept?.match(url.href).catch(nothing);
  if (copy && (await isStill(copy, url, signal))) return copy;
  const response = await get(url, { signal });
  if (kept) kept.put(url.href, response.clone()).catch(nothing); // a full disk is no reason not to speak
  return response;
}

/** Whether the file at an address begins as its copy does, which tells its size and its checksum. Without a network
 * the copy is all there is. */
async function isStill(copy, url, signal) {
  try {
    const response = await get(url, { signal, headers: { Range: `bytes=0-${HEADER - 1}` } });
    const [there, here] = [await head(response), await head(copy.clone())];
    return there.length === HEADER && there.every((byte, i) => byte === here[i]);
  } catch (error) {
    if (signal?.aborted) throw error;
    return true;
  }
}

async function head(response) {
  const bytes = new Uint8Array(HEADER);
  let length = 0;
  for await (const piece of piecesOfStream(response.body)) {
    const part = piece.subarray(0, HEADER - length);
    bytes.set(part, length);
    length += part.length;
    if (length === HEADER) break;
  }
  return bytes.subarray(0, length);
}

async function get(url, options) {
  let response;
  try {
    response = await fetch(url, options);
  } catch (error) {
    if (error.name === "AbortError" || options.signal?.aborted) throw error;
    throw new DownloadError(`${url} could not be fetched (${error.message}); check the address and the network`);
  }
  if (!response.ok) throw new DownloadError(`${url} answered ${response.status} ${response.statusText}`.trim());
  return response;
}

async function openCache() {
  try {
    return typeof caches === "undefined" ? null : await caches.open(CACHE);
  } catch {
    return null; // private windows, and pages that came over http
  }
}

async function* piecesOfResponse(response, signal, url = response.url) {
  if (!response.ok) throw new DownloadError(`${url || "the response"} answered ${response.status}`);
  if (!response.body || response.bodyUsed) {
    throw new DownloadError(`${url || "the response"} has nothing to read, or was read before; fetch it again`);
  }
  try {
    yield* piecesOfStream(response.body, signal);
  } catch (error) {
    if (error.name === "AbortError" || signal?.aborted) throw error;
    throw new DownloadError(`${url || "the response"} broke off (${error.message}); load it again`);
  }
}

async function* piecesOfStream(stream, signal) {
  const reader = stream.getReader();
  const stop = () => reader.cancel(signal.reason).catch(nothing);
  signal?.addEventListener("abort", stop, { once: true });
  try {
    for (;;) {
      signal?.throwIfAborted();
      const { done, value } = await reader.read();
      if (done) break;
      yield value;
    }
    signal?.throwIfAborted();
  } finally {
    signal?.removeEventListener("abort", stop);
    reader.cancel().catch(nothing);
  }
}
