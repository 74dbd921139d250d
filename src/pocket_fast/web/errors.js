// The errors of pocket_fast, by the names and with the sentences of errors.py: what came, what was expected, what to do.

export class PocketFastError extends Error {
  get name() {
    return this.constructor.name;
  }
}

/** The text to speak is unusable (blank, too long, not text). */
export class TextError extends PocketFastError {}

/** A recording cannot be used. */
export class AudioError extends PocketFastError {}

/** A voice is unknown, does not fit the model, or cannot be cloned with these weights. */
export class VoiceError extends PocketFastError {}

/** An argument, or something in the bundle, is wrong: unknown, of another type, out of range. */
export class ConfigError extends PocketFastError {}

/** A setting of how a text is spoken is wrong; `setting` says which. */
export class SettingError extends ConfigError {
  constructor(message, setting) {
    super(message);
    this.setting = setting;
  }
}

/** A bundle is damaged, foreign or of another version. */
export class WeightsError extends PocketFastError {}

/** Something could not be fetched. */
export class DownloadError extends PocketFastError {}

/** Not available here: an instruction set, a decoder of the browser. */
export class UnsupportedError extends PocketFastError {}

const KINDS = { TextError, AudioError, VoiceError, ConfigError, SettingError, WeightsError, DownloadError, UnsupportedError };

/** What of an error can be sent to another thread. */
export function packed(error) {
  const { name, message, setting } = error;
  return { name, message, setting };
}

/** The error that was sent. */
export function unpacked({ name, message, setting }) {
  if (name in KINDS) return new KINDS[name](message, setting);
  if (name === "AbortError") return new DOMException(message, name);
  return Object.assign(new Error(message), { name });
}

/** A value of any length, for a message: a long one without its middle. */
export function shown(value, most = 80) {
  let text;
  try {
    text = typeof value === "bigint" ? `${value}n` : (JSON.stringify(value) ?? String(value));
  } catch {
    text = String(value);
  }
  return text.length <= most
    ? text
    : `${text.slice(0, Math.floor((most * 2) / 3))}... (${text.length} characters) ...${text.slice(-8)}`;
}
