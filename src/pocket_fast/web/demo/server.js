// What the server's page asks its server, answered in this browser: page/server.js of a page that computes for itself.

import { PocketTTS, toInt16 } from "../pocket-fast/index.js";
import { $, say } from "./dom.js";
import { Failure, sentence } from "./failure.js";

const here = (path) => new URL(`../${path}`, import.meta.url);
const SETTINGS = { temperature: "temperature", steps: "steps", eos_threshold: "eosThreshold", max_tokens: "maxTokens" };
const samples = new WeakMap(); // a recording -> promise of its Voice
const named = new Map(); // the name of a voice that is no part of the bundle -> the same
let site = null;
let loading = null;

// What nobody here can do.
$("save-mp3").hidden = true;
$("key-row").hidden = true;
document.querySelector("[name=speed]").closest("label").hidden = true;
const link = Object.assign(document.createElement("a"), { href: "bench.html", textContent: "Measure this browser" });
document.querySelector("header").append(link);

export function useKey() {}

const megabytes = (bytes) => (bytes / 1e6).toFixed(1);

function load() {
  loading ??= (async () => {
    site = await (await fetch(here("site.json"))).json();
    const onProgress = ({ received, total }) => say(`Loading the voice: ${megabytes(received)} of ${megabytes(total)} MB`);
    const tts = await PocketTTS.load({ model: here(site.model), onProgress });
    say("");
    globalThis.tts = tts; // for whoever opens the console
    return tts;
  })();
  loading.catch(() => (loading = null)); // the next question tries again
  return loading;
}

/** An error of the engine as a plain sentence; that of a cancelled speech as it is. */
function failure(error) {
  return error.name === "AbortError" ? error : new Failure(sentence(error.message ?? error));
}

/** The answer of one of the server's addresses. */
export async function ask(path) {
  try {
    const tts = await load();
    const { about } = tts;
    if (path === "v1/audio/voices") {
      const names = [...tts.voices, ...Object.keys(site.voices)].sort();
      return Response.json({ voices: names.map((id) => ({ id, name: id })), default: tts.voice?.name });
    }
    const { build } = await tts.stats();
    return Response.json({
      status: "healthy",
      model: about.model ?? "",
      version: `${site.version} · WebAssembly (${build})`,
      sample_rate: tts.sampleRate,
      cloning: about.cloning,
      takes: [...Object.keys(SETTINGS), "voice", ...(about.cloning ? ["voice_wav"] : [])],
    });
  } catch (error) {
    throw failure(error);
  }
}

/** The voice that is known by a key, loaded where it is not; one that failed is loaded again. */
function known(voices, key, load) {
  if (!voices.has(key)) {
    const loading = load();
    voices.set(key, loading);
    loading.catch(() => voices.delete(key));
  }
  return voices.get(key);
}

/** The Voice that a request asks for; undefined for the one that speaks anyway. */
async function voiceOf(tts, { voice, sample }) {
  if (sample) return await known(samples, sample, () => tts.loadVoice(sample.file));
  if (!voice || tts.voices.includes(voice)) return voice || undefined;
  return await known(named, voice, () => tts.loadVoice(here(site.voices[voice])));
}

/** Speech. -> {rate, samples}: Hz, and an async iterator of Int16Array as they are made. */
export async function speech(request, signal) {
  try {
    const tts = await load();
    const options = { signal, voice: await voiceOf(tts, request) };
    if (request.seed !== "" && request.seed !== undefined) options.seed = request.seed;
    for (const [name, option] of Object.entries(SETTINGS)) {
      if (request[name] !== "" && request[name] !== undefined) options[option] = request[name];
    }
    return { rate: tts.sampleRate, samples: spoken(tts.stream(request.text, options)) };
  } catch (error) {
    throw failure(error);
  }
}

async function* spoken(stream) {
  try {
    for await (const chunk of stream) yield toInt16(chunk);
  } catch (error) {
    throw failure(error);
  }
}

export async function mp3() {
  throw new Failure("There is no MP3 in this browser; save it as WAV.");
}
