// What the page asks of the server, and its refusals as plain sentences. Addresses are relative to the page.

import { Failure, sentence } from "./failure.js";

const TOO_LARGE =
  "Something in front of this server does not let so much through (status 413). Try a shorter recording or text, or ask " +
  "whoever runs it to allow larger requests.";

let key = "";

export function useKey(text) {
  key = text;
}

/** The reason in an answer of FastAPI's form, its list of problems, or OpenAI's form. */
function reason(answer) {
  const detail = answer?.detail ?? answer?.error?.message ?? answer?.error ?? "";
  if (!Array.isArray(detail)) return sentence(detail);
  return detail.map((problem) => sentence(`${problem.loc?.at(-1) ?? "request"}: ${problem.msg}`)).join(" ");
}

async function refusal(response) {
  const why = reason(await response.json().catch(() => null));
  const { status } = response;
  if (status === 401) return new Failure("This server asks for a key: enter it and try again.", status);
  if (status === 413 && !why) return new Failure(TOO_LARGE, status);
  if (status !== 503 && status !== 429) return new Failure(why || `The server failed (status ${status}).`, status);
  const wait = Number(response.headers.get("Retry-After"));
  const when = wait > 0 ? `Try again in ${wait} s.` : "Try again soon.";
  return new Failure(`${why || "The server is busy."} ${when}`, status);
}

/** fetch(), or a Failure that says what went wrong. A cancelled request rejects as fetch() does. */
export async function ask(path, options = {}) {
  const headers = key ? { ...options.headers, Authorization: `Bearer ${key}` } : options.headers;
  let response;
  try {
    response = await fetch(path, { ...options, headers });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Failure("The server does not answer. Is it running?");
  }
  if (!response.ok) throw await refusal(response);
  return response;
}

/** {text, voice, sample, seed, ...} as a form; what is empty is left to the server. */
function form({ sample, ...fields }) {
  const data = new FormData();
  for (const [name, value] of Object.entries(fields)) if (value !== "") data.append(name, value);
  if (sample) data.append("voice_wav", sample.file, "voice.flac");
  return data;
}

/** Asks for speech. -> {rate, samples}: Hz, and an async iterator of Int16Array as they are made. */
export async function speech(request, signal) {
  const response = await ask("stream", { method: "POST", body: form(request), signal });
  return { rate: Number(response.headers.get("X-Sample-Rate")) || 24000, samples: samples(response.body) };
}

async function* samples(body) {
  const reader = body.getReader();
  let odd = new Uint8Array(0); // half a sample, where the network cut one in two
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const bytes = new Uint8Array(odd.length + value.length);
    bytes.set(odd);
    bytes.set(value, odd.length);
    const even = bytes.length - (bytes.length % 2);
    odd = bytes.slice(even);
    if (even) yield new Int16Array(bytes.buffer, 0, even / 2); // little-endian, as every browser's machine
  }
}

/** The same speech once more, as an MP3 file (Blob). */
export async function mp3({ text, ...request }) {
  const fields = { ...request, model: "tts-1", input: text, response_format: "mp3" };
  const options = { method: "POST" };
  if (fields.sample) {
    options.body = form(fields);
  } else {
    const given = Object.entries(fields).filter(([, value]) => value !== "" && value !== null);
    options.body = JSON.stringify(Object.fromEntries(given));
    options.headers = { "Content-Type": "application/json" };
  }
  return (await ask("v1/audio/speech", options)).blob();
}
