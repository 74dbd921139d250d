// pocket-fast in JavaScript: text to speech in the browser, Node, Deno and Bun.

export {
  PocketFastError,
  TextError,
  AudioError,
  VoiceError,
  ConfigError,
  SettingError,
  WeightsError,
  DownloadError,
  UnsupportedError,
} from "./errors.js";
export { PocketTTS, Voice } from "./tts.js";
export { SpeechStream } from "./stream.js";
export { BUILDS, bestBuild, loadWasm } from "./wasm.js";
export { toInt16, wav } from "./sound/wav.js";
