/** Where a model, or a voice, comes from. */
export type Source =
  | string
  | URL
  | Response
  | ArrayBuffer
  | ArrayBufferView
  | Blob
  | ReadableStream<Uint8Array>
  | AsyncIterable<Uint8Array>;

/** Text, or the pieces of one that is still being written. */
export type Text = string | Iterable<string | null | undefined> | AsyncIterable<string | null | undefined>;

export type Build = "relaxed" | "simd128";
export const BUILDS: Build[];
/** The fastest build that this engine runs, or null. */
export function bestBuild(): Build | null;

export interface Wasm {
  module: WebAssembly.Module;
  build: Build;
  bytes: number;
}
export interface WasmOptions {
  /** The folder that holds the two .wasm files (default: that of this package), or one .wasm file. */
  url?: string | URL;
  build?: Build;
  signal?: AbortSignal;
}
export function loadWasm(options?: WasmOptions): Promise<Wasm>;

export interface LoadOptions {
  /** A bundle, as `pocket-fast export-web` writes it. */
  model: Source;
  /** Whose voice speaks where no other is asked for: a name in the bundle, a recording, an exported voice; null: none. */
  voice?: Source | null;
  wasm?: Wasm | WasmOptions;
  /** "worker" (default): a thread of its own. "main": the thread of whoever asks. */
  engine?: "worker" | "main";
  /** Whether a model from an address is kept in the browser's cache (default true). */
  cache?: boolean;
  /** Whether a few frames are made that nobody hears, so that the first ones are as fast as the others (default true). */
  warmUp?: boolean;
  onProgress?: (progress: { received: number; total: number }) => void;
  signal?: AbortSignal;
}

export interface SpeakOptions {
  signal?: AbortSignal;
  /** The same seed, the same speech; as in Python. */
  seed?: number | bigint;
  /** A name in the bundle, a Voice, anything that loadVoice takes; null: none. */
  voice?: Voice | Source | null;
  /** Whether `...` and commas are pauses too. `[pause:500ms]` always is one. */
  pauses?: boolean;
  temperature?: number;
  steps?: number;
  noiseClamp?: number;
  eosThreshold?: number;
  framesAfterEos?: number;
  maxTokens?: number;
}

export interface SpeechStats {
  seconds: number;
  /** ms from when it was asked for to its end, and to its first sound */
  elapsed: number;
  firstSound: number | null;
  /** seconds of speech per second */
  realTime: number;
  /** ms in the WebAssembly module */
  computed: number;
  frames: number;
  chunks: number;
  /** chunks that did not end by themselves: their text may be cut or babbled */
  cutOff: number;
}

export interface Stats {
  build: Build;
  engine: "worker" | "main";
  wasmBytes: number | null;
  /** bytes of the module, with the model in it */
  memory: number;
  /** of the latest text that was spoken to its end */
  last: SpeechStats | null;
}

export class Voice {
  readonly number: number;
  readonly positions: number;
  readonly name: string | null;
}

export class PocketTTS {
  static load(options: LoadOptions): Promise<PocketTTS>;
  readonly isReady: boolean;
  readonly sampleRate: number;
  /** What the bundle says of itself. */
  readonly about: Record<string, any>;
  /** Names of the voices in the bundle. */
  readonly voices: string[];
  readonly voice: Voice | null;
  loadVoice(source: Source, options?: { truncate?: boolean; signal?: AbortSignal }): Promise<Voice>;
  exportVoice(voice?: Voice): Promise<Blob>;
  forgetVoice(voice: Voice): Promise<void>;
  generate(text: Text, options?: SpeakOptions): Promise<Float32Array>;
  generateWav(text: Text, options?: SpeakOptions): Promise<Blob>;
  stream(text: Text, options?: SpeakOptions): AsyncIterableIterator<Float32Array>;
  startStream(text: Text, options?: SpeakOptions): SpeechStream;
  stats(): Promise<Stats>;
  close(): void;
  generateWavBase64(text: Text, options?: SpeakOptions): Promise<string>;
  loadVoiceFromBuffer(wav: Source, options?: { truncate?: boolean; signal?: AbortSignal }): Promise<Voice>;
  loadVoiceFromSafetensors(bytes: Source, options?: { signal?: AbortSignal }): Promise<Voice>;
}

export class SpeechStream implements AsyncIterable<Float32Array> {
  nextChunk(): Promise<Float32Array | null>;
  nextChunkMinSamples(least: number): Promise<Float32Array | null>;
  lastChunkStats(): { samples: number; computeMs: number; chunksMerged: number };
  stop(): void;
  [Symbol.asyncIterator](): AsyncIterableIterator<Float32Array>;
}

/** Samples as 16-bit ones, as Python writes them. */
export function toInt16(samples: Float32Array): Int16Array;
/** A 16-bit mono WAV file. */
export function wav(chunks: Int16Array[], rate: number): Blob;

export class PocketFastError extends Error {}
export class TextError extends PocketFastError {}
export class AudioError extends PocketFastError {}
export class VoiceError extends PocketFastError {}
export class ConfigError extends PocketFastError {}
export class SettingError extends ConfigError {
  readonly setting: string;
}
export class WeightsError extends PocketFastError {}
export class DownloadError extends PocketFastError {}
export class UnsupportedError extends PocketFastError {}
